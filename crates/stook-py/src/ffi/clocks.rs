//! The system's clocks.
//!
//! They are asked where the kernel answers, in the object that it maps into each process (the vDSO):
//! on the way there through the C library more time passes than in it. Where there is no such
//! object, as under valgrind, the C library is asked, and so is whoever stands before it: a program
//! may run with a clock of its own, as libfaketime gives it one, which `time.monotonic()` reads too.

use std::ffi::{CStr, c_int, c_void};
use std::mem;
use std::ptr;
use std::sync::OnceLock;

/// Seconds of the monotonic clock.
#[inline]
pub(crate) fn monotonic_seconds() -> f64 {
    nanoseconds(libc::CLOCK_MONOTONIC) as f64 / 1e9
}

/// A cheap tick of the monotonic clock, in nanoseconds, some milliseconds coarse: good to tell that
/// time passed.
#[inline]
pub(crate) fn coarse_tick() -> i64 {
    nanoseconds(libc::CLOCK_MONOTONIC_COARSE)
}

type ClockGettime = unsafe extern "C" fn(libc::clockid_t, *mut libc::timespec) -> c_int;

#[inline]
fn nanoseconds(which: libc::clockid_t) -> i64 {
    static READ: OnceLock<ClockGettime> = OnceLock::new();
    let read = match READ.get() {
        Some(read) => *read,
        None => *READ.get_or_init(find),
    };
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: S8, `now` is a valid out-pointer; these clocks exist on every Linux.
    unsafe { read(which, &mut now) };
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}

#[cold]
fn find() -> ClockGettime {
    let shortest = if is_replaced() { None } else { of_the_kernel() };
    shortest.unwrap_or(libc::clock_gettime)
}

/// Whether a library that was loaded before the C library has a `clock_gettime` of its own: it is then
/// not where a function is that nobody replaces.
fn is_replaced() -> bool {
    let own = object_of(libc::getpid as *const c_void);
    own.is_null() || object_of(libc::clock_gettime as *const c_void) != own
}

/// Where the object begins in memory that a function is in; null where that is not known.
fn object_of(function: *const c_void) -> *mut c_void {
    let mut found = libc::Dl_info {
        dli_fname: ptr::null(),
        dli_fbase: ptr::null_mut(),
        dli_sname: ptr::null(),
        dli_saddr: ptr::null_mut(),
    };
    // SAFETY: S8, `found` is a valid out-pointer.
    match unsafe { libc::dladdr(function, &mut found) } {
        0 => ptr::null_mut(),
        _ => found.dli_fbase,
    }
}

#[cfg(target_arch = "aarch64")]
const NAME: &CStr = c"__kernel_clock_gettime";
#[cfg(not(target_arch = "aarch64"))]
const NAME: &CStr = c"__vdso_clock_gettime";

/// The kernel's own function, if the C library tells where it is: the names are those of `vdso(7)`,
/// and glibc takes the object for a library that is loaded.
#[cold]
fn of_the_kernel() -> Option<ClockGettime> {
    let how = libc::RTLD_LAZY | libc::RTLD_NOLOAD;
    // SAFETY: S8, the name ends with a zero; nothing is loaded, so that nothing runs.
    let object = unsafe { libc::dlopen(c"linux-vdso.so.1".as_ptr(), how) };
    if object.is_null() {
        return None;
    }
    // SAFETY: S8, the name ends with a zero, and the object is there for good.
    let found = unsafe { libc::dlsym(object, NAME.as_ptr()) };
    if found.is_null() {
        return None;
    }
    // SAFETY: S8, by `vdso(7)` what has this name is the C library's `clock_gettime`.
    Some(unsafe { mem::transmute::<*mut c_void, ClockGettime>(found) })
}

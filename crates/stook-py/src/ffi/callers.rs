//! A call on an empty Python stack: what is called cannot see the frames below it.
//!
//! The launcher runs the user's program through it, so that tracebacks, `sys._getframe`, warnings'
//! stack levels and asyncio's "created at" show no frame of the launcher.

use std::ffi::c_int;
use std::ptr;

use pyo3::ffi;
use pyo3::prelude::*;

use super::call;
use super::error::Fallible;

#[cfg(any(not(Py_3_11), Py_3_14))]
compile_error!("stook is for CPython 3.11, 3.12 and 3.13");

/// The first fields of `PyThreadState`; CPython 3.11 `Include/cpython/pystate.h`.
#[cfg(not(Py_3_12))]
#[repr(C)]
struct ThreadState {
    links: [*mut (); 3],
    initialized: c_int,
    is_static: c_int,
    recursion_remaining: c_int,
    recursion_limit: c_int,
    recursion_headroom: c_int,
    tracing: c_int,
    tracing_what: c_int,
    calls: *mut Calls,
}

/// The first fields of `_PyCFrame`; CPython 3.11 `Include/cpython/pystate.h`.
#[cfg(not(Py_3_12))]
#[repr(C)]
struct Calls {
    use_tracing: u8,
    current_frame: *mut (),
}

/// The first fields of `PyThreadState`; CPython 3.12 `Include/cpython/pystate.h`.
#[cfg(all(Py_3_12, not(Py_3_13)))]
#[repr(C)]
struct ThreadState {
    links: [*mut (); 3],
    status: u32,
    recursion_remaining: c_int,
    recursion_limit: c_int,
    c_recursion_remaining: c_int,
    recursion_headroom: c_int,
    tracing: c_int,
    what_event: c_int,
    calls: *mut Calls,
}

/// The first field of `_PyCFrame`; CPython 3.12 `Include/cpython/pystate.h`.
#[cfg(all(Py_3_12, not(Py_3_13)))]
#[repr(C)]
struct Calls {
    current_frame: *mut (),
}

/// The first fields of `PyThreadState`; CPython 3.13 `Include/cpython/pystate.h`.
#[cfg(Py_3_13)]
#[repr(C)]
struct ThreadState {
    links: [*mut (); 3],
    eval_breaker: usize,
    status: u32,
    whence: c_int,
    state: c_int,
    recursion_remaining: c_int,
    recursion_limit: c_int,
    c_recursion_remaining: c_int,
    recursion_headroom: c_int,
    tracing: c_int,
    what_event: c_int,
    current_frame: *mut (),
}

/// Where the thread's newest frame is noted.
///
/// # Safety
/// `state` must be the state of the attached thread.
unsafe fn newest_frame(state: *mut ThreadState) -> *mut *mut () {
    #[cfg(Py_3_13)]
    {
        // SAFETY: S14, the layout of this minor version.
        unsafe { &raw mut (*state).current_frame }
    }
    #[cfg(not(Py_3_13))]
    {
        // SAFETY: S14, the layout of this minor version.
        let calls = unsafe { (*state).calls };
        // SAFETY: S14, a thread that runs Python code has its record of calls.
        unsafe { &raw mut (*calls).current_frame }
    }
}

/// The thread's newest frame, or null.
pub(super) fn newest(_py: Python<'_>) -> *mut () {
    // SAFETY: S1, attached.
    let state = unsafe { ffi::PyThreadState_Get() }.cast::<ThreadState>();
    // SAFETY: S14, this thread's state.
    let newest = unsafe { newest_frame(state) };
    // SAFETY: S14, the field of this thread's state.
    unsafe { *newest }
}

/// Calls `function(*arguments)` as if nothing had called us.
///
/// # Errors
/// What the function raises.
pub(crate) fn without<'py>(
    function: &Bound<'py, PyAny>,
    arguments: &Bound<'py, PyAny>,
) -> Fallible<Bound<'py, PyAny>> {
    // SAFETY: S1, attached.
    let state = unsafe { ffi::PyThreadState_Get() }.cast::<ThreadState>();
    // SAFETY: S14, this thread's state.
    let newest = unsafe { newest_frame(state) };
    // SAFETY: S14, the field of this thread's state; the interpreter empties it at the bottom of
    // a stack, and what is called has taken its own frames off when it returns.
    let hidden = unsafe { ptr::replace(newest, ptr::null_mut()) };
    // SAFETY: S14, a plain number of this thread.
    let limit = unsafe { (*state).recursion_limit };
    // SAFETY: S14, a plain number of this thread.
    let remaining = unsafe { (*state).recursion_remaining };
    // SAFETY: S14, as above: recursion ends at the depth at which it would without us.
    unsafe { (*state).recursion_remaining = limit };
    let answer = call::call_tuple(function, arguments);
    // SAFETY: S14, as above.
    unsafe { (*state).recursion_remaining = remaining };
    // SAFETY: S14, what was there before.
    unsafe { *newest = hidden };
    answer
}

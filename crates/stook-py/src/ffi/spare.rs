//! Memory of objects that are gone, kept for the next ones of the same class.
//!
//! Futures and coroutines come and go with every wait. CPython keeps the memory of tuples, lists and
//! its own coroutines in the same way.
//!
//! Invariant: what is kept has no references, is not tracked, owns nothing, and has the size and the
//! collector's head of an instance of its class.

use std::cell::Cell;
use std::ptr;
use std::sync::OnceLock;

use pyo3::ffi;

/// The most objects that are kept for a class.
const MOST: u32 = 64;

/// The memory that is kept for a class: a chain through the words after the heads.
#[derive(Debug)]
pub(super) struct Spare {
    first: Cell<*mut Kept>,
    count: Cell<u32>,
}

/// An object's memory that is kept.
#[repr(C)]
struct Kept {
    head: ffi::PyObject,
    next: *mut Kept,
}

/// The collector's head, which stands before an object.
///
/// # Source
/// `PyGC_Head`, CPython 3.11 `Include/internal/pycore_gc.h`, 3.12 and 3.13
/// `Include/internal/pycore_gc.h` and `Include/cpython/objimpl.h`: two words; the lowest bits of the
/// second are marks, among them the one of objects that were finalised.
#[repr(C)]
struct CollectorHead {
    next: usize,
    previous: usize,
}

// SAFETY: S6, whoever reaches it holds the GIL.
unsafe impl Sync for Spare {}
// SAFETY: S6, as above.
unsafe impl Send for Spare {}

impl Spare {
    pub(super) const fn new() -> Self {
        Spare {
            first: Cell::new(ptr::null_mut()),
            count: Cell::new(0),
        }
    }

    /// Memory for an instance of `class`, whose head is that of a new object; null when none is
    /// kept.
    ///
    /// # Safety
    /// The thread is attached, and what was put in is of this class.
    #[inline]
    pub(super) unsafe fn take(&self, class: *mut ffi::PyTypeObject) -> *mut ffi::PyObject {
        let kept = self.first.get();
        if kept.is_null() {
            return ptr::null_mut();
        }
        // SAFETY: S10, kept memory begins with a `Kept`.
        self.first.set(unsafe { (*kept).next });
        self.count.set(self.count.get() - 1);
        // SAFETY: S1; S10, nobody else knows the memory.
        unsafe { ffi::PyObject_Init(kept.cast(), class) }
    }

    /// Keeps the memory of `object`, unless there is enough.
    ///
    /// # Safety
    /// The thread is attached; the object is of the class that this is for, has no references, is
    /// not tracked, and owns nothing but the reference to its type.
    #[inline]
    pub(super) unsafe fn put(&self, object: *mut ffi::PyObject) -> bool {
        let count = self.count.get();
        if count >= MOST || is_memory_watched() {
            return false;
        }
        // SAFETY: S10, every object of the collector's has this before it.
        let head = unsafe { object.cast::<CollectorHead>().sub(1) };
        // SAFETY: S7, not tracked: no mark of the old object's stays for the new one.
        unsafe {
            head.write(CollectorHead {
                next: 0,
                previous: 0,
            })
        };
        let kept = object.cast::<Kept>();
        // SAFETY: S10, nobody knows the memory any more.
        unsafe { (*kept).next = self.first.get() };
        self.first.set(kept);
        self.count.set(count + 1);
        true
    }
}

/// Whether the program looks for wrong uses of memory, which must be given back then.
fn is_memory_watched() -> bool {
    static ANSWER: OnceLock<bool> = OnceLock::new();
    cfg!(feature = "gc-stress")
        || *ANSWER.get_or_init(|| {
            std::env::var_os("PYTHONMALLOC").is_some_and(|how| !how.is_empty())
                || std::env::var_os("PYTHONDEVMODE").is_some_and(|on| !on.is_empty())
        })
}

//! Memory of released objects that is kept for the next ones of their class.
//!
//! CPython does the same for its floats, tuples, contexts and the iterators of its futures. What lives
//! for one step is made and released at the same place again and again.

use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use pyo3::ffi;

/// What is kept of a class: a list whose links lie in the memory that is kept.
#[derive(Debug)]
pub(super) struct Kept {
    first: AtomicPtr<ffi::PyObject>,
    count: AtomicUsize,
}

/// An object's memory while it is kept.
#[repr(C)]
pub(super) struct Link {
    head: ffi::PyObject,
    next: *mut ffi::PyObject,
}

impl Kept {
    /// Nothing.
    pub(super) const fn new() -> Self {
        Kept {
            first: AtomicPtr::new(ptr::null_mut()),
            count: AtomicUsize::new(0),
        }
    }

    /// Nothing, now and later, where the program's memory is looked after, by `PYTHONMALLOC`: what is
    /// kept here neither Python's own allocators for that nor valgrind would know to be released.
    pub(super) fn close_where_memory_is_checked(&self) {
        if std::env::var_os("PYTHONMALLOC").is_some() {
            self.count.store(usize::MAX, Ordering::Relaxed);
        }
    }

    /// Keeps the memory of `object`, unless there is as much as `most` already.
    ///
    /// # Safety
    /// S10: the object is released but for its memory and its reference to the class; the memory is a
    /// `Link` in size at least, came from `PyObject_GC_New`, and is given away when the answer is true.
    /// S7: the collector does not track it, and it was never finalised: the collector would remember
    /// that.
    #[inline]
    pub(super) unsafe fn keep(&self, object: *mut ffi::PyObject, most: usize) -> bool {
        let count = self.count.load(Ordering::Relaxed);
        if count >= most {
            return false;
        }
        // SAFETY: S10, as the caller says.
        let next = unsafe { &raw mut (*object.cast::<Link>()).next };
        // SAFETY: S10, nobody else knows of the memory.
        unsafe { next.write(self.first.load(Ordering::Relaxed)) };
        self.first.store(object, Ordering::Relaxed);
        self.count.store(count + 1, Ordering::Relaxed);
        true
    }

    /// Memory that was kept, if there is any; its head is that of a released object.
    ///
    /// # Safety
    /// S1, the caller is attached.
    #[inline]
    pub(super) unsafe fn take(&self) -> Option<NonNull<ffi::PyObject>> {
        let first = NonNull::new(self.first.load(Ordering::Relaxed))?;
        // SAFETY: S10, it was written when the memory was kept; S1, nobody else takes it meanwhile.
        let next = unsafe { (*first.as_ptr().cast::<Link>()).next };
        self.first.store(next, Ordering::Relaxed);
        self.count
            .store(self.count.load(Ordering::Relaxed) - 1, Ordering::Relaxed);
        Some(first)
    }
}

//! New objects that the collector need not look at yet.
//!
//! A task that was made a moment ago lies in the ready queue of a running loop, and cannot be
//! garbage: the collector would visit it for nothing, again and again while many are made. What
//! is done with by the time it leaves the queue is never shown to the collector at all.

use std::mem::ManuallyDrop;

use pyo3::ffi;
use pyo3::prelude::*;

use super::cell::QueueCell;
use super::refs::Held;

/// An owned reference to an object of ours that the collector does not track.
///
/// It is tracked once this is dropped, if anybody else still holds it. Whoever keeps one must be
/// alive for as long as it does, without the collector's help: what an untracked object refers
/// to is taken for referred to from outside (S7).
#[derive(Debug)]
pub(crate) struct Untracked(Held);

impl Untracked {
    /// Of a new object of ours, whole and not tracked.
    pub(super) fn new(object: &Bound<'_, PyAny>) -> Self {
        Untracked(Held::new(object))
    }

    /// The reference; from now on the collector tracks the object.
    #[inline]
    pub(crate) fn into_tracked(self) -> Held {
        self.track();
        // SAFETY: S3, the reference is moved out and `self` no longer releases it.
        unsafe { std::ptr::read(&ManuallyDrop::new(self).0) }
    }

    /// The reference.
    #[inline]
    pub(crate) fn held(&self) -> &Held {
        &self.0
    }
}

/// What may own untracked objects has them tracked.
///
/// `track` runs nothing foreign (S6).
pub(crate) trait Track {
    /// Has the collector track each of them, if it does not.
    fn track(&self);
}

impl Track for Untracked {
    fn track(&self) {
        track(self.0.as_ptr());
    }
}

impl<E: Track> Track for QueueCell<E> {
    fn track(&self) {
        self.peek().for_each(E::track);
    }
}

impl Drop for Untracked {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: S2, the reference is still ours. Nobody else's: the object goes with it.
        if unsafe { ffi::Py_REFCNT(self.0.as_ptr()) } > 1 {
            self.track();
        }
    }
}

/// Has the collector track an object of ours, which is whole, if it does not.
pub(super) fn track(object: *mut ffi::PyObject) {
    // SAFETY: S2, the caller holds the object.
    if unsafe { ffi::PyObject_GC_IsTracked(object) } == 0 {
        // SAFETY: S7, the object is whole and was not tracked.
        unsafe { ffi::PyObject_GC_Track(object.cast()) };
    }
}

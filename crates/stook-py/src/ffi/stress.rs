//! For tests: the collector at every allocation of ours.
//!
//! Only in builds with the feature `gc-stress`. The collector may run wherever an object is made, and
//! does so at a few places out of many; here it runs at all of them, before the object is made and as
//! soon as it is whole, so that what it finds half made or no longer owned is found at once.

use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::prelude::*;

use super::hang;

static ON: AtomicBool = AtomicBool::new(false);

/// Whether the collector runs at allocations from now on.
pub(crate) fn collect_at_allocations(on: bool) {
    ON.store(on, Ordering::Relaxed);
}

/// Runs the collector, if that is asked for and it does not run already.
pub(super) fn collect(_py: Python<'_>) {
    if ON.load(Ordering::Relaxed) {
        // SAFETY: S1; it keeps the error indicator as it is.
        unsafe { hang::PyGC_Collect() };
    }
}

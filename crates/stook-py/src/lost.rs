//! What is told of an exception that nobody has read, and of a task that is destroyed while it is
//! pending: to the loop's exception handler or, where a program has asked for it, to its own policy.

use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::Imported;
use crate::ffi::Fallible;
use crate::loop_core;

static REPORT: Imported = Imported::new("stook._unretrieved", "report");

/// Whether a program has a policy.
static HAS_POLICY: AtomicBool = AtomicBool::new(false);

/// Sets whether a program has a policy.
pub(crate) fn set_policy(on: bool) {
    HAS_POLICY.store(on, Ordering::Relaxed);
}

/// Tells of a future that is going; `created` says where it was made.
///
/// # Errors
/// What the handler or the policy lets out.
pub(crate) fn report<'py>(
    event_loop: &Bound<'py, PyAny>,
    details: &Bound<'py, PyDict>,
    created: Option<Bound<'py, PyAny>>,
) -> Fallible<()> {
    if !HAS_POLICY.load(Ordering::Relaxed) {
        return loop_core::call_exception_handler(event_loop, details.as_any());
    }
    REPORT
        .get(event_loop.py())?
        .call1((event_loop, details, created))?;
    Ok(())
}

//! What is told of an exception that nobody has read, and of a task that is destroyed while it is
//! pending: to the loop's exception handler or, where a program has asked for it, to its own policy.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::Imported;
use crate::ffi::{Fallible, error};
use crate::loop_core;

static REPORT: Imported = Imported::new("stook._unretrieved", "report");
static ADD_WHERE_LOGGED: Imported = Imported::new("stook._explained", "add_where_logged");

/// Whether a program has a policy.
static HAS_POLICY: AtomicBool = AtomicBool::new(false);

/// Sets whether a program has a policy.
pub(crate) fn set_policy(on: bool) {
    HAS_POLICY.store(on, Ordering::Relaxed);
}

/// How many futures have been given an exception.
static FAILURES: AtomicU64 = AtomicU64::new(0);

/// A future has been given an exception, which somebody has to read.
pub(crate) fn count_failure() {
    FAILURES.fetch_add(1, Ordering::Relaxed);
}

/// How many futures have been given an exception so far: none is unread that is not among them.
pub(crate) fn failures() -> u64 {
    FAILURES.load(Ordering::Relaxed)
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
        if loop_core::native(event_loop).is_none() {
            add_where_logged(event_loop, details);
        }
        return loop_core::call_exception_handler(event_loop, details.as_any());
    }
    REPORT
        .get(event_loop.py())?
        .call1((event_loop, details, created))?;
    Ok(())
}

/// Adds what a loop of ours logs by itself. A report is made without it rather than not at all.
fn add_where_logged(event_loop: &Bound<'_, PyAny>, details: &Bound<'_, PyDict>) {
    let py = event_loop.py();
    let added = ADD_WHERE_LOGGED.get(py).and_then(|add| {
        add.call1((event_loop, details))?;
        Ok(())
    });
    error::or_none(py, added);
}

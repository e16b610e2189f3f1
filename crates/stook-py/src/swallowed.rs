//! Cancellations that did not end the task that was asked.
//!
//! The kernel's `Standing` decides; this file knows where a cancellation got to and what an exception
//! came of, and warns in debug mode. All of it is off the path of a task that ends by its
//! cancellation: something is done where a coroutine suspends or returns in the step that raised one,
//! and where a task ends while requests are counted.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::ffi::intern;
use pyo3::exceptions::{PyBaseException, PyBaseExceptionGroup};
use pyo3::prelude::*;
use stook_kernel::TaskEnd;

use crate::asking;
use crate::cancellations::{Cancellations, LONGEST};
use crate::errors::{CANCELLED_ERROR, Imported};
use crate::ffi::origin::{self, Origin};
use crate::ffi::{Fallible, Ref, call, error};
use crate::future;
use crate::loop_core::{self, Marks};
use crate::task::{self, TaskState};

static WARN: Imported = Imported::new("stook._cancellation", "warn_of_swallowed");
static TELL: Imported = Imported::new("stook._cancellation", "tell_of_swallowed");

/// Whether somebody is to be told out of debug mode as well.
static IS_WATCHED: AtomicBool = AtomicBool::new(false);

/// Sets whether `stook._cancellation` is told of what tasks swallow, in debug mode or not.
pub(crate) fn set_watched(on: bool) {
    IS_WATCHED.store(on, Ordering::Relaxed);
}

/// The coroutine has not ended by `exception`, which this step has raised in it.
#[cold]
pub(crate) fn survived<'py>(
    this: &Ref<'py, TaskState>,
    cancellations: &Cancellations,
    exception: &Bound<'py, PyAny>,
) {
    let counted = this.requests(this.py()).pending();
    match caught_at(exception) {
        Ok(Some(place)) => cancellations.survive(&place, counted),
        Ok(None) => cancellations.pass_over(),
        Err(raised) => {
            cancellations.pass_over();
            raised.write_unraisable(this.as_any());
        }
    }
}

/// How far `exception` got: the line of the function that has caught it or is cleaning up. `None` where
/// that is one of asyncio's or stook's: a group that waits for its tasks may have something else to raise.
fn caught_at<'py>(exception: &Bound<'py, PyAny>) -> Fallible<Option<Origin<'py>>> {
    // A traceback grows at its beginning while an exception goes up.
    let newest = exception
        .cast::<PyBaseException>()
        .ok()
        .and_then(error::traceback_of);
    match newest.as_ref().and_then(origin::of_traceback) {
        Some(place) if asking::is_outside(&place.code)? => Ok(Some(place)),
        _ => Ok(None),
    }
}

fn is_in_debug_mode(this: &Ref<'_, TaskState>) -> Fallible<bool> {
    let py = this.py();
    let Some(event_loop) = this.future.event_loop(py) else {
        return Ok(false);
    };
    match loop_core::native(&event_loop) {
        Some(native) => Ok(native.has(Marks::DEBUG)),
        None => Ok(call::method0(&event_loop, intern!(py, "get_debug"))?.is_truthy()?),
    }
}

/// The coroutine has returned `value` while requests are counted.
///
/// # Errors
/// As [`future::set_result`].
#[cold]
pub(crate) fn returned<'py>(this: &Ref<'py, TaskState>, value: Bound<'py, PyAny>) -> Fallible<()> {
    let swallowed = find(this, || Ok(TaskEnd::Returned));
    future::set_result(task::as_future(this), value)?;
    warn(this, &swallowed);
    Ok(())
}

/// The coroutine has raised `exception`, which is no cancellation, while requests are counted.
///
/// # Errors
/// As [`future::set_exception`].
#[cold]
pub(crate) fn raised<'py>(
    this: &Ref<'py, TaskState>,
    exception: &Bound<'py, PyAny>,
) -> Fallible<()> {
    let swallowed = find(this, || {
        Ok(if came_of_cancellation(exception)? {
            TaskEnd::RaisedInAnswer
        } else {
            TaskEnd::Raised
        })
    });
    future::set_exception(task::as_future(this), exception)?;
    warn(this, &swallowed);
    Ok(())
}

/// The records of what the task has swallowed, which ends so.
fn find<'py>(
    this: &Ref<'py, TaskState>,
    end: impl FnOnce() -> Fallible<TaskEnd>,
) -> Vec<Bound<'py, PyAny>> {
    let py = this.py();
    let Some(cancellations) = this.future.cancellations_if_any() else {
        return Vec::new();
    };
    cancellations.swallowed(py, end).unwrap_or_else(|raised| {
        raised.write_unraisable(this.as_any());
        Vec::new()
    })
}

/// Whether `exception` was raised while a cancellation was dealt with, or may have been: a group may
/// stand for one that it has put aside.
fn came_of_cancellation(exception: &Bound<'_, PyAny>) -> Fallible<bool> {
    let py = exception.py();
    let class = CANCELLED_ERROR.get(py)?;
    let group = py.get_type::<PyBaseExceptionGroup>();
    let mut left = vec![exception.clone()];
    for _ in 0..LONGEST {
        let Some(exception) = left.pop() else {
            return Ok(false);
        };
        if error::is_a(&exception, class) || error::is_a(&exception, group.as_any()) {
            return Ok(true);
        }
        for name in [intern!(py, "__cause__"), intern!(py, "__context__")] {
            let other = exception.getattr(name)?;
            if !other.is_none() {
                left.push(other);
            }
        }
    }
    // Too many to look at.
    Ok(true)
}

/// Warns of what the task has swallowed, in debug mode; tells who watches for it.
fn warn(this: &Ref<'_, TaskState>, swallowed: &[Bound<'_, PyAny>]) {
    if swallowed.is_empty() {
        return;
    }
    let warned = (|| -> Fallible<()> {
        let tellers = [
            (is_in_debug_mode(this)?, &WARN),
            (IS_WATCHED.load(Ordering::Relaxed), &TELL),
        ];
        for (_, tell) in tellers.iter().filter(|(is_on, _)| *is_on) {
            for record in swallowed {
                tell.get(this.py())?.call1((this.as_any(), record))?;
            }
        }
        Ok(())
    })();
    if let Err(raised) = warned {
        raised.write_unraisable(this.as_any());
    }
}

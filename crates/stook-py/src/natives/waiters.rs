//! The futures of those who wait for a lock, an event, a semaphore or a condition: the deque
//! `_waiters`, which anybody can see.

use pyo3::intern;
use pyo3::prelude::*;

use super::bound_loop;
use crate::errors::Imported;
use crate::ffi::{Fallible, HeldCell, call};
use crate::future;
use crate::future_class::python_bool;

static DEQUE: Imported = Imported::new("collections", "deque");

/// The deque, or `None` where nobody has waited yet.
pub(super) fn of<'py>(subject: &Bound<'py, PyAny>) -> Fallible<Bound<'py, PyAny>> {
    Ok(subject.getattr(intern!(subject.py(), "_waiters"))?)
}

/// `future.done()`
pub(super) fn is_done(future: &Bound<'_, PyAny>) -> Fallible<bool> {
    match future::plain(future) {
        Some(plain) => Ok(plain.is_done()),
        None => Ok(call::method0(future, intern!(future.py(), "done"))?.is_truthy()?),
    }
}

/// `future.cancelled()`
pub(super) fn is_cancelled(future: &Bound<'_, PyAny>) -> Fallible<bool> {
    match future::plain(future) {
        Some(plain) => Ok(plain.outcome().is_cancelled()),
        None => Ok(call::method0(future, intern!(future.py(), "cancelled"))?.is_truthy()?),
    }
}

/// `future.set_result(value)`
pub(super) fn set_result<'py>(
    future: &Bound<'py, PyAny>,
    value: Bound<'py, PyAny>,
) -> Fallible<()> {
    match future::plain(future) {
        Some(plain) => future::set_result(plain, value),
        None => call::method1(future, intern!(future.py(), "set_result"), &value).map(drop),
    }
}

/// Whether nobody waits who was not cancelled.
pub(super) fn are_all_cancelled(subject: &Bound<'_, PyAny>) -> Fallible<bool> {
    let waiters = of(subject)?;
    if waiters.is_none() {
        return Ok(true);
    }
    for waiter in waiters.try_iter()? {
        if !is_cancelled(&waiter?)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A new future, last among the waiters.
pub(super) fn join<'py>(subject: &Bound<'py, PyAny>) -> Fallible<Bound<'py, PyAny>> {
    let py = subject.py();
    let mut waiters = of(subject)?;
    if waiters.is_none() {
        waiters = call::call0(DEQUE.get(py)?)?;
        subject.setattr(intern!(py, "_waiters"), &waiters)?;
    }
    let future = bound_loop::create_future(subject)?.into_any();
    call::method1(&waiters, intern!(py, "append"), &future)?;
    Ok(future)
}

/// Takes `future` out of the waiters.
pub(super) fn leave(subject: &Bound<'_, PyAny>, future: &HeldCell) -> Fallible<()> {
    let py = subject.py();
    let waiters = of(subject)?;
    call::method1(&waiters, intern!(py, "remove"), &future.get_or_none(py))?;
    Ok(())
}

/// Gives the first waiter the result `True`, unless it is done.
pub(super) fn wake_first(subject: &Bound<'_, PyAny>) -> Fallible<()> {
    let py = subject.py();
    let waiters = of(subject)?;
    if !waiters.is_truthy()? {
        return Ok(());
    }
    let Some(first) = waiters.try_iter()?.next() else {
        return Ok(());
    };
    let first = first?;
    if !is_done(&first)? {
        set_result(&first, python_bool(py, true))?;
    }
    Ok(())
}

//! The futures of those who wait for a lock, an event, a semaphore or a condition: the deque
//! `_waiters`, which anybody can see.

use pyo3::prelude::*;

use super::bound_loop;
use super::deque;
use super::stock_class::Instance;
use crate::ffi::{Fallible, HeldCell, call, intern};
use crate::future;
use crate::future_class::python_bool;

/// The deque, or `None` where nobody has waited yet.
#[inline]
pub(super) fn of<'py>(subject: &Instance<'py>) -> Fallible<Bound<'py, PyAny>> {
    subject.get(intern!(subject.py(), "_waiters"))
}

/// `future.done()`
#[inline]
pub(super) fn is_done(future: &Bound<'_, PyAny>) -> Fallible<bool> {
    match future::plain(future) {
        Some(plain) => Ok(plain.is_done()),
        None => Ok(call::method0(future, intern!(future.py(), "done"))?.is_truthy()?),
    }
}

/// `future.cancelled()`
#[inline]
pub(super) fn is_cancelled(future: &Bound<'_, PyAny>) -> Fallible<bool> {
    match future::plain(future) {
        Some(plain) => Ok(plain.outcome().is_cancelled()),
        None => Ok(call::method0(future, intern!(future.py(), "cancelled"))?.is_truthy()?),
    }
}

/// `future.set_result(value)`
#[inline]
pub(super) fn set_result<'py>(
    future: &Bound<'py, PyAny>,
    value: Bound<'py, PyAny>,
) -> Fallible<()> {
    match future::plain(future) {
        Some(plain) => future::set_result(plain, value),
        None => call::method1(future, intern!(future.py(), "set_result"), &value).map(drop),
    }
}

/// `future.cancel()`
pub(super) fn cancel(future: &Bound<'_, PyAny>) -> Fallible<()> {
    match future::plain(future) {
        Some(plain) => future::cancel(plain, None).map(drop),
        None => call::method0(future, intern!(future.py(), "cancel")).map(drop),
    }
}

/// Whether nobody waits who was not cancelled.
#[inline]
pub(super) fn are_all_cancelled(subject: &Instance<'_>) -> Fallible<bool> {
    let waiters = of(subject)?;
    if waiters.is_none() {
        return Ok(true);
    }
    let mut all = true;
    deque::each(&waiters, |waiter| {
        all = is_cancelled(&waiter)?;
        Ok(all)
    })?;
    Ok(all)
}

/// A new future, last among the waiters of a lock or a semaphore, which has no deque before.
#[inline]
pub(super) fn join_first<'py>(subject: &Instance<'py>) -> Fallible<Bound<'py, PyAny>> {
    let py = subject.py();
    if of(subject)?.is_none() {
        subject.set(intern!(py, "_waiters"), &deque::new(py)?)?;
    }
    join(subject)
}

/// A new future, last among the waiters.
#[inline]
pub(super) fn join<'py>(subject: &Instance<'py>) -> Fallible<Bound<'py, PyAny>> {
    let waiters = of(subject)?;
    let future = bound_loop::create_future(subject)?;
    deque::append(&waiters, &future)?;
    Ok(future)
}

/// Takes `future` out of the waiters.
#[inline]
pub(super) fn leave(subject: &Instance<'_>, future: &HeldCell) -> Fallible<()> {
    deque::remove(&of(subject)?, &future.get_or_none(subject.py()))
}

/// Gives the first waiter the result `True`, unless it is done.
#[inline]
pub(super) fn wake_first(subject: &Instance<'_>) -> Fallible<()> {
    let waiters = of(subject)?;
    if deque::is_empty(&waiters)? {
        return Ok(());
    }
    deque::each(&waiters, |first| {
        if !is_done(&first)? {
            set_result(&first, python_bool(first.py(), true))?;
        }
        Ok(false)
    })
}

/// Gives every waiter that is not done the result `value`, at most `most` of them; answers how
/// many it were.
pub(super) fn wake(subject: &Instance<'_>, value: bool, most: usize) -> Fallible<usize> {
    let waiters = of(subject)?;
    let mut count = 0;
    if most == 0 {
        return Ok(count);
    }
    deque::each(&waiters, |waiter| {
        if count >= most {
            return Ok(false);
        }
        if !is_done(&waiter)? {
            count += 1;
            set_result(&waiter, python_bool(waiter.py(), value))?;
        }
        Ok(true)
    })?;
    Ok(count)
}

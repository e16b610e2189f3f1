//! A future that hands its end on to another: the two callbacks of a shield.
//!
//! # Source
//! `shield`, CPython 3.11 to 3.13 `asyncio/tasks.py`.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use stook_kernel::Outcome;

use crate::callbacks::Callback;
use crate::errors::Imported;
use crate::ffi::{Args, Fallible, Held, Ref};
use crate::function::{self, InnerBody};
use crate::future::{self, Ended, FutureState};

static INNER_DONE: Imported =
    Imported::new("asyncio.tasks", "shield.<locals>._inner_done_callback");
static OUTER_DONE: Imported =
    Imported::new("asyncio.tasks", "shield.<locals>._outer_done_callback");

/// Looks up what the callbacks show themselves as; where `shield` is not as we know it they are not
/// used.
pub(crate) fn capture(py: Python<'_>) {
    for name in [&INNER_DONE, &OUTER_DONE] {
        let _ = name.get(py);
    }
}

/// Has `inner` hand its end on to `outer`, unless `outer` is done before; both are pending.
///
/// # Errors
/// When one is not initialised.
pub(crate) fn connect(inner: &Ref<'_, FutureState>, outer: &Ref<'_, FutureState>) -> Fallible<()> {
    future::add_callback(inner, Callback::Forward(Held::new(outer.as_any())))?;
    future::add_callback(outer, Callback::Withdraw(Held::new(inner.as_any())))
}

fn plain<'a, 'py>(object: &'a Bound<'py, PyAny>) -> Fallible<&'a Ref<'py, FutureState>> {
    future::plain(object).ok_or_else(|| PyTypeError::new_err("a future is expected").into())
}

/// `inner` is done: `outer` ends as it did.
///
/// # Errors
/// `InvalidStateError` when `outer` is done otherwise than by cancellation.
pub(crate) fn forward<'py>(outer: &Bound<'py, PyAny>, inner: &Bound<'py, PyAny>) -> Fallible<()> {
    let (outer, inner) = (plain(outer)?, plain(inner)?);
    if outer.outcome().is_cancelled() {
        if !inner.outcome().is_cancelled() {
            // Nobody is left to be told: it counts as read.
            future::exception(inner)?;
        }
        return Ok(());
    }
    match inner.outcome() {
        Outcome::Cancelled => {
            if let Some(record) = inner.record(inner.py())
                && !outer.is_done()
            {
                outer.cancellations().end(&record);
            }
            future::cancel(outer, None).map(drop)
        }
        Outcome::Raised => match future::exception(inner)? {
            Some(exception) => future::set_exception(outer, &exception),
            None => Ok(()),
        },
        Outcome::Returned => match future::ended(inner)? {
            Ended::Returned(value) => future::set_result(outer, value),
            Ended::Raised(_) | Ended::Cancelled => Ok(()),
        },
    }
}

/// `outer` is done: what `inner` ends with is no longer asked for.
///
/// # Errors
/// When `inner` is no future of ours.
pub(crate) fn withdraw<'py>(inner: &Bound<'py, PyAny>, outer: &Bound<'py, PyAny>) -> Fallible<()> {
    let inner = plain(inner)?;
    if !inner.is_done() {
        inner.callbacks.remove_forward(outer);
    }
    Ok(())
}

/// The callback that `inner` has, as Python code sees it.
///
/// # Errors
/// `MemoryError`.
pub(crate) fn forward_as_python<'py>(outer: &Bound<'py, PyAny>) -> Fallible<Bound<'py, PyAny>> {
    let body: InnerBody = |outer, args| on_done(outer, args, forward);
    function::inner(INNER_DONE.get(outer.py())?, body, outer)
}

/// The callback that `outer` has, as Python code sees it.
///
/// # Errors
/// `MemoryError`.
pub(crate) fn withdraw_as_python<'py>(inner: &Bound<'py, PyAny>) -> Fallible<Bound<'py, PyAny>> {
    let body: InnerBody = |inner, args| on_done(inner, args, withdraw);
    function::inner(OUTER_DONE.get(inner.py())?, body, inner)
}

fn on_done<'py>(
    subject: &Bound<'py, PyAny>,
    args: &Args<'_, 'py>,
    action: impl FnOnce(&Bound<'py, PyAny>, &Bound<'py, PyAny>) -> Fallible<()>,
) -> Fallible<Bound<'py, PyAny>> {
    let Some([done]) = args.exactly::<1>() else {
        return Err(
            PyTypeError::new_err("one argument is expected: the future that is done").into(),
        );
    };
    action(subject, &done)?;
    Ok(args.py().None().into_bound(args.py()))
}

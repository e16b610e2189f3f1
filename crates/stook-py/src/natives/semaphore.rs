//! `Semaphore` and `BoundedSemaphore`.
//!
//! # Source
//! `Semaphore`, `BoundedSemaphore`, CPython 3.11 to 3.13 `asyncio/locks.py`.

use crate::ffi::once::Once;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::Native;
use super::deque;
use super::number;
use super::routine::{self, Routine, RoutineState};
use super::stock_class::{Instance, StockClass};
use super::waiters;
use crate::coroutine::Identity;
use crate::errors::{self, Imported};
use crate::ffi::coro::Resumed;
use crate::ffi::{Args, Fallible, Raised, Ref, error, intern};
use crate::future_class::python_bool;
use crate::loop_core;
use crate::reference;

pub(super) static SEMAPHORE: StockClass = StockClass::new("asyncio.locks", "Semaphore", &["_loop"]);
pub(super) static BOUNDED: StockClass =
    StockClass::new("asyncio.locks", "BoundedSemaphore", &["_loop"]);
static ACQUIRE: Imported = Imported::new("asyncio.locks", "Semaphore.acquire");
static RELEASE: Imported = Imported::new("asyncio.locks", "Semaphore.release");
static RELEASE_BOUNDED: Imported = Imported::new("asyncio.locks", "BoundedSemaphore.release");

/// The methods.
pub(super) const NATIVES: &[Native] = &[
    Native {
        original: &ACQUIRE,
        body: acquire,
    },
    Native {
        original: &RELEASE,
        body: release,
    },
    Native {
        original: &RELEASE_BOUNDED,
        body: release_bounded,
    },
];

static ACQUIRING: Routine = Routine {
    identity: Identity {
        name: "acquire",
        qualname: "Semaphore.acquire",
        original: &ACQUIRE,
    },
    advance: acquire_in,
};

/// Whether one who was waited for wakes as many others as there are places for, however its wait
/// ended; else, it wakes one more, if it did not end in an error.
fn wakes_many(py: Python<'_>) -> Fallible<bool> {
    static ANSWER: Once<bool> = Once::new();
    Ok(*ANSWER.get_or_try_init(py, || {
        reference::names(ACQUIRE.get(py)?, "co_names", "done", true)
    })?)
}

/// A semaphore whose methods are ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `Semaphore`
    Unbounded,
    /// `BoundedSemaphore`
    Bounded,
}

/// The semaphore, if its methods are ours and it counts with plain numbers.
#[inline]
pub(super) fn plain<'py>(object: &Bound<'py, PyAny>) -> Fallible<Option<(Kind, Instance<'py>)>> {
    let (kind, found) = match SEMAPHORE.plain(object)? {
        Some(found) => (Kind::Unbounded, found),
        None => match BOUNDED.plain(object)? {
            Some(found) => (Kind::Bounded, found),
            None => return Ok(None),
        },
    };
    let is_plain = number::is_plain(&value(&found)?)
        && (kind == Kind::Unbounded || number::is_plain(&bound(&found)?));
    Ok(is_plain.then_some((kind, found)))
}

/// The semaphore that a routine waits for, whatever it is now.
fn of<'py>(object: &Bound<'py, PyAny>) -> Fallible<Instance<'py>> {
    if BOUNDED.is_exact(object)? {
        BOUNDED.of(object)
    } else {
        SEMAPHORE.of(object)
    }
}

fn value<'py>(semaphore: &Instance<'py>) -> Fallible<Bound<'py, PyAny>> {
    semaphore.get(intern!(semaphore.py(), "_value"))
}

fn bound<'py>(semaphore: &Instance<'py>) -> Fallible<Bound<'py, PyAny>> {
    semaphore.get(intern!(semaphore.py(), "_bound_value"))
}

fn change(semaphore: &Instance<'_>, difference: i64) -> Fallible<()> {
    let changed = number::add(&value(semaphore)?, difference)?;
    semaphore.set(intern!(semaphore.py(), "_value"), &changed)
}

/// Wakes the first waiter that is not done, and takes a place for it; whether there was one.
fn wake_next(semaphore: &Instance<'_>) -> Fallible<bool> {
    let waiters = waiters::of(semaphore)?;
    let mut found = false;
    if deque::is_empty(&waiters)? {
        return Ok(false);
    }
    deque::each(&waiters, |waiter| {
        if waiters::is_done(&waiter)? {
            return Ok(true);
        }
        found = true;
        change(semaphore, -1)?;
        waiters::set_result(&waiter, python_bool(waiter.py(), true))?;
        Ok(false)
    })?;
    Ok(found)
}

fn wake_as_many_as_there_are_places(semaphore: &Instance<'_>) -> Fallible<()> {
    while number::is_positive(&value(semaphore)?)? {
        if !wake_next(semaphore)? {
            break;
        }
    }
    Ok(())
}

fn has_no_waiters(semaphore: &Instance<'_>) -> Fallible<bool> {
    Ok(deque::is_empty(&waiters::of(semaphore)?)? || waiters::are_all_cancelled(semaphore)?)
}

fn acquire<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    routine::call::<1>(&ACQUIRING, args, |object| Ok(plain(object)?.is_some()))
}

/// The routine of `acquire`.
pub(super) fn acquire_in<'py>(
    this: &Ref<'py, RoutineState>,
    thrown: Option<Bound<'py, PyAny>>,
) -> Fallible<Resumed<'py>> {
    let py = this.py();
    let semaphore = of(&this.subject(py))?;
    let resumed = if this.stage() == 0 {
        if !number::is_zero(&value(&semaphore)?)? && has_no_waiters(&semaphore)? {
            change(&semaphore, -1)?;
            return Ok(Resumed::Returned(python_bool(py, true)));
        }
        this.set_stage(1);
        let future = waiters::join_first(&semaphore)?;
        this.future.set(future.clone());
        this.awaiting.begin(&future)
    } else {
        this.awaiting.resume(py, thrown)
    };
    match resumed {
        Ok(Resumed::Yielded(yielded)) => return Ok(Resumed::Yielded(yielded)),
        Ok(Resumed::Returned(_)) => waiters::leave(&semaphore, &this.future)?,
        Err(raised) => {
            let raised = error::finally(py, raised, || waiters::leave(&semaphore, &this.future));
            return Err(give_back(this, &semaphore, raised)?);
        }
    }
    if wakes_many(py)? {
        wake_as_many_as_there_are_places(&semaphore)?;
    } else if number::is_positive(&value(&semaphore)?)? {
        wake_next(&semaphore)?;
    }
    Ok(Resumed::Returned(python_bool(py, true)))
}

/// Gives back the place that the waiter had been given, when its wait was cancelled.
fn give_back(
    this: &Ref<'_, RoutineState>,
    semaphore: &Instance<'_>,
    raised: Raised,
) -> Fallible<Raised> {
    let py = this.py();
    let future = this.future.get_or_none(py);
    let is_cancellation = raised.matches(errors::CANCELLED_ERROR.get(py)?);
    if !wakes_many(py)? {
        return Ok(error::finally(py, raised, || {
            if is_cancellation && !waiters::is_cancelled(&future)? {
                change(semaphore, 1)?;
                wake_next(semaphore)?;
            }
            Ok(())
        }));
    }
    let raised = error::finally(py, raised, || {
        if is_cancellation && waiters::is_done(&future)? && !waiters::is_cancelled(&future)? {
            change(semaphore, 1)?;
        }
        Ok(())
    });
    Ok(error::finally(py, raised, || {
        wake_as_many_as_there_are_places(semaphore)
    }))
}

fn release<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    let py = args.py();
    if loop_core::runs_plain(py)
        && let Some([object]) = args.exactly::<1>()
        && let Some((_, semaphore)) = plain(&object)?
    {
        release_natively(Kind::Unbounded, &semaphore)?;
        return Ok(py.None().into_bound(py));
    }
    args.forward(RELEASE.get(py)?)
}

fn release_bounded<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    let py = args.py();
    if loop_core::runs_plain(py)
        && let Some([object]) = args.exactly::<1>()
        && let Some((Kind::Bounded, semaphore)) = plain(&object)?
    {
        release_natively(Kind::Bounded, &semaphore)?;
        return Ok(py.None().into_bound(py));
    }
    args.forward(RELEASE_BOUNDED.get(py)?)
}

/// `semaphore.release()`, for a semaphore as [`plain`] gives it.
pub(super) fn release_natively(kind: Kind, semaphore: &Instance<'_>) -> Fallible<()> {
    if kind == Kind::Bounded && value(semaphore)?.ge(bound(semaphore)?)? {
        let message = "BoundedSemaphore released too many times";
        return Err(PyValueError::new_err(message).into());
    }
    change(semaphore, 1)?;
    wake_next(semaphore).map(drop)
}

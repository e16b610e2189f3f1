//! `Lock`.
//!
//! # Source
//! `Lock`, CPython 3.11 to 3.13 `asyncio/locks.py`.

use pyo3::intern;
use pyo3::prelude::*;

use super::Native;
use super::routine::{self, Routine, RoutineState};
use super::stock_class::StockClass;
use super::waiters;
use crate::coroutine::Identity;
use crate::errors::{self, Imported};
use crate::ffi::coro::Resumed;
use crate::ffi::{Args, Fallible, Ref, error};
use crate::future_class::python_bool;
use crate::loop_core;

static LOCK: StockClass = StockClass::new("asyncio.locks", "Lock");
static ACQUIRE: Imported = Imported::new("asyncio.locks", "Lock.acquire");
static RELEASE: Imported = Imported::new("asyncio.locks", "Lock.release");

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
];

static ROUTINE: Routine = Routine {
    identity: Identity {
        name: "acquire",
        qualname: "Lock.acquire",
        original: &ACQUIRE,
    },
    advance,
};

/// Whether `object` is a lock whose methods are ours.
pub(super) fn is_lock(object: &Bound<'_, PyAny>) -> Fallible<bool> {
    LOCK.is_class_of(object)
}

fn acquire<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    routine::call::<1>(&ROUTINE, args, is_lock)
}

fn is_locked(lock: &Bound<'_, PyAny>) -> Fallible<bool> {
    Ok(lock.getattr(intern!(lock.py(), "_locked"))?.is_truthy()?)
}

fn set_locked(lock: &Bound<'_, PyAny>, locked: bool) -> Fallible<()> {
    let py = lock.py();
    Ok(lock.setattr(intern!(py, "_locked"), python_bool(py, locked))?)
}

/// The routine of `acquire`.
pub(super) fn advance<'py>(
    this: &Ref<'py, RoutineState>,
    thrown: Option<Bound<'py, PyAny>>,
) -> Fallible<Resumed<'py>> {
    let py = this.py();
    let lock = this.subject(py);
    if this.stage() != 0 {
        return go_on(this, &lock, this.awaiting.resume(py, thrown));
    }
    if !is_locked(&lock)? && waiters::are_all_cancelled(&lock)? {
        set_locked(&lock, true)?;
        return Ok(Resumed::Returned(python_bool(py, true)));
    }
    this.set_stage(1);
    let future = waiters::join(&lock)?;
    this.future.set(future.clone());
    go_on(this, &lock, this.awaiting.begin(&future))
}

fn go_on<'py>(
    this: &Ref<'py, RoutineState>,
    lock: &Bound<'py, PyAny>,
    resumed: Fallible<Resumed<'py>>,
) -> Fallible<Resumed<'py>> {
    let py = this.py();
    match resumed {
        Ok(Resumed::Yielded(yielded)) => Ok(Resumed::Yielded(yielded)),
        Ok(Resumed::Returned(_)) => {
            waiters::leave(lock, &this.future)?;
            set_locked(lock, true)?;
            Ok(Resumed::Returned(python_bool(py, true)))
        }
        Err(raised) => {
            let exception = raised.take(py);
            waiters::leave(lock, &this.future)?;
            let is_cancellation = error::is_a(&exception, errors::CANCELLED_ERROR.get(py)?);
            if is_cancellation && !is_locked(lock)? {
                waiters::wake_first(lock)?;
            }
            Err(PyErr::from_value(exception).into())
        }
    }
}

fn release<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    let py = args.py();
    if loop_core::running_plain(py).is_some()
        && let Some([lock]) = args.exactly::<1>()
        && is_lock(&lock)?
    {
        return release_natively(&lock);
    }
    args.forward(RELEASE.get(py)?)
}

/// `lock.release()`
pub(super) fn release_natively<'py>(lock: &Bound<'py, PyAny>) -> Fallible<Bound<'py, PyAny>> {
    let py = lock.py();
    if !is_locked(lock)? {
        return Err(errors::runtime_error("Lock is not acquired."));
    }
    set_locked(lock, false)?;
    waiters::wake_first(lock)?;
    Ok(py.None().into_bound(py))
}

//! `Lock`.
//!
//! # Source
//! `Lock`, CPython 3.11 to 3.13 `asyncio/locks.py`.

use pyo3::prelude::*;

use super::Native;
use super::routine::{self, Routine, RoutineState};
use super::stock_class::{Instance, StockClass};
use super::waiters;
use crate::coroutine::Identity;
use crate::errors::{self, Imported};
use crate::ffi::coro::Resumed;
use crate::ffi::{Args, Fallible, Ref, error, intern};
use crate::future_class::python_bool;
use crate::lock_notes;
use crate::loop_core;

pub(super) static LOCK: StockClass = StockClass::new("asyncio.locks", "Lock", &["_loop"]);
pub(super) static ACQUIRE: Imported = Imported::new("asyncio.locks", "Lock.acquire");
pub(super) static RELEASE: Imported = Imported::new("asyncio.locks", "Lock.release");

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

static ACQUIRING: Routine = Routine {
    identity: Identity {
        name: "acquire",
        qualname: "Lock.acquire",
        original: &ACQUIRE,
    },
    advance,
};

fn acquire<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    let coroutine = routine::call::<1>(&ACQUIRING, args, |lock| LOCK.is_plain(lock))?;
    if Ref::<RoutineState>::cast_exact(&coroutine).is_none() {
        forget_given(args);
    }
    Ok(coroutine)
}

/// Whether it is a lock of which it is noted who takes it; of others a note is about a lock that was
/// there before it.
pub(crate) fn is_noted(lock: &Bound<'_, PyAny>) -> bool {
    LOCK.is_plain(lock).unwrap_or_else(|raised| {
        raised.clear(lock.py());
        false
    })
}

/// `lock.acquire()`, for a lock as [`StockClass::plain`] gives it.
pub(super) fn acquiring<'py>(lock: &Instance<'py>) -> Fallible<Bound<'py, PyAny>> {
    routine::new(&ACQUIRING, [lock.object.clone()])
}

/// `lock.locked()`
pub(super) fn is_locked(lock: &Instance<'_>) -> Fallible<bool> {
    lock.is_true(intern!(lock.py(), "_locked"))
}

fn set_locked(lock: &Instance<'_>, locked: bool) -> Fallible<()> {
    let py = lock.py();
    lock.set(intern!(py, "_locked"), &python_bool(py, locked))
}

/// Takes the lock, if it does not have to be waited for.
pub(super) fn take(lock: &Instance<'_>) -> Fallible<bool> {
    let is_free = !is_locked(lock)? && waiters::are_all_cancelled(lock)?;
    if is_free {
        set_locked(lock, true)?;
    }
    Ok(is_free)
}

fn advance<'py>(
    this: &Ref<'py, RoutineState>,
    thrown: Option<Bound<'py, PyAny>>,
) -> Fallible<Resumed<'py>> {
    let lock = LOCK.of(&this.subject(this.py()))?;
    let resumed = acquire_in(this, &lock, thrown)?;
    if matches!(resumed, Resumed::Returned(_)) {
        lock_notes::taken(&lock.object);
    }
    Ok(resumed)
}

/// The routine of `acquire`, as that of `this`, or a part of it.
pub(super) fn acquire_in<'py>(
    this: &Ref<'py, RoutineState>,
    lock: &Instance<'py>,
    thrown: Option<Bound<'py, PyAny>>,
) -> Fallible<Resumed<'py>> {
    let py = this.py();
    let resumed = if this.stage() == 0 {
        if take(lock)? {
            return Ok(Resumed::Returned(python_bool(py, true)));
        }
        this.set_stage(1);
        let future = waiters::join_first(lock)?;
        this.future.set(future.clone());
        this.awaiting.begin(&future)
    } else {
        this.awaiting.resume(py, thrown)
    };
    match resumed {
        Ok(Resumed::Yielded(yielded)) => Ok(Resumed::Yielded(yielded)),
        Ok(Resumed::Returned(_)) => {
            waiters::leave(lock, &this.future)?;
            set_locked(lock, true)?;
            Ok(Resumed::Returned(python_bool(py, true)))
        }
        Err(raised) => {
            let raised = error::finally(py, raised, || waiters::leave(lock, &this.future));
            if !raised.matches(errors::CANCELLED_ERROR.get(py)?) {
                return Err(raised);
            }
            Err(error::finally(py, raised, || {
                if is_locked(lock)? {
                    return Ok(());
                }
                waiters::wake_first(lock)
            }))
        }
    }
}

fn release<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    let py = args.py();
    if loop_core::runs_plain(py)
        && let Some([object]) = args.exactly::<1>()
        && let Some(lock) = LOCK.plain(&object)?
    {
        release_natively(&lock)?;
        return Ok(py.None().into_bound(py));
    }
    forget_given(args);
    args.forward(RELEASE.get(py)?)
}

/// What asyncio's own method does with the lock, nobody notes.
fn forget_given(args: &Args<'_, '_>) {
    if let Some([lock]) = args.exactly::<1>() {
        lock_notes::forget(&lock);
    }
}

/// `lock.release()`, for a lock as [`StockClass::plain`] gives it.
pub(super) fn release_natively(lock: &Instance<'_>) -> Fallible<()> {
    if !is_locked(lock)? {
        return Err(errors::runtime_error("Lock is not acquired."));
    }
    set_locked(lock, false)?;
    lock_notes::forget(&lock.object);
    waiters::wake_first(lock)
}

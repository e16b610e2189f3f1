//! `async with` on a lock, a semaphore or a condition.
//!
//! # Source
//! `_ContextManagerMixin`, CPython 3.11 to 3.13 `asyncio/locks.py`.

use pyo3::prelude::*;

use super::Native;
use super::condition::Condition;
use super::lock;
use super::routine::{self, Routine, RoutineState};
use super::semaphore::{self, Kind};
use super::stock_class::Instance;
use crate::coroutine::Identity;
use crate::errors::Imported;
use crate::ffi::coro::Resumed;
use crate::ffi::{Args, Fallible, Ref, call, intern};
use crate::lock_notes;

static ENTER: Imported = Imported::new("asyncio.locks", "_ContextManagerMixin.__aenter__");
static EXIT: Imported = Imported::new("asyncio.locks", "_ContextManagerMixin.__aexit__");

/// The methods.
pub(super) const NATIVES: &[Native] = &[
    Native {
        original: &ENTER,
        body: enter,
    },
    Native {
        original: &EXIT,
        body: exit,
    },
];

/// DIFFERENCE: while `__aenter__` of a lock, a semaphore, a condition or a barrier waits, its
/// `cr_await` is what is waited for in the end, without a coroutine of `acquire` or `wait` between.
static ENTERING: Routine = Routine {
    identity: Identity {
        name: "__aenter__",
        qualname: "_ContextManagerMixin.__aenter__",
        original: &ENTER,
    },
    advance: advance_entering,
};

static EXITING: Routine = Routine {
    identity: Identity {
        name: "__aexit__",
        qualname: "_ContextManagerMixin.__aexit__",
        original: &EXIT,
    },
    advance: advance_exiting,
};

/// What is entered.
enum Subject<'py> {
    /// A lock, or the lock of a condition.
    Lock(Instance<'py>),
    /// A semaphore.
    Semaphore(Kind, Instance<'py>),
}

/// What is entered, if its methods are ours.
fn plain<'py>(object: &Bound<'py, PyAny>) -> Fallible<Option<Subject<'py>>> {
    if let Some(lock) = lock::LOCK.plain(object)? {
        return Ok(Some(Subject::Lock(lock)));
    }
    if let Some((kind, semaphore)) = semaphore::plain(object)? {
        return Ok(Some(Subject::Semaphore(kind, semaphore)));
    }
    let condition = Condition::plain(object)?;
    Ok(condition.map(|condition| Subject::Lock(condition.lock)))
}

fn is_ours(object: &Bound<'_, PyAny>) -> Fallible<bool> {
    Ok(plain(object)?.is_some())
}

fn enter<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    routine::call::<1>(&ENTERING, args, is_ours)
}

fn exit<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    routine::call::<4>(&EXITING, args, is_ours)
}

/// The lock that is entered is in `kept`; there is none where it is a semaphore.
fn advance_entering<'py>(
    this: &Ref<'py, RoutineState>,
    thrown: Option<Bound<'py, PyAny>>,
) -> Fallible<Resumed<'py>> {
    let py = this.py();
    let resumed = match (this.stage(), this.kept.get(py)) {
        (0, _) => begin_entering(this)?,
        (_, Some(lock)) => lock::acquire_in(this, &lock::LOCK.of(&lock)?, thrown)?,
        (_, None) => semaphore::acquire_in(this, thrown)?,
    };
    Ok(match resumed {
        Resumed::Yielded(yielded) => Resumed::Yielded(yielded),
        Resumed::Returned(_) => {
            if let Some(lock) = this.kept.get(py) {
                lock_notes::forget(&lock);
            }
            Resumed::Returned(py.None().into_bound(py))
        }
    })
}

fn begin_entering<'py>(this: &Ref<'py, RoutineState>) -> Fallible<Resumed<'py>> {
    let subject = this.subject(this.py());
    match plain(&subject)? {
        Some(Subject::Lock(lock)) => {
            this.kept.set(lock.object.clone());
            lock::acquire_in(this, &lock, None)
        }
        Some(Subject::Semaphore(..)) => semaphore::acquire_in(this, None),
        None => routine::delegate(this),
    }
}

fn advance_exiting<'py>(
    this: &Ref<'py, RoutineState>,
    _thrown: Option<Bound<'py, PyAny>>,
) -> Fallible<Resumed<'py>> {
    let py = this.py();
    let subject = this.subject(py);
    match plain(&subject)? {
        Some(Subject::Lock(lock)) => lock::release_natively(&lock)?,
        Some(Subject::Semaphore(kind, semaphore)) => {
            semaphore::release_natively(kind, &semaphore)?;
        }
        None => drop(call::method0(&subject, intern!(py, "release"))?),
    }
    Ok(Resumed::Returned(py.None().into_bound(py)))
}

//! `Event`.
//!
//! # Source
//! `Event`, CPython 3.11 to 3.13 `asyncio/locks.py`.

use pyo3::prelude::*;

use super::Native;
use super::routine::{self, Routine, RoutineState};
use super::stock_class::{Instance, StockClass};
use super::waiters;
use crate::coroutine::Identity;
use crate::errors::Imported;
use crate::ffi::coro::Resumed;
use crate::ffi::{Args, Fallible, Ref, call, error, intern};
use crate::future_class::python_bool;
use crate::loop_core;

pub(super) static EVENT: StockClass = StockClass::new("asyncio.locks", "Event", &["_loop"]);
static WAIT: Imported = Imported::new("asyncio.locks", "Event.wait");
static SET: Imported = Imported::new("asyncio.locks", "Event.set");

/// The methods.
pub(super) const NATIVES: &[Native] = &[
    Native {
        original: &WAIT,
        body: wait,
    },
    Native {
        original: &SET,
        body: set,
    },
];

static WAITING: Routine = Routine {
    identity: Identity {
        name: "wait",
        qualname: "Event.wait",
        original: &WAIT,
    },
    advance,
};

fn is_set(event: &Instance<'_>) -> Fallible<bool> {
    event.is_true(intern!(event.py(), "_value"))
}

fn wait<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    routine::call::<1>(&WAITING, args, |event| EVENT.is_plain(event))
}

/// The routine of `wait`.
fn advance<'py>(
    this: &Ref<'py, RoutineState>,
    thrown: Option<Bound<'py, PyAny>>,
) -> Fallible<Resumed<'py>> {
    let py = this.py();
    let event = EVENT.of(&this.subject(py))?;
    let resumed = if this.stage() == 0 {
        if is_set(&event)? {
            return Ok(Resumed::Returned(python_bool(py, true)));
        }
        this.set_stage(1);
        let future = waiters::join(&event)?;
        this.future.set(future.clone());
        this.awaiting.begin(&future)
    } else {
        this.awaiting.resume(py, thrown)
    };
    match resumed {
        Ok(Resumed::Yielded(yielded)) => Ok(Resumed::Yielded(yielded)),
        Ok(Resumed::Returned(_)) => {
            waiters::leave(&event, &this.future)?;
            Ok(Resumed::Returned(python_bool(py, true)))
        }
        Err(raised) => Err(error::finally(py, raised, || {
            waiters::leave(&event, &this.future)
        })),
    }
}

fn set<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    let py = args.py();
    if loop_core::runs_plain(py)
        && let Some([object]) = args.exactly::<1>()
        && let Some(event) = EVENT.plain(&object)?
    {
        set_natively(&event)?;
        return Ok(py.None().into_bound(py));
    }
    args.forward(SET.get(py)?)
}

/// `event.set()`, for an event as [`StockClass::plain`] gives it.
pub(super) fn set_natively(event: &Instance<'_>) -> Fallible<()> {
    let py = event.py();
    if is_set(event)? {
        return Ok(());
    }
    event.set(intern!(py, "_value"), &python_bool(py, true))?;
    waiters::wake(event, true, usize::MAX).map(drop)
}

/// `event.set()`
pub(super) fn set_any(object: &Bound<'_, PyAny>) -> Fallible<()> {
    match EVENT.plain(object)? {
        Some(event) => set_natively(&event),
        None => call::method0(object, intern!(object.py(), "set")).map(drop),
    }
}

/// `event.clear()`
pub(super) fn clear_any(object: &Bound<'_, PyAny>) -> Fallible<()> {
    let py = object.py();
    match EVENT.plain(object)? {
        Some(event) if event.is_seen_false(intern!(py, "_value")) => Ok(()),
        Some(event) => event.set(intern!(py, "_value"), &python_bool(py, false)),
        None => call::method0(object, intern!(py, "clear")).map(drop),
    }
}

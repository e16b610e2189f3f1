//! `async with` on a lock.
//!
//! # Source
//! `_ContextManagerMixin`, CPython 3.11 to 3.13 `asyncio/locks.py`.

use pyo3::prelude::*;

use super::Native;
use super::lock;
use super::routine::{self, Routine, RoutineState};
use crate::coroutine::Identity;
use crate::errors::Imported;
use crate::ffi::coro::Resumed;
use crate::ffi::{Args, Fallible, Ref};

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

fn enter<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    routine::call::<1>(&ENTERING, args, lock::is_lock)
}

fn exit<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    routine::call::<4>(&EXITING, args, lock::is_lock)
}

fn advance_entering<'py>(
    this: &Ref<'py, RoutineState>,
    thrown: Option<Bound<'py, PyAny>>,
) -> Fallible<Resumed<'py>> {
    let py = this.py();
    Ok(match lock::advance(this, thrown)? {
        Resumed::Yielded(yielded) => Resumed::Yielded(yielded),
        Resumed::Returned(_) => Resumed::Returned(py.None().into_bound(py)),
    })
}

fn advance_exiting<'py>(
    this: &Ref<'py, RoutineState>,
    _thrown: Option<Bound<'py, PyAny>>,
) -> Fallible<Resumed<'py>> {
    lock::release_natively(&this.subject(this.py())).map(Resumed::Returned)
}

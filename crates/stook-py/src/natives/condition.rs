//! `Condition`, on a lock whose methods are ours.
//!
//! # Source
//! `Condition`, CPython 3.11 to 3.13 `asyncio/locks.py`.

use crate::ffi::intern;
use pyo3::prelude::*;
use pyo3::types::PyInt;

use super::Native;
use super::lock;
use super::stock_class::{Instance, StockClass};
use super::waiters;
use crate::errors::{self, Imported};
use crate::ffi::{Args, Fallible, error, instance};
use crate::function;
use crate::loop_core;

pub(super) static CONDITION: StockClass = StockClass::new("asyncio.locks", "Condition", &["_loop"]);
static LOCKED: Imported = Imported::new("asyncio.locks", "Lock.locked");
static NOTIFY: Imported = Imported::new("asyncio.locks", "Condition.notify");

/// What this file looks up when the module is made.
pub(super) const IMPORTS: &[&Imported] = &[&LOCKED];

/// The methods.
pub(super) const NATIVES: &[Native] = &[Native {
    original: &NOTIFY,
    body: notify,
}];

/// A condition whose methods are ours, and its lock.
pub(super) struct Condition<'py> {
    pub(super) own: Instance<'py>,
    pub(super) lock: Instance<'py>,
}

impl<'py> Condition<'py> {
    /// The condition, if its methods are ours, its lock is one whose methods are ours, and what it
    /// has of the lock's methods are those.
    pub(super) fn plain(object: &Bound<'py, PyAny>) -> Fallible<Option<Self>> {
        let py = object.py();
        let Some(own) = CONDITION.plain(object)? else {
            return Ok(None);
        };
        let Some(lock) = lock::LOCK.plain(&own.get(intern!(py, "_lock"))?)? else {
            return Ok(None);
        };
        let methods = [
            (intern!(py, "locked"), &LOCKED),
            (intern!(py, "acquire"), &lock::ACQUIRE),
            (intern!(py, "release"), &lock::RELEASE),
        ];
        for (name, original) in methods {
            let Some((receiver, function)) = instance::method_parts(&own.get(name)?) else {
                return Ok(None);
            };
            if !receiver.is(&lock.object) || !function::stands_for(&function, original.get(py)?) {
                return Ok(None);
            }
        }
        Ok(Some(Condition { own, lock }))
    }

    /// The condition that a routine is for, which was asked when the routine was made.
    pub(super) fn of(object: &Bound<'py, PyAny>) -> Fallible<Self> {
        let own = CONDITION.of(object)?;
        let lock = lock::LOCK.of(&own.get(intern!(object.py(), "_lock"))?)?;
        Ok(Condition { own, lock })
    }

    /// Wakes at most `most` of the waiters, or all.
    pub(super) fn notify(&self, most: Option<usize>) -> Fallible<()> {
        if !lock::is_locked(&self.lock)? {
            let message = "cannot notify on un-acquired lock";
            return Err(errors::runtime_error(message));
        }
        self.wake(most.unwrap_or(usize::MAX))
    }

    /// The same, whoever has the lock.
    pub(super) fn wake(&self, most: usize) -> Fallible<()> {
        waiters::wake(&self.own, false, most).map(drop)
    }
}

fn notify<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    let py = args.py();
    let given = match (args.exactly::<1>(), args.exactly::<2>()) {
        (Some([object]), _) => Some((object, Some(1))),
        (_, Some([object, most])) => Some((object, whole_number(&most))),
        _ => None,
    };
    if loop_core::runs_plain(py)
        && let Some((object, Some(most))) = given
        && let Ok(Some(condition)) = Condition::plain(&object).map_err(|raised| raised.clear(py))
    {
        condition.notify(Some(most))?;
        return Ok(py.None().into_bound(py));
    }
    args.forward(NOTIFY.get(py)?)
}

/// How many are to be woken; negative numbers wake nobody.
fn whole_number(object: &Bound<'_, PyAny>) -> Option<usize> {
    if !object.is_exact_instance_of::<PyInt>() {
        return None;
    }
    let number: i64 = error::or_none(object.py(), object.extract())?;
    Some(usize::try_from(number).unwrap_or(0))
}

//! What asyncio has in Python on the hot path, without Python frames: locks, queues, groups,
//! timeouts.
//!
//! The classes stay asyncio's own, and so does all that can be seen of their instances: only
//! methods are replaced, by functions that pass for them. A method of ours works for instances of
//! exactly asyncio's class while a loop of ours runs in its shortest paths; for everything else, a
//! user's subclass or debug mode among them, it calls the method in whose place it stands.

mod as_completed;
mod block;
pub(crate) mod bound_loop;
mod completion;
mod completions;
pub(crate) mod context_manager;
mod group_exit;
pub(crate) mod lock;
pub(crate) mod routine;
mod shield;
pub(crate) mod stock_class;
mod task_group;
mod tasks;
mod timeout;
mod wait_for;
mod wait_for_waiter;
pub(crate) mod waiters;

use pyo3::prelude::*;
use pyo3::types::PyList;

use self::completions::CompletionsState;
use self::wait_for::WaitForState;
use self::wait_for_waiter::WaiterState;
use crate::errors::Imported;
use crate::ffi::{Fallible, Ref};
use crate::forward;
use crate::function::{self, Body};

/// A function or method of asyncio's, and what does its work.
pub(crate) struct Native {
    /// What it stands for.
    pub(crate) original: &'static Imported,
    /// What it does.
    pub(crate) body: Body,
}

/// Every one there is.
fn all() -> impl Iterator<Item = &'static Native> {
    [
        lock::NATIVES,
        context_manager::NATIVES,
        timeout::NATIVES,
        wait_for::NATIVES,
        task_group::NATIVES,
        group_exit::NATIVES,
        shield::NATIVES,
        as_completed::NATIVES,
    ]
    .into_iter()
    .flatten()
}

/// Tells `waiter` that `child` is done.
///
/// # Errors
/// What follows from that raises.
pub(crate) fn settle<'py>(waiter: &Bound<'py, PyAny>, child: &Bound<'py, PyAny>) -> Fallible<()> {
    if let Some(completions) = Ref::<CompletionsState>::cast(waiter) {
        return completions::settle(completions, child);
    }
    match Ref::<WaiterState>::cast(waiter) {
        Some(waiter) => wait_for_waiter::release(waiter),
        None => task_group::settle(waiter, child),
    }
}

/// Tells `waiter` that its time has come.
///
/// # Errors
/// What asking its task to cancel raises.
pub(crate) fn expire(waiter: &Bound<'_, PyAny>) -> Fallible<()> {
    match Ref::<WaitForState>::cast(waiter) {
        Some(waiter) => wait_for::expire(waiter),
        None => Ok(()),
    }
}

/// Looks up what the natives stand for.
///
/// # Errors
/// What importing raises.
pub(crate) fn capture(py: Python<'_>) -> PyResult<()> {
    for native in all() {
        native.original.get(py)?;
    }
    forward::capture(py);
    as_completed::capture(py)
}

/// Makes the classes, and `_natives`: a list of `(module, name, function)`.
///
/// # Errors
/// What making them raises.
pub(crate) fn build(module: &Bound<'_, PyModule>) -> Fallible<()> {
    let py = module.py();
    routine::build(py)?;
    wait_for::build(py)?;
    group_exit::build(py)?;
    wait_for_waiter::build(py)?;
    as_completed::build(module)?;
    let list = PyList::empty(py);
    for native in all() {
        let (home, name) = native.original.place();
        let function = function::new(native.original.get(py)?, native.body)?;
        list.append((home, name, function))?;
    }
    module.add("_natives", list)?;
    Ok(())
}

//! What asyncio has in Python on the hot path, without Python frames: locks, queues, groups,
//! timeouts.
//!
//! The classes stay asyncio's own, and so does all that can be seen of their instances: only
//! methods are replaced, by functions that pass for them. A method of ours works for instances of
//! exactly asyncio's class while a loop of ours runs in its shortest paths; for everything else, a
//! user's subclass or debug mode among them, it calls the method in whose place it stands.
//!
//! DIFFERENCE: a name in asyncio's modules that a program replaces after `install()`, such as
//! `asyncio.tasks.ensure_future` or `asyncio.timeouts.Timeout`, is not asked by native functions.

mod as_completed;
mod barrier;
mod block;
pub(crate) mod bound_loop;
mod chain;
mod children;
mod completion;
mod completions;
mod condition;
mod condition_wait;
pub(crate) mod context_manager;
mod deque;
mod ended;
mod event;
mod group_exit;
mod group_field;
mod group_new;
pub(crate) mod lock;
mod number;
mod queue;
mod queue_waits;
pub(crate) mod routine;
mod semaphore;
mod shield;
pub(crate) mod stock_class;
mod task_group;
mod tasks;
mod threadsafe;
pub(crate) mod timeout;
mod wait_for;
mod wait_for_waiter;
pub(crate) mod waiters;

pub(crate) use self::group_new::make_natively;

use pyo3::prelude::*;
use pyo3::types::PyList;

use self::completion::CompletionState;
use self::completions::CompletionsState;
use self::group_exit::GroupExitState;
use self::routine::RoutineState;
use self::stock_class::StockClass;
use self::threadsafe::SubmissionState;
use self::wait_for::WaitForState;
use self::wait_for_waiter::WaiterState;
use crate::coroutine::{Coroutine, Progress};
use crate::errors::Imported;
use crate::ffi::{Fallible, Ref};
use crate::forward;
use crate::function::{self, Body};
use crate::future::FutureState;
use crate::race::RaceState;
use crate::ready::SharedTimeout;
use crate::reviewed;
use crate::sleep::SleepState;
use crate::wait::WaitState;

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
        barrier::NATIVES,
        condition::NATIVES,
        condition_wait::NATIVES,
        context_manager::NATIVES,
        event::NATIVES,
        group_exit::NATIVES,
        group_new::NATIVES,
        lock::NATIVES,
        queue::NATIVES,
        queue_waits::NATIVES,
        semaphore::NATIVES,
        task_group::NATIVES,
        timeout::NATIVES,
        wait_for::NATIVES,
        shield::NATIVES,
        as_completed::NATIVES,
        threadsafe::NATIVES,
        chain::NATIVES,
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
    if let Some(submission) = Ref::<SubmissionState>::cast(waiter) {
        return threadsafe::settle(submission, child);
    }
    match Ref::<FutureState>::cast(waiter) {
        Some(future) => wait_for_waiter::release(future),
        None => task_group::settle(waiter, child),
    }
}

/// Tells `task`, which is in a `wait_for`, that its time has come.
///
/// # Errors
/// What asking it to cancel raises.
pub(crate) fn expire(task: &Bound<'_, PyAny>, timeout: &SharedTimeout) -> Fallible<()> {
    wait_for::expire(task, timeout)
}

/// The same as a callable.
///
/// # Errors
/// `MemoryError`.
pub(crate) fn expiry_as_python<'py>(
    task: &Bound<'py, PyAny>,
    timeout: &SharedTimeout,
) -> Fallible<Bound<'py, PyAny>> {
    timeout::expiry_as_python(task, timeout.get().phase())
}

/// Whether `object` is a native coroutine that has not begun.
fn is_new_coroutine(object: &Bound<'_, PyAny>) -> bool {
    is_new::<RoutineState>(object)
        || is_new::<SleepState>(object)
        || is_new::<WaitForState>(object)
        || is_new::<WaiterState>(object)
        || is_new::<WaitState>(object)
        || is_new::<RaceState>(object)
        || is_new::<CompletionState>(object)
        || is_new::<GroupExitState>(object)
}

fn is_new<C: Coroutine>(object: &Bound<'_, PyAny>) -> bool {
    Ref::<C>::cast_exact(object)
        .is_some_and(|coroutine| coroutine.common().progress.get() == Progress::Created)
}

/// The classes that are looked at before anybody has changed them.
const CLASSES: [&StockClass; 12] = [
    &barrier::BARRIER,
    &chain::FUTURE,
    &condition::CONDITION,
    &event::EVENT,
    &lock::LOCK,
    &queue::QUEUE,
    &queue::PRIORITY,
    &queue::LIFO,
    &semaphore::SEMAPHORE,
    &semaphore::BOUNDED,
    &task_group::GROUP,
    &timeout::TIMEOUT,
];

/// Looks up what the natives stand for and what they use.
///
/// # Errors
/// What importing raises.
pub(crate) fn capture(py: Python<'_>) -> PyResult<()> {
    for native in all() {
        if reviewed::is_known(py, native.original)? {
            native.original.get(py)?;
        }
    }
    forward::capture(py);
    let imports = [
        barrier::IMPORTS,
        condition::IMPORTS,
        deque::IMPORTS,
        queue::IMPORTS,
        timeout::IMPORTS,
    ];
    for name in imports.into_iter().flatten() {
        name.get(py)?;
    }
    deque::capture(py)?;
    for class in CLASSES {
        class.capture(py)?;
    }
    threadsafe::capture(py);
    chain::capture(py);
    as_completed::capture(py)
}

/// Makes the classes, the functions by their names, and `_natives`: a list of `(module, name,
/// function)`.
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
    threadsafe::build(py)?;
    chain::build(py)?;
    let list = PyList::empty(py);
    for native in all() {
        let (home, name) = native.original.place();
        let is_function = !name.contains('.');
        if !reviewed::is_known(py, native.original)? {
            if is_function {
                module.add(name, native.original.get(py)?)?;
            }
            continue;
        }
        let function = function::new(native.original.get(py)?, native.body)?;
        if is_function {
            module.add(name, &function)?;
        }
        list.append((home, name, function))?;
    }
    module.add("_natives", list)?;
    Ok(())
}

//! The standard library's accelerator, `_asyncio`, as it was when this module was loaded.
//!
//! Names that a program bound before `install()`, or uses under `loop_factory` alone, still ask
//! the accelerator which loop runs, which task is current and which tasks there are. While
//! *mirroring* is on, it is kept informed.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::ffi::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::Imported;
use crate::ffi::Fallible;
use crate::ffi::compat::SINCE_3_12;

static FUTURE: Imported = Imported::new("_asyncio", "Future");
static TASK: Imported = Imported::new("_asyncio", "Task");
static HANDLE: Imported = Imported::new("asyncio.events", "Handle");
static TIMER_HANDLE: Imported = Imported::new("asyncio.events", "TimerHandle");
static GATHERING_FUTURE: Imported = Imported::new("asyncio.tasks", "_GatheringFuture");
static CURRENT_TASKS: Imported = Imported::new("_asyncio", "_current_tasks");
static GET_RUNNING_LOOP: Imported = Imported::new("_asyncio", "_get_running_loop");
static SET_RUNNING_LOOP: Imported = Imported::new("_asyncio", "_set_running_loop");
static REGISTER_TASK: Imported = Imported::new("_asyncio", "_register_task");
static UNREGISTER_TASK: Imported = Imported::new("_asyncio", "_unregister_task");
static ALL_TASKS: Imported = Imported::new(
    "_asyncio",
    if SINCE_3_12 {
        "_scheduled_tasks"
    } else {
        "_all_tasks"
    },
);
static EAGER_TASKS: Imported = Imported::new("_asyncio", "_eager_tasks");

static MIRRORING: AtomicBool = AtomicBool::new(true);

/// Whether the accelerator is kept informed.
#[inline]
pub(crate) fn is_mirroring() -> bool {
    MIRRORING.load(Ordering::Relaxed)
}

/// Turns mirroring on or off.
pub(crate) fn set_mirroring(on: bool) {
    MIRRORING.store(on, Ordering::Relaxed);
}

/// Looks up every name, so that they are the accelerator's whatever is rebound later.
///
/// # Errors
/// When one is missing: the interpreter is not one of those supported.
pub(crate) fn capture(py: Python<'_>) -> PyResult<()> {
    let common = [
        &FUTURE,
        &TASK,
        &GATHERING_FUTURE,
        &HANDLE,
        &TIMER_HANDLE,
        &CURRENT_TASKS,
        &GET_RUNNING_LOOP,
        &SET_RUNNING_LOOP,
        &REGISTER_TASK,
        &UNREGISTER_TASK,
        &ALL_TASKS,
    ];
    for name in common.into_iter().chain(SINCE_3_12.then_some(&EAGER_TASKS)) {
        name.get(py)?;
    }
    Ok(())
}

/// `_asyncio.Future`
pub(crate) fn future_type(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    FUTURE.get(py).cloned()
}

/// `_asyncio.Task`
pub(crate) fn task_type(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    TASK.get(py).cloned()
}

/// `asyncio.tasks._GatheringFuture`
pub(crate) fn gathering_type(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    GATHERING_FUTURE.get(py).cloned()
}

/// `asyncio.Handle`
pub(crate) fn handle_type(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    HANDLE.get(py).cloned()
}

/// `asyncio.TimerHandle`
pub(crate) fn timer_handle_type(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    TIMER_HANDLE.get(py).cloned()
}

/// The current task of each loop that is not ours; of ours as well while mirroring.
pub(crate) fn current_tasks(py: Python<'_>) -> PyResult<&Bound<'_, PyDict>> {
    Ok(CURRENT_TASKS.get(py)?.cast::<PyDict>()?)
}

/// The loop that the accelerator takes to run in this thread.
pub(crate) fn running_loop(py: Python<'_>) -> Fallible<Option<Bound<'_, PyAny>>> {
    let running = GET_RUNNING_LOOP.get(py)?.call0()?;
    Ok((!running.is_none()).then_some(running))
}

/// Tells the accelerator which loop runs in this thread.
pub(crate) fn set_running_loop(running: &Bound<'_, PyAny>) -> Fallible<()> {
    SET_RUNNING_LOOP.get(running.py())?.call1((running,))?;
    Ok(())
}

/// Puts `task` in the accelerator's weak set of tasks.
pub(crate) fn register(task: &Bound<'_, PyAny>) -> Fallible<()> {
    REGISTER_TASK.get(task.py())?.call1((task,))?;
    Ok(())
}

/// Takes `task` out of the accelerator's weak set of tasks.
pub(crate) fn unregister(task: &Bound<'_, PyAny>) -> Fallible<()> {
    UNREGISTER_TASK.get(task.py())?.call1((task,))?;
    Ok(())
}

/// The weak set of tasks that are not ours, or are on loops that are not ours.
pub(crate) fn all_tasks(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    ALL_TASKS.get(py).cloned()
}

/// The set of tasks in their first, eager step (3.12 and later).
pub(crate) fn eager_tasks(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    EAGER_TASKS.get(py).cloned()
}

/// Adds to or takes from the set of tasks in their eager step.
pub(crate) fn mark_eager(task: &Bound<'_, PyAny>, on: bool) -> Fallible<()> {
    let py = task.py();
    let name = if on {
        intern!(py, "add")
    } else {
        intern!(py, "discard")
    };
    eager_tasks(py)?.call_method1(name, (task,))?;
    Ok(())
}

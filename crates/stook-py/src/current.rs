//! The current task of each loop.
//!
//! A loop of ours keeps its current task itself; of other loops it stands in the accelerator's
//! dict, where the names that were bound before ours look as well. While mirroring is on, tasks of
//! the accelerator's may run on a loop of ours, and enter themselves in the dict alone: then it has
//! the last word.
//!
//! Nobody finds a loop in a dict, and nobody puts it there, without asking it for its hash. So the
//! dict is told of a loop's current task when somebody asks (`tell`), and from then on until the
//! loop has no current task.
//!
//! DIFFERENCE: with stook's loop in plain asyncio, who goes through `asyncio.tasks._current_tasks`
//! from end to end, and looks no loop up, may not find the current task of a loop of stook's there.
//!
//! Invariant: the dict has nothing of a loop whose `is_told` is not set.

use pyo3::prelude::*;
use pyo3::types::PyDictMethods;

use crate::accelerator;
use crate::errors;
use crate::ffi::{Fallible, Ref};
use crate::loop_core::{self, LoopState, Marks};

fn get_foreign<'py>(event_loop: &Bound<'py, PyAny>) -> Fallible<Option<Bound<'py, PyAny>>> {
    Ok(accelerator::current_tasks(event_loop.py())?.get_item(event_loop)?)
}

fn set_foreign(event_loop: &Bound<'_, PyAny>, task: Option<&Bound<'_, PyAny>>) -> Fallible<()> {
    let tasks = accelerator::current_tasks(event_loop.py())?;
    match task {
        Some(task) => tasks.set_item(event_loop, task)?,
        None if tasks.contains(event_loop)? => tasks.del_item(event_loop)?,
        None => {}
    }
    Ok(())
}

/// Whether the dict has to agree with what the loop keeps.
#[inline]
fn is_told(native: &Ref<'_, LoopState>) -> bool {
    accelerator::is_mirroring() && (native.is_told.get() || native.has(Marks::HASH))
}

/// Tells the dict: somebody asks for the hash of a loop of ours, and may look there.
///
/// # Errors
/// `MemoryError`.
pub(crate) fn tell(native: &Ref<'_, LoopState>) -> Fallible<()> {
    if !accelerator::is_mirroring() || native.is_told.replace(true) {
        return Ok(());
    }
    match native.current_task.get(native.py()) {
        Some(task) => set_foreign(native.as_any(), Some(&task)),
        None => Ok(()),
    }
}

fn get_native<'py>(native: &Ref<'py, LoopState>) -> Fallible<Option<Bound<'py, PyAny>>> {
    if is_told(native)
        && let Some(current) = get_foreign(native.as_any())?
    {
        return Ok(Some(current));
    }
    Ok(native.current_task.get(native.py()))
}

fn set_native(native: &Ref<'_, LoopState>, task: Option<&Bound<'_, PyAny>>) -> Fallible<()> {
    native.current_task.set_or_clear(task.cloned());
    if is_told(native) {
        set_foreign(native.as_any(), task)?;
        native.is_told.set(task.is_some());
    }
    Ok(())
}

/// The task that `event_loop` runs.
///
/// # Errors
/// What comparing loops raises.
pub(crate) fn get<'py>(event_loop: &Bound<'py, PyAny>) -> Fallible<Option<Bound<'py, PyAny>>> {
    match loop_core::native(event_loop) {
        Some(native) => get_native(native),
        None => get_foreign(event_loop),
    }
}

fn cannot_enter(task: &Bound<'_, PyAny>, current: &Bound<'_, PyAny>) -> Fallible<()> {
    let (task, current) = (task.repr()?, current.repr()?);
    let message =
        format!("Cannot enter into task {task} while another task {current} is being executed.");
    Err(errors::runtime_error(message))
}

fn cannot_leave(task: &Bound<'_, PyAny>, current: Option<Bound<'_, PyAny>>) -> Fallible<()> {
    let current = match current {
        Some(current) => current.repr()?.to_string(),
        None => "None".to_owned(),
    };
    let message = format!(
        "Leaving task {} does not match the current task {current}.",
        task.repr()?
    );
    Err(errors::runtime_error(message))
}

/// `task` begins a step on a loop of ours.
#[inline]
pub(crate) fn enter_native(
    event_loop: &Ref<'_, LoopState>,
    task: &Bound<'_, PyAny>,
) -> Fallible<()> {
    if let Some(current) = get_native(event_loop)? {
        return cannot_enter(task, &current);
    }
    set_native(event_loop, Some(task))
}

/// `task` has ended a step on a loop of ours.
#[inline]
pub(crate) fn leave_native(
    event_loop: &Ref<'_, LoopState>,
    task: &Bound<'_, PyAny>,
) -> Fallible<()> {
    if !is_told(event_loop) && event_loop.current_task.holds(task) {
        event_loop.current_task.clear();
        return Ok(());
    }
    match get_native(event_loop)? {
        Some(current) if current.is(task) => set_native(event_loop, None),
        current => cannot_leave(task, current),
    }
}

/// `task` begins a step.
///
/// # Errors
/// `RuntimeError` when another task of the loop is in its step.
pub(crate) fn enter(event_loop: &Bound<'_, PyAny>, task: &Bound<'_, PyAny>) -> Fallible<()> {
    if let Some(native) = loop_core::native(event_loop) {
        return enter_native(native, task);
    }
    match get_foreign(event_loop)? {
        Some(current) => cannot_enter(task, &current),
        None => set_foreign(event_loop, Some(task)),
    }
}

/// `task` has ended its step.
///
/// # Errors
/// `RuntimeError` when it is not the loop's current task.
pub(crate) fn leave(event_loop: &Bound<'_, PyAny>, task: &Bound<'_, PyAny>) -> Fallible<()> {
    if let Some(native) = loop_core::native(event_loop) {
        return leave_native(native, task);
    }
    match get_foreign(event_loop)? {
        Some(current) if current.is(task) => set_foreign(event_loop, None),
        current => cannot_leave(task, current),
    }
}

/// Makes `task`, or none, the current one; returns the one before.
pub(crate) fn swap<'py>(
    event_loop: &Bound<'py, PyAny>,
    task: Option<&Bound<'py, PyAny>>,
) -> Fallible<Option<Bound<'py, PyAny>>> {
    if let Some(native) = loop_core::native(event_loop) {
        let before = get_native(native)?;
        set_native(native, task)?;
        return Ok(before);
    }
    let before = get_foreign(event_loop)?;
    set_foreign(event_loop, task)?;
    Ok(before)
}

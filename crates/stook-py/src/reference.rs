//! What the asyncio of the running interpreter does, where its versions differ.
//!
//! Micro versions differ too, so the reference's own Python code is asked which names it uses
//! instead of a version being compared.

use crate::ffi::intern;
use crate::ffi::once::Once;
use pyo3::prelude::*;
use pyo3::types::PyCode;
use stook_kernel::{ConvertRule, EnterRule, ExitRule};

/// The answers, found once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reference {
    /// `StopIteration` set as an exception becomes a `RuntimeError`; else it is a `TypeError`.
    pub(crate) stop_iteration_becomes_runtime_error: bool,
    /// `uncancel()` to zero takes back a cancellation that was not raised yet.
    pub(crate) uncancel_clears_due: bool,
    /// `sleep(nan)` is refused.
    pub(crate) sleep_refuses_nan: bool,
    /// `gather` counts children that are done before it is, once it has made its future.
    pub(crate) gather_counts_done_children: bool,
    /// The text of a callback leaves its arguments out unless in debug mode.
    pub(crate) callback_source_takes_debug: bool,
    /// `create_task` gives `name` to the loop; else it sets the name afterwards.
    pub(crate) create_task_passes_name: bool,
    /// A loop's `create_task` takes any keyword that a task takes.
    pub(crate) loop_takes_options: bool,
    /// Whether a timeout can be entered again.
    pub(crate) timeout_enters: EnterRule,
    /// Which cancellation becomes a timeout error.
    pub(crate) timeout_converts: ConvertRule,
    /// `wait_for` is a timeout round an `await`; else it waits for a task of its own.
    pub(crate) wait_for_is_a_timeout: bool,
    /// A task group gives `name` to the loop; else it sets the name afterwards.
    pub(crate) group_passes_name: bool,
    /// When a task group takes back the request that it made of its parent.
    pub(crate) group_exits: ExitRule,
    /// A task group lets go of its parent and its errors when its block is left.
    pub(crate) group_lets_go: bool,
}

/// Whether a function uses a name. Of what somebody has put in a function's place, and is none, it
/// is taken that it does what the newest versions do.
pub(crate) fn names(
    function: &Bound<'_, PyAny>,
    list: &str,
    name: &str,
    newest: bool,
) -> PyResult<bool> {
    match function.getattr_opt(intern!(function.py(), "__code__"))? {
        Some(code) if code.is_instance_of::<PyCode>() => code.getattr(list)?.contains(name),
        _ => Ok(newest),
    }
}

fn timeout_method<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    py.import("asyncio.timeouts")?
        .getattr("Timeout")?
        .getattr(name)
}

fn group_class(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    py.import("asyncio.taskgroups")?.getattr("TaskGroup")
}

fn group_exits(py: Python<'_>) -> PyResult<ExitRule> {
    let group = group_class(py)?;
    // Its own method in later versions, which the other calls.
    let exit = match group.getattr_opt("_aexit")? {
        Some(exit) => exit,
        None => group.getattr("__aexit__")?,
    };
    Ok(if names(&exit, "co_names", "cancelling", true)? {
        ExitRule::UncancelLast
    } else {
        ExitRule::UncancelFirst
    })
}

fn timeout_enters(py: Python<'_>) -> PyResult<EnterRule> {
    let enter = timeout_method(py, "__aenter__")?;
    let refusal = "Timeout has already been entered";
    Ok(if names(&enter, "co_consts", refusal, true)? {
        EnterRule::Once
    } else {
        EnterRule::Unchecked
    })
}

fn timeout_converts(py: Python<'_>) -> PyResult<ConvertRule> {
    let exit = timeout_method(py, "__aexit__")?;
    Ok(
        if names(&exit, "co_names", "_insert_timeout_error", true)? {
            ConvertRule::NoneNewOrDerived
        } else if names(&exit, "co_names", "_cancelling", true)? {
            ConvertRule::NoneNew
        } else {
            ConvertRule::NoneLeft
        },
    )
}

/// The answers for the running interpreter.
///
/// # Errors
/// When asyncio does not have what it always had.
pub(crate) fn reference(py: Python<'_>) -> PyResult<Reference> {
    static REFERENCE: Once<Reference> = Once::new();
    REFERENCE
        .get_or_try_init(py, || {
            let tasks = py.import("asyncio.tasks")?;
            let future = py.import("asyncio.futures")?.getattr("_PyFuture")?;
            let format = py
                .import("asyncio.format_helpers")?
                .getattr("_format_callback_source")?;
            let task = tasks.getattr("_PyTask")?;
            let gather = tasks.getattr("gather")?;
            Ok(Reference {
                stop_iteration_becomes_runtime_error: names(
                    &future.getattr("set_exception")?,
                    "co_names",
                    "RuntimeError",
                    true,
                )?,
                uncancel_clears_due: names(
                    &task.getattr("uncancel")?,
                    "co_names",
                    "_must_cancel",
                    true,
                )?,
                sleep_refuses_nan: names(&tasks.getattr("sleep")?, "co_names", "isnan", true)?,
                gather_counts_done_children: names(&gather, "co_varnames", "done_futs", true)?,
                callback_source_takes_debug: names(&format, "co_varnames", "debug", true)?,
                create_task_passes_name: !names(
                    &tasks.getattr("create_task")?,
                    "co_names",
                    "_set_task_name",
                    false,
                )?,
                loop_takes_options: names(
                    &py.import("asyncio.base_events")?
                        .getattr("BaseEventLoop")?
                        .getattr("create_task")?,
                    "co_varnames",
                    "kwargs",
                    true,
                )?,
                timeout_enters: timeout_enters(py)?,
                timeout_converts: timeout_converts(py)?,
                wait_for_is_a_timeout: names(
                    &tasks.getattr("wait_for")?,
                    "co_names",
                    "timeouts",
                    true,
                )?,
                group_passes_name: !names(
                    &group_class(py)?.getattr("create_task")?,
                    "co_names",
                    "_set_task_name",
                    false,
                )?,
                group_exits: group_exits(py)?,
                group_lets_go: group_class(py)?.getattr_opt("_aexit")?.is_some(),
            })
        })
        .copied()
}

//! What groups and timeouts ask of a task, whatever task it is.

use pyo3::intern;
use pyo3::prelude::*;

use crate::current;
use crate::ffi::{Fallible, Ref, call};
use crate::future;
use crate::loop_core::LoopState;
use crate::task::{self, TaskState};

/// The current task of `running`.
pub(super) fn current<'py>(running: &Ref<'py, LoopState>) -> Fallible<Option<Bound<'py, PyAny>>> {
    current::get(running.as_any())
}

/// `task.cancel()`
pub(super) fn cancel(task: &Bound<'_, PyAny>) -> Fallible<()> {
    match Ref::<TaskState>::cast_exact(task) {
        Some(own) => task::cancel(own, None).map(drop),
        None => call::method0(task, intern!(task.py(), "cancel")).map(drop),
    }
}

/// `task.done()`, of a task or another future.
pub(super) fn is_done(task: &Bound<'_, PyAny>) -> Fallible<bool> {
    match future::plain(task) {
        Some(plain) => Ok(plain.is_done()),
        None => Ok(call::method0(task, intern!(task.py(), "done"))?.is_truthy()?),
    }
}

/// `task.cancelling()`
pub(super) fn cancelling(task: &Bound<'_, PyAny>) -> Fallible<u32> {
    match Ref::<TaskState>::cast_exact(task) {
        Some(own) => Ok(own.requests.get().pending()),
        None => Ok(call::method0(task, intern!(task.py(), "cancelling"))?.extract()?),
    }
}

/// `task.uncancel()`
pub(super) fn uncancel(task: &Bound<'_, PyAny>) -> Fallible<u32> {
    match Ref::<TaskState>::cast_exact(task) {
        Some(own) => task::uncancel(own),
        None => Ok(call::method0(task, intern!(task.py(), "uncancel"))?.extract()?),
    }
}

//! What groups and timeouts ask of a task, whatever task it is.

use crate::ffi::intern;
use pyo3::prelude::*;
use stook_kernel::CancelKind;

use crate::asking;
use crate::current;
use crate::ffi::{Fallible, Ref, call};
use crate::future;
use crate::loop_core::LoopState;
use crate::record::RecordState;
use crate::task::{self, TaskState};

/// The current task of `running`.
pub(super) fn current<'py>(running: &Ref<'py, LoopState>) -> Fallible<Option<Bound<'py, PyAny>>> {
    current::get(running.as_any())
}

/// `task.cancel()`, for this reason.
pub(super) fn cancel(task: &Bound<'_, PyAny>, kind: CancelKind) -> Fallible<()> {
    if let Some(own) = Ref::<TaskState>::cast_exact(task)
        && own.future.is_done()
    {
        own.future.mark_read();
        return Ok(());
    }
    let mut request = asking::request_for(task.py(), kind)?;
    if let Some(own) = Ref::<TaskState>::cast(task) {
        asking::say_where_it_waits(&mut request, own)?;
    }
    cancel_with(task, &request.record(task.py())?)
}

/// `task.cancel()`, by the request of which this is the record.
pub(super) fn cancel_with<'py>(
    task: &Bound<'py, PyAny>,
    record: &Ref<'py, RecordState>,
) -> Fallible<()> {
    asking::cancel_with(task, None, record).map(drop)
}

/// `task.cancel()`, by the request that it dealt with before its group failed.
pub(super) fn cancel_again(task: &Bound<'_, PyAny>) -> Fallible<()> {
    let py = task.py();
    match Ref::<TaskState>::cast(task)
        .and_then(|own| own.future.cancellations_if_any()?.to_repeat(py))
    {
        Some(record) => asking::cancel_with(task, None, &record).map(drop),
        None => cancel(task, CancelKind::ParentCancelled),
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
        Some(own) => Ok(own.requests(task.py()).pending()),
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

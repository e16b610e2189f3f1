//! Who asks for a cancellation, why, and from which line.
//!
//! The line is the first one outside asyncio and stook. Where code of asyncio's asks, that code says
//! why: a timeout, a group, the end of a run. Where one request leads to another through a method
//! that may be anybody's, the record is handed over on the side.

mod code;
mod handing;
mod place;

use crate::ffi::intern;
use pyo3::prelude::*;
use stook_kernel::CancelKind;

pub(crate) use self::code::{directories, is_outside};
pub(crate) use self::handing::{Handed, handed, handing, handing_on};
pub(crate) use self::place::{here, raised_at, stands_for_those_put_aside};

use self::code::Code;
use self::place::{local, place, waits_at};
use crate::accelerator;
use crate::cancellations::{self, Cancellations};
use crate::clock;
use crate::errors::CANCELLED_ERROR;
use crate::ffi::origin::Origin;
use crate::ffi::{Fallible, Ref, call, error};
use crate::future::FutureState;
use crate::loop_core;
use crate::record::{RecordState, Request, Who};
use crate::set_at;
use crate::task::{self, TaskState};

/// The task that runs in this thread.
fn asking_task(py: Python<'_>) -> Fallible<Option<Bound<'_, PyAny>>> {
    if let Some(current) = loop_core::running_native(py, |native| native.current_task.get(py))
        && (current.is_some() || !accelerator::is_mirroring())
    {
        return Ok(current);
    }
    let Some(running) = loop_core::running_loop(py)? else {
        return Ok(None);
    };
    Ok(accelerator::current_tasks(py)?.get_item(&running)?)
}

/// `task` as the one who asks; `None` where it has no name.
pub(crate) fn as_who<'py>(task: &Bound<'py, PyAny>) -> Option<Who<'py>> {
    let py = task.py();
    let id = task.as_ptr() as usize;
    if let Some(own) = Ref::<TaskState>::cast(task) {
        let (name, number) = own.name_or_number(py);
        return Some(Who { name, number, id });
    }
    let name = call::optional_attribute(task, intern!(py, "get_name"))
        .and_then(|get_name| get_name.map(|get_name| call::call0(&get_name)).transpose());
    match name {
        Ok(name) => Some(Who {
            name: Some(name?),
            number: 0,
            id,
        }),
        Err(raised) => {
            raised.clear(py);
            None
        }
    }
}

/// The record of the cancellation that `task` is dealing with.
fn dealing_with<'py>(task: &Bound<'py, PyAny>) -> Option<Ref<'py, RecordState>> {
    let own = Ref::<TaskState>::cast(task)?;
    let cancellations = own.future.cancellations_if_any()?;
    // Of its own requests those that were taken back are over.
    let stands = own.requests(task.py()).pending() > 0;
    if !stands && (!cancellations.is_raising() || cancellations.is_told_of_own()) {
        return None;
    }
    cancellations.told(task.py())
}

/// Whether a step of `task` goes on that has raised a cancellation.
fn is_raising(task: Option<&Bound<'_, PyAny>>) -> bool {
    task.and_then(Ref::<TaskState>::cast)
        .and_then(|own| own.future.cancellations_if_any())
        .is_some_and(Cancellations::is_raising)
}

/// What is known of a request that is made now, for the reason that the code that asks tells.
///
/// # Errors
/// What looking at new code, or asking a task of another kind for its name, raises.
pub(crate) fn request(py: Python<'_>) -> Fallible<Request<'_>> {
    let (origin, reason) = place(py)?;
    let asking = asking_task(py)?;
    let cause = asking.as_ref().and_then(dealing_with);
    let kind = match reason {
        Some(Code::Reason(kind)) => kind,
        Some(Code::End(_)) if is_raising(asking.as_ref()) => CancelKind::ParentCancelled,
        Some(Code::End(kind)) => kind,
        Some(Code::EndOfBlock) => {
            let exception = local(py, Code::EndOfBlock, &["exc"])?;
            let exception = exception.filter(|exception| !exception.is_none());
            return by_end(py, exception.as_ref(), origin);
        }
        _ => CancelKind::Explicit,
    };
    let origin = match kind {
        CancelKind::Timeout => set_at::running(py).or(origin),
        _ => origin,
    };
    if reason == Some(Code::Reason(CancelKind::SiblingFailed))
        && let Some(task) = failed_task(py)?
    {
        return by_failure(&task, origin);
    }
    // Who waits in a timeout has not asked for its end.
    let (asking, cause) = match kind {
        CancelKind::Timeout => (None, None),
        _ => (asking, cause),
    };
    Ok(Request {
        kind,
        who: asking.as_ref().and_then(as_who),
        origin,
        cause,
        when: now(),
        ..Request::default()
    })
}

/// The same for a reason that we know.
///
/// # Errors
/// As [`request`].
pub(crate) fn request_for(py: Python<'_>, kind: CancelKind) -> Fallible<Request<'_>> {
    let mut request = request(py)?;
    if kind == CancelKind::Timeout {
        request.origin = set_at::running(py).or(request.origin);
        request.who = None;
        request.cause = None;
    }
    if kind == CancelKind::ParentCancelled
        && let Some(cause) = &request.cause
    {
        // From where that was asked for, which led to this.
        request.origin = cause.origin(py).or(request.origin);
    }
    request.kind = kind;
    Ok(request)
}

/// The task that a group is told of by asyncio's own method, which asks now.
fn failed_task(py: Python<'_>) -> Fallible<Option<Bound<'_, PyAny>>> {
    local(py, Code::Reason(CancelKind::SiblingFailed), &["task"])
}

/// A request because the current task's block or wait, which is at `origin`, has ended by
/// `exception`, or by what the current step raises.
///
/// # Errors
/// What looking at the exception raises.
pub(crate) fn by_end<'py>(
    py: Python<'py>,
    exception: Option<&Bound<'py, PyAny>>,
    origin: Option<Origin<'py>>,
) -> Fallible<Request<'py>> {
    let asking = asking_task(py)?;
    let mut request = Request {
        kind: CancelKind::ParentCancelled,
        who: asking.as_ref().and_then(as_who),
        origin,
        when: now(),
        ..Request::default()
    };
    let dealt_with = asking.as_ref().and_then(dealing_with);
    match exception {
        Some(failure) if !error::is_a(failure, CANCELLED_ERROR.get(py)?) => {
            request.kind = CancelKind::SiblingFailed;
            request.origin = raised_at(failure)?.or(request.origin);
        }
        // One that goes on after its request was taken back, as from the block of a token, is the cause.
        Some(cancellation) => {
            request.cause = cancellations::attached(cancellation)?.or(dealt_with);
        }
        None => request.cause = dealt_with,
    }
    Ok(request)
}

/// The record of what has ended, where asyncio's own code hands that end on.
fn handed_on(py: Python<'_>) -> Fallible<Option<Ref<'_, RecordState>>> {
    let ended = local(py, Code::HandsOn, &["inner", "source"])?;
    let ended = ended.as_ref().and_then(Ref::<FutureState>::cast);
    Ok(ended.and_then(|ended| ended.record(py)))
}

/// A request because `task`, one of a group, failed: from the line where it did or, where that is not
/// known, from `otherwise`.
///
/// # Errors
/// What asking a task of another kind raises.
pub(crate) fn by_failure<'py>(
    task: &Bound<'py, PyAny>,
    otherwise: Option<Origin<'py>>,
) -> Fallible<Request<'py>> {
    let py = task.py();
    let exception = match Ref::<TaskState>::cast(task) {
        Some(own) => own.future.peek_exception(py),
        None => None,
    };
    let place = match exception {
        Some(exception) => raised_at(&exception)?,
        None => None,
    };
    Ok(Request {
        kind: CancelKind::SiblingFailed,
        who: as_who(task),
        origin: place.or(otherwise),
        when: now(),
        ..Request::default()
    })
}

fn now() -> f64 {
    clock::coarse_tick() as f64 / 1e9
}

/// A request that follows from `cause`, made by the task `by` or by who made that.
///
/// # Errors
/// `MemoryError`.
pub(crate) fn follow<'py>(
    cause: &Ref<'py, RecordState>,
    kind: CancelKind,
    by: Option<&Bound<'py, PyAny>>,
) -> Fallible<Ref<'py, RecordState>> {
    follow_at(cause, kind, by, now())
}

/// The same, of a request that was made at this time, in seconds of the monotonic clock.
///
/// # Errors
/// `MemoryError`.
pub(crate) fn follow_at<'py>(
    cause: &Ref<'py, RecordState>,
    kind: CancelKind,
    by: Option<&Bound<'py, PyAny>>,
    when: f64,
) -> Fallible<Ref<'py, RecordState>> {
    let py = cause.py();
    let who = match by {
        Some(task) => as_who(task),
        None => cause.who(py),
    };
    Request {
        kind,
        who,
        origin: cause.origin(py),
        waited_there: cause.waited_there(),
        reason: None,
        cause: Some(cause.clone()),
        when,
    }
    .record(py)
}

/// The same request, made again now.
///
/// # Errors
/// `MemoryError`.
pub(crate) fn repeat<'py>(record: &Ref<'py, RecordState>) -> Fallible<Ref<'py, RecordState>> {
    let py = record.py();
    Request {
        kind: record.kind(),
        who: record.who(py),
        origin: record.origin(py),
        waited_there: record.waited_there(),
        reason: record.reason(py),
        cause: None,
        when: now(),
    }
    .record(py)
}

/// The record for `task`, whose method `cancel` was called.
///
/// # Errors
/// As [`request`].
pub(crate) fn of_task<'py>(
    task: &Ref<'py, TaskState>,
    reason: Option<&Bound<'py, PyAny>>,
) -> Fallible<Ref<'py, RecordState>> {
    let py = task.py();
    match handed(task.as_any()) {
        Some(Handed::Final(record)) => Ok(record),
        Some(Handed::Cause(cause)) => {
            let kind = match place(py)?.1 {
                Some(Code::Reason(kind)) => kind,
                // A method of a program's may stand between a gather and us.
                _ if Ref::<TaskState>::cast_exact(task.as_any()).is_none()
                    && local(py, Code::Reason(CancelKind::Group), &["self"])?.is_some() =>
                {
                    CancelKind::Group
                }
                _ => CancelKind::ParentCancelled,
            };
            follow(&cause, kind, None)
        }
        None => {
            if place(py)?.1 == Some(Code::EndOfBlock)
                && asking_task(py)?.is_some_and(|asking| asking.is(task.as_any()))
                && let Some(known) = task.future.cancellations_if_any()
                && let Some(record) = known.to_repeat(py)
            {
                return Ok(record);
            }
            let mut request = with_reason(request(py)?, reason);
            if request.kind == CancelKind::Group {
                // A gather of asyncio's own, which has no record.
                request.kind = CancelKind::Explicit;
                return follow(&request.record(py)?, CancelKind::Group, None);
            }
            say_where_it_waits(&mut request, task)?;
            request.record(py)
        }
    }
}

/// Gives a request of a timeout, of which nobody knows where it was set, another place.
///
/// DIFFERENCE: on a loop of others nobody knows where a timeout was set; the record of its
/// cancellation says where the task waited instead.
///
/// # Errors
/// What looking at the task's coroutine raises.
pub(crate) fn say_where_it_waits<'py>(
    request: &mut Request<'py>,
    task: &Ref<'py, TaskState>,
) -> Fallible<()> {
    let py = task.py();
    if request.kind == CancelKind::Timeout
        && set_at::running(py).is_none()
        && asking_task(py)?.is_none()
    {
        request.origin = waits_at(task)?;
        request.waited_there = true;
    }
    Ok(())
}

/// The record for a future, which is not a task, whose method `cancel` was called.
///
/// # Errors
/// As [`request`].
pub(crate) fn of_future<'py>(
    future: &Bound<'py, PyAny>,
    reason: Option<&Bound<'py, PyAny>>,
) -> Fallible<Ref<'py, RecordState>> {
    let py = future.py();
    match handed(future) {
        Some(Handed::Final(record) | Handed::Cause(record)) => Ok(record),
        None => {
            if place(py)?.1 == Some(Code::HandsOn)
                && let Some(record) = handed_on(py)?
            {
                return Ok(record);
            }
            with_reason(request(py)?, reason).record(py)
        }
    }
}

/// The record for a gather, whose method `cancel` was called, and the one for its children.
///
/// # Errors
/// As [`request`].
pub(crate) fn of_gather<'py>(
    gather: &Bound<'py, PyAny>,
    reason: Option<&Bound<'py, PyAny>>,
) -> Fallible<(Ref<'py, RecordState>, Ref<'py, RecordState>)> {
    let py = gather.py();
    let common = match handed(gather) {
        Some(Handed::Final(record)) if record.kind() != CancelKind::Group => {
            let common = follow(&record, CancelKind::Group, None)?;
            return Ok((record, common));
        }
        Some(Handed::Final(record)) => record,
        Some(Handed::Cause(cause)) => follow(&cause, CancelKind::Group, None)?,
        None => {
            let record = with_reason(request(py)?, reason).record(py)?;
            let common = follow(&record, CancelKind::Group, None)?;
            return Ok((record, common));
        }
    };
    Ok((common.clone(), common))
}

fn with_reason<'py>(mut request: Request<'py>, reason: Option<&Bound<'py, PyAny>>) -> Request<'py> {
    request.reason = reason.cloned();
    request
}

/// Asks `task` to cancel, with this message and record.
///
/// # Errors
/// What asking a task whose methods are not ours raises.
pub(crate) fn cancel_with<'py>(
    task: &Bound<'py, PyAny>,
    message: Option<&Bound<'py, PyAny>>,
    record: &Ref<'py, RecordState>,
) -> Fallible<bool> {
    let py = task.py();
    if let Some(own) = Ref::<TaskState>::cast_exact(task) {
        return task::cancel(own, message, record);
    }
    let name = intern!(py, "cancel");
    // A gather of asyncio's is no object of ours, and what it asks follows from this.
    let answer = handing(record, Some(task), || match message {
        Some(message) => call::method1(task, name, message),
        None => call::method0(task, name),
    })?;
    Ok(answer.is_truthy()?)
}

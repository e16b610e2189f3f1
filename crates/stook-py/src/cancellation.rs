//! `cancellation`, `cancel` and `Cancellation.is_mine`: asking about cancellations, and asking for
//! one with a reason.

use crate::ffi::intern;
use pyo3::exceptions::{PyBaseException, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyString;
use stook_kernel::CancelKind;

use crate::asking;
use crate::cancellations::{self, Cancellations};
use crate::current;
use crate::errors::{self, CANCELLED_ERROR};
use crate::ffi::{Args, Fallible, Method, Ref, Signature, call, error};
use crate::future::FutureState;
use crate::future_class::python_bool;
use crate::gathering::GatheringState;
use crate::loop_core;
use crate::participants;
use crate::record::{self, RecordState, Request};
use crate::task::{self, TaskState};

/// The task that runs in this thread, if it is one of ours.
fn current_task(py: Python<'_>) -> Fallible<Option<Bound<'_, PyAny>>> {
    let Some(running) = loop_core::running_loop(py)? else {
        return Ok(None);
    };
    current::get(&running)
}

fn own<'a, 'py>(task: &'a Bound<'py, PyAny>) -> Option<&'a Ref<'py, TaskState>> {
    Ref::<TaskState>::cast(task)
}

/// The record of an exception, or of the one that it came from. A cancellation that nobody kept a
/// record of has one that says so; one that has taken the place of the task's own has met that.
fn of_exception<'py>(exception: &Bound<'py, PyAny>) -> Fallible<Option<Bound<'py, PyAny>>> {
    let class = CANCELLED_ERROR.get(exception.py())?;
    let current = current_task(exception.py())?;
    let task = current.as_ref().and_then(own);
    let known = task.and_then(|task| task.future.cancellations_if_any());
    let found = kept_of(exception, known)?;
    if !error::is_a(exception, class) {
        return Ok(found.map(Ref::into_any));
    }
    let record = match found {
        Some(record) => record,
        None => unknown(exception)?,
    };
    let stands = task.is_some_and(|task| task.requests(exception.py()).pending() > 0);
    if stands
        && let Some(known) = known
        && !known.has_received(&record, stands)
        && let Some(replaced) = replaced_by(exception, known)?
    {
        let both = record::beside_own(record, &replaced)?;
        cancellations::attach(exception, both.as_any())?;
        return Ok(Some(both.into_any()));
    }
    Ok(Some(record.into_any()))
}

/// The record that was kept of an exception, or of the one that it came from.
fn kept_of<'py>(
    exception: &Bound<'py, PyAny>,
    known: Option<&Cancellations>,
) -> Fallible<Option<Ref<'py, RecordState>>> {
    let py = exception.py();
    let class = CANCELLED_ERROR.get(py)?;
    let mut at = exception.clone();
    for _ in 0..cancellations::LONGEST {
        let is_cancellation = error::is_a(&at, class);
        if is_cancellation {
            if let Some(record) = cancellations::attached(&at)? {
                return Ok(Some(record));
            }
            if asking::stands_for_those_put_aside(&at)? {
                return Ok(known.and_then(|known| known.told_of_own(py)));
            }
        }
        // A `TimeoutError` comes from the cancellation that it stands for; a cancellation only from
        // what it was raised from by those words.
        let other = if is_cancellation {
            Some(at.getattr(intern!(py, "__cause__"))?).filter(|cause| !cause.is_none())
        } else {
            cancellations::came_from(&at)?
        };
        match other {
            Some(other) => at = other,
            None => break,
        }
    }
    Ok(None)
}

/// The record of the task's own cancellation that was being handled when `exception` was raised.
fn replaced_by<'py>(
    exception: &Bound<'py, PyAny>,
    known: &Cancellations,
) -> Fallible<Option<Ref<'py, RecordState>>> {
    let py = exception.py();
    let mut at = exception.getattr(intern!(py, "__context__"))?;
    for _ in 0..cancellations::LONGEST {
        if at.is_none() {
            break;
        }
        if let Some(record) = cancellations::attached(&at)?
            && known.is_own(&record)
        {
            return Ok(Some(record));
        }
        at = at.getattr(intern!(py, "__context__"))?;
    }
    Ok(None)
}

/// The record of a cancellation that nobody kept one of.
fn unknown<'py>(exception: &Bound<'py, PyAny>) -> Fallible<Ref<'py, RecordState>> {
    let args = exception.getattr(intern!(exception.py(), "args"))?;
    let given = error::or_none(exception.py(), args.get_item(0));
    let request = Request {
        kind: CancelKind::Unknown,
        // Without a message, asyncio's `gather` gives an empty text.
        reason: given.filter(|given| !is_empty(given)),
        when: f64::NAN,
        ..Request::default()
    };
    request.record(exception.py())
}

fn is_empty(text: &Bound<'_, PyAny>) -> bool {
    text.cast_exact::<PyString>()
        .is_ok_and(|text| error::or_none(text.py(), text.len()) == Some(0))
}

/// `cancellation(of=None)`
pub(crate) fn cancellation<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    const SIGNATURE: Signature<1> = Signature::python("cancellation", ["of"], 1, 0);
    let py = args.py();
    let [of] = args.parse(&SIGNATURE)?;
    let of = match of.filter(|of| !of.is_none()) {
        Some(of) => Some(of),
        None => current_task(py)?,
    };
    let Some(of) = of else {
        return Ok(py.None().into_bound(py));
    };
    let record = if of.is_instance_of::<PyBaseException>() {
        of_exception(&of)?
    } else if let Some(future) = Ref::<FutureState>::cast(&of) {
        if let Some(gather) = Ref::<GatheringState>::cast(&of) {
            task::catch_up_gather(gather);
        }
        future
            .cancellations_if_any()
            .and_then(|known| known.latest(py))
    } else if crate::ensure::is_future(&of)? {
        // Of another library's: nobody has kept a record.
        None
    } else {
        let name = errors::type_name(&of)?;
        let message = format!("an exception, a task or None is expected, not {name}");
        return Err(PyTypeError::new_err(message).into());
    };
    Ok(record.unwrap_or_else(|| py.None().into_bound(py)))
}

/// `cancel(task, msg=None, *, reason=None)`
pub(crate) fn cancel<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    const SIGNATURE: Signature<3> = Signature::python("cancel", ["task", "msg", "reason"], 2, 1);
    let py = args.py();
    let [task, message, reason] = args.parse(&SIGNATURE)?;
    let task = task.unwrap_or_else(|| py.None().into_bound(py));
    if !crate::ensure::is_future(&task)? {
        let name = errors::type_name(&task)?;
        let message = format!("a task or future is expected, not {name}");
        return Err(PyTypeError::new_err(message).into());
    }
    if call::method0(&task, intern!(py, "done"))?.is_truthy()? {
        return Ok(python_bool(py, false));
    }
    let mut request = asking::request(py)?;
    request.reason = reason.or_else(|| message.clone());
    let record = request.record(py)?;
    let answer = asking::cancel_with(&task, message.as_ref(), &record)?;
    Ok(python_bool(py, answer))
}

/// `_request(kind, reason=None, cause=None)`: the record of a request that is made now, for what is
/// in Python of ours.
pub(crate) fn request<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    const SIGNATURE: Signature<3> =
        Signature::python("_request", ["kind", "reason", "cause"], 3, 1);
    let py = args.py();
    let [kind, reason, cause] = args.parse(&SIGNATURE)?;
    let word: String = match kind {
        Some(kind) => kind.extract()?,
        None => String::new(),
    };
    let Some(kind) = record::kind_called(&word) else {
        return Err(PyValueError::new_err(format!("no kind of cancellation: {word:?}")).into());
    };
    let mut request = asking::request_for(py, kind)?;
    request.reason = reason;
    if let Some(cause) = cause.as_ref().and_then(Ref::<RecordState>::cast) {
        request.cause = Some(cause.clone());
    }
    Ok(request.record(py)?.into_any())
}

/// `_cancel_with(task, record, msg=None)`: asks a task to cancel, by the request of this record.
pub(crate) fn cancel_with<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    const SIGNATURE: Signature<3> =
        Signature::python("_cancel_with", ["task", "record", "msg"], 3, 2);
    let py = args.py();
    let [task, record, message] = args.parse(&SIGNATURE)?;
    let none = || py.None().into_bound(py);
    let (task, record) = (task.unwrap_or_else(none), record.unwrap_or_else(none));
    let Some(record) = Ref::<RecordState>::cast(&record) else {
        return Err(PyTypeError::new_err("a Cancellation is expected").into());
    };
    let answer = asking::cancel_with(&task, message.as_ref(), record)?;
    Ok(python_bool(py, answer))
}

/// `_cancel_each(tasks, record)`: asks every task that is not done, whatever asking one raises.
pub(crate) fn cancel_each<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    const SIGNATURE: Signature<2> = Signature::python("_cancel_each", ["tasks", "record"], 2, 2);
    let py = args.py();
    let none = || py.None().into_bound(py);
    let [tasks, record] = args
        .parse(&SIGNATURE)?
        .map(|given| given.unwrap_or_else(none));
    let Some(record) = Ref::<RecordState>::cast(&record) else {
        return Err(PyTypeError::new_err("a Cancellation is expected").into());
    };
    let tasks = tasks.try_iter()?.collect::<PyResult<Vec<_>>>()?;
    participants::cancel_each(&tasks, || Ok(record.clone()))?;
    Ok(none())
}

/// `_attach(exception, record)`: lets an exception be asked for a record.
pub(crate) fn attach<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    const SIGNATURE: Signature<2> = Signature::python("_attach", ["exception", "record"], 2, 2);
    let py = args.py();
    let none = || py.None().into_bound(py);
    let [exception, record] = args
        .parse(&SIGNATURE)?
        .map(|given| given.unwrap_or_else(none));
    cancellations::attach(&exception, &record)?;
    Ok(none())
}

/// `_repeat(record)`: the same request, made again now; what a timer asks for, which was set by who is
/// in the record.
pub(crate) fn repeat<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    const SIGNATURE: Signature<1> = Signature::python("_repeat", ["record"], 1, 1);
    let [record] = args.parse(&SIGNATURE)?;
    match record.as_ref().and_then(Ref::<RecordState>::cast) {
        Some(record) => Ok(asking::repeat(record)?.into_any()),
        None => Err(PyTypeError::new_err("a Cancellation is expected").into()),
    }
}

/// `Cancellation.is_mine()`
fn is_mine<'py>(this: &Ref<'py, RecordState>) -> Fallible<Bound<'py, PyAny>> {
    let py = this.py();
    let current = current_task(py)?;
    let is_mine = current.as_ref().and_then(own).is_some_and(|task| {
        let stands = task.requests(py).pending() > 0;
        let known = task.future.cancellations_if_any();
        known.is_some_and(|known| known.has_received(this, stands))
    });
    Ok(python_bool(py, is_mine))
}

/// Makes the class of the records.
///
/// # Errors
/// What making a class raises.
pub(crate) fn build(module: &Bound<'_, PyModule>) -> Fallible<()> {
    record::build(
        module,
        Method::none(
            c"is_mine",
            c"is_mine($self)\n--\n\nWhether the current task itself was asked to cancel.",
            is_mine,
        ),
    )
}

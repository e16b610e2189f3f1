//! Who asks for a cancellation, why, and from which line.
//!
//! The line is the first one outside asyncio and stook. Where code of asyncio's asks, that code says
//! why: a timeout, a group, the end of a run. Where one request leads to another through a method
//! that may be anybody's, the record is handed over on the side.

use std::cell::{Cell, RefCell};
use std::mem::ManuallyDrop;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyString;
use rustc_hash::FxHashMap;
use stook_kernel::CancelKind;

use crate::accelerator;
use crate::cancellations::{self, Cancellations};
use crate::clock;
use crate::errors::{CANCELLED_ERROR, GET_FRAME};
use crate::ffi::origin::{self, Origin};
use crate::ffi::{Fallible, Held, HeldCell, Ref, call, error};
use crate::future::FutureState;
use crate::loop_core;
use crate::record::{RecordState, Request, Who};
use crate::set_at;
use crate::task::{self, TaskState};

/// What is known of a code object that has asked, or stood between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Code {
    /// A program's, or another library's.
    Outside,
    /// Of asyncio's or stook's: it tells nothing.
    Between,
    /// Of asyncio's: it asks for this reason.
    Reason(CancelKind),
    /// The end of a wait: because that was cancelled, or for the other reason.
    End(CancelKind),
    /// The end of a group's block: because that was cancelled, or has failed.
    EndOfBlock,
    /// It hands the end of one future on to another.
    HandsOn,
    /// It runs a loop: who has called it has not asked.
    RunsLoop,
}

/// Functions of asyncio that ask, by file and qualified name.
const REASONS: [(&str, &str, Code); 13] = [
    (
        "base_events.py",
        "BaseEventLoop.run_forever",
        Code::RunsLoop,
    ),
    // Of loops whose own functions have no frames.
    ("runners.py", "Runner.run", Code::RunsLoop),
    (
        "timeouts.py",
        "Timeout._on_timeout",
        Code::Reason(CancelKind::Timeout),
    ),
    (
        "tasks.py",
        "_cancel_and_wait",
        Code::End(CancelKind::Timeout),
    ),
    (
        "tasks.py",
        "_GatheringFuture.cancel",
        Code::Reason(CancelKind::Group),
    ),
    (
        "taskgroups.py",
        "TaskGroup._on_task_done",
        Code::Reason(CancelKind::SiblingFailed),
    ),
    ("taskgroups.py", "TaskGroup.__aexit__", Code::EndOfBlock),
    ("taskgroups.py", "TaskGroup._aexit", Code::EndOfBlock),
    ("tasks.py", "shield", Code::HandsOn),
    ("futures.py", "_copy_future_state", Code::HandsOn),
    (
        "runners.py",
        "_cancel_all_tasks",
        Code::Reason(CancelKind::Shutdown),
    ),
    (
        "runners.py",
        "Runner._on_sigint",
        Code::Reason(CancelKind::Interrupt),
    ),
    (
        "staggered.py",
        "staggered_race",
        Code::Reason(CancelKind::LostRace),
    ),
];

/// Functions of stook's that run a loop.
const RUNS_LOOP: [&str; 2] = [
    "Scheduling.run_forever",
    "Scheduling._run_nested_until_complete",
];

/// So many code objects of programs are remembered at the most; a power of 2.
const MOST_CODES: usize = 16;

/// What is known of code objects. They are kept alive, so that an address stays that of its code.
struct Known {
    /// Of asyncio's and stook's.
    own: FxHashMap<usize, (Held, Code)>,
    /// Of programs, each at a place that depends on its address.
    outside: [Option<Held>; MOST_CODES],
}

/// What is handed over to a method that is being called.
struct Handover {
    record: HeldCell,
    /// The address of the object whose own record it is; 0 of none.
    object: Cell<usize>,
}

/// Where a code object of a program is remembered.
const fn place_of(address: usize) -> usize {
    (address >> 4) % MOST_CODES
}

thread_local! {
    /// Never released at the end of a thread: that may be after the interpreter's own end.
    static CODES: ManuallyDrop<RefCell<Known>> = ManuallyDrop::new(RefCell::new(Known {
        own: FxHashMap::default(),
        outside: [const { None }; MOST_CODES],
    }));
    static HANDOVER: ManuallyDrop<Handover> = const {
        ManuallyDrop::new(Handover {
            record: HeldCell::new(),
            object: Cell::new(0),
        })
    };
}

impl Known {
    #[inline]
    fn get(&self, address: usize) -> Option<Code> {
        let outside = self.outside[place_of(address)].as_ref();
        if outside.is_some_and(|known| known.address() == address) {
            return Some(Code::Outside);
        }
        self.own.get(&address).map(|(_, code)| *code)
    }
}

/// A string to compare with: file names that are no UTF-8 have characters that Rust has not.
fn text(string: &Bound<'_, PyAny>) -> PyResult<String> {
    Ok(string.cast::<PyString>()?.to_string_lossy().into_owned())
}

/// Where stook and asyncio are.
///
/// # Errors
/// What importing them raises, the first time: at the end of the interpreter nothing can be imported.
pub(crate) fn directories(py: Python<'_>) -> PyResult<&'static [String; 2]> {
    static DIRECTORIES: PyOnceLock<[String; 2]> = PyOnceLock::new();
    let directory_of = |package: &str| -> PyResult<String> {
        let path = py.import(package)?.getattr(intern!(py, "__path__"))?;
        text(&path.get_item(0)?)
    };
    DIRECTORIES.get_or_try_init(py, || {
        Ok([directory_of("stook")?, directory_of("asyncio")?])
    })
}

/// Whose code this is, from its file and name.
#[cold]
fn look_at(code: &Bound<'_, PyAny>) -> PyResult<Code> {
    let py = code.py();
    let file = text(&code.getattr(intern!(py, "co_filename"))?)?;
    let is_in = |directory: &String| {
        file.strip_prefix(directory)
            .is_some_and(|rest| rest.starts_with('/'))
    };
    let [stook, asyncio] = directories(py)?;
    let name = text(&code.getattr(intern!(py, "co_qualname"))?)?;
    if is_in(stook) {
        return Ok(if RUNS_LOOP.contains(&name.as_str()) {
            Code::RunsLoop
        } else {
            Code::Between
        });
    }
    if !is_in(asyncio) {
        return Ok(Code::Outside);
    }
    let found = REASONS.into_iter().find(|(of, function, _)| {
        file.ends_with(of) && name.split(".<locals>").next() == Some(function)
    });
    Ok(found.map_or(Code::Between, |(_, _, code)| code))
}

/// Whose code this is; remembered.
fn code_of(object: &Bound<'_, PyAny>) -> Fallible<Code> {
    let address = object.as_ptr() as usize;
    if let Some(code) = CODES.with(|codes| codes.borrow().get(address)) {
        return Ok(code);
    }
    let code = look_at(object)?;
    let held = Held::new(object);
    let forgotten = CODES.with(|codes| {
        let mut codes = codes.borrow_mut();
        if code == Code::Outside {
            codes.outside[place_of(address)].replace(held)
        } else {
            codes
                .own
                .insert(address, (held, code))
                .map(|(held, _)| held)
        }
    });
    drop(forgotten);
    Ok(code)
}

/// Whether a code object is a program's, or another library's.
///
/// # Errors
/// What looking at new code raises.
pub(crate) fn is_outside(code: &Bound<'_, PyAny>) -> Fallible<bool> {
    Ok(code_of(code)? == Code::Outside)
}

/// The newest place outside, and what those before it say of the reason. There is none where the
/// loop itself calls: a callback of its own is no line of a program.
fn place<'py>(py: Python<'py>) -> Fallible<(Option<Origin<'py>>, Option<Code>)> {
    loop {
        let mut reason = None;
        let mut is_new = false;
        let mut runs_loop = false;
        let found = CODES.with(|codes| {
            let codes = codes.borrow();
            origin::newest(py, |address| match codes.get(address) {
                Some(Code::Outside) => false,
                None => {
                    is_new = true;
                    false
                }
                Some(Code::Between) => true,
                Some(Code::RunsLoop) => {
                    runs_loop = true;
                    false
                }
                Some(code) => {
                    reason.get_or_insert(code);
                    true
                }
            })
        });
        let Some(found) = found.filter(|_| !runs_loop) else {
            return Ok((None, reason));
        };
        // New code is looked at, and then all of it again.
        if !is_new || code_of(&found.code)? == Code::Outside {
            return Ok((Some(found), reason));
        }
    }
}

/// The place outside asyncio and stook that has called us.
///
/// # Errors
/// What looking at new code raises.
pub(crate) fn here(py: Python<'_>) -> Fallible<Option<Origin<'_>>> {
    Ok(place(py)?.0)
}

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
    if !cancellations.is_raising() && own.requests.get().pending() == 0 {
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
        Some(_) if is_raising(asking.as_ref()) => request.cause = dealt_with,
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

/// What one of `names` is in the newest function of asyncio's for which this `code` stands.
#[cold]
fn local<'py>(py: Python<'py>, code: Code, names: &[&str]) -> Fallible<Option<Bound<'py, PyAny>>> {
    let mut frame = GET_FRAME.get(py)?.call1((0,))?;
    while !frame.is_none() {
        if code_of(&frame.getattr(intern!(py, "f_code"))?)? == code {
            let locals = frame.getattr(intern!(py, "f_locals"))?;
            return Ok(names.iter().find_map(|name| locals.get_item(name).ok()));
        }
        frame = frame.getattr(intern!(py, "f_back"))?;
    }
    Ok(None)
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

/// The line, outside asyncio and stook, that raised `exception`.
///
/// # Errors
/// What looking at its traceback raises.
pub(crate) fn raised_at<'py>(exception: &Bound<'py, PyAny>) -> Fallible<Option<Origin<'py>>> {
    let py = exception.py();
    let mut at = exception.getattr(intern!(py, "__traceback__"))?;
    let mut last = None;
    while !at.is_none() {
        let frame = at.getattr(intern!(py, "tb_frame"))?;
        let code = frame.getattr(intern!(py, "f_code"))?;
        if code_of(&code)? == Code::Outside {
            let offset = at.getattr(intern!(py, "tb_lasti"))?.extract()?;
            last = Some(Origin { code, offset });
        }
        at = at.getattr(intern!(py, "tb_next"))?;
    }
    Ok(last)
}

fn now() -> f64 {
    let (seconds, nanoseconds) = clock::coarse_tick();
    seconds as f64 + nanoseconds as f64 / 1e9
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
        when: now(),
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

/// Runs `body`, which calls a method `cancel` that may be anybody's: the request that comes to
/// `object` is that of `record`, and those to others follow from it.
pub(crate) fn handing<'py, R>(
    record: &Ref<'py, RecordState>,
    object: Option<&Bound<'py, PyAny>>,
    body: impl FnOnce() -> R,
) -> R {
    let py = record.py();
    let address = object.map_or(0, |object| object.as_ptr() as usize);
    let outer = HANDOVER.with(|handover| {
        let outer = handover.record.take(py);
        handover.record.set(record.as_any().clone());
        (outer, handover.object.replace(address))
    });
    let answer = body();
    HANDOVER.with(|handover| {
        handover.object.set(outer.1);
        handover.record.set_or_clear(outer.0);
    });
    answer
}

/// Runs `body`, which asks `awaited` to cancel because `task`, which awaits it, was asked by `record`.
///
/// # Errors
/// `MemoryError`.
pub(crate) fn handing_on<'py, R>(
    record: &Ref<'py, RecordState>,
    task: &Bound<'py, PyAny>,
    awaited: &Bound<'py, PyAny>,
    body: impl FnOnce() -> R,
) -> Fallible<R> {
    if Ref::<TaskState>::cast(awaited).is_none() {
        return Ok(handing(record, None, body));
    }
    let record = follow(record, CancelKind::ParentCancelled, Some(task))?;
    Ok(handing(&record, Some(awaited), body))
}

/// What was handed over to a method.
pub(crate) enum Handed<'py> {
    /// The record of the object itself: it counts once, and was taken.
    Final(Ref<'py, RecordState>),
    /// What its record follows from.
    Cause(Ref<'py, RecordState>),
}

/// What was handed over to the method of `object` that asks, if anything was.
pub(crate) fn handed<'py>(object: &Bound<'py, PyAny>) -> Option<Handed<'py>> {
    let py = object.py();
    let (record, is_final) = HANDOVER.with(|handover| {
        if !handover.record.is_some() {
            return None;
        }
        let is_final = handover.object.get() == object.as_ptr() as usize;
        let record = if is_final {
            handover.record.take(py)
        } else {
            handover.record.get(py)
        };
        record.map(|record| (record, is_final))
    })?;
    let record = Ref::<RecordState>::cast(&record)?.clone();
    Some(if is_final {
        Handed::Final(record)
    } else {
        Handed::Cause(record)
    })
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

/// The innermost line of a task, outside asyncio and stook, at which it waits.
fn waits_at<'py>(task: &Ref<'py, TaskState>) -> Fallible<Option<Origin<'py>>> {
    let py = task.py();
    let mut at = task.coroutine.get(py);
    let mut innermost = None;
    while let Some(coroutine) = at {
        let Some(frame) = call::optional_attribute(&coroutine, intern!(py, "cr_frame"))? else {
            break;
        };
        if !frame.is_none() {
            let code = frame.getattr(intern!(py, "f_code"))?;
            if code_of(&code)? == Code::Outside {
                innermost = Some(Origin {
                    offset: frame.getattr(intern!(py, "f_lasti"))?.extract()?,
                    code,
                });
            }
        }
        at = call::optional_attribute(&coroutine, intern!(py, "cr_await"))?;
    }
    Ok(innermost)
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

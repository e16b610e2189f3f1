//! One step of a task: the only place that resumes coroutines.
//!
//! A step resumes the coroutine once and does what the kernel says of the outcome: the task is
//! over, waits for a future, or goes to the end of the ready queue.
//!
//! # Source
//! `task_step_impl`, `task_wakeup`, `task_eager_start`, CPython 3.13
//! `Modules/_asynciomodule.c`; `Task.__step`, `asyncio/tasks.py`.

use crate::ffi::intern;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use stook_kernel::Suspended;

use crate::accelerator;
use crate::asking;
use crate::cancellations;
use crate::current;
use crate::deadlock;
use crate::errors::{self, CANCELLED_ERROR};
use crate::ffi::coro::{self, Resumed};
use crate::ffi::{Fallible, Raised, Ref, call, context, error};
use crate::future::{self, Ended, FutureState};
use crate::loop_core::{self, LoopState};
use crate::record::RecordState;
use crate::swallowed;
use crate::task::{self, TaskState};
use crate::wakeup;

/// What a step raises in its coroutine.
struct Thrown<'py> {
    exception: Bound<'py, PyAny>,
    /// The record of a cancellation that ended what was awaited.
    record: Option<Ref<'py, RecordState>>,
}

impl<'py> From<Bound<'py, PyAny>> for Thrown<'py> {
    fn from(exception: Bound<'py, PyAny>) -> Self {
        Thrown {
            exception,
            record: None,
        }
    }
}

/// Runs one step of the task as its loop's current task.
///
/// # Errors
/// `KeyboardInterrupt` and `SystemExit` out of the coroutine, and what keeps a task from being
/// stepped at all.
pub(crate) fn step<'py>(
    this: &Ref<'py, TaskState>,
    exception: Option<Bound<'py, PyAny>>,
) -> Fallible<()> {
    step_with(this, exception.map(Thrown::from))
}

fn step_with<'py>(this: &Ref<'py, TaskState>, thrown: Option<Thrown<'py>>) -> Fallible<()> {
    let Some(event_loop) = this.future.event_loop(this.py()) else {
        return Err(errors::runtime_error("uninitialized Task object"));
    };
    current::enter(&event_loop, this.as_any())?;
    let ran = resume(this, thrown);
    and_then(ran, this.py(), || {
        current::leave(&event_loop, this.as_any())
    })
}

/// The same for a task of a loop of ours.
#[inline]
pub(crate) fn step_native<'py>(
    event_loop: &Ref<'py, LoopState>,
    this: &Ref<'py, TaskState>,
    exception: Option<Bound<'py, PyAny>>,
) -> Fallible<()> {
    step_native_with(event_loop, this, exception.map(Thrown::from))
}

#[inline]
fn step_native_with<'py>(
    event_loop: &Ref<'py, LoopState>,
    this: &Ref<'py, TaskState>,
    thrown: Option<Thrown<'py>>,
) -> Fallible<()> {
    current::enter_native(event_loop, this.as_any())?;
    let ran = resume(this, thrown);
    and_then(ran, this.py(), || {
        current::leave_native(event_loop, this.as_any())
    })
}

/// Runs `after` whether `ran` failed or not; the first error stands.
fn and_then(
    ran: Fallible<()>,
    py: Python<'_>,
    after: impl FnOnce() -> Fallible<()>,
) -> Fallible<()> {
    let Err(raised) = ran else { return after() };
    let exception = raised.take(py);
    if let Err(second) = after() {
        second.clear(py);
    }
    Err(error::again(exception))
}

/// Resumes the coroutine once.
fn resume<'py>(this: &Ref<'py, TaskState>, thrown: Option<Thrown<'py>>) -> Fallible<()> {
    let py = this.py();
    let as_future = task::as_future(this);
    if this.future.is_done() {
        return Err(already_done(this, thrown.map(|thrown| thrown.exception)));
    }
    let mut thrown = thrown;
    let mut requests = this.requests(py);
    if requests.take_due() {
        this.set_requests(requests);
        let class = CANCELLED_ERROR.get(py)?;
        let is_cancellation = match &thrown {
            Some(thrown) => thrown.exception.is_instance(class)?,
            None => false,
        };
        if !is_cancellation {
            deadlock::remember_if_not_begun(this);
            thrown = Some(future::make_cancelled_error(as_future)?.into());
        }
    }
    this.awaited.clear();
    let Some(coroutine) = this.coroutine.get(py) else {
        return Err(errors::runtime_error("uninitialized Task object"));
    };
    let resumed = match &thrown {
        None => {
            if let Some(cancellations) = this.future.cancellations_if_any() {
                cancellations.resume(py);
            }
            coro::send(&coroutine)
        }
        Some(thrown) => throw(this, &coroutine, thrown),
    };
    match resumed {
        Ok(Resumed::Yielded(yielded)) => suspend(this, yielded),
        Ok(Resumed::Returned(value)) => {
            let mut requests = this.requests(py);
            let outcome = requests.returned();
            this.set_requests(requests);
            task::leave(this)?;
            if outcome.is_cancelled() {
                let message = this.future.cancel_message(py);
                if let Some(cancellations) = this.future.cancellations_if_any() {
                    cancellations.take_up(py, None, true)?;
                }
                return future::cancel(as_future, message.as_ref()).map(drop);
            }
            if requests.pending() > 0 {
                return swallowed::returned(this, value);
            }
            future::set_result(as_future, value)
        }
        Err(raised) => failed(this, raised, thrown.as_ref()),
    }
}

/// Raises something in the coroutine. If that is a cancellation, the task is told of its record.
fn throw<'py>(
    this: &Ref<'py, TaskState>,
    coroutine: &Bound<'py, PyAny>,
    thrown: &Thrown<'py>,
) -> Fallible<Resumed<'py>> {
    let py = this.py();
    let exception = &thrown.exception;
    let is_cancellation = error::is_a(exception, CANCELLED_ERROR.get(py)?);
    let is_known = thrown.record.is_some() || this.future.cancellations_if_any().is_some();
    if !is_cancellation || !is_known {
        if let Some(cancellations) = this.future.cancellations_if_any() {
            cancellations.resume(py);
        }
        return coro::throw(coroutine, exception);
    }
    let cancellations = this.future.cancellations();
    let stands = this.requests(py).pending() > 0;
    cancellations.raise(exception, thrown.record.clone(), stands)?;
    let resumed = coro::throw(coroutine, exception);
    cancellations.step_ended();
    if resumed.is_ok() && cancellations.has_raised() {
        swallowed::survived(this, cancellations, exception);
    }
    resumed
}

#[cold]
fn already_done(this: &Ref<'_, TaskState>, exception: Option<Bound<'_, PyAny>>) -> Raised {
    let py = this.py();
    let told = (|| -> PyResult<String> {
        let exception = exception.unwrap_or_else(|| py.None().into_bound(py));
        Ok(format!(
            "_step(): already done: {} {}",
            this.as_any().repr()?,
            exception.repr()?
        ))
    })();
    match told {
        Ok(message) => errors::invalid_state(py, &message),
        Err(error) => error.into(),
    }
}

/// The coroutine ended by an exception.
fn failed<'py>(
    this: &Ref<'py, TaskState>,
    raised: Raised,
    thrown: Option<&Thrown<'py>>,
) -> Fallible<()> {
    let py = this.py();
    let as_future = task::as_future(this);
    let exception = raised.take(py);
    task::leave(this)?;
    let is_cancellation = error::is_a(&exception, CANCELLED_ERROR.get(py)?);
    let is_thrown = thrown.is_some_and(|thrown| thrown.exception.is(&exception));
    if is_cancellation && !is_thrown {
        raised_another(this, &exception, thrown.is_some())?;
    }
    if is_cancellation {
        // `exception` and `thrown`: one that no Python code has met is made again when it is asked for.
        if !(is_thrown && error::is_as_made(&exception, 2)) {
            this.future.keep_cancelled_error(exception);
        }
        return future::cancel(as_future, None).map(drop);
    }
    if error::ends_the_loop(&exception) {
        future::set_exception(as_future, &exception)?;
        return Err(error::again(exception));
    }
    if this.requests(py).pending() > 0 {
        return swallowed::raised(this, &exception);
    }
    future::set_exception(as_future, &exception)
}

/// The coroutine ended by a cancellation that this step has not raised: one raised before, that of
/// something else, or one of its own. What it tells, the task tells from now on.
#[cold]
fn raised_another<'py>(
    this: &Ref<'py, TaskState>,
    exception: &Bound<'py, PyAny>,
    is_told: bool,
) -> Fallible<()> {
    let record = cancellations::leading_to(exception)?;
    match record {
        Some(record) => this.future.cancellations().tell(&record),
        None if is_told => {}
        None => {
            if let Some(cancellations) = this.future.cancellations_if_any()
                && !asking::stands_for_those_put_aside(exception)?
            {
                cancellations.forget();
            }
        }
    }
    Ok(())
}

/// The coroutine waits for what it yielded.
fn suspend<'py>(this: &Ref<'py, TaskState>, yielded: Bound<'py, PyAny>) -> Fallible<()> {
    if yielded.is(this.as_any()) {
        let message = format!("Task cannot await on itself: {}", this.as_any().repr()?);
        return fail_soon(this, message);
    }
    if let Some(awaited) = future::plain(&yielded) {
        return wait_for(this, awaited);
    }
    if yielded.is_none() {
        return task::schedule_step(this, None);
    }
    suspend_on_foreign(this, yielded)
}

fn wait_for<'py>(this: &Ref<'py, TaskState>, awaited: &Ref<'py, FutureState>) -> Fallible<()> {
    let py = this.py();
    let same_loop = match this.future.event_loop(py) {
        Some(event_loop) => awaited.belongs_to(&event_loop),
        None => false,
    };
    if !same_loop {
        return fail_soon(this, different_loop(this, awaited.as_any())?);
    }
    if !awaited.blocking.replace(false) {
        return fail_soon(this, yield_instead_of_await(this, awaited.as_any())?);
    }
    if let Some(refusal) = deadlock::refusal(this, Ref::cast_exact(awaited.as_any()))? {
        return task::schedule_step(this, Some(refusal));
    }
    future::add_wake(awaited, this.as_any())?;
    this.wait_for(awaited.as_any());
    forward_due(this, awaited.as_any())
}

/// A cancellation that came while the coroutine ran goes on to what it now waits for.
fn forward_due<'py>(this: &Ref<'py, TaskState>, awaited: &Bound<'py, PyAny>) -> Fallible<()> {
    let py = this.py();
    if this.requests(py).suspended() == Suspended::Wait {
        return Ok(());
    }
    let message = this.future.cancel_message(py);
    let message = message.unwrap_or_else(|| py.None().into_bound(py));
    let ask = || call::method1(awaited, intern!(py, "cancel"), &message);
    let received = this.future.cancellations_if_any();
    let answer = match received.and_then(|received| received.next(py)) {
        Some(record) => asking::handing_on(&record, this.as_any(), awaited, ask)?,
        None => ask(),
    };
    if answer?.is_truthy()? {
        let mut requests = this.requests(py);
        requests.due_accepted();
        this.set_requests(requests);
    }
    Ok(())
}

/// The coroutine yielded what is neither `None` nor a future whose methods are ours.
#[cold]
fn suspend_on_foreign<'py>(this: &Ref<'py, TaskState>, yielded: Bound<'py, PyAny>) -> Fallible<()> {
    let py = this.py();
    let mark = intern!(py, "_asyncio_future_blocking");
    let blocking = call::optional_attribute(&yielded, mark)?.filter(|mark| !mark.is_none());
    let Some(blocking) = blocking else {
        let (own, repr) = (this.as_any().repr()?, yielded.repr()?);
        let is_generator =
            yielded.is_instance(&py.import("types")?.getattr(intern!(py, "GeneratorType"))?)?;
        return fail_soon(
            this,
            if is_generator {
                format!(
                    "yield was used instead of yield from for generator in task {own} with {repr}"
                )
            } else {
                format!("Task got bad yield: {repr}")
            },
        );
    };
    let blocking = blocking.is_truthy()?;
    let event_loop = loop_of(&yielded)?;
    if !this.future.belongs_to(&event_loop) {
        return fail_soon(this, different_loop(this, &yielded)?);
    }
    if !blocking {
        return fail_soon(this, yield_instead_of_await(this, &yielded)?);
    }
    yielded.setattr(mark, false)?;
    if let Some(refusal) = deadlock::refusal(this, Ref::cast(&yielded))? {
        return task::schedule_step(this, Some(refusal));
    }
    let (wakeup, context) = wakeup::as_python(this.as_any())?;
    let name = intern!(py, "add_done_callback");
    call::method_with_context(&yielded, name, &wakeup, None, &context)?;
    this.wait_for(&yielded);
    forward_due(this, &yielded)
}

/// The loop of any future: `asyncio.futures._get_loop`.
pub(crate) fn loop_of<'py>(object: &Bound<'py, PyAny>) -> Fallible<Bound<'py, PyAny>> {
    let py = object.py();
    if let Some(plain) = future::plain(object)
        && let Some(event_loop) = plain.event_loop(py)
    {
        return Ok(event_loop);
    }
    match call::optional_attribute(object, intern!(py, "get_loop"))? {
        Some(get_loop) => call::call0(&get_loop),
        None => Ok(object.getattr(intern!(py, "_loop"))?),
    }
}

fn different_loop(this: &Ref<'_, TaskState>, awaited: &Bound<'_, PyAny>) -> Fallible<String> {
    let (own, awaited) = (this.as_any().repr()?, awaited.repr()?);
    Ok(format!(
        "Task {own} got Future {awaited} attached to a different loop"
    ))
}

fn yield_instead_of_await(
    this: &Ref<'_, TaskState>,
    awaited: &Bound<'_, PyAny>,
) -> Fallible<String> {
    let (own, awaited) = (this.as_any().repr()?, awaited.repr()?);
    Ok(format!(
        "yield was used instead of yield from in task {own} with {awaited}"
    ))
}

/// The next step raises `RuntimeError` in the coroutine.
fn fail_soon(this: &Ref<'_, TaskState>, message: String) -> Fallible<()> {
    let error = this.py().get_type::<PyRuntimeError>().call1((message,))?;
    task::schedule_step(this, Some(error))
}

/// What waking a task raises in its coroutine: the awaited future's error.
fn thrown_by<'py>(awaited: &Bound<'py, PyAny>) -> Fallible<Option<Thrown<'py>>> {
    let py = awaited.py();
    if let Some(plain) = future::plain(awaited) {
        return match future::ended(plain)? {
            Ended::Returned(_) => Ok(None),
            Ended::Raised(exception) => Ok(Some(with_attached(exception))),
            Ended::Cancelled => Ok(Some(Thrown {
                exception: future::make_cancelled_error(plain)?,
                record: plain.record(py),
            })),
        };
    }
    // DIFFERENCE: a future that is none of stook's keeps no record. On loops of others those are what
    // the loop makes, and what `shield` gives: a task that only waits for one that somebody else
    // cancels, or for a shield whose inner task is cancelled, has no record of it. Nor have the
    // exceptions in the list of results of asyncio's own `gather`.
    call::method0(awaited, intern!(py, "result")).map(|_| None)
}

/// An exception that something else than a cancelled future has: a gather may have a cancellation.
fn with_attached(exception: Bound<'_, PyAny>) -> Thrown<'_> {
    let py = exception.py();
    let is_cancellation = CANCELLED_ERROR
        .get(py)
        .is_ok_and(|class| error::is_a(&exception, class));
    let record = if is_cancellation {
        cancellations::attached(&exception).unwrap_or_else(|raised| {
            raised.clear(py);
            None
        })
    } else {
        None
    };
    Thrown { exception, record }
}

fn thrown_or_taken<'py>(awaited: &Bound<'py, PyAny>) -> Option<Thrown<'py>> {
    thrown_by(awaited).unwrap_or_else(|raised| Some(with_attached(raised.take(awaited.py()))))
}

/// The future that the task awaits is done.
///
/// # Errors
/// As [`step`].
pub(crate) fn wake<'py>(this: &Ref<'py, TaskState>, awaited: &Bound<'py, PyAny>) -> Fallible<()> {
    step_with(this, thrown_or_taken(awaited))
}

/// The same for a task of a loop of ours.
///
/// # Errors
/// As [`step`].
#[inline]
pub(crate) fn wake_native<'py>(
    event_loop: &Ref<'py, LoopState>,
    this: &Ref<'py, TaskState>,
    awaited: &Bound<'py, PyAny>,
) -> Fallible<()> {
    step_native_with(event_loop, this, thrown_or_taken(awaited))
}

/// Runs the first step now, inside the step of the task that made this one.
///
/// DIFFERENCE: when the context of the new task cannot be entered, the task before is the current one
/// again; asyncio up to 3.13 leaves the new one in its place, and steps of its loop then fail.
///
/// # Errors
/// As [`step`].
pub(crate) fn start_eagerly(this: &Ref<'_, TaskState>) -> Fallible<()> {
    let py = this.py();
    let Some(event_loop) = this.future.event_loop(py) else {
        return Err(errors::runtime_error("uninitialized Task object"));
    };
    let is_native = loop_core::native(&event_loop).is_some();
    let marks = accelerator::is_mirroring() || !is_native;
    let before = current::swap(&event_loop, Some(this.as_any()))?;
    if marks {
        accelerator::mark_eager(this.as_any(), true)?;
    }
    if is_native {
        task::count(this);
    }
    let own = this.context.get_or_none(py)?;
    let ran = context::run(&own, || resume(this, None));
    let ran = and_then(ran, py, || {
        current::swap(&event_loop, before.as_ref()).map(drop)
    });
    let ran = and_then(ran, py, || {
        if marks {
            accelerator::mark_eager(this.as_any(), false)
        } else {
            Ok(())
        }
    });
    and_then(ran, py, || {
        if this.future.is_done() {
            this.coroutine.clear();
            return Ok(());
        }
        task::register(this)
    })
}

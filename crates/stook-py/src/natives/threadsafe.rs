//! `run_coroutine_threadsafe`: a task of one thread's loop, and the future that another thread
//! waits for.
//!
//! # Source
//! `run_coroutine_threadsafe`, CPython 3.11 to 3.13 `asyncio/tasks.py`; `_chain_future`,
//! `_set_concurrent_future_state`, `asyncio/futures.py`.

use crate::ffi::intern;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use stook_kernel::Outcome;

use super::Native;
use crate::callbacks::Callback;
use crate::ensure;
use crate::errors::Imported;
use crate::ffi::gc::traverse;
use crate::ffi::{
    Args, Builder, Class, Fallible, GetSet, Held, HeldCell, NoExtras, Ref, TypeSlot, call, coro,
    error,
};
use crate::function::{self, InnerBody};
use crate::future::{self, FutureState};
use crate::loop_core;

static ORIGINAL: Imported = Imported::new("asyncio.tasks", "run_coroutine_threadsafe");
static CALLBACK: Imported = Imported::new(
    "asyncio.tasks",
    "run_coroutine_threadsafe.<locals>.callback",
);
static CHAIN: Imported = Imported::new("asyncio.futures", "_chain_future");
static CHECK_CANCEL: Imported = Imported::new(
    "asyncio.futures",
    "_chain_future.<locals>._call_check_cancel",
);
static SET_STATE: Imported =
    Imported::new("asyncio.futures", "_chain_future.<locals>._call_set_state");
static CONVERT: Imported = Imported::new("asyncio.futures", "_convert_future_exc");
static FUTURE: Imported = Imported::new("concurrent.futures", "Future");

/// The function.
pub(super) const NATIVES: &[Native] = &[Native {
    original: &ORIGINAL,
    body: run_coroutine_threadsafe,
}];

/// Looks up what is needed where asyncio's function is as we know it; elsewhere it is not used.
pub(super) fn capture(py: Python<'_>) {
    for name in [
        &CALLBACK,
        &CHAIN,
        &CHECK_CANCEL,
        &SET_STATE,
        &CONVERT,
        &FUTURE,
    ] {
        let _ = name.get(py);
    }
}

/// A coroutine that was handed over, and what becomes of it.
#[derive(Debug, Default)]
pub(crate) struct SubmissionState {
    coroutine: HeldCell,
    event_loop: HeldCell,
    task: HeldCell,
    /// The `concurrent.futures.Future`.
    destination: HeldCell,
}

traverse!(SubmissionState: coroutine, event_loop, task, destination);

impl Class for SubmissionState {
    type Extras = NoExtras;

    fn slot() -> &'static TypeSlot {
        static SLOT: TypeSlot = TypeSlot::new();
        &SLOT
    }
}

/// `run_coroutine_threadsafe(coro, loop)`
fn run_coroutine_threadsafe<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    let py = args.py();
    let given = args
        .exactly::<2>()
        .filter(|[coroutine, _]| coro::is_exact_coroutine(coroutine));
    let Some([coroutine, event_loop]) = given else {
        return args.forward(ORIGINAL.get(py)?);
    };
    if !loop_core::native(&event_loop).is_some_and(|native| native.has_plain_timers()) {
        return args.forward(ORIGINAL.get(py)?);
    }
    let destination = call::call0(FUTURE.get(py)?)?;
    let state = SubmissionState::default();
    state.coroutine.set(coroutine);
    state.event_loop.set(event_loop.clone());
    state.destination.set(destination.clone());
    let state = Ref::allocate(py, state)?;
    let body: InnerBody = |subject, _args| {
        begin(submission(subject)?)?;
        Ok(subject.py().None().into_bound(subject.py()))
    };
    let callback = function::inner(CALLBACK.get(py)?, body, state.as_any())?;
    call::method1(&event_loop, intern!(py, "call_soon_threadsafe"), &callback)?;
    Ok(destination)
}

fn submission<'a, 'py>(subject: &'a Bound<'py, PyAny>) -> Fallible<&'a Ref<'py, SubmissionState>> {
    Ref::cast(subject).ok_or_else(|| PyTypeError::new_err("nothing was handed over").into())
}

/// In the loop's thread: makes the task; an error goes to who waits, and to the loop.
fn begin(this: &Ref<'_, SubmissionState>) -> Fallible<()> {
    let py = this.py();
    let Err(raised) = chain(this) else {
        return Ok(());
    };
    if raised.ends_the_loop(py) {
        return Err(raised);
    }
    let exception = raised.take(py);
    let destination = this.destination.get_or_none(py);
    if call::method0(&destination, intern!(py, "set_running_or_notify_cancel"))?.is_truthy()? {
        call::method1(&destination, intern!(py, "set_exception"), &exception)?;
    }
    Err(error::again(exception))
}

fn chain(this: &Ref<'_, SubmissionState>) -> Fallible<()> {
    let py = this.py();
    let event_loop = this.event_loop.get_or_none(py);
    let coroutine = this.coroutine.take(py);
    let coroutine = coroutine.unwrap_or_else(|| py.None().into_bound(py));
    let task = ensure::ensure(&coroutine, Some(&event_loop))?;
    let destination = this.destination.get_or_none(py);
    let Some(plain) = future::plain(&task).filter(|plain| plain.belongs_to(&event_loop)) else {
        CHAIN.get(py)?.call1((task, destination))?;
        return Ok(());
    };
    this.task.set(task.clone());
    let check: InnerBody = |subject, _args| {
        check_cancel(submission(subject)?)?;
        Ok(subject.py().None().into_bound(subject.py()))
    };
    let check = function::inner(CHECK_CANCEL.get(py)?, check, this.as_any())?;
    call::method1(&destination, intern!(py, "add_done_callback"), &check)?;
    future::add_callback(plain, Callback::Settle(Held::new(this.as_any())))
}

/// In whatever thread: the other future is done, and if it was cancelled the task is to be, too.
fn check_cancel(this: &Ref<'_, SubmissionState>) -> Fallible<()> {
    let py = this.py();
    let destination = this.destination.get_or_none(py);
    if call::method0(&destination, intern!(py, "cancelled"))?.is_truthy()? {
        let cancel = this.task.get_or_none(py).getattr(intern!(py, "cancel"))?;
        let event_loop = this.event_loop.get_or_none(py);
        call::method1(&event_loop, intern!(py, "call_soon_threadsafe"), &cancel)?;
    }
    Ok(())
}

/// The task is done: the other future ends as it did, unless it was cancelled.
///
/// # Errors
/// What the other future's methods raise.
pub(crate) fn settle<'py>(
    this: &Ref<'py, SubmissionState>,
    task: &Bound<'py, PyAny>,
) -> Fallible<()> {
    let py = this.py();
    let destination = this.destination.get_or_none(py);
    let Some(plain) = Ref::<FutureState>::cast(task) else {
        return Err(PyTypeError::new_err("a task is expected").into());
    };
    let outcome = plain.outcome();
    if outcome.is_cancelled() {
        call::method0(&destination, intern!(py, "cancel"))?;
    }
    if !call::method0(&destination, intern!(py, "set_running_or_notify_cancel"))?.is_truthy()? {
        return Ok(());
    }
    match future::exception(plain)? {
        Some(exception) if outcome == Outcome::Raised => {
            let converted = CONVERT.get(py)?.call1((exception,))?;
            call::method1(&destination, intern!(py, "set_exception"), &converted)?;
        }
        _ => {
            let result = future::result(plain)?;
            call::method1(&destination, intern!(py, "set_result"), &result)?;
        }
    }
    Ok(())
}

fn done_callback<'py>(this: &Ref<'py, SubmissionState>) -> Fallible<Bound<'py, PyAny>> {
    let body: InnerBody = |subject, args| {
        match args.exactly::<1>() {
            Some([task]) => settle(submission(subject)?, &task)?,
            None => return Err(PyTypeError::new_err("one argument is expected").into()),
        }
        Ok(subject.py().None().into_bound(subject.py()))
    };
    function::inner(SET_STATE.get(this.py())?, body, this.as_any())
}

/// Makes the class.
///
/// # Errors
/// What making a class raises.
pub(super) fn build(py: Python<'_>) -> Fallible<()> {
    Builder::<SubmissionState>::new(c"stook.submission")
        .attributes([GetSet::read(c"_done_callback", done_callback)])
        .build(py)?;
    Ok(())
}

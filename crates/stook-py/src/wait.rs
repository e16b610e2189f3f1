//! `wait`.
//!
//! The kernel's `Wait` decides; this file keeps the futures.
//!
//! # Source
//! `wait`, `_wait`, CPython 3.11 to 3.13 `asyncio/tasks.py`.

use std::cell::Cell;

use crate::ffi::intern;
use pyo3::exceptions::{PyAssertionError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyFrozenSet, PyList, PySet, PyString, PyTuple};
use stook_kernel::{CancelKind, Outcome, ReturnWhen, Wait, WaitAction};

use crate::asking;
use crate::awaiting::Awaiting;
use crate::callbacks::Callback;
use crate::coroutine::{self, Common, Coroutine, Identity};
use crate::current;
use crate::ensure;
use crate::errors::{self, Imported};
use crate::ffi::class::WeakReferences;
use crate::ffi::coro::Resumed;
use crate::ffi::gc::traverse;
use crate::ffi::{
    Args, Class, Fallible, Held, HeldCell, Method, Raised, Ref, Signature, TypeSlot, call, error,
};
use crate::future::{self, FutureState};
use crate::loop_core::{self, LoopState};
use crate::participants;
use crate::timers::{Alarm, TimerKey};

static ORIGINAL: Imported = Imported::new("asyncio.tasks", "wait");
static RELEASE_WAITER: Imported = Imported::new("asyncio.tasks", "_release_waiter");

static IDENTITY: Identity = Identity {
    name: "wait",
    qualname: "wait",
    original: &ORIGINAL,
};

static SECONDS: Imported = Imported::new("stook._seconds", "seconds");
static ANY: Imported = Imported::new("stook._first", "wait_any");

static IDENTITY_OF_ANY: Identity = Identity {
    name: "wait_any",
    qualname: "wait_any",
    original: &ANY,
};

/// What this file looks up when the module is made.
pub(crate) const IMPORTS: &[&Imported] = &[&ORIGINAL, &RELEASE_WAITER];

/// The state of a `wait` coroutine.
#[derive(Debug, Default)]
pub(crate) struct WaitState {
    common: Common,
    /// What was given, until it begins; then the set of futures.
    futures: HeldCell,
    timeout: HeldCell,
    return_when: HeldCell,
    machine: Cell<Option<Wait>>,
    waiter: HeldCell,
    awaiting: Awaiting,
    timer_of: HeldCell,
    timer: Cell<Option<TimerKey>>,
    /// What the futures that are not ours call when they are done.
    callback: HeldCell,
    /// Whatever is not done when the wait ends is asked to cancel: `wait_any`.
    cancels: Cell<bool>,
    /// The task that waits, if it does so until all have ended, whatever happens: for
    /// `cancel_and_wait`.
    held_task: HeldCell,
}

traverse!(
    WaitState: common, futures, timeout, return_when, waiter, awaiting, timer_of, callback, held_task
);

impl Class for WaitState {
    type Extras = WeakReferences;

    fn slot() -> &'static TypeSlot {
        static SLOT: TypeSlot = TypeSlot::new();
        &SLOT
    }

    fn is_at_rest(&self) -> bool {
        self.common.is_closed()
    }
}

impl WaitState {
    /// The task that waits, if it does so until all have ended.
    pub(crate) fn held_task<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.held_task.get(py)
    }
}

/// `_wait_ended(fs, timeout)`: waits for all, on behalf of the current task, which begins again when
/// it is cancelled meanwhile.
///
/// # Errors
/// As [`wait`].
pub(crate) fn wait_ended<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    const SIGNATURE: Signature<2> = Signature::python("_wait_ended", ["fs", "timeout"], 2, 2);
    let py = args.py();
    let [futures, timeout] = args.parse(&SIGNATURE)?;
    let task = current::get(&loop_core::require_running_loop(py)?)?;
    coroutine::make(py, |state: &WaitState| {
        state.futures.set_or_clear(futures);
        state
            .timeout
            .set_or_clear(timeout.filter(|timeout| !timeout.is_none()));
        state.held_task.set_or_clear(task);
    })
}

/// `wait(fs, *, timeout=None, return_when=ALL_COMPLETED)`
///
/// # Errors
/// `TypeError` when the arguments do not fit; what is wrong with their values is found when the
/// coroutine begins.
pub(crate) fn wait<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    const SIGNATURE: Signature<3> =
        Signature::python("wait", ["fs", "timeout", "return_when"], 1, 1);
    let py = args.py();
    let [futures, timeout, return_when] = args.parse(&SIGNATURE)?;
    coroutine::make(py, |state: &WaitState| {
        state.futures.set_or_clear(futures);
        state
            .timeout
            .set_or_clear(timeout.filter(|timeout| !timeout.is_none()));
        state.return_when.set_or_clear(return_when);
    })
}

/// `wait_any(tasks, *, timeout=None)`
///
/// # Errors
/// As [`wait`].
pub(crate) fn wait_any<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    const SIGNATURE: Signature<2> = Signature::python("wait_any", ["tasks", "timeout"], 1, 1);
    let py = args.py();
    let [futures, timeout] = args.parse(&SIGNATURE)?;
    coroutine::make(py, |state: &WaitState| {
        state.futures.set_or_clear(futures);
        state
            .timeout
            .set_or_clear(timeout.filter(|timeout| !timeout.is_none()));
        state
            .return_when
            .set(PyString::intern(py, "FIRST_COMPLETED").into_any());
        state.cancels.set(true);
    })
}

impl Coroutine for WaitState {
    fn common(&self) -> &Common {
        &self.common
    }

    fn identity(&self) -> &Identity {
        if self.cancels.get() {
            &IDENTITY_OF_ANY
        } else {
            &IDENTITY
        }
    }

    fn advance<'py>(
        this: &Ref<'py, Self>,
        thrown: Option<Bound<'py, PyAny>>,
        begins: bool,
    ) -> Fallible<Resumed<'py>> {
        let py = this.py();
        if begins {
            prepare(this)?;
            let waiter = this.waiter.get_or_none(py);
            return finish(this, this.awaiting.begin(&waiter));
        }
        finish(this, this.awaiting.resume(py, thrown))
    }

    fn awaited<'py>(this: &Ref<'py, Self>) -> Option<Bound<'py, PyAny>> {
        this.awaiting.shown(this.py())
    }

    fn abandon(this: &Ref<'_, Self>) -> Fallible<()> {
        this.awaiting.abandon();
        withdraw(this)
    }
}

/// The kernel's name for `return_when`.
fn return_when(given: Option<&Bound<'_, PyAny>>) -> Fallible<ReturnWhen> {
    let Some(given) = given else {
        return Ok(ReturnWhen::AllCompleted);
    };
    for (name, when) in [
        ("FIRST_COMPLETED", ReturnWhen::FirstCompleted),
        ("FIRST_EXCEPTION", ReturnWhen::FirstException),
        ("ALL_COMPLETED", ReturnWhen::AllCompleted),
    ] {
        let is_it = match given.cast_exact::<PyString>() {
            Ok(text) => text.to_cow()? == name,
            Err(_) => given.eq(name)?,
        };
        if is_it {
            return Ok(when);
        }
    }
    let message = format!("Invalid return_when value: {}", given.str()?);
    Err(PyValueError::new_err(message).into())
}

/// Everything that happens before the wait.
fn prepare(this: &Ref<'_, WaitState>) -> Fallible<()> {
    let py = this.py();
    let given = this.futures.get_or_none(py);
    if !is_plain_container(&given) && (ensure::is_future(&given)? || errors::is_coroutine(&given)?)
    {
        let name = errors::type_name(&given)?;
        let message = format!("expect a list of futures, not {name}");
        return Err(PyTypeError::new_err(message).into());
    }
    let is_any = this.cancels.get();
    if !is_any && !given.is_truthy()? {
        return Err(is_empty());
    }
    let when = return_when(this.return_when.get(py).as_ref())?;
    // Until they are all known to be futures, there is nothing to withdraw from.
    this.futures.clear();
    let futures = py.get_type::<PySet>().call1((&given,))?;
    for future in futures.try_iter()? {
        let future = future?;
        if future::plain(&future).is_none() && errors::is_coroutine(&future)? {
            let message = "Passing coroutines is forbidden, use tasks explicitly.";
            return Err(PyTypeError::new_err(message).into());
        }
    }
    let event_loop = loop_core::require_running_loop(py)?;
    let count = futures.len()?;
    if is_any {
        check_any(this, &futures, &event_loop)?;
    }
    this.futures.set(futures.clone());
    if count == 0 {
        // The iterable was no container, so its truth said nothing.
        return Err(PyAssertionError::new_err("Set of Futures is empty.").into());
    }
    set_waiter(this, &event_loop)?;
    this.machine.set(Some(Wait::new(count, when)));
    for future in futures.try_iter()? {
        tell(this, &future?)?;
    }
    Ok(())
}

fn is_empty() -> Raised {
    PyValueError::new_err("Set of Tasks/Futures is empty.").into()
}

/// What `wait_any` refuses and `wait` does not: it asks what it was given to cancel.
fn check_any<'py>(
    this: &Ref<'py, WaitState>,
    futures: &Bound<'py, PyAny>,
    event_loop: &Bound<'py, PyAny>,
) -> Fallible<()> {
    let py = this.py();
    if futures.len()? == 0 {
        return Err(is_empty());
    }
    if let Some(timeout) = this.timeout.get(py) {
        let name = intern!(py, "timeout");
        this.timeout.set(SECONDS.get(py)?.call1((name, timeout))?);
    }
    for future in futures.try_iter()? {
        let future = future?;
        if !ensure::is_future(&future)? {
            let name = errors::type_name(&future)?;
            let message = format!("a task or future is expected, not {name}");
            return Err(PyTypeError::new_err(message).into());
        }
        ensure::check_loop(&future, event_loop)?;
    }
    Ok(())
}

/// Whether it is certainly neither a future nor a coroutine: most callers give one of these.
fn is_plain_container(given: &Bound<'_, PyAny>) -> bool {
    given.is_exact_instance_of::<PySet>()
        || given.is_exact_instance_of::<PyList>()
        || given.is_exact_instance_of::<PyTuple>()
        || given.is_exact_instance_of::<PyFrozenSet>()
}

/// Makes the future that the wait is for, and sets the timer that releases it.
fn set_waiter<'py>(this: &Ref<'py, WaitState>, event_loop: &Bound<'py, PyAny>) -> Fallible<()> {
    let py = this.py();
    let native = loop_core::native(event_loop).filter(|native| native.has_plain_timers());
    let timeout = this.timeout.get(py);
    if let Some(native) = native {
        let waiter = future::create(native)?;
        this.waiter.set(waiter.as_any().clone());
        if let Some(timeout) = timeout {
            set_timer(this, native, &waiter, &timeout)?;
        }
        return Ok(());
    }
    let waiter = call::method0(event_loop, intern!(py, "create_future"))?;
    this.waiter.set(waiter.clone());
    if let Some(timeout) = timeout {
        let release = RELEASE_WAITER.get(py)?;
        let handle =
            event_loop.call_method1(intern!(py, "call_later"), (timeout, release, waiter))?;
        this.timer_of.set(handle);
    }
    Ok(())
}

fn set_timer<'py>(
    this: &Ref<'py, WaitState>,
    event_loop: &Ref<'py, LoopState>,
    waiter: &Ref<'py, FutureState>,
    timeout: &Bound<'py, PyAny>,
) -> Fallible<()> {
    let py = this.py();
    // Python's own addition: what cannot be added raises what asyncio raises.
    let now = pyo3::types::PyFloat::new(py, loop_core::time(event_loop)?);
    let when: f64 = now.add(timeout)?.extract()?;
    let alarm = Alarm::Release {
        future: waiter.as_any().clone().into(),
        value: py.None().into_bound(py).into(),
    };
    this.timer.set(Some(event_loop.timers.set(when, alarm)));
    this.timer_of.set(event_loop.as_any().clone());
    Ok(())
}

/// Asks `future` to tell us when it is done.
fn tell<'py>(this: &Ref<'py, WaitState>, future: &Bound<'py, PyAny>) -> Fallible<()> {
    if let Some(plain) = future::plain(future) {
        return future::add_callback(plain, Callback::Settle(Held::new(this.as_any())));
    }
    let py = this.py();
    let callback = this.as_any().getattr(intern!(py, "_done_callback"))?;
    this.callback.set(callback.clone());
    call::method1(future, intern!(py, "add_done_callback"), &callback)?;
    Ok(())
}

/// Makes the class.
///
/// # Errors
/// What making a class raises.
pub(crate) fn build(py: Python<'_>) -> Fallible<()> {
    let own = Method::one(c"_done_callback", c"A future is done.", on_completion);
    coroutine::build::<WaitState>(py, c"stook.coroutine", [own])
}

fn on_completion<'py>(
    this: &Ref<'py, WaitState>,
    future: &Bound<'py, PyAny>,
) -> Fallible<Bound<'py, PyAny>> {
    settle(this, future)?;
    Ok(this.py().None().into_bound(this.py()))
}

/// How `future` ended, if the kernel has to know; then its exception counts as read.
fn examined(future: &Bound<'_, PyAny>) -> Fallible<Outcome> {
    let py = future.py();
    if let Some(plain) = future::plain(future) {
        let outcome = plain.outcome();
        if outcome.is_error() {
            plain.mark_read();
        }
        return Ok(outcome);
    }
    if call::method0(future, intern!(py, "cancelled"))?.is_truthy()? {
        return Ok(Outcome::Cancelled);
    }
    let is_error = !call::method0(future, intern!(py, "exception"))?.is_none();
    Ok(if is_error {
        Outcome::Raised
    } else {
        Outcome::Returned
    })
}

/// Counts `future`, which is done, and releases the wait if that is enough.
///
/// # Errors
/// What a future whose methods are not ours raises.
pub(crate) fn settle(this: &Ref<'_, WaitState>, future: &Bound<'_, PyAny>) -> Fallible<()> {
    let Some(mut machine) = this.machine.get() else {
        return Ok(());
    };
    let outcome = if machine.examines_next_child() {
        examined(future)?
    } else {
        Outcome::Returned
    };
    let action = machine.child_done(outcome);
    this.machine.set(Some(machine));
    match action {
        WaitAction::KeepWaiting => Ok(()),
        WaitAction::Release => release(this),
    }
}

fn release(this: &Ref<'_, WaitState>) -> Fallible<()> {
    let py = this.py();
    cancel_timer(this)?;
    let waiter = this.waiter.get_or_none(py);
    match future::plain(&waiter) {
        Some(plain) if plain.is_done() => Ok(()),
        Some(plain) => future::set_result(plain, py.None().into_bound(py)),
        None => {
            if !call::method0(&waiter, intern!(py, "done"))?.is_truthy()? {
                call::method1(
                    &waiter,
                    intern!(py, "set_result"),
                    &py.None().into_bound(py),
                )?;
            }
            Ok(())
        }
    }
}

fn cancel_timer(this: &Ref<'_, WaitState>) -> Fallible<()> {
    let py = this.py();
    let Some(owner) = this.timer_of.get(py) else {
        return Ok(());
    };
    match (this.timer.get(), loop_core::native(&owner)) {
        (Some(key), Some(event_loop)) => drop(event_loop.timers.cancel(key)),
        _ => drop(call::method0(&owner, intern!(py, "cancel"))?),
    }
    Ok(())
}

/// Takes back the timer and what the futures were asked for.
fn withdraw(this: &Ref<'_, WaitState>) -> Fallible<()> {
    let py = this.py();
    cancel_timer(this)?;
    this.timer_of.clear();
    let callback = this.callback.get(py);
    let Some(futures) = this.futures.get(py) else {
        return Ok(());
    };
    for future in futures.try_iter()? {
        let future = future?;
        match (future::plain(&future), &callback) {
            (Some(plain), _) => plain.callbacks.remove_waiter(this.as_any()),
            (None, Some(callback)) => {
                call::method1(&future, intern!(py, "remove_done_callback"), callback)?;
            }
            (None, None) => {}
        }
    }
    this.callback.clear();
    Ok(())
}

/// What follows the wait, whether it ends or is interrupted.
fn finish<'py>(
    this: &Ref<'py, WaitState>,
    resumed: Fallible<Resumed<'py>>,
) -> Fallible<Resumed<'py>> {
    let py = this.py();
    match resumed {
        Ok(Resumed::Yielded(yielded)) => Ok(Resumed::Yielded(yielded)),
        Ok(Resumed::Returned(_)) => {
            withdraw(this)?;
            let (done, pending) = sort(this)?;
            this.futures.clear();
            if this.cancels.get() {
                let kind = if done.is_empty() {
                    CancelKind::Timeout
                } else {
                    CancelKind::LostRace
                };
                cancel_all(pending.as_any(), kind)?;
            }
            let answer = PyTuple::new(py, [done, pending])?;
            Ok(Resumed::Returned(answer.into_any()))
        }
        Err(raised) => {
            let exception = raised.take(py);
            withdraw(this)?;
            let futures = this.futures.take(py);
            if let Some(futures) = futures
                && this.cancels.get()
                && this.machine.get().is_some()
                && error::is_a(&exception, errors::CANCELLED_ERROR.get(py)?)
            {
                cancel_all(&futures, CancelKind::ParentCancelled).map_err(|raised| {
                    let raised = raised.take(py);
                    error::chain_behind(&raised, &exception);
                    error::again(raised)
                })?;
            }
            Err(error::again(exception))
        }
    }
}

/// Asks each that is not done to cancel.
fn cancel_all(futures: &Bound<'_, PyAny>, kind: CancelKind) -> Fallible<()> {
    let py = futures.py();
    // The set is somebody else's as well, and what is asked may change it.
    let futures = futures.try_iter()?.collect::<PyResult<Vec<_>>>()?;
    participants::cancel_each(&futures, || asking::request_for(py, kind)?.record(py))
}

/// Those that are done, and those that are pending.
fn sort<'py>(this: &Ref<'py, WaitState>) -> Fallible<(Bound<'py, PySet>, Bound<'py, PySet>)> {
    let py = this.py();
    let (done, pending) = (PySet::empty(py)?, PySet::empty(py)?);
    for future in this.futures.get_or_none(py).try_iter()? {
        let future = future?;
        if participants::is_done(&future)? {
            done.add(future)?;
        } else {
            pending.add(future)?;
        }
    }
    Ok((done, pending))
}

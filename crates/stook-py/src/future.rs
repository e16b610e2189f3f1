//! `Future`: a result that is still to come.
//!
//! # Source
//! `Future`, CPython 3.11 to 3.13, `Modules/_asynciomodule.c` and `asyncio/futures.py`.

use std::cell::{Cell, OnceCell};

use crate::ffi::intern;
use pyo3::exceptions::{PyBaseException, PyRuntimeError, PyStopIteration, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyType};
use stook_kernel::{FutureState as Phase, Outcome, Retrieval};

use crate::callbacks::{Callback, Callbacks, settling_method};
use crate::cancellations::{self, Cancellations};
use crate::errors;
use crate::ffi::class::Attributes;
use crate::ffi::gc::traverse;
use crate::ffi::{Class, Fallible, Held, HeldCell, Raised, Ref, TypeSlot, call, context, error};
use crate::loop_core::{self, LoopState, Marks};
use crate::lost;
use crate::ready::Ready;
use crate::record::{self, RecordState};
use crate::reference::reference;
use crate::task::{self, TaskState};
use crate::{forward, running, wakeup};

/// The state of a `Future`, and the beginning of the state of a `Task`.
#[derive(Debug, Default)]
pub(crate) struct FutureState {
    event_loop: HeldCell,
    pub(crate) callbacks: Callbacks,
    /// The result, or the exception when `failed`.
    value: HeldCell,
    rare: OnceCell<Box<Rare>>,
    phase: Cell<Phase>,
    failed: Cell<bool>,
    retrieval: Cell<Retrieval>,
    pub(crate) blocking: Cell<bool>,
    /// `event_loop` is one of ours.
    native: Cell<bool>,
}

/// What few futures have.
#[derive(Debug, Default)]
struct Rare {
    source_traceback: HeldCell,
    cancel_message: HeldCell,
    cancelled_error: HeldCell,
    exception_traceback: HeldCell,
    cancellations: Cancellations,
}

traverse!(Rare: source_traceback, cancel_message, cancelled_error, exception_traceback, cancellations);
traverse!(FutureState: event_loop, callbacks, value, rare);

/// Where `Future` is found.
static FUTURE: TypeSlot = TypeSlot::new();
/// Where `Task` is found.
pub(crate) static TASK: TypeSlot = TypeSlot::new();
/// Where `_GatheringFuture` is found.
pub(crate) static GATHERING_FUTURE: TypeSlot = TypeSlot::new();

impl Class for FutureState {
    type Extras = Attributes;

    const KEPT: usize = 64;

    fn slot() -> &'static TypeSlot {
        &FUTURE
    }

    fn is_at_rest(&self) -> bool {
        !self.is_unread()
    }
}

/// `object` as a future whose methods are certainly ours: a subclass made in Python may override
/// them, so it is not taken.
#[inline]
pub(crate) fn plain<'a, 'py>(object: &'a Bound<'py, PyAny>) -> Option<&'a Ref<'py, FutureState>> {
    let future = Ref::<FutureState>::cast(object)?;
    [&FUTURE, &TASK, &GATHERING_FUTURE]
        .into_iter()
        .any(|slot| slot.is_type_of(object))
        .then_some(future)
}

/// How a future that is done ended.
#[derive(Debug)]
pub(crate) enum Ended<'py> {
    /// With this result.
    Returned(Bound<'py, PyAny>),
    /// With this exception, which now counts as read.
    Raised(Bound<'py, PyAny>),
    /// By cancellation.
    Cancelled,
}

impl FutureState {
    /// A pending future of `event_loop`, one of ours, that needs no source traceback.
    #[inline]
    pub(crate) fn on_native_loop(event_loop: &Ref<'_, LoopState>) -> Self {
        FutureState {
            event_loop: HeldCell::of(event_loop.as_any().clone()),
            native: Cell::new(true),
            ..FutureState::default()
        }
    }

    fn rare(&self) -> &Rare {
        self.rare.get_or_init(Box::default)
    }

    /// What it knows of its cancellation.
    pub(crate) fn cancellations(&self) -> &Cancellations {
        &self.rare().cancellations
    }

    /// The same, unless that is nothing.
    #[inline]
    pub(crate) fn cancellations_if_any(&self) -> Option<&Cancellations> {
        self.rare.get().map(|rare| &rare.cancellations)
    }

    /// The record of the request that cancelled it.
    pub(crate) fn record<'py>(&self, py: Python<'py>) -> Option<Ref<'py, RecordState>> {
        self.cancellations_if_any()?.told(py)
    }

    /// What has become of it.
    #[inline]
    pub(crate) fn phase(&self) -> Phase {
        self.phase.get()
    }

    /// Whether it has a result or an exception, or was cancelled.
    #[inline]
    pub(crate) fn is_done(&self) -> bool {
        self.phase.get().is_done()
    }

    /// How it ended; a future that is still pending counts as returned.
    pub(crate) fn outcome(&self) -> Outcome {
        match self.phase.get() {
            Phase::Cancelled => Outcome::Cancelled,
            _ if self.failed.get() => Outcome::Raised,
            _ => Outcome::Returned,
        }
    }

    /// The loop it belongs to; `None` before `__init__`.
    #[inline]
    pub(crate) fn event_loop<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.event_loop.get(py)
    }

    /// Whether it belongs to `event_loop`.
    #[inline]
    pub(crate) fn belongs_to(&self, event_loop: &Bound<'_, PyAny>) -> bool {
        self.event_loop.holds(event_loop)
    }

    /// Whether `__init__` was called.
    #[inline]
    pub(crate) fn is_initialized(&self) -> bool {
        self.event_loop.is_some()
    }

    /// Raises unless `__init__` was called.
    pub(crate) fn ensure_initialized(&self) -> Fallible<()> {
        if self.is_initialized() {
            return Ok(());
        }
        Err(errors::runtime_error("Future object is not initialized."))
    }

    /// The exception is no longer to be reported as never retrieved.
    pub(crate) fn mark_read(&self) {
        let mut retrieval = self.retrieval.get();
        retrieval.read();
        self.retrieval.set(retrieval);
    }

    /// Whether an exception was set and not read.
    pub(crate) fn is_unread(&self) -> bool {
        self.retrieval.get().is_unread()
    }

    /// The mark "never retrieved", taken away.
    pub(crate) fn take_unread(&self) -> bool {
        let mut retrieval = self.retrieval.get();
        let unread = retrieval.take_unread();
        self.retrieval.set(retrieval);
        unread
    }

    /// The exception it ended with, without counting it as read.
    pub(crate) fn peek_exception<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.failed.get().then(|| self.value.get(py)).flatten()
    }

    /// The result it ended with.
    pub(crate) fn peek_result<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        (!self.failed.get()).then(|| self.value.get(py)).flatten()
    }

    /// Where it was created, in debug mode.
    pub(crate) fn source_traceback<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.rare.get()?.source_traceback.get(py)
    }

    /// The message of the cancel request.
    pub(crate) fn cancel_message<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.rare.get()?.cancel_message.get(py)
    }

    /// Sets the message of the cancel request.
    pub(crate) fn set_cancel_message(&self, message: Option<&Bound<'_, PyAny>>) {
        match message.filter(|message| !message.is_none()) {
            Some(message) => self.rare().cancel_message.set(message.clone()),
            None => {
                if let Some(rare) = self.rare.get() {
                    rare.cancel_message.clear();
                }
            }
        }
    }

    /// Keeps the `CancelledError` that ended a coroutine, to be raised to who awaits it.
    pub(crate) fn keep_cancelled_error(&self, exception: Bound<'_, PyAny>) {
        self.rare().cancelled_error.set(exception);
    }

    /// Makes it a pending future of `event_loop` again, without callbacks.
    ///
    /// # Errors
    /// What finding the loop, or asking it for its debug mode, raises.
    pub(crate) fn initialize<'py>(
        &self,
        py: Python<'py>,
        event_loop: Option<Bound<'py, PyAny>>,
    ) -> Fallible<()> {
        use crate::ffi::Traverse;
        if self.is_initialized() {
            task::catch_up_with(py, self);
        }
        Traverse::clear(self);
        self.phase.set(Phase::Pending);
        self.failed.set(false);
        self.retrieval.set(Retrieval::new());
        self.blocking.set(false);
        let event_loop = match event_loop.filter(|event_loop| !event_loop.is_none()) {
            Some(event_loop) => event_loop,
            None => running::get_event_loop(py)?,
        };
        let native = loop_core::native(&event_loop);
        self.native.set(native.is_some());
        let debug = match native {
            Some(native) => native.has(Marks::DEBUG),
            None => call::method0(&event_loop, intern!(py, "get_debug"))?.is_truthy()?,
        };
        self.event_loop.set(event_loop);
        if debug && let Some(stack) = errors::extract_whole_stack(py)? {
            self.rare().source_traceback.set(stack);
        }
        Ok(())
    }
}

/// A pending future of `event_loop`.
///
/// # Errors
/// `MemoryError`, or what the loop raises.
pub(crate) fn create<'py>(event_loop: &Ref<'py, LoopState>) -> Fallible<Ref<'py, FutureState>> {
    let py = event_loop.py();
    if event_loop.has(Marks::DEBUG) {
        let future = Ref::allocate(py, FutureState::default())?;
        future.initialize(py, Some(event_loop.as_any().clone()))?;
        return Ok(future);
    }
    Ref::allocate_by(py, || FutureState::on_native_loop(event_loop))
}

/// Schedules one callback of `this`, which is done.
fn schedule(this: &Ref<'_, FutureState>, callback: Callback) -> Fallible<()> {
    let py = this.py();
    let Some(event_loop) = this.event_loop.get(py) else {
        return Err(errors::runtime_error("Future object is not initialized."));
    };
    if this.native.get()
        && let Some(native) = loop_core::native(&event_loop)
        && native.is_plain()
    {
        let future = Held::new(this.as_any());
        native.push(match callback {
            Callback::Call { function, context } => Ready::Call {
                function,
                future,
                context: or_current(py, context)?,
            },
            Callback::Wake(task) => Ready::Wake {
                task,
                awaited: future,
            },
            Callback::Settle(waiter) => Ready::Settle {
                waiter,
                child: future,
            },
            Callback::Forward(outer) => Ready::Forward {
                outer,
                inner: future,
            },
            Callback::Withdraw(inner) => Ready::Withdraw {
                inner,
                outer: future,
            },
        });
        return Ok(());
    }
    let (function, context) = as_python(py, callback)?;
    loop_core::call_soon(&event_loop, &function, Some(this.as_any()), &context)
}

/// Schedules the wake-up of `task`, the one that waits for `this`, which is done.
fn wake(this: &Ref<'_, FutureState>, task: Held) -> Fallible<()> {
    if let Some(event_loop) = this.event_loop.get(this.py())
        && let Some(native) = loop_core::native(&event_loop)
        && native.is_plain()
    {
        native.push(Ready::Wake {
            task,
            awaited: Held::new(this.as_any()),
        });
        return Ok(());
    }
    schedule(this, Callback::Wake(task))
}

/// A callback that was added with `None` for its context runs in a copy of the current one.
fn or_current(py: Python<'_>, context: Held) -> Fallible<Held> {
    if context.bind(py).is_none() {
        return Ok(context::copy_current(py)?.into());
    }
    Ok(context)
}

/// The callback as a callable and its context, for loops that know only those.
pub(crate) fn as_python<'py>(
    py: Python<'py>,
    callback: Callback,
) -> Fallible<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
    match callback {
        Callback::Call { function, context } => {
            Ok((function.into_bound(py), context.into_bound(py)))
        }
        Callback::Wake(task) => wakeup::as_python(task.bind(py)),
        Callback::Settle(waiter) => Ok((
            settling_method(waiter.bind(py))?,
            context::copy_current(py)?,
        )),
        Callback::Forward(outer) => Ok((
            forward::forward_as_python(outer.bind(py))?,
            context::copy_current(py)?,
        )),
        Callback::Withdraw(inner) => Ok((
            forward::withdraw_as_python(inner.bind(py))?,
            context::copy_current(py)?,
        )),
    }
}

/// Schedules all callbacks of `this`, which is done.
fn schedule_all(this: &Ref<'_, FutureState>) -> Fallible<()> {
    if this.callbacks.is_empty() {
        return Ok(());
    }
    if this.native.get()
        && let Some(task) = this.callbacks.take_only_wake()
    {
        return wake(this, task);
    }
    let (first, rest) = this.callbacks.take();
    for callback in first.into_iter().chain(rest) {
        schedule(this, callback)?;
    }
    Ok(())
}

/// Has `task` woken once `this` is done: the next thing in the loop's queue where it is already.
///
/// # Errors
/// `RuntimeError` where it was not initialised.
#[inline]
pub(crate) fn add_wake(this: &Ref<'_, FutureState>, task: &Bound<'_, PyAny>) -> Fallible<()> {
    if this.is_initialized() && !this.is_done() {
        this.callbacks.push_wake(Held::new(task));
        return Ok(());
    }
    add_callback(this, Callback::Wake(Held::new(task)))
}

/// Adds a callback, or schedules it at once when the future is done.
pub(crate) fn add_callback(this: &Ref<'_, FutureState>, callback: Callback) -> Fallible<()> {
    if !this.is_initialized() {
        return Err(errors::runtime_error("uninitialized Future object"));
    }
    if this.is_done() {
        return schedule(this, callback);
    }
    this.callbacks.push(callback);
    Ok(())
}

fn finish(this: &Ref<'_, FutureState>) -> Fallible<()> {
    let mut phase = this.phase.get();
    if phase.finish().is_err() {
        return Err(errors::invalid_state(this.py(), "invalid state"));
    }
    this.phase.set(phase);
    Ok(())
}

/// Gives the future its result.
///
/// # Errors
/// `InvalidStateError` when it is done already.
#[inline]
pub(crate) fn set_result(this: &Ref<'_, FutureState>, value: Bound<'_, PyAny>) -> Fallible<()> {
    finish(this)?;
    this.value.set(value);
    schedule_all(this)
}

/// Gives the future its exception, an instance or a class.
///
/// # Errors
/// `InvalidStateError` when it is done already, `TypeError` for what is no exception.
pub(crate) fn set_exception<'py>(
    this: &Ref<'py, FutureState>,
    exception: &Bound<'py, PyAny>,
) -> Fallible<()> {
    let py = this.py();
    if this.is_done() {
        return Err(errors::invalid_state(py, "invalid state"));
    }
    let is_class = exception.cast::<PyType>().is_ok_and(|class| {
        error::or_none(class.py(), class.is_subclass_of::<PyBaseException>()) == Some(true)
    });
    let exception = if is_class {
        call::call0(exception)?
    } else {
        exception.clone()
    };
    if !exception.is_instance_of::<PyBaseException>() {
        return Err(PyTypeError::new_err("invalid exception object").into());
    }
    let exception = refuse_stop_iteration(exception)?;
    let exception = exception
        .cast_into::<PyBaseException>()
        .map_err(PyErr::from)?;
    let traceback = error::traceback_of(&exception);
    finish(this)?;
    if let Some(traceback) = traceback {
        this.rare().exception_traceback.set(traceback);
    }
    this.value.set(exception.into_any());
    this.failed.set(true);
    schedule_all(this)?;
    let mut retrieval = this.retrieval.get();
    retrieval.raised();
    this.retrieval.set(retrieval);
    lost::count_failure();
    Ok(())
}

const STOP_ITERATION: &str =
    "StopIteration interacts badly with generators and cannot be raised into a Future";

/// `StopIteration` becomes the cause of a `RuntimeError`, or is refused, as the interpreter's
/// version has it.
fn refuse_stop_iteration(exception: Bound<'_, PyAny>) -> Fallible<Bound<'_, PyAny>> {
    let py = exception.py();
    let stop = py.get_type::<PyStopIteration>();
    if !exception.is_instance(&stop)? {
        return Ok(exception);
    }
    if reference(py)?.stop_iteration_becomes_runtime_error {
        let error = py.get_type::<PyRuntimeError>().call1((STOP_ITERATION,))?;
        error.setattr(intern!(py, "__cause__"), &exception)?;
        error.setattr(intern!(py, "__context__"), &exception)?;
        return Ok(error);
    }
    if exception.get_type().is(&stop) {
        return Err(PyTypeError::new_err(STOP_ITERATION).into());
    }
    Ok(exception)
}

/// Cancels the future; `false` when it is done already.
///
/// # Errors
/// What scheduling its callbacks raises.
pub(crate) fn cancel(
    this: &Ref<'_, FutureState>,
    message: Option<&Bound<'_, PyAny>>,
) -> Fallible<bool> {
    this.mark_read();
    let mut phase = this.phase.get();
    if !phase.cancel() {
        return Ok(false);
    }
    this.phase.set(phase);
    this.set_cancel_message(message);
    schedule_all(this)?;
    Ok(true)
}

/// The `CancelledError` to raise; the one that ended the coroutine is given once.
pub(crate) fn make_cancelled_error<'py>(
    this: &Ref<'py, FutureState>,
) -> Fallible<Bound<'py, PyAny>> {
    let py = this.py();
    if let Some(rare) = this.rare.get() {
        if let Some(exception) = rare.cancelled_error.take(py) {
            return Ok(exception);
        }
        return errors::new_cancelled_error(py, rare.cancel_message.get(py).as_ref());
    }
    errors::new_cancelled_error(py, None)
}

/// How the future ended; its exception counts as read, and has the traceback it was set with.
///
/// # Errors
/// `InvalidStateError` when it is not done.
pub(crate) fn ended<'py>(this: &Ref<'py, FutureState>) -> Fallible<Ended<'py>> {
    let py = this.py();
    match this.phase.get() {
        Phase::Cancelled => Ok(Ended::Cancelled),
        Phase::Pending => Err(errors::invalid_state(py, "Result is not set.")),
        Phase::Finished if this.failed.get() => {
            this.mark_read();
            let exception = this.value.get_or_none(py);
            // Given back once: a second reader gets an exception without the frames that the
            // first one added.
            let traceback = this
                .rare
                .get()
                .and_then(|rare| rare.exception_traceback.take(py));
            let traceback = traceback.unwrap_or_else(|| py.None().into_bound(py));
            error::set_traceback(exception.cast().map_err(PyErr::from)?, &traceback)?;
            Ok(Ended::Raised(exception))
        }
        Phase::Finished => Ok(Ended::Returned(this.value.get_or_none(py))),
    }
}

/// The result.
///
/// # Errors
/// The future's exception, `CancelledError`, or `InvalidStateError` when it is not done.
#[inline]
pub(crate) fn result<'py>(this: &Ref<'py, FutureState>) -> Fallible<Bound<'py, PyAny>> {
    match ended(this)? {
        Ended::Returned(value) => Ok(value),
        Ended::Raised(exception) => Err(error::raise(&exception)),
        Ended::Cancelled => Err(raise_cancelled(this)),
    }
}

/// Raises the future's `CancelledError`, with its record, to who need not be a task that waits.
pub(crate) fn raise_cancelled(this: &Ref<'_, FutureState>) -> Raised {
    match recorded_cancelled_error(this) {
        Ok(exception) => error::raise(&exception),
        Err(raised) => raised,
    }
}

/// The `CancelledError` to raise, which tells of its record wherever it goes.
///
/// # Errors
/// `MemoryError`.
pub(crate) fn recorded_cancelled_error<'py>(
    this: &Ref<'py, FutureState>,
) -> Fallible<Bound<'py, PyAny>> {
    let exception = make_cancelled_error(this)?;
    // Of one that was not cancelled in the end, what it was told before means nothing here.
    if this.outcome().is_cancelled()
        && let Some(mut record) = this.record(this.py())
    {
        if Ref::<TaskState>::cast(this.as_any()).is_some() {
            record = record::of_child(&record)?;
        }
        cancellations::attach(&exception, record.as_any())?;
    }
    Ok(exception)
}

/// The exception, or `None`.
///
/// # Errors
/// `CancelledError`, or `InvalidStateError` when the future is not done.
pub(crate) fn exception<'py>(this: &Ref<'py, FutureState>) -> Fallible<Option<Bound<'py, PyAny>>> {
    match this.phase.get() {
        Phase::Cancelled => Err(raise_cancelled(this)),
        Phase::Pending => Err(errors::invalid_state(this.py(), "Exception is not set.")),
        Phase::Finished if this.failed.get() => {
            this.mark_read();
            Ok(this.value.get(this.py()))
        }
        Phase::Finished => Ok(None),
    }
}

/// Tells the loop of an exception that nobody has read: the future is going.
pub(crate) fn report_unread(this: &Ref<'_, FutureState>) {
    let py = this.py();
    if !this.take_unread() {
        return;
    }
    let Some(event_loop) = this.event_loop.get(py) else {
        return;
    };
    let told = (|| -> Fallible<()> {
        let details = PyDict::new(py);
        let name = errors::type_name(this.as_any())?;
        details.set_item(
            intern!(py, "message"),
            format!("{name} exception was never retrieved"),
        )?;
        details.set_item(intern!(py, "exception"), this.value.get_or_none(py))?;
        details.set_item(intern!(py, "future"), this.as_any())?;
        if let Some(stack) = this.source_traceback(py) {
            details.set_item(intern!(py, "source_traceback"), stack)?;
        }
        let created = crate::task::made_at(this.as_any())?;
        lost::report(&event_loop, &details, created)
    })();
    if let Err(raised) = told {
        raised.write_unraisable(&event_loop);
    }
}

//! `Task`: a coroutine that the loop runs, and the future of its result.
//!
//! What a task does when it is resumed is in `step.rs`.
//!
//! # Source
//! `Task`, CPython 3.11 to 3.13, `Modules/_asynciomodule.c` and `asyncio/tasks.py`.

mod catching_up;
mod counting;
mod passing_on;
mod through_gathers;

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::ffi::intern;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use stook_kernel::{CancelRequests, WithdrawRule};

use crate::accelerator;
use crate::asking;
use crate::errors;
use crate::ffi::class::Attributes;
use crate::ffi::gc::traverse;
use crate::ffi::live::MembershipCell;
use crate::ffi::{Class, Fallible, Held, HeldCell, Ref, TypeSlot, Untracked, call, context, coro};
use crate::future::{self, FutureState};
use crate::loop_core::{self, LoopState, Marks};
use crate::lost;
use crate::own_context::OwnContext;
use crate::ready::Ready;
use crate::record;
use crate::reference::reference;
use crate::set_at::SetAt;
use crate::unlisted;

pub(crate) use self::catching_up::{catch_up, catch_up_all, catch_up_gather, catch_up_with};
pub(crate) use self::passing_on::cancel;
pub(crate) use self::through_gathers::cancel_children;

/// The state of a `Task`.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct TaskState {
    pub(crate) future: FutureState,
    pub(crate) coroutine: HeldCell,
    pub(crate) context: OwnContext,
    /// The future that the task awaits.
    pub(crate) awaited: HeldCell,
    name: HeldCell,
    /// What the name is made of until somebody asks for it. One that was given a name has 0, until it is
    /// asked for its identity.
    number: Cell<u64>,
    /// Those that were put off are not counted: see `catching_up.rs`.
    requests: Cell<CancelRequests>,
    /// Not to be reported when it is destroyed while pending.
    quiet: Cell<bool>,
    /// Passing a cancel request on: to be asked again now means that tasks wait in a circle.
    asking: Cell<bool>,
    /// It was marked in a round of its loop's, which may be over: see `catching_up.rs`.
    is_marked: Cell<bool>,
    membership: MembershipCell,
    /// Where it was made, if somebody wants to know.
    made_at: SetAt,
    /// Its loop keeps it alive.
    is_kept: Cell<bool>,
    /// Its name was given.
    is_named: Cell<bool>,
}

traverse!(TaskState: future, coroutine, context, awaited, name);

impl Class for TaskState {
    type Extras = Attributes;

    const KEPT: usize = 64;

    fn slot() -> &'static TypeSlot {
        &future::TASK
    }

    fn is_at_rest(&self) -> bool {
        self.future.is_done() && !self.future.is_unread()
    }
}

/// The number that the next task without a name of its own takes.
///
/// DIFFERENCE: with stook's loop in plain asyncio, tasks that asyncio makes itself, as
/// `asyncio.Task(…)` and `asyncio.eager_task_factory` do, take their numbers from asyncio: one of
/// them and one of stook's may both be called `Task-1`.
static NEXT_NUMBER: AtomicU64 = AtomicU64::new(1);

/// The number that the next task takes which has a name of its own, and is to be told from others.
static NEXT_OF_NAMED: AtomicU64 = AtomicU64::new(1);

impl Default for TaskState {
    fn default() -> Self {
        TaskState::with(FutureState::default())
    }
}

impl TaskState {
    /// One whose future part is this, and which has nothing else yet.
    #[inline]
    fn with(future: FutureState) -> Self {
        TaskState {
            future,
            coroutine: HeldCell::new(),
            context: OwnContext::default(),
            awaited: HeldCell::new(),
            name: HeldCell::new(),
            number: Cell::default(),
            requests: Cell::default(),
            quiet: Cell::default(),
            asking: Cell::default(),
            is_marked: Cell::default(),
            membership: MembershipCell::default(),
            made_at: SetAt::default(),
            is_kept: Cell::default(),
            is_named: Cell::default(),
        }
    }

    /// The task's name, made when it is first asked for.
    pub(crate) fn name<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        if let Some(name) = self.name.get(py) {
            return name;
        }
        let number = self.number_of_name();
        if number == 0 {
            return py.None().into_bound(py);
        }
        let name = PyString::new(py, &format!("Task-{number}")).into_any();
        self.name.set(name.clone());
        name
    }

    /// The name or, where it has none yet, the number that it is to be made of.
    pub(crate) fn name_or_number<'py>(&self, py: Python<'py>) -> (Option<Bound<'py, PyAny>>, u64) {
        (self.name.get(py), self.number_of_name())
    }

    /// What the name is made of; 0 where it was given one.
    fn number_of_name(&self) -> u64 {
        let number = self.number.get();
        if number & Identity::OF_NAMED == 0 {
            number
        } else {
            0
        }
    }

    /// What tells the task from every other one, also from one that gets its address when it is gone.
    #[inline]
    pub(crate) fn identity(&self) -> Identity {
        if self.number.get() == 0 {
            let next = NEXT_OF_NAMED.fetch_add(1, Ordering::Relaxed);
            self.number.set(next | Identity::OF_NAMED);
        }
        let named = u64::from(self.is_named.get()) * Identity::NAMED;
        Identity(self.number.get() | named)
    }

    /// Sets the name; what is no string is converted.
    ///
    /// # Errors
    /// What the conversion raises.
    pub(crate) fn set_name(&self, name: &Bound<'_, PyAny>) -> Fallible<()> {
        self.is_named.set(true);
        self.name.set(if name.is_exact_instance_of::<PyString>() {
            name.clone()
        } else {
            name.str()?.into_any()
        });
        Ok(())
    }

    /// The cancel requests that it has received.
    #[inline]
    pub(crate) fn requests(&self, py: Python<'_>) -> CancelRequests {
        catch_up(py, self);
        self.requests.get()
    }

    /// Sets what has become of these.
    pub(crate) fn set_requests(&self, requests: CancelRequests) {
        self.requests.set(requests);
    }

    /// The task waits for `awaited` from now on.
    #[inline]
    pub(crate) fn wait_for(&self, awaited: &Bound<'_, PyAny>) {
        catch_up(awaited.py(), self);
        self.awaited.set(awaited.clone());
    }

    /// Whether the task is to be reported when it is destroyed while pending.
    pub(crate) fn reports_destruction(&self) -> bool {
        !self.quiet.get()
    }

    /// Sets whether the task is to be reported when it is destroyed while pending.
    pub(crate) fn set_reports_destruction(&self, on: bool) {
        self.quiet.set(!on);
    }

    /// Its loop keeps it alive until it is over.
    pub(crate) fn keep(&self) {
        self.is_kept.set(true);
    }

    /// The task is over: it no longer counts among the tasks of its loop.
    pub(crate) fn leave(&self) {
        self.membership.leave();
    }
}

/// What a task is told by from those that had its address before, and whether its name is made of that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity(u64);

impl Identity {
    /// The task was given a name when it was made, so its number is of no name.
    const OF_NAMED: u64 = 1 << 63;
    /// The task has another name than that of its number.
    const NAMED: u64 = 1 << 62;

    /// As one number.
    pub(crate) const fn as_number(self) -> u64 {
        self.0
    }

    /// What has become that number.
    pub(crate) const fn of_number(number: u64) -> Self {
        Identity(number)
    }

    /// What the task's name is made of, where it was given none.
    pub(crate) const fn number(self) -> Option<u64> {
        if self.0 & (Self::OF_NAMED | Self::NAMED) == 0 {
            return Some(self.0);
        }
        None
    }

    /// Whether the two are of one task.
    pub(crate) const fn is_of_same(self, other: Self) -> bool {
        (self.0 | Self::NAMED) == (other.0 | Self::NAMED)
    }
}

/// The task's part that is a future.
#[inline]
pub(crate) fn as_future<'a, 'py>(this: &'a Ref<'py, TaskState>) -> &'a Ref<'py, FutureState> {
    this.upcast(|task| &task.future)
}

/// The task's place in a set of tasks.
pub(crate) fn membership(state: &TaskState) -> &MembershipCell {
    &state.membership
}

/// What a task is made with.
#[derive(Debug, Default)]
pub(crate) struct Options<'py> {
    pub(crate) name: Option<Bound<'py, PyAny>>,
    pub(crate) context: Option<Bound<'py, PyAny>>,
    pub(crate) eager_start: bool,
}

/// A new task of `event_loop`, one of ours, scheduled or started as `options` say.
///
/// # Errors
/// `TypeError` for what is no coroutine.
pub(crate) fn spawn<'py>(
    event_loop: &Ref<'py, LoopState>,
    coroutine: &Bound<'py, PyAny>,
    options: Options<'py>,
) -> Fallible<Ref<'py, TaskState>> {
    let py = event_loop.py();
    let (task, untracked) = if event_loop.has(Marks::DEBUG) {
        new_in_debug_mode(event_loop)?
    } else {
        Ref::allocate_untracked_by(py, || {
            TaskState::with(FutureState::on_native_loop(event_loop))
        })?
    };
    if !options.eager_start && event_loop.keeps_untracked() {
        prepare(&task, coroutine, options)?;
        event_loop.push(Ready::Start { task: untracked });
        register(&task)?;
        return Ok(task);
    }
    drop(untracked.into_tracked());
    start(&task, coroutine, options)?;
    Ok(task)
}

#[cold]
fn new_in_debug_mode<'py>(
    event_loop: &Ref<'py, LoopState>,
) -> Fallible<(Ref<'py, TaskState>, Untracked)> {
    let py = event_loop.py();
    let state = TaskState::default();
    state
        .future
        .initialize(py, Some(event_loop.as_any().clone()))?;
    Ref::allocate_untracked_by(py, || state)
}

/// `Task.__init__`, once the future part is initialised.
///
/// DIFFERENCE: a task's context has to be a `contextvars.Context`, else `TypeError` is raised; asyncio
/// calls the `run` of whatever it is given at each step, and reports there what has none.
///
/// # Errors
/// `TypeError` for what is no coroutine; what scheduling the first step raises.
pub(crate) fn start<'py>(
    this: &Ref<'py, TaskState>,
    coroutine: &Bound<'py, PyAny>,
    options: Options<'py>,
) -> Fallible<()> {
    let eager_start = options.eager_start;
    prepare(this, coroutine, options)?;
    if eager_start && is_running(this)? {
        return crate::step::start_eagerly(this);
    }
    schedule_step(this, None)?;
    register(this)
}

/// Gives the task what it is made with.
fn prepare<'py>(
    this: &Ref<'py, TaskState>,
    coroutine: &Bound<'py, PyAny>,
    options: Options<'py>,
) -> Fallible<()> {
    let py = this.py();
    if !coro::is_exact_coroutine(coroutine) && !errors::is_coroutine(coroutine)? {
        this.quiet.set(true);
        let message = format!("a coroutine was expected, got {}", coroutine.repr()?);
        return Err(PyTypeError::new_err(message).into());
    }
    match options.context.filter(|context| !context.is_none()) {
        Some(context) if context::is_context(&context) => this.context.set(context),
        Some(other) => {
            this.quiet.set(true);
            let found = errors::type_name(&other)?;
            let message = format!("context must be a contextvars.Context, not {found}");
            return Err(PyTypeError::new_err(message).into());
        }
        None => {
            let event_loop = this.future.event_loop(py);
            let native = event_loop.as_ref().and_then(loop_core::native);
            this.context
                .copy_current(py, native.is_some_and(|native| native.is_running()))?;
        }
    }
    this.awaited.clear();
    this.is_marked.set(false);
    this.requests.set(CancelRequests::new());
    this.quiet.set(false);
    this.coroutine.set(coroutine.clone());
    this.made_at.set(asking::here(py)?);
    match options.name.filter(|name| !name.is_none()) {
        Some(name) => {
            this.number.set(0);
            this.set_name(&name)?;
        }
        None => {
            this.name.clear();
            this.is_named.set(false);
            this.number.set(NEXT_NUMBER.fetch_add(1, Ordering::Relaxed));
        }
    }
    Ok(())
}

/// Whether the task's loop runs.
///
/// DIFFERENCE: `Task(coro, eager_start=True)` without a loop is made for the running one, as without
/// `eager_start`; some asyncio, CPython 3.13.0's among them, raise `AttributeError` there.
fn is_running(this: &Ref<'_, TaskState>) -> Fallible<bool> {
    let py = this.py();
    match this.future.event_loop(py) {
        Some(event_loop) => Ok(call::method0(&event_loop, intern!(py, "is_running"))?.is_truthy()?),
        None => Ok(false),
    }
}

/// Counts the task among those of its loop, if that is ours.
pub(crate) fn count(this: &Ref<'_, TaskState>) {
    let event_loop = this.future.event_loop(this.py());
    if let Some(native) = event_loop.as_ref().and_then(loop_core::native) {
        native.tasks.insert(this, membership);
    }
}

/// The place where a task was made, as Python has it, if that was noted.
///
/// # Errors
/// `MemoryError`.
pub(crate) fn made_at<'py>(object: &Bound<'py, PyAny>) -> Fallible<Option<Bound<'py, PyAny>>> {
    let Some(place) =
        Ref::<TaskState>::cast(object).and_then(|task| task.made_at.place(object.py()))
    else {
        return Ok(None);
    };
    record::as_place(&place).map(Some)
}

/// The task is over: its loop need not keep it any more.
#[cold]
fn let_go(this: &Ref<'_, TaskState>) -> Fallible<()> {
    let py = this.py();
    this.is_kept.set(false);
    let event_loop = this.future.event_loop(py);
    let native = event_loop.as_ref().and_then(loop_core::native);
    if let Some(kept) = native.and_then(|native| native.kept_tasks.get(py)) {
        kept.call_method1(intern!(py, "discard"), (this.as_any(),))?;
    }
    Ok(())
}

/// The task is over.
///
/// # Errors
/// What taking it out of a set raises.
#[inline]
pub(crate) fn leave(this: &Ref<'_, TaskState>) -> Fallible<()> {
    // Who awaits it passes no more on to it.
    catch_up(this.py(), this);
    this.leave();
    if this.is_kept.get() {
        return let_go(this);
    }
    Ok(())
}

/// The tasks of `event_loop` that are not done, of our own making.
///
/// # Errors
/// `MemoryError`.
pub(crate) fn of_loop<'py>(event_loop: &Ref<'py, LoopState>) -> Fallible<Vec<Bound<'py, PyAny>>> {
    let py = event_loop.py();
    // Whatever reads this has those that are unlisted counted with their loops.
    accelerator::all_tasks(py)?.getattr(intern!(py, "data"))?;
    Ok(event_loop.tasks.list(py))
}

/// The tasks of `event_loop` that were asked to cancel before `before`, in seconds of the monotonic
/// clock, and have neither ended nor taken that back; with when they were asked first.
///
/// # Errors
/// `MemoryError`.
pub(crate) fn asked<'py>(
    event_loop: &Ref<'py, LoopState>,
    before: f64,
) -> Fallible<Vec<(Bound<'py, PyAny>, f64)>> {
    let mut asked = Vec::new();
    let py = event_loop.py();
    for object in of_loop(event_loop)? {
        let Some(task) = Ref::<TaskState>::cast(&object) else {
            continue;
        };
        let known = task.future.cancellations_if_any();
        if let Some(since) = known.and_then(|known| known.disregarded_since())
            && task.requests(py).pending() > 0
            && since <= before
        {
            asked.push((object, since));
        }
    }
    Ok(asked)
}

/// Counts the task among those of its loop, and tells the accelerator if it has to know.
pub(crate) fn register(this: &Ref<'_, TaskState>) -> Fallible<()> {
    let event_loop = this.future.event_loop(this.py());
    let native = event_loop.as_ref().and_then(loop_core::native);
    if let Some(native) = native {
        if let Some(kept) = native.kept_tasks.get(this.py()) {
            kept.call_method1(intern!(this.py(), "add"), (this.as_any(),))?;
            this.is_kept.set(true);
        }
        if accelerator::is_mirroring() && unlisted::keep(this) {
            return Ok(());
        }
        native.tasks.insert(this, membership);
        if !accelerator::is_mirroring() {
            return Ok(());
        }
    }
    accelerator::register(this.as_any())
}

/// Schedules the next step of the task, which raises `exception` if there is one.
pub(crate) fn schedule_step(
    this: &Ref<'_, TaskState>,
    exception: Option<Bound<'_, PyAny>>,
) -> Fallible<()> {
    let py = this.py();
    let Some(event_loop) = this.future.event_loop(py) else {
        return Err(errors::runtime_error("Future object is not initialized."));
    };
    if let Some(native) = loop_core::native(&event_loop)
        && native.is_plain()
    {
        let task = Held::new(this.as_any());
        native.push(match exception {
            None => Ready::Step { task },
            Some(exception) => Ready::Throw {
                task,
                exception: exception.into(),
            },
        });
        return Ok(());
    }
    let step = crate::wakeup::step_as_python(this, exception)?;
    let context = this.context.get_or_none(py)?;
    loop_core::call_soon(&event_loop, &step, None, &context)
}

/// Takes one cancel request back; how many are left.
///
/// # Errors
/// What asking asyncio for its rule raises.
pub(crate) fn uncancel(this: &Ref<'_, TaskState>) -> Fallible<u32> {
    let rule = if reference(this.py())?.uncancel_clears_due {
        WithdrawRule::ClearDueAtZero
    } else {
        WithdrawRule::KeepDue
    };
    let mut requests = this.requests(this.py());
    let was_due = requests.is_due();
    let counted = requests.pending();
    let left = requests.withdraw(rule);
    this.requests.set(requests);
    if counted > left
        && let Some(cancellations) = this.future.cancellations_if_any()
    {
        cancellations.withdraw(this.py());
    }
    if was_due
        && !requests.is_due()
        && let Some(cancellations) = this.future.cancellations_if_any()
    {
        // It is not going to be raised.
        cancellations.resume(this.py());
    }
    Ok(left)
}

/// The finaliser: tells the loop of a task that goes while it is pending, and of an exception
/// that nobody has read.
pub(crate) fn finalize(this: &Ref<'_, TaskState>) {
    let py = this.py();
    this.leave();
    if !this.future.is_done()
        && this.reports_destruction()
        && let Some(event_loop) = this.future.event_loop(py)
    {
        let told = (|| -> Fallible<()> {
            let details = PyDict::new(py);
            let message = "Task was destroyed but it is pending!";
            details.set_item(intern!(py, "message"), message)?;
            details.set_item(intern!(py, "task"), this.as_any())?;
            if let Some(stack) = this.future.source_traceback(py) {
                details.set_item(intern!(py, "source_traceback"), stack)?;
            }
            lost::report(&event_loop, &details, made_at(this.as_any())?)
        })();
        if let Err(raised) = told {
            raised.write_unraisable(&event_loop);
        }
    }
    future::report_unread(as_future(this));
}

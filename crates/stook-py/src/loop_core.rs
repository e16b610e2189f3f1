//! The state of a loop, and which loop runs in this thread.

use std::cell::{Cell, OnceCell};
use std::mem::ManuallyDrop;
use std::sync::Arc;

use crate::ffi::intern;
use pyo3::prelude::*;

use crate::accelerator;
use crate::clock;
use crate::errors;
use crate::ffi::gc::traverse;
use crate::ffi::live::LiveSet;
use crate::ffi::waker::Waker;
use crate::ffi::{Class, Fallible, HeldCell, NoExtras, Ref, Track, TypeSlot, call};
use crate::handoff::Handoff;
use crate::part_looks::PartLooks;
use crate::pulse::Beat;
use crate::put_off::PutOff;
use crate::ready::{Ready, ReadyQueue};
use crate::timers::Timers;

/// What makes a loop leave its shortest paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Marks(u16);

impl Marks {
    /// Debug mode: callbacks go through handles that know where they were made.
    pub(crate) const DEBUG: Marks = Marks(1);
    /// Closed: nothing may be scheduled.
    pub(crate) const CLOSED: Marks = Marks(1 << 1);
    /// `call_soon` is not ours, in a subclass or on the instance.
    pub(crate) const CALL_SOON: Marks = Marks(1 << 2);
    /// `call_later` or `call_at` is not ours.
    pub(crate) const CALL_AT: Marks = Marks(1 << 3);
    /// `time` is not ours.
    pub(crate) const TIME: Marks = Marks(1 << 4);
    /// `create_future` is not ours.
    pub(crate) const CREATE_FUTURE: Marks = Marks(1 << 5);
    /// `create_task` is not ours.
    pub(crate) const CREATE_TASK: Marks = Marks(1 << 6);
    /// A task factory is set.
    pub(crate) const TASK_FACTORY: Marks = Marks(1 << 7);
    /// `_run_once` is not ours.
    pub(crate) const RUN_ONCE: Marks = Marks(1 << 8);
    /// What is called about the self-pipe is not ours.
    pub(crate) const SELF_PIPE: Marks = Marks(1 << 9);
    /// `__hash__` is not ours.
    pub(crate) const HASH: Marks = Marks(1 << 10);

    /// Both.
    pub(crate) const fn and(self, other: Marks) -> Marks {
        Marks(self.0 | other.0)
    }
}

/// The methods that may be replaced, and the mark of each.
pub(crate) const WATCHED: [(&str, Marks); 11] = [
    ("call_soon", Marks::CALL_SOON),
    ("call_later", Marks::CALL_AT),
    ("call_at", Marks::CALL_AT),
    ("time", Marks::TIME),
    ("create_future", Marks::CREATE_FUTURE),
    ("create_task", Marks::CREATE_TASK),
    ("_run_once", Marks::RUN_ONCE),
    ("_write_to_self", Marks::SELF_PIPE),
    ("_read_from_self", Marks::SELF_PIPE),
    ("_process_self_data", Marks::SELF_PIPE),
    ("__hash__", Marks::HASH),
];

/// How a wait for events is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WakeBy {
    /// By the loop's [`Waker`].
    Waker,
    /// By its method `_write_to_self`.
    Method,
}

/// The state of a loop.
#[derive(Debug, Default)]
pub(crate) struct LoopState {
    pub(crate) ready: ReadyQueue,
    pub(crate) timers: Timers,
    pub(crate) current_task: HeldCell,
    /// The accelerator may know of the current task, or of one of its own: see `current.rs`.
    pub(crate) is_told: Cell<bool>,
    pub(crate) task_factory: HeldCell,
    /// What `set_debug()` was given; its truth is a mark.
    pub(crate) debug: HeldCell,
    /// `threading.get_ident()` of the thread that runs the loop, as a Python object.
    pub(crate) thread: HeldCell,
    pub(crate) stopping: Cell<bool>,
    /// A thread is inside a wait that another one may have to end, in this way.
    pub(crate) polling: Cell<Option<WakeBy>>,
    /// What ends such a wait, where other threads have ended waits before.
    pub(crate) waker: Waker,
    pub(crate) wants_waker: Cell<bool>,
    /// What its own executor and it see of each other, once there is one.
    pub(crate) handoff: OnceCell<Arc<Handoff>>,
    /// What a thread that watches sees of it, once one does.
    pub(crate) beat: OnceCell<Beat>,
    /// How many runs of turns are going on, one inside another.
    runs: Cell<u32>,
    pub(crate) turns_without_poll: Cell<u32>,
    pub(crate) last_poll: Cell<i64>,
    /// In how many turns to come events are looked for, because there was one.
    pub(crate) lively_turns: Cell<u32>,
    /// How many descriptors were watched when the loop last asked.
    pub(crate) watched: Cell<usize>,
    /// The states of the class in which `self_pipe.rs` found asyncio's methods behind its own.
    pub(crate) writes_as_asyncio: Cell<u32>,
    pub(crate) reads_as_asyncio: Cell<u32>,
    /// The state of the class in which nothing about the self-pipe was found replaced.
    pub(crate) has_plain_pipe: Cell<u32>,
    pub(crate) nesting_allowed: Cell<bool>,
    /// It was reported that nothing can go on, in this run.
    pub(crate) is_stuck: Cell<bool>,
    /// When to look for tasks that can never go on, while others do.
    pub(crate) part_looks: PartLooks,
    pub(crate) current_handle: HeldCell,
    /// A context that is lent to those who have theirs in common with others.
    pub(crate) spare_context: HeldCell,
    pub(crate) tasks: LiveSet,
    /// Cancel requests of its tasks that were not passed on yet.
    pub(crate) put_off: PutOff,
    /// The tasks that are not done, a set, where the loop is to keep them alive.
    pub(crate) kept_tasks: HeldCell,
    marks: Cell<u16>,
}

traverse!(LoopState: ready, timers, current_task, task_factory, debug, thread, current_handle, spare_context, put_off, kept_tasks);

impl Class for LoopState {
    type Extras = NoExtras;

    fn slot() -> &'static TypeSlot {
        static SLOT: TypeSlot = TypeSlot::new();
        &SLOT
    }
}

impl LoopState {
    /// Sets or clears `mark`.
    pub(crate) fn mark(&self, mark: Marks, on: bool) {
        let marks = self.marks.get();
        self.marks
            .set(if on { marks | mark.0 } else { marks & !mark.0 });
    }

    /// Whether a thread runs it.
    #[inline]
    pub(crate) fn is_running(&self) -> bool {
        self.thread.is_some()
    }

    /// Whether runs of turns are going on one inside another.
    pub(crate) fn is_nested(&self) -> bool {
        self.runs.get() > 1
    }

    /// Whether what is scheduled now needs no collector until it runs: somebody runs turns, who
    /// holds the loop, and what the loop keeps is shown to the collector when that ends.
    ///
    /// DIFFERENCE: a task or handle that is made while its loop runs is not tracked by the collector
    /// before it has run: until then `gc.get_objects()` and `gc.get_referrers()` pass it by.
    #[inline]
    pub(crate) fn keeps_untracked(&self) -> bool {
        self.runs.get() > 0 && self.is_plain()
    }

    /// Whether any of `mark` is set.
    #[inline]
    pub(crate) fn has(&self, mark: Marks) -> bool {
        self.marks.get() & mark.0 != 0
    }

    /// Whether entries may be put in the ready queue directly.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        !self.has(Marks::DEBUG.and(Marks::CLOSED).and(Marks::CALL_SOON))
    }

    /// Whether timers may be set directly.
    #[inline]
    pub(crate) fn has_plain_timers(&self) -> bool {
        self.is_plain() && !self.has(Marks::CALL_AT.and(Marks::CREATE_FUTURE))
    }

    /// Schedules `entry` for the next turn.
    #[inline]
    pub(crate) fn push(&self, entry: Ready) {
        self.ready.push_back(entry);
    }

    /// Whether the loop is open.
    #[inline]
    pub(crate) fn is_open(&self) -> bool {
        !self.has(Marks::CLOSED)
    }

    /// Raises unless the loop is open.
    pub(crate) fn check_closed(&self) -> Fallible<()> {
        if self.has(Marks::CLOSED) {
            return Err(errors::runtime_error("Event loop is closed"));
        }
        Ok(())
    }
}

/// One run of turns, from its beginning to its end.
#[derive(Debug)]
pub(crate) struct RunOfTurns<'a>(&'a LoopState);

impl<'a> RunOfTurns<'a> {
    /// Begins one.
    pub(crate) fn begin(state: &'a LoopState) -> Self {
        state.runs.set(state.runs.get() + 1);
        state.is_stuck.set(false);
        if state.runs.get() == 1 {
            state.part_looks.begin();
        }
        if let Some(beat) = state.beat.get() {
            beat.run(true);
        }
        RunOfTurns(state)
    }
}

impl Drop for RunOfTurns<'_> {
    fn drop(&mut self) {
        let state = self.0;
        state.runs.set(state.runs.get().saturating_sub(1));
        if state.runs.get() == 0 {
            if let Some(beat) = state.beat.get() {
                beat.run(false);
            }
            state.ready.track();
            state.timers.track();
        }
    }
}

/// The loop's time in seconds: of the monotonic clock, or what an overridden `time()` says.
#[inline]
pub(crate) fn time(this: &Ref<'_, LoopState>) -> Fallible<f64> {
    if this.has(Marks::TIME) {
        let now = call::method0(this.as_any(), intern!(this.py(), "time"))?;
        return Ok(now.extract()?);
    }
    Ok(clock::monotonic_seconds())
}

/// The loop, if it is one of ours.
#[inline]
pub(crate) fn native<'a, 'py>(
    event_loop: &'a Bound<'py, PyAny>,
) -> Option<&'a Ref<'py, LoopState>> {
    Ref::cast(event_loop)
}

thread_local! {
    /// Never released at the end of a thread: that may be after the interpreter's own end.
    static RUNNING: ManuallyDrop<HeldCell> = const { ManuallyDrop::new(HeldCell::new()) };
}

/// Asks the loop of ours that runs in this thread, if there is one.
pub(crate) fn running_native<R>(
    py: Python<'_>,
    ask: impl FnOnce(&Ref<'_, LoopState>) -> R,
) -> Option<R> {
    let running = RUNNING.with(|running| running.get(py))?;
    native(&running).map(ask)
}

/// Shows `look`, which runs no foreign code, the loop of ours that runs in this thread, if there is
/// one.
#[inline]
pub(crate) fn look_at_running(py: Python<'_>, look: impl FnOnce(&Ref<'_, LoopState>)) {
    RUNNING.with(|running| {
        running.is_some_and(py, |running| native(running).map(look).is_some());
    });
}

/// The loop that runs in this thread, if it is one of ours on its shortest paths: not in debug
/// mode, and with its own methods.
#[inline]
pub(crate) fn running_plain(py: Python<'_>) -> Option<Ref<'_, LoopState>> {
    let running = RUNNING.with(|running| running.get(py))?;
    Ref::cast_into(running).filter(|native: &Ref<'_, LoopState>| native.has_plain_timers())
}

/// Whether one as of [`running_plain`] runs in this thread.
#[inline]
pub(crate) fn runs_plain(py: Python<'_>) -> bool {
    RUNNING.with(|running| {
        running.is_some_and(py, |running| {
            native(running).is_some_and(|native| native.has_plain_timers())
        })
    })
}

/// The loop that runs in this thread.
///
/// # Errors
/// What asking the accelerator raises.
pub(crate) fn running_loop(py: Python<'_>) -> Fallible<Option<Bound<'_, PyAny>>> {
    match RUNNING.with(|running| running.get(py)) {
        Some(running) => Ok(Some(running)),
        // A loop that learnt its names before `install()` tells only the accelerator.
        None => accelerator::running_loop(py),
    }
}

/// The loop that runs in this thread.
///
/// # Errors
/// `RuntimeError` when none does.
pub(crate) fn require_running_loop(py: Python<'_>) -> Fallible<Bound<'_, PyAny>> {
    running_loop(py)?.ok_or_else(|| errors::runtime_error("no running event loop"))
}

/// Sets which loop runs in this thread; `None` for none.
pub(crate) fn set_running_loop(running: &Bound<'_, PyAny>) -> Fallible<()> {
    RUNNING.with(|cell| {
        cell.set_or_clear((!running.is_none()).then(|| running.clone()));
    });
    if accelerator::is_mirroring() {
        accelerator::set_running_loop(running)?;
    }
    Ok(())
}

/// Forgets the running loop: a forked child has none.
pub(crate) fn forget_running_loop() {
    RUNNING.with(|cell| cell.clear());
}

/// Calls `event_loop.call_soon(callback[, argument], context=context)`.
pub(crate) fn call_soon(
    event_loop: &Bound<'_, PyAny>,
    callback: &Bound<'_, PyAny>,
    argument: Option<&Bound<'_, PyAny>>,
    context: &Bound<'_, PyAny>,
) -> Fallible<()> {
    let name = intern!(event_loop.py(), "call_soon");
    call::method_with_context(event_loop, name, callback, argument, context)?;
    Ok(())
}

/// Gives `context`, a dict, to the exception handler of `event_loop`.
pub(crate) fn call_exception_handler(
    event_loop: &Bound<'_, PyAny>,
    context: &Bound<'_, PyAny>,
) -> Fallible<()> {
    let name = intern!(event_loop.py(), "call_exception_handler");
    call::method1(event_loop, name, context)?;
    Ok(())
}

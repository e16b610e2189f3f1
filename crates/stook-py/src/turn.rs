//! The turn of the loop: the only place that empties the ready queue.
//!
//! A turn looks for events, unless there is work and it looked a moment ago, puts the timers
//! that are due behind what is ready, and runs what was ready when it began to run.
//!
//! # Source
//! `BaseEventLoop._run_once`, CPython 3.13 `asyncio/base_events.py`;
//! `BaseSelectorEventLoop._process_events`, `asyncio/selector_events.py`.

use std::cell::Cell;
use std::io;

use crate::ffi::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFloat};

use crate::clock;
use crate::current;
use crate::deadlock::{self, EndlessWait};
use crate::errors::Imported;
use crate::ffi::{Fallible, Held, HeldCell, Raised, Ref, call, compat, context, error, poll};
use crate::forward;
use crate::future::{self, FutureState};
use crate::gather;
use crate::gathering::GatheringState;
use crate::handle::{self, HandleState, TimerHandleState};
use crate::loop_core::{self, LoopState, Marks, RunOfTurns, WakeBy};
use crate::natives;
use crate::race::{self, RaceState};
use crate::ready::Ready;
use crate::self_pipe;
use crate::shown;
use crate::step;
use crate::task::TaskState;
use crate::unlisted;
use crate::wait::{self, WaitState};
use crate::watching;

static EPOLL_SELECTOR: Imported = Imported::new("selectors", "EpollSelector");
static PROCESS_EVENTS: Imported = Imported::new("asyncio.selector_events", "BaseSelectorEventLoop");

/// What this file looks up when the module is made.
pub(crate) const IMPORTS: &[&Imported] = &[&EPOLL_SELECTOR, &PROCESS_EVENTS];

/// With work ready, events are looked for at least every so many turns, and whenever the coarse
/// clock has moved.
const TURNS_WITHOUT_POLL: u32 = 64;
/// After an event, and after a descriptor was added or removed, events are looked for in each of so
/// many turns, as asyncio does: one leads to another, and the turn in which that is seen decides in
/// which order tasks go on.
const LIVELY_TURNS: u32 = 64;
/// The longest wait for events, in seconds; asyncio's `MAXIMUM_SELECT_TIMEOUT`.
const LONGEST_WAIT: f64 = 24.0 * 3600.0;

/// How a loop looks for events.
#[derive(Debug)]
enum Poller<'py> {
    /// By its selector's own epoll descriptor.
    Epoll {
        descriptor: i32,
        keys: Bound<'py, PyDict>,
    },
    /// By the methods of a selector of another kind.
    Selector(Bound<'py, PyAny>),
}

impl<'py> Poller<'py> {
    fn of(this: &Ref<'py, LoopState>) -> Fallible<Self> {
        let py = this.py();
        let selector = this.as_any().getattr(intern!(py, "_selector"))?;
        let name = intern!(py, "_process_events");
        let is_plain = this
            .as_any()
            .get_type()
            .getattr(name)?
            .is(PROCESS_EVENTS.get(py)?.getattr(name)?)
            && selector.get_type().is(EPOLL_SELECTOR.get(py)?);
        if is_plain {
            let keys = selector.getattr(intern!(py, "_fd_to_key"))?;
            if let Ok(keys) = keys.cast_into_exact::<PyDict>() {
                let descriptor = selector.call_method0(intern!(py, "fileno"))?.extract()?;
                return Ok(Poller::Epoll { descriptor, keys });
            }
        }
        Ok(Poller::Selector(selector))
    }

    /// Whether a look may be left out in this turn: only where nobody can count them, and nothing
    /// happens that may lead to an event.
    fn may_skip(&self, this: &Ref<'_, LoopState>) -> bool {
        let Poller::Epoll { keys, .. } = self else {
            return false;
        };
        let watched = keys.len();
        if this.watched.get() != watched {
            this.watched.set(watched);
            this.lively_turns.set(LIVELY_TURNS);
        }
        let lively = this.lively_turns.get();
        if lively == 0 {
            return true;
        }
        this.lively_turns.set(lively - 1);
        false
    }
}

/// What stays the same for as long as the loop runs.
struct Run<'a, 'py> {
    event_loop: &'a Ref<'py, LoopState>,
    poller: Poller<'py>,
    /// The loop's waker is watched.
    is_waker_watched: Cell<bool>,
    /// The clock's resolution in seconds: timers due within it are due.
    resolution: f64,
}

/// Runs turns until `stop()` was called.
///
/// # Errors
/// `KeyboardInterrupt` and `SystemExit` out of what runs, and what a selector raises.
pub(crate) fn run(this: &Ref<'_, LoopState>) -> Fallible<()> {
    within(this, |run| {
        // The first turn of a run looks, so that `call_soon(stop)` and a run do what they do in
        // asyncio: hand on the events that are there, and end.
        this.turns_without_poll.set(TURNS_WITHOUT_POLL);
        let replaced = this.has(Marks::RUN_ONCE);
        loop {
            if replaced {
                call::method0(this.as_any(), intern!(this.py(), "_run_once"))?;
            } else {
                run.turn()?;
            }
            if this.stopping.get() {
                return Ok(());
            }
        }
    })
}

/// Runs one turn.
///
/// # Errors
/// As [`run`].
pub(crate) fn run_once(this: &Ref<'_, LoopState>) -> Fallible<()> {
    within(this, |run| run.turn())
}

/// Runs `body` with no task current: a nested run finds the outer task suspended by it.
fn within<'py>(
    this: &Ref<'py, LoopState>,
    body: impl FnOnce(&Run<'_, 'py>) -> Fallible<()>,
) -> Fallible<()> {
    let py = this.py();
    let resolution = this
        .as_any()
        .getattr(intern!(py, "_clock_resolution"))?
        .extract()?;
    let run = Run {
        event_loop: this,
        poller: Poller::of(this)?,
        is_waker_watched: Cell::new(false),
        resolution,
    };
    let _turning = RunOfTurns::begin(this);
    let event_loop = this.as_any();
    let outer = current::swap(event_loop, None)?;
    let ran = body(&run).map_err(|raised| raised.take(py));
    if outer.is_some() {
        current::swap(event_loop, outer.as_ref())?;
    }
    ran.map_err(error::again)
}

impl<'py> Run<'_, 'py> {
    fn turn(&self) -> Fallible<()> {
        let this = self.event_loop;
        if !this.timers.is_empty() {
            this.timers.sweep();
        }
        self.look_for_events()?;
        if !this.timers.is_empty() {
            self.take_due_timers()?;
        }
        let debug = this.has(Marks::DEBUG);
        let pulse = this.beat.get().map(|beat| &*beat.pulse);
        if !this.ready.is_empty() {
            this.part_looks.ran();
        }
        for _ in 0..this.ready.len() {
            // A nested run may have taken entries of this turn.
            let Some(entry) = this.ready.pop_front() else {
                break;
            };
            if let Some(pulse) = pulse {
                pulse.begin();
            }
            context::in_step(this.py(), || {
                if debug {
                    run_debugging(this, entry)
                } else {
                    run_entry(this, entry)
                }
            })?;
        }
        // What its variables hold is not to live longer than those who ran in it.
        this.spare_context.clear();
        Ok(())
    }

    fn take_due_timers(&self) -> Fallible<()> {
        let this = self.event_loop;
        let end = loop_core::time(this)? + self.resolution;
        while let Some(alarm) = this.timers.pop_due(end) {
            let Some(alarm) = alarm else { continue };
            let entry = Ready::from(alarm);
            if let Some(handle) = entry.handle()
                && let Some(timer) = Ref::<TimerHandleState>::cast(handle.bind(this.py()))
            {
                timer.due();
            }
            this.push(entry);
        }
        Ok(())
    }

    /// Looks for events, and waits for them when nothing else is to be done.
    ///
    /// DIFFERENCE: with work ready, and no event seen in the last 64 turns, events are looked for when
    /// some milliseconds have passed or 64 turns, not in every turn. After a turn that took longer than
    /// those milliseconds the next one looks, as in asyncio.
    fn look_for_events(&self) -> Fallible<()> {
        let this = self.event_loop;
        let has_work = !this.ready.is_empty() || this.stopping.get();
        if has_work && self.poller.may_skip(this) && !is_time_to_poll(this) {
            return Ok(());
        }
        if !has_work {
            this.ready.shrink_to(KEPT_ENTRIES);
            this.timers.shrink_to(KEPT_ENTRIES);
        }
        watching::rest(this)?;
        // From here on another thread that schedules has to end the wait.
        this.polling.set(Some(self.wake_by()));
        let polled = self.poll();
        this.polling.set(None);
        watching::go_on(this);
        this.turns_without_poll.set(0);
        polled
    }

    /// How another thread ends the next wait: by the waker, once a thread has ended one without.
    fn wake_by(&self) -> WakeBy {
        let this = self.event_loop;
        if !self.is_waker_watched.get()
            && this.wants_waker.get()
            && let Poller::Epoll { descriptor, .. } = &self.poller
        {
            let watched = this.waker.watch(*descriptor).is_ok();
            self.is_waker_watched.set(watched);
            this.wants_waker.set(watched);
        }
        if self.is_waker_watched.get() {
            WakeBy::Waker
        } else {
            WakeBy::Method
        }
    }

    /// How long to wait, in seconds; `None` for as long as it takes.
    fn timeout(&self) -> Fallible<Option<f64>> {
        let this = self.event_loop;
        if !this.ready.is_empty() || this.stopping.get() {
            return Ok(Some(0.0));
        }
        match this.timers.next() {
            Some(when) => Ok(Some(
                (when - loop_core::time(this)?).clamp(0.0, LONGEST_WAIT),
            )),
            None => Ok(None),
        }
    }

    fn poll(&self) -> Fallible<()> {
        let this = self.event_loop;
        let py = this.py();
        match &self.poller {
            Poller::Selector(selector) => {
                let timeout = match self.timeout()? {
                    // asyncio gives the whole number here.
                    Some(0.0) => 0i32.into_pyobject(py).map_err(PyErr::from)?.into_any(),
                    Some(seconds) => PyFloat::new(py, seconds).into_any(),
                    None => py.None().into_bound(py),
                };
                let events = call::method1(selector, intern!(py, "select"), &timeout)?;
                call::method1(this.as_any(), intern!(py, "_process_events"), &events)?;
                Ok(())
            }
            Poller::Epoll { descriptor, keys } => {
                let events = self.wait(*descriptor, keys.len())?;
                if !events.is_empty() {
                    this.lively_turns.set(LIVELY_TURNS);
                }
                for event in events {
                    process(this, keys, event)?;
                }
                Ok(())
            }
        }
    }

    /// Whether nobody may ever end this wait.
    fn may_be_stuck(&self, watched: usize) -> bool {
        let handoff = self.event_loop.handoff.get();
        self.can_only_wait_for_jobs(watched) && !handoff.is_some_and(|handoff| handoff.has_jobs())
    }

    /// Whether nobody but a job of the loop's own executor may end this wait: tasks wait, and of what
    /// is watched, so many descriptors, all are the loop's own.
    fn can_only_wait_for_jobs(&self, watched: usize) -> bool {
        let this = self.event_loop;
        deadlock::is_watching()
            && this.ready.is_empty()
            && watched <= OWN_DESCRIPTORS
            && !this.is_stuck.get()
            && !(this.tasks.is_empty() && unlisted::is_empty(this.py()))
    }

    /// In how many seconds to look for tasks that can never go on; only while nothing is ready.
    fn until_look_at_parts(&self) -> Option<f64> {
        let this = self.event_loop;
        let has_tasks = !this.tasks.is_empty() || !unlisted::is_empty(this.py());
        if !deadlock::is_watching() || !has_tasks || this.is_stuck.get() || this.is_nested() {
            return None;
        }
        this.part_looks.until_look(clock::monotonic_seconds())
    }

    /// Waits on epoll; signals that interrupt it are handled, and the wait goes on (PEP 475).
    fn wait(&self, descriptor: i32, most: usize) -> Fallible<Vec<poll::Readiness>> {
        let py = self.event_loop.py();
        let endless = EndlessWait::default();
        loop {
            if self.event_loop.ready.is_empty() {
                // A signal that came while no Python code ran would not interrupt the wait.
                compat::run_signal_handlers(py)?;
            }
            let milliseconds = match self.timeout()? {
                // Rounded up, as the selector does: never earlier than asked for.
                Some(seconds) => (seconds * 1e3).ceil() as i32,
                None if self.may_be_stuck(most) => endless.until_look(),
                // A thread ends a job a moment after the loop has its result.
                None if self.can_only_wait_for_jobs(most) => BESIDE_JOBS,
                None => -1,
            };
            let is_look = milliseconds > 0 && self.timeout()?.is_none() && self.may_be_stuck(most);
            let until_part = match milliseconds {
                0 => None,
                _ if is_look => None,
                _ => self.until_look_at_parts(),
            };
            if until_part == Some(0.0) {
                deadlock::look_at_parts(self.event_loop)?;
                continue;
            }
            let (milliseconds, is_part_look) = match until_part {
                Some(seconds) if milliseconds < 0 || seconds * 1e3 < f64::from(milliseconds) => {
                    ((seconds * 1e3).ceil() as i32, true)
                }
                _ => (milliseconds, false),
            };
            let handoff = self.event_loop.handoff.get().filter(|_| milliseconds != 0);
            let is_over = || handoff.is_some_and(|handoff| handoff.look_for_result());
            let waited = poll::wait(py, descriptor, milliseconds, most, is_over);
            if let Some(handoff) = handoff {
                handoff.went_on();
            }
            match waited {
                Ok(events) if is_look && events.is_empty() && self.may_be_stuck(most) => {
                    let is_told = endless.look(self.event_loop.as_any())?;
                    self.event_loop.is_stuck.set(is_told);
                }
                Ok(events) if is_part_look && events.is_empty() && self.timeout()? != Some(0.0) => {
                }
                Ok(events) => return Ok(events),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                    compat::run_signal_handlers(py)?;
                }
                Err(error) => return Err(PyErr::from(error).into()),
            }
        }
    }
}

/// For how many milliseconds to wait where only a job may end the wait, before asking whether there is
/// one still.
const BESIDE_JOBS: i32 = 500;
/// How many descriptors a loop watches for itself: one end of its self-pipe.
const OWN_DESCRIPTORS: usize = 1;
/// How many entries a queue keeps memory for while the loop has nothing to do.
const KEPT_ENTRIES: usize = 4096;

fn is_time_to_poll(this: &Ref<'_, LoopState>) -> bool {
    let turns = this.turns_without_poll.get() + 1;
    this.turns_without_poll.set(turns);
    if turns >= TURNS_WITHOUT_POLL {
        return true;
    }
    let tick = clock::coarse_tick();
    let has_ticked = this.last_poll.get() != tick;
    if has_ticked {
        this.last_poll.set(tick);
    }
    has_ticked
}

/// Hands an event to the handles that were registered for it.
fn process(
    this: &Ref<'_, LoopState>,
    keys: &Bound<'_, PyDict>,
    event: poll::Readiness,
) -> Fallible<()> {
    let py = this.py();
    let Some(key) = keys.get_item(event.descriptor)? else {
        return Ok(());
    };
    let wanted: u32 = key.get_item(2)?.extract()?;
    let data = key.get_item(3)?;
    let sides = [
        (
            event.readable && wanted & 1 != 0,
            0,
            intern!(py, "_remove_reader"),
        ),
        (
            event.writable && wanted & 2 != 0,
            1,
            intern!(py, "_remove_writer"),
        ),
    ];
    for (happened, index, remove) in sides {
        if !happened {
            continue;
        }
        let handle = data.get_item(index)?;
        if handle.is_none() {
            continue;
        }
        if is_cancelled(&handle)? {
            call::method1(this.as_any(), remove, &key.get_item(0)?)?;
        } else {
            this.push(Ready::Run(handle.into()));
        }
    }
    Ok(())
}

fn is_cancelled(handle: &Bound<'_, PyAny>) -> Fallible<bool> {
    match Ref::<HandleState>::cast(handle) {
        Some(handle) => Ok(handle.is_cancelled()),
        None => Ok(handle
            .getattr(intern!(handle.py(), "_cancelled"))?
            .is_truthy()?),
    }
}

/// Puts a handle into the ready queue, unless it is cancelled.
///
/// # Errors
/// When it is no handle.
pub(crate) fn add_handle(this: &Ref<'_, LoopState>, handle: &Bound<'_, PyAny>) -> Fallible<()> {
    if !is_cancelled(handle)? {
        this.push(Ready::Run(Held::new(handle)));
    }
    Ok(())
}

/// Ends the wait of the thread that runs the loop, if it is in one: once a wait is enough.
///
/// DIFFERENCE: `call_soon_threadsafe` does something only where the loop waits for events, and once
/// for each wait: the first time, and where a method that has to do with the self-pipe is a
/// program's own, it calls `_write_to_self`; otherwise it writes to an event descriptor of the
/// loop's own (`eventfd`), or sets a flag while the loop looks for a result of its executor. asyncio
/// calls `_write_to_self` each time.
///
/// # Errors
/// What the loop's `_write_to_self` raises.
pub(crate) fn wake_up(this: &Ref<'_, LoopState>) -> Fallible<()> {
    let Some(by) = this.polling.take() else {
        return Ok(());
    };
    if self_pipe::is_plain(this)? {
        if this.handoff.get().is_some_and(|handoff| handoff.wake()) {
            return Ok(());
        }
        if by == WakeBy::Waker && this.waker.wake().is_ok() {
            return Ok(());
        }
        this.wants_waker.set(true);
    }
    call::method0(this.as_any(), intern!(this.py(), "_write_to_self"))?;
    Ok(())
}

/// Runs one entry.
///
/// # Errors
/// `KeyboardInterrupt` and `SystemExit`; everything else goes to the exception handler.
#[inline]
fn run_entry(this: &Ref<'_, LoopState>, entry: Ready) -> Fallible<()> {
    let py = this.py();
    let spare = &this.spare_context;
    // What is run most often is taken apart at once: it is not asked again, when it is dropped, what it is.
    match entry {
        Ready::RunNew(handle) => run_handle(handle.held().bind(py), spare),
        Ready::Run(handle) => run_handle(handle.bind(py), spare),
        Ready::Wake { task, awaited } => wake(this, &task, &awaited)
            .or_else(|raised| report(this, &Ready::Wake { task, awaited }, raised)),
        entry => run_any(this, &entry).or_else(|raised| report(this, &entry, raised)),
    }
}

fn run_any(this: &Ref<'_, LoopState>, entry: &Ready) -> Fallible<()> {
    let py = this.py();
    let spare = &this.spare_context;
    match entry {
        Ready::Start { task } => on_task(py, spare, task.held(), |task| {
            step::step_native(this, task, None)
        }),
        Ready::Step { task } => {
            on_task(py, spare, task, |task| step::step_native(this, task, None))
        }
        Ready::Throw { task, exception } => on_task(py, spare, task, |task| {
            step::step_native(this, task, Some(exception.bind(py).clone()))
        }),
        Ready::Settle { waiter, child } => settle(waiter.bind(py), child.bind(py)),
        Ready::Forward { outer, inner } => forward::forward(outer.bind(py), inner.bind(py)),
        Ready::Withdraw { inner, outer } => forward::withdraw(inner.bind(py), outer.bind(py)),
        Ready::Call {
            function,
            future,
            context,
        } => run_callback(function.bind(py), future.bind(py), context.bind(py)),
        Ready::Release { future, value } => release(future.bind(py), value.bind(py)),
        Ready::Expire { task, timeout } => natives::expire(task.bind(py), timeout),
        Ready::Wake { task, awaited } => wake(this, task, awaited),
        Ready::RunNew(handle) => run_handle(handle.held().bind(py), spare),
        Ready::Run(handle) => run_handle(handle.bind(py), spare),
    }
}

#[inline]
fn wake(this: &Ref<'_, LoopState>, task: &Held, awaited: &Held) -> Fallible<()> {
    let py = this.py();
    on_task(py, &this.spare_context, task, |task| {
        step::wake_native(this, task, awaited.bind(py))
    })
}

#[inline]
fn on_task<'py>(
    py: Python<'py>,
    spare_context: &HeldCell,
    task: &Held,
    run: impl FnOnce(&Ref<'py, TaskState>) -> Fallible<()>,
) -> Fallible<()> {
    let Some(task) = Ref::<TaskState>::cast(task.bind(py)) else {
        return Ok(());
    };
    let is_over = || task.future.is_done();
    task.context.run(py, spare_context, || run(task), is_over)
}

fn settle<'py>(waiter: &Bound<'py, PyAny>, child: &Bound<'py, PyAny>) -> Fallible<()> {
    if let Some(gathering) = Ref::<GatheringState>::cast(waiter) {
        return gather::settle(gathering, child);
    }
    if let Some(waiting) = Ref::<WaitState>::cast(waiter) {
        return wait::settle(waiting, child);
    }
    match Ref::<RaceState>::cast(waiter) {
        Some(running) => race::settle(running, child),
        None => natives::settle(waiter, child),
    }
}

fn run_callback<'py>(
    function: &Bound<'py, PyAny>,
    future: &Bound<'py, PyAny>,
    own: &Bound<'py, PyAny>,
) -> Fallible<()> {
    if context::is_context(own) {
        return context::run(own, || call::call1(function, future).map(drop));
    }
    own.call_method1(intern!(own.py(), "run"), (function, future))?;
    Ok(())
}

/// Ends a sleep, unless its future is done.
fn release<'py>(object: &Bound<'py, PyAny>, value: &Bound<'py, PyAny>) -> Fallible<()> {
    match Ref::<FutureState>::cast(object) {
        Some(future) if !future.is_done() => future::set_result(future, value.clone()),
        _ => Ok(()),
    }
}

fn run_handle(object: &Bound<'_, PyAny>, spare_context: &HeldCell) -> Fallible<()> {
    if let Some(own) = Ref::<HandleState>::cast(object) {
        if own.is_cancelled() {
            return Ok(());
        }
        return handle::run(own, spare_context);
    }
    if is_cancelled(object)? {
        return Ok(());
    }
    call::method0(object, intern!(object.py(), "_run"))?;
    Ok(())
}

/// Tells the exception handler what asyncio, which has a handle for everything, would tell it.
#[cold]
fn report(this: &Ref<'_, LoopState>, entry: &Ready, raised: Raised) -> Fallible<()> {
    let py = this.py();
    if raised.ends_the_loop(py) {
        return Err(raised);
    }
    let exception = raised.take(py);
    let handle = shown::ready_handle(this, entry)?;
    match handle.as_ref().and_then(Ref::<HandleState>::cast) {
        Some(handle) => handle::report_exception(handle, exception),
        None => Ok(()),
    }
}

/// Runs one entry in debug mode: slow ones are logged.
fn run_debugging(this: &Ref<'_, LoopState>, entry: Ready) -> Fallible<()> {
    let py = this.py();
    let handle = shown::ready_handle(this, &entry)?;
    if let Some(handle) = &handle {
        if is_cancelled(handle)? {
            return Ok(());
        }
        this.current_handle.set(handle.clone());
    }
    let began = loop_core::time(this)?;
    let ran = run_entry(this, entry).map_err(|raised| raised.take(py));
    let took = loop_core::time(this)? - began;
    let logged = match (&ran, handle) {
        (Ok(()), Some(handle)) => log_if_slow(this, &handle, took),
        _ => Ok(()),
    };
    this.current_handle.clear();
    ran.map_err(error::again)?;
    logged
}

fn log_if_slow(this: &Ref<'_, LoopState>, handle: &Bound<'_, PyAny>, took: f64) -> Fallible<()> {
    let py = this.py();
    let slow: f64 = this
        .as_any()
        .getattr(intern!(py, "slow_callback_duration"))?
        .extract()?;
    if took >= slow {
        // Looked up now: somebody may have replaced asyncio's logger.
        let base_events = py.import(intern!(py, "asyncio.base_events"))?;
        let handle = base_events.call_method1(intern!(py, "_format_handle"), (handle,))?;
        let message = "Executing %s took %.3f seconds";
        base_events
            .getattr(intern!(py, "logger"))?
            .call_method1(intern!(py, "warning"), (message, handle, took))?;
    }
    Ok(())
}

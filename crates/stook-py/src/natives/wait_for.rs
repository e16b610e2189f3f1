//! `wait_for`, as a timeout round one `await`.
//!
//! # Source
//! `wait_for`, CPython 3.12 and 3.13 `asyncio/tasks.py`.

use std::cell::Cell;
use std::rc::Rc;

use crate::ffi::intern;
use pyo3::prelude::*;
use stook_kernel::{CancelKind, Timeout, TimeoutExit, TimeoutPhase};

use super::{Native, block, tasks, timeout, wait_for_waiter};
use crate::asking;
use crate::awaiting::Awaiting;
use crate::coroutine::{self, Common, Coroutine, Identity};
use crate::errors::Imported;
use crate::ffi::class::WeakReferences;
use crate::ffi::coro::{self, Resumed};
use crate::ffi::gc::traverse;
use crate::ffi::{Args, Class, Fallible, Held, HeldCell, Ref, TypeSlot, error, number};
use crate::future;
use crate::loop_core::{self, LoopState, Marks};
use crate::ready::{Deadline, Ready, SharedTimeout};
use crate::reference::reference;
use crate::timers::{Alarm, TimerKey};

pub(super) static ORIGINAL: Imported = Imported::new("asyncio.tasks", "wait_for");

/// The function.
pub(super) const NATIVES: &[Native] = &[Native {
    original: &ORIGINAL,
    body: wait_for,
}];

pub(super) static IDENTITY: Identity = Identity {
    name: "wait_for",
    qualname: "wait_for",
    original: &ORIGINAL,
};

/// The state of a `wait_for` coroutine.
#[derive(Default)]
pub(crate) struct WaitForState {
    common: Common,
    awaitable: HeldCell,
    timeout: HeldCell,
    awaiting: Awaiting,
    /// What the timer shares; none where there is no timer.
    deadline: Cell<Option<SharedTimeout>>,
    timer: Cell<Option<TimerKey>>,
    /// The task that is asked to cancel when the time has come.
    task: HeldCell,
    /// How many cancel requests the task had at the beginning.
    at_entry: Cell<u32>,
    event_loop: HeldCell,
    delegated: Cell<bool>,
}

traverse!(WaitForState: common, awaitable, timeout, awaiting, task, event_loop);

impl std::fmt::Debug for WaitForState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WaitForState")
    }
}

impl Class for WaitForState {
    type Extras = WeakReferences;

    const KEPT: usize = 64;

    fn slot() -> &'static TypeSlot {
        static SLOT: TypeSlot = TypeSlot::new();
        &SLOT
    }

    fn is_at_rest(&self) -> bool {
        self.common.is_closed()
    }
}

/// Whether `awaitable` can be awaited here as `await` would: a future of ours, or a coroutine that
/// nobody awaits.
pub(super) fn is_plain(awaitable: &Bound<'_, PyAny>) -> Fallible<bool> {
    if future::plain(awaitable).is_some() {
        return Ok(true);
    }
    if !coro::is_exact_coroutine(awaitable) {
        return Ok(super::is_new_coroutine(awaitable));
    }
    let py = awaitable.py();
    // Of one that runs this may be no object, as where the interpreter asks for `await`: it is only
    // compared.
    Ok(awaitable.getattr(intern!(py, "cr_await"))?.is_none())
}

/// `wait_for(fut, timeout)`
fn wait_for<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    let py = args.py();
    if loop_core::running_plain(py).is_some()
        && let Some((awaitable, timeout)) = given(args)?
    {
        if !reference(py)?.wait_for_is_a_timeout {
            if !is_plain(&awaitable)? {
                return args.forward(ORIGINAL.get(py)?);
            }
            return wait_for_waiter::new(awaitable, timeout);
        }
        // Whether somebody awaits a coroutine is looked at when this one begins.
        if !coro::is_exact_coroutine(&awaitable) && !is_plain(&awaitable)? {
            return args.forward(ORIGINAL.get(py)?);
        }
        if !timeout::is_as_it_was(py)? {
            return args.forward(ORIGINAL.get(py)?);
        }
        return coroutine::make_undebugged(py, |state: &WaitForState| {
            state.awaitable.set(awaitable);
            state.timeout.set(timeout);
        });
    }
    args.forward(ORIGINAL.get(py)?)
}

/// The two arguments, with the timeout by name or not, if they are these and the timeout is one
/// that we understand.
fn given<'py>(args: &Args<'_, 'py>) -> Fallible<Option<(Bound<'py, PyAny>, Bound<'py, PyAny>)>> {
    let Some([awaitable, timeout]) = args.exactly_by_name(["fut", "timeout"])? else {
        return Ok(None);
    };
    let understood = match number::plain(&timeout) {
        Some(seconds) => seconds > 0.0,
        None => timeout.is_none(),
    };
    Ok(understood.then_some((awaitable, timeout)))
}

impl Coroutine for WaitForState {
    fn common(&self) -> &Common {
        &self.common
    }

    fn identity(&self) -> &Identity {
        &IDENTITY
    }

    fn advance<'py>(
        this: &Ref<'py, Self>,
        thrown: Option<Bound<'py, PyAny>>,
        begins: bool,
    ) -> Fallible<Resumed<'py>> {
        let py = this.py();
        if begins {
            return begin(this);
        }
        let resumed = this.awaiting.resume(py, thrown);
        if this.delegated.get() {
            return resumed;
        }
        go_on(this, resumed)
    }

    fn awaited<'py>(this: &Ref<'py, Self>) -> Option<Bound<'py, PyAny>> {
        this.awaiting.shown(this.py())
    }
}

fn begin<'py>(this: &Ref<'py, WaitForState>) -> Fallible<Resumed<'py>> {
    let py = this.py();
    let awaitable = this.awaitable.get_or_none(py);
    let timeout = this.timeout.get_or_none(py);
    let (Some(running), true) = (loop_core::running_plain(py), is_plain(&awaitable)?) else {
        return delegate(this, &awaitable, &timeout);
    };
    let Some(task) = tasks::current(&running)? else {
        return delegate(this, &awaitable, &timeout);
    };
    this.awaitable.clear();
    this.at_entry.set(tasks::cancelling(&task)?);
    if let Some(seconds) = number::plain(&timeout) {
        this.task.set(task);
        this.event_loop.set(running.as_any().clone());
        set_timer(this, &running, seconds)?;
    }
    let resumed = if future::plain(&awaitable).is_some() {
        this.awaiting.begin(&awaitable)
    } else {
        this.awaiting.run(&awaitable)
    };
    go_on(this, resumed)
}

/// In seconds: what is due so soon is over before asyncio looks at the clock again, having set up
/// the timeout.
const OVER_AT_ONCE: f64 = 1e-7;

/// What it keeps on the stack is not to be there while what is awaited runs: ten thousand may await one
/// another.
#[inline(never)]
fn set_timer<'py>(
    this: &Ref<'py, WaitForState>,
    running: &Ref<'py, LoopState>,
    seconds: f64,
) -> Fallible<()> {
    let begun = loop_core::time(running)?;
    let when = begun + seconds;
    // asyncio looks at the clock twice, which a clock of somebody's own can tell.
    let now = if running.has(Marks::TIME) {
        loop_core::time(running)?
    } else {
        begun + OVER_AT_ONCE
    };
    let machine = Timeout::from_phase(TimeoutPhase::Active);
    let timeout = Rc::new(Deadline::new(machine, asking::here(this.py())?));
    this.deadline.set(Some(timeout.clone()));
    let task = Held::new(&this.task.get_or_none(this.py()));
    if when <= now {
        running.push(Ready::Expire { task, timeout });
    } else {
        let alarm = Alarm::Expire { task, timeout };
        this.timer.set(Some(running.timers.set(when, alarm)));
    }
    Ok(())
}

/// Runs asyncio's own coroutine: there is no loop of ours, or no task.
fn delegate<'py>(
    this: &Ref<'py, WaitForState>,
    awaitable: &Bound<'py, PyAny>,
    timeout: &Bound<'py, PyAny>,
) -> Fallible<Resumed<'py>> {
    this.delegated.set(true);
    let coroutine = ORIGINAL.get(this.py())?.call1((awaitable, timeout))?;
    this.awaitable.clear();
    this.awaiting.run(&coroutine)
}

/// The time of `timeout` has come: `task` is in it.
///
/// # Errors
/// What asking the task to cancel raises.
pub(super) fn expire(task: &Bound<'_, PyAny>, timeout: &SharedTimeout) -> Fallible<()> {
    let mut machine = timeout.get();
    if machine.expire().is_err() {
        return Ok(());
    }
    // asyncio's timeout is not expiring before it has asked.
    timeout
        .set_at
        .run(task.py(), || tasks::cancel(task, CancelKind::Timeout))?;
    timeout.set(machine);
    Ok(())
}

fn go_on<'py>(
    this: &Ref<'py, WaitForState>,
    resumed: Fallible<Resumed<'py>>,
) -> Fallible<Resumed<'py>> {
    let py = this.py();
    let ended = match resumed {
        Ok(Resumed::Yielded(yielded)) => return Ok(Resumed::Yielded(yielded)),
        Ok(Resumed::Returned(value)) => Ok(value),
        Err(raised) => Err(raised.take(py)),
    };
    let left = leave(this, ended.as_ref().err());
    this.task.clear();
    this.event_loop.clear();
    left?;
    match ended {
        Ok(value) => Ok(Resumed::Returned(value)),
        Err(exception) => Err(error::again(exception)),
    }
}

/// Leaves the timeout, with the exception that ended the wait. Its stack, too, is apart.
#[inline(never)]
fn leave<'py>(
    this: &Ref<'py, WaitForState>,
    exception: Option<&Bound<'py, PyAny>>,
) -> Fallible<()> {
    let py = this.py();
    let event_loop = this.event_loop.get(py);
    if let (Some(key), Some(event_loop)) = (
        this.timer.take(),
        event_loop.as_ref().and_then(loop_core::native),
    ) {
        drop(event_loop.timers.cancel(key));
    }
    let Some(timeout) = this.deadline.take() else {
        return Ok(());
    };
    let mut machine = timeout.get();
    let action = machine.exit();
    timeout.set(machine);
    let (Ok(TimeoutExit::Uncancel), Some(task)) = (action, this.task.get(py)) else {
        return Ok(());
    };
    let left = tasks::uncancel(&task)?;
    let none = py.None().into_bound(py);
    let class = match exception {
        Some(exception) => exception.get_type().into_any(),
        None => none.clone(),
    };
    let exception = exception.unwrap_or(&none);
    let Some(body) = block::body_end(&class, exception)? else {
        return Ok(());
    };
    match timeout::convert(&machine, left, this.at_entry.get(), body, exception)? {
        Some(raised) => {
            raised.setattr(intern!(py, "__context__"), exception)?;
            Err(error::again(raised))
        }
        None => Ok(()),
    }
}

/// Makes the class.
///
/// # Errors
/// What making a class raises.
pub(crate) fn build(py: Python<'_>) -> Fallible<()> {
    coroutine::build::<WaitForState>(py, c"stook.coroutine", [])
}

//! `wait_for`, as CPython 3.11 has it: a future that the timer or the awaited task releases.
//!
//! # Source
//! `wait_for` and `_cancel_and_wait`, CPython 3.11 `asyncio/tasks.py`.

use std::cell::Cell;

use crate::ffi::intern;
use pyo3::exceptions::PyTimeoutError;
use pyo3::prelude::*;
use stook_kernel::CancelKind;

use super::tasks;
use super::wait_for::{IDENTITY, ORIGINAL};
use crate::asking;
use crate::awaiting::Awaiting;
use crate::callbacks::Callback;
use crate::coroutine::{self, Common, Coroutine, Identity};
use crate::ensure;
use crate::errors;
use crate::ffi::class::WeakReferences;
use crate::ffi::coro::Resumed;
use crate::ffi::gc::traverse;
use crate::ffi::{Class, Fallible, Held, HeldCell, Ref, TypeSlot, call, error, number};
use crate::future::{self, FutureState};
use crate::loop_core::{self, LoopState, Marks};
use crate::set_at::SetAt;
use crate::timers::{Alarm, TimerKey};

/// What the coroutine waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// Not begun.
    #[default]
    Begin,
    /// What was given, without a timeout, or asyncio's own coroutine.
    Plain,
    /// The end, or the time.
    EndOrTime,
    /// The end of what was asked to cancel because the time has come.
    LateEnd,
    /// The end of what was asked to cancel because the wait was.
    CancelledEnd,
}

/// The state of a `wait_for` coroutine.
#[derive(Debug, Default)]
pub(crate) struct WaiterState {
    common: Common,
    /// What was given; then the future that it became.
    awaited: HeldCell,
    timeout: HeldCell,
    waiter: HeldCell,
    awaiting: Awaiting,
    stage: Cell<Stage>,
    timer: Cell<Option<TimerKey>>,
    event_loop: HeldCell,
    /// The cancellation to be raised at the end.
    cancellation: HeldCell,
    /// Where the wait is.
    from: SetAt,
}

traverse!(WaiterState: common, awaited, timeout, waiter, awaiting, event_loop, cancellation);

impl Class for WaiterState {
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

/// `wait_for(awaitable, timeout)`, of arguments that were looked at.
pub(super) fn new<'py>(
    awaitable: Bound<'py, PyAny>,
    timeout: Bound<'py, PyAny>,
) -> Fallible<Bound<'py, PyAny>> {
    let py = awaitable.py();
    coroutine::make(py, |state: &WaiterState| {
        state.awaited.set(awaitable);
        state.timeout.set(timeout);
    })
}

impl Coroutine for WaiterState {
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
        let resumed = if begins {
            begin(this)
        } else {
            let resumed = this.awaiting.resume(py, thrown);
            go_on(this, resumed)
        };
        match resumed {
            Ok(Resumed::Yielded(yielded)) => Ok(Resumed::Yielded(yielded)),
            ended => {
                let ended = ended.map_err(|raised| raised.take(py));
                finish(this);
                ended.map_err(error::again)
            }
        }
    }

    fn awaited<'py>(this: &Ref<'py, Self>) -> Option<Bound<'py, PyAny>> {
        this.awaiting.shown(this.py())
    }
}

fn begin<'py>(this: &Ref<'py, WaiterState>) -> Fallible<Resumed<'py>> {
    let py = this.py();
    let awaitable = this.awaited.get_or_none(py);
    let timeout = this.timeout.get_or_none(py);
    let replaced = Marks::CREATE_TASK.and(Marks::TASK_FACTORY);
    let running = loop_core::running_plain(py).filter(|running| !running.has(replaced));
    let (Some(running), Some(seconds)) = (running, number::plain(&timeout)) else {
        this.stage.set(Stage::Plain);
        this.awaited.clear();
        let coroutine = ORIGINAL.get(py)?.call1((awaitable, timeout))?;
        return this.awaiting.run(&coroutine);
    };
    this.event_loop.set(running.as_any().clone());
    this.from.set(asking::here(py)?);
    let waiter = future::create(&running)?;
    this.waiter.set(waiter.as_any().clone());
    let alarm = Alarm::Release {
        future: waiter.as_any().clone().into(),
        value: py.None().into_bound(py).into(),
    };
    let when = loop_core::time(&running)? + seconds;
    this.timer.set(Some(running.timers.set(when, alarm)));
    let future = ensure::ensure(&awaitable, Some(running.as_any()))?;
    this.awaited.set(future.clone());
    tell(plain(&future)?, &waiter)?;
    this.stage.set(Stage::EndOrTime);
    let resumed = this.awaiting.begin(waiter.as_any());
    go_on(this, resumed)
}

/// A future that was made or looked at by us, and so is one of ours.
fn plain<'a, 'py>(future: &'a Bound<'py, PyAny>) -> Fallible<&'a Ref<'py, FutureState>> {
    future::plain(future).ok_or_else(|| errors::runtime_error("not a future of stook's"))
}

/// Asks `future` to release `waiter` when it is done. The future does not keep the coroutine alive.
fn tell<'py>(future: &Ref<'py, FutureState>, waiter: &Ref<'py, FutureState>) -> Fallible<()> {
    future::add_callback(future, Callback::Settle(Held::new(waiter.as_any())))
}

/// Takes that back.
fn forget(this: &Ref<'_, WaiterState>, future: &Ref<'_, FutureState>) {
    if let Some(waiter) = this.waiter.get(this.py()) {
        future.callbacks.remove_waiter(&waiter);
    }
}

/// What `waiter` stands for is done, or the time has come.
///
/// # Errors
/// What scheduling its callbacks raises.
pub(super) fn release(waiter: &Ref<'_, FutureState>) -> Fallible<()> {
    if waiter.is_done() {
        return Ok(());
    }
    future::set_result(waiter, waiter.py().None().into_bound(waiter.py()))
}

fn go_on<'py>(
    this: &Ref<'py, WaiterState>,
    resumed: Fallible<Resumed<'py>>,
) -> Fallible<Resumed<'py>> {
    let py = this.py();
    let stage = this.stage.get();
    let interrupted = match resumed {
        Ok(Resumed::Yielded(yielded)) => return Ok(Resumed::Yielded(yielded)),
        ended if stage == Stage::Plain => return ended,
        Ok(Resumed::Returned(_)) => None,
        Err(raised) => Some(raised.take(py)),
    };
    let awaited = this.awaited.get_or_none(py);
    let future = plain(&awaited)?;
    match stage {
        Stage::EndOrTime => match interrupted {
            Some(exception) if !error::is_a(&exception, errors::CANCELLED_ERROR.get(py)?) => {
                Err(error::again(exception))
            }
            None if future.is_done() => future::result(future).map(Resumed::Returned),
            Some(cancellation) if future.is_done() => future::result(future)
                .map(Resumed::Returned)
                .map_err(|raised| error::while_handling(py, raised, &cancellation)),
            Some(cancellation) => {
                this.cancellation.set(cancellation);
                cancel_and_wait(this, future, Stage::CancelledEnd)
            }
            None => cancel_and_wait(this, future, Stage::LateEnd),
        },
        _ => {
            forget(this, future);
            match (interrupted, this.cancellation.take(py)) {
                (Some(exception), cancellation) => {
                    let raised = error::again(exception);
                    Err(match cancellation {
                        Some(cancellation) => error::while_handling(py, raised, &cancellation),
                        None => raised,
                    })
                }
                (None, Some(cancellation)) => Err(error::again(cancellation)),
                (None, None) => late_result(future),
            }
        }
    }
}

/// Asks `future` to cancel, and waits for its end.
fn cancel_and_wait<'py>(
    this: &Ref<'py, WaiterState>,
    future: &Ref<'py, FutureState>,
    stage: Stage,
) -> Fallible<Resumed<'py>> {
    let py = this.py();
    forget(this, future);
    let event_loop = this.event_loop.get_or_none(py);
    let Some(running) = Ref::<LoopState>::cast(&event_loop) else {
        return Err(errors::runtime_error("no running event loop"));
    };
    let waiter = future::create(running)?;
    this.waiter.set(waiter.as_any().clone());
    tell(future, &waiter)?;
    this.stage.set(stage);
    let asked = match stage {
        Stage::LateEnd => tasks::cancel(future.as_any(), CancelKind::Timeout),
        _ => {
            let cancellation = this.cancellation.get(py);
            let request = asking::by_end(py, cancellation.as_ref(), this.from.place(py))?;
            tasks::cancel_with(future.as_any(), &request.record(py)?)
        }
    };
    if let Err(raised) = asked {
        let exception = raised.take(py);
        forget(this, future);
        return Err(error::again(exception));
    }
    let resumed = this.awaiting.begin(waiter.as_any());
    go_on(this, resumed)
}

/// The result of what was asked to cancel because the time has come: its cancellation is a timeout.
fn late_result<'py>(future: &Ref<'py, FutureState>) -> Fallible<Resumed<'py>> {
    let py = future.py();
    future::result(future)
        .map(Resumed::Returned)
        .or_else(|raised| {
            let exception = raised.take(py);
            if !error::is_a(&exception, errors::CANCELLED_ERROR.get(py)?) {
                return Err(error::again(exception));
            }
            let timeout = call::call0(py.get_type::<PyTimeoutError>().as_any())?;
            error::set_cause(&timeout, Some(&exception));
            timeout.setattr(intern!(py, "__context__"), exception)?;
            Err(error::again(timeout))
        })
}

/// What follows the wait, however it ends.
fn finish(this: &Ref<'_, WaiterState>) {
    let event_loop = this.event_loop.take(this.py());
    if let (Some(key), Some(event_loop)) = (
        this.timer.take(),
        event_loop.as_ref().and_then(loop_core::native),
    ) {
        drop(event_loop.timers.cancel(key));
    }
    this.awaited.clear();
    this.waiter.clear();
    this.cancellation.clear();
}

/// Makes the class.
///
/// # Errors
/// What making a class raises.
pub(crate) fn build(py: Python<'_>) -> Fallible<()> {
    coroutine::build::<WaiterState>(py, c"stook.coroutine", [])
}

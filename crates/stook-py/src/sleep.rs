//! `sleep`.
//!
//! # Source
//! `sleep`, CPython 3.11 to 3.13 `asyncio/tasks.py`.

use std::cell::Cell;

use crate::ffi::intern;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::awaiting::Awaiting;
use crate::coroutine::{self, Common, Coroutine, Identity};
use crate::errors::Imported;
use crate::ffi::class::WeakReferences;
use crate::ffi::coro::Resumed;
use crate::ffi::gc::traverse;
use crate::ffi::{Args, Class, Fallible, HeldCell, Ref, Signature, TypeSlot, call, error, number};
use crate::future;
use crate::loop_core::{self, LoopState};
use crate::reference::reference;
use crate::timers::{Alarm, TimerKey};

static ORIGINAL: Imported = Imported::new("asyncio.tasks", "sleep");
/// What gives a sleep its result when its time has come.
pub(crate) static SET_RESULT: Imported =
    Imported::new("asyncio.futures", "_set_result_unless_cancelled");
static BARE_YIELD: Imported = Imported::new("asyncio.tasks", "__sleep0");

static IDENTITY: Identity = Identity {
    name: "sleep",
    qualname: "sleep",
    original: &ORIGINAL,
};

/// What this file looks up when the module is made.
pub(crate) const IMPORTS: &[&Imported] = &[&ORIGINAL, &SET_RESULT, &BARE_YIELD];

/// The state of a `sleep` coroutine.
#[derive(Debug, Default)]
pub(crate) struct SleepState {
    common: Common,
    delay: HeldCell,
    result: HeldCell,
    awaiting: Awaiting,
    /// Waiting for the next turn only.
    skips_a_turn: Cell<bool>,
    /// The loop whose timer wakes us, and its key; or the handle of a timer.
    timer_of: HeldCell,
    timer: Cell<Option<TimerKey>>,
}

traverse!(SleepState: common, delay, result, awaiting, timer_of);

impl Class for SleepState {
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

/// `sleep(delay, result=None)`
///
/// # Errors
/// `TypeError` when the arguments do not fit.
pub(crate) fn sleep<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    const SIGNATURE: Signature<2> = Signature::python("sleep", ["delay", "result"], 2, 1);
    let py = args.py();
    let [delay, result] = args.parse(&SIGNATURE)?;
    coroutine::make(py, |state: &SleepState| {
        state.delay.set_or_clear(delay);
        state
            .result
            .set_or_clear(result.filter(|result| !result.is_none()));
    })
}

impl Coroutine for SleepState {
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
        } else if this.skips_a_turn.get() {
            match thrown {
                Some(exception) => Err(coroutine::not_stop_iteration(
                    py,
                    error::raise(&exception),
                    "generator",
                )),
                None => Ok(Resumed::Returned(
                    this.result
                        .take(py)
                        .unwrap_or_else(|| py.None().into_bound(py)),
                )),
            }
        } else {
            this.awaiting.resume(py, thrown)
        };
        match resumed {
            Ok(Resumed::Yielded(yielded)) => Ok(Resumed::Yielded(yielded)),
            ended => {
                let exception = ended.map_err(|raised| raised.take(py));
                let has_slept_natively = this.timer.get().is_some();
                cancel_timer(this)?;
                this.result.clear();
                if has_slept_natively && this.common.remembers_nothing() {
                    // Its task keeps it, and all it has is a number.
                    this.untrack();
                }
                match exception {
                    Ok(ended) => Ok(ended),
                    Err(exception) => Err(error::again(exception)),
                }
            }
        }
    }

    fn awaited<'py>(this: &Ref<'py, Self>) -> Option<Bound<'py, PyAny>> {
        if this.skips_a_turn.get() && !this.common.is_closed() {
            return error::or_none(this.py(), bare_yield(this.py()));
        }
        this.awaiting.shown(this.py())
    }

    fn abandon(this: &Ref<'_, Self>) -> Fallible<()> {
        this.awaiting.abandon();
        cancel_timer(this)
    }
}

/// A generator that is where asyncio's waits for the next turn.
fn bare_yield(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    let generator = BARE_YIELD.get(py)?.call0()?;
    generator.call_method0(intern!(py, "__next__"))?;
    Ok(generator)
}

fn begin<'py>(this: &Ref<'py, SleepState>) -> Fallible<Resumed<'py>> {
    let py = this.py();
    // It stays: who asks what the task waits for finds it here.
    let delay = this.delay.get_or_none(py);
    let seconds = number::plain(&delay);
    let none_at_all = match seconds {
        Some(seconds) => seconds <= 0.0,
        None => delay.le(0)?,
    };
    if none_at_all {
        this.skips_a_turn.set(true);
        return Ok(Resumed::Yielded(py.None().into_bound(py)));
    }
    if reference(py)?.sleep_refuses_nan && is_nan(&delay, seconds)? {
        return Err(PyValueError::new_err("Invalid delay: NaN (not a number)").into());
    }
    let event_loop = loop_core::require_running_loop(py)?;
    let native = loop_core::native(&event_loop).filter(|native| native.has_plain_timers());
    match (native, seconds) {
        (Some(native), Some(seconds)) => begin_natively(this, native, seconds),
        _ => begin_generally(this, &event_loop, &delay),
    }
}

fn is_nan(delay: &Bound<'_, PyAny>, seconds: Option<f64>) -> Fallible<bool> {
    match seconds {
        Some(seconds) => Ok(seconds.is_nan()),
        None => Ok(delay
            .py()
            .import("math")?
            .call_method1("isnan", (delay,))?
            .is_truthy()?),
    }
}

fn begin_natively<'py>(
    this: &Ref<'py, SleepState>,
    event_loop: &Ref<'py, LoopState>,
    seconds: f64,
) -> Fallible<Resumed<'py>> {
    let future = future::create(event_loop)?;
    let value = this.result.get_or_none(this.py());
    let when = loop_core::time(event_loop)? + seconds;
    let alarm = Alarm::Release {
        future: future.as_any().clone().into(),
        value: value.into(),
    };
    this.timer.set(Some(event_loop.timers.set(when, alarm)));
    this.timer_of.set(event_loop.as_any().clone());
    this.awaiting.begin(future.as_any())
}

/// By the loop's own methods, as any loop has them.
fn begin_generally<'py>(
    this: &Ref<'py, SleepState>,
    event_loop: &Bound<'py, PyAny>,
    delay: &Bound<'py, PyAny>,
) -> Fallible<Resumed<'py>> {
    let py = this.py();
    let future = call::method0(event_loop, intern!(py, "create_future"))?;
    let value = this.result.get_or_none(py);
    let handle = event_loop.call_method1(
        intern!(py, "call_later"),
        (delay, SET_RESULT.get(py)?, &future, value),
    )?;
    this.timer_of.set(handle);
    this.awaiting.begin(&future)
}

fn cancel_timer(this: &Ref<'_, SleepState>) -> Fallible<()> {
    let py = this.py();
    let Some(owner) = this.timer_of.take(py) else {
        return Ok(());
    };
    match (this.timer.take(), loop_core::native(&owner)) {
        (Some(key), Some(event_loop)) => drop(event_loop.timers.cancel(key)),
        _ => drop(call::method0(&owner, intern!(py, "cancel"))?),
    }
    Ok(())
}

/// Makes the class.
///
/// # Errors
/// What making a class raises.
pub(crate) fn build(py: Python<'_>) -> Fallible<()> {
    coroutine::build::<SleepState>(py, c"stook.coroutine", [])
}

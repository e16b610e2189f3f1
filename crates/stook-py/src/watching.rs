//! Which loops are watched, and the watch as Python sees it.
//!
//! `stook._watcher` has the thread that watches, and what is said of what it finds.
//!
//! DIFFERENCE: while a loop in debug mode is open, or one of those that a program has asked reports of
//! by `stook.on_slow_callback` or `stook.on_stuck_cancellation`, the process has one more thread. It
//! neither keeps the program alive nor is it there while the process forks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use crate::ffi::intern;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyFloat, PyInt, PyList, PyTuple};

use crate::cancellations;
use crate::errors::Imported;
use crate::ffi::gc::traverse;
use crate::ffi::{Args, Builder, Class, Fallible, Method, NoExtras, Ref, Signature, TypeSlot};
use crate::loop_core::{self, LoopState, Marks};
use crate::pulse::{Pulse, Watch, Woken};
use crate::task;

static WATCH: Imported = Imported::new("stook._watcher", "watch");

/// Nothing is told.
const NEVER: u8 = 0;
/// It is told of loops in debug mode.
const IN_DEBUG_MODE: u8 = 1;
/// It is told of all loops.
const ALWAYS: u8 = 2;

/// Whether callbacks are told of that take too long.
static SLOW_CALLBACKS: AtomicU8 = AtomicU8::new(IN_DEBUG_MODE);
/// How long that is, in nanoseconds; 0 for as long as the loop's `slow_callback_duration` says.
static SLOW_AFTER: AtomicU64 = AtomicU64::new(0);
/// Whether tasks are told of that do not end when they are cancelled.
static STUCK_CANCELLATIONS: AtomicU8 = AtomicU8::new(IN_DEBUG_MODE);

fn is_told_of(policy: &AtomicU8, event_loop: &LoopState) -> bool {
    match policy.load(Ordering::Relaxed) {
        NEVER => false,
        IN_DEBUG_MODE => event_loop.has(Marks::DEBUG),
        _ => true,
    }
}

/// The loop is about to look for events.
///
/// # Errors
/// What beginning to watch it raises, and asking it how long a callback may take.
#[inline]
pub(crate) fn rest(this: &Ref<'_, LoopState>) -> Fallible<()> {
    let is_watched = this.beat.get().is_some();
    if is_watched || is_told_of(&SLOW_CALLBACKS, this) || is_told_of(&STUCK_CANCELLATIONS, this) {
        return rest_watched(this);
    }
    Ok(())
}

#[cold]
fn rest_watched(this: &Ref<'_, LoopState>) -> Fallible<()> {
    let py = this.py();
    if this.beat.get().is_none() {
        WATCH.get(py)?.call1((this.as_any(),))?;
    }
    let Some(beat) = this.beat.get() else {
        return Ok(());
    };
    beat.pulse.rest(true);
    let patience = if is_told_of(&SLOW_CALLBACKS, this) {
        Some(match SLOW_AFTER.load(Ordering::Relaxed) {
            0 => {
                let slow = this
                    .as_any()
                    .getattr(intern!(py, "slow_callback_duration"))?;
                // Where each callback counts as slow, and where it is no time at all, asyncio speaks.
                Duration::try_from_secs_f64(slow.extract().unwrap_or(0.0))
                    .ok()
                    .filter(|slow| !slow.is_zero())
            }
            nanoseconds => Some(Duration::from_nanos(nanoseconds)),
        })
        .flatten()
    } else {
        None
    };
    beat.set_patience(patience);
    Ok(())
}

/// The loop has looked for events.
#[inline]
pub(crate) fn go_on(this: &Ref<'_, LoopState>) {
    if let Some(beat) = this.beat.get() {
        beat.pulse.rest(false);
    }
}

/// The state of a `_Watch`.
#[derive(Debug, Default)]
struct WatchState(Arc<Watch>);

traverse!(WatchState:);

impl Class for WatchState {
    type Extras = NoExtras;

    fn slot() -> &'static TypeSlot {
        static SLOT: TypeSlot = TypeSlot::new();
        &SLOT
    }
}

fn none<'py>(this: &Ref<'py, WatchState>) -> Bound<'py, PyAny> {
    this.py().None().into_bound(this.py())
}

fn bool<'py>(this: &Ref<'py, WatchState>, value: bool) -> Bound<'py, PyAny> {
    PyBool::new(this.py(), value).to_owned().into_any()
}

fn as_loop<'a, 'py>(object: &'a Bound<'py, PyAny>) -> Fallible<&'a Ref<'py, LoopState>> {
    match loop_core::native(object) {
        Some(event_loop) => Ok(event_loop),
        None => Err(PyTypeError::new_err("a loop of stook is expected").into()),
    }
}

/// Watches a loop that runs; the number of its pulse.
fn add<'py>(
    this: &Ref<'py, WatchState>,
    event_loop: &Bound<'py, PyAny>,
) -> Fallible<Bound<'py, PyAny>> {
    let event_loop = as_loop(event_loop)?;
    let Some((number, beat)) = this.0.add() else {
        return Ok(none(this));
    };
    beat.run(true);
    // What is refused here is closed by that.
    let _ = event_loop.beat.set(beat);
    Ok(PyInt::new(this.py(), number).into_any())
}

/// `wait(most)`
fn wait<'py>(this: &Ref<'py, WatchState>, args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    const SIGNATURE: Signature<2> = Signature::builtin("wait", ["most", "received"], 2, 2);
    let py = this.py();
    let [most, received] = given(args, &SIGNATURE)?;
    let most: Option<f64> = most.extract()?;
    let received: Option<u64> = received.extract()?;
    let most = most.map(|most| Duration::try_from_secs_f64(most).unwrap_or(Duration::MAX));
    let is_due = || received != Some(cancellations::received());
    let watch = &this.0;
    Ok(match py.detach(|| watch.wait(most, is_due)) {
        Woken::Slow(slow) => {
            let number = PyInt::new(py, slow.number).into_any();
            let begun = PyInt::new(py, slow.begun).into_any();
            let time = PyFloat::new(py, slow.time.as_secs_f64()).into_any();
            PyTuple::new(py, [number, begun, time])?.into_any()
        }
        Woken::Time => bool(this, true),
        Woken::Ended => none(this),
    })
}

fn pulse<'py>(
    this: &Ref<'py, WatchState>,
    number: &Bound<'py, PyAny>,
) -> Fallible<Option<Arc<Pulse>>> {
    Ok(this.0.pulse(number.extract()?))
}

/// How many callbacks the loop with this pulse has begun, if it is running and no callback holds it.
fn begun<'py>(
    this: &Ref<'py, WatchState>,
    number: &Bound<'py, PyAny>,
) -> Fallible<Bound<'py, PyAny>> {
    let Some(pulse) = pulse(this, number)?.filter(|pulse| pulse.runs()) else {
        return Ok(none(this));
    };
    let begun = PyInt::new(this.py(), pulse.begun()).into_any();
    let rests = bool(this, pulse.rests());
    Ok(PyTuple::new(this.py(), [begun, rests])?.into_any())
}

/// Has the thread that waits come back.
fn stop<'py>(this: &Ref<'py, WatchState>) -> Fallible<Bound<'py, PyAny>> {
    Ok(bool(this, this.0.stop(true)))
}

/// Lets a thread wait again, or has the one that waits come back once.
fn resume<'py>(this: &Ref<'py, WatchState>) -> Fallible<Bound<'py, PyAny>> {
    Ok(bool(this, this.0.stop(false)))
}

/// Sets of which loops slow callbacks are told, and when they are: `_set_slow_callbacks(of, after)`.
///
/// # Errors
/// `TypeError` when these are no policy and no number.
pub(crate) fn set_slow_callbacks<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    const SIGNATURE: Signature<2> =
        Signature::builtin("_set_slow_callbacks", ["of", "after"], 2, 2);
    let [of, after] = given(args, &SIGNATURE)?;
    let after = Duration::try_from_secs_f64(after.extract()?).unwrap_or(Duration::MAX);
    let nanoseconds = u64::try_from(after.as_nanos()).unwrap_or(u64::MAX);
    SLOW_AFTER.store(nanoseconds, Ordering::Relaxed);
    SLOW_CALLBACKS.store(policy(&of)?, Ordering::Relaxed);
    Ok(args.py().None().into_bound(args.py()))
}

/// Sets of which loops stuck cancellations are told: `_set_stuck_cancellations(of)`.
///
/// # Errors
/// `TypeError` when that is no policy.
pub(crate) fn set_stuck_cancellations<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    const SIGNATURE: Signature<1> = Signature::builtin("_set_stuck_cancellations", ["of"], 1, 1);
    let [of] = given(args, &SIGNATURE)?;
    STUCK_CANCELLATIONS.store(policy(&of)?, Ordering::Relaxed);
    Ok(args.py().None().into_bound(args.py()))
}

fn given<'py, const N: usize>(
    args: &Args<'_, 'py>,
    signature: &Signature<N>,
) -> Fallible<[Bound<'py, PyAny>; N]> {
    let none = args.py().None().into_bound(args.py());
    let places = args.parse(signature)?;
    Ok(places.map(|place| place.unwrap_or_else(|| none.clone())))
}

/// `None` for never, `False` for in debug mode, `True` for always.
fn policy(given: &Bound<'_, PyAny>) -> Fallible<u8> {
    if given.is_none() {
        return Ok(NEVER);
    }
    Ok(if given.is_truthy()? {
        ALWAYS
    } else {
        IN_DEBUG_MODE
    })
}

/// How many requests to cancel tasks have received: `_received()`.
///
/// # Errors
/// None.
pub(crate) fn received<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    Ok(PyInt::new(args.py(), cancellations::received()).into_any())
}

/// The tasks that were asked to cancel before then: `_asked(loop, before)`.
///
/// # Errors
/// `TypeError` when these are no loop and no number.
pub(crate) fn asked<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    const SIGNATURE: Signature<2> = Signature::builtin("_asked", ["loop", "before"], 2, 2);
    let py = args.py();
    let [event_loop, before] = given(args, &SIGNATURE)?;
    let asked = task::asked(as_loop(&event_loop)?, before.extract()?)?;
    let pairs = asked
        .into_iter()
        .map(|(task, since)| PyTuple::new(py, [task, PyFloat::new(py, since).into_any()]));
    let pairs: Vec<_> = pairs.collect::<PyResult<_>>()?;
    Ok(PyList::new(py, pairs)?.into_any())
}

/// Makes the class.
///
/// # Errors
/// What making a class raises.
pub(crate) fn build(module: &Bound<'_, PyModule>) -> Fallible<()> {
    let class = Builder::<WatchState>::new(c"stook._core._Watch")
        .doc(c"A watch over loops, for a thread that waits without the interpreter.")
        .instantiable()
        .methods([
            Method::one(
                c"add",
                c"add($self, loop, /)\n--\n\nWatch a loop that runs. Return its number, or None where nobody watches any more.",
                add,
            ),
            Method::any(c"wait", WAIT, wait),
            Method::one(
                c"begun",
                c"begun($self, number, /)\n--\n\nReturn how many callbacks a loop has begun and whether it rests; None of one that does not run.",
                begun,
            ),
            Method::none(
                c"stop",
                c"stop($self)\n--\n\nHave who waits come back. Return whether there is a loop.",
                stop,
            ),
            Method::none(
                c"resume",
                c"resume($self)\n--\n\nLet somebody wait, or have who waits come back once. Return whether there is a loop.",
                resume,
            ),
        ])
        .build(module.py())?;
    module.add(intern!(module.py(), "_Watch"), class)?;
    Ok(())
}

const WAIT: &std::ffi::CStr = c"wait($self, most, received, /)\n--\n\n\
Wait until a callback takes too long.\n\n\
Return the number of its loop, its own and the seconds; True when `most` seconds have passed and\n\
more requests to cancel were received than so many; None when nothing is to be watched.";

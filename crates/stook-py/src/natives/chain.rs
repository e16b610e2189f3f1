//! `_chain_future`: a future of ours that ends as the one does that a thread will finish.
//!
//! What `run_in_executor`, `to_thread` and `wrap_future` do; between other futures asyncio's own
//! function does it.
//!
//! # Source
//! `_chain_future`, `_copy_future_state`, CPython 3.11 to 3.13 `asyncio/futures.py`.

use crate::ffi::intern;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

use super::Native;
use super::stock_class::StockClass;
use crate::callbacks::Callback;
use crate::errors::Imported;
use crate::ffi::gc::traverse;
use crate::ffi::{
    Args, Builder, Class, Fallible, Held, HeldCell, NoExtras, Ref, TypeSlot, call, context,
};
use crate::function::{self, InnerBody};
use crate::future::{self, FutureState};
use crate::loop_core;

static ORIGINAL: Imported = Imported::new("asyncio.futures", "_chain_future");
static COPY_STATE: Imported = Imported::new("asyncio.futures", "_copy_future_state");
static SET_STATE: Imported = Imported::new("asyncio.futures", "_chain_future.<locals>._set_state");
static CHECK_CANCEL: Imported = Imported::new(
    "asyncio.futures",
    "_chain_future.<locals>._call_check_cancel",
);
static CALL_SET_STATE: Imported =
    Imported::new("asyncio.futures", "_chain_future.<locals>._call_set_state");

/// What a thread finishes.
pub(super) static FUTURE: StockClass = StockClass::new("concurrent.futures._base", "Future", &[]);
/// The state of one that is finished and was not cancelled.
static FINISHED: Imported = Imported::new("concurrent.futures._base", "FINISHED");

/// The function.
pub(super) const NATIVES: &[Native] = &[Native {
    original: &ORIGINAL,
    body: chain,
}];

/// Looks up what is needed where asyncio's function is as we know it; elsewhere it is not used.
pub(super) fn capture(py: Python<'_>) {
    for name in [
        &COPY_STATE,
        &SET_STATE,
        &CHECK_CANCEL,
        &CALL_SET_STATE,
        &FINISHED,
    ] {
        let _ = name.get(py);
    }
}

/// Two futures of which one ends as the other does.
#[derive(Debug, Default)]
pub(crate) struct ChainState {
    /// The `concurrent.futures.Future`.
    source: HeldCell,
    destination: HeldCell,
    event_loop: HeldCell,
}

traverse!(ChainState: source, destination, event_loop);

impl Class for ChainState {
    type Extras = NoExtras;

    fn slot() -> &'static TypeSlot {
        static SLOT: TypeSlot = TypeSlot::new();
        &SLOT
    }
}

/// `_chain_future(source, destination)`
fn chain<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    let py = args.py();
    let Some((source, destination, event_loop)) = known(args)? else {
        return args.forward(ORIGINAL.get(py)?);
    };
    let state = ChainState::default();
    state.source.set(source.clone());
    state.destination.set(destination.as_any().clone());
    state.event_loop.set(event_loop);
    let state = Ref::allocate(py, state)?;
    let check: InnerBody = |subject, args| {
        of_one(args, |_| check_cancel(chained(subject)?))?;
        Ok(subject.py().None().into_bound(subject.py()))
    };
    let check = function::inner(CHECK_CANCEL.get(py)?, check, state.as_any())?;
    let callback = Callback::Call {
        function: Held::from(check),
        context: Held::from(context::copy_current(py)?),
    };
    future::add_callback(&destination, callback)?;
    let finished: InnerBody = |subject, args| {
        of_one(args, |_| source_finished(chained(subject)?))?;
        Ok(subject.py().None().into_bound(subject.py()))
    };
    let finished = function::inner(CALL_SET_STATE.get(py)?, finished, state.as_any())?;
    call::method1(&source, intern!(py, "add_done_callback"), &finished)?;
    Ok(py.None().into_bound(py))
}

/// Source, destination and its loop, where they are such as this file knows.
type Known<'py> = (Bound<'py, PyAny>, Ref<'py, FutureState>, Bound<'py, PyAny>);

fn known<'py>(args: &Args<'_, 'py>) -> Fallible<Option<Known<'py>>> {
    let py = args.py();
    let Some([source, destination]) = args.exactly::<2>() else {
        return Ok(None);
    };
    let Some(plain) = Ref::<FutureState>::cast_exact(&destination) else {
        return Ok(None);
    };
    let event_loop = plain.event_loop(py).filter(|event_loop| {
        loop_core::native(event_loop).is_some_and(|native| native.has_plain_timers())
    });
    let is_known = FUTURE.is_exact(&source)?;
    Ok(event_loop
        .filter(|_| is_known)
        .map(|event_loop| (source, plain.clone(), event_loop)))
}

fn chained<'a, 'py>(subject: &'a Bound<'py, PyAny>) -> Fallible<&'a Ref<'py, ChainState>> {
    Ref::cast(subject).ok_or_else(|| PyTypeError::new_err("nothing was chained").into())
}

fn of_one<'py>(
    args: &Args<'_, 'py>,
    body: impl FnOnce(Bound<'py, PyAny>) -> Fallible<()>,
) -> Fallible<()> {
    match args.exactly::<1>() {
        Some([future]) => body(future),
        None => Err(PyTypeError::new_err("one argument is expected").into()),
    }
}

/// The destination is done: if it was cancelled, so is to be what the thread has not begun.
fn check_cancel(this: &Ref<'_, ChainState>) -> Fallible<()> {
    let py = this.py();
    if is_cancelled(&this.destination.get_or_none(py))? {
        call::method0(&this.source.get_or_none(py), intern!(py, "cancel"))?;
    }
    Ok(())
}

/// In whatever thread: the source is done, and its end goes to the loop's thread.
fn source_finished(this: &Ref<'_, ChainState>) -> Fallible<()> {
    let py = this.py();
    let event_loop = this.event_loop.get_or_none(py);
    if call::method0(&event_loop, intern!(py, "is_closed"))?.is_truthy()? {
        return Ok(());
    }
    let body: InnerBody = |subject, args| {
        match args.exactly::<2>() {
            Some([destination, source]) => set_state(&destination, &source)?,
            None => return Err(PyTypeError::new_err("two arguments are expected").into()),
        }
        Ok(subject.py().None().into_bound(subject.py()))
    };
    let function = function::inner(SET_STATE.get(py)?, body, this.as_any())?;
    let arguments = (
        function,
        this.destination.get_or_none(py),
        this.source.get_or_none(py),
    );
    event_loop.call_method1(intern!(py, "call_soon_threadsafe"), arguments)?;
    Ok(())
}

/// In the loop's thread: the destination ends as the source did, unless it was cancelled.
fn set_state<'py>(destination: &Bound<'py, PyAny>, source: &Bound<'py, PyAny>) -> Fallible<()> {
    let py = source.py();
    let plain = Ref::<FutureState>::cast_exact(destination).filter(|plain| !plain.is_done());
    if let Some(plain) = plain
        && let Some(result) = result(source)?
    {
        return future::set_result(plain, result);
    }
    // Asserts, exceptions and cancellations.
    COPY_STATE.get(py)?.call1((source, destination))?;
    Ok(())
}

/// The result of what a thread has finished, where it has one and its class is as it was.
fn result<'py>(source: &Bound<'py, PyAny>) -> Fallible<Option<Bound<'py, PyAny>>> {
    let py = source.py();
    let Some(own) = FUTURE.plain(source)? else {
        return Ok(None);
    };
    let is_finished = own.get(intern!(py, "_state"))?.is(FINISHED.get(py)?);
    if !is_finished || !own.get(intern!(py, "_exception"))?.is_none() {
        return Ok(None);
    }
    own.get(intern!(py, "_result")).map(Some)
}

fn is_cancelled(future: &Bound<'_, PyAny>) -> Fallible<bool> {
    Ok(call::method0(future, intern!(future.py(), "cancelled"))?.is_truthy()?)
}

/// Makes the class.
///
/// # Errors
/// What making a class raises.
pub(super) fn build(py: Python<'_>) -> Fallible<()> {
    Builder::<ChainState>::new(c"stook.chain").build(py)?;
    Ok(())
}

//! What `await future` drives.

use pyo3::exceptions::{PyRuntimeError, PyStopIteration};
use pyo3::prelude::*;

use crate::ffi::coro::{self, Resumed};
use crate::ffi::gc::traverse;
use crate::ffi::{
    Args, Builder, Class, Fallible, HeldCell, Method, NoExtras, Ref, TypeSlot, error,
};
use crate::future::{self, FutureState};
use crate::thrown::{self, Words};

/// The state of the iterator: the future, until it has given its result.
#[derive(Debug, Default)]
pub(crate) struct FutureIterState {
    future: HeldCell,
}

traverse!(FutureIterState: future);

impl Class for FutureIterState {
    type Extras = NoExtras;

    const KEPT: usize = 64;

    fn slot() -> &'static TypeSlot {
        static SLOT: TypeSlot = TypeSlot::new();
        &SLOT
    }
}

/// `future.__await__()`
#[inline]
pub(crate) fn new<'py>(this: &Ref<'py, FutureState>) -> Fallible<Bound<'py, PyAny>> {
    this.ensure_initialized()?;
    let iterator = Ref::allocate_by(this.py(), || FutureIterState {
        future: HeldCell::of(this.as_any().clone()),
    });
    Ok(iterator?.into_any())
}

#[inline]
fn resume<'py>(this: &Ref<'py, FutureIterState>) -> Fallible<Resumed<'py>> {
    let py = this.py();
    let Some(object) = this.future.get(py) else {
        // Spent: as a finished iterator answers.
        return Ok(Resumed::Returned(py.None().into_bound(py)));
    };
    let Some(awaited) = Ref::<FutureState>::cast(&object) else {
        return Ok(Resumed::Returned(py.None().into_bound(py)));
    };
    if awaited.is_done() {
        this.future.clear();
        return future::result(awaited).map(Resumed::Returned);
    }
    if awaited.blocking.get() {
        return Err(PyRuntimeError::new_err("await wasn't used with future").into());
    }
    awaited.blocking.set(true);
    Ok(Resumed::Yielded(object))
}

/// `send(value)`: the value is of no use to a future.
fn send<'py>(
    this: &Ref<'py, FutureIterState>,
    _value: &Bound<'py, PyAny>,
) -> Fallible<Bound<'py, PyAny>> {
    match resume(this)? {
        Resumed::Yielded(yielded) => Ok(yielded),
        Resumed::Returned(value) => Err(raise_stop(value)),
    }
}

/// Raises `StopIteration(value)` in any case.
pub(crate) fn raise_stop(value: Bound<'_, PyAny>) -> crate::ffi::Raised {
    if value.is_none() {
        return match value.py().get_type::<PyStopIteration>().call0() {
            Ok(stop) => error::raise(&stop),
            Err(error) => error.into(),
        };
    }
    match coro::new_stop_iteration(value) {
        Ok(stop) => error::raise(&stop),
        Err(raised) => raised,
    }
}

fn throw<'py>(
    this: &Ref<'py, FutureIterState>,
    args: &Args<'_, 'py>,
) -> Fallible<Bound<'py, PyAny>> {
    let exception = thrown::given(args)?.exception(Words::FutureIterator)?;
    this.future.clear();
    Err(error::raise(&exception))
}

fn close<'py>(this: &Ref<'py, FutureIterState>) -> Fallible<Bound<'py, PyAny>> {
    this.future.clear();
    Ok(this.py().None().into_bound(this.py()))
}

/// Makes the class.
///
/// # Errors
/// What making a class raises.
pub(crate) fn build(py: Python<'_>) -> Fallible<()> {
    Builder::<FutureIterState>::new(c"stook.FutureIter")
        .immutable()
        .resumable(resume)
        .methods([
            Method::one(
                c"send",
                c"Resume; the value is of no use to a future.",
                send,
            ),
            Method::positional(c"throw", c"Raise in whoever awaits.", throw),
            Method::none(c"close", c"Let go of the future.", close),
        ])
        .build(py)?;
    Ok(())
}

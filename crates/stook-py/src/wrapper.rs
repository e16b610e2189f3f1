//! What `coroutine.__await__()` gives: an iterator that drives the coroutine.

use crate::ffi::intern;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::ffi::coro::{self, Resumed};
use crate::ffi::gc::traverse;
use crate::ffi::{Args, Builder, Class, Fallible, HeldCell, Method, NoExtras, Ref, TypeSlot, call};

/// The state of the iterator.
#[derive(Debug, Default)]
struct WrapperState {
    coroutine: HeldCell,
}

traverse!(WrapperState: coroutine);

impl Class for WrapperState {
    type Extras = NoExtras;

    fn slot() -> &'static TypeSlot {
        static SLOT: TypeSlot = TypeSlot::new();
        &SLOT
    }
}

/// An iterator that drives `coroutine`.
pub(crate) fn new<'py>(coroutine: &Bound<'py, PyAny>) -> Fallible<Bound<'py, PyAny>> {
    let state = WrapperState::default();
    state.coroutine.set(coroutine.clone());
    Ok(Ref::allocate(coroutine.py(), state)?.into_any())
}

fn coroutine<'py>(this: &Ref<'py, WrapperState>) -> Fallible<Bound<'py, PyAny>> {
    match this.coroutine.get(this.py()) {
        Some(coroutine) => Ok(coroutine),
        None => Err(PyRuntimeError::new_err("the coroutine is gone").into()),
    }
}

fn resume<'py>(this: &Ref<'py, WrapperState>) -> Fallible<Resumed<'py>> {
    coro::send(&coroutine(this)?)
}

fn send<'py>(
    this: &Ref<'py, WrapperState>,
    value: &Bound<'py, PyAny>,
) -> Fallible<Bound<'py, PyAny>> {
    call::method1(&coroutine(this)?, intern!(this.py(), "send"), value)
}

fn throw<'py>(this: &Ref<'py, WrapperState>, args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    let given: Vec<_> = (0..args.positional_len())
        .map(|index| args.positional(index))
        .collect();
    let given = PyTuple::new(this.py(), given)?;
    Ok(coroutine(this)?.call_method1(intern!(this.py(), "throw"), given)?)
}

fn close<'py>(this: &Ref<'py, WrapperState>) -> Fallible<Bound<'py, PyAny>> {
    call::method0(&coroutine(this)?, intern!(this.py(), "close"))
}

/// Makes the class.
///
/// # Errors
/// What making a class raises.
pub(crate) fn build(py: Python<'_>) -> Fallible<()> {
    Builder::<WrapperState>::new(c"stook.coroutine_wrapper")
        .resumable(resume)
        .methods([
            Method::one(c"send", c"Resume the coroutine.", send),
            Method::positional(c"throw", c"Raise where the coroutine waits.", throw),
            Method::none(c"close", c"Close the coroutine.", close),
        ])
        .called("coroutine_wrapper")
        .build(py)?;
    Ok(())
}

//! One `await` inside a native coroutine.

use std::cell::Cell;

use crate::ffi::intern;
use pyo3::exceptions::{PyGeneratorExit, PyRuntimeError, PyStopIteration};
use pyo3::prelude::*;

use crate::ffi::coro::{self, Resumed};
use crate::ffi::gc::traverse;
use crate::ffi::{Fallible, HeldCell, Ref, call, compat, error};
use crate::future::{self, FutureState};
use crate::future_iter;

/// What a native coroutine waits for: a future whose methods are ours, without an iterator
/// between, or the iterator of anything else.
#[derive(Debug, Default)]
pub(crate) struct Awaiting {
    object: HeldCell,
    is_iterator: Cell<bool>,
}

traverse!(Awaiting: object);

impl Awaiting {
    /// Begins to wait for `awaitable`, a future.
    ///
    /// # Errors
    /// What its `__await__` raises.
    pub(crate) fn begin<'py>(&self, awaitable: &Bound<'py, PyAny>) -> Fallible<Resumed<'py>> {
        if future::plain(awaitable).is_some() {
            self.is_iterator.set(false);
            self.object.set(awaitable.clone());
        } else {
            let name = intern!(awaitable.py(), "__await__");
            self.is_iterator.set(true);
            self.object.set(call::method0(awaitable, name)?);
        }
        self.resume(awaitable.py(), None)
    }

    /// Begins to run `coroutine`, which nobody else awaits.
    ///
    /// # Errors
    /// What it raises.
    pub(crate) fn run<'py>(&self, coroutine: &Bound<'py, PyAny>) -> Fallible<Resumed<'py>> {
        self.is_iterator.set(true);
        self.object.set(coroutine.clone());
        self.resume(coroutine.py(), None)
    }

    /// Goes on: it is still waited, or the wait is over with a result or an error.
    ///
    /// # Errors
    /// What the wait ends with.
    pub(crate) fn resume<'py>(
        &self,
        py: Python<'py>,
        thrown: Option<Bound<'py, PyAny>>,
    ) -> Fallible<Resumed<'py>> {
        let Some(object) = self.object.get(py) else {
            return Err(PyRuntimeError::new_err("not waiting").into());
        };
        let resumed = if self.is_iterator.get() {
            // Python's coroutines count how deep they are themselves.
            if coro::is_exact_coroutine(&object) {
                go_on(&object, thrown)
            } else {
                compat::recursing(py, c"", || go_on(&object, thrown))
            }
        } else {
            match (thrown, Ref::<FutureState>::cast(&object)) {
                (Some(exception), _) => thrown_into_future(&exception),
                (None, Some(awaited)) => resume_on_future(awaited),
                (None, None) => Err(PyRuntimeError::new_err("not a future").into()),
            }
        };
        if !matches!(resumed, Ok(Resumed::Yielded(_))) {
            self.object.clear();
        }
        resumed
    }

    /// What is waited for, as `cr_await` shows it.
    pub(crate) fn shown<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        let object = self.object.get(py)?;
        if self.is_iterator.get() {
            return Some(object);
        }
        match future_iter::new(Ref::<FutureState>::cast(&object)?) {
            Ok(iterator) => Some(iterator),
            Err(raised) => {
                raised.clear(py);
                Some(object)
            }
        }
    }

    /// Lets go of what is waited for.
    pub(crate) fn abandon(&self) {
        self.object.clear();
    }
}

fn go_on<'py>(
    iterator: &Bound<'py, PyAny>,
    thrown: Option<Bound<'py, PyAny>>,
) -> Fallible<Resumed<'py>> {
    match thrown {
        None => coro::send(iterator),
        Some(exception) => throw_into(iterator, &exception),
    }
}

/// Raises `exception` where `iterator` waits. One that is told to end is closed, whatever it makes
/// of that, and the exception goes on.
fn throw_into<'py>(
    iterator: &Bound<'py, PyAny>,
    exception: &Bound<'py, PyAny>,
) -> Fallible<Resumed<'py>> {
    let py = iterator.py();
    if !exception.is_instance_of::<PyGeneratorExit>() {
        return coro::throw(iterator, exception);
    }
    if let Some(close) = call::optional_attribute(iterator, intern!(py, "close"))? {
        call::call0(&close)?;
    }
    Err(error::raise(exception))
}

/// Whoever drives the iterator of a future takes `StopIteration` for its end, with its value.
fn thrown_into_future<'py>(exception: &Bound<'py, PyAny>) -> Fallible<Resumed<'py>> {
    if exception.is_instance_of::<PyStopIteration>() {
        let value = exception.getattr(intern!(exception.py(), "value"))?;
        return Ok(Resumed::Returned(value));
    }
    Err(error::raise(exception))
}

#[inline]
fn resume_on_future<'py>(awaited: &Ref<'py, FutureState>) -> Fallible<Resumed<'py>> {
    if awaited.is_done() {
        return future::result(awaited).map(Resumed::Returned);
    }
    if awaited.blocking.replace(true) {
        return Err(PyRuntimeError::new_err("await wasn't used with future").into());
    }
    Ok(Resumed::Yielded(awaited.as_any().clone()))
}

//! Resuming coroutines.

use std::ptr;

use pyo3::exceptions::PyStopIteration;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

use super::error::{Fallible, Raised};
use super::{hang, intern};

/// What one resumption of a coroutine gave.
#[derive(Debug)]
pub(crate) enum Resumed<'py> {
    /// It is suspended on this object.
    Yielded(Bound<'py, PyAny>),
    /// It returned this value.
    Returned(Bound<'py, PyAny>),
}

/// Resumes `coroutine` with `None`.
#[inline]
pub(crate) fn send<'py>(coroutine: &Bound<'py, PyAny>) -> Fallible<Resumed<'py>> {
    let py = coroutine.py();
    let mut answer = ptr::null_mut();
    // SAFETY: S2, `None` lives for ever.
    let none = unsafe { ffi::Py_None() };
    // SAFETY: S1, S2; `answer` is an out-pointer on the stack.
    let status = unsafe { hang::PyIter_Send(coroutine.as_ptr(), none, &mut answer) };
    // SAFETY: S3, a new reference, or null when it raised.
    let answer = unsafe { Bound::from_owned_ptr_or_opt(py, answer) };
    match (status, answer) {
        (ffi::PySendResult::PYGEN_NEXT, Some(yielded)) => Ok(Resumed::Yielded(yielded)),
        (ffi::PySendResult::PYGEN_RETURN, Some(value)) => Ok(Resumed::Returned(value)),
        _ => Err(Raised::assume_set(py)),
    }
}

/// Resumes `coroutine` by raising `exception` in it.
pub(crate) fn throw<'py>(
    coroutine: &Bound<'py, PyAny>,
    exception: &Bound<'py, PyAny>,
) -> Fallible<Resumed<'py>> {
    let py = coroutine.py();
    match super::call::method1(coroutine, intern!(py, "throw"), exception) {
        Ok(yielded) => Ok(Resumed::Yielded(yielded)),
        Err(raised) => {
            if !raised.matches(py.get_type::<PyStopIteration>().as_any()) {
                return Err(raised);
            }
            let stop = raised.take(py);
            Ok(Resumed::Returned(stop.getattr(intern!(py, "value"))?))
        }
    }
}

/// Whether the type of `object` is the coroutine of `async def`.
#[inline]
pub(crate) fn is_exact_coroutine(object: &Bound<'_, PyAny>) -> bool {
    // SAFETY: S2.
    unsafe { ffi::PyCoro_CheckExact(object.as_ptr()) != 0 }
}

/// Whether the type of `object` is the generator of `def`.
pub(crate) fn is_exact_generator(object: &Bound<'_, PyAny>) -> bool {
    // SAFETY: S2.
    unsafe { ffi::PyGen_CheckExact(object.as_ptr()) != 0 }
}

/// Whether the type of `object` is the generator of `async def`.
pub(crate) fn is_exact_async_generator(object: &Bound<'_, PyAny>) -> bool {
    // SAFETY: S2.
    unsafe { ffi::PyAsyncGen_CheckExact(object.as_ptr()) != 0 }
}

/// What a coroutine or generator awaits, by its attribute of this name; `None` of one whose code runs in
/// this moment, in whatever thread.
///
/// CPython 3.11 and 3.12 cannot tell the latter by themselves: they take the cache of an instruction for
/// the one by which it would await, and may give what is no object. Nothing else may run between the
/// question whether it runs and the other one.
///
/// # Errors
/// What an attribute of a program's class raises.
pub(crate) fn awaited<'py>(
    coroutine: &Bound<'py, PyAny>,
    name: &Bound<'py, PyString>,
) -> Fallible<Bound<'py, PyAny>> {
    if is_executing(coroutine)? {
        return Ok(coroutine.py().None().into_bound(coroutine.py()));
    }
    Ok(coroutine.getattr(name)?)
}

fn is_executing(coroutine: &Bound<'_, PyAny>) -> Fallible<bool> {
    let py = coroutine.py();
    if is_exact_coroutine(coroutine) {
        return Ok(coroutine.getattr(intern!(py, "cr_running"))?.is_truthy()?);
    }
    if is_exact_generator(coroutine) {
        return Ok(coroutine.getattr(intern!(py, "gi_running"))?.is_truthy()?);
    }
    if !is_exact_async_generator(coroutine) {
        return Ok(false);
    }
    // `ag_running` is true while it is awaited, too. A frame that runs has one that it returns to.
    let frame = coroutine.getattr(intern!(py, "ag_frame"))?;
    Ok(!frame.is_none() && !frame.getattr(intern!(py, "f_back"))?.is_none())
}

/// What `__next__` answers for an iterator, `object`, that returned `value`: no exception at all
/// stands for `StopIteration` without a value.
pub(super) fn stop_iteration(
    object: *mut ffi::PyObject,
    value: Bound<'_, PyAny>,
) -> Option<Raised> {
    if value.is_none() {
        return None;
    }
    #[cfg(Py_3_12)]
    let value = match super::stop::raise(object, value) {
        Ok(raised) => return Some(raised),
        Err(value) => value,
    };
    #[cfg(not(Py_3_12))]
    let _ = object;
    let stop = match new_stop_iteration(value) {
        Ok(stop) => stop,
        Err(raised) => return Some(raised),
    };
    Some(super::error::raise(&stop))
}

/// `StopIteration(value)`, as calling the class makes it. From 3.12 on every value that is awaited
/// comes so.
///
/// # Errors
/// `MemoryError`.
pub(crate) fn new_stop_iteration(value: Bound<'_, PyAny>) -> Fallible<Bound<'_, PyAny>> {
    let py = value.py();
    // A value that is a tuple would be taken apart, and an exception be taken for the instance.
    let args = PyTuple::new(py, [value])?;
    let class = py.get_type::<PyStopIteration>();
    // SAFETY: S2; the class is static.
    let new = unsafe { (*class.as_type_ptr()).tp_new };
    // SAFETY: S2; the class is static.
    let init = unsafe { (*class.as_type_ptr()).tp_init };
    let (Some(new), Some(init)) = (new, init) else {
        return Ok(class.call1(args)?);
    };
    // SAFETY: S1, S2; the slot's own class, a tuple, and no keywords.
    let made = unsafe { new(class.as_type_ptr(), args.as_ptr(), ptr::null_mut()) };
    // SAFETY: S3, a new reference, or null when it raised.
    let made = unsafe { Bound::from_owned_ptr_or_opt(py, made) };
    let Some(made) = made else {
        return Err(Raised::assume_set(py));
    };
    // SAFETY: S1, S2; an instance of the slot's class, a tuple, and no keywords.
    if unsafe { init(made.as_ptr(), args.as_ptr(), ptr::null_mut()) } < 0 {
        return Err(Raised::assume_set(py));
    }
    Ok(made)
}

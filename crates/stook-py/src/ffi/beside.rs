//! One object beside an exception, where nobody sees it: in a field that every exception has and that
//! the interpreter visits and releases, but does not use.
//!
//! # Source
//! `PyBaseExceptionObject.notes`, CPython 3.11 to 3.13 `Include/cpython/pyerrors.h` and
//! `Objects/exceptions.c`: what `add_note` adds is an attribute, `__notes__`.

use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::exceptions::PyBaseException;
use pyo3::ffi;
use pyo3::prelude::*;

use super::error::Fallible;

/// Whether the field was found unused.
static IS_FREE: AtomicBool = AtomicBool::new(false);

/// The field of an exception.
fn field(exception: &Bound<'_, PyAny>) -> Option<*mut *mut ffi::PyObject> {
    if !exception.is_instance_of::<PyBaseException>() {
        return None;
    }
    let exception = exception.as_ptr().cast::<ffi::PyBaseExceptionObject>();
    // SAFETY: S2, S18; the type was checked.
    Some(unsafe { &raw mut (*exception).notes })
}

/// Tries whether the interpreter leaves the field alone.
///
/// # Errors
/// What making an exception raises.
pub(crate) fn find(py: Python<'_>) -> Fallible<()> {
    let trial = py.get_type::<PyBaseException>().call1(("trial",))?;
    let is_null = || {
        // SAFETY: S2, S18.
        field(&trial).is_some_and(|field| unsafe { *field }.is_null())
    };
    let at_first = is_null();
    trial.call_method1("add_note", ("a note",))?;
    IS_FREE.store(at_first && is_null(), Ordering::Relaxed);
    Ok(())
}

/// The object beside `exception`.
#[inline]
pub(crate) fn get<'py>(exception: &Bound<'py, PyAny>) -> Option<Bound<'py, PyAny>> {
    if !IS_FREE.load(Ordering::Relaxed) {
        return None;
    }
    let field = field(exception)?;
    // SAFETY: S2, S18.
    let object = unsafe { *field };
    // SAFETY: S2, the exception holds it.
    unsafe { Bound::from_borrowed_ptr_or_opt(exception.py(), object) }
}

/// Puts `object` beside `exception`, in the place of one of its kind; whether that could be done.
#[inline]
pub(crate) fn put(exception: &Bound<'_, PyAny>, object: &Bound<'_, PyAny>) -> bool {
    if !IS_FREE.load(Ordering::Relaxed) {
        return false;
    }
    let Some(field) = field(exception) else {
        return false;
    };
    // SAFETY: S2, S18.
    let before = unsafe { *field };
    // SAFETY: S2, the exception holds it.
    if !before.is_null() && unsafe { ffi::Py_TYPE(before) } != object.get_type_ptr() {
        return false;
    }
    // SAFETY: S2, S18; S3, the exception is given the reference.
    unsafe { ptr::write(field, object.clone().into_ptr()) };
    // SAFETY: S3, S4; the reference that the exception had.
    drop(unsafe { Bound::from_owned_ptr_or_opt(object.py(), before) });
    true
}

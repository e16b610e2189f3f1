//! What an instance has of its own, and whether its class has changed.

use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple, PyType};

use super::error::{Fallible, Raised};
use super::hang;

/// The attributes of an instance's own, `vars(object)`: the dict itself.
///
/// # Errors
/// `AttributeError` when the object has none.
#[inline]
pub(crate) fn attributes<'py>(object: &Bound<'py, PyAny>) -> Fallible<Bound<'py, PyDict>> {
    let py = object.py();
    // SAFETY: S1, S2; no context is needed.
    let dict = unsafe { hang::PyObject_GenericGetDict(object.as_ptr(), std::ptr::null_mut()) };
    // SAFETY: S3, a new reference or null.
    let dict = unsafe { Bound::from_owned_ptr_or_opt(py, dict) };
    let dict = dict.ok_or_else(|| Raised::assume_set(py))?;
    Ok(dict.cast_into::<PyDict>().map_err(PyErr::from)?)
}

/// A new instance of `class`, a class made in Python: `object.__new__(class)`.
///
/// # Errors
/// `MemoryError`.
pub(crate) fn allocate<'py>(class: &Bound<'py, PyType>) -> Fallible<Bound<'py, PyAny>> {
    let py = class.py();
    let nothing = PyTuple::empty(py);
    let base = &raw mut ffi::PyBaseObject_Type;
    // SAFETY: S2, `object` lives for ever.
    let new = unsafe { (*base).tp_new };
    let new = new.ok_or_else(|| PyRuntimeError::new_err("object has no __new__"))?;
    // SAFETY: S1, S2; `object` is a base of every class.
    let object = unsafe { new(class.as_type_ptr(), nothing.as_ptr(), std::ptr::null_mut()) };
    // SAFETY: S3, a new reference or null.
    let object = unsafe { Bound::from_owned_ptr_or_opt(py, object) };
    object.ok_or_else(|| Raised::assume_set(py))
}

/// The hash of an object that is compared by its identity: `object.__hash__(object)`.
///
/// # Errors
/// None that CPython has.
pub(crate) fn hash(object: &Bound<'_, PyAny>) -> Fallible<isize> {
    // SAFETY: S2, `object` lives for ever.
    let hash = unsafe { ffi::PyBaseObject_Type.tp_hash };
    let hash = hash.ok_or_else(|| PyRuntimeError::new_err("object has no __hash__"))?;
    // SAFETY: S1, S2.
    match unsafe { hash(object.as_ptr()) } {
        -1 => Err(Raised::assume_set(object.py())),
        hash => Ok(hash),
    }
}

/// Whether the type of `object` is `class` and no subclass of it.
#[inline]
pub(crate) fn is_exactly(object: &Bound<'_, PyAny>, class: &Bound<'_, PyAny>) -> bool {
    std::ptr::eq(object.get_type_ptr().cast(), class.as_ptr())
}

/// A number that says which state `class` is in, its bases included: another one after every
/// change. 0 where CPython has not given it one, and for what is no class.
///
/// # Source
/// `tp_version_tag`, CPython 3.11 to 3.13 `Include/cpython/object.h`: set to 0 by
/// `PyType_Modified`, and to a number that was never used before by the next lookup.
#[inline]
pub(crate) fn class_version(class: &Bound<'_, PyAny>) -> u32 {
    match class.cast::<PyType>() {
        // SAFETY: S1; S2, the reference keeps the class alive.
        Ok(class) => unsafe { (*class.as_type_ptr()).tp_version_tag },
        Err(_) => 0,
    }
}

/// The same of the class of `object`.
#[inline]
pub(crate) fn version_of_class(object: &Bound<'_, PyAny>) -> u32 {
    // SAFETY: S2, an object keeps its class alive.
    unsafe { (*object.get_type_ptr()).tp_version_tag }
}

// `Include/classobject.h`, CPython 3.11 to 3.13; not declared by PyO3.
unsafe extern "C" {
    static mut PyMethod_Type: ffi::PyTypeObject;
    fn PyMethod_Function(method: *mut ffi::PyObject) -> *mut ffi::PyObject;
    fn PyMethod_Self(method: *mut ffi::PyObject) -> *mut ffi::PyObject;
}

/// The object and the function of a bound method; `None` for anything else.
#[inline]
pub(crate) fn method_parts<'py>(
    method: &Bound<'py, PyAny>,
) -> Option<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
    let py = method.py();
    if method.get_type_ptr() != &raw mut PyMethod_Type {
        return None;
    }
    // SAFETY: S1, S2; the type was checked.
    let receiver = unsafe { PyMethod_Self(method.as_ptr()) };
    // SAFETY: S2, the method keeps it alive.
    let receiver = unsafe { Bound::from_borrowed_ptr_or_opt(py, receiver) }?;
    // SAFETY: S1, S2; the type was checked.
    let function = unsafe { PyMethod_Function(method.as_ptr()) };
    // SAFETY: S2, the method keeps it alive.
    let function = unsafe { Bound::from_borrowed_ptr_or_opt(py, function) }?;
    Some((receiver, function))
}

//! Methods of built-in classes, called as the interpreter calls them in the end.
//!
//! What a call by the vectorcall protocol does besides is to look at the arguments, which are known to
//! fit, and at the depth of the stack.
//!
//! # Source
//! `method_vectorcall_NOARGS`, `method_vectorcall_O`, CPython 3.11 to 3.13 `Objects/descrobject.c`.

use std::ffi::c_int;
use std::ptr;

use pyo3::ffi;
use pyo3::prelude::*;

use super::error::{Fallible, Raised};
use super::hang;

/// `method(receiver)`, where that is a built-in method without arguments of the very class of
/// `receiver`; `None` where it has to be called otherwise.
#[inline]
pub(crate) fn method0<'py>(
    method: &Bound<'py, PyAny>,
    receiver: &Bound<'py, PyAny>,
) -> Option<Fallible<Bound<'py, PyAny>>> {
    call(method, receiver, ffi::METH_NOARGS, ptr::null_mut())
}

/// `method(receiver, argument)`, where that is a built-in method with one argument of the very class
/// of `receiver`; `None` where it has to be called otherwise.
#[inline]
pub(crate) fn method1<'py>(
    method: &Bound<'py, PyAny>,
    receiver: &Bound<'py, PyAny>,
    argument: &Bound<'py, PyAny>,
) -> Option<Fallible<Bound<'py, PyAny>>> {
    call(method, receiver, ffi::METH_O, argument.as_ptr())
}

#[inline]
fn call<'py>(
    method: &Bound<'py, PyAny>,
    receiver: &Bound<'py, PyAny>,
    takes: c_int,
    argument: *mut ffi::PyObject,
) -> Option<Fallible<Bound<'py, PyAny>>> {
    if !ptr::eq(method.get_type_ptr(), &raw mut ffi::PyMethodDescr_Type) {
        return None;
    }
    let descriptor = method.as_ptr().cast::<ffi::PyMethodDescrObject>();
    // SAFETY: S2; the type was checked.
    let descriptor = unsafe { &*descriptor };
    // SAFETY: S2, a method's definition lives as long as the method.
    let definition = unsafe { &*descriptor.d_method };
    if descriptor.d_common.d_type != receiver.get_type_ptr() || definition.ml_flags != takes {
        return None;
    }
    // SAFETY: S9; functions with these flags are such.
    let function = unsafe { definition.ml_meth.PyCFunction };
    // SAFETY: S1, S2; S9, the receiver is of the class and the argument as the flags say.
    let answer = unsafe { hang::builtin(function, receiver.as_ptr(), argument) };
    // SAFETY: S3, a C call gives a new reference, or null with the indicator set.
    let answer = unsafe { Bound::from_owned_ptr_or_opt(receiver.py(), answer) };
    Some(answer.ok_or_else(|| Raised::assume_set(receiver.py())))
}

/// The number of items that an object says it has where objects of variable size do; `None` where it
/// has no such place. For some classes that is the length.
#[inline]
pub(crate) fn size(object: &Bound<'_, PyAny>) -> Option<usize> {
    // SAFETY: S2, an object keeps its class alive.
    let memory = unsafe { (*object.get_type_ptr()).tp_basicsize };
    if memory < size_of::<ffi::PyVarObject>() as isize {
        return None;
    }
    // SAFETY: S2; the object has that much memory, and any number is one.
    let size = unsafe { (*object.as_ptr().cast::<ffi::PyVarObject>()).ob_size };
    usize::try_from(size).ok()
}

//! What calling a class made in Python does, by the vectorcall protocol.
//!
//! The interpreter looks into the class for a function that makes an instance at once, before it asks
//! `__new__` and `__init__`. Classes made in Python have none, and subclasses do not inherit it.
//!
//! # Source
//! `tp_vectorcall`, CPython 3.11 to 3.13 `Doc/c-api/typeobj.rst`; `specialize_class_call`, 3.13
//! `Python/specialize.c`, which leaves that function out where `__init__` is a Python function.

use std::ptr;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyType;

use super::args::Args;
use super::error::Fallible;
use super::method::keyword_names;
use super::slot::{attached, conjure, guard};

/// A function that answers a call of a class: it gets the class and the arguments.
pub(crate) trait Construct:
    for<'a, 'py> Fn(&Bound<'py, PyAny>, &Args<'a, 'py>) -> Fallible<Bound<'py, PyAny>> + Copy + 'static
{
}
impl<F> Construct for F where
    F: for<'a, 'py> Fn(&Bound<'py, PyAny>, &Args<'a, 'py>) -> Fallible<Bound<'py, PyAny>>
        + Copy
        + 'static
{
}

/// Has `construct` answer calls of `class`, one made in Python, from now on.
pub(crate) fn begin<F: Construct>(class: &Bound<'_, PyType>, construct: F) {
    let _ = construct;
    // SAFETY: S1, S2, S20.
    unsafe { (*class.as_type_ptr()).tp_vectorcall = Some(vectorcall::<F>) };
}

/// Has calls of `class` go to `__new__` and `__init__` again.
pub(crate) fn end(class: &Bound<'_, PyType>) {
    // SAFETY: S1, S2, S20.
    unsafe { (*class.as_type_ptr()).tp_vectorcall = None };
}

unsafe extern "C" fn vectorcall<F: Construct>(
    class: *mut ffi::PyObject,
    values: *const *mut ffi::PyObject,
    count: usize,
    keywords: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: S1.
    let py = unsafe { attached() };
    // SAFETY: S12.
    let construct = unsafe { conjure::<F>() };
    let positional = count & !ffi::PY_VECTORCALL_ARGUMENTS_OFFSET;
    guard(py, ptr::null_mut(), || {
        // SAFETY: S9, what is called is alive for the call.
        let class = unsafe { Bound::ref_from_ptr(py, &class) };
        // SAFETY: S9, a tuple or null.
        let keywords = unsafe { keyword_names(py, keywords) };
        // SAFETY: S9, as the protocol says.
        let args = unsafe { Args::from_vector(py, values, positional, keywords.as_ref()) };
        construct(class, &args).map(Bound::into_ptr)
    })
}

//! Calls that are on the hot path, without a tuple or a dict between.

use std::ptr;

use crate::ffi::once::Once;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};
use pyo3::{ffi, intern};

use super::error::{Fallible, Raised};
use super::hang;

fn checked(py: Python<'_>, answer: *mut ffi::PyObject) -> Fallible<Bound<'_, PyAny>> {
    // SAFETY: S3, a C call gives a new reference, or null with the indicator set.
    unsafe { Bound::from_owned_ptr_or_opt(py, answer) }.ok_or_else(|| Raised::assume_set(py))
}

/// `function()`
#[inline]
pub(crate) fn call0<'py>(function: &Bound<'py, PyAny>) -> Fallible<Bound<'py, PyAny>> {
    // SAFETY: S1, S2.
    checked(function.py(), unsafe {
        hang::PyObject_CallNoArgs(function.as_ptr())
    })
}

/// `function(argument)`
#[inline]
pub(crate) fn call1<'py>(
    function: &Bound<'py, PyAny>,
    argument: &Bound<'py, PyAny>,
) -> Fallible<Bound<'py, PyAny>> {
    let arguments = [ptr::null_mut(), argument.as_ptr()];
    let first = arguments[1..].as_ptr();
    // SAFETY: S1, S2; one argument, with a free place before it, as the flag says.
    let answer = unsafe {
        hang::PyObject_Vectorcall(
            function.as_ptr(),
            first,
            1 | ffi::PY_VECTORCALL_ARGUMENTS_OFFSET,
            ptr::null_mut(),
        )
    };
    checked(function.py(), answer)
}

/// `function(first, second)`
#[inline]
pub(crate) fn call2<'py>(
    function: &Bound<'py, PyAny>,
    first: &Bound<'py, PyAny>,
    second: &Bound<'py, PyAny>,
) -> Fallible<Bound<'py, PyAny>> {
    let arguments = [ptr::null_mut(), first.as_ptr(), second.as_ptr()];
    let begin = arguments[1..].as_ptr();
    // SAFETY: S1, S2; two arguments, with a free place before them, as the flag says.
    let answer = unsafe {
        hang::PyObject_Vectorcall(
            function.as_ptr(),
            begin,
            2 | ffi::PY_VECTORCALL_ARGUMENTS_OFFSET,
            ptr::null_mut(),
        )
    };
    checked(function.py(), answer)
}

/// `sequence[index]`, for an index that is not negative.
#[inline]
pub(crate) fn item<'py>(sequence: &Bound<'py, PyAny>, index: isize) -> Fallible<Bound<'py, PyAny>> {
    // SAFETY: S1, S2.
    let item = unsafe { hang::PySequence_GetItem(sequence.as_ptr(), index) };
    checked(sequence.py(), item)
}

/// `function` with arguments as the vectorcall protocol gave them to us: `positional` values, then
/// one for each of `keywords`.
pub(super) fn call_vector<'py>(
    function: &Bound<'py, PyAny>,
    values: &[*mut ffi::PyObject],
    positional: usize,
    keywords: Option<&Bound<'py, PyTuple>>,
) -> Fallible<Bound<'py, PyAny>> {
    let keywords = keywords.map_or(ptr::null_mut(), |keywords| keywords.as_ptr());
    // SAFETY: S1, S2; S9, the values live for the call that we are in.
    let answer = unsafe {
        hang::PyObject_Vectorcall(function.as_ptr(), values.as_ptr(), positional, keywords)
    };
    checked(function.py(), answer)
}

/// `(*values,)`
///
/// # Safety
/// They are borrowed references that live for the call.
pub(super) unsafe fn tuple<'py>(
    py: Python<'py>,
    values: &[*mut ffi::PyObject],
) -> Fallible<Bound<'py, PyTuple>> {
    if values.is_empty() {
        return Ok(PyTuple::empty(py));
    }
    // SAFETY: S1.
    let tuple = unsafe { hang::PyTuple_New(values.len() as isize) };
    let tuple = checked(py, tuple)?;
    for (index, &value) in values.iter().enumerate() {
        // SAFETY: S2, S3; the tuple is given a reference of its own.
        let value = unsafe { ffi::Py_NewRef(value) };
        // SAFETY: S3; the tuple is new and has a place for each.
        unsafe { ffi::PyTuple_SET_ITEM(tuple.as_ptr(), index as isize, value) };
    }
    // SAFETY: it was made as one.
    Ok(unsafe { tuple.cast_into_unchecked() })
}

/// `function(*arguments)`; `arguments` is a tuple.
#[inline]
pub(crate) fn call_tuple<'py>(
    function: &Bound<'py, PyAny>,
    arguments: &Bound<'py, PyAny>,
) -> Fallible<Bound<'py, PyAny>> {
    // SAFETY: S1, S2; CPython checks that it is a tuple in debug builds, ours are made by us.
    let answer =
        unsafe { hang::PyObject_Call(function.as_ptr(), arguments.as_ptr(), ptr::null_mut()) };
    checked(function.py(), answer)
}

/// `receiver.name()`
#[inline]
pub(crate) fn method0<'py>(
    receiver: &Bound<'py, PyAny>,
    name: &Bound<'py, PyString>,
) -> Fallible<Bound<'py, PyAny>> {
    let mut arguments = [receiver.as_ptr()];
    // SAFETY: S1, S2; the receiver is the first and only argument.
    let answer = unsafe {
        hang::PyObject_VectorcallMethod(
            name.as_ptr(),
            arguments.as_mut_ptr(),
            1 | ffi::PY_VECTORCALL_ARGUMENTS_OFFSET,
            ptr::null_mut(),
        )
    };
    checked(receiver.py(), answer)
}

/// `receiver.name(argument)`
#[inline]
pub(crate) fn method1<'py>(
    receiver: &Bound<'py, PyAny>,
    name: &Bound<'py, PyString>,
    argument: &Bound<'py, PyAny>,
) -> Fallible<Bound<'py, PyAny>> {
    let mut arguments = [receiver.as_ptr(), argument.as_ptr()];
    // SAFETY: S1, S2; the receiver and one argument.
    let answer = unsafe {
        hang::PyObject_VectorcallMethod(
            name.as_ptr(),
            arguments.as_mut_ptr(),
            2 | ffi::PY_VECTORCALL_ARGUMENTS_OFFSET,
            ptr::null_mut(),
        )
    };
    checked(receiver.py(), answer)
}

/// `receiver.name(callback[, argument], context=context)`, as `call_soon` and
/// `add_done_callback` are called.
pub(crate) fn method_with_context<'py>(
    receiver: &Bound<'py, PyAny>,
    name: &Bound<'py, PyString>,
    callback: &Bound<'py, PyAny>,
    argument: Option<&Bound<'py, PyAny>>,
    context: &Bound<'py, PyAny>,
) -> Fallible<Bound<'py, PyAny>> {
    static KEYWORDS: Once<Py<PyTuple>> = Once::new();
    let py = receiver.py();
    let keywords = KEYWORDS.get_or_try_init(py, || {
        PyTuple::new(py, [intern!(py, "context")]).map(Bound::unbind)
    })?;
    let context = context.as_ptr();
    let (mut arguments, positional) = match argument {
        Some(argument) => (
            [
                receiver.as_ptr(),
                callback.as_ptr(),
                argument.as_ptr(),
                context,
            ],
            3,
        ),
        None => (
            [
                receiver.as_ptr(),
                callback.as_ptr(),
                context,
                ptr::null_mut(),
            ],
            2,
        ),
    };
    // SAFETY: S1, S2; `positional` arguments and then one keyword's value.
    let answer = unsafe {
        hang::PyObject_VectorcallMethod(
            name.as_ptr(),
            arguments.as_mut_ptr(),
            positional | ffi::PY_VECTORCALL_ARGUMENTS_OFFSET,
            keywords.as_ptr(),
        )
    };
    checked(py, answer)
}

/// `receiver.name`, or `None` when there is no such attribute.
pub(crate) fn optional_attribute<'py>(
    receiver: &Bound<'py, PyAny>,
    name: &Bound<'py, PyString>,
) -> Fallible<Option<Bound<'py, PyAny>>> {
    Ok(receiver.getattr_opt(name)?)
}

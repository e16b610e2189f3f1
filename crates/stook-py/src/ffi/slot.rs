//! The one trampoline: what CPython calls goes through [`guard`], which turns errors into the
//! answer that CPython expects and keeps a panic from crossing into C.
//!
//! Finalisers, which have no answer, catch a panic themselves. Making, releasing, traversing and
//! clearing an object (`class.rs`) do without: a panic there ends the process.

use std::any::Any;
use std::ffi::{CStr, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use pyo3::exceptions::{PyMemoryError, PySystemError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::args::Args;
use super::class::{Builder, Class};
use super::coro::{self, Resumed};
use super::error::{Fallible, PutAside, Raised};
use super::refs::Ref;

/// Runs `body`, and gives `failed` when it raises or panics.
#[inline]
pub(super) fn guard<R>(py: Python<'_>, failed: R, body: impl FnOnce() -> Fallible<R>) -> R {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(answer)) => answer,
        Ok(Err(raised)) => {
            debug_assert!(super::error::is_set(py), "an error without an exception");
            let _ = raised;
            failed
        }
        Err(panic) => {
            report(py, panic.as_ref());
            failed
        }
    }
}

/// What PyO3 panics with where an object that cannot fail but for lack of memory is not made.
const PYO3_WITHOUT_MEMORY: &str = "Python API call failed";

#[cold]
fn report(py: Python<'_>, panic: &(dyn Any + Send)) {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    if text == PYO3_WITHOUT_MEMORY {
        return PyMemoryError::new_err(()).restore(py);
    }
    PySystemError::new_err(format!("internal error of stook, please report it: {text}"))
        .restore(py);
}

/// A function item, out of nothing.
///
/// # Safety
/// A value of type `F` must have been given to us before (S12): being `Copy` and of no size, it
/// is then still there.
pub(super) unsafe fn conjure<F: Copy>() -> F {
    const {
        assert!(
            size_of::<F>() == 0,
            "only function items and closures without captures"
        )
    };
    // SAFETY: S12.
    unsafe { std::mem::transmute_copy::<(), F>(&()) }
}

/// The attached token inside a slot.
///
/// # Safety
/// Only where CPython calls us.
#[inline]
pub(super) unsafe fn attached<'py>() -> Python<'py> {
    // SAFETY: S1, CPython calls slots with the thread attached.
    unsafe { Python::assume_attached() }
}

/// The receiver of a slot or method.
///
/// # Safety
/// `object` must be an instance of `T`'s class or of a subclass, alive for 'a.
#[inline]
pub(super) unsafe fn receiver<'a, 'py, T: Class>(
    py: Python<'py>,
    object: &'a *mut ffi::PyObject,
) -> &'a Ref<'py, T> {
    // SAFETY: S2, CPython holds a reference for the call.
    let object = unsafe { Bound::ref_from_ptr(py, object) };
    // SAFETY: S5, CPython checks the receiver before it calls a slot or a method.
    unsafe { Ref::assume(object) }
}

/// A function `(self) -> object`.
pub(crate) trait Unary<T: Class>:
    for<'py> Fn(&Ref<'py, T>) -> Fallible<Bound<'py, PyAny>> + Copy + 'static
{
}
impl<T: Class, F> Unary<T> for F where
    F: for<'py> Fn(&Ref<'py, T>) -> Fallible<Bound<'py, PyAny>> + Copy + 'static
{
}

impl<T: Class> Builder<T> {
    /// `__init__`
    pub(crate) fn init<F>(self, function: F) -> Self
    where
        F: for<'a, 'py> Fn(&Ref<'py, T>, &Args<'a, 'py>) -> Fallible<()> + Copy + 'static,
    {
        let _ = function;
        self.slot(ffi::Py_tp_init, init::<T, F> as *mut c_void)
    }

    /// `__repr__`
    pub(crate) fn repr(self, function: impl Unary<T>) -> Self {
        self.unary(ffi::Py_tp_repr, function)
    }

    /// `__await__`
    pub(crate) fn awaitable(self, function: impl Unary<T>) -> Self {
        self.unary(ffi::Py_am_await, function)
    }

    /// `__iter__`
    pub(crate) fn iterable(self, function: impl Unary<T>) -> Self {
        self.unary(ffi::Py_tp_iter, function)
    }

    fn unary<F: Unary<T>>(self, slot: c_int, function: F) -> Self {
        let _ = function;
        self.slot(slot, unary::<T, F> as *mut c_void)
    }

    /// `__hash__`
    pub(crate) fn hash<F>(self, function: F) -> Self
    where
        F: for<'py> Fn(&Ref<'py, T>) -> Fallible<isize> + Copy + 'static,
    {
        let _ = function;
        self.slot(ffi::Py_tp_hash, hash::<T, F> as *mut c_void)
    }

    /// `<`, `<=`, `==`, `!=`, `>` and `>=`
    pub(crate) fn compare<F>(self, function: F) -> Self
    where
        F: for<'py> Fn(
                &Ref<'py, T>,
                &Bound<'py, PyAny>,
                pyo3::basic::CompareOp,
            ) -> Fallible<Bound<'py, PyAny>>
            + Copy
            + 'static,
    {
        let _ = function;
        self.slot(ffi::Py_tp_richcompare, compare::<T, F> as *mut c_void)
    }

    /// `__setattr__` and `__delattr__`, told of each before it is done.
    pub(crate) fn attribute_watcher<F>(self, function: F) -> Self
    where
        F: for<'py> Fn(&Ref<'py, T>, &Bound<'py, PyAny>) -> Fallible<()> + Copy + 'static,
    {
        let _ = function;
        self.slot(ffi::Py_tp_setattro, set_attribute::<T, F> as *mut c_void)
    }

    /// The finaliser; it runs once and may bring the object back to life.
    pub(crate) fn finalizer<F>(self, function: F) -> Self
    where
        F: for<'py> Fn(&Ref<'py, T>) + Copy + 'static,
    {
        let _ = function;
        self.slot(ffi::Py_tp_finalize, finalize::<T, F> as *mut c_void)
    }

    /// `__call__`
    pub(crate) fn callable<F>(self, function: F) -> Self
    where
        F: for<'a, 'py> Fn(&Ref<'py, T>, &Args<'a, 'py>) -> Fallible<Bound<'py, PyAny>>
            + Copy
            + 'static,
    {
        let _ = function;
        self.slot(ffi::Py_tp_call, call::<T, F> as *mut c_void)
    }

    /// `__call__`, by the vectorcall protocol.
    pub(crate) fn vectorcall<F>(self, function: F) -> Self
    where
        F: for<'a, 'py> Fn(&Ref<'py, T>, &Args<'a, 'py>) -> Fallible<Bound<'py, PyAny>>
            + Copy
            + 'static,
    {
        let _ = function;
        T::slot().set_vectorcall(vectorcall::<T, F>);
        self.flag(ffi::Py_TPFLAGS_HAVE_VECTORCALL)
            .slot(ffi::Py_tp_call, ffi::PyVectorcall_Call as *mut c_void)
    }

    /// `__aiter__`, which gives the object itself, and `__anext__`.
    pub(crate) fn async_iterator(self, function: impl Unary<T>) -> Self {
        self.slot(ffi::Py_am_aiter, ffi::PyObject_SelfIter as *mut c_void)
            .unary(ffi::Py_am_anext, function)
    }

    /// The iterator that `await` drives: resumption, `__next__` and `__iter__`.
    pub(crate) fn resumable<F>(self, function: F) -> Self
    where
        F: for<'py> Fn(&Ref<'py, T>) -> Fallible<Resumed<'py>> + Copy + 'static,
    {
        self.driven(function)
            .slot(ffi::Py_tp_iter, ffi::PyObject_SelfIter as *mut c_void)
    }

    /// What `await` drives is the object itself, unless `awaited` refuses; it does not show that it
    /// is an iterator.
    pub(crate) fn coroutine<F>(self, function: F, awaited: impl Unary<T>) -> Self
    where
        F: for<'py> Fn(&Ref<'py, T>) -> Fallible<Resumed<'py>> + Copy + 'static,
    {
        // `await`, and `yield from` in a generator-based coroutine, want an iterator; nobody else
        // is to see one.
        self.driven(function)
            .unary(ffi::Py_am_await, awaited)
            .slot(ffi::Py_tp_iter, ffi::PyObject_SelfIter as *mut c_void)
            .hidden("__next__")
            .hidden("__iter__")
    }

    fn driven<F>(self, function: F) -> Self
    where
        F: for<'py> Fn(&Ref<'py, T>) -> Fallible<Resumed<'py>> + Copy + 'static,
    {
        let _ = function;
        self.slot(ffi::Py_am_send, resume::<T, F> as *mut c_void)
            .slot(ffi::Py_tp_iternext, next::<T, F> as *mut c_void)
    }
}

unsafe extern "C" fn init<T: Class, F>(
    object: *mut ffi::PyObject,
    arguments: *mut ffi::PyObject,
    keywords: *mut ffi::PyObject,
) -> c_int
where
    F: for<'a, 'py> Fn(&Ref<'py, T>, &Args<'a, 'py>) -> Fallible<()> + Copy,
{
    // SAFETY: S1.
    let py = unsafe { attached() };
    // SAFETY: S12.
    let function = unsafe { conjure::<F>() };
    // SAFETY: S5.
    let this = unsafe { receiver::<T>(py, &object) };
    guard(py, -1, || {
        // SAFETY: S9, an argument, alive for the call.
        let tuple = unsafe { Bound::ref_from_ptr(py, &arguments) };
        // SAFETY: S9, `tp_init` is given a tuple.
        let tuple = unsafe { tuple.cast_unchecked::<PyTuple>() };
        // SAFETY: S9, a dict or null.
        let keywords = unsafe { Bound::from_borrowed_ptr_or_opt(py, keywords) };
        // SAFETY: S9, as above.
        let keywords = keywords.map(|dict| unsafe { dict.cast_into_unchecked::<PyDict>() });
        function(this, &Args::Tuple(tuple, keywords.as_ref())).map(|()| 0)
    })
}

unsafe extern "C" fn unary<T: Class, F: Unary<T>>(
    object: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: S1.
    let py = unsafe { attached() };
    // SAFETY: S12.
    let function = unsafe { conjure::<F>() };
    // SAFETY: S5.
    let this = unsafe { receiver::<T>(py, &object) };
    guard(py, ptr::null_mut(), || function(this).map(Bound::into_ptr))
}

unsafe extern "C" fn hash<T: Class, F>(object: *mut ffi::PyObject) -> ffi::Py_hash_t
where
    F: for<'py> Fn(&Ref<'py, T>) -> Fallible<isize> + Copy,
{
    // SAFETY: S1.
    let py = unsafe { attached() };
    // SAFETY: S12.
    let function = unsafe { conjure::<F>() };
    // SAFETY: S5.
    let this = unsafe { receiver::<T>(py, &object) };
    guard(py, -1, || {
        function(this).map(|hash| if hash == -1 { -2 } else { hash })
    })
}

unsafe extern "C" fn compare<T: Class, F>(
    object: *mut ffi::PyObject,
    other: *mut ffi::PyObject,
    operator: c_int,
) -> *mut ffi::PyObject
where
    F: for<'py> Fn(
            &Ref<'py, T>,
            &Bound<'py, PyAny>,
            pyo3::basic::CompareOp,
        ) -> Fallible<Bound<'py, PyAny>>
        + Copy,
{
    // SAFETY: S1.
    let py = unsafe { attached() };
    // SAFETY: S12.
    let function = unsafe { conjure::<F>() };
    // SAFETY: S5.
    let this = unsafe { receiver::<T>(py, &object) };
    // SAFETY: S9, an argument, alive for the call.
    let other = unsafe { Bound::ref_from_ptr(py, &other) };
    guard(
        py,
        ptr::null_mut(),
        || match pyo3::basic::CompareOp::from_raw(operator) {
            Some(operator) => function(this, other, operator).map(Bound::into_ptr),
            None => Ok(py.NotImplemented().into_ptr()),
        },
    )
}

unsafe extern "C" fn set_attribute<T: Class, F>(
    object: *mut ffi::PyObject,
    name: *mut ffi::PyObject,
    value: *mut ffi::PyObject,
) -> c_int
where
    F: for<'py> Fn(&Ref<'py, T>, &Bound<'py, PyAny>) -> Fallible<()> + Copy,
{
    // SAFETY: S1.
    let py = unsafe { attached() };
    // SAFETY: S12.
    let function = unsafe { conjure::<F>() };
    // SAFETY: S5.
    let this = unsafe { receiver::<T>(py, &object) };
    // SAFETY: S9, an argument, alive for the call.
    let attribute = unsafe { Bound::ref_from_ptr(py, &name) };
    guard(py, -1, || {
        function(this, attribute)?;
        // SAFETY: S1; S9, the three are alive for the call; a null value deletes.
        match unsafe { ffi::PyObject_GenericSetAttr(object, name, value) } {
            0 => Ok(0),
            _ => Err(Raised::assume_set(py)),
        }
    })
}

unsafe extern "C" fn finalize<T: Class, F>(object: *mut ffi::PyObject)
where
    F: for<'py> Fn(&Ref<'py, T>) + Copy,
{
    // SAFETY: S1.
    let py = unsafe { attached() };
    // SAFETY: S12.
    let function = unsafe { conjure::<F>() };
    // SAFETY: S5.
    let this = unsafe { receiver::<T>(py, &object) };
    let _pending = PutAside::new(py);
    if catch_unwind(AssertUnwindSafe(|| function(this))).is_err() {
        // There is no one to tell: the panic hook has printed it.
    }
}

unsafe extern "C" fn call<T: Class, F>(
    object: *mut ffi::PyObject,
    arguments: *mut ffi::PyObject,
    keywords: *mut ffi::PyObject,
) -> *mut ffi::PyObject
where
    F: for<'a, 'py> Fn(&Ref<'py, T>, &Args<'a, 'py>) -> Fallible<Bound<'py, PyAny>> + Copy,
{
    // SAFETY: S1.
    let py = unsafe { attached() };
    // SAFETY: S12.
    let function = unsafe { conjure::<F>() };
    // SAFETY: S5.
    let this = unsafe { receiver::<T>(py, &object) };
    guard(py, ptr::null_mut(), || {
        // SAFETY: S9, an argument, alive for the call.
        let tuple = unsafe { Bound::ref_from_ptr(py, &arguments) };
        // SAFETY: S9, `tp_call` is given a tuple.
        let tuple = unsafe { tuple.cast_unchecked::<PyTuple>() };
        // SAFETY: S9, a dict or null.
        let keywords = unsafe { Bound::from_borrowed_ptr_or_opt(py, keywords) };
        // SAFETY: S9, as above.
        let keywords = keywords.map(|dict| unsafe { dict.cast_into_unchecked::<PyDict>() });
        function(this, &Args::Tuple(tuple, keywords.as_ref())).map(Bound::into_ptr)
    })
}

unsafe extern "C" fn vectorcall<T: Class, F>(
    object: *mut ffi::PyObject,
    values: *const *mut ffi::PyObject,
    count: usize,
    keywords: *mut ffi::PyObject,
) -> *mut ffi::PyObject
where
    F: for<'a, 'py> Fn(&Ref<'py, T>, &Args<'a, 'py>) -> Fallible<Bound<'py, PyAny>> + Copy,
{
    // SAFETY: S1.
    let py = unsafe { attached() };
    // SAFETY: S12.
    let function = unsafe { conjure::<F>() };
    // SAFETY: S5.
    let this = unsafe { receiver::<T>(py, &object) };
    let positional = count & !ffi::PY_VECTORCALL_ARGUMENTS_OFFSET;
    guard(py, ptr::null_mut(), || {
        // SAFETY: S9, a tuple or null.
        let keywords = unsafe { super::method::keyword_names(py, keywords) };
        // SAFETY: S9, as the protocol says.
        let args = unsafe { Args::from_vector(py, values, positional, keywords.as_ref()) };
        function(this, &args).map(Bound::into_ptr)
    })
}

unsafe extern "C" fn resume<T: Class, F>(
    object: *mut ffi::PyObject,
    _value: *mut ffi::PyObject,
    answer: *mut *mut ffi::PyObject,
) -> ffi::PySendResult
where
    F: for<'py> Fn(&Ref<'py, T>) -> Fallible<Resumed<'py>> + Copy,
{
    // SAFETY: S1.
    let py = unsafe { attached() };
    // SAFETY: S12.
    let function = unsafe { conjure::<F>() };
    // SAFETY: S5.
    let this = unsafe { receiver::<T>(py, &object) };
    let (status, object) = guard(
        py,
        (ffi::PySendResult::PYGEN_ERROR, ptr::null_mut()),
        || {
            Ok(match function(this)? {
                Resumed::Yielded(yielded) => (ffi::PySendResult::PYGEN_NEXT, yielded.into_ptr()),
                Resumed::Returned(value) => (ffi::PySendResult::PYGEN_RETURN, value.into_ptr()),
            })
        },
    );
    // SAFETY: S9, the caller's out-pointer.
    unsafe { *answer = object };
    status
}

unsafe extern "C" fn next<T: Class, F>(object: *mut ffi::PyObject) -> *mut ffi::PyObject
where
    F: for<'py> Fn(&Ref<'py, T>) -> Fallible<Resumed<'py>> + Copy,
{
    // SAFETY: S1.
    let py = unsafe { attached() };
    // SAFETY: S12.
    let function = unsafe { conjure::<F>() };
    // SAFETY: S5.
    let this = unsafe { receiver::<T>(py, &object) };
    guard(py, ptr::null_mut(), || match function(this)? {
        Resumed::Yielded(yielded) => Ok(yielded.into_ptr()),
        Resumed::Returned(value) => match coro::stop_iteration(object, value) {
            Some(raised) => Err(raised),
            None => Ok(ptr::null_mut()),
        },
    })
}

/// A text that lives as long as the process.
pub(super) const fn text(text: Option<&'static CStr>) -> *const std::ffi::c_char {
    match text {
        Some(text) => text.as_ptr(),
        None => ptr::null(),
    }
}

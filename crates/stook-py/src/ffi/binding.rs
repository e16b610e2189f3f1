//! Callables that bind to an instance as functions in a class do.

use std::ffi::c_void;

use pyo3::ffi;

use super::class::{Builder, Class};
use super::hang;

impl<T: Class> Builder<T> {
    /// Found in a class, it becomes a method of the instance. Nobody can change how: the interpreter
    /// remembers where it has found only such methods.
    pub(crate) fn binding(self) -> Self {
        self.flag(ffi::Py_TPFLAGS_METHOD_DESCRIPTOR | ffi::Py_TPFLAGS_IMMUTABLETYPE)
            .slot(ffi::Py_tp_descr_get, bind as *mut c_void)
    }
}

/// `tp_descr_get`.
unsafe extern "C" fn bind(
    function: *mut ffi::PyObject,
    receiver: *mut ffi::PyObject,
    _class: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: S2, `None` lives for ever.
    if receiver.is_null() || receiver == unsafe { ffi::Py_None() } {
        // SAFETY: S3, the caller is given a reference of its own.
        return unsafe { ffi::Py_NewRef(function) };
    }
    // SAFETY: S1; S2, both are alive for the call.
    unsafe { hang::PyMethod_New(function, receiver) }
}

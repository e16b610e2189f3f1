//! Calls in which this thread may be ended.
//!
//! Up to CPython 3.13 a daemon thread that asks for the interpreter while it shuts down is ended by
//! `pthread_exit`, inside the call that asked: its stack is unwound by force, which no Rust frame
//! may be part of. Such a thread waits for the end of the process instead, as CPython 3.14 has it.
//!
//! Does not cover calls that PyO3 makes for us: none of them is on the way of a callback.

use std::ffi::c_int;

use pyo3::ffi::{PyObject, PySendResult};

/// Waits for the end of the process when it is dropped.
struct Hang;

impl Drop for Hang {
    fn drop(&mut self) {
        loop {
            std::thread::park();
        }
    }
}

/// Makes a call into C that may run Python code.
#[inline(always)]
pub(super) fn guarded<R>(call: impl FnOnce() -> R) -> R {
    let hang = Hang;
    let answer = call();
    std::mem::forget(hang);
    answer
}

// The declarations are those of `pyo3-ffi`, but for saying that the call may be unwound.
unsafe extern "C-unwind" {
    pub(super) fn PyIter_Send(
        iterator: *mut PyObject,
        value: *mut PyObject,
        answer: *mut *mut PyObject,
    ) -> PySendResult;
    pub(super) fn PyObject_CallNoArgs(function: *mut PyObject) -> *mut PyObject;
    pub(super) fn PyObject_Call(
        function: *mut PyObject,
        arguments: *mut PyObject,
        keywords: *mut PyObject,
    ) -> *mut PyObject;
    pub(super) fn PyObject_Vectorcall(
        function: *mut PyObject,
        arguments: *const *mut PyObject,
        count: usize,
        keywords: *mut PyObject,
    ) -> *mut PyObject;
    pub(super) fn PyObject_VectorcallMethod(
        name: *mut PyObject,
        arguments: *const *mut PyObject,
        count: usize,
        keywords: *mut PyObject,
    ) -> *mut PyObject;
    pub(super) fn PyErr_CheckSignals() -> c_int;
}

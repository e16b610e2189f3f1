//! What differs between interpreters, or is not in CPython's public interface.

use std::ffi::CStr;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyCode, PyDict};

use super::error::{Fallible, Raised};
use super::hang;

/// Whether the interpreter is shutting down.
pub(crate) fn is_finalizing() -> bool {
    #[cfg(Py_3_13)]
    {
        // SAFETY: S8, may be called at any time.
        unsafe { ffi::Py_IsFinalizing() != 0 }
    }
    #[cfg(not(Py_3_13))]
    {
        // `_Py_IsFinalizing`, exported by CPython 3.7 to 3.12, `pylifecycle.c`.
        unsafe extern "C" {
            fn _Py_IsFinalizing() -> std::ffi::c_int;
        }
        // SAFETY: S8, may be called at any time.
        unsafe { _Py_IsFinalizing() != 0 }
    }
}

/// Whether this is the interpreter that the process began with, and not a sub-interpreter.
pub(crate) fn is_main_interpreter(_py: Python<'_>) -> bool {
    // SAFETY: S1, attached, so there is a current interpreter.
    let interpreter = unsafe { ffi::PyInterpreterState_Get() };
    // SAFETY: S1; the main interpreter's number is 0.
    unsafe { ffi::PyInterpreterState_GetID(interpreter) == 0 }
}

/// Runs the Python handlers of the signals that have arrived.
///
/// # Errors
/// What a handler raises.
pub(crate) fn run_signal_handlers(py: Python<'_>) -> Fallible<()> {
    // SAFETY: S1.
    match unsafe { hang::PyErr_CheckSignals() } {
        0 => Ok(()),
        _ => Err(Raised::assume_set(py)),
    }
}

/// Runs `body` one level deeper, so that recursion without end raises and does not crash.
///
/// # Errors
/// `RecursionError`, its text ending in `doing`, and what `body` raises.
pub(crate) fn recursing<R>(
    py: Python<'_>,
    doing: &'static CStr,
    body: impl FnOnce() -> Fallible<R>,
) -> Fallible<R> {
    // SAFETY: S1; the text lives for ever.
    if unsafe { ffi::Py_EnterRecursiveCall(doing.as_ptr()) } != 0 {
        return Err(Raised::assume_set(py));
    }
    let answer = body();
    // SAFETY: S1, entered above.
    unsafe { ffi::Py_LeaveRecursiveCall() };
    answer
}

/// A new frame of `code`, which never runs: it shows where a native coroutine belongs.
///
/// # Errors
/// `MemoryError`, or when `globals` is no dict.
pub(crate) fn new_frame<'py>(
    code: &Bound<'py, PyAny>,
    globals: &Bound<'py, PyAny>,
) -> Fallible<Bound<'py, PyAny>> {
    let py = code.py();
    let code = code.cast::<PyCode>().map_err(PyErr::from)?;
    let globals = globals.cast::<PyDict>().map_err(PyErr::from)?;
    // SAFETY: S1, attached.
    let thread = unsafe { ffi::PyThreadState_Get() };
    // SAFETY: S2; the code and the dict were checked above.
    let frame = unsafe {
        ffi::PyFrame_New(
            thread,
            code.as_ptr().cast(),
            globals.as_ptr(),
            std::ptr::null_mut(),
        )
    };
    // SAFETY: S3, a new reference or null.
    unsafe { Bound::from_owned_ptr_or_opt(py, frame.cast()) }.ok_or_else(|| Raised::assume_set(py))
}

/// Whether the interpreter is CPython 3.12 or later.
pub(crate) const SINCE_3_12: bool = cfg!(Py_3_12);

/// Whether this is built for Python 3.13 or newer.
pub(crate) const SINCE_3_13: bool = cfg!(Py_3_13);

//! `contextvars` contexts.

use pyo3::ffi;
use pyo3::prelude::*;

use super::error::{Fallible, Raised};

/// A copy of the current context.
#[inline]
pub(crate) fn copy_current(py: Python<'_>) -> Fallible<Bound<'_, PyAny>> {
    // SAFETY: S1, attached.
    let copy = unsafe { ffi::PyContext_CopyCurrent() };
    // SAFETY: S3, a new reference or null.
    unsafe { Bound::from_owned_ptr_or_opt(py, copy) }.ok_or_else(|| Raised::assume_set(py))
}

/// Runs `body` inside `context`, which must not be entered yet.
#[inline]
pub(crate) fn run<R>(
    context: &Bound<'_, PyAny>,
    body: impl FnOnce() -> Fallible<R>,
) -> Fallible<R> {
    let py = context.py();
    // SAFETY: S1, S2; the function checks that it is given a context.
    if unsafe { ffi::PyContext_Enter(context.as_ptr()) } != 0 {
        return Err(Raised::assume_set(py));
    }
    let answer = body();
    match answer {
        Ok(value) => {
            // SAFETY: S1, S2; it was entered above.
            match unsafe { ffi::PyContext_Exit(context.as_ptr()) } {
                0 => Ok(value),
                _ => Err(Raised::assume_set(py)),
            }
        }
        Err(raised) => {
            // `PyContext_Exit` does not look at the error indicator and cannot fail here.
            // SAFETY: S1, S2; it was entered above.
            unsafe { ffi::PyContext_Exit(context.as_ptr()) };
            Err(raised)
        }
    }
}

/// Whether `object` is a `contextvars.Context`.
pub(crate) fn is_context(object: &Bound<'_, PyAny>) -> bool {
    // SAFETY: S2.
    unsafe { ffi::PyContext_CheckExact(object.as_ptr()) != 0 }
}

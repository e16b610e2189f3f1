//! How the body of an `async with` block ended, in the kernel's words.

use pyo3::prelude::*;
use pyo3::types::PyType;
use stook_kernel::BodyEnd;

use crate::errors;
use crate::ffi::Fallible;

/// How a body ended that left its block with an exception of `class`, or with none.
///
/// # Errors
/// What asking whether a class is a subclass raises.
pub(super) fn body_end(class: &Bound<'_, PyAny>) -> Fallible<BodyEnd> {
    if class.is_none() {
        return Ok(BodyEnd::Returned);
    }
    let cancelled = errors::CANCELLED_ERROR.get(class.py())?;
    if class.is(cancelled) {
        return Ok(BodyEnd::Cancelled);
    }
    match class.cast::<PyType>() {
        Ok(kind) if kind.is_subclass(cancelled)? => Ok(BodyEnd::CancelledSubclass),
        _ => Ok(BodyEnd::Raised),
    }
}

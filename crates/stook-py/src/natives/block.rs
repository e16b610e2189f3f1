//! How the body of an `async with` block ended, in the kernel's words.

use pyo3::exceptions::PyBaseException;
use pyo3::prelude::*;
use pyo3::types::PyType;
use stook_kernel::BodyEnd;

use crate::errors;
use crate::ffi::Fallible;

/// How a body ended that left its block with `exception`, of `class`, or with `None` for both;
/// `None` where the two do not belong together, which nobody but a caller by hand gives.
///
/// # Errors
/// What asking whether a class is a subclass raises.
pub(super) fn body_end(
    class: &Bound<'_, PyAny>,
    exception: &Bound<'_, PyAny>,
) -> Fallible<Option<BodyEnd>> {
    if class.is_none() {
        return Ok(exception.is_none().then_some(BodyEnd::Returned));
    }
    if !exception.is_instance_of::<PyBaseException>() || !exception.get_type().is(class) {
        return Ok(None);
    }
    let cancelled = errors::CANCELLED_ERROR.get(class.py())?;
    if class.is(cancelled) {
        return Ok(Some(BodyEnd::Cancelled));
    }
    Ok(Some(match class.cast::<PyType>() {
        Ok(kind) if kind.is_subclass(cancelled)? => BodyEnd::CancelledSubclass,
        _ => BodyEnd::Raised,
    }))
}

//! The numbers that semaphores and queues count with: whatever the program gave, mostly an `int`.

use crate::ffi::once::Once;
use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyInt};

use crate::ffi::{Fallible, error};

/// Whether arithmetic with `object` is Python's own.
#[inline]
pub(super) fn is_plain(object: &Bound<'_, PyAny>) -> bool {
    object.is_exact_instance_of::<PyInt>() || object.is_exact_instance_of::<PyFloat>()
}

/// Whether `number` is the interpreter's own 0, of which there is one; any other number may be 0 too.
#[inline]
pub(super) fn is_own_zero(number: &Bound<'_, PyAny>) -> bool {
    static ZERO: Once<Py<PyInt>> = Once::new();
    let py = number.py();
    let zero = ZERO.get_or_init(py, || PyInt::new(py, 0).unbind());
    number.is(zero)
}

/// `number + difference`
#[inline]
pub(super) fn add<'py>(number: &Bound<'py, PyAny>, difference: i64) -> Fallible<Bound<'py, PyAny>> {
    if number.is_exact_instance_of::<PyInt>()
        && let Some(value) = error::or_none(number.py(), number.extract::<i64>())
        && let Some(sum) = value.checked_add(difference)
    {
        return Ok(PyInt::new(number.py(), sum).into_any());
    }
    Ok(number.add(difference)?)
}

/// `number > 0`
#[inline]
pub(super) fn is_positive(number: &Bound<'_, PyAny>) -> Fallible<bool> {
    if number.is_exact_instance_of::<PyInt>()
        && let Some(value) = error::or_none(number.py(), number.extract::<i64>())
    {
        return Ok(value > 0);
    }
    Ok(number.gt(0)?)
}

/// `number == 0`
#[inline]
pub(super) fn is_zero(number: &Bound<'_, PyAny>) -> Fallible<bool> {
    Ok(!number.is_truthy()?)
}

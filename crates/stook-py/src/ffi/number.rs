//! Plain numbers, read without a call that a class could answer.

use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyInt};

use super::error::Raised;

/// The value of what is exactly a `float`, or an `int` that a `float` has room for; anything else follows
/// Python's own rules.
#[inline]
pub(crate) fn plain(number: &Bound<'_, PyAny>) -> Option<f64> {
    if let Ok(number) = number.cast_exact::<PyFloat>() {
        return Some(number.value());
    }
    if !number.is_exact_instance_of::<PyInt>() {
        return None;
    }
    // SAFETY: S1, S2; the type was checked.
    let value = unsafe { super::hang::PyLong_AsDouble(number.as_ptr()) };
    if value == -1.0 && super::error::is_set(number.py()) {
        Raised::assume_set(number.py()).clear(number.py());
        return None;
    }
    Some(value)
}

//! `as_completed`: a generator function up to 3.12, whose generator is a real one
//! (`stook._as_completed`), and a function that returns an iterator since.
//!
//! # Source
//! `as_completed`, CPython 3.11 to 3.13 `asyncio/tasks.py`.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

use super::{Native, completions};
use crate::ensure;
use crate::errors::{self, Imported};
use crate::ffi::{Args, Fallible, Function, Signature, compat};

static ORIGINAL: Imported = Imported::new("asyncio.tasks", "as_completed");
static GENERATOR: Imported = Imported::new("stook._as_completed", "as_completed");
static ISAWAITABLE: Imported = Imported::new("inspect", "isawaitable");

/// Looks up what is needed, if asyncio has it.
pub(super) fn capture(py: Python<'_>) -> PyResult<()> {
    if compat::SINCE_3_13 {
        ISAWAITABLE.get(py)?;
    } else {
        GENERATOR.get(py)?;
    }
    completions::capture(py);
    super::completion::capture(py);
    Ok(())
}

/// The function.
pub(super) const NATIVES: &[Native] = &[Native {
    original: &ORIGINAL,
    body: as_completed,
}];

/// `as_completed(fs, *, timeout=None)`
///
/// # Errors
/// `TypeError` when the arguments do not fit. Up to 3.12 everything else is found when the
/// generator begins; since then, here.
fn as_completed<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    const SIGNATURE: Signature<2> = Signature::python("as_completed", ["fs", "timeout"], 1, 1);
    let py = args.py();
    let [given, timeout] = args
        .parse(&SIGNATURE)?
        .map(|given| given.unwrap_or_else(|| py.None().into_bound(py)));
    if !compat::SINCE_3_13 {
        return Ok(GENERATOR.get(py)?.call1((given, timeout))?);
    }
    if ISAWAITABLE.get(py)?.call1((&given,))?.is_truthy()? {
        let name = errors::type_name(&given)?;
        let message = format!("expects an iterable of awaitables, not {name}");
        return Err(PyTypeError::new_err(message).into());
    }
    completions::begin(&given, &timeout).map(|completions| completions.into_any())
}

/// `_completions(fs, timeout)`: what the generator begins with.
fn begin<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    let Some([given, timeout]) = args.exactly::<2>() else {
        return Err(PyTypeError::new_err("two arguments are expected").into());
    };
    if ensure::is_future(&given)? || errors::is_coroutine(&given)? {
        let name = errors::type_name(&given)?;
        let message = format!("expect an iterable of futures, not {name}");
        return Err(PyTypeError::new_err(message).into());
    }
    completions::begin(&given, &timeout).map(|completions| completions.into_any())
}

/// Makes the classes, and what the generator needs.
///
/// # Errors
/// What making a class raises.
pub(super) fn build(module: &Bound<'_, PyModule>) -> Fallible<()> {
    super::ended::build(module.py())?;
    completions::build(module.py())?;
    super::completion::build(module.py())?;
    Ok(Function::new(c"_completions", COMPLETIONS, begin).add_to(module)?)
}

const COMPLETIONS: &std::ffi::CStr = c"_completions(fs, timeout, /)\n--\n\n\
Return an iterator of coroutines, each of which waits for the next of fs that ends.";

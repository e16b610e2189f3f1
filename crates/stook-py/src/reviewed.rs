//! Which of asyncio's functions and classes are as the natives were written for.
//!
//! A native takes the place of a function, or of a method, only where its code is known: micro
//! versions differ, builds carry patches, and programs replace functions before stook is imported.
//! What is not known stays asyncio's own, in Python: right, and slower.
//!
//! What this does *not* do: it does not compare versions.

use crate::ffi::once::Once;
use pyo3::exceptions::{PyAttributeError, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::errors::Imported;
use crate::ffi::{Args, Fallible};
use crate::fingerprint;

mod table;

use table::{LEANS_ON, REVIEWED};

/// A function or a class: its module and its name in it.
type Unit = (&'static str, &'static str);

/// What was found in the running interpreter, in the order of the table.
static FOUND: Once<Vec<Found>> = Once::new();

#[derive(Debug)]
struct Found {
    fingerprint: Option<u64>,
    is_known: bool,
}

fn found(py: Python<'_>) -> PyResult<&Vec<Found>> {
    FOUND.get_or_try_init(py, || {
        REVIEWED
            .iter()
            .map(|((module, name), known)| {
                let fingerprint = match py.import(*module)?.getattr_opt(*name)? {
                    Some(object) => fingerprint::fingerprint(&object)?,
                    None => None,
                };
                Ok(Found {
                    fingerprint,
                    is_known: fingerprint.is_some_and(|found| known.contains(&found)),
                })
            })
            .collect()
    })
}

/// Whether what `original` names is known, and all that it leans on as well.
///
/// # Errors
/// What importing raises; `RuntimeError` for what the table does not have.
pub(crate) fn is_known(py: Python<'_>, original: &Imported) -> PyResult<bool> {
    let (module, name) = original.place();
    let owner = name.rsplit_once('.').map_or(name, |(owner, _)| owner);
    let mut units = vec![(module, owner)];
    if !REVIEWED.iter().any(|(unit, _)| *unit == units[0]) {
        let message = format!("{module}.{owner} is not in the table of what is reviewed");
        return Err(PyRuntimeError::new_err(message));
    }
    let mut next = 0;
    while let Some(unit) = units.get(next).copied() {
        // What this version does not have, nothing of this version leans on.
        if !is_unit_known(py, unit)? && (next == 0 || is_there(py, unit)) {
            return Ok(false);
        }
        let others = LEANS_ON.iter().filter(|(leaning, _)| *leaning == unit);
        for other in others.flat_map(|(_, others)| *others) {
            if !units.contains(other) {
                units.push(*other);
            }
        }
        next += 1;
    }
    Ok(true)
}

fn is_unit_known(py: Python<'_>, wanted: Unit) -> PyResult<bool> {
    Ok(REVIEWED
        .iter()
        .zip(found(py)?)
        .any(|((unit, _), found)| *unit == wanted && found.is_known))
}

fn is_there(py: Python<'_>, (module, name): Unit) -> bool {
    py.import(module).is_ok_and(|module| {
        module
            .getattr_opt(name)
            .map_or(true, |found| found.is_some())
    })
}

/// `_reviewed()`: a list of `(module, name, fingerprint, known)`.
pub(crate) fn reviewed<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    let py = args.py();
    let list = PyList::empty(py);
    for (((module, name), _), found) in REVIEWED.iter().zip(found(py)?) {
        let fingerprint = found.fingerprint.map(|found| format!("{found:016x}"));
        list.append((module, name, fingerprint, found.is_known))?;
    }
    Ok(list.into_any())
}

/// `_fingerprint(object)`: of a function, a class, or the code of either.
pub(crate) fn fingerprint_of<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    let py = args.py();
    let fingerprint = match args.exactly::<1>() {
        Some([object]) => fingerprint::fingerprint(&object)?,
        None => None,
    };
    match fingerprint {
        Some(fingerprint) => {
            Ok(pyo3::types::PyString::new(py, &format!("{fingerprint:016x}")).into_any())
        }
        None => Err(PyAttributeError::new_err("a function, a class or code is expected").into()),
    }
}

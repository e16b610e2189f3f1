//! The deques that asyncio keeps futures and items in: everybody can see them.

use pyo3::intern;
use pyo3::prelude::*;

use crate::errors::Imported;
use crate::ffi::{Fallible, call, instance};

static DEQUE: Imported = Imported::new("collections", "deque");
static APPEND: Imported = Imported::new("collections", "deque.append");
static POPLEFT: Imported = Imported::new("collections", "deque.popleft");
static REMOVE: Imported = Imported::new("collections", "deque.remove");

/// What this file looks up when the module is made.
pub(super) const IMPORTS: &[&Imported] = &[&DEQUE, &APPEND, &POPLEFT, &REMOVE];

/// `deque()`
pub(super) fn new(py: Python<'_>) -> Fallible<Bound<'_, PyAny>> {
    call::call0(DEQUE.get(py)?)
}

/// Whether `object` is a deque and of no subclass.
#[inline]
pub(super) fn is_exact(object: &Bound<'_, PyAny>) -> Fallible<bool> {
    Ok(instance::is_exactly(object, DEQUE.get(object.py())?))
}

/// `deque.append(item)`
#[inline]
pub(super) fn append<'py>(deque: &Bound<'py, PyAny>, item: &Bound<'py, PyAny>) -> Fallible<()> {
    let py = deque.py();
    if is_exact(deque)? {
        call::call2(APPEND.get(py)?, deque, item).map(drop)
    } else {
        call::method1(deque, intern!(py, "append"), item).map(drop)
    }
}

/// `deque.popleft()`
#[inline]
pub(super) fn popleft<'py>(deque: &Bound<'py, PyAny>) -> Fallible<Bound<'py, PyAny>> {
    let py = deque.py();
    if is_exact(deque)? {
        call::call1(POPLEFT.get(py)?, deque)
    } else {
        call::method0(deque, intern!(py, "popleft"))
    }
}

/// `deque.remove(item)`
#[inline]
pub(super) fn remove<'py>(deque: &Bound<'py, PyAny>, item: &Bound<'py, PyAny>) -> Fallible<()> {
    let py = deque.py();
    if is_exact(deque)? {
        call::call2(REMOVE.get(py)?, deque, item).map(drop)
    } else {
        call::method1(deque, intern!(py, "remove"), item).map(drop)
    }
}

/// Whether there is nothing in it, or it is something else that is false.
#[inline]
pub(super) fn is_empty(deque: &Bound<'_, PyAny>) -> Fallible<bool> {
    if is_exact(deque)? {
        return Ok(deque.len()? == 0);
    }
    Ok(!deque.is_truthy()?)
}

/// Calls `visit` with each item, until it answers `false`.
///
/// # Errors
/// What `visit` raises, and `RuntimeError` when it changes the deque.
#[inline]
pub(super) fn each<'py>(
    deque: &Bound<'py, PyAny>,
    mut visit: impl FnMut(Bound<'py, PyAny>) -> Fallible<bool>,
) -> Fallible<()> {
    if is_exact(deque)? {
        match deque.len()? {
            0 => return Ok(()),
            1 => return visit(call::item(deque, 0)?).map(drop),
            _ => {}
        }
    }
    for item in deque.try_iter()? {
        if !visit(item?)? {
            break;
        }
    }
    Ok(())
}

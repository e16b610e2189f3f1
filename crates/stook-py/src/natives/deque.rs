//! The deques that asyncio keeps futures and items in: everybody can see them.

use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::prelude::*;

use crate::errors::Imported;
use crate::ffi::{Fallible, builtin, call, instance, intern};

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

/// Whether a deque has its length where objects of variable size have it.
static HAS_SIZE: AtomicBool = AtomicBool::new(false);

/// Tries where a deque has its length.
///
/// # Errors
/// What making one raises.
pub(super) fn capture(py: Python<'_>) -> PyResult<()> {
    let trial = DEQUE.get(py)?.call1(((1, 2, 3),))?;
    let mut agrees = builtin::size(&trial) == Some(3);
    trial.call_method0(intern!(py, "popleft"))?;
    agrees &= builtin::size(&trial) == Some(2);
    HAS_SIZE.store(agrees, Ordering::Relaxed);
    Ok(())
}

/// `len(deque)`
#[inline]
pub(super) fn len(deque: &Bound<'_, PyAny>) -> Fallible<usize> {
    match exact_len(deque)? {
        Some(len) => Ok(len),
        None => Ok(deque.len()?),
    }
}

/// The same, at once; `None` of what is no deque or of a subclass.
#[inline]
fn exact_len(deque: &Bound<'_, PyAny>) -> Fallible<Option<usize>> {
    if !is_exact(deque)? {
        return Ok(None);
    }
    if HAS_SIZE.load(Ordering::Relaxed) {
        return Ok(builtin::size(deque));
    }
    Ok(Some(deque.len()?))
}

/// `deque.append(item)`
#[inline]
pub(super) fn append<'py>(deque: &Bound<'py, PyAny>, item: &Bound<'py, PyAny>) -> Fallible<()> {
    let py = deque.py();
    match builtin::method1(APPEND.get(py)?, deque, item) {
        Some(appended) => appended.map(drop),
        None => call::method1(deque, intern!(py, "append"), item).map(drop),
    }
}

/// `deque.popleft()`
#[inline]
pub(super) fn popleft<'py>(deque: &Bound<'py, PyAny>) -> Fallible<Bound<'py, PyAny>> {
    let py = deque.py();
    match builtin::method0(POPLEFT.get(py)?, deque) {
        Some(popped) => popped,
        None => call::method0(deque, intern!(py, "popleft")),
    }
}

/// `deque.remove(item)`
#[inline]
pub(super) fn remove<'py>(deque: &Bound<'py, PyAny>, item: &Bound<'py, PyAny>) -> Fallible<()> {
    let py = deque.py();
    match builtin::method1(REMOVE.get(py)?, deque, item) {
        Some(removed) => removed.map(drop),
        None => call::method1(deque, intern!(py, "remove"), item).map(drop),
    }
}

/// Whether there is nothing in it, or it is something else that is false.
#[inline]
pub(super) fn is_empty(deque: &Bound<'_, PyAny>) -> Fallible<bool> {
    match exact_len(deque)? {
        Some(len) => Ok(len == 0),
        None => Ok(!deque.is_truthy()?),
    }
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
    match exact_len(deque)? {
        Some(0) => return Ok(()),
        Some(1) => return visit(call::item(deque, 0)?).map(drop),
        _ => {}
    }
    for item in deque.try_iter()? {
        if !visit(item?)? {
            break;
        }
    }
    Ok(())
}

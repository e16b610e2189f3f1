//! The `StopIteration` with which something awaited hands on its value: one that is used again.
//!
//! From CPython 3.12 on the interpreter takes the value of what it awaits out of a `StopIteration`,
//! where that is no coroutine or generator of its own. Then it releases the exception, which nobody
//! has seen, and next what it awaited. So one exception is kept; it lets go of the value when what
//! returned it is deallocated (`returned`). Whoever keeps the exception, a tool that watches
//! exceptions or somebody who called `__next__`, keeps it for good: then another one is made.
//!
//! # Source
//! `SEND` and `END_SEND`, CPython 3.12 and 3.13 `Python/bytecodes.c`;
//! `_PyGen_FetchStopIterationValue`, `Objects/genobject.c`.

use std::cell::Cell;
use std::ffi::c_char;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use pyo3::ffi;
use pyo3::prelude::*;

use super::coro;
use super::error::{self, Fallible, Raised};

/// `PyStopIterationObject`, CPython 3.12 and 3.13 `Include/cpython/pyerrors.h`.
#[repr(C)]
struct Fields {
    head: ffi::PyObject,
    dict: Cell<*mut ffi::PyObject>,
    args: Cell<*mut ffi::PyObject>,
    notes: Cell<*mut ffi::PyObject>,
    traceback: Cell<*mut ffi::PyObject>,
    context: Cell<*mut ffi::PyObject>,
    cause: Cell<*mut ffi::PyObject>,
    suppress_context: Cell<c_char>,
    value: Cell<*mut ffi::PyObject>,
}

/// The exception, of which this owns a reference; null before it is made.
static KEPT: AtomicPtr<Fields> = AtomicPtr::new(ptr::null_mut());
/// Its arguments, as they were made.
static ARGS: AtomicPtr<ffi::PyObject> = AtomicPtr::new(ptr::null_mut());
/// What has returned the value that the exception has; null where it has none.
static RETURNED_BY: AtomicPtr<ffi::PyObject> = AtomicPtr::new(ptr::null_mut());

/// Raises `StopIteration(value)` for whom only the interpreter awaits; else gives the value back.
pub(super) fn raise<'py>(
    object: *mut ffi::PyObject,
    value: Bound<'py, PyAny>,
) -> Result<Raised, Bound<'py, PyAny>> {
    let py = value.py();
    // SAFETY: S2, the receiver of the call.
    if unsafe { ffi::Py_REFCNT(object) } != 1 || error::is_handling(py) {
        return Err(value);
    }
    if !RETURNED_BY
        .swap(ptr::null_mut(), Ordering::Relaxed)
        .is_null()
    {
        // What returned the value before was not awaited by the interpreter, and is there still.
        let_go(py);
        return Err(value);
    }
    let Some(alone) = alone() else {
        return match make(py) {
            Ok(()) => Err(value),
            Err(raised) => Ok(raised),
        };
    };
    RETURNED_BY.store(object, Ordering::Relaxed);
    drop(replace(alone, Some(&value), py));
    let exception = ptr::from_ref(alone).cast_mut();
    // SAFETY: S2, the exception is kept.
    let exception = unsafe { Bound::from_borrowed_ptr(py, exception.cast()) };
    Ok(error::set(exception))
}

/// `object` is deallocated: the interpreter has taken the value that it has returned, if it was the
/// last that returned one.
#[inline]
pub(super) fn returned(py: Python<'_>, object: *mut ffi::PyObject) {
    if RETURNED_BY.load(Ordering::Relaxed) == object {
        RETURNED_BY.store(ptr::null_mut(), Ordering::Relaxed);
        let_go(py);
    }
}

/// Takes the value out of the exception, or gives the exception up where it is somebody's.
fn let_go(py: Python<'_>) {
    match alone() {
        Some(alone) => drop(replace(alone, None, py)),
        None => give_up(py),
    }
}

/// The exception belongs to whoever keeps it.
#[cold]
fn give_up(py: Python<'_>) {
    let exception = KEPT.swap(ptr::null_mut(), Ordering::Relaxed);
    if exception.is_null() {
        return;
    }
    // SAFETY: S2, S19; it is kept.
    let args = unsafe { &*exception }.args.get();
    // The collector may have found nothing in them that it has to look at.
    // SAFETY: S2, the exception holds them.
    if args == ARGS.load(Ordering::Relaxed) && unsafe { ffi::PyObject_GC_IsTracked(args) } == 0 {
        // SAFETY: S7, a tuple, whole and not tracked.
        unsafe { ffi::PyObject_GC_Track(args.cast()) };
    }
    // SAFETY: S3, the reference that was kept.
    drop(unsafe { Bound::from_owned_ptr(py, exception.cast()) });
}

/// Makes the exception, with `None` for its value.
#[cold]
fn make(py: Python<'_>) -> Fallible<()> {
    give_up(py);
    let exception = coro::new_stop_iteration(py.None().into_bound(py))?;
    let exception = exception.into_ptr().cast::<Fields>();
    KEPT.store(exception, Ordering::Relaxed);
    // SAFETY: S2, S19; it is kept.
    ARGS.store(unsafe { &*exception }.args.get(), Ordering::Relaxed);
    Ok(())
}

/// The exception, if it is as it was made and nobody else refers to it.
fn alone<'a>() -> Option<&'a Fields> {
    let exception = KEPT.load(Ordering::Relaxed);
    // SAFETY: S2, it is kept, if it was made.
    if exception.is_null() || unsafe { ffi::Py_REFCNT(exception.cast()) } != 1 {
        return None;
    }
    // SAFETY: S2, S19; what others write are cells, and none is written while this is used.
    let exception = unsafe { &*exception };
    let args = exception.args.get();
    // SAFETY: S2; the exception holds its arguments.
    if unsafe { ffi::Py_REFCNT(args) } != 1 {
        return None;
    }
    // SAFETY: S2; exceptions have a tuple there.
    if unsafe { ffi::PyTuple_GET_SIZE(args) } != 1 {
        return None;
    }
    let given = [
        &exception.dict,
        &exception.notes,
        &exception.traceback,
        &exception.context,
        &exception.cause,
    ];
    given
        .iter()
        .all(|field| field.get().is_null())
        .then_some(exception)
}

/// Gives the exception another value, `None` for none; what it had is given back.
fn replace<'py>(
    alone: &Fields,
    value: Option<&Bound<'py, PyAny>>,
    py: Python<'py>,
) -> [Option<Bound<'py, PyAny>>; 2] {
    let new = || match value {
        Some(value) => value.clone().into_ptr(),
        None => py.None().into_ptr(),
    };
    let value = alone.value.replace(new());
    let args = alone.args.get();
    // SAFETY: S2; a tuple that nobody else refers to, made with one item.
    let item = unsafe { ffi::PyTuple_GET_ITEM(args, 0) };
    // SAFETY: S2, as above; S3, the tuple is given the reference.
    unsafe { ffi::PyTuple_SET_ITEM(args, 0, new()) };
    // SAFETY: S3, the references that the exception and its arguments had.
    [value, item].map(|object| unsafe { Bound::from_owned_ptr_or_opt(py, object) })
}

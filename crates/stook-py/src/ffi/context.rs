//! `contextvars` contexts.

use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use pyo3::ffi;
use pyo3::prelude::*;

use super::error::{Fallible, Raised};
use super::hang;

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

/// Another context with the variables of this one.
///
/// # Errors
/// `MemoryError`.
pub(crate) fn copy<'py>(context: &Bound<'py, PyAny>) -> Fallible<Bound<'py, PyAny>> {
    // SAFETY: S1, S2; the function checks that it is given a context.
    let copy = unsafe { hang::PyContext_Copy(context.as_ptr()) };
    // SAFETY: S3, a new reference or null.
    unsafe { Bound::from_owned_ptr_or_opt(context.py(), copy) }
        .ok_or_else(|| Raised::assume_set(context.py()))
}

/// Whether nobody but the caller has a reference.
#[inline]
pub(crate) fn is_the_only_reference(object: &Bound<'_, PyAny>) -> bool {
    // SAFETY: S2.
    unsafe { ffi::Py_REFCNT(object.as_ptr()) == 1 }
}

/// The first fields of a context; CPython 3.11 to 3.13 `Include/internal/pycore_context.h`.
#[repr(C)]
struct Context {
    head: ffi::PyObject,
    previous: *mut ffi::PyObject,
    /// Never changed in place: another set of variables is another object.
    variables: *mut ffi::PyObject,
}

/// # Safety
/// S2; it is a context.
#[inline]
unsafe fn variables(context: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: S17.
    unsafe { (*context.cast::<Context>()).variables }
}

/// Whether two contexts have the same variables, as far as can be told at once.
#[inline]
pub(crate) fn are_alike(one: &Bound<'_, PyAny>, other: &Bound<'_, PyAny>) -> bool {
    if !is_context(one) || !is_context(other) {
        return false;
    }
    // SAFETY: S2; the type was checked.
    let first = unsafe { variables(one.as_ptr()) };
    // SAFETY: S2; the type was checked.
    let second = unsafe { variables(other.as_ptr()) };
    first == second
}

/// Where a thread's state has the current context, in words; 0 where that is not known.
static CURRENT: AtomicUsize = AtomicUsize::new(0);
/// The copy that those have in common who were made in this step, or null; it is owned.
static COMMON: AtomicPtr<ffi::PyObject> = AtomicPtr::new(ptr::null_mut());
/// The variables that were copied last in this step, to be compared: one copy alone is nothing to
/// have in common.
static COPIED: AtomicPtr<ffi::PyObject> = AtomicPtr::new(ptr::null_mut());

/// How many words of a thread's state are looked through: fewer than it has.
const WORDS: usize = 40;

/// Finds where a thread's state has the current context, by entering some.
///
/// # Errors
/// What making and entering contexts raises.
pub(crate) fn find_current(py: Python<'_>) -> Fallible<()> {
    // SAFETY: S1.
    let thread = unsafe { ffi::PyThreadState_Get() }.cast::<*mut ffi::PyObject>();
    let mut found: Vec<usize> = (1..WORDS).collect();
    for _ in 0..2 {
        let trial = copy_current(py)?;
        run(&trial, || {
            found.retain(|&word| {
                let place = thread.wrapping_add(word);
                // SAFETY: S17.
                ptr::eq(unsafe { *place }, trial.as_ptr())
            });
            Ok(())
        })?;
    }
    if let [only] = found[..]
        && keeps_variables(py)?
    {
        CURRENT.store(only, Ordering::Relaxed);
    }
    Ok(())
}

/// Whether contexts keep their variables as [`Context`] says.
fn keeps_variables(py: Python<'_>) -> Fallible<bool> {
    let one = copy_current(py)?;
    let other = copy(&one)?;
    let were_alike = are_alike(&one, &other);
    let variable = py
        .import("contextvars")?
        .getattr("ContextVar")?
        .call1(("trial",))?;
    other.call_method1("run", (variable.getattr("set")?, 1))?;
    Ok(were_alike && !are_alike(&one, &other))
}

/// A copy of the current context, and whether others may have the same one: nothing is to run in
/// it then, and nobody to see it. It is kept until the end of a step, so one has to follow.
///
/// # Errors
/// `MemoryError`.
#[inline]
pub(crate) fn copy_current_for_many(py: Python<'_>) -> Fallible<(Bound<'_, PyAny>, bool)> {
    let word = CURRENT.load(Ordering::Relaxed);
    if word == 0 {
        return Ok((copy_current(py)?, false));
    }
    // SAFETY: S1.
    let thread = unsafe { ffi::PyThreadState_Get() }.cast::<*mut ffi::PyObject>();
    let place = thread.wrapping_add(word);
    // SAFETY: S17.
    let current = unsafe { *place };
    if current.is_null() {
        return Ok((copy_current(py)?, false));
    }
    // SAFETY: S17; it is a context.
    let wanted = unsafe { variables(current) };
    if COPIED.load(Ordering::Relaxed) != wanted {
        COPIED.store(wanted, Ordering::Relaxed);
        return Ok((copy_current(py)?, false));
    }
    let common = COMMON.load(Ordering::Relaxed);
    // SAFETY: S17; it is a context.
    if !common.is_null() && unsafe { variables(common) } == wanted {
        // SAFETY: S1; it is owned here.
        let common = unsafe { Bound::from_borrowed_ptr(py, common) };
        return Ok((common, true));
    }
    let copy = copy_current(py)?;
    set_common(py, copy.clone().into_ptr());
    Ok((copy, true))
}

#[cold]
fn set_common(py: Python<'_>, context: *mut ffi::PyObject) {
    let before = COMMON.load(Ordering::Relaxed);
    COMMON.store(context, Ordering::Relaxed);
    // SAFETY: S1, S3; the reference that was kept, or null.
    drop(unsafe { Bound::from_owned_ptr_or_opt(py, before) });
}

/// Runs `step`; those who are made in it have copies of contexts in common.
///
/// # Errors
/// Those of `step`.
#[inline]
pub(crate) fn in_step<R>(py: Python<'_>, step: impl FnOnce() -> Fallible<R>) -> Fallible<R> {
    COPIED.store(ptr::null_mut(), Ordering::Relaxed);
    let ran = step();
    // With an exception on its way nothing is released: the next step does it.
    if ran.is_ok() && !COMMON.load(Ordering::Relaxed).is_null() {
        set_common(py, ptr::null_mut());
    }
    ran
}

//! `contextvars` contexts.

use std::ffi::c_int;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use pyo3::ffi;
use pyo3::prelude::*;

use super::cell::HeldCell;
use super::error::{Fallible, Raised};
use super::hang;

/// A copy of the current context.
#[inline]
pub(crate) fn copy_current(py: Python<'_>) -> Fallible<Bound<'_, PyAny>> {
    match current(py) {
        // SAFETY: S17; it is a context.
        Some(current) => copy_current_of(py, unsafe { variables(current) }),
        None => new_copy_of_current(py),
    }
}

/// The current context, where it is known.
#[inline]
fn current(_py: Python<'_>) -> Option<*mut ffi::PyObject> {
    let word = CURRENT.load(Ordering::Relaxed);
    if word == 0 {
        return None;
    }
    // SAFETY: S1.
    let thread = unsafe { ffi::PyThreadState_Get() }.cast::<*mut ffi::PyObject>();
    let place = thread.wrapping_add(word);
    // SAFETY: S17.
    let current = unsafe { *place };
    (!current.is_null()).then_some(current)
}

/// A copy of the current context, which has these variables.
#[inline]
fn copy_current_of(py: Python<'_>, wanted: *mut ffi::PyObject) -> Fallible<Bound<'_, PyAny>> {
    // SAFETY: S17, the current context is alive.
    match unsafe { spare_with(py, wanted) } {
        Some(spare) => Ok(spare),
        None => new_copy_of_current(py),
    }
}

#[inline]
fn new_copy_of_current(py: Python<'_>) -> Fallible<Bound<'_, PyAny>> {
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
    weak_references: *mut ffi::PyObject,
    entered: c_int,
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
        find_no_variables(py)?;
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

/// A context that nobody has any more and that has no variables, or null; it is owned, and the collector
/// does not track it. The next copy is made of it: to have the interpreter release one and make another
/// takes longer.
static SPARE: AtomicPtr<ffi::PyObject> = AtomicPtr::new(ptr::null_mut());
/// The variables of a context that has none, which all such contexts have in common, or null, where no
/// spare context is kept; it is owned.
static NO_VARIABLES: AtomicPtr<ffi::PyObject> = AtomicPtr::new(ptr::null_mut());

/// Finds out what a context without variables has, and whether it can be told that nobody has one.
fn find_no_variables(py: Python<'_>) -> Fallible<()> {
    let class = py.import("contextvars")?.getattr("Context")?;
    let (one, other) = (class.call0()?, class.call0()?);
    // SAFETY: S17; they were made as contexts.
    let are_at_rest = || [&one, &other].map(|context| unsafe { is_at_rest(context) });
    let before = are_at_rest();
    let within = run(&one, || Ok(are_at_rest()))?;
    let weak = py.import("weakref")?.getattr("ref")?.call1((&other,))?;
    let seen = are_at_rest();
    drop(weak);
    let agree = [before, within, seen] == [[true, true], [false, true], [true, false]];
    if agree && are_alike(&one, &other) {
        // SAFETY: S17; it was made as a context.
        let none = unsafe { variables(one.as_ptr()) };
        // SAFETY: S2, S3; a reference of its own, for ever.
        NO_VARIABLES.store(unsafe { ffi::Py_NewRef(none) }, Ordering::Relaxed);
    }
    Ok(())
}

/// Whether nothing runs in a context, nobody has a weak reference to it and the collector has not cleared
/// it.
///
/// # Safety
/// It is a context.
#[inline]
unsafe fn is_at_rest(context: &Bound<'_, PyAny>) -> bool {
    // SAFETY: S2, S17.
    let fields = unsafe { &*context.as_ptr().cast::<Context>() };
    let is_entered = fields.entered != 0 || !fields.previous.is_null();
    !is_entered && fields.weak_references.is_null() && !fields.variables.is_null()
}

/// Gives a context these variables, and takes away those that it had.
///
/// # Safety
/// It is a context that nobody else has; `given` are the variables of another one, which is alive.
#[inline]
unsafe fn exchange_variables<'py>(
    context: &Bound<'py, PyAny>,
    given: *mut ffi::PyObject,
) -> Bound<'py, PyAny> {
    let fields = context.as_ptr().cast::<Context>();
    // SAFETY: S2, S3; a reference of the context's own.
    let given = unsafe { ffi::Py_NewRef(given) };
    // SAFETY: S2, S17.
    let before = std::mem::replace(unsafe { &mut (*fields).variables }, given);
    // SAFETY: S1, S3; the reference that the context had.
    unsafe { Bound::from_owned_ptr(context.py(), before) }
}

/// The context that is kept, with these variables of another one.
///
/// # Safety
/// The other one is alive.
#[inline]
unsafe fn spare_with<'py>(
    py: Python<'py>,
    wanted: *mut ffi::PyObject,
) -> Option<Bound<'py, PyAny>> {
    let spare = SPARE.load(Ordering::Relaxed);
    if spare.is_null() {
        return None;
    }
    SPARE.store(ptr::null_mut(), Ordering::Relaxed);
    // SAFETY: S3, the reference that was kept.
    let spare = unsafe { Bound::from_owned_ptr(py, spare) };
    // SAFETY: S17, as the caller says; nobody can have found what the collector does not track.
    drop(unsafe { exchange_variables(&spare, wanted) });
    // SAFETY: S7, whole, and not tracked while it was kept.
    unsafe { ffi::PyObject_GC_Track(spare.as_ptr().cast()) };
    Some(spare)
}

/// Lets go of the context in `cell`, if there is one: its owner is going. If nobody else has it, it is
/// kept without its variables, to be the next copy.
#[inline]
pub(crate) fn let_go(cell: &HeldCell) {
    // SAFETY: S4.
    let py = unsafe { Python::assume_attached() };
    let Some(context) = cell.take(py) else {
        return;
    };
    let none = NO_VARIABLES.load(Ordering::Relaxed);
    if none.is_null()
        || !SPARE.load(Ordering::Relaxed).is_null()
        || !is_the_only_reference(&context)
        || !is_context(&context)
    {
        return;
    }
    // SAFETY: S17; the type was checked.
    if unsafe { is_at_rest(&context) } {
        // SAFETY: S2, S7; the collector, which may be about to clear it, passes it over from here on.
        unsafe { ffi::PyObject_GC_UnTrack(context.as_ptr().cast()) };
        // SAFETY: S17; nobody else has the context.
        let before = unsafe { exchange_variables(&context, none) };
        SPARE.store(context.into_ptr(), Ordering::Relaxed);
        // Last: it may run anything.
        drop(before);
    }
}

/// A copy of the current context, and whether others may have the same one: nothing is to run in
/// it then, and nobody to see it. It is kept until the end of a step, so one has to follow.
///
/// # Errors
/// `MemoryError`.
#[inline]
pub(crate) fn copy_current_for_many(py: Python<'_>) -> Fallible<(Bound<'_, PyAny>, bool)> {
    let Some(current) = current(py) else {
        return Ok((new_copy_of_current(py)?, false));
    };
    // SAFETY: S17; it is a context.
    let wanted = unsafe { variables(current) };
    if COPIED.load(Ordering::Relaxed) != wanted {
        COPIED.store(wanted, Ordering::Relaxed);
        return Ok((copy_current_of(py, wanted)?, false));
    }
    let common = COMMON.load(Ordering::Relaxed);
    // SAFETY: S17; it is a context.
    if !common.is_null() && unsafe { variables(common) } == wanted {
        // SAFETY: S1; it is owned here.
        let common = unsafe { Bound::from_borrowed_ptr(py, common) };
        return Ok((common, true));
    }
    let copy = new_copy_of_current(py)?;
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

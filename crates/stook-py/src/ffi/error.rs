//! Errors as CPython keeps them: in the thread's error indicator.
//!
//! A [`Raised`] says that the indicator is set. It costs nothing to pass up, which is why the
//! hot types use it instead of `PyErr`; it converts from `PyErr` by `?`.

use std::marker::PhantomData;

use pyo3::exceptions::{PyBaseException, PyKeyboardInterrupt, PySystemExit, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::PyType;
use pyo3::{PyErr, ffi};

use super::hang;

/// The error indicator of this thread is set.
#[must_use = "an exception is pending in the interpreter"]
#[derive(Debug)]
pub(crate) struct Raised(PhantomData<*mut ()>);

/// A result whose error is in the interpreter's error indicator.
pub(crate) type Fallible<T> = Result<T, Raised>;

impl From<PyErr> for Raised {
    fn from(error: PyErr) -> Self {
        // PyO3 puts off a release that it sees in a thread it did not attach itself; attaching
        // again, which counts only, lets what the error was made of go at once.
        let mut error = Some(error);
        Python::try_attach(|py| error.take().map(|error| error.restore(py)));
        if let Some(error) = error {
            // It attaches nobody while the interpreter ends.
            // SAFETY: S1, whoever has an error of Python's is attached.
            error.restore(unsafe { Python::assume_attached() });
        }
        Raised(PhantomData)
    }
}

impl Raised {
    /// Says that a C function that has just returned failed.
    pub(crate) fn assume_set(_py: Python<'_>) -> Self {
        debug_assert!(is_set(_py), "a C function failed without an exception");
        Raised(PhantomData)
    }

    /// Takes the exception out of the indicator, normalised and with its traceback attached.
    pub(crate) fn take(self, py: Python<'_>) -> Bound<'_, PyAny> {
        #[cfg(Py_3_12)]
        {
            // SAFETY: S1, attached.
            let raised = unsafe { ffi::PyErr_GetRaisedException() };
            // SAFETY: S3, a new reference, not null because the indicator is set.
            unsafe { Bound::from_owned_ptr(py, raised) }
        }
        #[cfg(not(Py_3_12))]
        {
            let mut kind = std::ptr::null_mut();
            let mut value = std::ptr::null_mut();
            let mut traceback = std::ptr::null_mut();
            // SAFETY: S1, attached; three out-pointers on the stack.
            unsafe { ffi::PyErr_Fetch(&mut kind, &mut value, &mut traceback) };
            // SAFETY: S1; the three are what `PyErr_Fetch` gave.
            unsafe { ffi::PyErr_NormalizeException(&mut kind, &mut value, &mut traceback) };
            if !traceback.is_null() {
                // SAFETY: S1; a normalised exception takes its own traceback.
                unsafe { ffi::PyException_SetTraceback(value, traceback) };
            }
            // SAFETY: S3, owned, may be null.
            unsafe { ffi::Py_XDECREF(traceback) };
            // SAFETY: S3, owned, may be null.
            unsafe { ffi::Py_XDECREF(kind) };
            // SAFETY: S3, a new reference, not null after normalising.
            unsafe { Bound::from_owned_ptr(py, value) }
        }
    }

    /// Whether the pending exception is an instance of `class`.
    pub(crate) fn matches(&self, class: &Bound<'_, PyAny>) -> bool {
        // SAFETY: S1, attached by the token in `class`; S2, both are alive.
        unsafe { ffi::PyErr_ExceptionMatches(class.as_ptr()) != 0 }
    }

    /// Whether the pending exception is `KeyboardInterrupt` or `SystemExit`, which no callback
    /// may keep from the caller of the loop.
    pub(crate) fn ends_the_loop(&self, py: Python<'_>) -> bool {
        self.matches(py.get_type::<PyKeyboardInterrupt>().as_any())
            || self.matches(py.get_type::<PySystemExit>().as_any())
    }

    /// Reports the pending exception as "Exception ignored in", and clears it.
    pub(crate) fn write_unraisable(self, context: &Bound<'_, PyAny>) {
        // SAFETY: S1, S2.
        unsafe { ffi::PyErr_WriteUnraisable(context.as_ptr()) };
    }

    /// Drops the pending exception.
    pub(crate) fn clear(self, py: Python<'_>) {
        drop(self.take(py));
    }
}

/// What a call gave; nothing where it raised something, which goes at once.
///
/// `PyResult::ok` leaves that to PyO3, which puts it off until somebody attaches.
pub(crate) fn or_none<T>(py: Python<'_>, result: PyResult<T>) -> Option<T> {
    result.map_err(|raised| Raised::from(raised).clear(py)).ok()
}

/// Whether `exception` is an instance of `class`, as an `except` clause decides it.
#[inline]
pub(crate) fn is_a(exception: &Bound<'_, PyAny>, class: &Bound<'_, PyAny>) -> bool {
    // SAFETY: S1, S2.
    exception.get_type_ptr().cast() == class.as_ptr()
        || unsafe { ffi::PyErr_GivenExceptionMatches(exception.as_ptr(), class.as_ptr()) != 0 }
}

/// Whether `exception` is one that no callback may keep from the caller of the loop.
pub(crate) fn ends_the_loop(exception: &Bound<'_, PyAny>) -> bool {
    let py = exception.py();
    is_a(exception, py.get_type::<PyKeyboardInterrupt>().as_any())
        || is_a(exception, py.get_type::<PySystemExit>().as_any())
}

/// Whether `exception`, to which the caller has so many references, is as its class makes it without
/// arguments: nobody else has it, and nothing was added but what stands beside it.
pub(crate) fn is_as_made(exception: &Bound<'_, PyAny>, references: isize) -> bool {
    // SAFETY: S2.
    if unsafe { ffi::Py_REFCNT(exception.as_ptr()) } != references
        || !exception.is_instance_of::<PyBaseException>()
    {
        return false;
    }
    // SAFETY: S2, S18; the type was checked.
    let fields = unsafe { &*exception.as_ptr().cast::<ffi::PyBaseExceptionObject>() };
    // SAFETY: S2; an exception has a tuple there.
    let has_arguments = unsafe { ffi::PyTuple_GET_SIZE(fields.args) } > 0;
    let added = [fields.dict, fields.traceback, fields.context, fields.cause];
    !has_arguments && added.iter().all(|field| field.is_null())
}

/// The traceback of an exception, whatever its class makes of the attribute.
pub(crate) fn traceback_of<'py>(
    exception: &Bound<'py, PyBaseException>,
) -> Option<Bound<'py, PyAny>> {
    // SAFETY: S1, S2; the type is checked.
    let traceback = unsafe { ffi::PyException_GetTraceback(exception.as_ptr()) };
    // SAFETY: S3, a new reference or null.
    unsafe { Bound::from_owned_ptr_or_opt(exception.py(), traceback) }
}

/// Gives an exception a traceback or, with `None`, takes it away, whatever its class makes of the
/// attribute.
///
/// # Errors
/// `TypeError` for what is no traceback.
pub(crate) fn set_traceback(
    exception: &Bound<'_, PyBaseException>,
    traceback: &Bound<'_, PyAny>,
) -> Fallible<()> {
    // SAFETY: S1, S2; the type is checked.
    match unsafe { ffi::PyException_SetTraceback(exception.as_ptr(), traceback.as_ptr()) } {
        0 => Ok(()),
        _ => Err(Raised::assume_set(exception.py())),
    }
}

/// Whether the error indicator is set.
pub(crate) fn is_set(_py: Python<'_>) -> bool {
    // SAFETY: S1, attached.
    unsafe { !ffi::PyErr_Occurred().is_null() }
}

/// Raises `exception`, an instance, with the exception being handled as its context. What is no
/// exception is refused as the `raise` statement refuses it.
pub(crate) fn raise(exception: &Bound<'_, PyAny>) -> Raised {
    if !exception.is_instance_of::<PyBaseException>() {
        return raise_other(exception);
    }
    #[cfg(Py_3_12)]
    if !is_handling(exception.py()) {
        return set(exception.clone());
    }
    // SAFETY: S1, S2; an exception instance's type is an exception class.
    unsafe { ffi::PyErr_SetObject(exception.get_type().as_ptr(), exception.as_ptr()) };
    Raised(PhantomData)
}

/// `raise object`, of what is no exception: a class of exceptions makes one.
#[cold]
fn raise_other(object: &Bound<'_, PyAny>) -> Raised {
    let is_class = object
        .cast::<PyType>()
        .map(|class| class.is_subclass_of::<PyBaseException>());
    let made = match is_class {
        Ok(Ok(true)) => object.call0(),
        Ok(Err(error)) => Err(error),
        _ => Ok(object.clone()),
    };
    match made {
        Ok(made) if made.is_instance_of::<PyBaseException>() => raise(&made),
        Ok(_) => PyTypeError::new_err("exceptions must derive from BaseException").into(),
        Err(error) => error.into(),
    }
}

/// Raises `exception` as it is, where nothing is handled that would be its context.
#[cfg(Py_3_12)]
pub(super) fn set(exception: Bound<'_, PyAny>) -> Raised {
    // SAFETY: S1, S2; S3, the reference is given away.
    unsafe { ffi::PyErr_SetRaisedException(exception.into_ptr()) };
    Raised(PhantomData)
}

/// Whether an exception is being handled.
#[cfg(Py_3_12)]
pub(super) fn is_handling(_py: Python<'_>) -> bool {
    // SAFETY: S1.
    let handled = unsafe { ffi::PyErr_GetHandledException() };
    // SAFETY: S3, a new reference, or null.
    unsafe { ffi::Py_XDECREF(handled) };
    !handled.is_null()
}

/// Does `last` while an exception is on its way, as a `finally` clause does, and gives the
/// exception that is on its way then.
pub(crate) fn finally(
    py: Python<'_>,
    raised: Raised,
    last: impl FnOnce() -> Fallible<()>,
) -> Raised {
    let exception = raised.take(py);
    match last() {
        Ok(()) => again(exception),
        Err(second) => while_handling(py, second, &exception),
    }
}

/// Raises `exception`, which was taken before, once more and as it is.
pub(crate) fn again(exception: Bound<'_, PyAny>) -> Raised {
    #[cfg(Py_3_12)]
    {
        set(exception)
    }
    #[cfg(not(Py_3_12))]
    {
        // SAFETY: S1, S2; exceptions alone are taken.
        let traceback = unsafe { ffi::PyException_GetTraceback(exception.as_ptr()) };
        let class = exception.get_type().into_ptr();
        // SAFETY: S1, S2; S3, the references are given away.
        unsafe { hang::PyErr_Restore(class, exception.into_ptr(), traceback) };
        Raised(PhantomData)
    }
}

/// What is on its way when `raised` was raised while `handled` was handled.
pub(crate) fn while_handling(py: Python<'_>, raised: Raised, handled: &Bound<'_, PyAny>) -> Raised {
    let exception = raised.take(py);
    chain(&exception, handled);
    again(exception)
}

/// Gives `exception` the context that it gets when it is raised while `handled` is handled.
///
/// # Source
/// `_PyErr_SetObject`, CPython 3.11 to 3.13 `Python/errors.c`: where the exception is among the
/// contexts of the other, that chain is cut before it.
pub(crate) fn chain(exception: &Bound<'_, PyAny>, handled: &Bound<'_, PyAny>) {
    if exception.is(handled) {
        return;
    }
    let mut inner = handled.clone();
    let mut behind = handled.clone();
    let mut moves = false;
    while let Some(context) = context_of(&inner) {
        if context.is(exception) {
            set_context(&inner, None);
            break;
        }
        inner = context;
        // A chain that somebody has made a ring of ends when it is met from behind.
        if moves && let Some(next) = context_of(&behind) {
            behind = next;
            if behind.is(&inner) {
                break;
            }
        }
        moves = !moves;
    }
    set_context(exception, Some(handled));
}

/// Puts `other` behind the last of the exceptions that are the context of `exception`, unless it is
/// among them or they form a ring.
pub(crate) fn chain_behind(exception: &Bound<'_, PyAny>, other: &Bound<'_, PyAny>) {
    /// Longer chains are taken for rings.
    const LONGEST: usize = 1000;
    let mut last = exception.clone();
    for _ in 0..LONGEST {
        if last.is(other) {
            return;
        }
        match context_of(&last) {
            Some(context) => last = context,
            None => {
                // What is behind the other may lead back.
                chain(&last, other);
                return;
            }
        }
    }
}

/// Makes `cause` the cause of `exception`. A `PyErr` for that would put off a release.
pub(crate) fn set_cause(exception: &Bound<'_, PyAny>, cause: Option<&Bound<'_, PyAny>>) {
    let cause = cause.map_or(std::ptr::null_mut(), |cause| cause.clone().into_ptr());
    // SAFETY: S1, S2; S3, the reference is given away.
    unsafe { hang::PyException_SetCause(exception.as_ptr(), cause) };
}

/// Makes `cause` the cause and the context of `exception`.
pub(crate) fn set_cause_and_context(exception: &Bound<'_, PyAny>, cause: &Bound<'_, PyAny>) {
    set_cause(exception, Some(cause));
    set_context(exception, Some(cause));
}

fn context_of<'py>(exception: &Bound<'py, PyAny>) -> Option<Bound<'py, PyAny>> {
    // SAFETY: S1, S2; callers give exception instances.
    let context = unsafe { ffi::PyException_GetContext(exception.as_ptr()) };
    // SAFETY: S3, a new reference or null.
    unsafe { Bound::from_owned_ptr_or_opt(exception.py(), context) }
}

fn set_context(exception: &Bound<'_, PyAny>, context: Option<&Bound<'_, PyAny>>) {
    let context = context.map_or(std::ptr::null_mut(), |context| context.clone().into_ptr());
    // SAFETY: S1, S2; S3, the reference is given away.
    unsafe { hang::PyException_SetContext(exception.as_ptr(), context) };
}

/// The exception that was pending, put aside for as long as this is alive.
///
/// Finalisers use it: they may run while another exception is on its way.
pub(crate) struct PutAside<'py> {
    py: Python<'py>,
    pending: Option<PyErr>,
}

impl<'py> PutAside<'py> {
    /// Takes the pending exception, if there is one.
    pub(crate) fn new(py: Python<'py>) -> Self {
        PutAside {
            py,
            pending: PyErr::take(py),
        }
    }
}

impl Drop for PutAside<'_> {
    fn drop(&mut self) {
        if let Some(error) = self.pending.take() {
            error.restore(self.py);
        }
    }
}

//! The arguments of `throw()`, and the exception that they stand for.

use std::ffi::CStr;

use pyo3::exceptions::{PyBaseException, PyDeprecationWarning, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyTraceback, PyTuple, PyType};

use crate::ffi::{Args, Fallible, Raised, compat, error};

/// In whose words nonsense is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Words {
    /// Those of a coroutine.
    Coroutine,
    /// Those of the iterator of a future.
    FutureIterator,
}

/// What `throw()` was given.
#[derive(Debug)]
pub(crate) struct Given<'py> {
    kind: Bound<'py, PyAny>,
    value: Option<Bound<'py, PyAny>>,
    traceback: Option<Bound<'py, PyAny>>,
    count: usize,
}

/// Takes the arguments of `throw()`; more than one of them are deprecated from 3.12 on.
///
/// # Errors
/// `TypeError` for no argument or more than three; what warning raises.
pub(crate) fn given<'py>(args: &Args<'_, 'py>) -> Fallible<Given<'py>> {
    let count = args.positional_len();
    if count == 0 || count > 3 {
        let (bound, noun) = if count == 0 {
            ("at least 1", "argument")
        } else {
            ("at most 3", "arguments")
        };
        let message = format!("throw expected {bound} {noun}, got {count}");
        return Err(PyTypeError::new_err(message).into());
    }
    let given = Given {
        kind: args.positional(0),
        value: (count > 1).then(|| args.positional(1)),
        traceback: (count > 2).then(|| args.positional(2)),
        count,
    };
    given.warn()?;
    Ok(given)
}

impl<'py> Given<'py> {
    /// Warns of more than one argument, where that is deprecated.
    ///
    /// # Errors
    /// What warning raises.
    pub(crate) fn warn(&self) -> Fallible<()> {
        const TEXT: &CStr = c"the (type, exc, tb) signature of throw() is deprecated, use the single-arg signature instead.";
        if compat::SINCE_3_12 && self.count > 1 {
            let py = self.kind.py();
            let category = py.get_type::<PyDeprecationWarning>();
            PyErr::warn(py, category.as_any(), TEXT, 1)?;
        }
        Ok(())
    }

    /// The exception itself, when it was given and nothing else.
    #[inline]
    pub(crate) fn alone(&self) -> Option<Bound<'py, PyAny>> {
        (self.count == 1 && self.kind.is_instance_of::<PyBaseException>())
            .then(|| self.kind.clone())
    }

    /// Whether it is `GeneratorExit`, the class or an instance.
    pub(crate) fn is_exit(&self) -> bool {
        let exit = self
            .kind
            .py()
            .get_type::<pyo3::exceptions::PyGeneratorExit>();
        error::is_a(&self.kind, exit.as_any())
    }

    /// The exception to throw; where making it raises another one, it is that one.
    ///
    /// # Errors
    /// `TypeError` when the arguments are not what `raise` takes: nothing is thrown.
    ///
    /// # Source
    /// `_gen_throw`, CPython 3.11 to 3.13 `Objects/genobject.c`, and `FutureIter_throw` in
    /// `Modules/_asynciomodule.c`.
    pub(crate) fn exception(&self, words: Words) -> Fallible<Bound<'py, PyAny>> {
        if let Some(exception) = self.alone() {
            return Ok(exception);
        }
        let py = self.kind.py();
        let value = self.value.as_ref().filter(|value| !value.is_none());
        let traceback = self.traceback.as_ref().filter(|trace| !trace.is_none());
        if traceback.is_some_and(|traceback| !traceback.is_instance_of::<PyTraceback>()) {
            return Err(refused(match words {
                Words::Coroutine => "throw() third argument must be a traceback object".to_owned(),
                Words::FutureIterator => "throw() third argument must be a traceback".to_owned(),
            }));
        }
        let exception = if is_exception_class(&self.kind) {
            made(&self.kind, value).unwrap_or_else(|raised| raised.take(py))
        } else if !self.kind.is_instance_of::<PyBaseException>() {
            return Err(refused(match words {
                Words::Coroutine => format!(
                    "exceptions must be classes or instances deriving from BaseException, not {}",
                    self.kind.get_type().name()?
                ),
                Words::FutureIterator => {
                    "exceptions must be classes deriving BaseException or instances of such a class"
                        .to_owned()
                }
            }));
        } else if value.is_some() {
            let message = "instance exception may not have a separate value";
            return Err(refused(message.to_owned()));
        } else {
            self.kind.clone()
        };
        if let Some(traceback) = traceback {
            error::set_traceback(exception.cast().map_err(PyErr::from)?, traceback)?;
        }
        Ok(exception)
    }
}

fn refused(message: String) -> Raised {
    PyTypeError::new_err(message).into()
}

fn is_exception_class(object: &Bound<'_, PyAny>) -> bool {
    object.cast::<PyType>().is_ok_and(|class| {
        error::or_none(class.py(), class.is_subclass_of::<PyBaseException>()) == Some(true)
    })
}

/// An exception of class `class`: `value` itself where it is one, else made of it.
fn made<'py>(
    class: &Bound<'py, PyAny>,
    value: Option<&Bound<'py, PyAny>>,
) -> Fallible<Bound<'py, PyAny>> {
    let exception = match value {
        Some(value) if value.is_instance(class)? => return Ok(value.clone()),
        Some(value) => match value.cast::<PyTuple>() {
            Ok(arguments) => class.call1(arguments)?,
            Err(_) => class.call1((value,))?,
        },
        None => class.call0()?,
    };
    if exception.is_instance_of::<PyBaseException>() {
        return Ok(exception);
    }
    Err(refused(format!(
        "calling {} should have returned an instance of BaseException, not {}",
        class.repr()?,
        exception.get_type().name()?
    )))
}

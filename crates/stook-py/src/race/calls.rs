//! What is called: the arguments, and the coroutine that they make.

use crate::ffi::intern;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};
use stook_kernel::Losers;

use super::{RaceState, Shape};
use crate::coroutine;
use crate::ensure;
use crate::errors::{self, Imported};
use crate::ffi::{Args, Fallible};
use crate::gather;

static GATHER_OF_ASYNCIO: Imported = Imported::new("stook._core", "gather");

/// The word for what becomes of losers.
fn losers(given: Option<&Bound<'_, PyAny>>) -> Fallible<Losers> {
    let Some(given) = given else {
        return Ok(Losers::Cancel);
    };
    if let Ok(word) = given.cast::<PyString>() {
        match &*word.to_cow()? {
            "cancel" => return Ok(Losers::Cancel),
            "await" => return Ok(Losers::Await),
            "leave" => return Ok(Losers::Leave),
            _ => {}
        }
    }
    let message = format!(
        "losers must be 'cancel', 'await' or 'leave', not {}",
        given.repr()?
    );
    Err(PyValueError::new_err(message).into())
}

fn new<'py>(
    py: Python<'py>,
    shape: Shape,
    losers: Losers,
    given: Vec<Bound<'py, PyAny>>,
) -> Fallible<Bound<'py, PyAny>> {
    let given = PyTuple::new(py, given)?;
    coroutine::make(py, |state: &RaceState| {
        state.shape.set(shape);
        state.losers.set(losers);
        state.given.set(given);
    })
}

fn positional<'py>(args: &Args<'_, 'py>) -> Vec<Bound<'py, PyAny>> {
    (0..args.positional_len())
        .map(|index| args.positional(index))
        .collect()
}

fn at_least_one(args: &Args<'_, '_>, function: &str) -> Fallible<()> {
    if args.positional_len() > 0 {
        return Ok(());
    }
    Err(PyValueError::new_err(format!("{function}() needs at least one awaitable")).into())
}

/// `race(*aws, losers="cancel")`
pub(crate) fn race<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    let losers = losers(args.only_keyword("race", "losers")?.as_ref())?;
    at_least_one(args, "race")?;
    new(args.py(), Shape::Race, losers, positional(args))
}

/// `first_success(*aws, losers="cancel")`
pub(crate) fn first_success<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    let losers = losers(args.only_keyword("first_success", "losers")?.as_ref())?;
    at_least_one(args, "first_success")?;
    new(args.py(), Shape::FirstSuccess, losers, positional(args))
}

/// `gather(*aws, return_exceptions=False, on_error=None)`: asyncio's, unless it is to cancel.
pub(crate) fn gather<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    if !args.has_keyword("on_error")? {
        return gather::gather(args);
    }
    let py = args.py();
    let (given, options) = args.unpacked()?;
    let on_error = options.get_item(intern!(py, "on_error"))?;
    let on_error = on_error.filter(|on_error| !on_error.is_none());
    options.del_item(intern!(py, "on_error"))?;
    let Some(on_error) = on_error else {
        let plain = GATHER_OF_ASYNCIO.get(py)?;
        return Ok(plain.call(PyTuple::new(py, given)?, Some(&options))?);
    };
    if !on_error.eq("cancel")? {
        let message = format!(
            "on_error must be None or 'cancel', not {}",
            on_error.repr()?
        );
        return Err(PyValueError::new_err(message).into());
    }
    for (name, value) in &options {
        if !name.eq("return_exceptions")? {
            let message = format!("gather() got an unexpected keyword argument '{name}'");
            return Err(PyTypeError::new_err(message).into());
        }
        if value.is_truthy()? {
            let message = "gather() takes return_exceptions or on_error, not both";
            return Err(PyValueError::new_err(message).into());
        }
    }
    new(py, Shape::Gather, Losers::Cancel, given)
}

/// `detect_cancel(task)`
pub(crate) fn detect_cancel<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    let Some([task]) = args.exactly_by_name(["task"])? else {
        let message = "detect_cancel() takes one argument: a task";
        return Err(PyTypeError::new_err(message).into());
    };
    if !ensure::is_future(&task)? {
        let name = errors::type_name(&task)?;
        let message = format!("a task or future is expected, not {name}");
        return Err(PyTypeError::new_err(message).into());
    }
    new(args.py(), Shape::Detect, Losers::Leave, vec![task])
}

//! How children ended, and what the coroutine returns or raises for that.

use crate::ffi::intern;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};
use stook_kernel::Outcome;

use super::{RaceState, Shape, list};
use crate::cancellations;
use crate::errors::{self, Imported};
use crate::ffi::{Fallible, Raised, Ref, call, error};
use crate::future::{self, FutureState};
use crate::participants;
use crate::record;

static CHILD_CANCELLED: Imported = Imported::new("stook._cancellation", "ChildCancelled");
static EXCEPTION_GROUP: Imported = Imported::new("builtins", "BaseExceptionGroup");

/// How `child` ended, without its exception counting as read.
pub(super) fn outcome(child: &Bound<'_, PyAny>) -> Fallible<Outcome> {
    let py = child.py();
    if let Some(plain) = future::plain(child) {
        return Ok(plain.outcome());
    }
    if call::method0(child, intern!(py, "cancelled"))?.is_truthy()? {
        return Ok(Outcome::Cancelled);
    }
    let exception = match call::optional_attribute(child, intern!(py, "_exception"))? {
        Some(exception) => exception,
        None => call::method0(child, intern!(py, "exception"))?,
    };
    let is_error = !exception.is_none();
    Ok(if is_error {
        Outcome::Raised
    } else {
        Outcome::Returned
    })
}

/// What the coroutine returns or raises.
pub(super) fn end<'py>(this: &Ref<'py, RaceState>) -> Fallible<Bound<'py, PyAny>> {
    let py = this.py();
    if let Some(cancellation) = this.cancellation.take(py) {
        return Err(error::again(cancellation));
    }
    let shape = this.shape.get();
    if shape == Shape::FirstSuccess {
        read_failures(this)?;
    }
    match (this.decider.get(py), shape) {
        (Some(decider), Shape::Gather) => result(&decider),
        (Some(decider), _) => {
            if outcome(&decider)?.is_cancelled() {
                return Err(child_cancelled(&decider)?);
            }
            result(&decider)
        }
        (None, Shape::FirstSuccess) => Err(all_failed(this)?),
        (None, _) => {
            let results: Vec<_> = list(&this.given, py)?
                .iter()
                .map(|future| result(&future))
                .collect::<Fallible<_>>()?;
            Ok(PyList::new(py, results)?.into_any())
        }
    }
}

fn result<'py>(future: &Bound<'py, PyAny>) -> Fallible<Bound<'py, PyAny>> {
    match future::plain(future) {
        Some(plain) => future::result(plain),
        None => call::method0(future, intern!(future.py(), "result")),
    }
}

/// The exception of a child that failed, which counts as read.
fn failure<'py>(child: &Bound<'py, PyAny>) -> Fallible<Bound<'py, PyAny>> {
    match future::plain(child) {
        Some(plain) => match future::exception(plain)? {
            Some(exception) => Ok(exception),
            None => Ok(child.py().None().into_bound(child.py())),
        },
        None => call::method0(child, intern!(child.py(), "exception")),
    }
}

/// Failures before a success were to be expected.
fn read_failures(this: &Ref<'_, RaceState>) -> Fallible<()> {
    for child in &list(&this.children, this.py())? {
        if participants::is_done(&child)? && outcome(&child)? == Outcome::Raised {
            failure(&child)?;
        }
    }
    Ok(())
}

/// The errors of all, as a group.
fn all_failed(this: &Ref<'_, RaceState>) -> Fallible<Raised> {
    let py = this.py();
    let mut errors = Vec::new();
    for child in &list(&this.children, py)? {
        errors.push(if outcome(&child)?.is_cancelled() {
            child_cancelled(&child)?.take(py)
        } else {
            failure(&child)?
        });
    }
    let message = intern!(py, "none of them succeeded");
    let group = EXCEPTION_GROUP
        .get(py)?
        .call1((message, PyList::new(py, errors)?))?;
    Ok(error::raise(&group))
}

/// Raises `ChildCancelled`, with what the child's own `CancelledError` says.
fn child_cancelled(child: &Bound<'_, PyAny>) -> Fallible<Raised> {
    let py = child.py();
    let cancelled = match result(child) {
        Ok(_) => return Err(errors::runtime_error("the child was not cancelled")),
        Err(raised) => raised.take(py),
    };
    let arguments = cancelled.getattr(intern!(py, "args"))?;
    let arguments = arguments.cast::<PyTuple>().map_err(PyErr::from)?;
    let raised = CHILD_CANCELLED.get(py)?.call1(arguments)?;
    let record = match Ref::<FutureState>::cast(child) {
        Some(own) => own.record(py),
        None => cancellations::attached(&cancelled)?,
    };
    if let Some(record) = record {
        cancellations::attach(&raised, record::of_child(&record)?.as_any())?;
    }
    error::set_cause(&raised, Some(&cancelled));
    Ok(error::raise(&raised))
}

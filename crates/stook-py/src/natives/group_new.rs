//! Making a `TaskGroup`: at once, with the attributes that `__init__` gives it.
//!
//! # Source
//! `TaskGroup.__init__`, CPython 3.11 to 3.13 `asyncio/taskgroups.py`.

use crate::ffi::intern;
use pyo3::prelude::*;
use pyo3::types::{PyList, PySet, PyTuple, PyType};

use super::Native;
use super::task_group::GROUP;
use crate::errors::Imported;
use crate::ffi::{Args, Fallible, construct};
use crate::future_class::python_bool;
use crate::reviewed;

static INIT: Imported = Imported::new("asyncio.taskgroups", "TaskGroup.__init__");

/// The method. What it does is asyncio's own: a subclass calls it. But where it is a Python function
/// the interpreter, from 3.13 on, runs it without asking the class how an instance is made.
pub(super) const NATIVES: &[Native] = &[Native {
    original: &INIT,
    body: init,
}];

fn init<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    args.forward(INIT.get(args.py())?)
}

/// Has `TaskGroup()` be made here, or no longer.
///
/// # Errors
/// What importing the class raises.
pub(crate) fn make_natively(py: Python<'_>, on: bool) -> Fallible<()> {
    let class = GROUP.class(py)?;
    if on && reviewed::is_known(py, &INIT)? {
        construct::begin(class, make);
    } else {
        construct::end(class);
    }
    Ok(())
}

/// `TaskGroup()`
fn make<'py>(class: &Bound<'py, PyAny>, args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    let py = class.py();
    if args.exactly::<0>().is_none() || !GROUP.is_unchanged(py)? {
        return make_as_usual(class, args);
    }
    // As the fields are.
    let no = || python_bool(py, false);
    let none = || py.None().into_bound(py);
    let (entered, exiting, aborting) = (no(), no(), no());
    let (event_loop, parent, parent_cancel_requested) = (none(), none(), no());
    let (tasks, errors) = (PySet::empty(py)?.into_any(), PyList::empty(py).into_any());
    let (base_error, on_completed) = (none(), none());
    GROUP.new_with(
        py,
        [
            entered,
            exiting,
            aborting,
            event_loop,
            parent,
            parent_cancel_requested,
            tasks,
            errors,
            base_error,
            on_completed,
        ],
    )
}

/// By the class's `__new__` and `__init__`: `type.__call__(class, …)`.
#[cold]
fn make_as_usual<'py>(
    class: &Bound<'py, PyAny>,
    args: &Args<'_, 'py>,
) -> Fallible<Bound<'py, PyAny>> {
    let py = class.py();
    let (mut positional, keywords) = args.unpacked()?;
    positional.insert(0, class.clone());
    let usual = py.get_type::<PyType>().getattr(intern!(py, "__call__"))?;
    Ok(usual.call(PyTuple::new(py, positional)?, Some(&keywords))?)
}

//! Who ends no sooner than a task does, because it waits for that: whoever is to wait for the end of
//! these as well would wait for ever.
//!
//! The way leads from the task to those that its end wakes, and on from these. Only waits count that
//! last until the end of what they wait for: an `await`, `gather`, a `TaskGroup`, `wait_for`, and of
//! ours `race`, `first_success`, `gather` that cancels, and `cancel_and_wait`. Who waits otherwise
//! (`wait`, `shield`, `detect_cancel`) ends when it is asked to cancel.

use crate::ffi::intern;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyCFunction, PyList, PySet, PyString, PyTuple};
use rustc_hash::FxHashMap;

use crate::current;
use crate::ensure;
use crate::errors::Imported;
use crate::ffi::{Args, Fallible, Ref, call, error};
use crate::future::FutureState;
use crate::gathering::GatheringState;
use crate::loop_core;
use crate::race::RaceState;
use crate::task::TaskState;
use crate::wait::WaitState;

static PARTIAL: Imported = Imported::new("functools", "partial");
static RELEASE_WAITER: Imported = Imported::new("asyncio.tasks", "_release_waiter");
static GATHERING_FUTURE: Imported = Imported::new("asyncio.tasks", "_GatheringFuture");
static FUNCTION_TYPE: Imported = Imported::new("types", "FunctionType");
static METHOD_TYPE: Imported = Imported::new("types", "MethodType");
static TASK_GROUP: Imported = Imported::new("asyncio.taskgroups", "TaskGroup");

/// Futures that end no sooner than one task.
#[derive(Debug, Default)]
pub(crate) struct HeldUp<'py> {
    by_address: FxHashMap<usize, Bound<'py, PyAny>>,
}

impl<'py> HeldUp<'py> {
    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.by_address.is_empty()
    }

    /// Whether `future` is one of them.
    pub(crate) fn contains(&self, future: &Bound<'py, PyAny>) -> bool {
        self.by_address.contains_key(&(future.as_ptr() as usize))
    }
}

/// Those that end no sooner than `task`: as things are, or once they are asked to cancel.
///
/// # Errors
/// What looking at futures of others raises.
pub(crate) fn by<'py>(task: &Bound<'py, PyAny>, are_asked: bool) -> Fallible<HeldUp<'py>> {
    let mut found = HeldUp::default();
    let mut ahead = vec![task.clone()];
    while let Some(future) = ahead.pop() {
        for told in told_of(&future)? {
            let Some(waiting) = waiting(&told, are_asked)? else {
                continue;
            };
            let address = waiting.as_ptr() as usize;
            if found.by_address.insert(address, waiting.clone()).is_none() {
                ahead.push(waiting);
            }
        }
    }
    Ok(found)
}

/// Whoever is told of the end of `future`.
fn told_of<'py>(future: &Bound<'py, PyAny>) -> Fallible<Vec<Bound<'py, PyAny>>> {
    let py = future.py();
    let mut told = Vec::new();
    let functions = match Ref::<FutureState>::cast(future) {
        Some(own) => {
            let (waiting, functions) = own.callbacks.who_is_told(py);
            told = waiting;
            functions
        }
        None => functions_of_foreign(future)?,
    };
    for function in functions {
        if let Some(owner) = owner(&function)? {
            told.push(owner);
        }
    }
    Ok(told)
}

fn functions_of_foreign<'py>(future: &Bound<'py, PyAny>) -> Fallible<Vec<Bound<'py, PyAny>>> {
    let callbacks = call::optional_attribute(future, intern!(future.py(), "_callbacks"))?;
    let Some(callbacks) = callbacks.and_then(|list| list.cast_into::<PyList>().ok()) else {
        return Ok(Vec::new());
    };
    let entries = callbacks.iter();
    let pairs = entries.filter_map(|entry| entry.cast_into::<PyTuple>().ok());
    Ok(pairs
        .filter_map(|pair| error::or_none(pair.py(), pair.get_item(0)))
        .collect())
}

/// Whose method is called, where that is one by which a wait is told; the future that is released.
fn owner<'py>(function: &Bound<'py, PyAny>) -> Fallible<Option<Bound<'py, PyAny>>> {
    let py = function.py();
    if function.get_type().is(PARTIAL.get(py)?) {
        // `wait_for` of 3.11.
        let released = function.getattr(intern!(py, "func"))?;
        if !released.is(RELEASE_WAITER.get(py)?) {
            return Ok(None);
        }
        let given = function.getattr(intern!(py, "args"))?;
        return Ok(error::or_none(py, given.get_item(0)));
    }
    if function.get_type().is(FUNCTION_TYPE.get(py)?) {
        return outer_of_gather(function);
    }
    let is_method = function.is_exact_instance_of::<PyCFunction>()
        || function.get_type().is(METHOD_TYPE.get(py)?);
    if !is_method {
        return Ok(None);
    }
    let name = call::optional_attribute(function, intern!(py, "__name__"))?;
    let is_one = |name: &Bound<'py, PyString>| {
        matches!(
            &*name.to_string_lossy(),
            "task_wakeup" | "__wakeup" | "_done_callback" | "_on_task_done"
        )
    };
    if !name.is_some_and(|name| name.cast::<PyString>().is_ok_and(is_one)) {
        return Ok(None);
    }
    Ok(Some(function.getattr(intern!(py, "__self__"))?))
}

/// The future that asyncio's own `gather` settles by this function of its inside.
fn outer_of_gather<'py>(function: &Bound<'py, PyAny>) -> Fallible<Option<Bound<'py, PyAny>>> {
    let py = function.py();
    let is_its = function
        .getattr(intern!(py, "__qualname__"))?
        .eq(intern!(py, "gather.<locals>._done_callback"))?
        && function
            .getattr(intern!(py, "__module__"))?
            .eq(intern!(py, "asyncio.tasks"))?;
    if !is_its {
        return Ok(None);
    }
    let names = function
        .getattr(intern!(py, "__code__"))?
        .getattr(intern!(py, "co_freevars"))?;
    let index = names.call_method1(intern!(py, "index"), (intern!(py, "outer"),));
    let Some(index) = error::or_none(py, index) else {
        return Ok(None);
    };
    let cell = function
        .getattr(intern!(py, "__closure__"))?
        .get_item(index)?;
    // Empty until the outer future is made.
    call::optional_attribute(&cell, intern!(py, "cell_contents"))
        .or_else(
            |raised| match raised.matches(py.get_type::<PyValueError>().as_any()) {
                true => {
                    raised.clear(py);
                    Ok(None)
                }
                false => Err(raised),
            },
        )
        .map(|outer| outer.filter(|outer| !outer.is_none()))
}

/// The future that does not end before what `told` is told of, if there is one.
fn waiting<'py>(told: &Bound<'py, PyAny>, are_asked: bool) -> Fallible<Option<Bound<'py, PyAny>>> {
    if let Some(race) = Ref::<RaceState>::cast(told) {
        return Ok(race.held_task(told.py(), are_asked));
    }
    if let Some(wait) = Ref::<WaitState>::cast(told) {
        return Ok(wait.held_task(told.py()));
    }
    let is_gather = Ref::<GatheringState>::cast(told).is_some()
        || told.is_instance(GATHERING_FUTURE.get(told.py())?)?;
    if is_gather {
        // One that is not asked may fail before.
        return Ok(are_asked.then(|| told.clone()));
    }
    if Ref::<TaskState>::cast(told).is_some() || ensure::is_future(told)? {
        return Ok(Some(told.clone()));
    }
    if told.is_instance(TASK_GROUP.get(told.py())?)? {
        let parent = told.getattr(intern!(told.py(), "_parent_task"))?;
        return Ok((!parent.is_none()).then_some(parent));
    }
    Ok(None)
}

/// `_held_up()`: the set of those that end no sooner than the current task, once they are asked to
/// cancel.
pub(crate) fn held_up<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    let py = args.py();
    let event_loop = loop_core::require_running_loop(py)?;
    let set = PySet::empty(py)?;
    if let Some(current) = current::get(&event_loop)? {
        for future in by(&current, true)?.by_address.into_values() {
            set.add(future)?;
        }
    }
    Ok(set.into_any())
}

//! Those that several are waited for by one: what a first-of and its like is given, and asking all of
//! them to cancel.

use crate::ffi::intern;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};
use rustc_hash::{FxHashMap, FxHashSet};
use stook_kernel::CancelKind;

use crate::asking;
use crate::current;
use crate::ensure;
use crate::errors;
use crate::ffi::{Fallible, Ref, call, error};
use crate::future;
use crate::record::RecordState;

/// Whether a future of any kind is done.
pub(crate) fn is_done(future: &Bound<'_, PyAny>) -> Fallible<bool> {
    match future::plain(future) {
        Some(plain) => Ok(plain.is_done()),
        None => Ok(call::method0(future, intern!(future.py(), "done"))?.is_truthy()?),
    }
}

/// The futures of what was given.
pub(crate) struct Participants<'py> {
    /// One for each that was given.
    pub(crate) futures: Bound<'py, PyList>,
    /// Each of them once.
    pub(crate) different: Bound<'py, PyList>,
}

/// Makes a future of each of `given`, which the task that runs on `event_loop` is to wait for. If one
/// is refused, tasks that were made for others are asked to cancel, and coroutines that were not
/// begun are closed: nobody else knows them.
///
/// # Errors
/// As [`ensure::ensure`]; `RuntimeError` when that task is among them.
pub(crate) fn ensure_all<'py>(
    given: &Bound<'py, PyTuple>,
    event_loop: &Bound<'py, PyAny>,
) -> Fallible<Participants<'py>> {
    let py = event_loop.py();
    let (futures, different) = (PyList::empty(py), PyList::empty(py));
    let current = current::get(event_loop)?;
    let mut known = FxHashSet::default();
    // What was given twice is begun once.
    let mut begun = FxHashMap::<usize, Bound<'py, PyAny>>::default();
    let mut made = Vec::new();
    for (index, awaitable) in given.iter().enumerate() {
        let address = awaitable.as_ptr() as usize;
        if let Some(future) = begun.get(&address) {
            futures.append(future)?;
            continue;
        }
        match future_of(&awaitable, event_loop, current.as_ref()) {
            Ok(future) => {
                if !future.is(&awaitable) {
                    made.push(future.clone());
                }
                if known.insert(future.as_ptr() as usize) {
                    different.append(&future)?;
                }
                futures.append(&future)?;
                begun.insert(address, future);
            }
            Err(raised) => {
                return Err(error::finally(py, raised, || {
                    let rest = given.iter().skip(index + 1);
                    close_all(
                        rest.filter(|other| !begun.contains_key(&(other.as_ptr() as usize))),
                    )?;
                    cancel_each(&made, || {
                        asking::request_for(py, CancelKind::SiblingFailed)?.record(py)
                    })
                }));
            }
        }
    }
    Ok(Participants { futures, different })
}

/// The future of something that is waited for by the task `current`.
fn future_of<'py>(
    awaitable: &Bound<'py, PyAny>,
    event_loop: &Bound<'py, PyAny>,
    current: Option<&Bound<'py, PyAny>>,
) -> Fallible<Bound<'py, PyAny>> {
    if current.is_some_and(|current| current.is(awaitable)) {
        return Err(PyRuntimeError::new_err("a task cannot wait for its own end").into());
    }
    ensure::ensure(awaitable, Some(event_loop))
}

/// Closes the coroutines among `given`.
fn close_all<'py>(given: impl Iterator<Item = Bound<'py, PyAny>>) -> Fallible<()> {
    for object in given {
        if future::plain(&object).is_none() && errors::is_coroutine(&object)? {
            call::method0(&object, intern!(object.py(), "close"))?;
        }
    }
    Ok(())
}

/// Asks each of `futures` that is not done to cancel, by one request. That the method of one raises
/// keeps nobody else from being asked.
///
/// # Errors
/// What the first such method raised; what others raised is its context.
pub(crate) fn cancel_each<'py>(
    futures: &[Bound<'py, PyAny>],
    mut request: impl FnMut() -> Fallible<Ref<'py, RecordState>>,
) -> Fallible<()> {
    let mut record: Option<Ref<'py, RecordState>> = None;
    let mut errors: Vec<Bound<'py, PyAny>> = Vec::new();
    for future in futures {
        let asked = is_done(future).and_then(|is_done| {
            if is_done {
                return Ok(());
            }
            // One for all of them.
            let record = match &record {
                Some(record) => record,
                None => record.insert(request()?),
            };
            asking::cancel_with(future, None, record).map(drop)
        });
        if let Err(raised) = asked {
            errors.push(raised.take(future.py()));
        }
    }
    let Some(mut last) = errors.pop() else {
        return Ok(());
    };
    while let Some(before) = errors.pop() {
        error::chain_behind(&before, &last);
        last = before;
    }
    Err(error::again(last))
}

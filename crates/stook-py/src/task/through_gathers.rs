//! Asking the children of gathers to cancel, and what these await, in the order in which each would ask
//! the next, and by a loop.

use crate::ffi::intern;
use pyo3::exceptions::PyRecursionError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyIterator};

use super::TaskState;
use super::passing_on::{Walked, Way, ask_task, keep_for_next_step};
use crate::asking;
use crate::ffi::{Fallible, Ref};
use crate::gathering::{self, GatheringState};
use crate::record::RecordState;

/// A gather whose children are being asked.
pub(super) struct GatherAsked<'py> {
    gather: Ref<'py, GatheringState>,
    /// Those that were not asked yet.
    children: Bound<'py, PyIterator>,
    /// Of the request that comes to each child.
    record: Ref<'py, RecordState>,
    /// Whether a child took the request.
    any_accepted: bool,
    /// The tasks that it has gone through before, the last of which awaits the gather; none where it has
    /// come to that by another way.
    walked: Walked<'py>,
}

impl<'py> GatherAsked<'py> {
    /// One that the request of this record comes to.
    pub(super) fn new(
        gather: Ref<'py, GatheringState>,
        record: Ref<'py, RecordState>,
        walked: Walked<'py>,
    ) -> Fallible<Box<Self>> {
        gather.future.cancellations().end(&record);
        Self::with_children_asked_by(gather, record, walked).map(Box::new)
    }

    fn with_children_asked_by(
        gather: Ref<'py, GatheringState>,
        record: Ref<'py, RecordState>,
        walked: Walked<'py>,
    ) -> Fallible<Self> {
        let children = gathering::children(&gather)?.try_iter()?;
        Ok(Self {
            gather,
            children,
            record,
            any_accepted: false,
            walked,
        })
    }

    /// No child is left; whether the task that awaits the gather took the request, or the gather itself
    /// where it has come by another way.
    fn leave(self, message: &Bound<'py, PyAny>) -> bool {
        let accepted = self.gather.request_cancel(self.any_accepted);
        let Some(awaits_it) = self.walked.last() else {
            return accepted;
        };
        if !accepted {
            keep_for_next_step(awaits_it, message);
        }
        true
    }
}

/// Asks every child of a gather that goes on, by the request of which this is the record: what the
/// gather's `cancel()` does, and what it returns.
///
/// # Errors
/// What asking a child raises, or something that a child awaits.
pub(crate) fn cancel_children<'py>(
    gather: &Ref<'py, GatheringState>,
    message: &Bound<'py, PyAny>,
    record: &Ref<'py, RecordState>,
) -> Fallible<bool> {
    let (gather, record) = (gather.clone(), record.clone());
    let gather = GatherAsked::with_children_asked_by(gather, record, Walked::default())?;
    ask_all(gather, message)
}

/// Asks all children, and what these await; whether the request was taken where it came from.
///
/// DIFFERENCE: a request goes through any number of gathers inside each other. In asyncio some hundred
/// raise `RecursionError`, also at the end of `asyncio.run`.
///
/// # Errors
/// As [`cancel_children`].
pub(super) fn ask_all<'py>(
    gather: GatherAsked<'py>,
    message: &Bound<'py, PyAny>,
) -> Fallible<bool> {
    let mut current = gather;
    let mut outer: Vec<GatherAsked<'py>> = Vec::new();
    loop {
        let way = match current.children.next() {
            Some(child) => ask_child(&child?, &current, &outer, message)?,
            None => {
                let accepted = current.leave(message);
                let Some(around) = outer.pop() else {
                    return Ok(accepted);
                };
                current = around;
                Way::Over(accepted)
            }
        };
        match way {
            Way::Over(accepted) => current.any_accepted |= accepted,
            Way::At(inner) => outer.push(std::mem::replace(&mut current, *inner)),
        }
    }
}

fn ask_child<'py>(
    child: &Bound<'py, PyAny>,
    parent: &GatherAsked<'py>,
    outer: &[GatherAsked<'py>],
    message: &Bound<'py, PyAny>,
) -> Fallible<Way<'py>> {
    let py = child.py();
    let record = &parent.record;
    if let Some(task) = Ref::<TaskState>::cast_exact(child) {
        return ask_task(task, message, record);
    }
    if let Some(gather) = Ref::<GatheringState>::cast_exact(child) {
        if gather.future.is_done() {
            return Ok(Way::Over(false));
        }
        if is_inside_itself(gather, parent, outer) {
            let words = "maximum recursion depth exceeded while cancelling a gather";
            return Err(PyRecursionError::new_err(words).into());
        }
        let inner = GatherAsked::new(gather.clone(), record.clone(), Walked::default());
        return inner.map(Way::At);
    }
    let options = PyDict::new(py);
    options.set_item(intern!(py, "msg"), message)?;
    let answer = asking::handing(record, Some(child), || {
        child.call_method(intern!(py, "cancel"), (), Some(&options))
    })?;
    Ok(Way::Over(answer.is_truthy()?))
}

/// Whether a gather is among its own children, or among theirs with no task between: only where a
/// program has changed them by hand, and for ever.
fn is_inside_itself(
    gather: &Ref<'_, GatheringState>,
    parent: &GatherAsked<'_>,
    outer: &[GatherAsked<'_>],
) -> bool {
    for around in std::iter::once(parent).chain(outer.iter().rev()) {
        if around.gather.as_any().is(gather.as_any()) {
            return true;
        }
        if around.walked.last().is_some() {
            return false;
        }
    }
    false
}

//! Asking the children of gathers to cancel, and what these await, in the order in which each would ask
//! the next, and by a loop.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::ffi::intern;
use pyo3::exceptions::PyRecursionError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyIterator};

use super::TaskState;
use super::catching_up::{self, Round};
use super::passing_on::{Answer, Walked, Way, Words, ask_task, keep_for_next_step};
use crate::asking;
use crate::ffi::{Fallible, Ref};
use crate::future::FutureState;
use crate::gathering::{self, GatheringState, Next};
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
    /// What becomes of the next one, as far as the children that were asked have told.
    next: Option<Next>,
    /// Of the loop's, in which the first child was asked.
    round: Option<Round>,
    /// The number of the gathers that are directly inside each other, and what this one was among before.
    among: u64,
    before: u64,
    /// The tasks that it has gone through before, the last of which awaits the gather; none where it has
    /// come to that by another way.
    walked: Walked<'py>,
}

impl<'py> GatherAsked<'py> {
    /// One that the request of this record comes to, from the task that was walked to last.
    pub(super) fn new(
        gather: Ref<'py, GatheringState>,
        record: Ref<'py, RecordState>,
        walked: Walked<'py>,
        words: &Words<'_, 'py>,
    ) -> Fallible<Box<Self>> {
        Self::among(gather, record, walked, next_number(), words)
    }

    /// The same, from a gather that it is a child of, or from a task.
    fn among(
        gather: Ref<'py, GatheringState>,
        record: Ref<'py, RecordState>,
        walked: Walked<'py>,
        among: u64,
        words: &Words<'_, 'py>,
    ) -> Fallible<Box<Self>> {
        words.end(&gather, &record);
        Self::with_children_asked_by(gather, record, walked, among).map(Box::new)
    }

    fn with_children_asked_by(
        gather: Ref<'py, GatheringState>,
        record: Ref<'py, RecordState>,
        walked: Walked<'py>,
        among: u64,
    ) -> Fallible<Self> {
        let children = gathering::children(&gather)?.try_iter()?;
        let asks_what_it_gathers = gather.is_exact() && gather.asks_what_it_gathers();
        Ok(Self {
            children,
            record,
            any_accepted: false,
            next: asks_what_it_gathers.then_some(Next::Refused),
            round: catching_up::ask_gather(&gather),
            among,
            before: gather.asked_among.replace(among),
            gather,
            walked,
        })
    }

    /// A child is to be asked: what it answers says nothing of the next request if it is of another loop.
    fn look_at(&mut self, child: &Bound<'py, PyAny>) {
        let is_near = |child: &Ref<'py, FutureState>| {
            catching_up::are_of_one_loop(child.py(), &self.gather.future, child)
        };
        if !Ref::<FutureState>::cast(child).is_some_and(is_near) {
            self.next = None;
        }
    }

    /// A child has answered.
    fn count(&mut self, answer: Answer) {
        self.any_accepted |= answer.accepted;
        self.next = match (self.next, answer.next) {
            (Some(Next::Refused), next) | (next @ Some(_), Some(Next::Refused)) => next,
            (Some(Next::Accepted), Some(Next::Accepted)) => Some(Next::Accepted),
            (None, _) | (_, None) => None,
        };
    }

    /// No child is left; what the task that awaits the gather answers, or the gather itself where the
    /// request has come by another way.
    fn leave(self, words: &Words<'_, 'py>) -> Answer {
        let accepted = self.gather.request_cancel(self.any_accepted);
        let next = self.next.filter(|next| {
            catching_up::mark_above(self.walked.tasks(), &self.gather, *next, self.round)
        });
        let Some(awaits_it) = self.walked.last() else {
            return Answer { accepted, next };
        };
        if !accepted {
            keep_for_next_step(awaits_it, words);
        }
        Answer::accepted(next.is_some())
    }
}

impl Drop for GatherAsked<'_> {
    fn drop(&mut self) {
        self.gather.asked_among.set(self.before);
    }
}

/// The number of the gathers that were asked last, of those that are directly inside each other.
static NUMBER: AtomicU64 = AtomicU64::new(0);

fn next_number() -> u64 {
    NUMBER.fetch_add(1, Ordering::Relaxed) + 1
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
    let gather =
        GatherAsked::with_children_asked_by(gather, record, Walked::default(), next_number())?;
    ask_all(gather, &Words::of(message))
}

/// Asks all children, and what these await; whether the request was taken where it came from.
///
/// DIFFERENCE: a request goes through any number of gathers inside each other. In asyncio some hundred
/// raise `RecursionError`, also at the end of `asyncio.run`.
///
/// # Errors
/// As [`cancel_children`].
pub(super) fn ask_all<'py>(gather: GatherAsked<'py>, words: &Words<'_, 'py>) -> Fallible<bool> {
    let mut current = gather;
    let mut outer: Vec<GatherAsked<'py>> = Vec::new();
    loop {
        let way = match current.children.next() {
            Some(child) => {
                let child = child?;
                current.look_at(&child);
                ask_child(&child, &current, words)?
            }
            None => {
                let answer = current.leave(words);
                let Some(around) = outer.pop() else {
                    return Ok(answer.accepted);
                };
                current = around;
                Way::Over(answer)
            }
        };
        match way {
            Way::Over(answer) => current.count(answer),
            Way::At(inner) => outer.push(std::mem::replace(&mut current, *inner)),
        }
    }
}

fn ask_child<'py>(
    child: &Bound<'py, PyAny>,
    parent: &GatherAsked<'py>,
    words: &Words<'_, 'py>,
) -> Fallible<Way<'py>> {
    let py = child.py();
    let record = &parent.record;
    if let Some(task) = Ref::<TaskState>::cast_exact(child) {
        return ask_task(task, words, record, true);
    }
    if let Some(gather) = Ref::<GatheringState>::cast_exact(child) {
        if gather.future.is_done() {
            return Ok(Way::Over(Answer::DONE));
        }
        // Among its own children, or among theirs with no task between: only where a program has changed
        // them by hand, and for ever.
        if gather.asked_among.get() == parent.among {
            let words = "maximum recursion depth exceeded while cancelling a gather";
            return Err(PyRecursionError::new_err(words).into());
        }
        let (gather, record) = (gather.clone(), record.clone());
        let inner = GatherAsked::among(gather, record, Walked::default(), parent.among, words);
        return inner.map(Way::At);
    }
    let options = PyDict::new(py);
    options.set_item(intern!(py, "msg"), words.message)?;
    let answer = asking::handing(record, Some(child), || {
        child.call_method(intern!(py, "cancel"), (), Some(&options))
    })?;
    let accepted = answer.is_truthy()?;
    let is_settled = Ref::<FutureState>::cast_exact(child).is_some_and(|child| child.is_done());
    let next = is_settled.then_some(Next::Refused);
    Ok(Way::Over(Answer { accepted, next }))
}

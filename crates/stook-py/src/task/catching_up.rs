//! Cancel requests that are put off until somebody looks.
//!
//! A program, or the end of a run, asks many tasks of one chain, one after the other, and each request
//! goes on to everything below. So that this does not take the square of the chain's length, tasks that
//! a request has gone through are marked, as far as this holds:
//!
//! - they are tasks of one loop of ours, of our own class, that wait for each other, by themselves or in
//!   gathers, the last ones for nothing or for a future, gather or task of that loop that is done;
//! - gathers ask the children that they were made of, each of which is marked or done;
//! - so the next request that comes there is counted by each down to the last ones, which keep it, and its
//!   message, for their next step, and nothing else happens: no code of anybody's is called.
//!
//! Such a request ends at the first marked task, and is put off. The marks are of one round. It is over,
//! and all of what was put off is counted at once (`counting.rs`), in one walk over these tasks, before
//! any marked task or gather is looked at or goes on. Then the records are those of requests one after the
//! other too: a task keeps the first ones and the last (`Received`, in the kernel), a gather the last, so
//! no others are made.
//!
//! What ends a round: reading a marked task's requests or message ([`TaskState::requests`], its step
//! above all), its next await, a child of a marked gather that is done, what a program does to such a
//! gather, more requests than there is room for, and whatever a program may do to a future behind our back
//! ([`catch_up_with`]).

use pyo3::prelude::*;

use super::TaskState;
use super::counting;
use crate::ffi::{Held, Ref};
use crate::future::FutureState;
use crate::gathering::{GatheringState, Next};
use crate::loop_core::{self, LoopState, Marks};
use crate::put_off::Request;
use crate::record::RecordState;

/// The number of a round of a loop's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Round(u64);

/// A request has come to the gather, whose children are to be asked now; the round of its loop, if that
/// is ours.
pub(super) fn ask_gather(gather: &Ref<'_, GatheringState>) -> Option<Round> {
    let event_loop = gather.future.event_loop(gather.py())?;
    let native = loop_core::native(&event_loop)?;
    gather.asked_after.set(native.put_off.len());
    Some(Round(native.put_off.round()))
}

/// Whether both are of one loop, so that whatever a program does to `other` ends a round in which `one`
/// is marked.
pub(super) fn are_of_one_loop(py: Python<'_>, one: &FutureState, other: &FutureState) -> bool {
    let event_loop = one.event_loop(py);
    event_loop.is_some_and(|event_loop| other.belongs_to(&event_loop))
}

/// The loop that `future` belongs to, if what is scheduled there is only kept until its turn: what is not
/// ours may do anything when something is scheduled.
fn with_loop_of(
    future: &FutureState,
    py: Python<'_>,
    mark: impl FnOnce(&Ref<'_, LoopState>) -> bool,
) -> bool {
    let Some(event_loop) = future.event_loop(py) else {
        return false;
    };
    loop_core::native(&event_loop)
        .is_some_and(|native| !native.has(Marks::CALL_SOON) && mark(native))
}

/// Marks the tasks that a request has gone through; of the last one the next is known. Whether all are
/// marked now.
pub(super) fn mark(walked: &[Ref<'_, TaskState>]) -> bool {
    walked
        .last()
        .is_none_or(|last| with_loop_of(&last.future, last.py(), |native| mark_on(native, walked)))
}

fn mark_on(native: &Ref<'_, LoopState>, walked: &[Ref<'_, TaskState>]) -> bool {
    let round = native.put_off.round();
    let alike =
        |task: &&Ref<'_, TaskState>| task.is_exact() && task.future.belongs_to(native.as_any());
    let mut marked = 0;
    for task in walked.iter().rev().take_while(alike) {
        task.is_marked.set(true);
        task.future.cancellations().set_round(round);
        marked += 1;
    }
    native.put_off.mark(marked);
    marked == walked.len()
}

/// Marks the gather, of which the children have told what becomes of the `next` request, and the tasks
/// that a request has gone through before, the last of which awaits it. Whether all are marked now: not
/// where the round is over in which the first child was asked.
pub(super) fn mark_above(
    walked: &[Ref<'_, TaskState>],
    gather: &Ref<'_, GatheringState>,
    next: Next,
    since: Option<Round>,
) -> bool {
    with_loop_of(&gather.future, gather.py(), |native| {
        let round = native.put_off.round();
        if since != Some(Round(round)) {
            return false;
        }
        gather.next.set(Some(next));
        gather.future.cancellations().set_round(round);
        native.put_off.mark(1);
        mark_on(native, walked)
    })
}

/// Puts a request off that has come to `task`, if it is marked; whether it is.
pub(super) fn put_off<'py>(
    task: &Ref<'py, TaskState>,
    message: &Bound<'py, PyAny>,
    record: &Ref<'py, RecordState>,
) -> bool {
    let py = task.py();
    if !task.is_marked.get() {
        return false;
    }
    let Some(event_loop) = task.future.event_loop(py) else {
        return false;
    };
    let Some(native) = loop_core::native(&event_loop) else {
        return false;
    };
    if !is_of_round(&task.future, native.put_off.round()) || !native.put_off.has_begun() {
        return false;
    }
    if native.put_off.is_full() {
        catch_up_all(native);
        return false;
    }
    native.put_off.push(Request {
        task: Held::new(task.as_any()),
        record: Held::new(record.as_any()),
        message: Held::new(message),
    });
    true
}

/// Whether the future, which is marked, was so in this round.
pub(super) fn is_of_round(marked: &FutureState, round: u64) -> bool {
    let known = marked.cancellations_if_any();
    known.is_some_and(|known| known.round() == round)
}

/// Counts what was put off, if some of that may be the task's: it is looked at, or goes on.
#[inline]
pub(crate) fn catch_up(py: Python<'_>, task: &TaskState) {
    if task.is_marked.get() {
        catch_up_marked(py, task);
    }
}

#[cold]
fn catch_up_marked(py: Python<'_>, task: &TaskState) {
    end_round_of(py, &task.future);
    task.is_marked.set(false);
}

/// The same for a gather: it is looked at, or a child of its is done.
#[inline]
pub(crate) fn catch_up_gather(gather: &Ref<'_, GatheringState>) {
    if gather.next.get().is_some() {
        catch_up_marked_gather(gather);
    }
}

#[cold]
fn catch_up_marked_gather(gather: &Ref<'_, GatheringState>) {
    end_round_of(gather.py(), &gather.future);
    gather.next.set(None);
}

/// Counts what was put off, if this was marked in the round of its loop's that is going on.
fn end_round_of(py: Python<'_>, marked: &FutureState) {
    if let Some(event_loop) = marked.event_loop(py)
        && let Some(native) = loop_core::native(&event_loop)
        && native.put_off.has_begun()
        && is_of_round(marked, native.put_off.round())
    {
        catch_up_all(native);
    }
}

/// Counts what was put off, before something is done to a future that may be a marked task, or what the
/// last of those awaits, by other ways than its own.
pub(crate) fn catch_up_with(py: Python<'_>, future: &FutureState) {
    if let Some(event_loop) = future.event_loop(py)
        && let Some(native) = loop_core::native(&event_loop)
    {
        catch_up_all(native);
    }
}

/// Counts all that was put off; no task is marked after that.
pub(crate) fn catch_up_all(native: &Ref<'_, LoopState>) {
    loop {
        let round = native.put_off.round();
        let requests = native.put_off.end();
        if requests.is_empty() {
            return;
        }
        counting::count(native.py(), round, requests);
        // A destructor may have asked anew.
    }
}

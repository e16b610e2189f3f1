//! Passing cancel requests on: from a task to what it awaits, and on to what that awaits.

use std::cell::RefCell;

use crate::ffi::intern;
use pyo3::prelude::*;
use stook_kernel::{CancelKind, Requested};

use super::catching_up;
use super::through_gathers::{self, GatherAsked};
use super::{TaskState, schedule_step};
use crate::asking;
use crate::ffi::{Class, Fallible, Ref, call};
use crate::future::{self, FutureState};
use crate::gathering::{GatheringState, Next};
use crate::record::RecordState;
use crate::wakeup;

/// Asks the task to cancel, by the request of which this is the record; `false` when it is done
/// already.
///
/// A request goes on to what the task awaits, and on to what that awaits. That walk is a loop, through
/// gathers too, so a long chain does not use up the stack; and it ends at a task that others have come
/// to just before (`catching_up.rs`).
///
/// # Errors
/// What asking an awaited object raises.
pub(crate) fn cancel<'py>(
    this: &Ref<'py, TaskState>,
    message: Option<&Bound<'py, PyAny>>,
    record: &Ref<'py, RecordState>,
) -> Fallible<bool> {
    let none = this.py().None().into_bound(this.py());
    let words = Words::of(message.unwrap_or(&none));
    match ask_task(this, &words, record, false)? {
        Way::Over(answer) => Ok(answer.accepted),
        Way::At(gather) => through_gathers::ask_all(*gather, &words),
    }
}

/// The message of a request, and the messages and records that it takes the place of: these may have
/// destructors, which are to find it passed on.
pub(super) struct Words<'a, 'py> {
    pub(super) message: &'a Bound<'py, PyAny>,
    replaced: RefCell<Vec<Bound<'py, PyAny>>>,
}

impl<'a, 'py> Words<'a, 'py> {
    pub(super) fn of(message: &'a Bound<'py, PyAny>) -> Self {
        Self {
            message,
            replaced: RefCell::default(),
        }
    }

    /// The task receives the request.
    fn receive(&self, task: &TaskState, record: &Ref<'py, RecordState>) {
        self.keep(newest_of(task, record.py()));
        task.future.cancellations().receive(record);
    }

    /// The gather does.
    pub(super) fn end(&self, gather: &GatheringState, record: &Ref<'py, RecordState>) {
        self.keep([gather.future.record(record.py()).map(Ref::into_any), None]);
        gather.future.cancellations().end(record);
    }

    fn keep(&self, replaced: [Option<Bound<'py, PyAny>>; 2]) {
        if replaced.iter().any(Option::is_some) {
            self.replaced
                .borrow_mut()
                .extend(replaced.into_iter().flatten());
        }
    }
}

/// The record and message that the task's next request may take the place of.
pub(super) fn newest_of<'py>(task: &TaskState, py: Python<'py>) -> [Option<Bound<'py, PyAny>>; 2] {
    let known = task.future.cancellations_if_any();
    let newest = known.and_then(|known| known.newest(py));
    [newest, task.future.cancel_message(py)]
}

/// Where a request is that somebody was asked by.
pub(super) enum Way<'py> {
    /// At its end.
    Over(Answer),
    /// At a gather, whose children are to be asked in their turn.
    At(Box<GatherAsked<'py>>),
}

/// What somebody says who was asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answer {
    /// Whether the request was taken.
    pub(super) accepted: bool,
    /// What becomes of the next one, where the tasks and gathers that it comes to are marked: see
    /// `catching_up.rs`.
    pub(super) next: Option<Next>,
}

impl Answer {
    /// What is done takes none.
    pub(super) const DONE: Answer = Answer {
        accepted: false,
        next: Some(Next::Refused),
    };

    /// Who has taken the request takes the next one too, if it `is_marked`.
    pub(super) fn accepted(is_marked: bool) -> Self {
        Answer {
            accepted: true,
            next: is_marked.then_some(Next::Accepted),
        }
    }
}

/// Tasks that a request has gone through, each of which awaits the next. While they are known here they
/// are marked, so that a request does not go round in circles.
#[derive(Default)]
pub(super) struct Walked<'py>(Vec<Ref<'py, TaskState>>);

impl<'py> Walked<'py> {
    fn from(task: Ref<'py, TaskState>) -> Self {
        task.asking.set(true);
        Self(vec![task])
    }

    fn add(&mut self, task: Ref<'py, TaskState>) {
        task.asking.set(true);
        self.0.push(task);
    }

    pub(super) fn last(&self) -> Option<&Ref<'py, TaskState>> {
        self.0.last()
    }

    pub(super) fn tasks(&self) -> &[Ref<'py, TaskState>] {
        &self.0
    }
}

impl Drop for Walked<'_> {
    fn drop(&mut self) {
        self.0.iter().for_each(|task| task.asking.set(false));
    }
}

/// Asks the task, and what it awaits, up to a gather; `is_child` says that a gather asks.
pub(super) fn ask_task<'py>(
    this: &Ref<'py, TaskState>,
    words: &Words<'_, 'py>,
    record: &Ref<'py, RecordState>,
    is_child: bool,
) -> Fallible<Way<'py>> {
    this.future.mark_read();
    if this.future.is_done() {
        return Ok(Way::Over(Answer::DONE));
    }
    if this.asking.get() {
        break_cycle(this, words, record)?;
        return Ok(Way::Over(Answer::accepted(false)));
    }
    if catching_up::put_off(this, words.message, record) {
        return Ok(Way::Over(Answer::accepted(true)));
    }
    let mut walked = Walked::from(this.clone());
    let is_marked = match pass_on(&mut walked, words, record.clone())? {
        // Where a request goes to one task alone, the next one takes as little as to be put off; but
        // not one that comes from above.
        End::Settled => (is_child || walked.0.len() > 1) && catching_up::mark(&walked.0),
        End::Open => false,
        End::Gather(gather, record) => {
            return GatherAsked::new(gather, record, walked, words).map(Way::At);
        }
    };
    Ok(Way::Over(Answer::accepted(is_marked)))
}

/// Where a request has ended, as far as tasks pass it on.
enum End<'py> {
    /// The next one that comes the same way ends here too: the last task keeps it for its next step.
    Settled,
    /// What will become of the next one has to be asked.
    Open,
    /// The last task awaits a gather, whose children are to be asked by the request of this record.
    Gather(Ref<'py, GatheringState>, Ref<'py, RecordState>),
}

/// Passes a cancel request from the last task in `walked` on along what it awaits.
fn pass_on<'py>(
    walked: &mut Walked<'py>,
    words: &Words<'_, 'py>,
    record: Ref<'py, RecordState>,
) -> Fallible<End<'py>> {
    let (py, message) = (words.message.py(), words.message);
    let mut record = record;
    while let Some(current) = walked.last().cloned() {
        words.receive(&current, &record);
        let awaited = current.awaited.get(py);
        let mut requests = current.requests.get();
        let requested = requests.request(awaited.is_some());
        current.requests.set(requests);
        let Some(awaited) = awaited.filter(|_| requested == Requested::ForwardToAwaited) else {
            current.future.set_cancel_message(Some(message));
            return Ok(End::Settled);
        };
        let (accepted, end) = match ask(&current, awaited, words, &record)? {
            Asked::Plain(accepted) => (accepted, End::Settled),
            Asked::Other(accepted) => (accepted, End::Open),
            Asked::Gather(gather) => {
                let record = asking::follow(&record, CancelKind::Group, None)?;
                return Ok(End::Gather(gather, record));
            }
            Asked::Task(next) => {
                next.future.mark_read();
                if next.asking.get() {
                    break_cycle(&next, words, &record)?;
                    return Ok(End::Open);
                }
                let is_near = catching_up::are_of_one_loop(py, &current.future, &next.future);
                let end = if is_near { End::Settled } else { End::Open };
                if !next.future.is_done() {
                    let by = current.as_any();
                    record = asking::follow(&record, CancelKind::ParentCancelled, Some(by))?;
                    if catching_up::put_off(&next, message, &record) {
                        return Ok(end);
                    }
                    walked.add(next);
                    continue;
                }
                (false, end)
            }
        };
        if !accepted {
            keep_for_next_step(&current, words);
        }
        return Ok(end);
    }
    Ok(End::Open)
}

/// The task is told in its next step, for what it awaits did not take the request.
pub(super) fn keep_for_next_step<'py>(task: &Ref<'py, TaskState>, words: &Words<'_, 'py>) {
    let mut requests = task.requests.get();
    requests.forward_refused();
    task.requests.set(requests);
    task.future.set_cancel_message(Some(words.message));
}

/// What became of asking an awaited object to cancel.
enum Asked<'py> {
    /// It is a future or gather of ours and no task, of the task's loop, and is done now; whether it was
    /// not before.
    Plain(bool),
    /// It said whether it will.
    Other(bool),
    /// It is a gather of ours that goes on.
    Gather(Ref<'py, GatheringState>),
    /// It is a task of ours, to be asked in its turn.
    Task(Ref<'py, TaskState>),
}

fn ask<'py>(
    task: &Ref<'py, TaskState>,
    awaited: Bound<'py, PyAny>,
    words: &Words<'_, 'py>,
    record: &Ref<'py, RecordState>,
) -> Fallible<Asked<'py>> {
    let message = words.message;
    if let Some(next) = asked_by_us(&awaited)? {
        return Ok(Asked::Task(next.clone()));
    }
    if let Some(plain) = Ref::<FutureState>::cast_exact(&awaited) {
        if plain.callbacks.has_others() && !plain.is_done() {
            // Who else awaits it is told as well.
            plain.cancellations().end(record);
        }
        let accepted = future::cancel(plain, Some(message))?;
        return Ok(is_done(task, plain, accepted));
    }
    if let Some(gather) = Ref::<GatheringState>::cast_exact(&awaited) {
        return Ok(match gather.future.is_done() {
            true => is_done(task, &gather.future, false),
            false => Asked::Gather(gather.clone()),
        });
    }
    let name = intern!(awaited.py(), "cancel");
    let ask = || call::method1(&awaited, name, message);
    let answer = asking::handing_on(record, task.as_any(), &awaited, ask)??;
    Ok(Asked::Other(answer.is_truthy()?))
}

/// What the task awaits is done.
fn is_done<'py>(task: &Ref<'py, TaskState>, awaited: &FutureState, accepted: bool) -> Asked<'py> {
    if catching_up::are_of_one_loop(task.py(), &task.future, awaited) {
        Asked::Plain(accepted)
    } else {
        Asked::Other(accepted)
    }
}

/// The object as a task, if its `cancel` is ours, and no method of the program's own class.
fn asked_by_us<'a, 'py>(
    awaited: &'a Bound<'py, PyAny>,
) -> Fallible<Option<&'a Ref<'py, TaskState>>> {
    let Some(task) = Ref::<TaskState>::cast(awaited) else {
        return Ok(None);
    };
    if task.is_exact() {
        return Ok(Some(task));
    }
    let py = awaited.py();
    let name = intern!(py, "cancel");
    let own = TaskState::slot().class(py).getattr(name)?;
    let bound = call::method1(&own, intern!(py, "__get__"), awaited)?;
    Ok(awaited.getattr(name)?.eq(bound)?.then_some(task))
}

/// DIFFERENCE: tasks that await each other in a circle cannot be cancelled in asyncio, which
/// raises `RecursionError`. Here the one that is asked stops waiting and is resumed.
fn break_cycle<'py>(
    this: &Ref<'py, TaskState>,
    words: &Words<'_, 'py>,
    record: &Ref<'py, RecordState>,
) -> Fallible<()> {
    let py = this.py();
    words.receive(this, record);
    if let Some(awaited) = this.awaited.take(py) {
        match future::plain(&awaited) {
            Some(plain) => plain.callbacks.remove_wake(this.as_any()),
            None => {
                let (wakeup, _context) = wakeup::as_python(this.as_any())?;
                call::method1(&awaited, intern!(py, "remove_done_callback"), &wakeup)?;
            }
        }
    }
    keep_for_next_step(this, words);
    schedule_step(this, None)
}

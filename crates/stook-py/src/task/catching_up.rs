//! Cancel requests that are put off until somebody looks.
//!
//! A program, or the end of a run, asks many tasks of one chain, one after the other, and each request
//! goes on to everything below. So that this does not take the square of the chain's length, tasks that
//! a request has gone through are marked, as far as this holds:
//!
//! - they are tasks of one loop of ours, of our own class, that wait for each other, the last one for
//!   nothing or for a future or task that is done;
//! - so the next request that comes there is counted by each down to the last, which keeps it, and its
//!   message, for its next step, and nothing else happens: no code of anybody's is called.
//!
//! Such a request ends at the first marked task, and is put off. The marks are of one round. It is over,
//! and all of what was put off is counted at once, in one walk over these tasks, before any marked task
//! is looked at or goes on. Then the records are those of requests one after the other too: a task keeps
//! the first ones and the last (`Received`, in the kernel), so no others are made.
//!
//! What ends a round: reading a marked task's requests or message ([`TaskState::requests`], its step
//! above all), its next await, more requests than there is room for, and whatever a program may do to a
//! future behind our back ([`catch_up_with`]).
//!
//! Gathers are not walked through so: a chain above one is walked to its end by each request.

use pyo3::prelude::*;
use rustc_hash::FxHashMap;
use stook_kernel::{CancelKind, Received};

use super::TaskState;
use crate::asking;
use crate::cancellations;
use crate::ffi::{Held, Ref};
use crate::future::FutureState;
use crate::loop_core::{self, LoopState, Marks};
use crate::put_off::Request;
use crate::record::RecordState;

/// How many records of requests that come at once a task may keep: the first ones and the last.
const MOST: usize = Received::MOST as usize;

/// Marks the tasks that a request has gone through; of the last one the next is known.
pub(super) fn mark(walked: &[Ref<'_, TaskState>]) {
    let Some(event_loop) = walked
        .last()
        .and_then(|last| last.future.event_loop(last.py()))
    else {
        return;
    };
    let Some(native) = loop_core::native(&event_loop) else {
        return;
    };
    // What is not ours may do anything when something is scheduled.
    if native.has(Marks::CALL_SOON) {
        return;
    }
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
    if !is_of_round(task, native) {
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

/// Whether the task was marked in the loop's round that is going on.
fn is_of_round(task: &TaskState, native: &LoopState) -> bool {
    task.is_marked.get()
        && native.put_off.has_begun()
        && task
            .future
            .cancellations_if_any()
            .is_some_and(|known| known.round() == native.put_off.round())
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
    if let Some(event_loop) = task.future.event_loop(py)
        && let Some(native) = loop_core::native(&event_loop)
        && is_of_round(task, native)
    {
        catch_up_all(native);
    }
    task.is_marked.set(false);
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
    let py = native.py();
    let round = native.put_off.round();
    let requests = native.put_off.end();
    if requests.is_empty() {
        return;
    }
    let mut chains = Chains {
        round,
        tasks: Vec::new(),
        places: FxHashMap::default(),
    };
    for (number, request) in requests.iter().enumerate() {
        let (task, record) = (request.task.bind(py), request.record.bind(py));
        // Empty only where the collector has emptied it.
        if let Some(task) = Ref::<TaskState>::cast_exact(task)
            && let Some(record) = Ref::<RecordState>::cast(record)
        {
            let place = chains.place_of(task);
            let message = request.message.bind(py).clone();
            chains.tasks[place]
                .coming
                .add(number, record.clone(), message);
        }
    }
    chains.count();
}

/// The tasks that requests which were put off go through, each once.
struct Chains<'py> {
    round: u64,
    tasks: Vec<Link<'py>>,
    /// By address.
    places: FxHashMap<usize, usize>,
}

struct Link<'py> {
    task: Ref<'py, TaskState>,
    /// The place of the task that it awaits; the last one has none.
    next: Option<usize>,
    /// How many tasks are before it that have not passed on what comes to them.
    before: usize,
    coming: Coming<'py>,
}

impl<'py> Chains<'py> {
    /// The place of a task; those below it get theirs as well.
    fn place_of(&mut self, task: &Ref<'py, TaskState>) -> usize {
        if let Some(known) = self.places.get(&address_of(task)) {
            return *known;
        }
        let first = self.push(task.clone());
        let mut last = first;
        while let Some(next) = self.next_of(last) {
            let known = self.places.get(&address_of(&next)).copied();
            let place = known.unwrap_or_else(|| self.push(next));
            self.tasks[last].next = Some(place);
            self.tasks[place].before += 1;
            if known.is_some() {
                break;
            }
            last = place;
        }
        first
    }

    fn push(&mut self, task: Ref<'py, TaskState>) -> usize {
        let place = self.tasks.len();
        self.places.insert(address_of(&task), place);
        self.tasks.push(Link {
            task,
            next: None,
            before: 0,
            coming: Coming::default(),
        });
        place
    }

    /// The marked task that the one at `place` awaits.
    fn next_of(&self, place: usize) -> Option<Ref<'py, TaskState>> {
        let task = &self.tasks[place].task;
        let awaited = task.awaited.get(task.py())?;
        let next = Ref::<TaskState>::cast_exact(&awaited)?;
        let known = next.future.cancellations_if_any()?;
        (next.is_marked.get() && known.round() == self.round).then(|| next.clone())
    }

    /// Has each task receive what comes to it, those above before those below.
    fn count(mut self) {
        let is_first = |place: &usize| self.tasks[*place].before == 0;
        let mut ready: Vec<usize> = (0..self.tasks.len()).filter(is_first).collect();
        while let Some(place) = ready.pop() {
            let coming = std::mem::take(&mut self.tasks[place].coming);
            let link = &self.tasks[place];
            coming.receive(&link.task);
            let Some(next) = link.next else {
                coming.kept_for_next_step(&link.task);
                continue;
            };
            let going_on = coming.passed_on_by(&link.task);
            let below = &mut self.tasks[next];
            below.coming.join(going_on);
            below.before -= 1;
            if below.before == 0 {
                ready.push(next);
            }
        }
    }
}

fn address_of(task: &Ref<'_, TaskState>) -> usize {
    task.as_any().as_ptr() as usize
}

/// The requests that come to one task.
#[derive(Default)]
struct Coming<'py> {
    times: u32,
    /// The records of the first ones and of the last, each with the number of its request; `MOST` at
    /// the most.
    records: Vec<(usize, Ref<'py, RecordState>)>,
    /// The message of the last one, with its number.
    message: Option<(usize, Bound<'py, PyAny>)>,
}

impl<'py> Coming<'py> {
    /// One more, the last.
    fn add(&mut self, number: usize, record: Ref<'py, RecordState>, message: Bound<'py, PyAny>) {
        self.times = self.times.saturating_add(1);
        self.records.truncate(MOST - 1);
        self.records.push((number, record));
        self.message = Some((number, message));
    }

    /// Those that come another way.
    fn join(&mut self, others: Coming<'py>) {
        self.times = self.times.saturating_add(others.times);
        self.records.extend(others.records);
        self.records.sort_by_key(|(number, _)| *number);
        let count = self.records.len();
        if count > MOST {
            self.records.drain(MOST - 1..count - 1);
        }
        let number = |message: &Option<(usize, _)>| message.as_ref().map(|(number, _)| *number);
        if number(&others.message) > number(&self.message) {
            self.message = others.message;
        }
    }

    fn receive(&self, task: &Ref<'py, TaskState>) {
        let mut requests = task.requests.get();
        requests.request_again(self.times);
        task.requests.set(requests);
        let known = task.future.cancellations();
        for (_, record) in &self.records {
            known.receive(record);
        }
        cancellations::count(u64::from(self.times) - self.records.len() as u64);
    }

    /// What the task awaits has refused them, or it awaits nothing.
    fn kept_for_next_step(self, task: &Ref<'py, TaskState>) {
        let mut requests = task.requests.get();
        requests.forward_refused();
        task.requests.set(requests);
        if let Some((_, message)) = self.message {
            task.future.set_cancel_message(Some(&message));
        }
    }

    /// What comes to the one that `task` awaits.
    fn passed_on_by(mut self, task: &Ref<'py, TaskState>) -> Self {
        let by = task.as_any();
        self.records.retain_mut(|(_, record)| {
            let when = record.when();
            match asking::follow_at(record, CancelKind::ParentCancelled, Some(by), when) {
                Ok(next) => {
                    *record = next;
                    true
                }
                Err(raised) => {
                    // There is no memory for it: the request goes on without.
                    raised.clear(task.py());
                    false
                }
            }
        });
        self
    }
}

//! Counting cancel requests that were put off, all at once: see `catching_up.rs`.

use std::collections::VecDeque;

use pyo3::prelude::*;
use pyo3::types::PyList;
use rustc_hash::FxHashMap;
use stook_kernel::{CancelKind, Received};

use super::TaskState;
use super::catching_up::is_of_round;
use super::passing_on::newest_of;
use crate::asking;
use crate::cancellations;
use crate::ffi::Ref;
use crate::gathering::{GatheringState, Next};
use crate::put_off::Request;
use crate::record::RecordState;

/// How many records of requests that come at once a task may keep: the first ones and the last.
const MOST: usize = Received::MOST as usize;

/// Counts these requests, which were put off in this round of their loop's.
pub(super) fn count(py: Python<'_>, round: u64, requests: Vec<Request>) {
    let mut marked = Marked {
        round,
        links: Vec::new(),
        places: FxHashMap::default(),
        is_forked: false,
        is_joined: false,
    };
    let mut coming = Vec::with_capacity(requests.len());
    for (number, request) in requests.iter().enumerate() {
        let (task, record) = (request.task.bind(py), request.record.bind(py));
        // Empty only where the collector has emptied it.
        if let Some(task) = Ref::<TaskState>::cast_exact(task)
            && let Some(record) = Ref::<RecordState>::cast(record)
        {
            let place = marked.place_of(task);
            let message = request.message.bind(py).clone();
            coming.push((place, Coming::of(number, record.clone(), message)));
        }
    }
    // A destructor may look at others: it finds all counted.
    let _replaced = marked.to_be_replaced(py);
    if marked.is_forked && marked.is_joined {
        coming
            .into_iter()
            .for_each(|(place, coming)| marked.count_alone(place, coming));
    } else {
        marked.count_together(coming);
    }
}

/// The tasks and gathers that requests which were put off go through, each once.
struct Marked<'py> {
    round: u64,
    links: Vec<Link<'py>>,
    /// By address.
    places: FxHashMap<usize, usize>,
    /// A gather has several children that are marked.
    is_forked: bool,
    /// Several lead to one.
    is_joined: bool,
}

struct Link<'py> {
    who: Who<'py>,
    /// The places of those that a request goes on to, in this order.
    below: Below,
    /// How many are before it that have not passed on what comes to them.
    before: usize,
    coming: Coming<'py>,
}

#[derive(Clone)]
enum Who<'py> {
    Task(Ref<'py, TaskState>),
    Gather(Ref<'py, GatheringState>),
}

impl<'py> Who<'py> {
    /// The object, if it was marked in this round.
    fn of(object: &Bound<'py, PyAny>, round: u64) -> Option<Self> {
        if let Some(task) = Ref::<TaskState>::cast_exact(object) {
            let is_marked = task.is_marked.get() && is_of_round(&task.future, round);
            return is_marked.then(|| Who::Task(task.clone()));
        }
        let gather = Ref::<GatheringState>::cast_exact(object)?;
        let is_marked = gather.next.get().is_some() && is_of_round(&gather.future, round);
        is_marked.then(|| Who::Gather(gather.clone()))
    }

    fn address(&self) -> usize {
        match self {
            Who::Task(task) => task.as_any().as_ptr() as usize,
            Who::Gather(gather) => gather.as_any().as_ptr() as usize,
        }
    }
}

/// One place, as a rule.
enum Below {
    Nothing,
    One(usize),
    Many(Vec<usize>),
}

impl Below {
    fn add(&mut self, place: usize) {
        *self = match std::mem::replace(self, Below::Nothing) {
            Below::Nothing => Below::One(place),
            Below::One(first) => Below::Many(vec![first, place]),
            Below::Many(mut places) => {
                places.push(place);
                Below::Many(places)
            }
        };
    }

    fn places(&self) -> &[usize] {
        match self {
            Below::Nothing => &[],
            Below::One(place) => std::slice::from_ref(place),
            Below::Many(places) => places,
        }
    }
}

impl<'py> Marked<'py> {
    /// The place of a task; those below it get theirs as well.
    fn place_of(&mut self, task: &Ref<'py, TaskState>) -> usize {
        let known = self.places.len();
        let first = self.place(Who::Task(task.clone()));
        let mut new = VecDeque::new();
        if self.places.len() > known {
            new.push_back(first);
        }
        while let Some(place) = new.pop_front() {
            for below in self.those_below(place) {
                let known = self.places.len();
                let next = self.place(below);
                if self.places.len() > known {
                    new.push_back(next);
                }
                self.links[place].below.add(next);
                self.links[next].before += 1;
                self.is_joined |= self.links[next].before > 1;
            }
            self.is_forked |= matches!(self.links[place].below, Below::Many(_));
        }
        first
    }

    fn place(&mut self, who: Who<'py>) -> usize {
        let new = self.links.len();
        let place = *self.places.entry(who.address()).or_insert(new);
        if place == new {
            self.links.push(Link {
                who,
                below: Below::Nothing,
                before: 0,
                coming: Coming::default(),
            });
        }
        place
    }

    /// Those that a request goes on to from this place. What is not marked is done, and takes none.
    fn those_below(&self, place: usize) -> Vec<Who<'py>> {
        match &self.links[place].who {
            Who::Task(task) => {
                let awaited = task.awaited.get(task.py());
                let next = awaited.and_then(|awaited| Who::of(&awaited, self.round));
                next.into_iter().collect()
            }
            Who::Gather(gather) => match gather.gathered(gather.py()).cast::<PyList>() {
                Ok(children) => children
                    .iter()
                    .filter_map(|child| Who::of(&child, self.round))
                    .collect(),
                Err(_) => Vec::new(),
            },
        }
    }

    /// The messages and records which others may take the place of now.
    fn to_be_replaced(&self, py: Python<'py>) -> Vec<Bound<'py, PyAny>> {
        let of_link = |link: &Link<'py>| match &link.who {
            Who::Task(task) => newest_of(task, py),
            Who::Gather(gather) => [gather.future.record(py).map(Ref::into_any), None],
        };
        self.links.iter().flat_map(of_link).flatten().collect()
    }

    /// Has each receive all that comes to it, those above before those below. Requests come to each in
    /// their order where no two ways lead from one to another.
    fn count_together(&mut self, requests: Vec<(usize, Coming<'py>)>) {
        for (place, coming) in requests {
            self.links[place].coming.join(coming);
        }
        let is_first = |place: &usize| self.links[*place].before == 0;
        let mut ready: Vec<usize> = (0..self.links.len()).filter(is_first).collect();
        while let Some(place) = ready.pop() {
            let coming = std::mem::take(&mut self.links[place].coming);
            let going_on = self.receive(place, coming);
            let below = std::mem::replace(&mut self.links[place].below, Below::Nothing);
            for next in below.places() {
                let link = &mut self.links[*next];
                link.coming.join(going_on.clone());
                link.before -= 1;
                if link.before == 0 {
                    ready.push(*next);
                }
            }
        }
    }

    /// Has one request go its way, which may lead several times to one task.
    fn count_alone(&self, first: usize, coming: Coming<'py>) {
        let mut left = vec![(first, coming)];
        while let Some((place, coming)) = left.pop() {
            let going_on = self.receive(place, coming);
            let below = self.links[place].below.places().iter().rev();
            left.extend(below.map(|next| (*next, going_on.clone())));
        }
    }

    /// The task or gather receives what comes to it; what comes to those below.
    fn receive(&self, place: usize, coming: Coming<'py>) -> Coming<'py> {
        let link = &self.links[place];
        match &link.who {
            Who::Task(task) => {
                coming.receive(task);
                let Some(next) = link.below.places().first() else {
                    coming.kept_for_next_step(task);
                    return Coming::default();
                };
                match &self.links[*next].who {
                    Who::Task(_) => {
                        let by = Some(task.as_any());
                        coming.passed_on(task.py(), CancelKind::ParentCancelled, by)
                    }
                    Who::Gather(gather) => {
                        if gather.next.get() == Some(Next::Refused) {
                            coming.kept_for_next_step(task);
                        }
                        coming.passed_on(task.py(), CancelKind::Group, None)
                    }
                }
            }
            Who::Gather(gather) => {
                if let Some((number, last)) = coming.records.last()
                    && *number >= gather.asked_after.get()
                {
                    gather.future.cancellations().end(last);
                }
                coming
            }
        }
    }
}

/// The requests that come to one task or gather.
#[derive(Clone, Default)]
struct Coming<'py> {
    times: u32,
    /// The records of the first ones and of the last, each with the number of its request; `MOST` at
    /// the most.
    records: Vec<(usize, Ref<'py, RecordState>)>,
    /// The message of the last one, with its number.
    message: Option<(usize, Bound<'py, PyAny>)>,
}

impl<'py> Coming<'py> {
    fn of(number: usize, record: Ref<'py, RecordState>, message: Bound<'py, PyAny>) -> Self {
        Coming {
            times: 1,
            records: vec![(number, record)],
            message: Some((number, message)),
        }
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
    fn kept_for_next_step(&self, task: &Ref<'py, TaskState>) {
        let mut requests = task.requests.get();
        requests.forward_refused();
        task.requests.set(requests);
        if let Some((_, message)) = &self.message {
            task.future.set_cancel_message(Some(message));
        }
    }

    /// What comes to what the task awaits that these have come to: by it, or by who has made them.
    fn passed_on(
        mut self,
        py: Python<'py>,
        kind: CancelKind,
        by: Option<&Bound<'py, PyAny>>,
    ) -> Self {
        self.records.retain_mut(|(_, record)| {
            let when = record.when();
            match asking::follow_at(record, kind, by, when) {
                Ok(next) => {
                    *record = next;
                    true
                }
                Err(raised) => {
                    // There is no memory for it: the request goes on without.
                    raised.clear(py);
                    false
                }
            }
        });
        self
    }
}

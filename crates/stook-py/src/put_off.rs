//! Cancel requests of a loop's tasks that were received and not passed on yet.
//!
//! Many tasks of one chain are asked one after the other, as at the end of a run: where each of these
//! requests would go over what those before it went over, it is put off at the first such task. What
//! this is for, and when it may be done, says `task/catching_up.rs`.

use std::cell::Cell;

use crate::ffi::gc::traverse;
use crate::ffi::{Held, ListCell};

/// One request.
#[derive(Debug)]
pub(crate) struct Request {
    /// The task that it comes to.
    pub(crate) task: Held,
    /// The record that it comes with.
    pub(crate) record: Held,
    /// Its message, `None` for none.
    pub(crate) message: Held,
}

/// Those of one loop.
#[derive(Debug, Default)]
pub(crate) struct PutOff {
    /// Tasks are marked with the number of the round. It is over when a marked one goes on or is
    /// looked at.
    round: Cell<u64>,
    /// How many tasks were marked in it.
    marked: Cell<usize>,
    /// In the order in which they came.
    requests: ListCell<Request>,
}

traverse!(Request: task, record, message);
traverse!(PutOff: requests);

/// So many requests are put off however few tasks are marked.
const FEW: usize = 1_000;

impl PutOff {
    /// The number of the round.
    pub(crate) fn round(&self) -> u64 {
        self.round.get()
    }

    /// Whether a task was marked in this round.
    pub(crate) fn has_begun(&self) -> bool {
        self.marked.get() > 0
    }

    /// So many tasks are marked in this round.
    pub(crate) fn mark(&self, tasks: usize) {
        self.marked.set(self.marked.get() + tasks);
    }

    /// Whether there are as many requests as are put off at the most: a program that asks again and
    /// again does not use up memory, and to begin a new round costs little for each of so many.
    pub(crate) fn is_full(&self) -> bool {
        self.len() >= self.marked.get().max(FEW)
    }

    /// How many requests were put off in this round.
    pub(crate) fn len(&self) -> usize {
        self.requests.len()
    }

    /// Puts a request off.
    pub(crate) fn push(&self, request: Request) {
        self.requests.push(request);
    }

    /// The round is over, in which these were put off.
    pub(crate) fn end(&self) -> Vec<Request> {
        if self.has_begun() {
            self.marked.set(0);
            self.round.set(self.round.get() + 1);
        }
        self.requests.take()
    }
}

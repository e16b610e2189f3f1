//! Cancel requests of a loop's tasks that were received and not passed on yet.
//!
//! Many tasks of one chain are asked one after the other, as at the end of a run: where each of these
//! requests would go over what those before it went over, it is put off at the first such task. What
//! this is for, and when it may be done, says `task/passing_on.rs`.

use std::cell::Cell;

use pyo3::prelude::*;

use crate::ffi::gc::traverse;
use crate::ffi::{Held, HeldCell, ListCell};

/// One request.
#[derive(Debug)]
pub(crate) struct Request {
    /// The task that it comes to.
    pub(crate) task: Held,
    /// The record that it comes with.
    pub(crate) record: Held,
}

/// Those of one loop.
#[derive(Debug, Default)]
pub(crate) struct PutOff {
    /// Tasks are marked with the number of the round. It is over when a marked one goes on or is
    /// looked at.
    round: Cell<u64>,
    /// The message that all requests of the round have; none while no task is marked.
    message: HeldCell,
    /// In the order in which they came.
    requests: ListCell<Request>,
}

traverse!(Request: task, record);
traverse!(PutOff: message, requests);

impl PutOff {
    /// The number of the round.
    pub(crate) fn round(&self) -> u64 {
        self.round.get()
    }

    /// Whether requests with this message, `None` for none, belong to the round that has begun.
    pub(crate) fn is_of_round(&self, message: &Bound<'_, PyAny>) -> bool {
        self.message.holds(message)
    }

    /// Whether a task was marked in this round.
    pub(crate) fn has_begun(&self) -> bool {
        self.message.is_some()
    }

    /// A task is marked in this round, of requests with this message.
    pub(crate) fn begin(&self, message: &Bound<'_, PyAny>) {
        self.message.set(message.clone());
    }

    /// Puts a request off.
    pub(crate) fn push(&self, request: Request) {
        self.requests.push(request);
    }

    /// The round is over: its message, unless no task was marked in it, and what was put off.
    pub(crate) fn end<'py>(&self, py: Python<'py>) -> Option<(Bound<'py, PyAny>, Vec<Request>)> {
        let message = self.message.take(py)?;
        self.round.set(self.round.get() + 1);
        Some((message, self.requests.take()))
    }
}

//! Where the outcome of a task is kept until somebody takes it.

use std::sync::Mutex;

use stook_kernel::Retrieval;

use crate::block::CellRef;
use crate::cancel_error::CancelError;
use crate::lock::lock;
use crate::outcome::Outcome;
use crate::report;

/// Where the outcome of a task is kept until somebody takes it.
///
/// Whether there is a handle still stands in the task's cell: what ends without one is never put here.
#[derive(Debug)]
pub(crate) struct Slot<T, E>(Mutex<Kept<T, E>>);

#[derive(Debug)]
struct Kept<T, E> {
    outcome: Option<Outcome<T, E>>,
    /// Of its error, where it has one.
    retrieval: Retrieval,
    /// Somebody else reads the error.
    is_read_elsewhere: bool,
}

impl<T, E> Slot<T, E> {
    pub(crate) fn new(is_read_elsewhere: bool) -> Self {
        Self(Mutex::new(Kept {
            outcome: None,
            retrieval: Retrieval::new(),
            is_read_elsewhere,
        }))
    }

    /// Takes the outcome of the task, which has ended. Its error counts as read.
    pub(crate) fn take(&self, cell: &CellRef) -> Option<Outcome<T, E>> {
        let mut kept = lock(&self.0);
        kept.retrieval.read();
        cell.note_taken();
        kept.outcome.take()
    }
}

impl<T, E> Kept<T, E> {
    fn raised(&mut self) {
        if !self.is_read_elsewhere {
            self.retrieval.raised();
        }
    }
}

impl<T, E: CancelError> Slot<T, E> {
    /// The task has ended: keeps the outcome for whoever has the handle, and tells those who wait;
    /// reports an error when nobody has.
    pub(crate) fn settle(&self, cell: &CellRef, outcome: Outcome<T, E>) {
        let ended = outcome.ended();
        if cell.is_abandoned() {
            if outcome.is_error() {
                let unread = {
                    let mut kept = lock(&self.0);
                    kept.raised();
                    kept.retrieval.take_unread()
                };
                report_unread(cell, unread, &outcome);
            }
            // Before who waits goes on.
            report::guard_destructor(cell, outcome);
            cell.finish(ended);
            return;
        }
        {
            let mut kept = lock(&self.0);
            if outcome.is_error() {
                kept.raised();
            }
            kept.outcome = Some(outcome);
        }
        if cell.finish(ended) {
            let left = self.give_up(cell);
            report::guard_destructor(cell, left);
        }
    }

    /// The handle is dropped: nobody will read what is here or comes.
    pub(crate) fn abandon(&self, cell: &CellRef) {
        if !cell.is_taken() && cell.abandon() {
            let left = self.give_up(cell);
            drop(left);
        }
    }

    /// Reports what nobody has read; what is to be dropped.
    fn give_up(&self, cell: &CellRef) -> Option<Outcome<T, E>> {
        let (outcome, unread) = {
            let mut kept = lock(&self.0);
            (kept.outcome.take(), kept.retrieval.take_unread())
        };
        if let Some(outcome) = &outcome {
            report_unread(cell, unread, outcome);
        }
        outcome
    }
}

fn report_unread<T, E: CancelError>(cell: &CellRef, unread: bool, outcome: &Outcome<T, E>) {
    if unread {
        report::unread(cell, outcome);
    }
}

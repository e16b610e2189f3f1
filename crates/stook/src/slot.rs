//! Where the outcome of a task is kept until somebody takes it.

use std::sync::{Arc, Mutex};

use stook_kernel::Retrieval;

use crate::cancel_error::CancelError;
use crate::cell::Cell;
use crate::lock::lock;
use crate::outcome::Outcome;
use crate::report;

/// Where the outcome of a task is kept until somebody takes it.
#[derive(Debug)]
pub(crate) struct Slot<T, E>(Mutex<Kept<T, E>>);

#[derive(Debug)]
struct Kept<T, E> {
    outcome: Option<Outcome<T, E>>,
    /// Of its error, where it has one.
    retrieval: Retrieval,
    /// There is no handle any more.
    is_abandoned: bool,
    /// Somebody else reads the error.
    is_read_elsewhere: bool,
}

impl<T, E> Slot<T, E> {
    pub(crate) fn new(is_read_elsewhere: bool) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Kept {
            outcome: None,
            retrieval: Retrieval::new(),
            is_abandoned: false,
            is_read_elsewhere,
        })))
    }

    /// Takes the outcome. Its error counts as read.
    pub(crate) fn take(&self) -> Option<Outcome<T, E>> {
        let mut kept = lock(&self.0);
        kept.retrieval.read();
        kept.outcome.take()
    }
}

impl<T, E: CancelError> Slot<T, E> {
    /// Keeps the outcome for whoever has the handle; reports an error when nobody has.
    pub(crate) fn settle(&self, cell: &Cell, outcome: Outcome<T, E>) {
        let unread = {
            let mut kept = lock(&self.0);
            if outcome.is_error() && !kept.is_read_elsewhere {
                kept.retrieval.raised();
            }
            if !kept.is_abandoned {
                kept.outcome = Some(outcome);
                return;
            }
            kept.retrieval.take_unread()
        };
        report_unread(cell, unread, &outcome);
    }

    /// The handle is dropped: nobody will read what is here or comes.
    pub(crate) fn abandon(&self, cell: &Cell) {
        let (outcome, unread) = {
            let mut kept = lock(&self.0);
            kept.is_abandoned = true;
            (kept.outcome.take(), kept.retrieval.take_unread())
        };
        if let Some(outcome) = outcome {
            report_unread(cell, unread, &outcome);
        }
    }
}

fn report_unread<T, E: CancelError>(cell: &Cell, unread: bool, outcome: &Outcome<T, E>) {
    if !unread {
        return;
    }
    match outcome {
        Outcome::Err(error) => report::unread_error(cell, format!("{error:?}")),
        Outcome::Panicked(panic) => report::unread_error(cell, format!("{panic:?}")),
        _ => {}
    }
}

//! Where the outcome of a task is kept until somebody takes it.

use std::sync::Mutex;

use crate::block::CellRef;
use crate::cancel_error::CancelError;
use crate::cell::Cell;
use crate::lock::lock;
use crate::outcome::Outcome;
use crate::report;

/// Where the outcome of a task is kept until somebody takes it.
///
/// Whether there is a handle still, and whether the error was read, stands in the task's cell: what
/// ends without a handle is never put here.
#[derive(Debug)]
pub(crate) struct Slot<T, E>(Mutex<Option<Outcome<T, E>>>);

impl<T, E> Slot<T, E> {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// Takes the outcome of the task, which has ended. Its error counts as read: it is here no more.
    pub(crate) fn take(&self, cell: &Cell) -> Option<Outcome<T, E>> {
        let outcome = lock(&self.0).take();
        cell.note_taken();
        outcome
    }
}

impl<T, E: CancelError> Slot<T, E> {
    /// The task has ended: keeps the outcome for whoever has the handle, and tells those who wait;
    /// reports an error when nobody has, unless somebody else reads it.
    ///
    /// The reference is to this cell.
    pub(crate) fn settle(
        &self,
        task: &CellRef,
        cell: &Cell,
        outcome: Outcome<T, E>,
        is_read_elsewhere: bool,
    ) {
        let ended = outcome.ended();
        if outcome.is_error() && !is_read_elsewhere {
            cell.raised();
        }
        if cell.is_abandoned() {
            report_unread(task, &outcome);
            // Before who waits goes on.
            match outcome {
                // Most are empty.
                Outcome::Ok(value) => report::guard_destructor(task, value),
                outcome => report::guard_destructor(task, outcome),
            }
            task.finish_at(cell, ended);
            return;
        }
        *lock(&self.0) = Some(outcome);
        if task.finish_at(cell, ended) {
            let left = self.give_up(task);
            report::guard_destructor(task, left);
        }
    }

    /// The handle was dropped, and the task had ended: nobody will read what is here.
    pub(crate) fn abandon(&self, cell: &CellRef) {
        if let Some(left) = self.give_up(cell) {
            // It may be that a panic unwinds, which a second one must not meet.
            report::guard_destructor(cell, left);
        }
    }

    /// Reports what nobody has read; what is to be dropped.
    fn give_up(&self, cell: &CellRef) -> Option<Outcome<T, E>> {
        let outcome = lock(&self.0).take();
        if let Some(outcome) = &outcome {
            report_unread(cell, outcome);
        }
        outcome
    }
}

/// Reports the outcome if it is an error, and nobody has read it or is to read it elsewhere.
fn report_unread<T, E: CancelError>(cell: &CellRef, outcome: &Outcome<T, E>) {
    if outcome.is_error() && cell.take_unread() {
        report::unread(cell, outcome);
    }
}

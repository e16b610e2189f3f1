//! `task.await`: waits for a task, and hands the caller's cancellation on to it.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::block::CellRef;
use crate::cancel_error::CancelError;
use crate::cell::Cell;
use crate::done::Done;
use crate::forward::{Forward, HandedOn};
use crate::outcome::Outcome;
use crate::reaper;
use crate::record::{CancelKind, Record};
use crate::task::Task;

/// The future of `task.await`.
///
/// # Errors
/// The error of the task. When the task was cancelled: the caller's own cancellation, if that is what
/// was handed on, or else the task's, which is an error like any other for the caller. A cancellation
/// of the caller that the task ended without having seen is delivered at the caller's next cancel point.
///
/// # Panics
/// The task panicked: with the same payload. Or its outcome was taken before.
///
/// # Cancel safety
/// Dropped before the task has ended, it asks the task to cancel and reports it; the task stays in the
/// tree until it has ended. To be dropped without that, use [`Task::join`].
///
/// # Source
/// Awaiting a task in CPython 3.13.
#[must_use = "futures do nothing unless awaited"]
pub struct Awaiting<T, E: CancelError> {
    task: Task<T, E>,
    done: Done<CellRef>,
    forward: Forward,
    is_over: bool,
}

// Nothing in it is pinned in place.
impl<T, E: CancelError> Unpin for Awaiting<T, E> {}

impl<T, E: CancelError> Awaiting<T, E> {
    pub(crate) fn new(task: Task<T, E>, location: &'static Location<'static>) -> Self {
        let done = Done::new(task.cell().clone());
        Self {
            task,
            done,
            forward: Forward::new(location),
            is_over: false,
        }
    }
}

impl<T, E: CancelError> Future for Awaiting<T, E> {
    type Output = Result<T, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if Pin::new(&mut this.done).poll(cx).is_pending() {
            let location = this.forward.location();
            while let Some(taken) = this.forward.take(cx) {
                let cause = Some(taken.cancelled.record());
                let record = Record::new(CancelKind::ParentCancelled, None, location, cause);
                let is_accepted = this.task.cell().request(Arc::clone(&record));
                taken.handed_on = Some(HandedOn {
                    record,
                    accepted: usize::from(is_accepted),
                });
            }
            // Asking may have ended it, as aborting does.
            if this.task.cell().ended().is_none() {
                return Poll::Pending;
            }
        }
        this.is_over = true;
        let Some(outcome) = this.task.try_take() else {
            panic!("the outcome of task {} was taken before", this.task.id());
        };
        Poll::Ready(match (outcome, this.forward.mine()) {
            (Outcome::Cancelled(_) | Outcome::Aborted, Some(mine)) => {
                this.forward.answered();
                Err(mine.into())
            }
            (outcome, _) => {
                let cell: &Cell = this.task.cell();
                this.forward
                    .renew_unless(|handed_on| handed_on.is_seen_by([cell]));
                outcome.into_result_at(this.forward.location())
            }
        })
    }
}

impl<T, E: CancelError> Drop for Awaiting<T, E> {
    fn drop(&mut self) {
        if !self.is_over && self.task.cell().ended().is_none() {
            reaper::adopt(std::slice::from_ref(self.task.cell()), Some("task.await"));
        }
    }
}

impl<T, E: CancelError> fmt::Debug for Awaiting<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Awaiting").field(&self.task).finish()
    }
}

//! What tokio runs for one of our tasks: the user's future, in its place, and how it ends.
//!
//! The user's future is dropped before its outcome is settled: who joins the task finds everything
//! released.

use std::future::Future;
use std::panic::{self, AssertUnwindSafe, Location};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::cancel_error::CancelError;
use crate::cell::Cell;
use crate::context::{self, Entered, Place};
use crate::outcome::Outcome;
use crate::panicked::Panic;
use crate::report;

/// Where the outcome of a task goes.
pub(crate) trait Settle<T, E> {
    /// Keeps the outcome, and has the cell told how the task ended.
    fn settle(self, cell: &Arc<Cell>, outcome: Outcome<T, E>);
}

pin_project! {
    /// The user's future, in its place.
    pub(crate) struct TaskFuture<F, T, E, S>
    where
        S: Settle<T, E>,
    {
        // `None` once it has ended.
        #[pin]
        future: Option<F>,
        // `None` once it was told.
        sink: Option<S>,
        cell: Arc<Cell>,
        place: Place,
        waiting: Option<&'static Location<'static>>,
        _output: std::marker::PhantomData<fn() -> (T, E)>,
    }

    impl<F, T, E, S> PinnedDrop for TaskFuture<F, T, E, S>
    where
        S: Settle<T, E>,
    {
        // Aborted, or its runtime is shut down; or never polled.
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let Some(sink) = this.sink.take() else { return };
            let outcome = match drop_future(this.future.as_mut(), this.place) {
                None => Outcome::Aborted,
                Some(panic) => Outcome::Panicked(panic),
            };
            sink.settle(this.cell, outcome);
        }
    }
}

impl<F, T, E, S: Settle<T, E>> TaskFuture<F, T, E, S> {
    pub(crate) fn new(cell: Arc<Cell>, future: F, sink: S) -> Self {
        Self {
            future: Some(future),
            sink: Some(sink),
            place: Place {
                cell: Some(Arc::clone(&cell)),
                scope: None,
            },
            cell,
            waiting: None,
            _output: std::marker::PhantomData,
        }
    }
}

impl<F, T, E, S> Future for TaskFuture<F, T, E, S>
where
    F: Future<Output = Result<T, E>>,
    E: CancelError,
    S: Settle<T, E>,
{
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        let outcome = match step(this.future.as_mut(), this.cell, this.place, cx) {
            Poll::Ready(outcome) => outcome,
            Poll::Pending => {
                let waiting = context::take_waiting();
                if waiting.map(std::ptr::from_ref) != this.waiting.map(std::ptr::from_ref) {
                    *this.waiting = waiting;
                    this.cell.note_waiting(waiting);
                }
                return Poll::Pending;
            }
        };
        // A result is not lost to a destructor that panics.
        if let Some(panic) = drop_future(this.future.as_mut(), this.place) {
            report::destructor_panicked(this.cell, &panic);
        }
        if let Some(sink) = this.sink.take() {
            sink.settle(this.cell, outcome);
        }
        Poll::Ready(())
    }
}

/// Polls the user's future once, and says how the task ended if it did.
fn step<F, T, E>(
    future: Pin<&mut Option<F>>,
    cell: &Arc<Cell>,
    place: &mut Place,
    cx: &mut Context<'_>,
) -> Poll<Outcome<T, E>>
where
    F: Future<Output = Result<T, E>>,
    E: CancelError,
{
    if !cell.is_started() {
        if let Some(cancelled) = cell.start(cx.waker()) {
            return Poll::Ready(Outcome::Cancelled(cancelled));
        }
    }
    let Some(future) = future.as_pin_mut() else {
        return Poll::Pending;
    };
    context::take_waiting();
    let polled = {
        let _entered = Entered::new(place);
        panic::catch_unwind(AssertUnwindSafe(|| future.poll(cx)))
    };
    match polled {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(Ok(value))) => Poll::Ready(Outcome::Ok(value)),
        Ok(Poll::Ready(Err(error))) => Poll::Ready(match error.as_cancelled() {
            // A child's cancellation, or that of somebody else, does not make this one cancelled.
            Some(cancelled) if cancelled.target() == cell.id() => {
                Outcome::Cancelled(cancelled.clone())
            }
            _ => Outcome::Err(error),
        }),
        Err(payload) => Poll::Ready(Outcome::Panicked(Panic::new(payload))),
    }
}

/// Drops the user's future in its place; a panic of its destructor, if there was one.
fn drop_future<F>(mut future: Pin<&mut Option<F>>, place: &mut Place) -> Option<Panic> {
    let _entered = Entered::new(place);
    panic::catch_unwind(AssertUnwindSafe(|| future.set(None)))
        .err()
        .map(Panic::new)
}

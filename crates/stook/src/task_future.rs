//! What tokio runs for one of our tasks: the user's future, in its place, and how it ends.
//!
//! The user's future is dropped before its outcome is settled: who joins the task finds everything
//! released.

use std::future::Future;
use std::panic::{self, AssertUnwindSafe};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::cancel_error::CancelError;
use crate::cancelled::Cancelled;
use crate::cell::Cell;
use crate::context::{self, Entered, Place, Polled};
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
        // Its cell is lent to the thread while it is polled.
        place: Place,
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
            if let Some(cell) = &this.place.cell {
                sink.settle(cell, outcome);
            }
        }
    }
}

impl<F, T, E, S: Settle<T, E>> TaskFuture<F, T, E, S> {
    pub(crate) fn new(cell: Arc<Cell>, future: F, sink: S) -> Self {
        Self {
            future: Some(future),
            sink: Some(sink),
            place: Place {
                cell: Some(cell),
                scope: None,
            },
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
        let Some(cell) = &this.place.cell else {
            return Poll::Pending;
        };
        let first = !cell.is_started();
        let cancelled = if first { cell.start() } else { None };
        let stepped = match cancelled {
            Some(cancelled) => Stepped {
                end: Some(End::NeverStarted(cancelled)),
                panic: drop_future(this.future.as_mut(), this.place),
            },
            None => step(this.future.as_mut(), this.place, cx),
        };
        let Some(cell) = &this.place.cell else {
            return Poll::Pending;
        };
        let Some(end) = stepped.end else {
            cell.note_waiting(context::take_waiting());
            if first {
                cell.park(cx.waker());
            }
            return Poll::Pending;
        };
        // A result is not lost to a destructor that panics.
        if let Some(panic) = stepped.panic {
            report::destructor_panicked(cell, &panic);
        }
        if let Some(sink) = this.sink.take() {
            sink.settle(cell, outcome(cell, end));
        }
        Poll::Ready(())
    }
}

/// What came of one step.
struct Stepped<T, E> {
    /// `None` while the task goes on.
    end: Option<End<T, E>>,
    /// Of the destructor of the user's future, once that has ended.
    panic: Option<Panic>,
}

/// How the user's future ended.
enum End<T, E> {
    Returned(Result<T, E>),
    Panicked(Panic),
    NeverStarted(Cancelled),
}

/// Polls the user's future once, drops it when it has ended, and says how the task ended if it did.
fn step<F, T, E>(
    mut future: Pin<&mut Option<F>>,
    place: &mut Place,
    cx: &mut Context<'_>,
) -> Stepped<T, E>
where
    F: Future<Output = Result<T, E>>,
{
    #[cfg(feature = "tracing")]
    let span = place.cell.as_ref().and_then(|cell| cell.span());
    #[cfg(feature = "tracing")]
    let _span = span.as_ref().map(crate::span::Span::enter);
    context::take_waiting();
    let mut polled = Poll::Pending;
    let unwound = {
        let _polled = Polled::new(place, cx.waker());
        panic::catch_unwind(AssertUnwindSafe(|| {
            if let Some(future) = future.as_mut().as_pin_mut() {
                polled = future.poll(cx);
            }
            if polled.is_ready() {
                future.set(None);
            }
        }))
    };
    match (polled, unwound) {
        (Poll::Pending, Ok(())) => Stepped {
            end: None,
            panic: None,
        },
        (Poll::Ready(result), unwound) => Stepped {
            end: Some(End::Returned(result)),
            panic: unwound.err().map(Panic::new),
        },
        (Poll::Pending, Err(payload)) => Stepped {
            end: Some(End::Panicked(Panic::new(payload))),
            panic: drop_future(future, place),
        },
    }
}

fn outcome<T, E: CancelError>(cell: &Cell, end: End<T, E>) -> Outcome<T, E> {
    match end {
        End::Returned(Ok(value)) => Outcome::Ok(value),
        End::Returned(Err(error)) => match error.as_cancelled() {
            // A child's cancellation, or that of somebody else, does not make this one cancelled.
            Some(cancelled) if cancelled.target() == cell.id() => {
                Outcome::Cancelled(cancelled.clone())
            }
            _ => Outcome::Err(error),
        },
        End::Panicked(panic) => Outcome::Panicked(panic),
        End::NeverStarted(cancelled) => Outcome::Cancelled(cancelled),
    }
}

/// Drops the user's future in its place; a panic of its destructor, if there was one.
fn drop_future<F>(mut future: Pin<&mut Option<F>>, place: &mut Place) -> Option<Panic> {
    let _entered = Entered::new(place);
    panic::catch_unwind(AssertUnwindSafe(|| future.set(None)))
        .err()
        .map(Panic::new)
}

//! What tokio runs for one of our tasks: the user's future, in its place, and how it ends.
//!
//! The user's future is dropped before its outcome is settled: who joins the task finds everything
//! released.

use std::any::Any;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::{self, AssertUnwindSafe};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::block::{Block, CellRef};
use crate::cancel_error::CancelError;
use crate::cancelled::Cancelled;
use crate::catch::caught;
use crate::context::{self, Entered, Place, Polled};
use crate::outcome::Outcome;
use crate::panicked::Panic;
use crate::reaper;
use crate::report;

/// Where the outcome of a task goes.
pub(crate) trait Settle<T, E> {
    /// Whether a task that never begins has ended only when those have that were left to it.
    const WAITS_FOR_LEFT: bool = false;

    /// The place of the task's cell in its block.
    fn place(&self) -> usize {
        0
    }

    /// Keeps the outcome, and has the cell told how the task ended.
    fn settle(&self, cell: &CellRef, outcome: Outcome<T, E>);

    /// The same for a task that was cancelled before its first step. Those that were left to it are
    /// asked to cancel.
    fn settle_never_started(&self, cell: CellRef, cancelled: Cancelled, _left: Vec<CellRef>) {
        self.settle(&cell, Outcome::Cancelled(cancelled));
    }
}

pin_project! {
    /// The user's future, and the block of its task. Small: tokio keeps tasks on cache lines of
    /// their own.
    pub(crate) struct TaskFuture<F, T, E, B, S>
    where
        B: Block,
        S: Settle<T, E>,
    {
        // `None` once it has ended.
        #[pin]
        future: Option<F>,
        // Lent to the thread while the future is polled. `None` once the task has ended.
        block: Option<Arc<B>>,
        sink: S,
        _output: PhantomData<fn() -> (T, E)>,
    }

    impl<F, T, E, B, S> PinnedDrop for TaskFuture<F, T, E, B, S>
    where
        B: Block,
        S: Settle<T, E>,
    {
        // Its runtime is shut down, or refuses it.
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if let Some(block) = this.block.take() {
                abort(this.future, CellRef::new(block, this.sink.place()), this.sink);
            }
        }
    }
}

impl<F, T, E, B, S> TaskFuture<F, T, E, B, S>
where
    B: Block,
    S: Settle<T, E>,
{
    /// For a task that is about to be spawned.
    pub(crate) fn new(block: Arc<B>, future: F, sink: S) -> Self {
        let task = Self {
            future: Some(future),
            block: Some(block),
            sink,
            _output: PhantomData,
        };
        // Not before: a panic of the program's subscriber is the end of the task.
        #[cfg(feature = "tracing")]
        task.open_span();
        task
    }

    #[cfg(feature = "tracing")]
    fn open_span(&self) {
        let Some(block) = &self.block else { return };
        if let Some(about) = block.about() {
            block.cell(self.sink.place()).open_span(about);
        }
    }
}

impl<F, T, E, B, S> Future for TaskFuture<F, T, E, B, S>
where
    F: Future<Output = Result<T, E>>,
    E: CancelError,
    B: Block,
    S: Settle<T, E>,
{
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        let Some(block) = this.block.take() else {
            return Poll::Pending;
        };
        let cell = block.cell(this.sink.place());
        if cell.is_aborted() {
            let cell = CellRef::new(block, this.sink.place());
            abort(this.future, cell, this.sink);
            return Poll::Ready(());
        }
        if !cell.is_started() {
            if let Some(cancelled) = cell.start() {
                let cell = CellRef::new(block, this.sink.place());
                never_start(this.future, cell, cancelled, this.sink);
                return Poll::Ready(());
            }
        }
        let mut place = Place::of_task(CellRef::new(block, this.sink.place()));
        let mut polled = Poll::Pending;
        let panic = step(this.future, &mut place, cx, &mut polled);
        let Some(cell) = place.cell else {
            unreachable!("it was lent");
        };
        let outcome = match polled {
            Poll::Ready(result) => {
                // It is not lost to a destructor that panics.
                if let Some(panic) = panic {
                    report::destructor_panicked(&cell, &panic);
                }
                returned(&cell, result)
            }
            Poll::Pending => match panic {
                Some(panic) => Outcome::Panicked(panic),
                None => {
                    let waiting = context::take_waiting();
                    if let Some(block) = cell.into_block::<B>() {
                        let block = this.block.insert(block);
                        block.cell(this.sink.place()).park(waiting, cx.waker());
                    }
                    return Poll::Pending;
                }
            },
        };
        this.sink.settle(&cell, outcome);
        Poll::Ready(())
    }
}

/// Polls the user's future once, and drops it when it has ended. A panic that ended it or, where it has
/// returned, one of its destructor.
fn step<F: Future>(
    mut future: Pin<&mut Option<F>>,
    place: &mut Place,
    cx: &mut Context<'_>,
    polled: &mut Poll<F::Output>,
) -> Option<Panic> {
    context::take_waiting();
    let unwound = panic::catch_unwind(AssertUnwindSafe(|| {
        // Inside: a panic of the program's subscriber is one of the task.
        #[cfg(feature = "tracing")]
        let span = place
            .cell
            .as_ref()
            .and_then(|cell| Some(cell.span()?.of_tracing()));
        #[cfg(feature = "tracing")]
        let _span = span.as_ref().map(tracing::Span::enter);
        let _polled = Polled::new(place, cx.waker());
        if let Some(future) = future.as_mut().as_pin_mut() {
            *polled = future.poll(cx);
        }
        if polled.is_ready() {
            future.set(None);
        }
    }));
    let panic = Panic::new(unwound.err()?);
    if polled.is_pending() {
        let of_destructor = drop_future(future, place);
        if let (Some(cell), Some(panic)) = (&place.cell, of_destructor) {
            report::destructor_panicked(cell, &panic);
        }
    }
    Some(panic)
}

/// Drops the user's future where it waits: that is the end of the task.
fn abort<F, T, E, S: Settle<T, E>>(future: Pin<&mut Option<F>>, cell: CellRef, sink: &S) {
    let mut place = Place::of_task(cell);
    let outcome = match drop_future(future, &mut place) {
        None => Outcome::Aborted,
        Some(panic) => Outcome::Panicked(panic),
    };
    if let Some(cell) = &place.cell {
        sink.settle(cell, outcome);
    }
}

/// A request came before the first step.
fn never_start<F, T, E, S: Settle<T, E>>(
    future: Pin<&mut Option<F>>,
    cell: CellRef,
    cancelled: Cancelled,
    sink: &S,
) {
    let mut place = Place::of_task(cell.clone());
    let drop = || drop_future(future, &mut place);
    let (panic, left) = if S::WAITS_FOR_LEFT {
        reaper::left_to(&cell, cancelled.record(), drop)
    } else {
        (drop(), Vec::new())
    };
    if let Some(panic) = panic {
        report::destructor_panicked(&cell, &panic);
    }
    sink.settle_never_started(cell, cancelled, left);
}

fn returned<T, E: CancelError>(cell: &CellRef, result: Result<T, E>) -> Outcome<T, E> {
    match result {
        Ok(value) => Outcome::Ok(value),
        Err(error) => failed(cell, error),
    }
}

fn failed<T, E: CancelError>(cell: &CellRef, error: E) -> Outcome<T, E> {
    match caught(|| error.as_cancelled().map(Cancelled::target)) {
        Ok(target) if target == Some(cell.id()) => {}
        // A child's cancellation, or that of somebody else, does not make this one cancelled.
        Ok(_) => return Outcome::Err(error),
        Err(panic) => {
            report::guard_destructor(cell, error);
            return Outcome::Panicked(panic);
        }
    }
    let mut error = Some(error);
    // Most errors that are cancellations are of that very type: they need not be copied.
    let any: &mut dyn Any = &mut error;
    let own = any.downcast_mut::<Option<Cancelled>>();
    let moved = own.and_then(Option::take);
    match (moved, error) {
        (Some(cancelled), _) => Outcome::Cancelled(cancelled),
        (None, Some(error)) => match caught(|| error.as_cancelled().cloned()) {
            Ok(Some(cancelled)) => {
                report::guard_destructor(cell, error);
                Outcome::Cancelled(cancelled)
            }
            Ok(None) => Outcome::Err(error),
            Err(panic) => {
                report::guard_destructor(cell, error);
                Outcome::Panicked(panic)
            }
        },
        (None, None) => unreachable!("it is taken by who has it"),
    }
}

/// Drops the user's future in its place; a panic of its destructor, if there was one.
fn drop_future<F>(mut future: Pin<&mut Option<F>>, place: &mut Place) -> Option<Panic> {
    let _entered = Entered::new(place);
    caught(|| future.set(None)).err()
}

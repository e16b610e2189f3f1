//! `gather`: several children, and the list of their results.
//!
//! The kernel's `Gather` decides, and for [`OnError::CancelRest`] its `Race`.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use stook_kernel::{Decider, Losers, Race};

use crate::cancel_error::CancelError;
use crate::cancelled::Cancelled;
use crate::handle::TaskHandle;
use crate::outcome::Outcome;
use crate::record::{CancelKind, Reason};
use crate::several::{Machine, Over, Several, Waiting, into_futures};

/// What becomes of the others when a child of a gather fails or is cancelled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnError {
    /// Nothing: the error comes out at once, and the others run on.
    #[default]
    Propagate,
    /// They are asked to cancel; the error comes out when they have ended.
    CancelRest,
}

/// Runs the futures as tasks and gathers their results, in the order in which they were given.
///
/// The tasks run whether or not the handle is awaited. The first that fails, or is cancelled, gives
/// the error, and the others run on; see [`gather_with`] and [`gather_outcomes`] for other rules.
/// Of nothing it is an empty list.
///
/// When who awaits it is cancelled, all that have not ended are asked to cancel, and the cancellation
/// comes out when the first of them has ended; a gather inside a gather is cancelled likewise. When the
/// gather ends otherwise, and no child has seen the cancellation, the next cancel point returns it.
///
/// # Errors
/// The first error of a child. A child that was cancelled alone is an error, and not the caller's
/// cancellation. The errors of those that end later are passed over.
///
/// # Panics
/// Outside a runtime. When awaited: the first child that did not end well has panicked, with the same
/// payload.
///
/// # Cancel safety
/// Dropped before it is over, it asks the tasks to cancel and reports it; they stay in the tree until
/// they have ended.
///
/// # Examples
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), stook::Cancelled> {
/// use std::time::Duration;
/// async fn visit(town: &'static str, hours: u64) -> Result<&'static str, stook::Cancelled> {
///     stook::sleep(Duration::from_secs(3600 * hours)).await?;
///     Ok(town)
/// }
/// let north = stook::gather([visit("Groningen", 5), visit("Assen", 3)]);
/// let south = stook::gather([visit("Breda", 2), visit("Tilburg", 1)]);
/// assert_eq!(
///     stook::gather([north, south]).await?,
///     [["Groningen", "Assen"], ["Breda", "Tilburg"]],
/// );
/// # Ok(()) }
/// ```
///
/// # Source
/// `asyncio.gather`, CPython 3.13.
#[track_caller]
pub fn gather<I, T, E>(futures: I) -> Gather<T, E>
where
    I: IntoIterator,
    I::Item: IntoFuture<Output = Result<T, E>>,
    <I::Item as IntoFuture>::IntoFuture: Send + 'static,
    T: Send + 'static,
    E: CancelError + Send,
{
    gather_with(OnError::Propagate, futures)
}

/// [`gather`], with a rule for the others when one fails.
///
/// # Errors
/// As [`gather`].
///
/// # Panics
/// As [`gather`].
///
/// # Cancel safety
/// As [`gather`].
///
/// # Examples
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
/// use std::{io, time::Duration};
/// async fn work(seconds: u64) -> io::Result<u64> {
///     stook::sleep(Duration::from_secs(seconds)).await?;
///     if seconds == 1 { Err(io::Error::other("out of paper")) } else { Ok(seconds) }
/// }
/// let gather = stook::gather_with(stook::OnError::CancelRest, [work(1), work(3600)]);
/// assert_eq!(gather.await.unwrap_err().to_string(), "out of paper");
/// assert!(stook::tree().is_empty());
/// # }
/// ```
///
/// # Source
/// `stook.gather(on_error="cancel")` of the Python face; `asyncio.TaskGroup`, CPython 3.13.
#[track_caller]
pub fn gather_with<I, T, E>(on_error: OnError, futures: I) -> Gather<T, E>
where
    I: IntoIterator,
    I::Item: IntoFuture<Output = Result<T, E>>,
    <I::Item as IntoFuture>::IntoFuture: Send + 'static,
    T: Send + 'static,
    E: CancelError + Send,
{
    let futures = into_futures(futures);
    let is_empty = futures.is_empty();
    let machine = |count| match on_error {
        OnError::Propagate => Machine::Gather(stook_kernel::Gather::new(count, false)),
        OnError::CancelRest => Machine::Race(
            Race::new(count, Decider::Failure, Losers::Cancel),
            CancelKind::SiblingFailed,
        ),
    };
    let several = Several::spawn(machine, futures);
    // Not in the closure: that is not called from there.
    let location = Location::caller();
    Gather {
        waiting: (!is_empty).then(|| Waiting::new(several, "gather", location)),
    }
}

/// Runs the futures as tasks and gathers how they end, in the order in which they were given: errors
/// and cancellations are outcomes like results.
///
/// # Errors
/// The caller was cancelled, or [`GatherOutcomes::cancel`] was called: when all have ended.
///
/// # Panics
/// Outside a runtime.
///
/// # Cancel safety
/// As [`gather`].
///
/// # Examples
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), stook::Cancelled> {
/// let ends = stook::gather_outcomes((0..4).map(|number| async move {
///     if number % 2 == 0 { Ok(number) } else { Err(std::io::Error::other("odd")) }
/// }));
/// assert_eq!(ends.await?.iter().filter(|end| end.is_error()).count(), 2);
/// # Ok(()) }
/// ```
///
/// # Source
/// `asyncio.gather(return_exceptions=True)`, CPython 3.13.
#[track_caller]
pub fn gather_outcomes<I, T, E>(futures: I) -> GatherOutcomes<T, E>
where
    I: IntoIterator,
    I::Item: IntoFuture<Output = Result<T, E>>,
    <I::Item as IntoFuture>::IntoFuture: Send + 'static,
    T: Send + 'static,
    E: CancelError + Send,
{
    let futures = into_futures(futures);
    let is_empty = futures.is_empty();
    let machine = |count| Machine::Gather(stook_kernel::Gather::new(count, true));
    let several = Several::spawn(machine, futures);
    let location = Location::caller();
    GatherOutcomes {
        waiting: (!is_empty).then(|| Waiting::new(several, "gather", location)),
    }
}

/// The handle on a [`gather`].
#[must_use = "dropped, it cancels its tasks"]
pub struct Gather<T, E: CancelError> {
    /// `None` when there is nothing to wait for.
    waiting: Option<Waiting<T, E>>,
}

/// The handle on a [`gather_outcomes`].
#[must_use = "dropped, it cancels its tasks"]
pub struct GatherOutcomes<T, E: CancelError> {
    waiting: Option<Waiting<T, E>>,
}

macro_rules! handle {
    ($name:ident) => {
        impl<T, E: CancelError> $name<T, E> {
            /// Asks all tasks that have not ended to cancel; `false` when all have, or it is over.
            ///
            /// # Examples
            /// ```
            /// # #[tokio::main(flavor = "current_thread")] async fn main() {
            /// let pending = (0..2).map(|_| stook::OrCancel::or_cancel(std::future::pending::<()>()));
            /// let gathered = stook::gather(pending);
            /// assert!(gathered.cancel());
            /// assert!(gathered.await.is_err());
            /// # }
            /// ```
            #[track_caller]
            pub fn cancel(&self) -> bool {
                self.ask(None, Location::caller())
            }

            /// The same, and says why.
            ///
            /// # Examples
            /// ```
            /// # #[tokio::main(flavor = "current_thread")] async fn main() {
            /// let pending = (0..2).map(|_| stook::OrCancel::or_cancel(std::future::pending::<()>()));
            /// let gathered = stook::gather(pending);
            /// gathered.cancel_with("closing time");
            /// assert_eq!(gathered.await.unwrap_err().reason(), Some("closing time"));
            /// # }
            /// ```
            #[track_caller]
            pub fn cancel_with(&self, reason: impl Into<Reason>) -> bool {
                self.ask(Some(reason.into()), Location::caller())
            }

            fn ask(&self, reason: Option<Reason>, location: &'static Location<'static>) -> bool {
                let waiting = self.waiting.as_ref();
                waiting.is_some_and(|waiting| waiting.several().cancel(reason, location))
            }

            /// Whether it is over: awaiting it gives its end at once.
            ///
            /// # Examples
            /// ```
            /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), stook::Cancelled> {
            /// let gathered = stook::gather((0..2).map(|number| async move { Ok::<_, stook::Cancelled>(number) }));
            /// assert!(!gathered.is_done());
            /// tokio::task::yield_now().await;
            /// assert!(gathered.is_done());
            /// assert_eq!(gathered.await?, [0, 1]);
            /// # Ok(()) }
            /// ```
            pub fn is_done(&self) -> bool {
                let waiting = self.waiting.as_ref();
                waiting.is_none_or(|waiting| waiting.several().is_over())
            }

            /// Handles on its tasks, in the order in which they were given.
            ///
            /// # Examples
            /// ```
            /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
            /// # async fn main() -> Result<(), stook::Cancelled> {
            /// use std::time::Duration;
            /// let gathered = stook::gather([1, 60].map(|seconds| stook::sleep(Duration::from_secs(seconds))));
            /// let slow = gathered.handles().remove(1);
            /// slow.cancel_with("too slow");
            /// assert_eq!(gathered.await.unwrap_err().reason(), Some("too slow"));
            /// # Ok(()) }
            /// ```
            pub fn handles(&self) -> Vec<TaskHandle> {
                let waiting = self.waiting.as_ref();
                waiting.map_or_else(Vec::new, |waiting| waiting.handles())
            }
        }

        // Nothing in it is pinned in place.
        impl<T, E: CancelError> Unpin for $name<T, E> {}

        impl<T, E: CancelError> fmt::Debug for $name<T, E> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name))
                    .field("is_done", &self.is_done())
                    .finish_non_exhaustive()
            }
        }
    };
}

handle!(Gather);
handle!(GatherOutcomes);

impl<T, E: CancelError> Future for Gather<T, E> {
    type Output = Result<Vec<T>, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(waiting) = &mut self.waiting else {
            return Poll::Ready(Ok(Vec::new()));
        };
        let Poll::Ready(end) = waiting.poll(cx) else {
            return Poll::Pending;
        };
        let mut outcomes = end.outcomes;
        Poll::Ready(match (end.over, end.cancelled) {
            (Over::Child(place), cancelled) => {
                let Some(outcome) = outcomes.get_mut(place).and_then(Option::take) else {
                    unreachable!("the outcome of the child that ended it is kept")
                };
                waiting.give_up(outcomes);
                match cancelled {
                    Some(cancelled) if outcome.is_cancelled() => {
                        waiting.ends_cancelled();
                        Err(cancelled.into())
                    }
                    _ => {
                        waiting.ends_by_child();
                        outcome
                            .into_result_at(waiting.location())
                            .map(|_| Vec::new())
                    }
                }
            }
            (Over::AllCancelled, Some(cancelled)) => {
                waiting.pass_over(outcomes);
                waiting.ends_cancelled();
                Err(cancelled.into())
            }
            // When all have made the best of it there are results, and none is lost.
            (Over::Nobody, Some(cancelled)) if !outcomes.iter().flatten().all(Outcome::is_ok) => {
                waiting.give_up(outcomes);
                waiting.ends_cancelled();
                Err(cancelled.into())
            }
            _ => {
                waiting.ends_otherwise();
                outcomes
                    .into_iter()
                    .map(|outcome| match outcome {
                        Some(outcome) => outcome.into_result_at(waiting.location()),
                        None => unreachable!("all have ended"),
                    })
                    .collect()
            }
        })
    }
}

impl<T, E: CancelError> Future for GatherOutcomes<T, E> {
    type Output = Result<Vec<Outcome<T, E>>, Cancelled>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(waiting) = &mut self.waiting else {
            return Poll::Ready(Ok(Vec::new()));
        };
        let Poll::Ready(end) = waiting.poll(cx) else {
            return Poll::Pending;
        };
        Poll::Ready(match (end.over, end.cancelled) {
            (Over::AllCancelled, Some(cancelled)) => {
                // As in asyncio, each was looked at when it ended.
                waiting.pass_over(end.outcomes);
                waiting.ends_cancelled();
                Err(cancelled)
            }
            _ => {
                waiting.ends_otherwise();
                Ok(end.outcomes.into_iter().flatten().collect())
            }
        })
    }
}

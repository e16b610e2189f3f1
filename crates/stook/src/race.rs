//! `race` and `first_success`: the first of several, and what becomes of the others.
//!
//! The kernel's `Race` decides.

use std::error::Error;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::panic::Location;

pub use stook_kernel::Losers;
use stook_kernel::{Decider, Race};

use crate::cancel_error::CancelError;
use crate::cancelled::Cancelled;
use crate::outcome::Outcome;
use crate::record::CancelKind;
use crate::several::{Machine, Over, Several, Waiting, into_futures};

/// Runs the futures as tasks and gives the result of the first that ends, with its place, once the
/// others have ended: what they clean up is cleaned up by then.
///
/// `losers` says what becomes of the others: they are asked to cancel and waited for, or only waited
/// for, or left alone; an error of theirs is one that nobody reads. When who awaits it is cancelled,
/// all are asked to cancel and waited for; a second cancellation does not end that wait. With
/// [`Losers::Leave`] all are left alone then, too, and the race is over. The tasks begin when this is
/// called.
///
/// # Errors
/// The error of the first that ends, or its cancellation, which is not the caller's; or the caller's,
/// when none had ended by then.
///
/// # Panics
/// There is no future; outside a runtime. When awaited: the first that ends has panicked, with the
/// same payload.
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
/// async fn mirror(name: &'static str, seconds: u64) -> Result<&'static str, stook::Cancelled> {
///     stook::sleep(Duration::from_secs(seconds)).await?;
///     Ok(name)
/// }
/// let race = stook::race(stook::Losers::Cancel, [mirror("far", 60), mirror("near", 1)]);
/// assert_eq!(race.await?, (1, "near"));
/// # Ok(()) }
/// ```
///
/// # Source
/// A nursery of Trio 0.27 that is cancelled by its first child.
#[track_caller]
pub fn race<I, T, E>(losers: Losers, futures: I) -> impl Future<Output = Result<(usize, T), E>>
where
    I: IntoIterator,
    I::Item: IntoFuture<Output = Result<T, E>>,
    <I::Item as IntoFuture>::IntoFuture: Send + 'static,
    T: Send + 'static,
    E: CancelError + Send,
{
    let futures = into_futures(futures);
    assert!(!futures.is_empty(), "a race of nobody");
    let several = Several::spawn(|count| machine(count, Decider::First, losers), futures);
    let mut waiting = Waiting::new(several, "race", Location::caller());
    async move {
        let mut end = std::future::poll_fn(|cx| waiting.poll(cx)).await;
        let decided = match end.over {
            Over::Child(place) => end.outcomes[place].take().map(|outcome| (place, outcome)),
            _ => None,
        };
        waiting.give_up(end.outcomes);
        match (decided, end.cancelled) {
            (Some((place, outcome)), mine) if mine.is_none() || !outcome.is_cancelled() => {
                waiting.ends_by_child();
                let location = waiting.location();
                outcome.into_result_at(location).map(|value| (place, value))
            }
            (_, Some(mine)) => {
                waiting.ends_cancelled();
                Err(mine.into())
            }
            (_, None) => panic!("the kernel ends a race by a child or a cancellation"),
        }
    }
}

/// Runs the futures as tasks and gives the result of the first that succeeds, with its place, once
/// the others have ended. See [`race`], whom an error ends, too. With a success the errors of the others
/// count as read; but for those of losers that were left alone and fail later.
///
/// # Errors
/// None has succeeded: how each ended. With no futures, at once.
///
/// # Panics
/// Outside a runtime.
///
/// # Cancel safety
/// As [`race`].
///
/// # Examples
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// async fn mirror(is_down: bool) -> std::io::Result<&'static str> {
///     stook::checkpoint().await?;
///     if is_down { Err(std::io::Error::other("down")) } else { Ok("answer") }
/// }
/// let first = stook::first_success(stook::Losers::Cancel, [mirror(true), mirror(false)]);
/// assert_eq!(first.await.unwrap(), (1, "answer"));
/// let none = stook::first_success(stook::Losers::Cancel, [mirror(true), mirror(true)]);
/// assert_eq!(none.await.unwrap_err().outcomes.len(), 2);
/// # }
/// ```
///
/// # Source
/// `Promise.any` of ECMAScript 2021; `asyncio.staggered`, CPython 3.13.
#[track_caller]
pub fn first_success<I, T, E>(
    losers: Losers,
    futures: I,
) -> impl Future<Output = Result<(usize, T), NoSuccess<T, E>>>
where
    I: IntoIterator,
    I::Item: IntoFuture<Output = Result<T, E>>,
    <I::Item as IntoFuture>::IntoFuture: Send + 'static,
    T: Send + 'static,
    E: CancelError + Send,
{
    let futures = into_futures(futures);
    // No closure: the tasks are spawned at the line of the program.
    let waiting = if futures.is_empty() {
        None
    } else {
        let several = Several::spawn(|count| machine(count, Decider::Success, losers), futures);
        let location = Location::caller();
        Some(Waiting::new(several, "first_success", location))
    };
    async move {
        let Some(mut waiting) = waiting else {
            return Err(NoSuccess {
                outcomes: Vec::new(),
                cancelled: None,
            });
        };
        let mut end = std::future::poll_fn(|cx| waiting.poll(cx)).await;
        if let Over::Child(place) = end.over {
            if let Some(Outcome::Ok(value)) = end.outcomes[place].take() {
                waiting.pass_over(end.outcomes);
                waiting.ends_by_child();
                return Ok((place, value));
            }
        }
        if end.cancelled.is_some() {
            waiting.ends_cancelled();
        } else {
            waiting.ends_otherwise();
        }
        Err(NoSuccess {
            outcomes: end.outcomes.into_iter().flatten().collect(),
            cancelled: end.cancelled,
        })
    }
}

fn machine(count: usize, decider: Decider, losers: Losers) -> Machine {
    Machine::Race(Race::new(count, decider, losers), CancelKind::LostRace)
}

/// None of the tasks of a [`first_success`] has succeeded.
#[derive(Debug)]
#[non_exhaustive]
pub struct NoSuccess<T, E> {
    /// How those that have ended did, in the order in which they were given.
    pub outcomes: Vec<Outcome<T, E>>,
    /// The caller's cancellation, if it was handed on to them.
    pub cancelled: Option<Cancelled>,
}

impl<T, E> fmt::Display for NoSuccess<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cancelled {
            Some(cancelled) => cancelled.fmt(f),
            None => write!(f, "none of {} has succeeded", self.outcomes.len()),
        }
    }
}

impl<T: fmt::Debug, E: fmt::Debug> Error for NoSuccess<T, E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let cancelled = self.cancelled.as_ref()?;
        Some(cancelled)
    }
}

/// Cancelled with the caller.
impl<T, E> From<Cancelled> for NoSuccess<T, E> {
    fn from(cancelled: Cancelled) -> Self {
        Self {
            outcomes: Vec::new(),
            cancelled: Some(cancelled),
        }
    }
}

impl<T: fmt::Debug + 'static, E: fmt::Debug + 'static> CancelError for NoSuccess<T, E> {
    fn as_cancelled(&self) -> Option<&Cancelled> {
        self.cancelled.as_ref()
    }
}

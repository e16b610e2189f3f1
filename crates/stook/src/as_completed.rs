//! `as_completed`: the outcomes of several tasks, in the order in which they end.

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::Location;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use crate::block::CellRef;
use crate::cancel_error::CancelError;
use crate::cancelled::Cancelled;
use crate::kept_waker::ToKeep;
use crate::lock::lock;
use crate::or_cancel::OrCancelled;
use crate::outcome::{Ended, Outcome};
use crate::reaper;
use crate::report;
use crate::task::Task;
use crate::watcher::WatchChildren;
use crate::watching::Watching;

/// Gives the outcomes of the tasks in the order in which they end, each with the place of its task.
///
/// Those whose outcome was taken before are passed over. With feature `stream` it is a `Stream`, too.
///
/// # Cancel safety
/// Dropped before all have ended, it asks the others to cancel and reports it; they stay in the tree
/// until they have ended.
///
/// # Examples
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), stook::Cancelled> {
/// use std::time::Duration;
/// let tasks = [3, 1, 2].map(|seconds| stook::spawn(stook::sleep(Duration::from_secs(seconds))));
/// let mut ends = stook::as_completed(tasks);
/// let mut places = Vec::new();
/// while let Some((place, outcome)) = ends.next().await? {
///     assert!(outcome.is_ok());
///     places.push(place);
/// }
/// assert_eq!(places, [1, 2, 0]);
/// # Ok(()) }
/// ```
///
/// # Source
/// `asyncio.as_completed`, CPython 3.13.
#[track_caller]
pub fn as_completed<T, E: CancelError>(
    tasks: impl IntoIterator<Item = Task<T, E>>,
) -> AsCompleted<T, E> {
    let tasks: Vec<_> = tasks.into_iter().map(Some).collect();
    let ended = Arc::new(Queue::default());
    let cells = tasks.iter().flatten().map(|task| task.cell());
    AsCompleted {
        watching: Watching::new(&ended, cells),
        left: tasks.len(),
        tasks,
        ended,
        #[cfg(feature = "stream")]
        point: crate::point::Point::new(Location::caller()),
        #[cfg(feature = "stream")]
        told: None,
    }
}

/// The outcomes of several tasks as they end; see [`as_completed`].
///
/// Dropped before all have ended, it asks the others to cancel and reports it; they stay in the tree
/// until they have ended.
#[must_use = "dropped, it cancels its tasks"]
pub struct AsCompleted<T, E: CancelError> {
    tasks: Vec<Option<Task<T, E>>>,
    ended: Arc<Queue>,
    watching: Watching<CellRef>,
    /// How many were not given out yet.
    left: usize,
    /// Where the stream is waited for.
    #[cfg(feature = "stream")]
    point: crate::point::Point,
    /// The cancellation that was the last item of the stream.
    #[cfg(feature = "stream")]
    told: Option<Cancelled>,
}

/// The place of a task among those given, and its outcome.
pub type Completed<T, E> = (usize, Outcome<T, E>);

/// The places of those that have ended and were not given out.
#[derive(Default)]
struct Queue(Mutex<(VecDeque<usize>, Option<Waker>)>);

impl WatchChildren for Queue {
    fn child_done(&self, place: u32, _ended: Ended) {
        let waker = {
            let mut queue = lock(&self.0);
            queue.0.push_back(place as usize);
            queue.1.take()
        };
        if let Some(waker) = waker {
            report::wake(waker);
        }
    }
}

impl<T, E: CancelError> AsCompleted<T, E> {
    /// The next outcome, and the place of its task; `None` when all were given. A cancel point.
    ///
    /// # Errors
    /// The caller was cancelled. The tasks are left alone, and the next call goes on.
    ///
    /// # Cancel safety
    /// Nothing is lost when it is dropped.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), stook::Cancelled> {
    /// let tasks = [1, 2].map(|number| stook::spawn(async move { Ok::<_, stook::Cancelled>(number) }));
    /// let mut ends = stook::as_completed(tasks);
    /// let mut sum = 0;
    /// while let Some((_place, outcome)) = ends.next().await? {
    ///     sum += outcome.ok().unwrap();
    /// }
    /// assert_eq!(sum, 3);
    /// # Ok(()) }
    /// ```
    #[expect(
        clippy::should_implement_trait,
        reason = "tokio's word for it, as of `JoinSet`'s kin"
    )]
    #[track_caller]
    pub fn next(&mut self) -> impl Future<Output = Result<Option<Completed<T, E>>, Cancelled>> {
        OrCancelled::at(poll_fn(|cx| self.poll_ended(cx)), Location::caller())
    }

    /// How many outcomes are to come.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), stook::Cancelled> {
    /// let mut ends = stook::as_completed([stook::spawn(async { Ok::<_, stook::Cancelled>(7) })]);
    /// assert_eq!(ends.remaining(), 1);
    /// ends.next().await?;
    /// assert_eq!(ends.remaining(), 0);
    /// # Ok(()) }
    /// ```
    pub fn remaining(&self) -> usize {
        self.left
    }

    /// No cancel point.
    fn poll_ended(&mut self, cx: &mut Context<'_>) -> Poll<Option<Completed<T, E>>> {
        let mut waker = ToKeep::new(cx);
        while self.left > 0 {
            let place = {
                let mut queue = lock(&self.ended.0);
                match queue.0.pop_front() {
                    Some(place) => place,
                    None if waker.put(&mut queue.1) => return Poll::Pending,
                    None => {
                        drop(queue);
                        waker.prepare();
                        continue;
                    }
                }
            };
            self.left -= 1;
            let task = self.tasks[place].take();
            // None where its outcome was taken before it was given here: there is nothing to give.
            if let Some(outcome) = task.and_then(|task| task.try_take()) {
                return Poll::Ready(Some((place, outcome)));
            }
        }
        Poll::Ready(None)
    }
}

// Nothing in it is pinned in place.
impl<T, E: CancelError> Unpin for AsCompleted<T, E> {}

#[cfg(feature = "stream")]
impl<T, E: CancelError> futures_core::Stream for AsCompleted<T, E> {
    type Item = Result<Completed<T, E>, Cancelled>;

    /// A cancellation of the caller is an item, and the next poll goes on. That of a scope is an item
    /// once, and then the stream is at its end for as long as it is polled in that scope: what passes
    /// over errors would never come to one.
    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Self::Item>> {
        if let Some(cancelled) = crate::point::Point::check() {
            return Poll::Ready(self.tell(cancelled));
        }
        let polled = self.poll_ended(cx);
        if polled.is_pending() {
            if let Some(cancelled) = self.point.park(cx) {
                return Poll::Ready(self.tell(cancelled));
            }
        }
        polled.map(|item| item.map(Ok))
    }
}

#[cfg(feature = "stream")]
impl<T, E: CancelError> AsCompleted<T, E> {
    /// The item that a cancellation is, unless it was the last one.
    fn tell(&mut self, cancelled: Cancelled) -> Option<Result<Completed<T, E>, Cancelled>> {
        let before = self.told.replace(cancelled.clone());
        let is_again = before.is_some_and(|before| before.is_same(&cancelled));
        (!is_again).then_some(Err(cancelled))
    }
}

impl<T, E: CancelError> Drop for AsCompleted<T, E> {
    fn drop(&mut self) {
        reaper::adopt(&self.watching.cells(), Some("as_completed"));
    }
}

impl<T, E: CancelError> fmt::Debug for AsCompleted<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsCompleted")
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}

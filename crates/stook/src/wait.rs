//! `wait` and `wait_any`: when enough of several tasks have ended.
//!
//! The kernel's `Wait` decides.

use std::future::{Future, poll_fn};
use std::panic::Location;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::Duration;

use stook_kernel::{ReturnWhen, Wait, WaitAction};

use crate::block::CellRef;
use crate::cancel_error::CancelError;
use crate::cancelled::Cancelled;
use crate::kept_waker::ToKeep;
use crate::lock::lock;
use crate::or_cancel::OrCancelled;
use crate::outcome::Ended;
use crate::record::{CancelKind, Record};
use crate::report;
use crate::task::Task;
use crate::watcher::WatchChildren;
use crate::watching::Watching;

/// When a [`wait`] is over.
///
/// # Source
/// `return_when` of `asyncio.wait`, CPython 3.13.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum When {
    /// All tasks have ended.
    #[default]
    All,
    /// Any task has ended.
    FirstCompleted,
    /// A task has failed, by an error or a panic (a cancelled one has not), or all have ended.
    FirstError,
}

/// Those of several tasks that have ended, and those that have not, each in the order in which they
/// were given.
#[derive(Debug)]
pub struct Waited<'task, T, E: CancelError> {
    /// They have ended: [`Task::try_take`] gives the outcome.
    pub done: Vec<&'task Task<T, E>>,
    /// They have not.
    pub pending: Vec<&'task Task<T, E>>,
}

/// Waits until enough of the tasks have ended, or until the time is over; it leaves them alone. A
/// cancel point.
///
/// `timeout` is how long it waits at the most; `None` is for ever, zero looks and does not wait. Of no
/// tasks it is over at once. A task given twice counts twice.
///
/// # Errors
/// The caller was cancelled. The tasks are left alone.
///
/// # Panics
/// On a runtime without time, when there is a timeout.
///
/// # Cancel safety
/// Nothing is lost when it is dropped.
///
/// # Examples
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), stook::Cancelled> {
/// use std::time::Duration;
/// use stook::When;
/// let tasks: Vec<_> = (1..=3)
///     .map(|number| stook::spawn(async move {
///         stook::sleep(Duration::from_secs(number)).await?;
///         Ok::<_, stook::Cancelled>(number)
///     }))
///     .collect();
/// let first = stook::wait(&tasks, When::FirstCompleted, None).await?;
/// assert_eq!(first.done[0].try_take().unwrap().ok(), Some(1));
///
/// let rest = stook::wait(first.pending, When::All, Some(Duration::from_secs(60))).await?;
/// assert_eq!((rest.done.len(), rest.pending.len()), (2, 0));
/// # Ok(()) }
/// ```
///
/// # Source
/// `asyncio.wait`, CPython 3.13, which refuses an empty set.
#[track_caller]
pub fn wait<'task, I, T, E>(
    tasks: I,
    when: When,
    timeout: Option<Duration>,
) -> impl Future<Output = Result<Waited<'task, T, E>, Cancelled>>
where
    I: IntoIterator<Item = &'task Task<T, E>>,
    T: 'task,
    E: CancelError,
{
    let tasks: Vec<&Task<T, E>> = tasks.into_iter().collect();
    let location = Location::caller();
    async move {
        let enough = Enough::new(&tasks, when);
        OrCancelled::at(enough.wait(timeout), location).await?;
        Ok(sort(tasks, enough.told()))
    }
}

/// Waits until one of the tasks has ended, or until the time is over, and asks the others to cancel;
/// when the caller is cancelled, all of them. They are not waited for: see [`race`](crate::race). A task
/// given twice is asked twice.
///
/// # Errors
/// The caller was cancelled.
///
/// # Panics
/// On a runtime without time, when there is a timeout.
///
/// # Cancel safety
/// Dropped before one has ended, it asks all of them to cancel.
///
/// # Examples
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), stook::Cancelled> {
/// use std::time::Duration;
/// let tasks = [1, 60].map(|seconds| stook::spawn(stook::sleep(Duration::from_secs(seconds))));
/// let waited = stook::wait_any(&tasks, None).await?;
/// assert_eq!(waited.done.len(), 1);
/// assert_eq!(waited.pending[0].cancelling(), 1);
/// # Ok(()) }
/// ```
///
/// # Source
/// `asyncio.wait(return_when=FIRST_COMPLETED)`, CPython 3.13.
#[track_caller]
pub fn wait_any<'task, I, T, E>(
    tasks: I,
    timeout: Option<Duration>,
) -> impl Future<Output = Result<Waited<'task, T, E>, Cancelled>>
where
    I: IntoIterator<Item = &'task Task<T, E>>,
    T: 'task,
    E: CancelError,
{
    let location = Location::caller();
    let mut rest = Rest {
        tasks: tasks.into_iter().collect(),
        watching: None,
        location,
        kind: CancelKind::ParentCancelled,
        cause: None,
    };
    async move {
        let enough = Enough::new(&rest.tasks, When::FirstCompleted);
        let waited = OrCancelled::at(enough.wait(timeout), location).await;
        let told = enough.told();
        rest.watching = Some(enough.watching);
        match waited {
            Ok(()) => rest.kind = CancelKind::LostRace,
            Err(cancelled) => {
                rest.follow(cancelled.record());
                return Err(cancelled);
            }
        }
        // Who ends because it is asked is pending still.
        let waited = sort(std::mem::take(&mut rest.tasks), told);
        drop(rest);
        Ok(waited)
    }
}

/// Asks the tasks that have not ended to cancel, when it is dropped.
struct Rest<'task, T, E: CancelError> {
    tasks: Vec<&'task Task<T, E>>,
    /// Of those that had not ended when the wait began.
    watching: Option<Watching<&'task CellRef>>,
    location: &'static Location<'static>,
    kind: CancelKind,
    cause: Option<Arc<Record>>,
}

impl<T, E: CancelError> Rest<'_, T, E> {
    /// The requests follow from that of the caller.
    fn follow(&mut self, cause: &Arc<Record>) {
        self.cause = Some(Arc::clone(cause));
    }
}

impl<T, E: CancelError> Drop for Rest<'_, T, E> {
    fn drop(&mut self) {
        let record = || Record::new(self.kind, None, self.location, self.cause.as_ref());
        match self.watching.take() {
            Some(watching) => watching.ask(record),
            None => {
                let cells = self.tasks.iter().map(|task| task.cell());
                let mut left = cells.filter(|cell| cell.ended().is_none());
                let Some(first) = left.next() else { return };
                let record = record();
                for cell in std::iter::once(first).chain(left) {
                    cell.request(Arc::clone(&record));
                }
            }
        }
    }
}

/// Who has ended, and who has not. Each task is in one of them, however many times it was given, also
/// while others end.
fn sort<T, E: CancelError>(tasks: Vec<&Task<T, E>>, told: Told) -> Waited<'_, T, E> {
    let mut waited = Waited {
        done: Vec::new(),
        pending: tasks,
    };
    match told {
        // To look at each is not needed.
        Told::Nobody => {}
        Told::One(place) => {
            let ended: *const _ = waited.pending[place as usize];
            waited.split(|task| std::ptr::eq(task, ended));
        }
        Told::Several => {
            let mut is_done = look(&waited.pending).into_iter();
            waited.split(|_| is_done.next().unwrap_or_default());
        }
    }
    waited
}

/// Looks who of these has ended, until it finds no more: each place of a task was looked at then when
/// it had, or before.
fn look<T, E: CancelError>(tasks: &[&Task<T, E>]) -> Vec<bool> {
    let mut is_done = vec![false; tasks.len()];
    let mut left = tasks.len();
    loop {
        let before = left;
        for (task, is_done) in tasks.iter().zip(&mut is_done) {
            if !*is_done && task.is_done() {
                *is_done = true;
                left -= 1;
            }
        }
        if left == 0 || left == before {
            return is_done;
        }
    }
}

impl<'task, T, E: CancelError> Waited<'task, T, E> {
    /// Tells the pending ones from those that are done.
    fn split(&mut self, mut is_done: impl FnMut(&'task Task<T, E>) -> bool) {
        self.pending.retain(|task| {
            let is_done = is_done(task);
            if is_done {
                self.done.push(task);
            }
            !is_done
        });
    }
}

/// A wait until enough have ended.
struct Enough<'task> {
    waiter: Arc<Waiter>,
    watching: Watching<&'task CellRef>,
}

impl<'task> Enough<'task> {
    fn new<T, E: CancelError>(tasks: &[&'task Task<T, E>], when: When) -> Self {
        let when = match when {
            When::All => ReturnWhen::AllCompleted,
            When::FirstCompleted => ReturnWhen::FirstCompleted,
            When::FirstError => ReturnWhen::FirstException,
        };
        let waiter = Arc::new(Waiter(Mutex::new(State {
            machine: Wait::new(tasks.len(), when),
            told: Told::Nobody,
            waker: None,
        })));
        let watching = Watching::new(&waiter, tasks.iter().map(|task| task.cell()));
        Self { waiter, watching }
    }

    fn told(&self) -> Told {
        lock(&self.waiter.0).told
    }

    /// No cancel point. Of nobody it is over at once.
    async fn wait(&self, timeout: Option<Duration>) {
        let mut is_first = true;
        let released = poll_fn(|cx| {
            let mut waker = ToKeep::new(cx);
            // None is kept yet.
            if std::mem::take(&mut is_first) {
                waker.prepare();
            }
            loop {
                let mut state = lock(&self.waiter.0);
                if state.machine.remaining() == 0 || !state.machine.is_waiting() {
                    return Poll::Ready(());
                }
                if waker.put(&mut state.waker) {
                    return Poll::Pending;
                }
                drop(state);
                waker.prepare();
            }
        });
        match timeout {
            None => released.await,
            // A timer would wait for its tick.
            Some(Duration::ZERO) => {}
            Some(timeout) => {
                if tokio::time::timeout(timeout, released).await.is_err() {
                    // There is nobody to wake but who is here.
                    let _released = lock(&self.waiter.0).machine.timed_out();
                }
            }
        }
    }
}

/// Of whom it was told.
#[derive(Clone, Copy)]
enum Told {
    Nobody,
    /// Of one, in this place.
    One(u32),
    Several,
}

/// What the tasks tell.
struct Waiter(Mutex<State>);

struct State {
    machine: Wait,
    told: Told,
    waker: Option<Waker>,
}

impl WatchChildren for Waiter {
    fn child_done(&self, place: u32, ended: Ended) {
        let waker = {
            let mut state = lock(&self.0);
            state.told = match state.told {
                Told::Nobody => Told::One(place),
                Told::One(_) | Told::Several => Told::Several,
            };
            match state.machine.child_done(ended.for_kernel()) {
                WaitAction::KeepWaiting => None,
                WaitAction::Release => state.waker.take(),
            }
        };
        if let Some(waker) = waker {
            report::wake(waker);
        }
    }
}

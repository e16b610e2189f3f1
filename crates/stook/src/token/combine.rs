//! `when_all` and `when_any`: waits that end before their time with a token.
//!
//! The kernel's `Race` decides; nobody is cancelled.

use std::future::{Future, poll_fn};
use std::panic::Location;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use stook_kernel::{Decider, Losers, Race, RaceAction};

use crate::block::CellRef;
use crate::cancel_error::CancelError;
use crate::cancelled::Cancelled;
use crate::id::TaskId;
use crate::kept_waker::ToKeep;
use crate::lock::lock;
use crate::or_cancel::OrCancelled;
use crate::outcome::Ended;
use crate::report;
use crate::task::Task;
use crate::token::CancellationToken;
use crate::watcher::WatchChildren;
use crate::watching::Watching;

/// Waits until all tasks have returned, and gives their results in the order in which they were given;
/// until the token is cancelled, or one of the tasks fails or is cancelled. A cancel point.
///
/// The other tasks go on: what is to end with the token is attached to it. Results that were not given
/// stay in their tasks. Of no tasks it is an empty list.
///
/// # Errors
/// The first error or cancellation of a task; the token's; or the caller's.
///
/// # Panics
/// The outcome of a task was taken before, or the first that did not return has panicked.
///
/// # Cancel safety
/// Nothing is lost when it is dropped.
///
/// # Examples
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
/// use std::time::Duration;
/// let token = stook::CancellationToken::new();
/// let tasks = [1, 2].map(|seconds| stook::spawn(stook::sleep(Duration::from_secs(seconds))));
/// assert_eq!(stook::when_all(&tasks, &token).await.unwrap().len(), 2);
/// # }
/// ```
///
/// # Source
/// `when_all` of the C++ Parallel Patterns Library, as of Visual Studio 17.0.
#[track_caller]
pub fn when_all<'task, I, T, E>(
    tasks: I,
    token: &CancellationToken,
) -> impl Future<Output = Result<Vec<T>, E>>
where
    I: IntoIterator<Item = &'task Task<T, E>>,
    T: 'task,
    E: CancelError,
{
    let tasks: Vec<&Task<T, E>> = tasks.into_iter().collect();
    let location = Location::caller();
    let first = first(&tasks, Decider::Failure, token, location);
    async move {
        if let Some(place) = first.await? {
            let outcome = take(tasks[place]);
            return outcome.into_result_at(location).map(|_| Vec::new());
        }
        tasks
            .into_iter()
            .map(|task| take(task).into_result_at(location))
            .collect()
    }
}

/// Waits until one of the tasks has returned, and gives its place and result; see [`when_all`].
///
/// # Errors
/// The error or cancellation of the first that ends; the token's; or the caller's.
///
/// # Panics
/// There is no task; its outcome was taken before; or it has panicked.
///
/// # Cancel safety
/// Nothing is lost when it is dropped.
///
/// # Examples
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
/// use std::time::Duration;
/// let token = stook::CancellationToken::new();
/// let tasks = [9, 1].map(|seconds| stook::spawn(stook::sleep(Duration::from_secs(seconds))));
/// assert_eq!(stook::when_any(&tasks, &token).await.unwrap(), (1, ()));
///
/// token.cancel_with("no patience");
/// assert_eq!(stook::when_any(&tasks[..1], &token).await.unwrap_err().reason(), Some("no patience"));
/// # tasks[0].cancel();
/// # }
/// ```
///
/// # Source
/// `when_any` of the C++ Parallel Patterns Library, as of Visual Studio 17.0.
#[track_caller]
pub fn when_any<'task, I, T, E>(
    tasks: I,
    token: &CancellationToken,
) -> impl Future<Output = Result<(usize, T), E>>
where
    I: IntoIterator<Item = &'task Task<T, E>>,
    T: 'task,
    E: CancelError,
{
    let tasks: Vec<&Task<T, E>> = tasks.into_iter().collect();
    assert!(!tasks.is_empty(), "the first of no tasks");
    let location = Location::caller();
    let first = first(&tasks, Decider::First, token, location);
    async move {
        match first.await? {
            Some(place) => {
                let result = take(tasks[place]).into_result_at(location);
                result.map(|value| (place, value))
            }
            None => unreachable!("the first that ends decides"),
        }
    }
}

fn take<T, E: CancelError>(task: &Task<T, E>) -> crate::Outcome<T, E> {
    match task.try_take() {
        Some(outcome) => outcome,
        None => panic!("the outcome of task {} was taken before", task.id()),
    }
}

/// Which task decides; `None` when none does.
fn first<T, E: CancelError>(
    tasks: &[&Task<T, E>],
    decider: Decider,
    token: &CancellationToken,
    location: &'static Location<'static>,
) -> impl Future<Output = Result<Option<usize>, E>> + use<T, E> {
    let cells: Vec<CellRef> = tasks.iter().map(|task| task.cell().clone()).collect();
    let token = token.clone();
    async move {
        let decision = OrCancelled::at(token.run_until_cancelled(decide(cells, decider)), location);
        match decision.await? {
            Some(decided) => Ok(decided),
            None => match token.record() {
                // It is not the caller's.
                Some(record) => Err(Cancelled::new(TaskId::next(), record).into()),
                None => unreachable!("it was cancelled"),
            },
        }
    }
}

async fn decide(cells: Vec<CellRef>, decider: Decider) -> Option<usize> {
    if cells.is_empty() {
        return None;
    }
    let waiter = Arc::new(Waiter(Mutex::new(State {
        machine: Race::new(cells.len(), decider, Losers::Leave),
        decided: None,
        is_released: false,
        waker: None,
    })));
    let _watching: Watching<&CellRef> = Watching::new(&waiter, &cells);
    poll_fn(|cx| {
        let mut waker = ToKeep::new(cx);
        loop {
            let mut state = lock(&waiter.0);
            if state.is_released {
                return Poll::Ready(state.decided);
            }
            if waker.put(&mut state.waker) {
                return Poll::Pending;
            }
            drop(state);
            waker.prepare();
        }
    })
    .await
}

/// What the tasks tell.
struct Waiter(Mutex<State>);

struct State {
    machine: Race,
    decided: Option<usize>,
    is_released: bool,
    waker: Option<Waker>,
}

impl WatchChildren for Waiter {
    fn child_done(&self, place: u32, ended: Ended) {
        let waker = {
            let mut state = lock(&self.0);
            match state.machine.child_done(ended.for_kernel()) {
                RaceAction::KeepWaiting => return,
                RaceAction::Decide => state.decided = Some(place as usize),
                RaceAction::Release => {}
            }
            state.is_released = true;
            state.waker.take()
        };
        if let Some(waker) = waker {
            report::wake(waker);
        }
    }
}

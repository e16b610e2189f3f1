//! asyncio's task control for tokio programs.
//!
//! Tasks that can be asked to stop and say why, clean-up that may await, the first of several with
//! the losers waited for, groups, tokens, and a tree of all of it; on stable tokio, with plain
//! `async fn`, without a context parameter and without unsafe code.
//!
//! # A bare await is not a cancel point
//!
//! A task is cancelled by an error, [`Cancelled`], that a *cancel point* returns. Cancel points are
//! what this crate has you await: [`sleep`], [`Task::join`], [`gather`], [`wait`] and their like,
//! [`checkpoint`], and [any future](OrCancel::or_cancel) with `.or_cancel()` behind it. Any other
//! `.await` is never interrupted.
//!
//! Why: what is dropped in the middle of an await, as by [`tokio::task::JoinHandle::abort`] or the
//! losing arm of a `select!`, cannot await anything more, and few functions are written so that they
//! may be stopped at each of their awaits. Here a function is stopped where it says so, goes on with
//! the error in its hand, and can await as it pleases to put things in order:
//!
//! ```
//! use std::time::Duration;
//! use stook::{Cancelled, OrCancel, Outcome};
//! use tokio::sync::mpsc;
//!
//! async fn serve(mut requests: mpsc::Receiver<u32>, done: mpsc::Sender<u32>) -> Result<(), Cancelled> {
//!     loop {
//!         match requests.recv().or_cancel().await {
//!             // A bare await: what was begun is ended.
//!             Ok(Some(request)) => done.send(request).await.unwrap_or_default(),
//!             Ok(None) => return Ok(()),
//!             Err(cancelled) => {
//!                 requests.close();
//!                 while let Some(request) = requests.recv().await {
//!                     done.send(request).await.unwrap_or_default();
//!                 }
//!                 return Err(cancelled);
//!             }
//!         }
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Cancelled> {
//! let (ask, requests) = mpsc::channel(8);
//! let (tell, mut done) = mpsc::channel(8);
//! let mut server = stook::spawn(serve(requests, tell));
//! ask.send(1).await.unwrap();
//! stook::sleep(Duration::from_secs(1)).await?;
//!
//! ask.send(2).await.unwrap();
//! server.cancel_with("closing time");
//! match server.join().await? {
//!     Outcome::Cancelled(why) => assert_eq!(why.reason(), Some("closing time")),
//!     other => panic!("{other:?}"),
//! }
//! assert_eq!((done.recv().await, done.recv().await), (Some(1), Some(2)));
//! # Ok(()) }
//! ```
//!
//! The other side of it: a task that awaits something for ever, and does not say `.or_cancel()`, is
//! never cancelled. [`watch_cancels`] finds such tasks, and [`tree`] shows where each waits.
//!
//! # Rules
//!
//! 1. **A request is delivered once.** [`Task::cancel`] is an event: the next cancel point returns it,
//!    and what the task does then is its own affair. Requests are counted as asyncio counts them
//!    ([`Task::cancelling`], [`Task::uncancel`]).
//! 2. **A scope goes on.** [`timeout`], [`scope`], the body of a [`task_group`] and
//!    [`CancellationToken::scope`] cancel every cancel point in them until they are left, and each
//!    takes its own cancellation only. They work outside tasks of this crate, too.
//! 3. **What is cancelled before it starts never starts; what is finished is never discarded.** The
//!    result that was ready when the cancellation came is returned, and the next cancel point tells.
//! 4. **A child's cancellation is not its parent's.** To who waits for it, it is an error like any
//!    other: see [`Cancelled::is_mine`].
//! 5. **Nothing is left running unseen.** What has spawned several, or was given them, and is dropped
//!    half-way asks them to cancel; they stay in the [`tree`] until they have ended. Errors that nobody
//!    reads are reported once: see [`set_report_hook`].
//!
//! # Several cancel points at once
//!
//! That a request is delivered once (rule 1) means: to one cancel point. Where several wait side by side
//! in one task, as under [`tokio::join!`], one of them returns it, and the others wait on:
//!
//! ```
//! use std::time::Duration;
//! use stook::{Cancelled, sleep};
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Cancelled> {
//! const MINUTE: Duration = Duration::from_secs(60);
//!
//! let mut joined = stook::spawn(async {
//!     let (one, other) = tokio::join!(sleep(MINUTE), sleep(MINUTE));
//!     // One was cancelled, and the other has slept for its minute.
//!     Ok::<_, Cancelled>(one.is_err() != other.is_err())
//! });
//! let mut gathered = stook::spawn(stook::gather([sleep(MINUTE), sleep(MINUTE)]));
//! sleep(Duration::from_secs(1)).await?;
//! joined.cancel();
//! gathered.cancel();
//!
//! // A gather asks each of its children.
//! assert!(gathered.join().await?.is_cancelled());
//! assert!(!joined.is_done());
//! assert_eq!(joined.join().await?.ok(), Some(true));
//! # Ok(()) }
//! ```
//!
//! [`gather`], [`race`], [`task_group`] and [`local_scope`] hand it on to all of theirs;
//! [`tokio::try_join!`] drops the others where they wait. The cancellation of a scope (rule 2) comes to
//! every cancel point in it, those under `join!` too.
//!
//! [`tokio::join!`]: https://docs.rs/tokio/1/tokio/macro.join.html
//! [`tokio::try_join!`]: https://docs.rs/tokio/1/tokio/macro.try_join.html
//!
//! # Errors of your own
//!
//! A task's error type has to take a [`Cancelled`] in and to show it again: [`CancelError`]. For
//! [`std::io::Error`], boxed errors and `anyhow::Error` (feature `anyhow`) that is done: a cancellation
//! that `?` has turned into one of them, or into several one after the other, is found in it. Feature
//! `derive` does it for enums.
//!
//! # Which one?
//!
//! | | gives | on an error | when the caller is cancelled |
//! |---|---|---|---|
//! | `task.await` | the result | returns it | asks the task, waits for it |
//! | [`Task::join`] | the [`Outcome`] | it is an outcome | leaves the task alone |
//! | [`gather`] | the results, in order | returns it at once, the others go on | cancels all |
//! | [`gather_with`] [`OnError::CancelRest`] | the results, in order | cancels the others, waits for them | cancels all, waits for them |
//! | [`gather_outcomes`] | the outcomes, in order | it is an outcome | cancels all, waits for them |
//! | [`wait`] | who is done and who is not | as [`When`] says | leaves all alone |
//! | [`wait_any`] | the same, at the first | it is the first | cancels all |
//! | [`race`], [`first_success`] | the first, when the others have ended | it is the first; goes on | cancels all, waits for them |
//! | [`as_completed`] | outcomes as they come | it is an outcome | leaves all alone |
//! | [`task_group`], [`local_scope`] | what the body does | cancels all, waits for them | cancels all, waits for them |
//! | [`when_all`], [`when_any`] | the results, the first | returns it at once | leaves all alone |
//!
//! Beside what is there already:
//!
//! | | |
//! |---|---|
//! | tokio's `JoinSet` | Its `abort_all` drops tasks where they wait. A group here asks them, lets them clean up, collects all errors, and cancels the siblings of one that fails |
//! | tokio-util's `CancellationToken` | Each task has to be given it and to watch it. [`CancellationToken`] here is [attached](CancellationToken::attach) to tasks from outside, has a reason and several parents |
//! | `futures-concurrency`, `futures` | Futures polled in one task and dropped when they lose; nothing is spawned, and clean-up cannot await. [`local_scope`] is the nearest here |
//! | `select!` | An arm that loses is dropped. [`race`] waits for the losers |
//!
//! # Features
//!
//! None is on from the start. `derive`: `#[derive(CancelError)]`. `stream`: [`AsCompleted`] is a
//! `Stream`. `tokio-util`: from and to its token. `anyhow`: its error is a [`CancelError`]. `serde`: the
//! tree can be serialised. `tracing`: each task has a span `task` of target `stook`, entered while it is
//! polled, whose fields `id`, `name`, `file`, `line`, `state`, `reason` and `waiting` say what
//! [`TaskInfo`] does and are recorded anew as they change; reports without a hook are events.
//!
//! # What this crate does not do
//!
//! It has no runtime, no timers and no I/O of its own. It does not drop a future that is not at a
//! cancel point, nor run clean-up for a task that is aborted: that takes async destructors. Children
//! that borrow run in turns, not in parallel.

#![forbid(unsafe_code)]

/// The page of the package, whose code runs with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;

mod about;
mod alone;
mod as_completed;
mod asked;
mod awaiting;
mod batch;
mod block;
mod block_watchers;
mod cancel_error;
mod cancelled;
mod catch;
mod cell;
mod children;
mod context;
mod done;
mod family;
mod forward;
mod gather;
mod group;
mod handle;
mod id;
mod kept_tasks;
mod kept_waker;
mod lock;
#[cfg(all(test, stook_loom))]
mod loom_models;
mod or_cancel;
mod outcome;
mod panicked;
mod point;
mod race;
mod reaper;
mod record;
mod registry;
mod report;
mod scope;
mod several;
mod slab;
mod slot;
mod span;
mod spawn;
mod sync;
mod task;
mod task_future;
mod time;
mod token;
mod wait;
mod watcher;
mod watching;

pub use crate::as_completed::{AsCompleted, Completed, as_completed};
pub use crate::awaiting::Awaiting;
pub use crate::cancel_error::CancelError;
pub use crate::cancelled::Cancelled;
pub use crate::gather::{Gather, GatherOutcomes, OnError, gather, gather_outcomes, gather_with};
pub use crate::group::local::{LocalScope, local_scope};
pub use crate::group::{GroupClosed, GroupError, Shared, TaskGroup, task_group};
pub use crate::handle::{TaskHandle, current};
pub use crate::id::TaskId;
pub use crate::or_cancel::{OrCancel, OrCancelled};
pub use crate::outcome::Outcome;
pub use crate::panicked::Panic;
pub use crate::race::{Losers, NoSuccess, first_success, race};
pub use crate::record::{CancelKind, Reason, Record, Who};
pub use crate::report::scope_info::ScopeInfo;
pub use crate::report::stuck::{WatchGuard, watch_cancels};
pub use crate::report::tree::{Branch, TaskInfo, TaskState, Tree, tree};
pub use crate::report::{Report, set_report_hook, take_report_hook};
pub use crate::scope::{
    Elapsed, Scope, move_on_after, scope, shield, shield_for, timeout, timeout_at, with_cleanup,
};
pub use crate::spawn::{Builder, builder, spawn, spawn_local};
pub use crate::task::Task;
pub use crate::time::{Interval, checkpoint, interval, sleep, sleep_until};
pub use crate::token::{
    CancellationToken, DropGuard, Registration, WaitForCancellation, when_all, when_any,
};
pub use crate::wait::{Waited, When, wait, wait_any};
#[cfg(feature = "derive")]
pub use stook_derive::CancelError;

//! asyncio's task control for tokio programs.

#![forbid(unsafe_code)]

mod as_completed;
mod awaiting;
mod cancel_error;
mod cancelled;
mod catch;
mod cell;
mod context;
mod done;
mod family;
mod forward;
mod gather;
mod group;
mod handle;
mod id;
mod lock;
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
mod spawn;
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

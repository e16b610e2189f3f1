//! asyncio's task control for tokio programs.

#![forbid(unsafe_code)]

mod awaiting;
mod cancel_error;
mod cancelled;
mod catch;
mod cell;
mod context;
mod done;
mod forward;
mod group;
mod handle;
mod id;
mod lock;
mod or_cancel;
mod outcome;
mod panicked;
mod point;
mod reaper;
mod record;
mod registry;
mod report;
mod scope;
mod slab;
mod slot;
mod spawn;
mod task;
mod task_future;
mod time;
mod watcher;

pub use crate::awaiting::Awaiting;
pub use crate::cancel_error::CancelError;
pub use crate::cancelled::Cancelled;
pub use crate::handle::{TaskHandle, current};
pub use crate::id::TaskId;
pub use crate::or_cancel::{OrCancel, OrCancelled};
pub use crate::outcome::Outcome;
pub use crate::panicked::Panic;
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

//! Looks for tasks that were asked to cancel and reach no cancel point.

use std::collections::HashMap;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use crate::block::CellRef;
use crate::id::TaskId;
use crate::record::{Record, Who};
use crate::registry::{self, Listed};
use crate::report;

/// Reports tasks of the current runtime that were asked to cancel and have not reached a cancel point
/// for this long, as [`Report::StuckCancel`](crate::Report::StuckCancel); until the guard is dropped.
///
/// A bare `.await` is no cancel point: a task that stays in one never hears of a request. This finds
/// it. Requests are looked at every `after`, so one is reported between `after` and twice that.
///
/// # Panics
/// Outside a runtime; when `after` is zero.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let _guard = stook::watch_cancels(Duration::from_secs(10));
/// // … the program …
/// # }
/// ```
///
/// # Source
/// None: in asyncio every await can be cancelled, as of CPython 3.13.
#[track_caller]
pub fn watch_cancels(after: Duration) -> WatchGuard {
    assert!(!after.is_zero(), "a period of zero");
    let watching = tokio::spawn(watch(after));
    WatchGuard {
        watching: watching.abort_handle(),
        location: Location::caller(),
    }
}

/// Goes on watching until it is dropped.
#[derive(Debug)]
#[must_use = "it stops watching when it is dropped"]
pub struct WatchGuard {
    watching: tokio::task::AbortHandle,
    location: &'static Location<'static>,
}

impl WatchGuard {
    /// Where it was made.
    pub fn location(&self) -> &'static Location<'static> {
        self.location
    }
}

impl Drop for WatchGuard {
    fn drop(&mut self) {
        self.watching.abort();
    }
}

async fn watch(after: Duration) {
    let mut reported: HashMap<TaskId, Arc<Record>> = HashMap::new();
    loop {
        tokio::time::sleep(after).await;
        let mut still_due = HashMap::new();
        for cell in registry::tasks() {
            let (last, is_due) = cell.last_request();
            let Some(record) = last.filter(|_| is_due && cell.ended().is_none()) else {
                continue;
            };
            if record.when().elapsed() < after {
                continue;
            }
            let before = reported.get(&cell.id());
            if !before.is_some_and(|before| Arc::ptr_eq(before, &record)) {
                report::stuck_cancel(&cell, never_started_beside(&cell));
            }
            still_due.insert(cell.id(), record);
        }
        reported = still_due;
    }
}

/// What a task that is stuck may be waiting for.
fn never_started_beside(cell: &CellRef) -> Vec<Who> {
    let groups = cell.about().map(|about| registry::of(about.runtime));
    let beside = |listed: &Arc<dyn Listed>| listed.never_started_beside(cell);
    groups.iter().flatten().flat_map(beside).collect()
}

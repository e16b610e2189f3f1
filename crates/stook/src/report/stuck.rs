//! Looks for tasks that were asked to cancel, and scopes that were, and that reach no cancel point.

use std::collections::{HashMap, HashSet};
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Handle, Id};
use tokio::time::Sleep;

use crate::block::CellRef;
use crate::id::TaskId;
use crate::record::{Record, Who};
use crate::registry;
use crate::report;
use crate::report::scope_info::ScopeInfo;
use crate::scope::fired;

/// Reports tasks of the current runtime that were asked to cancel and have not reached a cancel point
/// for this long, as [`Report::StuckCancel`](crate::Report::StuckCancel), and scopes that were
/// cancelled, timeouts among them, as [`Report::StuckScope`](crate::Report::StuckScope); until the
/// guard is dropped.
///
/// A bare `.await` is no cancel point: a task that stays in one never hears of a request, and a timeout
/// around it does not end. This finds them, and what a [`shield`](crate::shield) keeps from hearing of
/// it. Requests are looked at every `after`, so one is reported between `after` and twice that.
///
/// # Panics
/// Outside a runtime with time; when `after` is zero.
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
    // Here, so that a runtime without time is told of here.
    let first = tokio::time::sleep(after);
    let watching = tokio::spawn(watch(after, first));
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
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let guard = stook::watch_cancels(std::time::Duration::from_secs(10));
    /// assert!(guard.location().line() > 0);
    /// # }
    /// ```
    pub fn location(&self) -> &'static Location<'static> {
        self.location
    }
}

impl Drop for WatchGuard {
    fn drop(&mut self) {
        self.watching.abort();
    }
}

async fn watch(after: Duration, first: Sleep) {
    let runtime = Handle::current().id();
    let mut tasks = StuckTasks::default();
    let mut scopes = StuckScopes::default();
    first.await;
    loop {
        tasks.look(after, runtime);
        scopes.look(after, runtime);
        tokio::time::sleep(after).await;
    }
}

/// Tasks that were reported, with the request.
#[derive(Default)]
struct StuckTasks(HashMap<TaskId, Arc<Record>>);

impl StuckTasks {
    fn look(&mut self, after: Duration, runtime: Id) {
        let mut still_due = HashMap::new();
        for listed in registry::of(runtime) {
            // The same for all that are listed together, and found by a look at each of them.
            let mut never_started: Option<Vec<Who>> = None;
            for cell in Arc::clone(&listed).cells() {
                let Some(record) = due_since(&cell, after) else {
                    continue;
                };
                let before = self.0.get(&cell.id());
                if !before.is_some_and(|before| Arc::ptr_eq(before, &record)) {
                    let beside =
                        never_started.get_or_insert_with(|| listed.never_started_beside(&cell));
                    report::stuck_cancel(&cell, beside.clone());
                }
                still_due.insert(cell.id(), record);
            }
        }
        self.0 = still_due;
    }
}

/// Scopes that were reported.
#[derive(Default)]
struct StuckScopes(HashSet<TaskId>);

impl StuckScopes {
    fn look(&mut self, after: Duration, runtime: Id) {
        let mut still_stuck = HashSet::new();
        for node in fired::all() {
            if node.is_heard() || node.runtime() != Some(runtime) {
                continue;
            }
            let Some(scope) = ScopeInfo::of(&node).filter(|scope| scope.age >= after) else {
                continue;
            };
            if !self.0.contains(&node.id()) {
                report::stuck_scope(scope, node.cell().as_ref());
            }
            still_stuck.insert(node.id());
        }
        self.0 = still_stuck;
    }
}

/// The request that this task was made so long ago and that is not delivered yet.
fn due_since(cell: &CellRef, after: Duration) -> Option<Arc<Record>> {
    let (last, is_due) = cell.last_request();
    let record = last.filter(|_| is_due && cell.ended().is_none())?;
    (record.when().elapsed() >= after).then_some(record)
}

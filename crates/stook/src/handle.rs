//! A handle on a task without its result.

use std::panic::Location;

use crate::block::CellRef;
use crate::cancelled::Cancelled;
use crate::context;
use crate::done::Done;
use crate::id::TaskId;
use crate::or_cancel::OrCancelled;
use crate::record::{CancelKind, Reason, Record};
use crate::report::tree::{TaskInfo, TaskState};

/// A handle on a task without its result: for who cancels or watches it, but does not read it.
///
/// Copies are cheap. It keeps neither the task nor its result alive.
///
/// # Source
/// `AbortHandle` of tokio 1.47.
#[derive(Clone, Debug)]
pub struct TaskHandle(CellRef);

/// The current task; `None` outside the tasks of this crate.
///
/// # Examples
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// assert!(stook::current().is_none());
/// let task = stook::spawn(async { Ok::<_, stook::Cancelled>(stook::current().map(|me| me.id())) });
/// let id = task.id();
/// assert_eq!(task.await.unwrap(), Some(id));
/// # }
/// ```
///
/// # Source
/// `asyncio.current_task`, CPython 3.13.
pub fn current() -> Option<TaskHandle> {
    context::task().map(TaskHandle)
}

impl TaskHandle {
    pub(crate) fn new(cell: CellRef) -> Self {
        Self(cell)
    }

    /// Its number.
    pub fn id(&self) -> TaskId {
        self.0.id()
    }

    /// Its name, if it was given one.
    pub fn name(&self) -> Option<&str> {
        self.0.name()
    }

    /// How far it is.
    pub fn state(&self) -> TaskState {
        TaskState::of(&self.0)
    }

    /// Whether it has ended.
    pub fn is_done(&self) -> bool {
        self.0.ended().is_some()
    }

    /// All that is known of it.
    pub fn info(&self) -> TaskInfo {
        TaskInfo::of(&self.0)
    }

    /// Asks it to cancel; see [`Task::cancel`](crate::Task::cancel).
    #[track_caller]
    pub fn cancel(&self) -> bool {
        request(&self.0, None, Location::caller())
    }

    /// Asks it to cancel, and says why; see [`Task::cancel`](crate::Task::cancel).
    #[track_caller]
    pub fn cancel_with(&self, reason: impl Into<Reason>) -> bool {
        request(&self.0, Some(reason.into()), Location::caller())
    }

    /// How many requests to cancel it stand; see [`Task::cancelling`](crate::Task::cancelling).
    pub fn cancelling(&self) -> u32 {
        self.0.cancelling()
    }

    /// Takes one request back; see [`Task::uncancel`](crate::Task::uncancel).
    pub fn uncancel(&self) -> u32 {
        self.0.uncancel()
    }

    /// Waits until it has ended, however it does. A cancel point.
    ///
    /// # Errors
    /// The caller was cancelled. The task is left alone.
    ///
    /// # Cancel safety
    /// It can be dropped at any time and called again.
    #[track_caller]
    pub fn done(&self) -> impl Future<Output = Result<TaskState, Cancelled>> + Send + 'static {
        let cell = self.0.clone();
        let done = OrCancelled::at(Done::new(cell.clone()), Location::caller());
        async move {
            done.await?;
            Ok(TaskState::of(&cell))
        }
    }

    pub(crate) fn cell(&self) -> &CellRef {
        &self.0
    }
}

/// Makes one request of one task, by somebody who was not asked in turn.
pub(crate) fn request(
    cell: &CellRef,
    reason: Option<Reason>,
    location: &'static Location<'static>,
) -> bool {
    cell.request(Record::new(CancelKind::Explicit, reason, location, None))
}

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
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let task = stook::spawn(stook::checkpoint());
    /// assert_eq!(task.handle().id(), task.id());
    /// # }
    /// ```
    pub fn id(&self) -> TaskId {
        self.0.id()
    }

    /// Its name, if it was given one.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let task = stook::builder().name("reader").spawn(stook::checkpoint());
    /// assert_eq!(task.handle().name(), Some("reader"));
    /// assert_eq!(stook::spawn(stook::checkpoint()).handle().name(), None);
    /// # }
    /// ```
    pub fn name(&self) -> Option<&str> {
        self.0.name()
    }

    /// How far it is.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// use stook::TaskState;
    /// let handle = stook::spawn(stook::checkpoint()).handle();
    /// assert_eq!(handle.state(), TaskState::Created);
    /// tokio::task::yield_now().await;
    /// assert_eq!(handle.state(), TaskState::Running);
    /// tokio::task::yield_now().await;
    /// assert_eq!(handle.state(), TaskState::Ok);
    /// # }
    /// ```
    pub fn state(&self) -> TaskState {
        TaskState::of(&self.0)
    }

    /// Whether it has ended.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let handle = stook::spawn(async { Ok::<_, stook::Cancelled>(()) }).handle();
    /// assert!(!handle.is_done());
    /// tokio::task::yield_now().await;
    /// assert!(handle.is_done());
    /// # }
    /// ```
    pub fn is_done(&self) -> bool {
        self.0.ended().is_some()
    }

    /// All that is known of it.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let handle = stook::spawn(stook::checkpoint()).handle();
    /// let info = handle.info();
    /// assert_eq!(info.id, handle.id().number());
    /// println!("{info}");
    /// # }
    /// ```
    pub fn info(&self) -> TaskInfo {
        TaskInfo::of(&self.0)
    }

    /// Asks it to cancel; see [`Task::cancel`](crate::Task::cancel).
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), stook::Cancelled> {
    /// let mut task = stook::spawn(async { stook::checkpoint().await });
    /// assert!(task.handle().cancel());
    /// assert!(task.join().await?.is_cancelled());
    /// assert!(!task.handle().cancel());
    /// # Ok(()) }
    /// ```
    #[track_caller]
    pub fn cancel(&self) -> bool {
        request(&self.0, None, Location::caller())
    }

    /// Asks it to cancel, and says why; see [`Task::cancel`](crate::Task::cancel).
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), stook::Cancelled> {
    /// let mut task = stook::spawn(async { stook::checkpoint().await });
    /// task.handle().cancel_with("closing time");
    /// assert!(task.join().await?.is_cancelled());
    /// assert_eq!(task.info().reason.as_deref(), Some("closing time"));
    /// # Ok(()) }
    /// ```
    #[track_caller]
    pub fn cancel_with(&self, reason: impl Into<Reason>) -> bool {
        request(&self.0, Some(reason.into()), Location::caller())
    }

    /// How many requests to cancel it stand; see [`Task::cancelling`](crate::Task::cancelling).
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let handle = stook::spawn(stook::checkpoint()).handle();
    /// assert_eq!(handle.cancelling(), 0);
    /// handle.cancel();
    /// assert_eq!(handle.cancelling(), 1);
    /// # }
    /// ```
    pub fn cancelling(&self) -> u32 {
        self.0.cancelling()
    }

    /// Takes one request back; see [`Task::uncancel`](crate::Task::uncancel).
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), stook::Cancelled> {
    /// let mut task = stook::spawn(stook::checkpoint());
    /// task.handle().cancel();
    /// // Not delivered yet: it is forgotten.
    /// assert_eq!(task.handle().uncancel(), 0);
    /// assert!(task.join().await?.is_ok());
    /// # Ok(()) }
    /// ```
    pub fn uncancel(&self) -> u32 {
        self.0.uncancel()
    }

    /// Drops it where it waits; see [`Task::abort`](crate::Task::abort).
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), stook::Cancelled> {
    /// use stook::Outcome;
    /// let pending = || async { Ok::<_, stook::Cancelled>(std::future::pending::<()>().await) };
    /// let gathered = stook::gather_outcomes([pending()]);
    /// tokio::task::yield_now().await;
    /// gathered.handles()[0].abort();
    /// assert!(matches!(gathered.await?[0], Outcome::Aborted));
    /// # Ok(()) }
    /// ```
    pub fn abort(&self) {
        self.0.abort();
    }

    /// Waits until it has ended, however it does. A cancel point.
    ///
    /// # Errors
    /// The caller was cancelled. The task is left alone.
    ///
    /// # Cancel safety
    /// It can be dropped at any time and called again.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), stook::Cancelled> {
    /// use stook::TaskState;
    /// let task = stook::spawn(async { Ok::<_, stook::Cancelled>(7) });
    /// assert_eq!(task.handle().done().await?, TaskState::Ok);
    /// assert_eq!(task.try_take().unwrap().ok(), Some(7));
    /// # Ok(()) }
    /// ```
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

//! The handle on a task.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::panic::Location;

use crate::alone::Outlet;
use crate::awaiting::Awaiting;
use crate::block::CellRef;
use crate::cancel_error::CancelError;
use crate::cancelled::Cancelled;
use crate::cell::Cell;
use crate::done::Done;
use crate::handle::{self, TaskHandle};
use crate::id::TaskId;
use crate::or_cancel::OrCancelled;
use crate::outcome::Outcome;
use crate::reaper;
use crate::record::Reason;
use crate::report::tree::{TaskInfo, TaskState};
use crate::watcher::Watcher;

/// The handle on a task: who has it reads the result.
///
/// `task.await` waits for the task and hands the caller's cancellation on to it; [`join`](Self::join)
/// tells the caller's cancellation from the task's, and leaves the task alone. Dropping the handle
/// lets the task run on, unless it was built with
/// [`cancel_on_drop`](crate::Builder::cancel_on_drop).
///
/// # Cancel safety
/// A `task.await` that is dropped before the task has ended asks it to cancel and reports it; a
/// [`join`](Self::join) can be dropped without that.
///
/// # Source
/// `Task` in CPython 3.13 `asyncio/tasks.py`; `JoinHandle` of tokio 1.47.
pub struct Task<T, E: CancelError = Cancelled> {
    cell: CellRef,
    outlet: Outlet<T, E>,
}

impl<T, E: CancelError> Task<T, E> {
    pub(crate) fn new(cell: CellRef, outlet: Outlet<T, E>, cancel_on_drop: bool) -> Self {
        if cancel_on_drop {
            cell.cancel_on_drop();
        }
        Self { cell, outlet }
    }

    pub(crate) fn cell(&self) -> &CellRef {
        &self.cell
    }

    /// Its number.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let tasks = [(); 2].map(|()| stook::spawn(stook::checkpoint()));
    /// assert!(tasks[0].id() < tasks[1].id());
    /// # }
    /// ```
    pub fn id(&self) -> TaskId {
        self.cell.id()
    }

    /// Its name, if it was given one.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let task = stook::builder().name("reader").spawn(stook::checkpoint());
    /// assert_eq!(task.name(), Some("reader"));
    /// assert_eq!(stook::spawn(stook::checkpoint()).name(), None);
    /// # }
    /// ```
    pub fn name(&self) -> Option<&str> {
        self.cell.name()
    }

    /// How far it is.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// use stook::TaskState;
    /// let task = stook::spawn(stook::checkpoint());
    /// assert_eq!(task.state(), TaskState::Created);
    /// tokio::task::yield_now().await;
    /// assert_eq!(task.state(), TaskState::Running);
    /// tokio::task::yield_now().await;
    /// assert_eq!(task.state(), TaskState::Ok);
    /// # }
    /// ```
    pub fn state(&self) -> TaskState {
        TaskState::of(&self.cell)
    }

    /// Whether it has ended. Its result may have been taken since.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let task = stook::spawn(async { Ok::<_, stook::Cancelled>(()) });
    /// assert!(!task.is_done());
    /// tokio::task::yield_now().await;
    /// assert!(task.is_done());
    /// # }
    /// ```
    pub fn is_done(&self) -> bool {
        self.cell.ended().is_some()
    }

    /// All that is known of it.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let task = stook::spawn(stook::checkpoint());
    /// let info = task.info();
    /// assert_eq!(info.id, task.id().number());
    /// println!("{info}");
    /// # }
    /// ```
    pub fn info(&self) -> TaskInfo {
        TaskInfo::of(&self.cell)
    }

    /// A handle without the result, for others.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), stook::Cancelled> {
    /// let mut task = stook::spawn(stook::OrCancel::or_cancel(std::future::pending::<()>()));
    /// let handle = task.handle();
    /// let other = stook::spawn(async move { Ok::<_, stook::Cancelled>(handle.cancel()) });
    /// assert!(other.await?);
    /// assert!(task.join().await?.is_cancelled());
    /// # Ok(()) }
    /// ```
    pub fn handle(&self) -> TaskHandle {
        TaskHandle::new(self.cell.clone())
    }

    /// Asks the task to cancel; `false` when it has ended.
    ///
    /// The next cancel point that the task is at or reaches returns [`Cancelled`], once; what the task
    /// does then is its own affair. Before its first step, it never starts. A result that it has
    /// by then is not taken from it.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), stook::Cancelled> {
    /// use std::time::Duration;
    /// let mut task = stook::spawn(async {
    ///     if stook::sleep(Duration::from_secs(3600)).await.is_err() {
    ///         return Ok("made the best of it");
    ///     }
    ///     Ok::<_, stook::Cancelled>("slept well")
    /// });
    /// tokio::task::yield_now().await;
    /// assert!(task.cancel());
    /// assert_eq!(task.join().await?.ok(), Some("made the best of it"));
    /// # Ok(()) }
    /// ```
    ///
    /// # Source
    /// `Task.cancel`, CPython 3.13. There, a task that is asked during its last step counts as
    /// cancelled.
    #[track_caller]
    pub fn cancel(&self) -> bool {
        handle::request(&self.cell, None, Location::caller())
    }

    /// Asks the task to cancel, and says why; see [`cancel`](Self::cancel).
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), stook::Cancelled> {
    /// use stook::Outcome;
    /// let mut task = stook::spawn(async { stook::checkpoint().await });
    /// task.cancel_with("closing time");
    /// let Outcome::Cancelled(why) = task.join().await? else { panic!() };
    /// assert_eq!(why.reason(), Some("closing time"));
    /// # Ok(()) }
    /// ```
    #[track_caller]
    pub fn cancel_with(&self, reason: impl Into<Reason>) -> bool {
        handle::request(&self.cell, Some(reason.into()), Location::caller())
    }

    /// How many requests to cancel it stand: made and not taken back.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let task = stook::spawn(async { stook::checkpoint().await });
    /// task.cancel();
    /// task.cancel();
    /// assert_eq!(task.cancelling(), 2);
    /// # }
    /// ```
    ///
    /// # Source
    /// `Task.cancelling`, CPython 3.13.
    pub fn cancelling(&self) -> u32 {
        self.cell.cancelling()
    }

    /// Takes one request back, and returns how many stand; with none, changes nothing. When it was the
    /// last and was not delivered yet, it is forgotten.
    ///
    /// For who has taken a cancellation and goes on: call it on [`current()`](crate::current).
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), stook::Cancelled> {
    /// let mut task = stook::spawn(async {
    ///     assert!(stook::checkpoint().await.is_err());
    ///     let me = stook::current().unwrap();
    ///     assert_eq!(me.uncancel(), 0);
    ///     stook::checkpoint().await
    /// });
    /// tokio::task::yield_now().await;
    /// task.cancel();
    /// assert!(task.join().await?.is_ok());
    /// # Ok(()) }
    /// ```
    ///
    /// # Source
    /// `Task.uncancel`, CPython 3.13.
    pub fn uncancel(&self) -> u32 {
        self.cell.uncancel()
    }

    /// Drops the task where it waits: no clean-up that awaits. Its outcome is
    /// [`Outcome::Aborted`], unless it ends before.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), stook::Cancelled> {
    /// use stook::Outcome;
    /// let mut task = stook::spawn(async { Ok::<_, stook::Cancelled>(std::future::pending::<()>().await) });
    /// tokio::task::yield_now().await;
    /// task.abort();
    /// assert!(matches!(task.join().await?, Outcome::Aborted));
    /// # Ok(()) }
    /// ```
    ///
    /// # Source
    /// `JoinHandle::abort` of tokio 1.47.
    pub fn abort(&self) {
        self.cell.abort();
    }

    /// Takes the outcome, if the task has ended and it was not taken before.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let task = stook::spawn(async { Ok::<_, stook::Cancelled>(7) });
    /// assert!(task.try_take().is_none());
    /// tokio::task::yield_now().await;
    /// assert_eq!(task.try_take().unwrap().ok(), Some(7));
    /// assert!(task.try_take().is_none());
    /// # }
    /// ```
    pub fn try_take(&self) -> Option<Outcome<T, E>> {
        let (cell, slot) = self.outlet.open(&self.cell);
        cell.ended()?;
        slot.take(cell)
    }

    /// Waits until the task has ended, and takes its outcome. A cancel point.
    ///
    /// The outer error is "I was cancelled", the outcome says whether the task was.
    ///
    /// # Errors
    /// The caller was cancelled. The task is left alone, and can be joined again.
    ///
    /// # Panics
    /// The outcome was taken before, as when a tokio `JoinHandle` is polled again.
    ///
    /// # Cancel safety
    /// Nothing is lost when it is dropped.
    ///
    /// # Examples
    /// ```
    /// use stook::Outcome;
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), stook::Cancelled> {
    /// let mut task = stook::spawn(async { stook::checkpoint().await });
    /// task.cancel();
    /// assert!(matches!(task.join().await?, Outcome::Cancelled(_)));
    /// # Ok(()) }
    /// ```
    #[track_caller]
    pub fn join(&mut self) -> impl Future<Output = Result<Outcome<T, E>, Cancelled>> {
        let task = &*self;
        let done = OrCancelled::at(Done::new(&task.cell), Location::caller());
        async move {
            done.await?;
            Ok(task.take_once())
        }
    }

    /// Asks the task to cancel, and [joins](Self::join) it.
    ///
    /// # Errors
    /// The caller was cancelled. The task stays asked, and can be joined again.
    ///
    /// # Panics
    /// The outcome was taken before.
    ///
    /// # Cancel safety
    /// Nothing is lost when it is dropped; the task is asked when this is called, not when it is
    /// awaited.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), stook::Cancelled> {
    /// let (say, said) = tokio::sync::oneshot::channel();
    /// let mut task = stook::spawn(async {
    ///     let pending = stook::OrCancel::or_cancel(std::future::pending::<()>());
    ///     let end = pending.await;
    ///     say.send("tidied up").unwrap();
    ///     end
    /// });
    /// tokio::task::yield_now().await;
    /// assert!(task.cancel_and_join().await?.is_cancelled());
    /// assert_eq!(said.await, Ok("tidied up"));
    /// # Ok(()) }
    /// ```
    #[track_caller]
    pub fn cancel_and_join(&mut self) -> impl Future<Output = Result<Outcome<T, E>, Cancelled>> {
        handle::request(&self.cell, None, Location::caller());
        self.join()
    }

    fn take_once(&self) -> Outcome<T, E> {
        let (cell, slot) = self.outlet.open(&self.cell);
        match slot.take(cell) {
            Some(outcome) => outcome,
            None => panic!("the outcome of task {} was taken before", self.id()),
        }
    }

    /// Has the function called when the task has ended; at once, when it has.
    ///
    /// It is called where the task ends, in the order of registration; who joins the task is woken in
    /// that order, too, but on another thread may find that it has ended before. A panic of it is
    /// reported, and nothing else.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// use stook::TaskState;
    /// let (tell, told) = tokio::sync::oneshot::channel();
    /// let task = stook::spawn(async { Ok::<_, stook::Cancelled>(()) });
    /// task.on_done(|handle| tell.send(handle.state()).unwrap());
    /// assert_eq!(told.await, Ok(TaskState::Ok));
    /// # }
    /// ```
    ///
    /// # Source
    /// `Future.add_done_callback`, CPython 3.13, which calls in the next turn of the loop.
    pub fn on_done(&self, function: impl FnOnce(&TaskHandle) + Send + 'static) {
        let call = move |cell: &CellRef| function(&TaskHandle::new(cell.clone()));
        if let Err((watcher, ended)) = self.cell.watch(Watcher::Call(Box::new(call))) {
            watcher.tell(&self.cell, ended);
        }
    }
}

/// `task.await`: waits for the task and gives its result. When the caller is cancelled, the task is
/// asked to cancel and waited for.
impl<T, E: CancelError> IntoFuture for Task<T, E> {
    type Output = Result<T, E>;
    type IntoFuture = Awaiting<T, E>;

    #[track_caller]
    fn into_future(self) -> Awaiting<T, E> {
        Awaiting::new(self, Location::caller())
    }
}

impl<T, E: CancelError> Drop for Task<T, E> {
    fn drop(&mut self) {
        let cell: &Cell = &self.cell;
        // By who has waited for it.
        if cell.is_taken() {
            return;
        }
        if cell.is_cancelled_on_drop() && cell.ended().is_none() {
            reaper::adopt(std::slice::from_ref(&self.cell), None);
        }
        // Most handles that are dropped are so before the end: the slot is not looked for.
        if cell.abandon() {
            self.outlet.open(&self.cell).1.abandon(&self.cell);
        }
    }
}

impl<T, E: CancelError> fmt::Debug for Task<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task")
            .field("id", &self.id())
            .field("name", &self.name())
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}

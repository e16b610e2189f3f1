//! Spawning: onto the current runtime, or the current `LocalSet`.

use std::future::Future;
use std::panic::Location;
use std::sync::Arc;

use crate::about::Kin;
use crate::alone::{Alone, Beside, Outlet};
use crate::batch::{self, InBatch};
use crate::block::CellRef;
use crate::cancel_error::CancelError;
use crate::context;
use crate::group::{GroupClosed, Shared, TaskGroup};
use crate::kept_tasks;
use crate::registry;
use crate::slot::Slot;
use crate::task::Task;
use crate::task_future::TaskFuture;

/// Spawns a task onto the current runtime.
///
/// It runs whether or not the handle is kept; see [`Builder::cancel_on_drop`]. An error of it that
/// nobody reads is reported, see [`set_report_hook`](crate::set_report_hook).
///
/// # Panics
/// Outside a runtime, as [`tokio::spawn`] does. The future is dropped.
///
/// # Examples
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), stook::Cancelled> {
/// let task = stook::spawn(async {
///     stook::checkpoint().await?;
///     Ok::<_, stook::Cancelled>("sheaf")
/// });
/// assert_eq!(task.await?, "sheaf");
/// # Ok(()) }
/// ```
///
/// # Source
/// `asyncio.create_task`, CPython 3.13.
#[track_caller]
pub fn spawn<F, T, E>(future: F) -> Task<T, E>
where
    F: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: CancelError + Send,
{
    builder().spawn(future)
}

/// Spawns a task that need not be `Send` onto the current [`LocalSet`](tokio::task::LocalSet), or
/// onto the current `LocalRuntime`.
///
/// # Panics
/// Outside both, as [`tokio::task::spawn_local`] does. The future is dropped.
///
/// # Examples
/// ```
/// use std::rc::Rc;
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let set = tokio::task::LocalSet::new();
/// set.run_until(async {
///     let word = Rc::new("sheaf");
///     let task = stook::spawn_local(async move { Ok::<_, stook::Cancelled>(word) });
///     assert_eq!(*task.await.unwrap(), "sheaf");
/// }).await;
/// # }
/// ```
///
/// # Source
/// `spawn_local` of tokio 1.47.
#[track_caller]
pub fn spawn_local<F, T, E>(future: F) -> Task<T, E>
where
    F: Future<Output = Result<T, E>> + 'static,
    T: 'static,
    E: CancelError,
{
    builder().spawn_local(future)
}

/// A builder of tasks with names and other properties.
///
/// # Examples
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let task = stook::builder()
///     .name("reader")
///     .cancel_on_drop(true)
///     .spawn(async { stook::checkpoint().await });
/// assert_eq!(task.name(), Some("reader"));
/// # }
/// ```
pub fn builder() -> Builder {
    Builder::default()
}

/// A builder of tasks; see [`builder`].
#[derive(Clone, Debug, Default)]
#[must_use = "it spawns nothing by itself"]
pub struct Builder {
    name: Option<Arc<str>>,
    cancel_on_drop: bool,
}

impl Builder {
    /// Gives the task a name, for the tree and for reports.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let task = stook::builder().name("reader").spawn(stook::checkpoint());
    /// assert_eq!(task.name(), Some("reader"));
    /// # }
    /// ```
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Whether dropping the handle asks the task to cancel. Without it, the task runs on.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), stook::Cancelled> {
    /// let task = stook::builder().cancel_on_drop(true).spawn(async {
    ///     stook::OrCancel::or_cancel(std::future::pending::<()>()).await
    /// });
    /// let handle = task.handle();
    /// drop(task);
    /// assert_eq!(handle.done().await?, stook::TaskState::Cancelled);
    /// # Ok(()) }
    /// ```
    pub fn cancel_on_drop(mut self, cancel_on_drop: bool) -> Self {
        self.cancel_on_drop = cancel_on_drop;
        self
    }

    /// Spawns the task as [`spawn`] does.
    ///
    /// # Panics
    /// Outside a runtime.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), stook::Cancelled> {
    /// let task = stook::builder().name("adder").spawn(async { Ok::<_, stook::Cancelled>(1 + 1) });
    /// assert_eq!(task.await?, 2);
    /// # Ok(()) }
    /// ```
    #[track_caller]
    pub fn spawn<F, T, E>(self, future: F) -> Task<T, E>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: CancelError + Send,
    {
        let kin = kin(self.name, Location::caller());
        let runtime = kin.runtime;
        let (batch, place) = batch::take_room::<T, E>(kin);
        let cell = CellRef::new(Arc::clone(&batch) as _, place);
        kept_tasks::spawn(TaskFuture::new(batch, future, InBatch(place)), runtime);
        Task::new(cell, Outlet::Inside(batch::child_of), self.cancel_on_drop)
    }

    /// Spawns the task in a group, as [`TaskGroup::spawn`] does.
    ///
    /// # Errors
    /// The group has ended.
    ///
    /// # Panics
    /// Outside a runtime.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let group = stook::task_group(async |group: stook::TaskGroup<stook::Cancelled>| {
    ///     let task = stook::builder().name("adder").spawn_in(&group, async { Ok(1 + 1) }).unwrap();
    ///     assert_eq!(task.name(), Some("adder"));
    ///     Ok(task)
    /// });
    /// assert_eq!(group.await.unwrap().await.unwrap(), 2);
    /// # }
    /// ```
    #[track_caller]
    pub fn spawn_in<F, T, E>(
        self,
        group: &TaskGroup<E>,
        future: F,
    ) -> Result<Task<T, Shared<E>>, GroupClosed>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: CancelError + Send + Sync,
    {
        group.spawn_named(self.name, self.cancel_on_drop, future, Location::caller())
    }

    /// Spawns the task in a group, as [`TaskGroup::spawn_local`] does.
    ///
    /// # Errors
    /// The group has ended.
    ///
    /// # Panics
    /// Outside a `LocalSet` and a `LocalRuntime`.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// use std::rc::Rc;
    /// let group = stook::task_group(async |group: stook::TaskGroup<stook::Cancelled>| {
    ///     let word = Rc::new("sheaf");
    ///     let reader = stook::builder().name("reader");
    ///     let task = reader.spawn_local_in(&group, async move { Ok(word.len()) }).unwrap();
    ///     assert_eq!(task.name(), Some("reader"));
    ///     Ok(task)
    /// });
    /// let task = tokio::task::LocalSet::new().run_until(group).await.unwrap();
    /// assert_eq!(task.try_take().unwrap().ok(), Some(5));
    /// # }
    /// ```
    #[track_caller]
    pub fn spawn_local_in<F, T, E>(
        self,
        group: &TaskGroup<E>,
        future: F,
    ) -> Result<Task<T, Shared<E>>, GroupClosed>
    where
        F: Future<Output = Result<T, E>> + 'static,
        T: 'static,
        E: CancelError,
    {
        let location = Location::caller();
        group.spawn_local_named(self.name, self.cancel_on_drop, future, location)
    }

    /// Spawns the task as [`spawn_local`] does.
    ///
    /// # Panics
    /// Outside a `LocalSet` and a `LocalRuntime`.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// use std::rc::Rc;
    /// let set = tokio::task::LocalSet::new();
    /// set.run_until(async {
    ///     let word = Rc::new("sheaf");
    ///     let reader = stook::builder().name("reader");
    ///     let task = reader.spawn_local(async move { Ok::<_, stook::Cancelled>(word.len()) });
    ///     assert_eq!(task.await.unwrap(), 5);
    /// }).await;
    /// # }
    /// ```
    #[track_caller]
    pub fn spawn_local<F, T, E>(self, future: F) -> Task<T, E>
    where
        F: Future<Output = Result<T, E>> + 'static,
        T: 'static,
        E: CancelError,
    {
        let about = kin(self.name, Location::caller()).born(context::now());
        let block = Alone::registered(about);
        let cell = CellRef::new(Arc::clone(&block) as _, 0);
        let slot = Arc::new(Slot::new());
        let running = TaskFuture::new(block, future, Beside(Arc::clone(&slot)));
        drop(tokio::task::spawn_local(running));
        Task::new(cell, Outlet::Beside(slot), self.cancel_on_drop)
    }
}

/// What is known of a new task, a child of the current one.
///
/// # Panics
/// Outside a runtime.
#[track_caller]
fn kin(name: Option<Arc<str>>, location: &'static Location<'static>) -> Kin {
    let (parent, runtime) = context::inherited();
    Kin {
        parent,
        name,
        location,
        runtime: registry::or_current(runtime),
    }
}

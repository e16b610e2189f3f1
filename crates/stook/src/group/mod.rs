//! Task groups: tasks that end together.
//!
//! The kernel's `TaskGroup` and `TaskGroupExit` decide.
//!
//! Does not poll children: they are tasks of their own (`local_scope` has such as are not).

pub(crate) mod brood;
mod error;
mod exit;
pub(crate) mod local;
#[cfg(all(test, stook_loom))]
mod loom_models;
pub(crate) mod running;
#[cfg(all(test, not(stook_loom)))]
mod tests;

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;

use stook_kernel::{AfterError, ChildDone, SpawnRefused, TaskGroup as Machine};
use tokio::runtime::Id;

pub use error::{GroupClosed, GroupError, Shared};
pub use exit::task_group;

use crate::about::About;
use crate::alone::{Alone, Outlet};
use crate::block::{Block, CellRef};
use crate::cancel_error::CancelError;
use crate::cell::Cell;
use crate::context;
use crate::family::Family;
use crate::group::brood::{Place, ToBrood};
use crate::group::running::Running;
use crate::id::TaskId;
use crate::kept_tasks;
use crate::outcome::{Ended, Outcome};
use crate::panicked::Panic;
use crate::record::{CancelKind, Reason, Record};
use crate::registry;
use crate::report;
use crate::scope::node::ScopeRef;
use crate::scope::within::Inside;
use crate::slot::Slot;
use crate::spawn::Builder;
use crate::sync::{Mutex, lock};
use crate::task::Task;
use crate::task_future::{Settle, TaskFuture};

/// The handle on a task group, for its body and its tasks. Copies are cheap, and may go anywhere.
///
/// See [`task_group`].
pub struct TaskGroup<E>(Arc<Group<E>>);

/// What a group and its handles share.
struct Group<E> {
    errors: Mutex<Errors<E>>,
    /// The task that the group belongs to.
    owner: Option<TaskId>,
    runtime: Id,
    family: Arc<Family>,
}

/// What its tasks have failed with. It may be locked while the members are, and not the other way
/// round.
struct Errors<E> {
    /// With the tasks. They keep the group, and are taken out when that ends.
    errors: Vec<(CellRef, Shared<E>)>,
    /// With the tasks; `None` for the body. The first goes before all else.
    panics: Vec<(Option<CellRef>, Panic)>,
}

impl<E> Group<E> {
    /// A group that is entered here, and its body.
    fn enter(location: &'static Location<'static>) -> (Arc<Self>, Inside) {
        let mut machine = Machine::new();
        // It was not entered before.
        let _entered = machine.enter();
        let (owner, runtime) = context::inherited();
        let runtime = registry::or_current(runtime);
        let (family, inside) = Family::enter(machine, runtime, location);
        let group = Arc::new(Self {
            errors: Mutex::new(Errors {
                errors: Vec::new(),
                panics: Vec::new(),
            }),
            owner,
            runtime,
            family,
        });
        (group, inside)
    }

    /// Asks the children to cancel, then the body.
    fn abort(&self, record: &Arc<Record>) -> bool {
        let mut any = false;
        for cell in self.family.unfinished() {
            any |= cell.request(Arc::clone(record));
        }
        any | ScopeRef::of(Arc::clone(&self.family) as _).fire(Arc::clone(record))
    }

    /// Takes a new child in, in a block with others like it; its place there.
    fn hatch<T>(self: &Arc<Self>, about: About) -> Result<Place<T, E>, GroupClosed>
    where
        T: Send + 'static,
        E: Send + Sync + 'static,
    {
        let location = about.location;
        let (is_closing, (brood, place), old) = {
            let members = &mut lock(&self.family.state).more;
            let is_closing = members.admits()?;
            let (place, old) = if is_closing {
                ((brood::enter(members, self, about, 1), 0), [None, None])
            } else {
                brood::take_room(members, self, about)
            };
            (is_closing, place, old)
        };
        drop(old);
        if is_closing {
            born_cancelled(&CellRef::new(Arc::clone(&brood) as _, place), location);
        }
        Ok((brood, place))
    }

    /// Takes a new child in, in a block of its own; its place among the members.
    fn adopt(
        &self,
        block: &Arc<dyn Block>,
        location: &'static Location<'static>,
    ) -> Result<usize, GroupClosed> {
        let (member, is_closing) = {
            let members = &mut lock(&self.family.state).more;
            let is_closing = members.admits()?;
            (members.enter(Arc::clone(block), 1), is_closing)
        };
        if is_closing {
            born_cancelled(&CellRef::new(Arc::clone(block), 0), location);
        }
        Ok(member)
    }
}

impl<E> Errors<E> {
    /// What a task has failed with.
    fn keep(&mut self, cell: &CellRef, error: Result<Shared<E>, Panic>) {
        match error {
            Ok(error) => self.errors.push((cell.clone(), error)),
            Err(panic) => self.panics.push((Some(cell.clone()), panic)),
        }
    }
}

impl<E: CancelError + Send + Sync> TaskGroup<E> {
    /// Spawns a task in the group.
    ///
    /// While the group is being cancelled the task is born cancelled: its future is dropped and never
    /// polled, and its handle says so. The group collects an error of it, and the handle has the same.
    ///
    /// # Errors
    /// The group has ended. The future is dropped.
    ///
    /// # Panics
    /// Outside a runtime.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let sum = stook::task_group(async |group: stook::TaskGroup<stook::Cancelled>| {
    ///     let one = group.spawn(async { Ok(1) }).unwrap();
    ///     let two = group.spawn(async { Ok(2) }).unwrap();
    ///     Ok((one, two))
    /// });
    /// let (one, two) = sum.await.unwrap();
    /// assert_eq!(one.await.unwrap() + two.await.unwrap(), 3);
    /// # }
    /// ```
    #[track_caller]
    pub fn spawn<F, T>(&self, future: F) -> Result<Task<T, Shared<E>>, GroupClosed>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
    {
        Builder::default().spawn_in(self, future)
    }

    #[track_caller]
    pub(crate) fn spawn_named<F, T>(
        &self,
        name: Option<Arc<str>>,
        cancel_on_drop: bool,
        future: F,
        location: &'static Location<'static>,
    ) -> Result<Task<T, Shared<E>>, GroupClosed>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
    {
        let about = self.about(name, location);
        let (brood, place) = self.0.hatch::<T>(about)?;
        let cell = CellRef::new(Arc::clone(&brood) as _, place);
        let task = TaskFuture::new(brood, future, ToBrood(place));
        kept_tasks::spawn(task, self.0.runtime);
        let outlet = Outlet::Inside(brood::child_of);
        Ok(Task::new(cell, outlet, cancel_on_drop))
    }
}

impl<E: CancelError> TaskGroup<E> {
    /// Spawns a task that need not be `Send` in the group, as [`spawn_local`](crate::spawn_local)
    /// does. See [`spawn`](Self::spawn).
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
    /// let word = Rc::new("sheaf");
    /// let inner = Rc::clone(&word);
    /// let group = stook::task_group(async |group: stook::TaskGroup<stook::Cancelled>| {
    ///     group.spawn_local(async move { Ok(inner.len()) }).unwrap();
    ///     Ok(())
    /// });
    /// tokio::task::LocalSet::new().run_until(group).await.unwrap();
    /// assert_eq!(Rc::strong_count(&word), 1);
    /// # }
    /// ```
    #[track_caller]
    pub fn spawn_local<F, T>(&self, future: F) -> Result<Task<T, Shared<E>>, GroupClosed>
    where
        F: Future<Output = Result<T, E>> + 'static,
        T: 'static,
    {
        Builder::default().spawn_local_in(self, future)
    }

    #[track_caller]
    pub(crate) fn spawn_local_named<F, T>(
        &self,
        name: Option<Arc<str>>,
        cancel_on_drop: bool,
        future: F,
        location: &'static Location<'static>,
    ) -> Result<Task<T, Shared<E>>, GroupClosed>
    where
        F: Future<Output = Result<T, E>> + 'static,
        T: 'static,
    {
        let block = Alone::new(self.about(name, location));
        let kept: Arc<dyn Block> = Arc::clone(&block) as _;
        let slot = Arc::new(Slot::new());
        let sink = Beside {
            group: Arc::clone(&self.0),
            member: self.0.adopt(&kept, location)?,
            slot: Arc::clone(&slot),
        };
        let running = TaskFuture::new(block, future, sink);
        drop(tokio::task::spawn_local(running));
        let cell = CellRef::new(kept, 0);
        let outlet = Outlet::Beside(slot);
        Ok(Task::new(cell, outlet, cancel_on_drop))
    }
}

impl<E> TaskGroup<E> {
    fn about(&self, name: Option<Arc<str>>, location: &'static Location<'static>) -> About {
        About {
            parent: self.0.owner,
            name,
            location,
            born: context::now(),
            runtime: self.0.runtime,
        }
    }
}

impl<E> TaskGroup<E> {
    /// Cancels the body, at each of its cancel points, and asks all tasks of the group to cancel, once;
    /// those that are spawned from then on never begin. `false` when there is nothing to cancel.
    ///
    /// When the body returns this cancellation, so does the group, unless there are errors. A value that
    /// the body has returned before, or returns nonetheless, is the group's.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let group = stook::task_group(async |group: stook::TaskGroup<stook::Cancelled>| {
    ///     group.spawn(stook::OrCancel::or_cancel(std::future::pending::<()>())).unwrap();
    ///     assert!(group.cancel());
    ///     stook::checkpoint().await
    /// });
    /// assert!(group.await.unwrap_err().cancelled.is_some());
    /// # }
    /// ```
    ///
    /// # Source
    /// `nursery.cancel_scope.cancel`, Trio 0.27.
    #[track_caller]
    pub fn cancel(&self) -> bool {
        self.ask(None, Location::caller())
    }

    /// The same, and says why.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let group = stook::task_group(async |group: stook::TaskGroup<stook::Cancelled>| {
    ///     group.cancel_with("closing time");
    ///     stook::checkpoint().await
    /// });
    /// let cancelled = group.await.unwrap_err().cancelled.unwrap();
    /// assert_eq!(cancelled.reason(), Some("closing time"));
    /// # }
    /// ```
    #[track_caller]
    pub fn cancel_with(&self, reason: impl Into<Reason>) -> bool {
        self.ask(Some(reason.into()), Location::caller())
    }

    fn ask(&self, reason: Option<Reason>, location: &'static Location<'static>) -> bool {
        lock(&self.0.family.state).more.machine.cancelled();
        self.0
            .abort(&Record::new(CancelKind::Group, reason, location, None))
    }

    /// How many of its tasks have not ended.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let group = stook::task_group(async |group: stook::TaskGroup<stook::Cancelled>| {
    ///     for _ in 0..3 {
    ///         group.spawn(stook::checkpoint()).unwrap();
    ///     }
    ///     assert_eq!(group.len(), 3);
    ///     Ok(())
    /// });
    /// group.await.unwrap();
    /// # }
    /// ```
    pub fn len(&self) -> usize {
        self.0.family.len()
    }

    /// Whether all its tasks have ended, or there was none.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let group = stook::task_group(async |group: stook::TaskGroup<stook::Cancelled>| {
    ///     assert!(group.is_empty());
    ///     group.spawn(stook::checkpoint()).unwrap().await.unwrap();
    ///     assert!(group.is_empty());
    ///     Ok(())
    /// });
    /// group.await.unwrap();
    /// # }
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether it takes no task any more.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let group = stook::task_group(async |group: stook::TaskGroup<stook::Cancelled>| Ok(group));
    /// let group = group.await.unwrap();
    /// assert!(group.is_closed());
    /// assert!(group.spawn(stook::checkpoint()).is_err());
    /// # }
    /// ```
    pub fn is_closed(&self) -> bool {
        lock(&self.0.family.state).more.machine.spawn() == Err(SpawnRefused::Finished)
    }
}

impl<E> Clone for TaskGroup<E> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<E> fmt::Debug for TaskGroup<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskGroup")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

/// The outcome of a child whose error may not go where its block may: its slot is beside that.
struct Beside<T, E> {
    group: Arc<Group<E>>,
    /// Its place among the members.
    member: usize,
    slot: Arc<Slot<T, Shared<E>>>,
}

impl<T, E: CancelError> Settle<T, E> for Beside<T, E> {
    fn settle(&self, cell: &CellRef, outcome: Outcome<T, E>) {
        self.group
            .settle((self.member, None), cell, cell, &self.slot, outcome);
    }
}

impl<E: CancelError> Group<E> {
    /// A child has ended: its outcome goes to its slot, and its error to the group as well. The member is
    /// its block, with the count of those that run there, if that has one.
    ///
    /// The reference is to this cell.
    fn settle<T>(
        &self,
        (member, running): (usize, Option<&Running>),
        task: &CellRef,
        cell: &Cell,
        slot: &Slot<T, Shared<E>>,
        outcome: Outcome<T, E>,
    ) {
        let ended = outcome.ended();
        let is_started = ended != Ended::Cancelled || cell.is_started();
        let never_started = (!is_started).then(|| task.who());
        let outcome = outcome.map_err(Shared::new);
        let error = match &outcome {
            Outcome::Err(error) => Some(Ok(error.clone())),
            Outcome::Panicked(panic) => Some(Err(panic.clone())),
            _ => None,
        };
        // Before the group goes on: it finds no child that runs still.
        slot.settle(task, cell, outcome, true);
        // What others the machine decides nothing about.
        let is_plain = error.is_none() && never_started.is_none();
        if is_plain && running.is_some_and(|running| !running.one_ended()) {
            return;
        }
        let (block, wake, then) = {
            let members = &mut lock(&self.family.state).more;
            let is_last = is_plain || running.is_none_or(Running::one_ended);
            let (block, wake) = if is_last {
                members.none_left(member, task)
            } else {
                (None, None)
            };
            if let Some(who) = never_started {
                members.never_started(who);
            }
            let is_panic = ended == Ended::Panicked;
            let is_abandoned = members.is_abandoned;
            let done = members
                .machine
                .child_done(ended.for_kernel(), is_panic, is_abandoned);
            let then = match done {
                ChildDone::Nothing => None,
                // A panic is what a base error is to asyncio: it goes before all others.
                ChildDone::KeepError { then, .. } => {
                    // Who waits finds it when it finds that nobody is left.
                    members.has_errors = true;
                    if let (Some(error), false) = (&error, is_abandoned) {
                        lock(&self.errors).keep(task, error.clone());
                    }
                    Some(then)
                }
            };
            (block, wake, then)
        };
        if let Some(error) = &error {
            self.failed(task, error.as_ref(), then);
        }
        if let Some(waker) = wake {
            report::wake(waker);
        }
        // The last reference to the error may be here, where the group and the handle are gone.
        if let Some(error) = error {
            report::guard_destructor(task, error);
        }
        drop(block);
    }

    /// What follows from the error of a child.
    fn failed(&self, cell: &CellRef, error: Result<&Shared<E>, &Panic>, then: Option<AfterError>) {
        match then {
            None | Some(AfterError::Nothing) => {}
            Some(AfterError::ReportOrphan) => report::unread_failure(cell, error),
            Some(AfterError::Abort) => {
                let kind = CancelKind::SiblingFailed;
                let who = Some(cell.who());
                self.abort(&Record::by(who, kind, None, location_of(cell), None));
            }
        }
    }
}

/// It never begins.
fn born_cancelled(cell: &CellRef, location: &'static Location<'static>) {
    let reason = Some("its group was being cancelled".into());
    cell.request(Record::new(CancelKind::Group, reason, location, None));
}

#[track_caller]
fn location_of(cell: &CellRef) -> &'static Location<'static> {
    let about = cell.about();
    about.map_or_else(Location::caller, |about| about.location)
}

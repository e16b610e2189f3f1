//! Task groups: tasks that end together.
//!
//! The kernel's `TaskGroup` and `TaskGroupExit` decide.
//!
//! Does not poll children: they are tasks of their own (`local_scope` has such as are not).

mod error;
mod exit;
pub(crate) mod local;

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::sync::{Arc, Mutex};
use std::task::Waker;

use stook_kernel::{AfterError, ChildDone, SpawnRefused, TaskGroup as Machine};
use tokio::time::Instant;

pub use error::{GroupClosed, GroupError, Shared};
pub use exit::task_group;

use crate::about::{About, Home};
use crate::cancel_error::CancelError;
use crate::cell::Cell;
use crate::context;
use crate::family::Family;
use crate::id::TaskId;
use crate::lock::lock;
use crate::outcome::{Ended, Outcome};
use crate::panicked::Panic;
use crate::record::{CancelKind, Reason, Record};
use crate::registry::Registry;
use crate::report;
use crate::scope::node::ScopeNode;
use crate::slot::Slot;
use crate::spawn::Builder;
use crate::task::Task;
use crate::task_future::{Settle, TaskFuture};

/// The handle on a task group, for its body and its tasks. Copies are cheap, and may go anywhere.
///
/// See [`task_group`].
pub struct TaskGroup<E>(Arc<Group<E>>);

/// What a group and its handles share.
struct Group<E> {
    state: Mutex<State<E>>,
    /// The scope of the body.
    body: Arc<ScopeNode>,
    /// The task that the group belongs to.
    owner: Option<TaskId>,
    family: Arc<Family>,
}

struct State<E> {
    machine: Machine,
    errors: Vec<Shared<E>>,
    panic: Option<Panic>,
    /// Of who waits for the children.
    waker: Option<Waker>,
    /// Somebody has cancelled it by a handle.
    is_cancelled: bool,
    /// The group was dropped half-way: nobody reads the errors.
    is_abandoned: bool,
}

impl<E> Group<E> {
    fn new() -> Arc<Self> {
        let mut machine = Machine::new();
        // It was not entered before.
        let _entered = machine.enter();
        Arc::new(Self {
            state: Mutex::new(State {
                machine,
                errors: Vec::new(),
                panic: None,
                waker: None,
                is_cancelled: false,
                is_abandoned: false,
            }),
            body: ScopeNode::new(),
            owner: context::task_id(),
            family: Family::new(Registry::current()),
        })
    }

    /// Asks the children to cancel, then the body.
    fn abort(&self, record: &Arc<Record>) -> bool {
        let mut any = false;
        for cell in self.family.unfinished() {
            any |= cell.request(Arc::clone(record));
        }
        any | self.body.fire(Arc::clone(record))
    }

    /// Takes a new child in, and says whether it must not begin.
    fn admit(&self, cell: &Arc<Cell>) -> Result<(usize, bool), GroupClosed> {
        let mut state = lock(&self.state);
        let is_closing = match state.machine.spawn() {
            Ok(()) => false,
            Err(SpawnRefused::ShuttingDown) => true,
            Err(SpawnRefused::Finished | SpawnRefused::NotEntered) => return Err(GroupClosed),
        };
        state.machine.added();
        // A cancellation comes to those that are born after it, too.
        let is_closing = is_closing || state.is_cancelled;
        Ok((self.family.add(cell), is_closing))
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
    #[track_caller]
    pub fn spawn<F, T>(&self, future: F) -> Result<Task<T, Shared<E>>, GroupClosed>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
    {
        Builder::default().spawn_in(self, future)
    }

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
        let (cell, slot, running) = self.child(name, future, location)?;
        let running = tokio::spawn(running);
        Ok(Task::new(cell, slot, running, cancel_on_drop))
    }
}

/// A child that is to be spawned.
type Child<F, T, E> = (
    Arc<Cell>,
    Arc<Slot<T, Shared<E>>>,
    TaskFuture<F, T, E, ToGroup<T, E>>,
);

impl<E: CancelError> TaskGroup<E> {
    /// Spawns a task that need not be `Send` in the group, as [`spawn_local`](crate::spawn_local)
    /// does. See [`spawn`](Self::spawn).
    ///
    /// # Errors
    /// The group has ended.
    ///
    /// # Panics
    /// Outside a `LocalSet` and a `LocalRuntime`.
    #[track_caller]
    pub fn spawn_local<F, T>(&self, future: F) -> Result<Task<T, Shared<E>>, GroupClosed>
    where
        F: Future<Output = Result<T, E>> + 'static,
        T: 'static,
    {
        let (cell, slot, running) = self.child(None, future, Location::caller())?;
        let running = tokio::task::spawn_local(running);
        Ok(Task::new(cell, slot, running, false))
    }

    fn child<F, T>(
        &self,
        name: Option<Arc<str>>,
        future: F,
        location: &'static Location<'static>,
    ) -> Result<Child<F, T, E>, GroupClosed> {
        let group = &self.0;
        let cell = Cell::new(About {
            parent: group.owner,
            name,
            location,
            born: Instant::now(),
            home: Home::Group(Arc::clone(&group.family)),
        });
        let (place, is_closing) = match group.admit(&cell) {
            Ok(admitted) => admitted,
            Err(closed) => {
                cell.finish(Ended::Aborted);
                return Err(closed);
            }
        };
        if is_closing {
            let reason = Some("its group was being cancelled".into());
            cell.request(Record::new(CancelKind::Group, reason, location, None));
        }
        let slot = Slot::new(true);
        let sink = ToGroup {
            group: Arc::clone(group),
            place,
            slot: Arc::clone(&slot),
        };
        let running = TaskFuture::new(Arc::clone(&cell), future, sink);
        Ok((cell, slot, running))
    }
}

impl<E> TaskGroup<E> {
    /// Cancels the body and all tasks of the group, those that are yet to be spawned as well; `false`
    /// when there is nothing to cancel. The group then returns an error with this cancellation, unless
    /// there are others, or the body has returned a value before.
    ///
    /// # Source
    /// `nursery.cancel_scope.cancel`, Trio 0.27.
    #[track_caller]
    pub fn cancel(&self) -> bool {
        self.ask(None, Location::caller())
    }

    /// The same, and says why.
    #[track_caller]
    pub fn cancel_with(&self, reason: impl Into<Reason>) -> bool {
        self.ask(Some(reason.into()), Location::caller())
    }

    fn ask(&self, reason: Option<Reason>, location: &'static Location<'static>) -> bool {
        lock(&self.0.state).is_cancelled = true;
        self.0
            .abort(&Record::new(CancelKind::Group, reason, location, None))
    }

    /// How many of its tasks have not ended.
    pub fn len(&self) -> usize {
        self.0.family.len()
    }

    /// Whether all its tasks have ended, or there was none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether it takes no task any more.
    pub fn is_closed(&self) -> bool {
        lock(&self.0.state).machine.spawn() == Err(SpawnRefused::Finished)
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

/// The outcome of a child goes to its handle; its error to the group as well.
struct ToGroup<T, E> {
    group: Arc<Group<E>>,
    place: usize,
    slot: Arc<Slot<T, Shared<E>>>,
}

impl<T, E: CancelError> Settle<T, E> for ToGroup<T, E> {
    fn settle(self, cell: &Arc<Cell>, outcome: Outcome<T, E>) {
        let ended = outcome.ended();
        if ended == Ended::Cancelled && !cell.is_started() {
            self.group.family.never_started(cell.who());
        }
        let outcome = match outcome {
            Outcome::Ok(value) => Outcome::Ok(value),
            Outcome::Err(error) => Outcome::Err(Shared::new(error)),
            Outcome::Cancelled(cancelled) => Outcome::Cancelled(cancelled),
            Outcome::Panicked(panic) => Outcome::Panicked(panic),
            Outcome::Aborted => Outcome::Aborted,
        };
        let error = match &outcome {
            Outcome::Err(error) => Some(Ok(error.clone())),
            Outcome::Panicked(panic) => Some(Err(panic.clone())),
            _ => None,
        };
        self.slot.settle(cell, outcome);
        self.group.family.remove(self.place);
        let (then, waker) = lock(&self.group.state).child_done(ended, error.clone());
        // Before the group goes on: it finds no child that runs still.
        cell.finish(ended);
        match then {
            None | Some(AfterError::Nothing) => {}
            Some(AfterError::ReportOrphan) => match error {
                Some(Ok(error)) => report::unread_error(cell, format!("{error:?}")),
                Some(Err(panic)) => report::unread_error(cell, format!("{panic:?}")),
                None => {}
            },
            Some(AfterError::Abort) => {
                let location = cell
                    .about()
                    .map_or_else(Location::caller, |about| about.location);
                let kind = CancelKind::SiblingFailed;
                self.group.abort(&Record::new(kind, None, location, None));
            }
        }
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<E> State<E> {
    /// What comes after the error, if there was one; and whom to wake.
    fn child_done(
        &mut self,
        ended: Ended,
        error: Option<Result<Shared<E>, Panic>>,
    ) -> (Option<AfterError>, Option<Waker>) {
        let none_left = self.machine.child_left(true);
        let waker = if none_left { self.waker.take() } else { None };
        let is_panic = ended == Ended::Panicked;
        let done = self
            .machine
            .child_done(ended.for_kernel(), is_panic, self.is_abandoned);
        let then = match done {
            ChildDone::Nothing => None,
            // A panic is what a base error is to asyncio: it goes before all others.
            ChildDone::KeepError { then, .. } => {
                match error {
                    Some(Ok(error)) => self.errors.push(error),
                    Some(Err(panic)) => {
                        self.panic.get_or_insert(panic);
                    }
                    None => {}
                }
                Some(then)
            }
        };
        (then, waker)
    }
}

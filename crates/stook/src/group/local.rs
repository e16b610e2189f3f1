//! `local_scope`: children that borrow, polled by the task that waits for them.
//!
//! The kernel's `TaskGroup` and `TaskGroupExit` decide, as for groups. A child has a waker of its own,
//! so that only those are polled that were woken.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::Location;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use stook_kernel::{
    AfterError, BodyEnd, ChildDone, ChildrenGone, ExitEnd, ExitRule, Outcome, TaskGroup,
    TaskGroupExit,
};
use tokio::task::coop;

use crate::cancel_error::CancelError;
use crate::cancelled::Cancelled;
use crate::catch::caught;
use crate::context;
use crate::forward::{foremost, renew};
use crate::group::error::{GroupError, Shared};
use crate::kept_waker::ToKeep;
use crate::lock::lock;
use crate::record::{CancelKind, Record};
use crate::report;
use crate::scope::node::ScopeRef;
use crate::scope::within::Within;

type Unborn<'env, E> = Pin<Box<dyn Future<Output = Result<(), E>> + 'env>>;

/// What the body of a [`local_scope`] spawns with.
pub struct LocalScope<'env, E> {
    born: RefCell<Vec<Unborn<'env, E>>>,
}

impl<'env, E> LocalScope<'env, E> {
    /// Has the future run beside the body, in the same task. It may borrow what outlives the scope.
    ///
    /// When the scope is cancelled, or something in it fails, before the first step of the future, that
    /// is dropped and never polled, as a task of a group is.
    ///
    /// # Cancel safety
    /// The future is dropped with the scope.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let word = String::from("sheaf");
    /// stook::local_scope(async |scope| {
    ///     scope.spawn(async {
    ///         assert_eq!(word, "sheaf");
    ///         stook::checkpoint().await
    ///     });
    ///     Ok::<_, stook::Cancelled>(())
    /// })
    /// .await
    /// .unwrap();
    /// # }
    /// ```
    pub fn spawn(&self, future: impl Future<Output = Result<(), E>> + 'env) {
        self.born.borrow_mut().push(Box::pin(future));
    }
}

impl<E> fmt::Debug for LocalScope<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalScope").finish_non_exhaustive()
    }
}

/// Runs a body and the children that it spawns, all in this task, and returns when all have ended.
///
/// The children run in turns, never in parallel, so that they may borrow; nor need they be `Send`, so
/// that this is not, either: in a task, it is for those of [`spawn_local`](crate::spawn_local). When one fails, or the body
/// does, the others are cancelled at each of their cancel points; the errors come out together. So it
/// is when the caller is cancelled.
///
/// # Errors
/// All errors of children and the body; or, with none, the cancellation that ended it.
///
/// # Panics
/// A child or the body panics: at once, and all others are dropped. Errors that came before are
/// reported, see [`set_report_hook`](crate::set_report_hook).
///
/// # Cancel safety
/// Dropped, it drops all of them, and reports the errors that came before.
///
/// # Examples
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// use std::cell::Cell;
/// let sum = Cell::new(0);
/// stook::local_scope(async |scope| {
///     for number in 1..=3 {
///         let sum = &sum;
///         scope.spawn(async move {
///             stook::checkpoint().await?;
///             sum.set(sum.get() + number);
///             Ok::<_, stook::Cancelled>(())
///         });
///     }
///     Ok(())
/// })
/// .await
/// .unwrap();
/// assert_eq!(sum.get(), 6);
/// # }
/// ```
///
/// # Source
/// `moro` 0.4; nurseries of Trio 0.27.
#[track_caller]
pub fn local_scope<'env, F, T, E>(body: F) -> impl Future<Output = Result<T, GroupError<E>>>
where
    F: AsyncFnOnce(&LocalScope<'env, E>) -> Result<T, E>,
    E: CancelError,
{
    let location = Location::caller();
    async move {
        let node = ScopeRef::new(location);
        let scope = LocalScope {
            born: RefCell::default(),
        };
        let mut block = Block::new(node.clone(), location);
        let mut inside = pin!(body(&scope));
        let mut ended = None;
        let all = poll_fn(|cx| {
            block.ready.set_parent(cx);
            if ended.is_none() {
                if let Poll::Ready(result) = inside.as_mut().poll(cx) {
                    ended = Some(block.leave(result));
                }
            }
            block.adopt(scope.born.take());
            block.poll_children(cx);
            if ended.is_some() && block.machine.marks().tasks == 0 {
                return Poll::Ready(());
            }
            Poll::Pending
        });
        Within::new(node, all).await;
        block.end(ended)
    }
}

/// How the body ended.
enum Body<T> {
    Ok(T),
    /// The error is kept in the block.
    Err,
    Cancelled,
}

/// The children of one scope, and how it will end.
struct Block<'env, E: CancelError> {
    machine: TaskGroup,
    node: ScopeRef,
    children: Vec<Option<Child<'env, E>>>,
    ready: Arc<Ready>,
    /// Those that are to be polled, each once.
    due: VecDeque<usize>,
    /// Of children.
    errors: Vec<Shared<E>>,
    /// That of the body.
    error_of_body: Option<Shared<E>>,
    /// The foremost cancellation from outside.
    cancelled: Option<Cancelled>,
    location: &'static Location<'static>,
}

struct Child<'env, E> {
    future: Unborn<'env, E>,
    waker: Waker,
    is_begun: bool,
    is_due: bool,
}

impl<'env, E: CancelError> Block<'env, E> {
    fn new(node: ScopeRef, location: &'static Location<'static>) -> Self {
        let mut machine = TaskGroup::new();
        // It was not entered before.
        let _entered = machine.enter();
        Self {
            machine,
            node,
            children: Vec::new(),
            ready: Arc::default(),
            due: VecDeque::new(),
            errors: Vec::new(),
            error_of_body: None,
            cancelled: None,
            location,
        }
    }

    fn adopt(&mut self, born: Vec<Unborn<'env, E>>) {
        for future in born {
            self.machine.added();
            let index = self.children.len();
            let waker = Waker::from(Arc::new(ChildWaker {
                ready: Arc::clone(&self.ready),
                index,
            }));
            self.children.push(Some(Child {
                future,
                waker,
                is_begun: false,
                is_due: false,
            }));
            self.ready.push(index);
        }
    }

    /// Polls those that were woken, each once, for as long as something is left of what tokio grants the
    /// task in one step: after that its futures are polled in vain, and all that wait would be in each
    /// step. What comes to its first step too late never begins.
    fn poll_children(&mut self, cx: &Context<'_>) {
        for index in self.ready.take() {
            if let Some(Some(child)) = self.children.get_mut(index) {
                if !std::mem::replace(&mut child.is_due, true) {
                    self.due.push_back(index);
                }
            }
        }
        while let Some(index) = self.due.pop_front() {
            self.poll_child(index);
            if !self.due.is_empty() && !coop::has_budget_remaining() {
                cx.waker().wake_by_ref();
                return;
            }
        }
    }

    fn poll_child(&mut self, index: usize) {
        let Some(Some(child)) = self.children.get_mut(index) else {
            return;
        };
        child.is_due = false;
        if !child.is_begun && self.node.is_fired() {
            self.children[index] = None;
            let _none_left = self.machine.child_left(true);
            return;
        }
        child.is_begun = true;
        let waker = child.waker.clone();
        let polled = child.future.as_mut().poll(&mut Context::from_waker(&waker));
        if let Poll::Ready(result) = polled {
            self.children[index] = None;
            self.child_done(result);
        }
    }

    fn child_done(&mut self, result: Result<(), E>) {
        let _none_left = self.machine.child_left(true);
        let Err(error) = result else { return };
        if let Some(cancelled) = self.taken(&error) {
            self.cancel(cancelled);
            return;
        }
        match self.machine.child_done(Outcome::Raised, false, false) {
            ChildDone::Nothing => {}
            ChildDone::KeepError { then, .. } => {
                self.errors.push(Shared::new(error));
                if then == AfterError::Abort {
                    self.fire(CancelKind::SiblingFailed, None);
                }
            }
        }
    }

    /// The cancellation that an error is, if it is this scope's or comes from outside of it.
    fn taken(&self, error: &E) -> Option<Cancelled> {
        let cancelled = error.as_cancelled()?;
        context::is_mine(cancelled.target()).then(|| cancelled.clone())
    }

    /// A cancellation was taken: all others are cancelled, too.
    fn cancel(&mut self, cancelled: Cancelled) {
        if cancelled.target() != self.node.id() {
            self.fire(CancelKind::ParentCancelled, Some(cancelled.record()));
            self.cancelled = Some(match self.cancelled.take() {
                Some(first) => foremost(first, cancelled),
                None => cancelled,
            });
        }
    }

    fn fire(&self, kind: CancelKind, cause: Option<&Arc<Record>>) {
        self.node
            .fire(Record::new(kind, None, self.location, cause));
    }

    /// The body has ended.
    fn leave<T>(&mut self, result: Result<T, E>) -> (TaskGroupExit, Body<T>) {
        let (end, body) = match result {
            Ok(value) => (BodyEnd::Returned, Body::Ok(value)),
            Err(error) => match self.taken(&error) {
                Some(cancelled) => {
                    self.cancel(cancelled);
                    (BodyEnd::Cancelled, Body::Cancelled)
                }
                None => {
                    self.error_of_body = Some(Shared::new(error));
                    (BodyEnd::Raised, Body::Err)
                }
            },
        };
        let (exit, actions) = self.machine.exit(end, false, ExitRule::UncancelLast);
        if actions.abort {
            self.fire(CancelKind::SiblingFailed, None);
        }
        (exit, body)
    }

    fn end<T>(mut self, ended: Option<(TaskGroupExit, Body<T>)>) -> Result<T, GroupError<E>> {
        let Some((mut exit, body)) = ended else {
            unreachable!("the body has ended");
        };
        if self.cancelled.is_some() {
            // It came to a child; the machine is told late, and has nobody to ask any more.
            let _begins_the_end = exit.interrupted(&mut self.machine);
        }
        if exit.children_gone(&self.machine, false) == ChildrenGone::Uncancel {
            exit.uncancelled(u32::from(self.cancelled.is_some()));
        }
        let mut errors = std::mem::take(&mut self.errors);
        match (exit.end(errors.len()), body) {
            (ExitEnd::RaiseGroup { add_body, .. }, body) => {
                report::guard_destructor_here(body);
                if add_body {
                    errors.extend(self.error_of_body.take());
                }
                renew(self.cancelled.take().as_ref());
                Err(GroupError {
                    errors,
                    cancelled: None,
                })
            }
            (_, Body::Ok(value)) if self.cancelled.is_none() => Ok(value),
            (_, body) => {
                report::guard_destructor_here(body);
                match self.cancelled.take().or_else(|| self.node.cancelled()) {
                    Some(cancelled) => Err(GroupError::cancelled(cancelled)),
                    None => unreachable!("what is no result and no error is a cancellation"),
                }
            }
        }
    }
}

impl<E: CancelError> Drop for Block<'_, E> {
    /// What there is still comes to nobody; a cancellation is the caller's again.
    fn drop(&mut self) {
        renew(self.cancelled.as_ref());
        for error in self.errors.drain(..).chain(self.error_of_body.take()) {
            report::unread_in_scope(self.location, &*error);
            // It may be that a panic unwinds, which a second one must not meet.
            drop(caught(|| drop(error)));
        }
    }
}

/// Which children were woken, some perhaps several times.
#[derive(Default)]
struct Ready(Mutex<(Vec<usize>, Option<Waker>)>);

impl Ready {
    fn set_parent(&self, cx: &Context<'_>) {
        let mut waker = ToKeep::new(cx);
        while !waker.put(&mut lock(&self.0).1) {
            waker.prepare();
        }
    }

    fn push(&self, index: usize) {
        lock(&self.0).0.push(index);
    }

    fn take(&self) -> Vec<usize> {
        let mut woken = std::mem::take(&mut lock(&self.0).0);
        woken.sort_unstable();
        woken
    }
}

struct ChildWaker {
    ready: Arc<Ready>,
    index: usize,
}

impl Wake for ChildWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let parent = {
            let mut state = lock(&self.ready.0);
            state.0.push(self.index);
            // It comes again with the next poll.
            state.1.take()
        };
        if let Some(parent) = parent {
            parent.wake();
        }
    }
}

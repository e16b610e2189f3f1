//! The block of a task group: its body, and the wait for its tasks.

use std::future::{Future, poll_fn};
use std::panic::Location;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use stook_kernel::{BodyEnd, ChildrenGone, ExitEnd, TaskGroupExit};

use crate::cancel_error::CancelError;
use crate::cancelled::Cancelled;
use crate::catch::caught;
use crate::context;
use crate::family::Members;
use crate::forward::{Forward, foremost, renew};
use crate::group::error::{GroupError, Shared};
use crate::group::{Group, TaskGroup};
use crate::kept_waker::ToKeep;
use crate::panicked::Panic;
use crate::reaper;
use crate::record::{CancelKind, Record};
use crate::report;
use crate::scope::node::ScopeRef;
use crate::scope::within::{Inside, Within};
use crate::sync::lock;

/// Runs a body that spawns tasks, and returns when the body and all tasks have ended.
///
/// When a task or the body fails, the other tasks are asked to cancel, and the body is cancelled at
/// each of its cancel points; the errors come out together. When the caller is cancelled, so are all
/// tasks. Nothing that the group began is running any more when it returns. The group's handle may be
/// given to its tasks, which may spawn others.
///
/// # Errors
/// All errors of tasks and the body; or, with none, the cancellation that ended it. The cancellation
/// of one task alone is no error of the group.
///
/// # Panics
/// A task or the body has panicked: with the first payload, when all have ended. Errors and panics of
/// the others are reported, see [`set_report_hook`](crate::set_report_hook). Or outside a runtime, when
/// it is awaited.
///
/// # Cancel safety
/// Dropped before it is over, it asks the tasks to cancel and reports it; they stay in the tree until
/// they have ended.
///
/// # Examples
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
/// use std::{io, time::Duration};
/// let group = stook::task_group(async |group: stook::TaskGroup<io::Error>| {
///     let one = group.spawn(async { Ok(1) }).unwrap();
///     let two = group.spawn(async { Ok(2) }).unwrap();
///     Ok((one, two))
/// });
/// let (one, two) = group.await.unwrap();
/// assert_eq!(one.await.unwrap() + two.await.unwrap(), 3);
///
/// let group = stook::task_group(async |group| {
///     group.spawn(async { Err::<(), _>(io::Error::other("out of paper")) }).unwrap();
///     stook::sleep(Duration::from_secs(3600)).await?;
///     Ok(())
/// });
/// assert_eq!(group.await.unwrap_err().errors[0].to_string(), "out of paper");
/// # }
/// ```
///
/// # Source
/// `asyncio.TaskGroup`, CPython 3.13; that the body is cancelled again and again, nurseries of Trio
/// 0.27.
#[track_caller]
pub fn task_group<F, Fut, T, E>(body: F) -> impl Future<Output = Result<T, GroupError<E>>>
where
    F: FnOnce(TaskGroup<E>) -> Fut,
    Fut: Future<Output = Result<T, E>>,
    E: CancelError,
{
    let location = Location::caller();
    async move {
        let (group, inside) = Group::enter(location);
        let mut guard = Guard {
            group: &group,
            body: None,
            location,
        };
        let mut left = {
            let inside = Within::inside(inside, body(TaskGroup(Arc::clone(&group))));
            let mut body = pin!(Some(inside));
            let ended = &mut guard.body;
            poll_fn(|cx| poll_body(&group, body.as_mut(), ended, location, cx)).await
        };
        let waited = match left.gone {
            Some(gone) => Waited { gone, mine: None },
            None => WaitForChildren::new(&group, &mut left.exit, true, location).await,
        };
        let Some(body) = guard.body.take() else {
            unreachable!("it has ended");
        };
        let end = end(&group, left.exit, body, waited, location);
        // It came to its end.
        std::mem::forget(guard);
        if let Some(scope) = left.scope {
            group.keep_family(scope);
        }
        end
    }
}

/// Polls the body, and begins to leave the block when it has ended.
fn poll_body<Fut, T, E>(
    group: &Group<E>,
    mut body: Pin<&mut Option<Within<Fut>>>,
    ended: &mut Option<Body<T, E>>,
    location: &'static Location<'static>,
    cx: &mut Context<'_>,
) -> Poll<AfterBody>
where
    Fut: Future<Output = Result<T, E>>,
    E: CancelError,
{
    let Some(mut running) = body.as_mut().as_pin_mut() else {
        return Poll::Pending;
    };
    let result = match caught(|| running.as_mut().poll(cx)) {
        Ok(Poll::Pending) => return Poll::Pending,
        Ok(Poll::Ready(result)) => Ok(result),
        Err(panic) => Err(panic),
    };
    let inside = running.take_inside();
    let dropped = caught(|| body.set(None));
    let result = result.and_then(|result| dropped.map(|()| result));
    Poll::Ready(leave(group, result, ended, inside, location, cx))
}

/// How the body ended.
pub(super) enum Body<T, E> {
    Ok(T),
    Err(E),
    /// By its own cancellation, or one from outside the group.
    Cancelled(Cancelled),
    /// The panic is kept in the group.
    Panicked,
}

impl<T, E> Body<T, E> {
    fn cancelled(&self) -> Option<&Cancelled> {
        match self {
            Body::Cancelled(cancelled) => Some(cancelled),
            _ => None,
        }
    }
}

/// What there is when the body has ended.
pub(super) struct AfterBody {
    pub(super) exit: TaskGroupExit,
    /// Of the body, which has left it.
    scope: Option<ScopeRef>,
    /// `None` when there are children to be waited for.
    pub(super) gone: Option<Gone>,
}

/// No child is left.
#[derive(Clone, Copy)]
pub(super) struct Gone {
    end: ChildrenGone,
    /// Errors are kept, or a panic, which goes before them.
    pub(super) has_errors: bool,
}

/// What has come of the wait for the children.
pub(super) struct Waited {
    pub(super) gone: Gone,
    /// Of the caller's cancellations that came meanwhile that of the task, or else the first of a scope.
    mine: Option<Cancelled>,
}

/// The body has ended: keeps how it did, begins to leave the block, and has the caller polled when the
/// last child has gone.
pub(super) fn leave<T, E: CancelError>(
    group: &Group<E>,
    result: Result<Result<T, E>, Panic>,
    ended: &mut Option<Body<T, E>>,
    inside: Inside,
    location: &'static Location<'static>,
    cx: &Context<'_>,
) -> AfterBody {
    let (end, mut panic, body) = match result {
        Ok(Ok(value)) => (BodyEnd::Returned, None, ended.insert(Body::Ok(value))),
        Ok(Err(error)) => match error.as_cancelled().cloned() {
            Some(cancelled)
                if cancelled.target() == group.family.id()
                    || context::is_mine(cancelled.target()) =>
            {
                (
                    BodyEnd::Cancelled,
                    None,
                    ended.insert(Body::Cancelled(cancelled)),
                )
            }
            _ => (BodyEnd::Raised, None, ended.insert(Body::Err(error))),
        },
        Err(panic) => (BodyEnd::Raised, Some(panic), ended.insert(Body::Panicked)),
    };
    let mut waker = ToKeep::new(cx);
    waker.prepare_foreign();
    // One lock for all that is done when most groups wait.
    let (left, blocks, exit, actions, gone) = {
        let mut state = lock(&group.family.state);
        let left = group.family.leave_locked(&mut state);
        let members = &mut state.more;
        let (exit, actions) = members.exit(end, panic.is_some());
        debug_assert!(!actions.uncancel, "the rule takes it back at the end");
        if actions.keep_base_error {
            debug_assert!(panic.is_some(), "only a panic ends the program");
            let panic = panic.take().map(|panic| (None, panic));
            lock(&group.errors).panics.extend(panic);
            members.has_errors = true;
        }
        let (gone, blocks) = if members.machine.marks().tasks == 0 {
            (Some(group.gone(members, &exit)), members.over())
        } else {
            waker.put(&mut members.waker);
            (None, [None, members.take_ended()])
        };
        (left, blocks, exit, actions, gone)
    };
    drop((left, blocks));
    if actions.abort {
        let record = match body {
            Body::Cancelled(cancelled) => {
                let cause = Some(cancelled.record());
                Record::new(CancelKind::ParentCancelled, None, location, cause)
            }
            _ => Record::new(CancelKind::SiblingFailed, None, location, None),
        };
        group.abort(&record);
    }
    AfterBody {
        exit,
        scope: inside.into_scope(),
        gone,
    }
}

impl<E> Group<E> {
    /// It is over: another group may have its family, where nobody has its handle any more.
    fn keep_family(self: Arc<Self>, scope: ScopeRef) {
        if let Some(group) = Arc::into_inner(self) {
            group.family.keep(scope);
        }
    }

    /// No child is left, and nobody comes any more.
    fn gone(&self, members: &Members, exit: &TaskGroupExit) -> Gone {
        let is_panic = members.has_errors && !lock(&self.errors).panics.is_empty();
        Gone {
            end: exit.children_gone(&members.machine, is_panic),
            has_errors: members.has_errors,
        }
    }
}

/// Waits for the children: the body has ended, and there were some then.
pub(super) struct WaitForChildren<'group, E> {
    group: &'group Group<E>,
    exit: &'group mut TaskGroupExit,
    /// The last one has the caller polled.
    is_told: bool,
    forward: Forward,
}

impl<'group, E> WaitForChildren<'group, E> {
    pub(super) fn new(
        group: &'group Group<E>,
        exit: &'group mut TaskGroupExit,
        is_told: bool,
        location: &'static Location<'static>,
    ) -> Self {
        Self {
            group,
            exit,
            is_told,
            forward: Forward::new(location),
        }
    }

    /// Has the caller polled when the last child has gone, unless it has.
    fn look(&mut self, cx: &Context<'_>) -> Option<Gone> {
        let mut waker = ToKeep::new(cx);
        while !std::mem::take(&mut self.is_told) {
            let mut state = lock(&self.group.family.state);
            let members = &mut state.more;
            if members.machine.marks().tasks == 0 {
                let (gone, room) = (self.group.gone(members, self.exit), members.over());
                drop(state);
                drop(room);
                return Some(gone);
            }
            self.is_told = waker.put(&mut members.waker);
            drop(state);
            if !self.is_told {
                waker.prepare();
            }
        }
        None
    }

    /// Hands the cancellations of the caller on.
    fn forward(&mut self, cx: &Context<'_>) {
        let location = self.forward.location();
        while let Some(taken) = self.forward.take(cx) {
            let mut state = lock(&self.group.family.state);
            let begins_the_end = self.exit.interrupted(&mut state.more.machine);
            drop(state);
            if begins_the_end {
                let cause = Some(taken.cancelled.record());
                let kind = CancelKind::ParentCancelled;
                self.group.abort(&Record::new(kind, None, location, cause));
            }
        }
    }
}

impl<E> Future for WaitForChildren<'_, E> {
    type Output = Waited;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Waited> {
        let this = &mut *self;
        let Some(gone) = this.look(cx) else {
            this.forward(cx);
            // The waker is told of the last child, which may have gone meanwhile.
            return Poll::Pending;
        };
        let mine = this.forward.mine();
        // From here on it is the group's to return it or not.
        this.forward.answered();
        Poll::Ready(Waited { gone, mine })
    }
}

/// No child is left: says how the block ends.
fn end<T, E: CancelError>(
    group: &Group<E>,
    mut exit: TaskGroupExit,
    body: Body<T, E>,
    waited: Waited,
    location: &'static Location<'static>,
) -> Result<T, GroupError<E>> {
    match waited.gone.end {
        ChildrenGone::Nothing => {}
        ChildrenGone::Uncancel => {
            // The group's own request is the scope of the body, and ended with it. It was made for an
            // error, which goes before a cancellation, from wherever that came.
            debug_assert!(waited.gone.has_errors);
            exit.uncancelled(0);
        }
        ChildrenGone::RaiseBaseError => {
            let (_, panic) = lock(&group.errors).panics.remove(0);
            renew(waited.mine.as_ref());
            renew(body.cancelled());
            // Those of the tasks are the guard's to report, and so are further panics.
            if let Body::Err(error) = &body {
                report::unread_body(location, Ok(error));
            }
            report::guard_destructor_here(body);
            panic.resume();
        }
    }
    let kept = if waited.gone.has_errors {
        std::mem::take(&mut lock(&group.errors).errors)
    } else {
        Vec::new()
    };
    match exit.end(kept.len()) {
        ExitEnd::PropagateCancellation => match (waited.mine, body) {
            (Some(later), Body::Cancelled(first)) if first.target() != group.family.id() => {
                Err(GroupError::cancelled(foremost(first, later)))
            }
            (Some(cancelled), body) => {
                report::guard_destructor_here(body);
                Err(GroupError::cancelled(cancelled))
            }
            (None, Body::Cancelled(cancelled)) => Err(GroupError::cancelled(cancelled)),
            (None, _) => unreachable!("a body or a wait that was cancelled is propagated"),
        },
        ExitEnd::RaiseGroup { add_body, .. } => {
            // The errors go first; what the caller was asked for, before the body ended or after, is
            // delivered at its next cancel point.
            renew(waited.mine.as_ref());
            renew(body.cancelled());
            let mut errors: Vec<_> = kept.into_iter().map(|(_, error)| error).collect();
            match body {
                Body::Err(error) if add_body => errors.push(Shared::new(error)),
                body => report::guard_destructor_here(body),
            }
            Err(GroupError {
                errors,
                cancelled: None,
            })
        }
        ExitEnd::Return => {
            renew(waited.mine.as_ref());
            match body {
                Body::Ok(value) => Ok(value),
                Body::Err(error) => Err(GroupError {
                    errors: vec![Shared::new(error)],
                    cancelled: None,
                }),
                Body::Cancelled(cancelled) => Err(GroupError::cancelled(cancelled)),
                Body::Panicked => unreachable!("a panic is raised before"),
            }
        }
    }
}

/// Dropped half-way, the group asks its tasks to cancel, and takes no others; their errors are
/// reported, and that of the body. So are those that a panic goes before.
struct Guard<'group, T, E: CancelError> {
    group: &'group Group<E>,
    /// How the body has ended, until the group has.
    body: Option<Body<T, E>>,
    location: &'static Location<'static>,
}

impl<T, E: CancelError> Drop for Guard<'_, T, E> {
    fn drop(&mut self) {
        let (is_over, blocks, waker) = {
            let members = &mut lock(&self.group.family.state).more;
            let is_over = members.machine.marks().exiting && members.machine.marks().tasks == 0;
            if !is_over {
                members.is_abandoned = true;
                // As if the body had been cancelled. There is nobody to do what follows but this.
                let (_exit, _actions) = members.exit(BodyEnd::Cancelled, false);
            }
            (is_over, members.close_room(), members.waker.take())
        };
        drop((blocks, waker));
        if !is_over {
            reaper::adopt(&self.group.family.unfinished(), Some("task_group"));
        }
        if let Some(body) = self.body.take() {
            // The body has returned it, and nobody has it from the group.
            renew(body.cancelled());
            if let Body::Err(error) = &body {
                report::unread_body(self.location, Ok(error));
            }
            report::guard_destructor_here(body);
        }
        self.report_unread();
    }
}

impl<T, E: CancelError> Guard<'_, T, E> {
    /// What the group had collected and returns to nobody, but for what was read from a handle.
    fn report_unread(&self) {
        let (errors, panics) = {
            let errors = &mut *lock(&self.group.errors);
            (
                std::mem::take(&mut errors.errors),
                std::mem::take(&mut errors.panics),
            )
        };
        for (cell, error) in errors {
            if !cell.is_taken() {
                report::unread_failure(&cell, Ok(&error));
            }
            report::guard_destructor(&cell, error);
        }
        for (cell, panic) in panics {
            match cell {
                None => report::unread_body::<E>(self.location, Err(&panic)),
                Some(cell) if cell.is_taken() => {}
                Some(cell) => report::unread_failure::<E>(&cell, Err(&panic)),
            }
        }
    }
}

#[cfg(all(test, not(stook_loom)))]
mod tests {
    use super::*;
    use crate::block::CellRef;
    use crate::{OrCancel, TaskId, checkpoint, tree};

    /// Its family, by the number: an address may be another's by then.
    fn family(group: &TaskGroup<Cancelled>) -> TaskId {
        group.0.family.id()
    }

    /// One with five tasks, which end in another order than they began in.
    async fn plain() -> TaskId {
        let end = task_group(async |group| {
            for rounds in [3, 1, 2, 5, 4] {
                let task = async move {
                    for _ in 0..rounds {
                        checkpoint().await?;
                    }
                    Ok(())
                };
                drop(group.spawn(task));
            }
            Ok(family(&group))
        });
        end.await.expect("no error")
    }

    #[tokio::test]
    async fn the_family_of_a_group_that_is_over_is_used_again() {
        let first = plain().await;
        assert_eq!(plain().await, first);
        let again = task_group(async |group| {
            assert!(group.is_empty() && !group.is_closed() && tree().is_empty());
            let names = ["one", "two", "three", "four"];
            for name in names {
                let builder = crate::builder().name(name);
                drop(builder.spawn_in(&group, std::future::pending::<()>().or_cancel()));
            }
            let unfinished = group.0.family.unfinished();
            assert!(unfinished.iter().map(CellRef::name).eq(names.map(Some)));
            group.cancel();
            Ok(family(&group))
        });
        assert_eq!(again.await.unwrap(), first);
    }

    #[tokio::test]
    async fn none_that_was_cancelled_and_none_that_has_a_handle() {
        let cancelled = task_group(async |group: TaskGroup<Cancelled>| {
            group.cancel();
            checkpoint().await
        });
        let cancelled = cancelled.await.unwrap_err().cancelled.unwrap();
        let kept = task_group(async |group: TaskGroup<Cancelled>| Ok(group));
        let kept = kept.await.unwrap();
        let other = task_group(async |group: TaskGroup<Cancelled>| {
            assert_ne!(family(&group), family(&kept));
            assert_ne!(group.0.family.id(), cancelled.target());
            assert!(kept.is_closed() && !kept.cancel());
            assert!(kept.spawn(checkpoint()).is_err());
            Ok(())
        });
        other.await.unwrap();
    }

    #[tokio::test]
    async fn nor_one_that_a_scope_of_its_body_is_in_still() {
        let mut inner = Box::pin(crate::scope(async |_| {
            std::future::pending::<()>().or_cancel().await
        }));
        let first = task_group(async |group| {
            assert!(futures_util::FutureExt::now_or_never(inner.as_mut()).is_none());
            Ok::<_, Cancelled>(family(&group))
        });
        let first = first.await.unwrap();
        assert_ne!(plain().await, first);
        drop(inner);
    }
}

//! The block of a task group: its body, and the wait for its tasks.

use std::future::{Future, poll_fn};
use std::panic::Location;
use std::sync::Arc;
use std::task::Poll;

use stook_kernel::{BodyEnd, ChildrenGone, ExitEnd, ExitRule, TaskGroupExit};

use crate::cancel_error::CancelError;
use crate::cancelled::Cancelled;
use crate::catch::Catch;
use crate::context;
use crate::forward::{Forward, renew};
use crate::group::error::{GroupError, Shared};
use crate::group::{Group, TaskGroup};
use crate::kept_waker::ToKeep;
use crate::panicked::Panic;
use crate::reaper;
use crate::record::{CancelKind, Record};
use crate::report;
use crate::scope::node::ScopeRef;
use crate::scope::within::Within;
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
/// A task or the body has panicked: with the first payload, when all have ended. Errors of the others
/// are reported, see [`set_report_hook`](crate::set_report_hook). Or outside a runtime, when it is
/// awaited.
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
        let mut guard = Guard {
            group: Group::new(location),
            is_over: false,
        };
        let group = &guard.group;
        let scope = ScopeRef::of(Arc::clone(&group.family) as _);
        let inside = body(TaskGroup(Arc::clone(group)));
        let body = Catch::new(Within::new(scope, inside)).await;
        let (mut exit, body) = leave(group, body, location);
        let waited = wait_for_children(group, &mut exit, location).await;
        let end = end(group, exit, body, waited, location);
        guard.is_over = true;
        end
    }
}

/// How the body ended.
enum Body<T, E> {
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

/// What there is when no child is left.
pub(super) struct Waited<E> {
    gone: ChildrenGone,
    errors: Vec<Shared<E>>,
    /// Whether a cancellation of the caller that came meanwhile began the end.
    is_propagated: bool,
    /// Of those cancellations that of the task, or else the first of a scope.
    mine: Option<Cancelled>,
}

/// The body has ended: begins to leave the block.
fn leave<T, E: CancelError>(
    group: &Group<E>,
    body: Result<Result<T, E>, Panic>,
    location: &'static Location<'static>,
) -> (TaskGroupExit, Body<T, E>) {
    let (end, mut panic, body) = match body {
        Ok(Ok(value)) => (BodyEnd::Returned, None, Body::Ok(value)),
        Ok(Err(error)) => match error.as_cancelled().cloned() {
            Some(cancelled)
                if cancelled.target() == group.family.body.id()
                    || context::is_mine(cancelled.target()) =>
            {
                (BodyEnd::Cancelled, None, Body::Cancelled(cancelled))
            }
            _ => (BodyEnd::Raised, None, Body::Err(error)),
        },
        Err(panic) => (BodyEnd::Raised, Some(panic), Body::Panicked),
    };
    let (exit, actions) = {
        let mut members = lock(&group.family.members);
        let rule = ExitRule::UncancelLast;
        let (exit, actions) = members.machine.exit(end, panic.is_some(), rule);
        if actions.keep_base_error {
            let kept = &mut lock(&group.errors).panic;
            *kept = kept.take().or_else(|| Some((None, panic.take()?)));
            members.has_errors = true;
        }
        (exit, actions)
    };
    if actions.abort {
        let record = match &body {
            Body::Cancelled(cancelled) => {
                let cause = Some(cancelled.record());
                Record::new(CancelKind::ParentCancelled, None, location, cause)
            }
            _ => Record::new(CancelKind::SiblingFailed, None, location, None),
        };
        group.abort(&record);
    }
    (exit, body)
}

pub(super) async fn wait_for_children<E>(
    group: &Group<E>,
    exit: &mut TaskGroupExit,
    location: &'static Location<'static>,
) -> Waited<E> {
    let mut forward = Forward::new(location);
    let mut is_propagated = false;
    let (gone, errors, room) = poll_fn(|cx| {
        let mut waker = ToKeep::new(cx);
        loop {
            let mut members = lock(&group.family.members);
            if members.machine.marks().tasks == 0 {
                let (mut errors, mut is_panic) = (Vec::new(), false);
                if members.has_errors {
                    let mut kept = lock(&group.errors);
                    is_panic = kept.panic.is_some();
                    // With a panic they come to nobody, and are left for the guard to report.
                    if !is_panic {
                        errors = std::mem::take(&mut kept.errors);
                    }
                }
                let gone = exit.children_gone(&members.machine, is_panic);
                return Poll::Ready((gone, errors, members.close_room()));
            }
            if waker.put(&mut members.waker) {
                break;
            }
            drop(members);
            waker.prepare();
        }
        while let Some(taken) = forward.take(cx) {
            let begins_the_end = exit.interrupted(&mut lock(&group.family.members).machine);
            if begins_the_end {
                let cause = Some(taken.cancelled.record());
                let kind = CancelKind::ParentCancelled;
                group.abort(&Record::new(kind, None, location, cause));
                is_propagated = true;
            }
        }
        // The waker is told of the last child, which may have gone meanwhile.
        Poll::Pending
    })
    .await;
    drop(room);
    let mine = forward.mine();
    // From here on it is the group's to return it or not.
    forward.answered();
    Waited {
        gone,
        errors: errors.into_iter().map(|(_, error)| error).collect(),
        is_propagated,
        mine,
    }
}

/// No child is left: says how the block ends.
fn end<T, E: CancelError>(
    group: &Group<E>,
    mut exit: TaskGroupExit,
    body: Body<T, E>,
    waited: Waited<E>,
    location: &'static Location<'static>,
) -> Result<T, GroupError<E>> {
    match waited.gone {
        ChildrenGone::Nothing => {}
        ChildrenGone::RaiseBaseError => {
            let panic = lock(&group.errors).panic.take();
            renew(waited.mine.as_ref());
            renew(body.cancelled());
            // Those of the tasks are the guard's to report.
            if let Body::Err(error) = &body {
                report::unread_body(location, error);
            }
            match panic {
                Some((_, panic)) => panic.resume(),
                None => unreachable!("there was one, and nobody else takes it"),
            }
        }
        ChildrenGone::Uncancel => {
            // The group's own request is the scope of the body, and ended with it. What is left are
            // cancellations from outside.
            let from_outside = match &body {
                Body::Cancelled(cancelled) => cancelled.target() != group.family.body.id(),
                _ => false,
            };
            let left = u32::from(from_outside || waited.is_propagated);
            exit.uncancelled(left);
        }
    }
    match exit.end(waited.errors.len()) {
        ExitEnd::PropagateCancellation => match (waited.mine, body) {
            (Some(cancelled), _) | (None, Body::Cancelled(cancelled)) => {
                Err(GroupError::cancelled(cancelled))
            }
            (None, _) => unreachable!("a body or a wait that was cancelled is propagated"),
        },
        ExitEnd::RaiseGroup { add_body, .. } => {
            // The errors go first; what the caller was asked for, before the body ended or after, is
            // delivered at its next cancel point.
            renew(waited.mine.as_ref());
            renew(body.cancelled());
            let mut errors = waited.errors;
            match body {
                Body::Err(error) if add_body => errors.push(Shared::new(error)),
                _ => {}
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
/// reported. So are those that a panic goes before.
struct Guard<E: CancelError> {
    group: Arc<Group<E>>,
    /// It came to its end.
    is_over: bool,
}

impl<E: CancelError> Drop for Guard<E> {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let (is_over, room, waker) = {
            let mut members = lock(&self.group.family.members);
            let is_over = members.machine.marks().exiting && members.machine.marks().tasks == 0;
            if !is_over {
                members.is_abandoned = true;
                // As if the body had been cancelled. There is nobody to do what follows but this.
                let rule = ExitRule::UncancelLast;
                let (_exit, _actions) = members.machine.exit(BodyEnd::Cancelled, false, rule);
            }
            (is_over, members.close_room(), members.waker.take())
        };
        drop((room, waker));
        if !is_over {
            reaper::adopt(&self.group.family.unfinished(), Some("task_group"));
        }
        self.report_unread();
    }
}

impl<E: CancelError> Guard<E> {
    /// What the group had collected and returns to nobody, but for what was read from a handle.
    fn report_unread(&self) {
        let (errors, panic) = {
            let mut errors = lock(&self.group.errors);
            (std::mem::take(&mut errors.errors), errors.panic.take())
        };
        for (cell, error) in errors {
            if !cell.is_taken() {
                report::unread_failure(&cell, Ok(&error));
            }
            report::guard_destructor(&cell, error);
        }
        if let Some((Some(cell), panic)) = panic {
            if !cell.is_taken() {
                report::unread_failure::<E>(&cell, Err(&panic));
            }
        }
    }
}

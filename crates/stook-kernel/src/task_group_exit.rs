//! Leaving the block of one task group: waiting for the children, and how it ends.
//!
//! The events come in this order, each action being performed before the next event:
//!
//! 1. [`TaskGroup::exit`]: the body has ended. Performed in the order of [`ExitActions`].
//! 2. `interrupted`, any number of times: while there are children the face waits, and the wait was
//!    cancelled.
//! 3. `children_gone`: there is no child left.
//! 4. `end`: what the block does.
//!
//! `uncancelled` comes after the step that asked for it, 1 or 3, and before the next.
//!
//! States are: how the body ended, whether a cancellation is to be propagated, and the rule. By
//! rule, a body *counts as cancelled*: under `UncancelFirst` if it was Cancelled, under
//! `UncancelLast` if it was Cancelled or CancelledSubclass. Any other exception of the body *counts
//! as an error*.
//!
//! | event            | when                                       | state, action                        |
//! |------------------|--------------------------------------------|--------------------------------------|
//! | `exit`           | any                                        | exiting; propagate if the body counts as cancelled |
//! |                  | body's exception is a base error           | `keep_base_error`                    |
//! |                  | `UncancelFirst`, parent asked              | `uncancel`                           |
//! |                  | body's exception, not aborting             | aborting, `abort`                    |
//! | `uncancelled(n)` | n = 0                                      | do not propagate                     |
//! |                  | n > 0                                      |                                      |
//! | `interrupted`    | not aborting                               | aborting, propagate, `true`          |
//! |                  | aborting                                   | `false`                              |
//! | `children_gone`  | there is a base error                      | `RaiseBaseError`                     |
//! |                  | otherwise, `UncancelLast`, parent asked    | `Uncancel`                           |
//! |                  | otherwise                                  | `Nothing`                            |
//! | `end`            | propagate, no errors                       | `PropagateCancellation`              |
//! |                  | otherwise, errors or the body counts as an error | `RaiseGroup`                   |
//! |                  | otherwise                                  | `Return`                             |
//!
//! Under `UncancelFirst` a request that the group made after its body had ended is never taken back.
//!
//! # Source
//! `TaskGroup.__aexit__` in CPython 3.11.2, 3.11.7, 3.12.1 and 3.13.0 `asyncio/taskgroups.py`.

use crate::block::BodyEnd;
use crate::task_group::TaskGroup;

/// The progress of leaving one task group's block.
///
/// # Source
/// The local variables of `TaskGroup.__aexit__` in CPython 3.13 `asyncio/taskgroups.py`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskGroupExit {
    /// How the body ended.
    body: BodyEnd,
    /// A cancellation, the body's or the last kept one of the wait, is raised if there is no error.
    propagates: bool,
    rule: ExitRule,
}

impl TaskGroup {
    /// Records that the body has ended, and begins to leave the block.
    ///
    /// `is_base_error` is whether the body's exception is one that ends the program.
    pub const fn exit(
        &mut self,
        body: BodyEnd,
        is_base_error: bool,
        rule: ExitRule,
    ) -> (TaskGroupExit, ExitActions) {
        let abort = body.is_exception() && !self.marks.aborting;
        self.marks.exiting = true;
        self.marks.aborting |= abort;
        let exit = TaskGroupExit {
            body,
            propagates: rule.counts_as_cancelled(body),
            rule,
        };
        let actions = ExitActions {
            keep_base_error: body.is_exception() && is_base_error,
            uncancel: matches!(rule, ExitRule::UncancelFirst) && self.marks.parent_cancel_requested,
            abort,
        };
        (exit, actions)
    }
}

impl TaskGroupExit {
    /// Records that a request of the parent was taken back, and how many are left.
    pub const fn uncancelled(&mut self, left: u32) {
        if left == 0 {
            self.propagates = false;
        }
    }

    /// Records that the wait for the children was cancelled; returns whether this begins the end.
    ///
    /// If so, keep this cancellation error as the one to propagate, in the place of any before it,
    /// and ask every child that is not done to cancel. Either way, go on waiting.
    #[must_use]
    pub const fn interrupted(&mut self, group: &mut TaskGroup) -> bool {
        if group.marks.aborting {
            return false;
        }
        group.marks.aborting = true;
        self.propagates = true;
        true
    }

    /// Says what comes first when no child is left; `base_error` is whether one was kept.
    pub const fn children_gone(&self, group: &TaskGroup, base_error: bool) -> ChildrenGone {
        if base_error {
            return ChildrenGone::RaiseBaseError;
        }
        if matches!(self.rule, ExitRule::UncancelLast) && group.marks.parent_cancel_requested {
            return ChildrenGone::Uncancel;
        }
        ChildrenGone::Nothing
    }

    /// Says how the block ends; `errors` is how many errors of children were kept.
    pub const fn end(&self, errors: usize) -> ExitEnd {
        if self.propagates && errors == 0 {
            return ExitEnd::PropagateCancellation;
        }
        let add_body = self.body.is_exception() && !self.rule.counts_as_cancelled(self.body);
        if errors > 0 || add_body {
            return ExitEnd::RaiseGroup {
                add_body,
                renew_request: matches!(self.rule, ExitRule::UncancelLast),
            };
        }
        ExitEnd::Return
    }
}

/// What the caller of [`TaskGroup::exit`] has to do, in this order. Then it waits while there are
/// children.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExitActions {
    /// Keep the body's exception as the base error, if there is none yet.
    pub keep_base_error: bool,
    /// Take one request of the parent back, and tell [`TaskGroupExit::uncancelled`].
    pub uncancel: bool,
    /// Ask every child that is not done to cancel.
    pub abort: bool,
}

/// What the caller of [`TaskGroupExit::children_gone`] has to do.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChildrenGone {
    /// Go on with [`TaskGroupExit::end`].
    Nothing,
    /// Raise the base error. That is the end.
    RaiseBaseError,
    /// Take one request of the parent back, tell [`TaskGroupExit::uncancelled`], and go on with
    /// [`TaskGroupExit::end`].
    Uncancel,
}

/// What the caller of [`TaskGroupExit::end`] has to do.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitEnd {
    /// Raise the cancellation error that was kept last: the body's, or the wait's.
    PropagateCancellation,
    /// Raise a group of the errors, after these, in this order.
    RaiseGroup {
        /// Add the body's exception to the errors, as the last.
        add_body: bool,
        /// If a request of the parent stands, take one back and make a new one, so that the parent
        /// is cancelled at its next chance though the errors go first.
        renew_request: bool,
    },
    /// Nothing: a cancellation error of the body's goes on by itself.
    Return,
}

/// When the request the group made of its parent is taken back, and what counts as a cancellation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitRule {
    /// As soon as the body has ended; the cancellation error itself: CPython 3.11 and 3.12.
    UncancelFirst,
    /// Once no child is left, so that requests made meanwhile are taken back, too; the cancellation
    /// error and those derived from it. A request that stands when the errors are raised is made
    /// again: CPython 3.13.
    UncancelLast,
}

impl ExitRule {
    const fn counts_as_cancelled(self, body: BodyEnd) -> bool {
        match self {
            Self::UncancelFirst => body.is_exactly_cancelled(),
            Self::UncancelLast => body.is_cancelled(),
        }
    }
}

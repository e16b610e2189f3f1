//! One task group: who may join it, and what a child's failure does.
//!
//! States are the marks: entered, exiting, aborting, whether the parent was asked to cancel, and how
//! many children there are (`n`). How the block is left is in
//! [`TaskGroupExit`](crate::TaskGroupExit). The errors, the first base error (one that ends the
//! program, as `KeyboardInterrupt` does) and the future the parent waits for stay with the face.
//!
//! | event                   | when                              | action                             |
//! |-------------------------|-----------------------------------|------------------------------------|
//! | `enter`                 | not entered                       | entered                            |
//! |                         | entered                           | refused                            |
//! | `spawn`                 | not entered                       | `NotEntered`                       |
//! |                         | otherwise, exiting and n = 0      | `Finished`                         |
//! |                         | otherwise, aborting               | `ShuttingDown`                     |
//! |                         | otherwise                         | `Ok`                               |
//! | `added`                 | any                               | n+1                                |
//! | `cancelled`             | any                               | aborting                           |
//! | `child_left(true)`      | any                               | n-1 (0 stays), whether n is now 0  |
//! | `child_left(false)`     | any                               | whether n is 0                     |
//! | `child_done(Returned)`  | any                               | `Nothing`                          |
//! | `child_done(Cancelled)` | any                               | `Nothing`                          |
//! | `child_done(Raised)`    | parent done                       | keep it, `ReportOrphan`            |
//! |                         | otherwise, aborting or parent asked | keep it, `Nothing`               |
//! |                         | otherwise                         | aborting, parent asked, keep it, `Abort` |
//!
//! What is not written changes nothing. The marks change with the event. Those of CPython become
//! visible one by one: entered before the current task is looked up in 3.11.2, after it from 3.11.7
//! on; aborting before the first child is asked to cancel, the parent's after the last.
//!
//! # Source
//! `TaskGroup` in CPython 3.11.2, 3.11.7, 3.12.1 and 3.13.0 `asyncio/taskgroups.py`.

use crate::block::EnterRefused;
use crate::outcome::Outcome;

/// All that a task group's decisions rest on.
///
/// # Source
/// The attributes of the same names in CPython 3.13 `asyncio/taskgroups.py`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TaskGroupMarks {
    /// The block was entered; `_entered`.
    pub entered: bool,
    /// The body has ended; `_exiting`.
    pub exiting: bool,
    /// The children were asked to cancel; `_aborting`.
    pub aborting: bool,
    /// The group asked its parent to cancel; `_parent_cancel_requested`.
    pub parent_cancel_requested: bool,
    /// How many children there are; the size of `_tasks`.
    pub tasks: usize,
}

/// One task group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TaskGroup {
    pub(crate) marks: TaskGroupMarks,
}

impl TaskGroup {
    /// A group that was not entered.
    pub const fn new() -> Self {
        Self::from_marks(TaskGroupMarks {
            entered: false,
            exiting: false,
            aborting: false,
            parent_cancel_requested: false,
            tasks: 0,
        })
    }

    /// A group with these marks.
    pub const fn from_marks(marks: TaskGroupMarks) -> Self {
        Self { marks }
    }

    /// Its marks.
    pub const fn marks(&self) -> TaskGroupMarks {
        self.marks
    }

    /// Enters the block.
    ///
    /// # Errors
    /// It was entered before. Nothing changes.
    pub const fn enter(&mut self) -> Result<(), EnterRefused> {
        if self.marks.entered {
            return Err(EnterRefused);
        }
        self.marks.entered = true;
        Ok(())
    }

    /// Whether a task can be made in this group. The caller makes it, and reports it with
    /// [`added`](Self::added), unless it is done by then (a child that ran at once, which CPython
    /// looks for from 3.12 on): such a child is never among the children, and is reported with
    /// `child_left(false)` and [`child_done`](Self::child_done).
    ///
    /// # Errors
    /// The group was not entered, or it has ended or is about to.
    pub const fn spawn(&self) -> Result<(), SpawnRefused> {
        if !self.marks.entered {
            return Err(SpawnRefused::NotEntered);
        }
        if self.marks.exiting && self.marks.tasks == 0 {
            return Err(SpawnRefused::Finished);
        }
        if self.marks.aborting {
            return Err(SpawnRefused::ShuttingDown);
        }
        Ok(())
    }

    /// Counts a new child.
    pub const fn added(&mut self) {
        self.marks.tasks = self.marks.tasks.saturating_add(1);
    }

    /// Records that somebody who has the group cancels it, which asyncio has no way to: asks every
    /// child that is not done, and the body. What follows from that asks nobody again.
    pub const fn cancelled(&mut self) {
        self.marks.aborting = true;
    }

    /// Records that a child is done and among the children no more; returns whether none is left.
    ///
    /// `counted` is whether it was among them. With none left, wake the parent if it waits. To be
    /// called before [`child_done`](Self::child_done): the parent is woken before the child's
    /// exception is looked at.
    #[must_use]
    pub const fn child_left(&mut self, counted: bool) -> bool {
        if counted {
            self.marks.tasks = self.marks.tasks.saturating_sub(1);
        }
        self.marks.tasks == 0
    }

    /// Says what to do about how a child ended.
    ///
    /// `is_base_error` and `parent_done` matter for a child that raised only: whether its exception
    /// is one that ends the program, and whether the parent is done.
    pub const fn child_done(
        &mut self,
        child: Outcome,
        is_base_error: bool,
        parent_done: bool,
    ) -> ChildDone {
        if !child.is_error() {
            return ChildDone::Nothing;
        }
        let then = if parent_done {
            AfterError::ReportOrphan
        } else if self.marks.aborting || self.marks.parent_cancel_requested {
            AfterError::Nothing
        } else {
            self.marks.aborting = true;
            self.marks.parent_cancel_requested = true;
            AfterError::Abort
        };
        ChildDone::KeepError {
            as_base_error: is_base_error,
            then,
        }
    }
}

/// What the caller of [`TaskGroup::child_done`] has to do.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChildDone {
    /// Nothing.
    Nothing,
    /// Read the child's exception and add it to the errors. With `as_base_error`, and if there is
    /// none yet, keep it as the base error, too. Then do what `then` says.
    KeepError {
        /// It becomes the base error, if there is none yet.
        as_base_error: bool,
        /// What comes after.
        then: AfterError,
    },
}

/// What comes after a child's error is kept.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterError {
    /// Nothing: the others have been asked to cancel already.
    Nothing,
    /// Report to the loop's exception handler that a child failed whose parent is done.
    ReportOrphan,
    /// Ask every child that is not done to cancel, then the parent.
    Abort,
}

/// Why [`TaskGroup::spawn`] was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpawnRefused {
    /// The block was not entered.
    NotEntered,
    /// The body has ended, and so have all children.
    Finished,
    /// The children were asked to cancel.
    ShuttingDown,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_past_the_largest_number_are_not_lost_to_zero() {
        let full = TaskGroupMarks {
            tasks: usize::MAX,
            ..TaskGroupMarks::default()
        };
        let mut group = TaskGroup::from_marks(full);
        group.added();
        assert_eq!(group.marks(), full);
    }
}

//! One wait: when a set of children is done enough.
//!
//! The machine is the part of the waiter that decides. States: Waiting, Released, Cancelled, and
//! how many children are still out (`n`). "Enough" is: the last child, or any child under
//! `FirstCompleted`, or one that raised under `FirstException`.
//!
//! | event                     | Waiting                    | Released           | Cancelled        |
//! |---------------------------|----------------------------|--------------------|------------------|
//! | `child_done`, not enough  | n-1, `KeepWaiting`         | n-1, `KeepWaiting` | n-1, `KeepWaiting` |
//! | `child_done`, enough      | n-1, → Released, `Release` | n-1, `KeepWaiting` | n-1, `KeepWaiting` |
//! | `timed_out`               | → Released, `Release`      | `KeepWaiting`      | `KeepWaiting`    |
//! | `cancelled`               | → Cancelled, `true`        | `false`            | `false`          |
//!
//! Children go on being reported after the release, until the waiting task has had its step and
//! takes its callbacks back. Which children are in the set of done ones is seen then, not here.
//!
//! # Source
//! `_wait`, its `_on_completion`, and `_release_waiter` in CPython 3.11 to 3.13
//! `asyncio/tasks.py`.

use crate::outcome::Outcome;

/// When a wait is over; `return_when` of `wait`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ReturnWhen {
    /// Any child is done.
    FirstCompleted,
    /// A child has raised (a cancelled one has not), or all are done.
    FirstException,
    /// All children are done.
    #[default]
    AllCompleted,
}

/// The progress of one wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// Children not reported done.
    remaining: usize,
    /// What is waited for.
    when: ReturnWhen,
    /// How far the waiter is.
    waiter: Waiter,
}

impl Wait {
    /// A wait for `count` children, none reported yet.
    ///
    /// With no children nothing but time or a cancel ends it: the caller refuses that beforehand.
    pub const fn new(count: usize, when: ReturnWhen) -> Self {
        Self {
            remaining: count,
            when,
            waiter: Waiter::Waiting,
        }
    }

    /// Whether how the next child ended will matter.
    ///
    /// To be asked before [`child_done`](Self::child_done). When true, asyncio looks at the child's
    /// exception (if it is not cancelled), which from then on counts as read; when false it does
    /// not look, and an exception nobody else reads is reported.
    #[must_use]
    pub const fn examines_next_child(&self) -> bool {
        matches!(self.when, ReturnWhen::FirstException) && self.remaining > 1
    }

    /// Counts one finished child and says whether the wait is over by it.
    pub const fn child_done(&mut self, child: Outcome) -> WaitAction {
        self.remaining = self.remaining.saturating_sub(1);
        let enough = match self.when {
            _ if self.remaining == 0 => true,
            ReturnWhen::FirstCompleted => true,
            ReturnWhen::FirstException => child.is_error(),
            ReturnWhen::AllCompleted => false,
        };
        if enough {
            self.release()
        } else {
            WaitAction::KeepWaiting
        }
    }

    /// Records that the deadline has passed.
    pub const fn timed_out(&mut self) -> WaitAction {
        self.release()
    }

    /// Cancels the waiter; `false` when it is released or cancelled already, that is, the request
    /// is refused.
    #[must_use]
    pub const fn cancelled(&mut self) -> bool {
        if !self.is_waiting() {
            return false;
        }
        self.waiter = Waiter::Cancelled;
        true
    }

    /// Whether it is neither released nor cancelled.
    pub const fn is_waiting(&self) -> bool {
        matches!(self.waiter, Waiter::Waiting)
    }

    /// Children not reported done.
    pub const fn remaining(&self) -> usize {
        self.remaining
    }

    const fn release(&mut self) -> WaitAction {
        if !self.is_waiting() {
            return WaitAction::KeepWaiting;
        }
        self.waiter = Waiter::Released;
        WaitAction::Release
    }
}

/// What the caller of [`Wait::child_done`] or [`Wait::timed_out`] has to do.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitAction {
    /// Nothing.
    KeepWaiting,
    /// Stop the timer, if there is one, and wake the waiting task. Comes at most once.
    Release,
}

/// How far the waiter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waiter {
    Waiting,
    Released,
    Cancelled,
}

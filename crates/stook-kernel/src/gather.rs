//! One gather: when the outer future is settled, and with what.
//!
//! States are the fields: how many children have finished, whether a cancel was passed on to them,
//! and whether exceptions are collected as results. Whether the outer future is done is the face's
//! to know, and comes with each event.
//!
//! `child_done`, in this order:
//!
//! | outer   | exceptions   | child     | last | cancel requested | action             |
//! |---------|--------------|-----------|------|------------------|--------------------|
//! | done    | any          | Cancelled | any  | any              | `Nothing`          |
//! | done    | any          | other     | any  | any              | `MarkRetrieved`    |
//! | pending | propagated   | Cancelled | any  | any              | `CancelWithChild`  |
//! | pending | propagated   | Raised    | any  | any              | `FailWithChild`    |
//! | pending | (what is left) |         | no   | any              | `Nothing`          |
//! | pending |              |           | yes  | no               | `Collect`          |
//! | pending |              |           | yes  | yes              | `CollectCancelled` |
//!
//! `request_cancel(any)`: with `any`, cancel is requested from now on; returns `any`.
//! `set_cancel_requested(requested)`: what a program says of it by hand.
//!
//! What is not here: the list of children (a child given twice is *one* child here, two places in
//! the list of results, and asked twice to cancel), and when the report of a child that is done
//! before it is gathered comes: by way of the ready queue in CPython 3.11, before `gather` returns
//! from 3.12 on.
//!
//! # Source
//! `gather` and `_GatheringFuture.cancel` in CPython 3.11 to 3.13 `asyncio/tasks.py`.

use crate::outcome::Outcome;

/// The progress of one gather.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gather {
    /// How many different children there are.
    children: usize,
    /// How many of them have been reported done.
    finished: usize,
    /// Exceptions and cancellations of children are results like any other.
    return_exceptions: bool,
    /// The gather was asked to cancel, and at least one child took it.
    cancel_requested: bool,
}

impl Gather {
    /// A gather of `children` different children, none reported yet.
    ///
    /// A gather of nothing has no last child and is never settled by it: the caller finishes it
    /// with an empty list and needs no machine.
    pub const fn new(children: usize, return_exceptions: bool) -> Self {
        Self {
            children,
            finished: 0,
            return_exceptions,
            cancel_requested: false,
        }
    }

    /// Counts one finished child and says what becomes of the outer future.
    ///
    /// `outer_done` is whether the outer future is settled already, or never came to exist because
    /// gathering failed half-way.
    pub const fn child_done(&mut self, outer_done: bool, child: Outcome) -> GatherAction {
        self.finished = self.finished.saturating_add(1);
        if outer_done {
            return if child.is_cancelled() {
                GatherAction::Nothing
            } else {
                GatherAction::MarkRetrieved
            };
        }
        match child {
            Outcome::Cancelled if !self.return_exceptions => GatherAction::CancelWithChild,
            Outcome::Raised if !self.return_exceptions => GatherAction::FailWithChild,
            _ if self.finished != self.children => GatherAction::Nothing,
            _ if self.cancel_requested => GatherAction::CollectCancelled,
            _ => GatherAction::Collect,
        }
    }

    /// Records a cancel request and returns whether it was accepted.
    ///
    /// The caller has asked every child to cancel, in order, before; `any_child_cancelled` is
    /// whether one accepted. A gather whose outer future is done asks nobody and refuses.
    #[must_use]
    pub const fn request_cancel(&mut self, any_child_cancelled: bool) -> bool {
        if any_child_cancelled {
            self.cancel_requested = true;
        }
        any_child_cancelled
    }

    /// Says whether cancel is requested, whatever was before: a program has set the attribute.
    pub const fn set_cancel_requested(&mut self, requested: bool) {
        self.cancel_requested = requested;
    }

    /// How many different children there are.
    pub const fn children(&self) -> usize {
        self.children
    }

    /// How many children have been reported done.
    pub const fn finished(&self) -> usize {
        self.finished
    }

    /// Whether a cancel request was accepted; what `_cancel_requested` reports.
    pub const fn is_cancel_requested(&self) -> bool {
        self.cancel_requested
    }
}

/// What the caller of [`Gather::child_done`] has to do.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GatherAction {
    /// Nothing.
    Nothing,
    /// The outer future is settled without this child: count its exception, if any, as read.
    MarkRetrieved,
    /// Read the child's exception and set it on the outer future.
    FailWithChild,
    /// Make the child's cancellation error and set it on the outer future as an exception. The
    /// outer future is then finished, not cancelled.
    CancelWithChild,
    /// All children are done: set the list of their results, in the order they were given, on the
    /// outer future. Exceptions in it are read; a cancelled child gives a new cancellation error.
    Collect,
    /// All children are done, but cancel was requested: read them all as for
    /// [`Collect`](Self::Collect), then set as the outer future's exception the cancellation error
    /// of the child *given* last, which need not be the one that finished last, nor be cancelled.
    CollectCancelled,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_past_the_largest_number_settle_nothing() {
        let full = Gather {
            finished: usize::MAX,
            ..Gather::new(0, false)
        };
        let mut gather = full;
        assert_eq!(
            gather.child_done(false, Outcome::Returned),
            GatherAction::Nothing
        );
        assert_eq!(gather, full);
    }
}

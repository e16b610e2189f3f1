//! The block of a task that shares it with no other.

use std::sync::Arc;

use tokio::runtime::Id;

use crate::about::About;
use crate::block::{Block, CellRef};
use crate::cancel_error::CancelError;
use crate::cell::Cell;
use crate::children::Child;
use crate::id::TaskId;
use crate::outcome::Outcome;
use crate::registry::{Listed, Membership};
use crate::slot::Slot;
use crate::task_future::Settle;

/// The block of one task: its cell, and what is known of it. Its outcome is kept beside it.
pub(crate) struct Alone {
    cell: Cell,
    about: About,
    membership: Membership,
}

impl Alone {
    /// For a task that others know of: a group does.
    pub(crate) fn new(about: About) -> Arc<Self> {
        Arc::new(Self {
            cell: Cell::of_task(TaskId::next()),
            about,
            membership: Membership::default(),
        })
    }

    /// For a task that is in the registry by itself, until it has ended.
    pub(crate) fn registered(about: About) -> Arc<Self> {
        let block = Self::new(about);
        let weak = Arc::downgrade(&block);
        block.membership.enter(weak);
        block
    }
}

impl Block for Alone {
    fn cell(&self, _place: usize) -> &Cell {
        &self.cell
    }

    fn about(&self) -> Option<&About> {
        Some(&self.about)
    }
}

impl Listed for Alone {
    fn runtime(&self) -> Id {
        self.about.runtime
    }

    fn cells(self: Arc<Self>) -> Vec<CellRef> {
        vec![CellRef::new(self, 0)]
    }
}

/// Where the outcome of one task is: in its block, or beside it, when it may not go where the block
/// may.
pub(crate) enum Outlet<T, E> {
    Inside(fn(&CellRef) -> Option<&Child<T, E>>),
    Beside(Arc<Slot<T, E>>),
}

impl<T, E> Outlet<T, E> {
    /// The cell and the slot of the task to which this refers.
    pub(crate) fn open<'task>(
        &'task self,
        cell: &'task CellRef,
    ) -> (&'task Cell, &'task Slot<T, E>) {
        match self {
            Self::Beside(slot) => (cell, slot),
            Self::Inside(child_of) => match child_of(cell) {
                Some(child) => (&child.cell, &child.slot),
                None => unreachable!("the outlet was made with the block"),
            },
        }
    }
}

/// The outcome goes to a slot beside the block.
pub(crate) struct Beside<T, E>(pub(crate) Arc<Slot<T, E>>);

impl<T, E: CancelError> Settle<T, E> for Beside<T, E> {
    fn settle(&self, cell: &CellRef, outcome: Outcome<T, E>) {
        if let Some(block) = cell.block::<Alone>() {
            block.membership.leave();
        }
        self.0.settle(cell, cell, outcome, false);
    }
}

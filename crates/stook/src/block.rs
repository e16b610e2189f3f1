//! Where cells lie, and how one is referred to.
//!
//! What is shared of a task is allocated once: a task that is spawned alone has its cell and its
//! outcome in one block, the tasks of a gather have one block for all of them. A reference keeps the
//! block, and knows the place of the cell in it.

use std::any::Any;
use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

use crate::about::About;
use crate::block_watchers::BlockWatchers;
use crate::cell::Cell;
use crate::group::running::Running;
use crate::outcome::Ended;
use crate::record::Who;

/// What keeps cells.
pub(crate) trait Block: OfAnyKind + Send + Sync + 'static {
    /// The cell in this place.
    fn cell(&self, place: usize) -> &Cell;

    /// How many there are.
    fn count(&self) -> usize {
        1
    }

    /// Looks at the cells in these places, with one call for all of them.
    fn each(&self, places: Range<usize>, look: &mut dyn FnMut(usize, &Cell)) {
        for place in places {
            look(place, self.cell(place));
        }
    }

    /// Who waits for several of them, where it keeps that.
    fn watchers(&self) -> Option<&BlockWatchers> {
        None
    }

    /// How many of its tasks run, where its group is not told one by one.
    fn running(&self) -> Option<&Running> {
        None
    }

    /// What is known of its tasks from the beginning; `None` for a scope outside tasks.
    fn about(&self) -> Option<&About>;
}

/// A block, for who knows what kind it is.
///
/// Blocks alone have it, so that a reference to one is not taken for one.
pub(crate) trait OfAnyKind {
    fn as_any(&self) -> &dyn Any;

    /// The same, with the reference.
    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
}

impl<B: Block> OfAnyKind for B {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

/// A reference to a cell, which keeps it.
#[derive(Clone)]
pub(crate) struct CellRef {
    block: Arc<dyn Block>,
    place: usize,
}

impl CellRef {
    pub(crate) fn new(block: Arc<dyn Block>, place: usize) -> Self {
        Self { block, place }
    }

    /// Its place in its block.
    pub(crate) fn place(&self) -> usize {
        self.place
    }

    /// The cell in another place of its block.
    pub(crate) fn beside(&self, place: usize) -> Self {
        Self::new(Arc::clone(&self.block), place)
    }

    /// Whether it lies in the place after that one.
    pub(crate) fn is_next_to(&self, before: &Self) -> bool {
        self.place == before.place + 1 && Arc::ptr_eq(&self.block, &before.block)
    }

    /// Whether it lies in this block.
    pub(crate) fn is_in(&self, block: &Arc<dyn Block>) -> bool {
        Arc::ptr_eq(&self.block, block)
    }

    /// Its block, and the places from its own on.
    pub(crate) fn run(&self, count: usize) -> (&dyn Block, Range<usize>) {
        (&*self.block, self.place..self.place + count)
    }

    /// Its block, if it is of this kind.
    pub(crate) fn block<B: Block>(&self) -> Option<&B> {
        self.block.as_any().downcast_ref()
    }

    /// The same, with the reference.
    pub(crate) fn into_block<B: Block>(self) -> Option<Arc<B>> {
        self.block.into_any().downcast().ok()
    }

    pub(crate) fn about(&self) -> Option<&About> {
        self.block.about()
    }

    pub(crate) fn name(&self) -> Option<&str> {
        self.about()?.name.as_deref()
    }

    pub(crate) fn who(&self) -> Who {
        Who {
            id: self.id(),
            name: self.about().and_then(|about| about.name.clone()),
        }
    }

    /// Records how the task ended, and tells who watches; whether its handle was dropped before.
    /// Called once, by what tokio runs.
    pub(crate) fn finish(&self, ended: Ended) -> bool {
        self.finish_at(self, ended)
    }

    /// The same for who has found the cell of this reference.
    pub(crate) fn finish_at(&self, cell: &Cell, ended: Ended) -> bool {
        let finished = cell.finish(ended);
        if finished.is_watched_in_block {
            if let Some(watchers) = self.block.watchers() {
                watchers.tell(self.place, ended);
            }
        }
        finished.watchers.tell(self, ended);
        finished.is_abandoned
    }
}

impl Deref for CellRef {
    type Target = Cell;

    fn deref(&self) -> &Cell {
        self.block.cell(self.place)
    }
}

impl AsRef<CellRef> for CellRef {
    fn as_ref(&self) -> &CellRef {
        self
    }
}

impl From<&Self> for CellRef {
    fn from(cell: &Self) -> Self {
        cell.clone()
    }
}

/// Of the same cell: numbers are given once.
impl PartialEq for CellRef {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }
}

impl fmt::Debug for CellRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.deref().fmt(f)
    }
}

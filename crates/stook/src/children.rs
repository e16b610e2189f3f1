//! Places for several tasks of one kind, in the block that they share.
//!
//! The first block of a loop is for one task, and each after it has twice the room: half of what is
//! allocated is used, and what one task keeps of others that have ended is no more than one block.

use crate::cell::Cell;
use crate::id::TaskId;
use crate::slot::Slot;

/// Places for several tasks of one kind.
pub(crate) struct Children<T, E> {
    /// With the block itself: for one task it is allocated once.
    first: Child<T, E>,
    others: Box<[Child<T, E>]>,
}

/// A place for one task.
pub(crate) struct Child<T, E> {
    pub(crate) cell: Cell,
    pub(crate) slot: Slot<T, E>,
}

/// How many a block has room for at the most.
const MOST: usize = 32;

/// How many one has room for that comes after one for so many.
pub(crate) fn room_after(count: usize) -> usize {
    (2 * count + 1).min(MOST)
}

impl<T, E> Children<T, E> {
    pub(crate) fn new(count: usize) -> Self {
        let mut ids = TaskId::next_many(count);
        let child = |id| Child {
            cell: Cell::of_task(id),
            slot: Slot::new(),
        };
        Self {
            first: child(ids.next().unwrap_or_else(TaskId::next)),
            others: ids.map(child).collect(),
        }
    }

    pub(crate) fn get(&self, place: usize) -> &Child<T, E> {
        match place.checked_sub(1) {
            None => &self.first,
            Some(other) => &self.others[other],
        }
    }

    pub(crate) fn count(&self) -> usize {
        1 + self.others.len()
    }
}

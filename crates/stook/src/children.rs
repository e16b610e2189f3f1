//! Places for several tasks of one kind, in the block that they share.
//!
//! The first block of a loop is for one task, and each after it has twice the room: half of what is
//! allocated is used, and what one task keeps of others that have ended is no more than one block.

use crate::block_watchers::{BlockWatchers, MOST_PLACES};
use crate::cell::Cell;
use crate::id::TaskId;
use crate::slot::Slot;

/// Places for several tasks of one kind.
pub(crate) struct Children<T, E> {
    /// With the block itself: for one task it is allocated once.
    first: Child<T, E>,
    others: Box<[Child<T, E>]>,
    /// Who waits for several of them.
    pub(crate) watchers: BlockWatchers,
}

/// A place for one task.
pub(crate) struct Child<T, E> {
    pub(crate) cell: Cell,
    pub(crate) slot: Slot<T, E>,
}

/// How many a block has room for at the most.
const MOST: usize = MOST_PLACES;

/// How many bytes a block for several tasks takes at the most: outcomes lie in it.
const MOST_BYTES: usize = 8192;

/// How many one has room for that comes after one for so many.
pub(crate) fn room_after<T, E>(count: usize) -> usize {
    room_for::<T, E>(2 * count + 1)
}

/// How many one has room for where so many are expected.
pub(crate) fn room_for<T, E>(count: usize) -> usize {
    let fit = MOST_BYTES / size_of::<Child<T, E>>();
    count.min(MOST).min(fit).max(1)
}

impl<T, E> Child<T, E> {
    fn new(id: TaskId) -> Self {
        Self {
            cell: Cell::of_task(id),
            slot: Slot::new(),
        }
    }
}

impl<T, E> Children<T, E> {
    pub(crate) fn new(count: usize) -> Self {
        let mut ids = TaskId::next_many(count);
        let first = ids.next().unwrap_or_else(TaskId::next);
        let others = if count > 1 {
            ids.map(Child::new).collect()
        } else {
            Box::default()
        };
        Self {
            // After the others: so it is made in its place.
            first: Child::new(first),
            others,
            watchers: BlockWatchers::default(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_doubled_up_to_a_number_of_tasks_and_of_bytes() {
        let room = |count| room_after::<(), ()>(count);
        assert_eq!([1, 3, 7, 15, 31, 32].map(room), [3, 7, 15, 31, 32, 32]);
        let large = room_after::<[u8; 1024], ()>(15);
        assert!((2..8).contains(&large), "{large} of a kilobyte each");
        assert_eq!(room_after::<[u8; 1 << 20], ()>(1), 1);
    }
}

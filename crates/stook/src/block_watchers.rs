//! Who is told when tasks of one block have ended: those who wait for several of them.
//!
//! Tasks that are spawned in one loop lie in one block, and are mostly waited for together. Who does so
//! is kept once for all of them, and not in each cell.
//!
//! Invariants:
//! 1. Each end is told once. Who comes marks each cell by an atomic exchange of its word, under the lock,
//!    and is not told of those that have ended by then; a task that ends after that finds the mark,
//!    takes the lock, and finds who is to be told.
//! 2. Nobody is told while the lock is held.
//! 3. What is kept goes when who came leaves, not when all were told of: its key is its own until then.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::block::Block;
use crate::outcome::Ended;
use crate::sync::{AtomicBool, Mutex, lock};
use crate::watcher::{WatchChildren, WatchKey, Watchers};

/// Places of a block, a bit for each.
pub(crate) type Places = u32;

/// How many places a block that keeps these may have.
pub(crate) const MOST_PLACES: usize = Places::BITS as usize;

/// Those who wait for several tasks of one block.
#[derive(Debug, Default)]
pub(crate) struct BlockWatchers {
    /// There are some. Changed with the lock held.
    is_any: AtomicBool,
    kept: Mutex<Watchers<BlockWatcher>>,
}

struct BlockWatcher {
    parent: Arc<dyn WatchChildren>,
    /// The tasks that it is to be told of.
    left: Places,
    /// Its place for the first of the block; it may not be one of them, so this may wrap.
    origin: u32,
}

impl std::fmt::Debug for BlockWatcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BlockWatcher({:b})", self.left)
    }
}

impl BlockWatchers {
    /// Has the parent told when the tasks of its block in these places end; the first is its child
    /// `child`. The key to leave by, and those that have ended: they are not told of.
    pub(crate) fn watch(
        &self,
        block: &dyn Block,
        places: Range<usize>,
        parent: Arc<dyn WatchChildren>,
        child: u32,
    ) -> (WatchKey, Places) {
        let origin = child.wrapping_sub(places.start as u32);
        let mut kept = lock(&self.kept);
        // Who ends a task after it is marked sees this, takes the lock and finds the watcher.
        self.is_any.store(true, Ordering::Release);
        let (mut left, mut ended) = (0, 0);
        block.each(places, &mut |place, cell| {
            let bit = 1 << place;
            if cell.mark_watched_in_block() {
                left |= bit;
            } else {
                ended |= bit;
            }
        });
        let key = kept.add(BlockWatcher {
            parent,
            left,
            origin,
        });
        (key, ended)
    }

    /// Leaves; the places of those that it was not told of.
    pub(crate) fn unwatch(&self, key: WatchKey) -> Places {
        let removed = {
            let mut kept = lock(&self.kept);
            let removed = kept.remove(key);
            self.is_any.store(!kept.is_empty(), Ordering::Release);
            removed
        };
        removed.map_or(0, |removed| removed.left)
    }

    /// Tells those who watch the task in this place that it has ended.
    pub(crate) fn tell(&self, place: usize, ended: Ended) {
        // Who has left leaves nothing to be told, and no reason to lock.
        if !self.is_any.load(Ordering::Acquire) {
            return;
        }
        let (first, others) = {
            let mut kept = lock(&self.kept);
            let mut told = kept.iter_mut().filter_map(|kept| kept.take(place));
            // Most are alone.
            (told.next(), told.collect::<Vec<_>>())
        };
        for (parent, child) in first.into_iter().chain(others) {
            parent.child_done(child, ended);
        }
    }
}

impl BlockWatcher {
    /// Who is to be told of the task in this place, and which child it is.
    fn take(&mut self, place: usize) -> Option<(Arc<dyn WatchChildren>, u32)> {
        let bit = 1 << place;
        if self.left & bit == 0 {
            return None;
        }
        self.left &= !bit;
        Some((
            Arc::clone(&self.parent),
            self.origin.wrapping_add(place as u32),
        ))
    }
}

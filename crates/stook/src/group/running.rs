//! How many tasks of one block run: what a group need not be told one by one.
//!
//! A task that ends counts itself off in its block, by one atomic exchange; who finds that nobody is
//! left there locks the group, and tells it of all. So threads that end tasks seldom meet the one that
//! spawns them.
//!
//! Invariants:
//! 1. Who has ended counts itself off once, after its outcome is kept. Who finds nobody left sees the
//!    outcomes of all.
//! 2. It grows, and is read for good, with the members locked: who finds nobody left looks again there,
//!    for another may have been spawned in the block since.
//! 3. While the body runs it has beforehand the places of the block where one more may be spawned, and
//!    does not come to zero: who spawns need not touch it. They are taken back when the room is closed
//!    or the body ends; from then on who spawns counts each.

use std::sync::atomic::Ordering;

use crate::sync::AtomicU32;

/// How many tasks of one block run, with those to come that it was told of.
#[derive(Debug)]
pub(crate) struct Running(AtomicU32);

impl Running {
    pub(crate) fn new(count: u32) -> Self {
        Self(AtomicU32::new(count))
    }

    /// One has ended; whether nobody was left by then.
    pub(crate) fn one_ended(&self) -> bool {
        self.take_back(1)
    }

    /// So many of those to come do not; whether nobody is left.
    pub(crate) fn take_back(&self, count: u32) -> bool {
        self.0.fetch_sub(count, Ordering::AcqRel) == count
    }

    /// One more is to come.
    pub(crate) fn one_more(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count(&self) -> u32 {
        self.0.load(Ordering::Acquire)
    }
}

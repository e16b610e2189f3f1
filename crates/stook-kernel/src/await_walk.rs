//! One walk along plain awaits, from a task that is about to be awaited: does it lead back to who
//! awaits?
//!
//! A task awaits at most one other, so the way has no branches. It is followed for so many hops and
//! no further: who awaits must not pay for a long chain.
//!
//! | event                     | hops left > 0            | hops left = 0 |
//! |---------------------------|--------------------------|---------------|
//! | `reached`, who awaits     | `Closes`                 | `Closes`      |
//! | `reached`, another task   | `Follow`, hops left − 1  | `GiveUp`      |
//!
//! Where what is reached awaits no task, there is nothing more to tell, and no cycle.
//!
//! # Source
//! None in asyncio. `Task.__step`, CPython 3.13 `asyncio/tasks.py`, refuses a task that awaits itself:
//! a walk without a hop.

/// How far a walk goes.
pub const LONGEST_WALK: u8 = 64;

/// A walk that has not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AwaitWalk {
    left: u8,
}

/// What is to be done at a task that was reached.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WalkStep {
    /// Go on to the task that it awaits, if it awaits one.
    Follow,
    /// It is the task that is about to await: the await would close a cycle.
    Closes,
    /// It was far enough: nobody knows.
    GiveUp,
}

impl Default for AwaitWalk {
    fn default() -> Self {
        Self::new()
    }
}

impl AwaitWalk {
    /// A walk of [`LONGEST_WALK`] hops.
    #[inline]
    pub const fn new() -> Self {
        Self { left: LONGEST_WALK }
    }

    /// A task was reached; whether it is the one that is about to await.
    #[inline]
    pub const fn reached(&mut self, is_who_awaits: bool) -> WalkStep {
        if is_who_awaits {
            return WalkStep::Closes;
        }
        if self.left == 0 {
            return WalkStep::GiveUp;
        }
        self.left -= 1;
        WalkStep::Follow
    }

    /// How many hops are left.
    pub const fn left(&self) -> u8 {
        self.left
    }
}

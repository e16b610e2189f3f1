//! Requests that were raised in a task, did not end it, and were not taken back.
//!
//! A task swallows a request when the cancellation was raised in it and it ends otherwise than
//! cancelled while the request still stands: nobody has called `uncancel()` for it. Whether a task
//! that is still running will end by its cancellation cannot be known: it may be cleaning up, or have
//! put the cancellation aside to raise it later. So nothing is said before the end.
//!
//! `f` requests were raised in the step that is going on, `k` in earlier ones that the task has
//! survived:
//!
//! | event                    | effect                                                             |
//! |--------------------------|--------------------------------------------------------------------|
//! | `raised(n)`              | f = n, at most `MOST`                                              |
//! | `survived(c)`            | k + min(f, c-k), at most `MOST`; f = 0; `Survived` says what to keep |
//! | `withdraw(false)`        | f > 0: f-1, `Fresh`; else k > 0: k-1, `Kept`; else `Nothing`       |
//! | `withdraw(true)`         | k > 0: k-1, `Kept`; else as `withdraw(false)`                      |
//! | `has_swallowed(end)`     | k > 0, and the task returned or raised something unrelated         |
//!
//! `c` is what `cancelling()` says: a request may have been taken back before it was raised.
//!
//! Who calls `uncancel()` does not say for which request. A block that asks its own task (a timeout, a
//! group, a token) always takes that request back, others mostly take back the last one: the face
//! gives `true` where a kept request is a block's and those of this step are not.
//!
//! # Source
//! None in asyncio, which does not notice. What a task owes who cancelled it: "Task Cancellation",
//! CPython 3.13 `Doc/library/asyncio-task.rst`.

/// The requests that one task has survived, or may be surviving.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    fresh: u8,
    kept: u8,
}

/// What to keep of a step that was survived.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Survived {
    /// So many of the oldest are kept no more.
    pub forgotten: u8,
    /// So many are new: the last ones that were raised.
    pub new: u8,
}

/// Which request was taken back.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Withdrawn {
    /// None that was raised.
    Nothing,
    /// One of the step that is going on.
    Fresh,
    /// One of those that are kept.
    Kept,
}

/// How a task ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskEnd {
    /// By its cancellation.
    Cancelled,
    /// By an exception that came of a cancellation: a clean-up that failed, an error that stands for
    /// it, a group's errors.
    RaisedInAnswer,
    /// By another exception.
    Raised,
    /// It returned.
    Returned,
}

impl Standing {
    /// How many requests are kept at the most.
    pub const MOST: u8 = 8;

    /// None yet.
    pub const fn new() -> Self {
        Self { fresh: 0, kept: 0 }
    }

    /// A step raises so many requests.
    pub const fn raised(&mut self, requests: u8) {
        self.fresh = if requests < Self::MOST {
            requests
        } else {
            Self::MOST
        };
    }

    /// The coroutine has not let the cancellation of this step out; so many requests are counted.
    pub fn survived(&mut self, counted: u32) -> Survived {
        let others = counted.saturating_sub(u32::from(self.kept));
        let new = u8::try_from(others).map_or(self.fresh, |others| others.min(self.fresh));
        let room = Self::MOST - new;
        let forgotten = self.kept.saturating_sub(room);
        self.kept = self.kept - forgotten + new;
        self.fresh = 0;
        Survived { forgotten, new }
    }

    /// A request is taken back: of those that are kept, if `prefers_kept`.
    pub const fn withdraw(&mut self, prefers_kept: bool) -> Withdrawn {
        if self.fresh > 0 && !(prefers_kept && self.kept > 0) {
            self.fresh -= 1;
            return Withdrawn::Fresh;
        }
        if self.kept > 0 {
            self.kept -= 1;
            return Withdrawn::Kept;
        }
        Withdrawn::Nothing
    }

    /// Whether a task that ends so has swallowed what is kept.
    #[must_use]
    pub const fn has_swallowed(&self, end: TaskEnd) -> bool {
        self.kept > 0 && matches!(end, TaskEnd::Returned | TaskEnd::Raised)
    }

    /// How many were raised in the step that is going on.
    #[must_use]
    pub const fn fresh(&self) -> u8 {
        self.fresh
    }

    /// How many of earlier steps stand.
    #[must_use]
    pub const fn kept(&self) -> u8 {
        self.kept
    }
}

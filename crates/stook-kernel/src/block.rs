//! What a task group and a timeout share as blocks that are entered and left.
//!
//! Not here: the exception that ended a body, which stays with the face.

/// How the body of an `async with` block ended.
///
/// CPython's versions differ in whether a *subclass* of the cancellation error counts as one. A body
/// is therefore told by what ended it, and a rule says how it counts.
///
/// # Source
/// What `TaskGroup.__aexit__` and `Timeout.__aexit__` do with the exception's type in CPython 3.11
/// to 3.13 `asyncio/taskgroups.py` and `asyncio/timeouts.py`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BodyEnd {
    /// It came to its end, or left the block without an exception.
    Returned,
    /// It raised something that is no cancellation error.
    Raised,
    /// It raised the cancellation error: an exception of that very class.
    Cancelled,
    /// It raised an exception of a class derived from the cancellation error.
    CancelledSubclass,
}

impl BodyEnd {
    /// Whether an exception ended it.
    pub const fn is_exception(self) -> bool {
        !matches!(self, Self::Returned)
    }

    /// Whether the cancellation error itself ended it.
    pub const fn is_exactly_cancelled(self) -> bool {
        matches!(self, Self::Cancelled)
    }

    /// Whether the cancellation error or one derived from it ended it.
    pub const fn is_cancelled(self) -> bool {
        matches!(self, Self::Cancelled | Self::CancelledSubclass)
    }
}

/// Why entering was refused: the block has been entered before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnterRefused;

//! How an awaitable ended.
//!
//! The one fact about a child that the machines need. The value, the exception and the cancel
//! message stay with the face.

/// How an awaitable ended.
///
/// # Source
/// What `Future.cancelled()` and `Future.exception()` tell of a done future in CPython 3.13
/// `asyncio/futures.py`. A future *holding* a cancellation error as its exception (as a gather's
/// does after [`CancelWithChild`](crate::GatherAction::CancelWithChild)) has `Raised`: it was not
/// itself cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It has a result.
    Returned,
    /// It has an exception.
    Raised,
    /// It was cancelled.
    Cancelled,
}

impl Outcome {
    /// Whether it has an exception; a cancelled awaitable has none.
    pub const fn is_error(self) -> bool {
        matches!(self, Self::Raised)
    }

    /// Whether it was cancelled.
    pub const fn is_cancelled(self) -> bool {
        matches!(self, Self::Cancelled)
    }
}

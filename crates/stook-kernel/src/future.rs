//! The state of one future, and whether anybody has looked at its exception.
//!
//! # [`FutureState`]
//!
//! | state     | `finish`            | `cancel`              |
//! |-----------|---------------------|-----------------------|
//! | Pending   | → Finished, `Ok`    | → Cancelled, `true`   |
//! | Cancelled | `Err(Cancelled)`    | `false`               |
//! | Finished  | `Err(Finished)`     | `false`               |
//!
//! After `Ok` and after `true` the caller schedules the callbacks; otherwise it does nothing.
//!
//! # [`Retrieval`]
//!
//! | state  | `raised` | `read` | `assign(false)` | `assign(true)`         | `take_unread`   |
//! |--------|----------|--------|-----------------|------------------------|-----------------|
//! | read   | → unread | read   | read, `Ok`      | `Err(CannotSet)`       | `false`         |
//! | unread | unread   | → read | → read, `Ok`    | `Err(CannotSet)`       | → read, `true`  |
//!
//! # Source
//! `Future.cancel`, `set_result`, `set_exception`, `result`, `exception`, `_log_traceback` and
//! `__del__` in CPython 3.11 to 3.13 `asyncio/futures.py`; `FutureObj_finalize` in
//! `Modules/_asynciomodule.c`.

/// How far a future has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum FutureState {
    /// Neither finished nor cancelled.
    #[default]
    Pending,
    /// Cancelled, for good.
    Cancelled,
    /// It has a result or an exception, for good.
    Finished,
}

impl FutureState {
    /// Whether it can change no more.
    pub const fn is_done(self) -> bool {
        !matches!(self, Self::Pending)
    }

    /// Records that the future got its result or its exception.
    ///
    /// # Errors
    /// The future is done already; the error says how it ended. Nothing changes.
    pub const fn finish(&mut self) -> Result<(), InvalidState> {
        match self {
            Self::Pending => {
                *self = Self::Finished;
                Ok(())
            }
            Self::Cancelled => Err(InvalidState::Cancelled),
            Self::Finished => Err(InvalidState::Finished),
        }
    }

    /// Cancels the future; `false` when it is done already and nothing changes.
    #[must_use]
    pub const fn cancel(&mut self) -> bool {
        if self.is_done() {
            return false;
        }
        *self = Self::Cancelled;
        true
    }

    /// The word CPython uses for this state in `_state` and in a future's `repr`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Cancelled => "CANCELLED",
            Self::Finished => "FINISHED",
        }
    }
}

/// Why [`FutureState::finish`] was refused: what the future is already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidState {
    /// It was cancelled.
    Cancelled,
    /// It has a result or an exception.
    Finished,
}

/// The mark of an exception that nobody has read.
///
/// A future dropped with this mark set is reported as "exception was never retrieved".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retrieval {
    /// An exception was set and has not been read since; what `_log_traceback` reports.
    unread: bool,
}

impl Retrieval {
    /// A mark that is not set: there is no exception yet.
    pub const fn new() -> Self {
        Self { unread: false }
    }

    /// Records that the future got an exception.
    ///
    /// Asyncio does this after it has scheduled the callbacks, not before.
    pub const fn raised(&mut self) {
        self.unread = true;
    }

    /// Records that somebody took notice of the future.
    ///
    /// That is: read the result or the exception of a *finished* future (a read refused because it
    /// is pending or cancelled is none), or called `cancel()`, in any state and even in vain.
    pub const fn read(&mut self) {
        self.unread = false;
    }

    /// Clears the mark on demand: the user's `_log_traceback = False`.
    ///
    /// # Errors
    /// `value` is true: only an exception sets the mark. Nothing changes.
    pub const fn assign(&mut self, value: bool) -> Result<(), MarkRefused> {
        if value {
            return Err(MarkRefused::CannotSet);
        }
        self.unread = false;
        Ok(())
    }

    /// Whether an exception waits to be read.
    pub const fn is_unread(self) -> bool {
        self.unread
    }

    /// Clears the mark and says whether it was set: the finaliser reports an exception once.
    #[must_use]
    pub const fn take_unread(&mut self) -> bool {
        let unread = self.unread;
        self.unread = false;
        unread
    }
}

/// Why [`Retrieval::assign`] was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarkRefused {
    /// The mark can only be cleared.
    CannotSet,
}

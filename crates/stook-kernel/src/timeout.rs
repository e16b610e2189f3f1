//! One timeout: when its cancel request is taken back, and when it becomes a timeout error.
//!
//! States are asyncio's own, and all there is; the timer, the deadline and the task are the face's.
//!
//! | event                 | Created      | Active         | Expiring          | Expired      | Finished     |
//! |-----------------------|--------------|----------------|-------------------|--------------|--------------|
//! | `enter(Once)`         | → Active     | refused        | refused           | refused      | refused      |
//! | `enter(Unchecked)`    | → Active     | Active         | → Active          | → Active     | → Active     |
//! | `reschedule`          | `NotEntered` | `Ok`           | `CannotChange`    | `CannotChange` | `CannotChange` |
//! | `expire`              | refused      | → Expiring     | refused           | refused      | refused      |
//! | `exit`                | refused      | → Finished, `Nothing` | → Expired, `Uncancel` | refused | refused   |
//! | `uncancelled`         | `Nothing`    | `Nothing`      | `Nothing`         | see below    | `Nothing`    |
//!
//! "Refused" changes nothing. `uncancelled` changes nothing either; in Expired, with `left` requests
//! left and `entry` requests when the block was entered, it answers
//!
//! | rule           | requests         | body                             | answer         |
//! |----------------|------------------|----------------------------------|----------------|
//! | `NoneLeft`     | `left` = 0       | Cancelled                        | `RaiseTimeout` |
//! | `NoneNew`      | `left` ≤ `entry` | Cancelled                        | `RaiseTimeout` |
//! | `NoneNewOrDerived` | `left` ≤ `entry` | Cancelled, CancelledSubclass | `RaiseTimeout` |
//! | `NoneNewOrDerived` | `left` ≤ `entry` | Raised                       | `MarkContexts` |
//! | any            | otherwise        | any                              | `Nothing`      |
//!
//! The machine's state changes with the event. CPython's becomes visible at other times, which
//! matters where the face calls the user's code in between: `enter` before the current task is
//! looked up in 3.11.2, after it from 3.11.7 on; `expire` after the task was asked to cancel; `exit`
//! before `uncancel()`.
//!
//! # Source
//! `Timeout` in CPython 3.11.2, 3.11.7, 3.12.1 and 3.13.0 `asyncio/timeouts.py`.

use crate::block::{BodyEnd, EnterRefused};

/// How far a timeout is.
///
/// # Source
/// `_State` in CPython 3.13 `asyncio/timeouts.py`; the names here are its values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TimeoutPhase {
    /// Not entered.
    #[default]
    Created,
    /// Entered, and its time has not come.
    Active,
    /// Its time has come: the task was asked to cancel and has not left the block.
    Expiring,
    /// Its time had come when the block was left.
    Expired,
    /// The block was left in time.
    Finished,
}

impl TimeoutPhase {
    /// The word CPython uses for this phase in a timeout's `repr` and in its errors.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Active => "active",
            Self::Expiring => "expiring",
            Self::Expired => "expired",
            Self::Finished => "finished",
        }
    }
}

/// One timeout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timeout {
    phase: TimeoutPhase,
}

impl Timeout {
    /// A timeout that was not entered.
    pub const fn new() -> Self {
        Self::from_phase(TimeoutPhase::Created)
    }

    /// A timeout that is so far.
    pub const fn from_phase(phase: TimeoutPhase) -> Self {
        Self { phase }
    }

    /// How far it is.
    pub const fn phase(&self) -> TimeoutPhase {
        self.phase
    }

    /// Enters the block. The timer is set afterwards, by way of [`reschedule`](Self::reschedule).
    ///
    /// # Errors
    /// The rule is [`EnterRule::Once`], and it was entered before. Nothing changes.
    pub const fn enter(&mut self, rule: EnterRule) -> Result<(), EnterRefused> {
        match (rule, self.phase) {
            (EnterRule::Once, TimeoutPhase::Created) | (EnterRule::Unchecked, _) => {
                self.phase = TimeoutPhase::Active;
                Ok(())
            }
            (EnterRule::Once, _) => Err(EnterRefused),
        }
    }

    /// Whether the deadline can be moved now: stop the timer, if there is one, and set another.
    ///
    /// # Errors
    /// The block was not entered, or the time has come, or the block was left.
    pub const fn reschedule(&self) -> Result<(), RescheduleRefused> {
        match self.phase {
            TimeoutPhase::Active => Ok(()),
            TimeoutPhase::Created => Err(RescheduleRefused::NotEntered),
            phase => Err(RescheduleRefused::CannotChange(phase)),
        }
    }

    /// Records that the time has come. The caller asks the task to cancel.
    ///
    /// # Errors
    /// It is not active (asyncio asserts that it is): nobody is asked, and nothing changes.
    pub const fn expire(&mut self) -> Result<(), OutOfPhase> {
        match self.phase {
            TimeoutPhase::Active => {
                self.phase = TimeoutPhase::Expiring;
                Ok(())
            }
            _ => Err(OutOfPhase),
        }
    }

    /// Records that the block is left. The caller stops the timer, if there is one, before it does
    /// what is returned.
    ///
    /// # Errors
    /// It is neither active nor expiring (asyncio asserts that it is one of them). Nothing changes.
    pub const fn exit(&mut self) -> Result<TimeoutExit, OutOfPhase> {
        match self.phase {
            TimeoutPhase::Active => {
                self.phase = TimeoutPhase::Finished;
                Ok(TimeoutExit::Nothing)
            }
            TimeoutPhase::Expiring => {
                self.phase = TimeoutPhase::Expired;
                Ok(TimeoutExit::Uncancel)
            }
            _ => Err(OutOfPhase),
        }
    }

    /// Says what becomes of the body's exception, once the request is taken back.
    ///
    /// `left` is how many requests of the task are left, `at_entry` how many it had when the block
    /// was entered; [`ConvertRule::NoneLeft`] does not look at the latter.
    pub const fn uncancelled(
        &self,
        left: u32,
        at_entry: u32,
        body: BodyEnd,
        rule: ConvertRule,
    ) -> TimeoutEnd {
        let ours = match rule {
            ConvertRule::NoneLeft => left == 0,
            ConvertRule::NoneNew | ConvertRule::NoneNewOrDerived => left <= at_entry,
        };
        if !ours || !matches!(self.phase, TimeoutPhase::Expired) {
            return TimeoutEnd::Nothing;
        }
        match (body, rule) {
            (BodyEnd::Cancelled, _)
            | (BodyEnd::CancelledSubclass, ConvertRule::NoneNewOrDerived) => {
                TimeoutEnd::RaiseTimeout
            }
            (BodyEnd::Raised, ConvertRule::NoneNewOrDerived) => TimeoutEnd::MarkContexts,
            _ => TimeoutEnd::Nothing,
        }
    }

    /// Whether its time came while the body ran; what `expired()` reports.
    pub const fn is_expired(&self) -> bool {
        matches!(self.phase, TimeoutPhase::Expiring | TimeoutPhase::Expired)
    }
}

/// What the caller of [`Timeout::exit`] has to do.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeoutExit {
    /// Nothing.
    Nothing,
    /// Take one request of the task back, and go on with [`Timeout::uncancelled`].
    Uncancel,
}

/// What the caller of [`Timeout::uncancelled`] has to do.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeoutEnd {
    /// Nothing: the body's exception, if any, goes on.
    Nothing,
    /// Raise a timeout error in the place of the body's cancellation error; from 3.11.7 on, with
    /// that as its cause.
    RaiseTimeout,
    /// The body's exception goes on. In the chain of its contexts, put a timeout error before the
    /// first cancellation error; if it is a group, in the chains of its members, too.
    MarkContexts,
}

/// Whether a timeout can be entered again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnterRule {
    /// It can, at any time, and begins anew: CPython 3.11.2.
    Unchecked,
    /// It cannot: CPython 3.11.7, 3.12 and 3.13.
    Once,
}

/// Which cancellation is the timeout's own and becomes a timeout error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConvertRule {
    /// The cancellation error itself, if no request is left: CPython 3.11.2.
    NoneLeft,
    /// The cancellation error itself, if no request came since the block was entered: CPython
    /// 3.11.7 and 3.12.
    NoneNew,
    /// As [`NoneNew`](Self::NoneNew), but derived cancellation errors, too; and other exceptions
    /// are told of the timeout: CPython 3.13.
    NoneNewOrDerived,
}

/// Why [`Timeout::reschedule`] was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RescheduleRefused {
    /// The block was not entered. CPython 3.11.2 asserts that it was, later versions have an error
    /// for it.
    NotEntered,
    /// The time has come, or the block was left.
    CannotChange(TimeoutPhase),
}

/// Why [`Timeout::expire`] or [`Timeout::exit`] was refused: an assertion of asyncio's fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfPhase;

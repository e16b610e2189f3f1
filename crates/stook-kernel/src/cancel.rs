//! Cancellation requests of one task.
//!
//! A request is counted, then either handed to whatever the task awaits or kept until its next
//! step. The machine never calls the awaited object: it says what to do and is told how it went.
//!
//! States are the two fields: how many requests stand (`n`), and whether one is due, that is, kept
//! for the next step.
//!
//! | event                          | not due                   | due                             |
//! |--------------------------------|---------------------------|---------------------------------|
//! | `request(waiting: false)`      | n+1, due, `AtNextStep`    | n+1, due, `AtNextStep`          |
//! | `request(waiting: true)`       | n+1, `ForwardToAwaited`   | n+1, due, `ForwardToAwaited`    |
//! | `request_again(k)`             | n+k                       | n+k, due                        |
//! | `forward_refused`              | due                       | due                             |
//! | `take_due` (a step begins)     | `false`                   | not due, `true`                 |
//! | `suspended` (a step awaits)    | `Wait`                    | due, `ForwardDue`               |
//! | `due_accepted`                 | not due                   | not due                         |
//! | `returned` (a step returns)    | `Returned`                | not due, `Cancelled`            |
//! | `withdraw(KeepDue)`, n > 0     | n-1                       | n-1, due                        |
//! | `withdraw(ClearDueAtZero)`, n = 1 | 0                      | 0, not due                      |
//! | `withdraw(ClearDueAtZero)`, n > 1 | n-1                    | n-1, due                        |
//! | `withdraw`, n = 0              | 0                         | 0, due                          |
//!
//! A forwarded request that the awaited object accepts needs no report: nothing changes. In
//! particular an older request stays due, and strikes at the next step even if the awaited object
//! then swallows its own cancellation.
//!
//! A done task is asked for nothing: the face looks at its [`FutureState`](crate::FutureState)
//! first, and refuses without counting.
//!
//! # Source
//! `Task.cancel`, `uncancel`, `cancelling`, `__step`, and (3.12 on)
//! `__step_run_and_handle_result` in CPython 3.11 to 3.13 `asyncio/tasks.py`.

use crate::outcome::Outcome;

/// The cancellation requests one task has received and not yet taken back.
///
/// # Source
/// `_num_cancels_requested` and `_must_cancel` of `Task` in CPython 3.13 `asyncio/tasks.py`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CancelRequests {
    /// Requests received minus requests taken back; what `cancelling()` reports.
    pending: u32,
    /// The next step must raise the cancellation instead of resuming.
    due: bool,
}

impl CancelRequests {
    /// No request yet.
    pub const fn new() -> Self {
        Self {
            pending: 0,
            due: false,
        }
    }

    /// Counts one request and says where it goes.
    ///
    /// `waiting` is whether the task is suspended on an object that can itself be cancelled.
    pub const fn request(&mut self, waiting: bool) -> Requested {
        self.pending = self.pending.saturating_add(1);
        if waiting {
            return Requested::ForwardToAwaited;
        }
        self.due = true;
        Requested::AtNextStep
    }

    /// Counts `times` requests at once, which go on as one before them did.
    ///
    /// Of each of them is known what became of it: it was accepted, as `request(true)` without a
    /// report, or else a single [`forward_refused`](Self::forward_refused) tells of them all.
    pub const fn request_again(&mut self, times: u32) {
        self.pending = self.pending.saturating_add(times);
    }

    /// Records that the awaited object refused a forwarded request.
    pub const fn forward_refused(&mut self) {
        self.due = true;
    }

    /// Begins a step and says whether it has to raise the cancellation.
    ///
    /// A step that was going to raise a cancellation anyway (the awaited object's) raises that one,
    /// but takes the due request with it.
    #[must_use]
    pub const fn take_due(&mut self) -> bool {
        let due = self.due;
        self.due = false;
        due
    }

    /// Records that a step ended by awaiting a cancellable object.
    ///
    /// The request may have become due during that very step: a task that cancels itself and then
    /// awaits.
    pub const fn suspended(&self) -> Suspended {
        if self.due {
            Suspended::ForwardDue
        } else {
            Suspended::Wait
        }
    }

    /// Records that the awaited object accepted the due request of [`Suspended::ForwardDue`].
    pub const fn due_accepted(&mut self) {
        self.due = false;
    }

    /// Records that a step ended by returning, and says how the task has ended.
    ///
    /// A task that was asked to cancel during its last step counts as cancelled: its result is
    /// dropped. One that ends with an exception keeps it; nothing has to be asked then.
    #[must_use]
    pub const fn returned(&mut self) -> Outcome {
        if self.take_due() {
            Outcome::Cancelled
        } else {
            Outcome::Returned
        }
    }

    /// Takes one request back and returns how many are left; with none left, changes nothing.
    pub const fn withdraw(&mut self, rule: WithdrawRule) -> u32 {
        if self.pending > 0 {
            self.pending -= 1;
            if self.pending == 0 && matches!(rule, WithdrawRule::ClearDueAtZero) {
                self.due = false;
            }
        }
        self.pending
    }

    /// Requests received minus requests taken back; what `cancelling()` reports.
    pub const fn pending(&self) -> u32 {
        self.pending
    }

    /// Whether the next step will raise the cancellation; what `_must_cancel` reports.
    pub const fn is_due(&self) -> bool {
        self.due
    }
}

/// What the caller of [`CancelRequests::request`] has to do.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requested {
    /// Nothing now: the next step raises it. Keep the request's message for that.
    AtNextStep,
    /// Cancel the awaited object; if it refuses, call [`CancelRequests::forward_refused`] and keep
    /// the message. If it accepts, there is nothing to report.
    ForwardToAwaited,
}

/// What the caller of [`CancelRequests::suspended`] has to do.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suspended {
    /// Wait for the awaited object.
    Wait,
    /// Cancel the awaited object at once; if it accepts, call [`CancelRequests::due_accepted`]. If
    /// it refuses, there is nothing to report: the request stays due.
    ForwardDue,
}

/// What taking back the last request does to one that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithdrawRule {
    /// It stays due, and is raised though no request stands: CPython 3.11 and 3.12.
    KeepDue,
    /// It is forgotten: CPython 3.13.
    ClearDueAtZero,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_past_the_largest_number_are_not_lost_to_zero() {
        let mut requests = CancelRequests {
            pending: u32::MAX,
            due: false,
        };
        assert_eq!(requests.request(false), Requested::AtNextStep);
        assert_eq!(
            requests,
            CancelRequests {
                pending: u32::MAX,
                due: true
            }
        );
    }
}

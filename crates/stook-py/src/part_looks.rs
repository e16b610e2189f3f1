//! When a loop that has something to do is looked at for tasks that can never go on.
//!
//! Rarely: after half a second of a run, and then in growing intervals, that the looks take a
//! hundredth of the time at the most; and not again while nothing has run.

use std::cell::Cell;

/// From the beginning of a run to its first look, and the longest time between two, in seconds.
const FIRST: f64 = 0.5;
const LONGEST: f64 = 60.0;
/// How long what was found is waited for until it is looked at again, in seconds.
const CONFIRMING: f64 = 1.0;
/// So many times as long as a look has taken there is none.
const REST: f64 = 100.0;
/// So many looks are made while nothing runs: what the first one finds, another one has to.
const UNCHANGED: u32 = 3;

/// The looks at a loop in one run.
#[derive(Debug, Default)]
pub(crate) struct PartLooks {
    /// When the next look is due; 0 before the first wait.
    next: Cell<f64>,
    interval: Cell<f64>,
    /// How many looks there were since something ran.
    unchanged: Cell<u32>,
}

impl PartLooks {
    /// A run begins.
    pub(crate) fn begin(&self) {
        self.next.set(0.0);
        self.interval.set(FIRST);
        self.unchanged.set(0);
    }

    /// Something runs.
    #[inline]
    pub(crate) fn ran(&self) {
        self.unchanged.set(0);
    }

    /// In how many seconds a loop is to be looked at that is about to wait; 0 for now.
    pub(crate) fn until_look(&self, now: f64) -> Option<f64> {
        if self.next.get() == 0.0 {
            self.next.set(now + self.interval.get());
        }
        (self.unchanged.get() < UNCHANGED).then(|| (self.next.get() - now).max(0.0))
    }

    /// The loop was looked at, which has taken from `began` until `now`; what was found `is_new`.
    pub(crate) fn looked(&self, began: f64, now: f64, is_new: bool) {
        self.unchanged.set(self.unchanged.get() + 1);
        let interval = (self.interval.get() * 2.0).min(LONGEST);
        let rest = (now - began) * REST;
        if is_new {
            self.next.set(now + CONFIRMING.max(rest));
        } else {
            self.interval.set(interval);
            self.next.set(now + interval.max(rest));
        }
    }
}

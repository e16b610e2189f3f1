//! Whether it pays to look for something before one sleeps, how, and how long.
//!
//! Where a processor has nothing else to do, waking a thread that sleeps on it takes some 30 µs, and
//! who looks is quicker; where others want the processor, who looks is in their way. Nobody says
//! which it is, so it is tried: each way some times, and then the quickest, with a trial of another
//! now and then.

use std::hint;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::thread;

use crate::clock;

/// A way to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Without a look.
    Sleep,
    /// Looking all the time.
    Spin,
    /// Looking, and letting others go first.
    Yield,
}

const WAYS: [Way; 3] = [Way::Spin, Way::Yield, Way::Sleep];

/// A way that several threads see.
#[derive(Debug)]
pub(crate) struct AtomicWay(AtomicUsize);

impl Default for AtomicWay {
    /// The first one that is tried.
    fn default() -> Self {
        AtomicWay(AtomicUsize::new(0))
    }
}

impl AtomicWay {
    /// The way; with a single processor there is nobody to look for.
    pub(crate) fn get(&self) -> Way {
        static IS_ALONE: OnceLock<bool> = OnceLock::new();
        let is_alone = || thread::available_parallelism().is_ok_and(|all| all.get() == 1);
        if *IS_ALONE.get_or_init(is_alone) {
            return Way::Sleep;
        }
        WAYS[self.0.load(Ordering::Relaxed) % WAYS.len()]
    }

    /// Sets it.
    pub(crate) fn set(&self, way: Way) {
        let place = WAYS.iter().position(|other| *other == way);
        self.0.store(place.unwrap_or(0), Ordering::Relaxed);
    }
}

/// So many waits are one trial of a way.
const WAITS: u32 = 16;
/// One trial in so many is of another way than the best.
const TRIALS: u32 = 32;
/// A wait that took longer, in seconds, tells no more about ways.
const LONGEST: f64 = 1e-3;

/// Which way is the quickest.
#[derive(Debug)]
pub(crate) struct Ways {
    /// Seconds that a wait took in the last trial of each way; none before its first.
    average: [Option<f64>; WAYS.len()],
    trial: usize,
    waits: u32,
    seconds: f64,
    best: usize,
    trials: u32,
    /// The last one that was tried though it was not the best.
    other: usize,
}

impl Default for Ways {
    fn default() -> Self {
        Ways {
            average: [None; WAYS.len()],
            trial: 0,
            waits: 0,
            seconds: 0.0,
            best: 0,
            trials: 0,
            other: 0,
        }
    }
}

impl Ways {
    /// A wait, in the way that was said last, took so many seconds. Which way is next.
    pub(crate) fn learn(&mut self, seconds: f64) -> Way {
        self.waits += 1;
        self.seconds += seconds.min(LONGEST);
        if self.waits == WAITS || self.is_worse() {
            self.end_trial();
        }
        WAYS[self.trial]
    }

    /// Whether this trial need not go on: it took longer than a whole one of the best way.
    fn is_worse(&self) -> bool {
        self.trial != self.best
            && self.average[self.best].is_some_and(|best| self.seconds > best * f64::from(WAITS))
    }

    fn end_trial(&mut self) {
        self.average[self.trial] = Some(self.seconds / f64::from(self.waits));
        (self.waits, self.seconds) = (0, 0.0);
        self.trials = self.trials.wrapping_add(1);
        let known = |way: &usize| self.average[*way].unwrap_or(f64::INFINITY);
        self.best = (0..WAYS.len())
            .min_by(|one, other| known(one).total_cmp(&known(other)))
            .unwrap_or(0);
        self.trial = match self.average.iter().position(Option::is_none) {
            Some(untried) => untried,
            None if self.trials % TRIALS == 0 => self.another(),
            None => self.best,
        };
    }

    /// In turn, one that is not the best.
    fn another(&mut self) -> usize {
        self.other = (self.other + 1) % WAYS.len();
        if self.other == self.best {
            self.other = (self.other + 1) % WAYS.len();
        }
        self.other
    }
}

/// How long is looked at first, and where looking did not pay when it is tried again.
const FIRST: u32 = 20_000;
/// The longest look, in nanoseconds.
const MOST: u32 = 50_000;
/// A shorter look is none.
const LEAST: u32 = 1_000;
/// Where nothing comes in time, one wait in so many looks again.
const LOOKED_AGAIN: u32 = 64;

/// How long it pays to look.
#[derive(Debug)]
pub(crate) struct Patience {
    nanoseconds: AtomicU32,
    passed_over: AtomicU32,
}

impl Default for Patience {
    fn default() -> Self {
        Patience {
            nanoseconds: AtomicU32::new(FIRST),
            passed_over: AtomicU32::new(0),
        }
    }
}

impl Patience {
    /// How many nanoseconds to look now.
    fn now(&self) -> Option<u32> {
        let nanoseconds = self.nanoseconds.load(Ordering::Relaxed);
        if nanoseconds >= LEAST {
            return Some(nanoseconds);
        }
        let passed_over = self.passed_over.fetch_add(1, Ordering::Relaxed);
        (passed_over.wrapping_add(1) % LOOKED_AGAIN == 0).then_some(FIRST)
    }

    /// A look found something, or nothing.
    fn learn(&self, found: bool) {
        let nanoseconds = self.nanoseconds.load(Ordering::Relaxed);
        let next = if found {
            nanoseconds.max(FIRST).saturating_mul(2).min(MOST)
        } else {
            nanoseconds / 2
        };
        self.nanoseconds.store(next, Ordering::Relaxed);
    }

    /// Looks as long as it pays; whether it came.
    pub(crate) fn look(&self, way: Way, is_there: impl FnMut() -> bool) -> bool {
        if way == Way::Sleep {
            return false;
        }
        let Some(nanoseconds) = self.now() else {
            return false;
        };
        let found = look(way, nanoseconds, is_there);
        self.learn(found);
        found
    }
}

/// Looks for something so many nanoseconds; whether it came.
pub(crate) fn look(way: Way, nanoseconds: u32, mut is_there: impl FnMut() -> bool) -> bool {
    let end = clock::monotonic_seconds() + f64::from(nanoseconds) / 1e9;
    loop {
        for _ in 0..8 {
            if is_there() {
                return true;
            }
            hint::spin_loop();
        }
        if way == Way::Yield {
            thread::yield_now();
        }
        if clock::monotonic_seconds() >= end {
            return false;
        }
    }
}

//! The pulse of a loop, and a watch over pulses that needs no interpreter.
//!
//! A loop counts the callbacks that it begins, and says when it rests. A thread that watches looks at
//! that from time to time: where one callback goes on for too long, it wakes up.
//!
//! Time in which the watch itself did not run counts little: then the process was stopped, or the
//! machine has too much to do.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock;

/// No callback is too long.
const ENDLESS: u64 = u64::MAX;
/// How often a callback is looked at before it is too long.
const LOOKS: u32 = 4;
/// The shortest and the longest time from one look to the next.
const SHORTEST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_secs(1);

/// What a loop tells of itself.
#[derive(Debug)]
pub(crate) struct Pulse {
    /// How many callbacks have begun.
    begun: AtomicU64,
    /// No callback runs: the loop waits for events, or is about to.
    rests: AtomicBool,
    /// A thread runs it.
    runs: AtomicBool,
    is_closed: AtomicBool,
    /// How long a callback may take, in nanoseconds.
    patience: AtomicU64,
}

impl Default for Pulse {
    fn default() -> Self {
        Pulse {
            begun: AtomicU64::new(0),
            rests: AtomicBool::new(true),
            runs: AtomicBool::new(false),
            is_closed: AtomicBool::new(false),
            patience: AtomicU64::new(ENDLESS),
        }
    }
}

impl Pulse {
    /// A callback begins.
    #[inline]
    pub(crate) fn begin(&self) {
        // Nobody else counts.
        let begun = self.begun.load(Ordering::Relaxed);
        self.begun.store(begun.wrapping_add(1), Ordering::Release);
    }

    /// The loop looks for events, or goes on after it has.
    pub(crate) fn rest(&self, rests: bool) {
        self.rests.store(rests, Ordering::Release);
    }

    /// Whether a thread runs the loop.
    pub(crate) fn runs(&self) -> bool {
        self.runs.load(Ordering::Acquire)
    }

    /// Whether no callback runs.
    pub(crate) fn rests(&self) -> bool {
        self.rests.load(Ordering::Acquire) || !self.runs()
    }

    /// How many callbacks have begun.
    pub(crate) fn begun(&self) -> u64 {
        self.begun.load(Ordering::Acquire)
    }

    fn patience(&self) -> Option<Duration> {
        match self.patience.load(Ordering::Acquire) {
            ENDLESS => None,
            nanoseconds => Some(Duration::from_nanos(nanoseconds)),
        }
    }
}

/// A pulse, and who watches it.
#[derive(Debug)]
pub(crate) struct Beat {
    /// The pulse.
    pub(crate) pulse: Arc<Pulse>,
    watch: Arc<Watch>,
}

impl Beat {
    /// The loop is run from now on, or not any more.
    pub(crate) fn run(&self, runs: bool) {
        self.pulse.rest(true);
        if self.pulse.runs.swap(runs, Ordering::AcqRel) != runs && runs {
            self.watch.wake();
        }
    }

    /// How long a callback may take; `None` for as long as it likes.
    pub(crate) fn set_patience(&self, patience: Option<Duration>) {
        let nanoseconds = patience.map_or(ENDLESS, |patience| {
            u64::try_from(patience.as_nanos()).unwrap_or(ENDLESS)
        });
        if self.pulse.patience.swap(nanoseconds, Ordering::AcqRel) != nanoseconds {
            self.watch.wake();
        }
    }

    /// The loop is closed.
    pub(crate) fn close(&self) {
        if !self.pulse.is_closed.swap(true, Ordering::AcqRel) {
            self.watch.wake();
        }
    }
}

impl Drop for Beat {
    fn drop(&mut self) {
        self.close();
    }
}

/// A callback that goes on for too long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slow {
    /// The number of its loop's pulse.
    pub(crate) number: u64,
    /// Its own number, as its loop counts.
    pub(crate) begun: u64,
    /// For how long it was seen to run.
    pub(crate) time: Duration,
}

/// A pulse as it was when it was last looked at.
#[derive(Debug)]
struct Watched {
    number: u64,
    pulse: Arc<Pulse>,
    begun: u64,
    time: Duration,
    is_told: bool,
}

impl Watched {
    /// Looks at the pulse, `passed` after the last look; when to look again.
    fn look(&mut self, passed: Duration) -> Option<Duration> {
        let patience = self.pulse.patience()?;
        if !self.pulse.runs() {
            return None;
        }
        let interval = (patience / LOOKS).clamp(SHORTEST, LONGEST);
        let begun = self.pulse.begun();
        if self.pulse.rests() || begun != self.begun {
            self.begun = begun;
            self.time = Duration::ZERO;
            self.is_told = false;
        } else {
            self.time += passed.min(interval * 2);
        }
        Some(interval)
    }

    /// The callback that goes on for too long, once.
    fn slow(&mut self) -> Option<Slow> {
        let patience = self.pulse.patience()?;
        if self.is_told || self.time < patience {
            return None;
        }
        self.is_told = true;
        Some(Slow {
            number: self.number,
            begun: self.begun,
            time: self.time,
        })
    }
}

#[derive(Debug, Default)]
struct Watching {
    pulses: Vec<Watched>,
    numbers: u64,
    /// When the pulses were last looked at, in seconds of the clock.
    looked: f64,
    is_stopping: bool,
    /// Who waits is to come back once.
    is_called: bool,
    /// There was no pulse any more: nobody watches here again.
    has_ended: bool,
}

/// A watch over the pulses of loops.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    watching: Mutex<Watching>,
    changed: Condvar,
}

/// Why a watch wakes up.
#[derive(Debug)]
pub(crate) enum Woken {
    /// A callback goes on for too long.
    Slow(Slow),
    /// The time is over.
    Time,
    /// Nothing is to be watched any more, or for now.
    Ended,
}

impl Watch {
    /// Ends the wait of who watches, who may be about to wait.
    fn wake(&self) {
        drop(self.lock());
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Watching> {
        self.watching.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Watches another loop; the number of its pulse, or `None` where the watch has ended.
    pub(crate) fn add(self: &Arc<Self>) -> Option<(u64, Beat)> {
        let mut watching = self.lock();
        if watching.has_ended {
            return None;
        }
        watching.numbers += 1;
        let number = watching.numbers;
        let pulse = Arc::new(Pulse::default());
        watching.pulses.push(Watched {
            number,
            pulse: pulse.clone(),
            begun: 0,
            time: Duration::ZERO,
            is_told: false,
        });
        drop(watching);
        let watch = self.clone();
        Some((number, Beat { pulse, watch }))
    }

    /// The pulse of this number, unless its loop is closed.
    pub(crate) fn pulse(&self, number: u64) -> Option<Arc<Pulse>> {
        let watching = self.lock();
        let mut pulses = watching.pulses.iter();
        let watched = pulses.find(|watched| watched.number == number)?;
        Some(watched.pulse.clone())
    }

    /// Has who waits come back for good, or only once; whether there is anything to be watched.
    pub(crate) fn stop(&self, is_stopping: bool) -> bool {
        let mut watching = self.lock();
        watching.is_stopping = is_stopping;
        watching.is_called = !is_stopping;
        let is_any = !watching.pulses.is_empty();
        drop(watching);
        self.changed.notify_all();
        is_any
    }

    /// Waits until a callback goes on for too long; for so long at the most, if something `is_due`
    /// then, else for as long again.
    pub(crate) fn wait(&self, most: Option<Duration>, is_due: impl Fn() -> bool) -> Woken {
        let mut began = clock::monotonic_seconds();
        let mut watching = self.lock();
        watching.looked = began;
        loop {
            watching
                .pulses
                .retain(|watched| !watched.pulse.is_closed.load(Ordering::Acquire));
            if watching.is_stopping {
                return Woken::Ended;
            }
            if watching.pulses.is_empty() {
                watching.has_ended = true;
                return Woken::Ended;
            }
            if std::mem::take(&mut watching.is_called) {
                return Woken::Time;
            }
            let now = clock::monotonic_seconds();
            let passed = seconds(now - watching.looked);
            watching.looked = now;
            let mut next = None;
            for watched in &mut watching.pulses {
                let again = watched.look(passed);
                if let Some(slow) = watched.slow() {
                    return Woken::Slow(slow);
                }
                next = earlier(next, again);
            }
            if let Some(most) = most {
                let mut left = most.saturating_sub(seconds(now - began));
                if left.is_zero() {
                    if is_due() {
                        return Woken::Time;
                    }
                    (began, left) = (now, most);
                }
                next = earlier(next, Some(left));
            }
            watching = match next {
                Some(next) => {
                    let waited = self.changed.wait_timeout(watching, next);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => {
                    let waited = self.changed.wait(watching);
                    waited.unwrap_or_else(PoisonError::into_inner)
                }
            };
        }
    }
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::ZERO)
}

fn earlier(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    one.into_iter().chain(other).min()
}

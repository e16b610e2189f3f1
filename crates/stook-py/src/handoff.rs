//! Handing a job to a thread and its result back without a sleep on either side, where that pays.
//!
//! Waking a thread that sleeps may take longer than most jobs of an executor. So the loop's thread,
//! while its executor has jobs, and a thread of the executor that has done one, may look for what is to
//! come for some microseconds before they sleep; `looking.rs` knows whether that pays. Neither has the
//! interpreter meanwhile, and neither wants it before the other has let go of it: waiting for the
//! interpreter is a sleep too.
//!
//! Everything here is advice about time. What is handed over is in a queue and in the loop, which do
//! without it.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::clock;
use crate::looking::{self, AtomicWay, Patience, Way, Ways};

/// How long who was woken lets the other go on to where it lets go of the interpreter, in nanoseconds.
const SETTLING: u32 = 20_000;

/// The loop's thread does not wait.
const AWAKE: u8 = 0;
/// It waits, and looks.
const LOOKING: u8 = 1;
/// It waits, and was told to go on while it looked.
const WOKEN: u8 = 2;

/// What the two sides see of each other.
#[derive(Debug)]
pub(crate) struct Handoff {
    /// Jobs that nobody has taken.
    offered: AtomicU32,
    /// Threads that have taken one and have not come back.
    busy: AtomicU32,
    /// The loop's thread waits, and has let go of the interpreter.
    waits: AtomicBool,
    state: AtomicU8,
    /// The thread that told the loop to go on has the interpreter still.
    settles: AtomicBool,
    /// A thread of the executor told the loop to go on.
    was_result: AtomicBool,
    for_results: Patience,
    for_jobs: Patience,
    way: AtomicWay,
    /// What the loop's thread has learned; nobody else asks for it.
    learned: Mutex<Learned>,
}

/// What the waits of the loop's thread have taken.
#[derive(Debug, Default)]
struct Learned {
    ways: Ways,
    /// When the wait that goes on has begun.
    begun: Option<f64>,
}

impl Default for Handoff {
    fn default() -> Self {
        Handoff {
            offered: AtomicU32::default(),
            busy: AtomicU32::default(),
            waits: AtomicBool::default(),
            state: AtomicU8::new(AWAKE),
            settles: AtomicBool::default(),
            was_result: AtomicBool::default(),
            for_results: Patience::default(),
            for_jobs: Patience::default(),
            way: AtomicWay::default(),
            learned: Mutex::default(),
        }
    }
}

thread_local! {
    /// What this thread of an executor has not yet come back from.
    static JOB: RefCell<Option<Job>> = const { RefCell::new(None) };
}

/// A thread has taken a job; it ends when the thread comes back, or ends.
#[derive(Debug)]
struct Job {
    handoff: Arc<Handoff>,
    /// It has told the loop to go on.
    has_woken: bool,
}

impl Drop for Job {
    fn drop(&mut self) {
        self.handoff.busy.fetch_sub(1, Ordering::AcqRel);
        if self.has_woken {
            self.handoff.settles.store(false, Ordering::Release);
        }
    }
}

impl Handoff {
    /// There is a job for whoever takes it, or will be at once: whoever takes it does so later.
    pub(crate) fn offer(&self) {
        self.offered.fetch_add(1, Ordering::AcqRel);
    }

    /// A job that was offered does not come, or has been taken.
    pub(crate) fn withdraw(&self) {
        let one_less = |offered: u32| Some(offered.saturating_sub(1));
        let _ = self
            .offered
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, one_less);
    }

    /// How many jobs nobody has taken.
    pub(crate) fn offered(&self) -> u32 {
        self.offered.load(Ordering::Acquire)
    }

    /// Whether there is a job that has not ended.
    pub(crate) fn has_jobs(&self) -> bool {
        self.offered() > 0 || self.busy.load(Ordering::Acquire) > 0
    }

    /// This thread has taken a job.
    pub(crate) fn take(self: &Arc<Self>) {
        self.withdraw();
        self.busy.fetch_add(1, Ordering::AcqRel);
        let job = Job {
            handoff: self.clone(),
            has_woken: false,
        };
        // What it replaces, it drops.
        drop(JOB.replace(Some(job)));
    }

    /// Whether this thread, which is about to ask for a job, may look for it first: there is none.
    pub(crate) fn has_none(&self) -> bool {
        self.offered() == 0
    }

    /// This thread asks for a job, and has let go of the interpreter.
    pub(crate) fn look_for_job(&self) {
        drop(JOB.take());
        let way = self.way.get();
        let is_offered = self.for_jobs.look(way, || !self.has_none());
        if is_offered {
            // Who made it goes on with the interpreter, and most likely to a wait for the result.
            looking::look(way, SETTLING, || self.waits.load(Ordering::Acquire));
        }
    }

    /// The loop's thread waits, and has let go of the interpreter. Whether it may go on: it was told
    /// while it looked.
    pub(crate) fn look_for_result(&self) -> bool {
        self.waits.store(true, Ordering::Release);
        let has_jobs = !self.has_none() || self.busy.load(Ordering::Acquire) > 0;
        if !has_jobs {
            return false;
        }
        self.was_result.store(false, Ordering::Release);
        self.learned().begun = Some(clock::monotonic_seconds());
        let way = self.way.get();
        if way == Way::Sleep {
            return false;
        }
        self.state.store(LOOKING, Ordering::Release);
        let is_woken = || self.state.load(Ordering::Acquire) == WOKEN;
        let found = self.for_results.look(way, is_woken);
        // It may be told in this moment.
        let found = self.state.swap(AWAKE, Ordering::AcqRel) == WOKEN || found;
        if found {
            looking::look(way, SETTLING, || !self.settles.load(Ordering::Acquire));
        }
        found
    }

    /// The loop's thread goes on, and has the interpreter.
    pub(crate) fn went_on(&self) {
        self.waits.store(false, Ordering::Release);
        let mut learned = self.learned();
        if let Some(begun) = learned.begun.take()
            && self.was_result.load(Ordering::Acquire)
        {
            let way = learned.ways.learn(clock::monotonic_seconds() - begun);
            self.way.set(way);
        }
    }

    fn learned(&self) -> MutexGuard<'_, Learned> {
        self.learned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the loop's thread to go on, if it looks. If not, its sleep has to be ended.
    pub(crate) fn wake(&self) -> bool {
        let looks = self.state.load(Ordering::Acquire) == LOOKING;
        let is_result = JOB.with_borrow_mut(|job| match job {
            Some(job) if std::ptr::eq(&*job.handoff, self) => {
                job.has_woken |= looks;
                true
            }
            _ => false,
        });
        if is_result {
            self.was_result.store(true, Ordering::Release);
        }
        if !looks {
            return false;
        }
        if is_result {
            self.settles.store(true, Ordering::Release);
        }
        let told = self
            .state
            .compare_exchange(LOOKING, WOKEN, Ordering::AcqRel, Ordering::Acquire);
        told.is_ok()
    }
}

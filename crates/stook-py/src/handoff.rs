//! Handing a job to a thread and its result back without a sleep on either side, where that pays.
//!
//! Waking a thread that sleeps takes longer than most jobs of an executor. So the loop's thread, while
//! its executor has jobs, and a thread of the executor that has done one, look for what is to come for
//! some microseconds before they sleep: as long as it came in time before, hardly ever where it did
//! not. Neither has the interpreter meanwhile, and neither wants it before the other has let go of it:
//! waiting for the interpreter is a sleep too.
//!
//! Everything here is advice about time. What is handed over is in a queue and in the loop, which do
//! without it.

use std::cell::RefCell;
use std::hint;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};
use std::thread;

use crate::clock;

/// How long is looked at first, and where looking did not pay when it is tried again.
const FIRST: u32 = 20_000;
/// The longest look, in nanoseconds.
const MOST: u32 = 50_000;
/// A shorter look is none.
const LEAST: u32 = 1_000;
/// Where looking does not pay, one wait in so many tries it again.
const TRIED_AGAIN: u32 = 64;
/// How long who was woken lets the other go on to where it lets go of the interpreter, in nanoseconds.
const SETTLING: u32 = 20_000;

/// How long it pays to look.
#[derive(Debug)]
struct Patience {
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
        let mut nanoseconds = self.nanoseconds.load(Ordering::Relaxed);
        if nanoseconds < LEAST {
            let passed_over = self.passed_over.fetch_add(1, Ordering::Relaxed);
            if (passed_over.wrapping_add(1)) % TRIED_AGAIN != 0 {
                return None;
            }
            nanoseconds = FIRST;
        }
        Some(nanoseconds)
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

    /// Looks as long as it pays.
    fn look(&self, is_there: impl FnMut() -> bool) -> bool {
        let Some(limit) = self.now() else {
            return false;
        };
        let found = look(limit, is_there);
        self.learn(found);
        found
    }
}

/// Looks for something so many nanoseconds; whether it came.
fn look(nanoseconds: u32, mut is_there: impl FnMut() -> bool) -> bool {
    let end = clock::monotonic_seconds() + f64::from(nanoseconds) / 1e9;
    loop {
        for _ in 0..8 {
            if is_there() {
                return true;
            }
            hint::spin_loop();
        }
        if clock::monotonic_seconds() >= end {
            return false;
        }
    }
}

/// The loop's thread does not wait.
const AWAKE: u8 = 0;
/// It waits, and looks.
const LOOKING: u8 = 1;
/// It waits, and was told to go on while it looked.
const WOKEN: u8 = 2;

/// What the two sides see of each other.
#[derive(Debug)]
pub(crate) struct Handoff {
    /// There is a processor for each side.
    pays: bool,
    /// Jobs that nobody has taken.
    offered: AtomicU32,
    /// Threads that have taken one and have not come back.
    busy: AtomicU32,
    /// The loop's thread waits, and has let go of the interpreter.
    waits: AtomicBool,
    state: AtomicU8,
    /// The thread that told the loop to go on has the interpreter still.
    settles: AtomicBool,
    for_results: Patience,
    for_jobs: Patience,
}

impl Default for Handoff {
    fn default() -> Self {
        Handoff {
            pays: thread::available_parallelism().is_ok_and(|processors| processors.get() > 1),
            offered: AtomicU32::default(),
            busy: AtomicU32::default(),
            waits: AtomicBool::default(),
            state: AtomicU8::new(AWAKE),
            settles: AtomicBool::default(),
            for_results: Patience::default(),
            for_jobs: Patience::default(),
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
    /// There is a job for whoever takes it.
    pub(crate) fn offer(&self) {
        self.offered.fetch_add(1, Ordering::AcqRel);
    }

    /// This thread has taken a job.
    pub(crate) fn take(self: &Arc<Self>) {
        let one_less = |offered: u32| Some(offered.saturating_sub(1));
        let _ = self
            .offered
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, one_less);
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
        self.offered.load(Ordering::Acquire) == 0
    }

    /// This thread asks for a job, and has let go of the interpreter.
    pub(crate) fn look_for_job(&self) {
        drop(JOB.take());
        if !self.pays {
            return;
        }
        let is_offered = self.for_jobs.look(|| !self.has_none());
        if is_offered {
            // Who made it goes on with the interpreter, and most likely to a wait for the result.
            look(SETTLING, || self.waits.load(Ordering::Acquire));
        }
    }

    /// The loop's thread waits, and has let go of the interpreter. Whether it may go on: it was told
    /// while it looked.
    pub(crate) fn look_for_result(&self) -> bool {
        self.waits.store(true, Ordering::Release);
        let has_jobs = !self.has_none() || self.busy.load(Ordering::Acquire) > 0;
        if !self.pays || !has_jobs {
            return false;
        }
        self.state.store(LOOKING, Ordering::Release);
        let is_woken = || self.state.load(Ordering::Acquire) == WOKEN;
        let found = self.for_results.look(is_woken);
        // It may be told in this moment.
        let found = self.state.swap(AWAKE, Ordering::AcqRel) == WOKEN || found;
        if found {
            look(SETTLING, || !self.settles.load(Ordering::Acquire));
        }
        found
    }

    /// The loop's thread goes on.
    pub(crate) fn went_on(&self) {
        self.waits.store(false, Ordering::Release);
    }

    /// Tells the loop's thread to go on, if it looks. If not, its sleep has to be ended.
    pub(crate) fn wake(&self) -> bool {
        if self.state.load(Ordering::Acquire) != LOOKING {
            return false;
        }
        let is_job = JOB.with_borrow_mut(|job| match job {
            Some(job) if std::ptr::eq(&*job.handoff, self) => {
                job.has_woken = true;
                true
            }
            _ => false,
        });
        if is_job {
            self.settles.store(true, Ordering::Release);
        }
        let told = self
            .state
            .compare_exchange(LOOKING, WOKEN, Ordering::AcqRel, Ordering::Acquire);
        told.is_ok()
    }
}

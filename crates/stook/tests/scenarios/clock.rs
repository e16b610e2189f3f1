//! The clocks of scenarios, all virtual.
//!
//! On one thread it is tokio's paused clock, which goes on to the next timer when all wait. A runtime
//! of two threads has no such clock. There, tasks are polled with a second, paused runtime for their
//! timers; the scenario says which deadlines it sets; and when both threads have nothing to do, the
//! clock is moved to the next one.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::time::Instant;

/// The clock of one scenario.
#[derive(Debug)]
pub(crate) struct Clock {
    begun: Instant,
    /// Where tasks are spawned that have the timers of another runtime.
    split: Option<Split>,
}

#[derive(Debug)]
struct Split {
    tasks: Handle,
    timers: Handle,
    deadlines: Mutex<BTreeSet<Duration>>,
}

impl Clock {
    /// That of the current runtime.
    pub(crate) fn of_runtime() -> Self {
        Self {
            begun: Instant::now(),
            split: None,
        }
    }

    pub(crate) fn now(&self) -> Duration {
        let _entered = self.split.as_ref().map(|split| split.timers.enter());
        self.begun.elapsed()
    }

    /// The duration of something that waits from now on.
    pub(crate) fn duration(&self, seconds: f64) -> Duration {
        let duration = Duration::from_secs_f64(seconds);
        if let Some(split) = &self.split {
            split
                .deadlines
                .lock()
                .unwrap()
                .insert(self.now() + duration);
        }
        duration
    }

    /// Calls a function that spawns.
    pub(crate) fn spawning<T>(&self, function: impl FnOnce() -> T) -> T {
        let _entered = self.split.as_ref().map(|split| split.tasks.enter());
        function()
    }

    /// Polls a future with the timers of this clock.
    pub(crate) fn around<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        WithTimers {
            timers: self.split.as_ref().map(|split| split.timers.clone()),
            future: Box::pin(future),
        }
    }
}

struct WithTimers<F> {
    timers: Option<Handle>,
    future: Pin<Box<F>>,
}

impl<F: Future> Future for WithTimers<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        let _entered = this.timers.as_ref().map(Handle::enter);
        this.future.as_mut().poll(cx)
    }
}

/// A runtime with a paused clock, of one thread.
pub(crate) fn paused() -> Runtime {
    Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
}

/// A runtime of two threads, and its clock.
#[derive(Debug)]
pub(crate) struct TwoThreads {
    pub(crate) tasks: Runtime,
    timers: Runtime,
}

impl TwoThreads {
    pub(crate) fn new() -> Self {
        let mut builder = Builder::new_multi_thread();
        Self {
            tasks: builder.worker_threads(2).build().unwrap(),
            timers: paused(),
        }
    }

    pub(crate) fn clock(&self) -> Clock {
        let _entered = self.timers.enter();
        Clock {
            begun: Instant::now(),
            split: Some(Split {
                tasks: self.tasks.handle().clone(),
                timers: self.timers.handle().clone(),
                deadlines: Mutex::default(),
            }),
        }
    }

    /// Moves the clock from deadline to deadline until this is so.
    ///
    /// # Panics
    /// There is no deadline left, and it is not so.
    pub(crate) fn run_until(&self, clock: &Clock, is_over: impl Fn() -> bool) {
        let split = clock.split.as_ref().unwrap();
        loop {
            self.settle();
            if is_over() {
                return;
            }
            let next = split.deadlines.lock().unwrap().pop_first();
            let next = next.expect("the scenario hangs");
            self.timers.block_on(async {
                let ahead = next.saturating_sub(clock.now());
                tokio::time::advance(ahead).await;
                // Tokens have helpers here.
                for _ in 0..3 {
                    tokio::task::yield_now().await;
                }
            });
        }
    }

    /// Lets the tasks run until both threads have nothing to do.
    ///
    /// A thread parks only when its own queue is empty, and nobody outside wakes tasks meanwhile: when
    /// both are parked, nothing is queued, and neither has been up since, none will be again.
    fn settle(&self) {
        let metrics = self.tasks.metrics();
        let parks = || [0, 1].map(|worker| metrics.worker_park_unpark_count(worker));
        loop {
            let before = parks();
            let are_parked = before.iter().all(|count| count % 2 == 1);
            if are_parked && metrics.global_queue_depth() == 0 && parks() == before {
                return;
            }
            std::thread::yield_now();
        }
    }
}

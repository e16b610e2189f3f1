//! The runtimes that tests run on; at the end of each no task may be left.

use std::future::Future;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::task::{LocalSet, yield_now};

/// How often a race between threads is tried; seldom under Miri, which tries other orders each time.
pub(crate) const fn rounds(wanted: u64) -> u64 {
    if cfg!(miri) {
        wanted.div_ceil(1000)
    } else {
        wanted
    }
}

/// Longer than any test takes; of virtual time where the clock is paused.
const TOO_LONG: Duration = Duration::from_secs(100_000);

/// On one thread, on two, and in a `LocalSet`. On two threads the clock runs: nothing that such a
/// body waits for may come by time.
pub(crate) fn everywhere<Fut: Future<Output = ()>>(body: impl Fn() -> Fut) {
    with_paused_clock(&body);
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .unwrap();
    run(&runtime, body());
}

/// On one thread and in a `LocalSet`, with a clock that jumps to the next timer when all wait.
pub(crate) fn with_paused_clock<Fut: Future<Output = ()>>(body: impl Fn() -> Fut) {
    let runtime = paused();
    run(&runtime, body());
    let set = LocalSet::new();
    run(&paused(), set.run_until(body()));
}

/// In a `LocalSet` and on a `LocalRuntime`, for what is not `Send`.
pub(crate) fn in_local_set<Fut: Future<Output = ()>>(body: impl Fn() -> Fut) {
    let local = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build_local(tokio::runtime::LocalOptions::default())
        .unwrap();
    local.block_on(checked(body()));
    let set = LocalSet::new();
    run(&paused(), set.run_until(body()));
}

fn paused() -> Runtime {
    Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
}

fn run(runtime: &Runtime, body: impl Future<Output = ()>) {
    runtime.block_on(checked(body));
}

async fn checked(body: impl Future<Output = ()>) {
    tokio::time::timeout(TOO_LONG, body)
        .await
        .expect("the test hangs");
    // What was asked to cancel at the very end needs some steps yet, on two threads in the other.
    for _ in 0..1_000_000 {
        if stook::tree().is_empty() {
            break;
        }
        yield_now().await;
    }
    assert!(
        stook::tree().is_empty(),
        "tasks are left:\n{}",
        stook::tree()
    );
}

/// Lets all others run until they wait, on one thread.
pub(crate) async fn settle() {
    for _ in 0..20 {
        yield_now().await;
    }
}

pub(crate) fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

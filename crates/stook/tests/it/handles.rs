//! What waits for several is given handles on tasks that run already: those that are cancelled before
//! they were first looked at are waited for like the others.

use std::io;
use std::sync::{Arc, Mutex};

use stook::{Cancelled, Losers, OnError, OrCancel, Outcome, Task, TaskState};
use tokio::time::Instant;

use crate::stage::{seconds, settle, with_paused_clock};

/// Takes five seconds to clean up.
fn tidy() -> Task<u64, io::Error> {
    stook::spawn(stook::with_cleanup(
        async { std::future::pending().or_cancel().await? },
        async { tokio::time::sleep(seconds(5)).await },
    ))
}

#[test]
fn losers_that_are_tasks_have_ended_when_the_race_has() {
    with_paused_clock(|| async {
        let tasks = [stook::spawn(async { Ok(1) }), tidy()];
        settle().await;
        let begun = Instant::now();
        let race = stook::race(Losers::Cancel, tasks);
        assert_eq!(race.await.unwrap(), (0, 1));
        assert_eq!(begun.elapsed(), seconds(5));
        assert!(stook::tree().is_empty());

        let tasks = [stook::spawn(async { Ok(1) }), tidy()];
        settle().await;
        let first = stook::first_success(Losers::Cancel, tasks);
        assert_eq!(first.await.unwrap(), (0, 1));
        assert_eq!(begun.elapsed(), seconds(10));
        assert!(stook::tree().is_empty());
    });
}

#[test]
fn the_rest_of_a_gather_may_be_tasks_and_gathers() {
    with_paused_clock(|| async {
        let fails = || stook::spawn(async { Err(io::Error::other("out of paper")) });
        let tasks = [fails(), tidy()];
        settle().await;
        let begun = Instant::now();
        let gather = stook::gather_with(OnError::CancelRest, tasks);
        assert_eq!(gather.await.unwrap_err().to_string(), "out of paper");
        assert_eq!(begun.elapsed(), seconds(5));

        let gathers = [stook::gather([fails()]), stook::gather([tidy(), tidy()])];
        settle().await;
        let gather = stook::gather_with(OnError::CancelRest, gathers);
        assert_eq!(gather.await.unwrap_err().to_string(), "out of paper");
        assert_eq!(begun.elapsed(), seconds(10));
        assert!(stook::tree().is_empty());
    });
}

#[test]
fn who_waits_is_cancelled_at_once_and_the_tasks_are_waited_for() {
    with_paused_clock(|| async {
        let tasks = [tidy(), tidy()];
        let handles = [tasks[0].handle(), tasks[1].handle()];
        settle().await;
        let begun = Instant::now();
        let mut caller = stook::spawn(async {
            stook::current().unwrap().cancel_with("enough");
            stook::gather_outcomes(tasks).await
        });
        assert!(matches!(caller.join().await, Ok(Outcome::Cancelled(_))));
        assert_eq!(begun.elapsed(), seconds(5));
        for handle in handles {
            let info = handle.info();
            assert_eq!(info.state, TaskState::Cancelled);
            assert_eq!(
                (info.reason.as_deref(), info.is_orphan),
                (Some("enough"), false)
            );
            assert_eq!(handle.cancelling(), 1);
        }
    });
}

#[test]
fn what_a_wait_that_never_began_would_only_have_watched_is_not_waited_for() {
    with_paused_clock(|| async {
        let held = stook::builder().cancel_on_drop(true).spawn(async {
            let seen: Result<(), Cancelled> = std::future::pending().or_cancel().await;
            tokio::time::sleep(seconds(5)).await;
            seen
        });
        let watched = held.handle();
        settle().await;
        let racers: [futures_util::future::BoxFuture<'_, Result<u64, Cancelled>>; 2] = [
            Box::pin(async { Ok(1) }),
            Box::pin(async move {
                let _held = held;
                Ok(2)
            }),
        ];
        let begun = Instant::now();
        assert_eq!(stook::race(Losers::Cancel, racers).await.unwrap(), (0, 1));
        assert_eq!(begun.elapsed(), seconds(0));
        assert_eq!(watched.state(), TaskState::Cancelling);
        watched.done().await.unwrap();
    });
}

#[test]
fn a_runtime_that_is_shut_down_meanwhile_is_no_hindrance() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let gather = runtime.block_on(async {
        let tasks = [
            stook::spawn(async { Err(io::Error::other("first")) }),
            tidy(),
        ];
        settle().await;
        let gather = stook::gather_with(OnError::CancelRest, tasks);
        settle().await;
        assert!(!gather.is_done());
        [gather]
    });
    drop(runtime);
    assert!(gather[0].is_done());
}

#[test]
fn a_result_that_nobody_reads_is_gone_when_the_end_is_told() {
    with_paused_clock(|| async {
        let value = Arc::new(());
        let result = Arc::clone(&value);
        let counts = Arc::new(Mutex::new(Vec::new()));
        let task = stook::spawn(async { Ok::<_, Cancelled>(result) });
        let (seen, looked_at) = (Arc::clone(&counts), Arc::downgrade(&value));
        task.on_done(move |_| seen.lock().unwrap().push(looked_at.strong_count()));
        let handle = task.handle();
        drop(task);
        handle.done().await.unwrap();
        assert_eq!(*counts.lock().unwrap(), [1]);
    });
}

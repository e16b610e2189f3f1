//! Cancel points, in sub-executors and outside tasks too.

use std::future::{Future, pending, ready};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use futures_util::stream::{FuturesUnordered, StreamExt};
use stook::{Cancelled, OrCancel};
use tokio::time::Instant;

use crate::stage::{everywhere, seconds, settle, with_paused_clock};

#[test]
fn a_cancelled_operation_never_starts() {
    with_paused_clock(|| async {
        let mut task = stook::spawn(async {
            stook::current().unwrap().cancel();
            async { panic!("it has started") }.or_cancel().await
        });
        assert!(task.join().await.unwrap().is_cancelled());
    });
}

#[test]
fn what_is_ready_when_the_cancel_comes_is_returned() {
    with_paused_clock(|| async {
        let (send, receive) = tokio::sync::oneshot::channel();
        let mut task = stook::spawn(async {
            assert_eq!(receive.or_cancel().await?, Ok("result"));
            stook::checkpoint().await
        });
        settle().await;
        send.send("result").unwrap();
        task.cancel();
        assert!(
            task.join().await.unwrap().is_cancelled(),
            "at the next cancel point"
        );
    });
}

#[test]
fn points_in_a_sub_executor_are_woken() {
    everywhere(|| async {
        let mut task = stook::spawn(async {
            let mut waits: FuturesUnordered<_> =
                (0..10).map(|_| pending::<()>().or_cancel()).collect();
            let first = waits.next().await.unwrap();
            assert!(first.is_err());
            first
        });
        while task.state() == stook::TaskState::Created {
            tokio::task::yield_now().await;
        }
        task.cancel();
        assert!(task.join().await.unwrap().is_cancelled());
    });
}

#[test]
fn scopes_reach_into_sub_executors() {
    with_paused_clock(|| async {
        let end = stook::timeout(seconds(5), async {
            let mut waits: FuturesUnordered<_> =
                (0..3).map(|_| pending::<()>().or_cancel()).collect();
            for _ in 0..3 {
                assert!(waits.next().await.unwrap().is_err());
            }
            stook::checkpoint().await
        });
        assert!(end.await.is_err());
    });
}

#[test]
fn outside_tasks_nothing_is_cancelled_and_scopes_work() {
    with_paused_clock(|| async {
        assert_eq!(ready(1).or_cancel().await.unwrap(), 1);
        stook::checkpoint().await.unwrap();
        let begun = Instant::now();
        let end = stook::timeout(seconds(2), pending::<()>().or_cancel()).await;
        assert!(end.is_err());
        assert_eq!(begun.elapsed(), seconds(2));
    });
}

#[test]
fn a_level_trigger_does_not_spin() {
    with_paused_clock(|| async {
        let begun = Instant::now();
        let mut polls = 0;
        let mut cleans_up = Box::pin(stook::timeout(seconds(1), async {
            stook::sleep(seconds(60)).await.unwrap_err();
            // A clean-up that takes time of the paused clock: were the trigger to wake itself, the
            // clock would stand still.
            stook::shield(stook::sleep(seconds(10))).await.unwrap();
            stook::checkpoint().await
        }));
        let end = std::future::poll_fn(|cx| {
            polls += 1;
            cleans_up.as_mut().poll(cx)
        })
        .await;
        assert!(end.is_err());
        assert_eq!(begun.elapsed(), seconds(11));
        assert!(polls < 10, "{polls} polls");
    });
}

/// Polls with another waker each time, as some sub-executors do; how often, when it is over.
async fn with_new_wakers<F: Future>(future: F) -> (F::Output, u32) {
    let mut future = pin!(future);
    let mut polls = 0;
    let output = std::future::poll_fn(|cx| {
        polls += 1;
        assert!(polls < 100, "it spins");
        let waker = Waker::from(Arc::new(Passes(cx.waker().clone())));
        future.as_mut().poll(&mut Context::from_waker(&waker))
    });
    (output.await, polls)
}

struct Passes(Waker);

impl Wake for Passes {
    fn wake(self: Arc<Self>) {
        self.0.wake_by_ref();
    }
}

#[test]
fn a_shield_in_a_sub_executor_does_not_spin() {
    with_paused_clock(|| async {
        let mut task = stook::spawn(async {
            let slept = stook::shield(with_new_wakers(stook::sleep(seconds(5)))).await;
            assert!(slept.0.is_ok());
            stook::checkpoint().await
        });
        settle().await;
        task.cancel();
        assert!(task.join().await.unwrap().is_cancelled());
    });
}

#[test]
fn a_gather_that_cleans_up_in_a_sub_executor_does_not_spin() {
    with_paused_clock(|| async {
        let cleans_up = async {
            stook::sleep(seconds(60)).await.unwrap_err();
            tokio::time::sleep(seconds(10)).await;
            stook::checkpoint().await
        };
        let gathered = with_new_wakers(stook::gather([cleans_up]));
        let end = stook::timeout(seconds(1), async { gathered.await.0 }).await;
        assert!(end.is_err());
    });
}

#[test]
fn new_cancel_points_in_a_shield_do_not_spin() {
    with_paused_clock(|| async {
        let mut polls = 0;
        let end = stook::timeout(seconds(1), async {
            let mut sleep = pin!(tokio::time::sleep(seconds(5)));
            stook::shield(std::future::poll_fn(|cx| {
                polls += 1;
                assert!(polls < 100, "it spins");
                pin!(sleep.as_mut().or_cancel()).poll(cx)
            }))
            .await
        });
        assert!(end.await.unwrap().is_ok());
    });
}

#[test]
fn ticks_and_sleeps_are_cancel_points() {
    with_paused_clock(|| async {
        let mut task = stook::spawn(async {
            let mut interval = stook::interval(seconds(1));
            let mut ticks = 0;
            while interval.tick().await.is_ok() {
                ticks += 1;
            }
            stook::sleep_until(Instant::now() + seconds(1)).await?;
            Ok::<_, Cancelled>(ticks)
        });
        tokio::time::sleep(seconds(2) + seconds(1) / 2).await;
        task.cancel();
        assert_eq!(task.join().await.unwrap().ok(), Some(3));
    });
}

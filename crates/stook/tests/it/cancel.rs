//! Requests: asked once, delivered once, counted as asyncio counts.

use std::future::pending;

use stook::{Cancelled, OrCancel, Outcome, TaskState};
use tokio::sync::oneshot;

use crate::stage::{everywhere, rounds, seconds, settle, with_paused_clock};

async fn forever() -> Result<(), Cancelled> {
    pending().or_cancel().await
}

#[test]
fn a_waiting_task_is_cancelled_at_its_cancel_point() {
    everywhere(|| async {
        let (begun, has_begun) = oneshot::channel();
        let mut task = stook::spawn(async {
            begun.send(()).unwrap();
            forever().await
        });
        has_begun.await.unwrap();
        assert!(task.cancel());
        assert!(matches!(task.join().await, Ok(Outcome::Cancelled(_))));
        assert_eq!(task.state(), TaskState::Cancelled);
        assert!(!task.cancel(), "it has ended");
    });
}

#[test]
fn a_task_cancelled_before_its_first_step_never_starts() {
    with_paused_clock(|| async {
        let mut task = stook::spawn(async { panic!("it has started") as Result<(), Cancelled> });
        assert!(task.cancel_with("too early"));
        assert_eq!(task.state(), TaskState::Cancelling);
        match task.join().await.unwrap() {
            Outcome::Cancelled(cancelled) => assert_eq!(cancelled.reason(), Some("too early")),
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn a_request_is_delivered_once() {
    with_paused_clock(|| async {
        let mut task = stook::spawn(async {
            assert!(forever().await.is_err());
            stook::sleep(seconds(1)).await?;
            Ok::<_, Cancelled>("went on")
        });
        settle().await;
        task.cancel();
        assert_eq!(task.join().await.unwrap().ok(), Some("went on"));
        assert_eq!(task.cancelling(), 1, "nobody has taken it back");
    });
}

#[test]
fn requests_are_counted_and_taken_back() {
    with_paused_clock(|| async {
        let mut task = stook::spawn(async {
            let me = stook::current().unwrap();
            assert!(forever().await.is_err());
            assert_eq!(me.cancelling(), 2);
            assert_eq!((me.uncancel(), me.uncancel(), me.uncancel()), (1, 0, 0));
            stook::checkpoint().await
        });
        settle().await;
        task.cancel();
        task.cancel();
        assert!(task.join().await.unwrap().is_ok());
    });
}

#[test]
fn a_request_that_is_taken_back_before_it_is_delivered_is_forgotten() {
    with_paused_clock(|| async {
        let mut task = stook::spawn(async { stook::checkpoint().await });
        task.cancel();
        assert_eq!(task.uncancel(), 0);
        assert!(task.join().await.unwrap().is_ok());
    });
}

#[test]
fn a_task_that_cancels_itself_finds_it_at_its_next_cancel_point() {
    everywhere(|| async {
        let mut task = stook::spawn(async {
            assert!(stook::current().unwrap().cancel());
            tokio::task::yield_now().await;
            forever().await
        });
        assert!(task.join().await.unwrap().is_cancelled());
    });
}

#[test]
fn a_finished_result_is_never_discarded() {
    with_paused_clock(|| async {
        let mut task = stook::spawn(async {
            stook::current().unwrap().cancel();
            Ok::<_, Cancelled>(7)
        });
        assert_eq!(task.join().await.unwrap().ok(), Some(7));
    });
}

#[test]
fn a_bare_await_is_not_interrupted() {
    with_paused_clock(|| async {
        let (go, gone) = oneshot::channel::<()>();
        let mut task = stook::spawn(async {
            gone.await.unwrap();
            Ok::<_, Cancelled>("done")
        });
        settle().await;
        task.cancel();
        settle().await;
        assert_eq!(task.state(), TaskState::Cancelling);
        go.send(()).unwrap();
        assert_eq!(task.join().await.unwrap().ok(), Some("done"));
    });
}

#[test]
fn a_childs_cancellation_does_not_make_its_parent_cancelled() {
    with_paused_clock(|| async {
        let mut parent = stook::spawn(async {
            let child = stook::spawn(forever());
            child.cancel_with("the child");
            child.await
        });
        match parent.join().await.unwrap() {
            Outcome::Err(cancelled) => assert_eq!(cancelled.reason(), Some("the child")),
            other => panic!("{other:?}"),
        }
        assert_eq!((parent.state(), parent.cancelling()), (TaskState::Err, 0));
    });
}

#[test]
fn cancelling_races_with_completing_on_two_threads() {
    everywhere(|| async {
        for _ in 0..rounds(200) {
            let mut task = stook::spawn(async {
                tokio::task::yield_now().await;
                stook::checkpoint().await?;
                Ok::<_, Cancelled>(())
            });
            tokio::task::yield_now().await;
            let accepted = task.cancel();
            let outcome = task.join().await.unwrap();
            assert!(accepted || outcome.is_ok(), "refused, and yet {outcome:?}");
        }
    });
}

#[test]
fn an_aborted_task_is_dropped_where_it_waits() {
    everywhere(|| async {
        let (kept, dropped) = oneshot::channel::<()>();
        let mut task = stook::spawn(async {
            let _kept = kept;
            pending::<()>().await;
            Ok::<_, Cancelled>(())
        });
        task.abort();
        assert!(matches!(task.join().await, Ok(Outcome::Aborted)));
        assert!(dropped.await.is_err());
    });
}

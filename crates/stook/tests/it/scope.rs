//! Timeouts and scopes: each takes its own cancellation and no other.

use std::future::pending;

use stook::{CancelKind, Cancelled, OrCancel, Outcome};
use tokio::time::Instant;

use crate::stage::{everywhere, seconds, settle, with_paused_clock};

async fn forever() -> Result<(), Cancelled> {
    pending().or_cancel().await
}

#[test]
fn the_inner_of_two_timeouts_ends_first_and_the_outer_goes_on() {
    with_paused_clock(|| async {
        let end = stook::timeout(seconds(10), async {
            assert!(stook::timeout(seconds(1), forever()).await.is_err());
            Ok::<_, Cancelled>("went on")
        });
        assert_eq!(end.await.unwrap().unwrap(), "went on");
    });
}

#[test]
fn the_outer_of_two_timeouts_goes_through_the_inner() {
    with_paused_clock(|| async {
        let mut inner_elapsed = None;
        let end = stook::timeout(seconds(1), async {
            let inner = stook::timeout(seconds(10), forever()).await;
            inner_elapsed = Some(inner.is_err());
            inner.unwrap()
        });
        assert!(end.await.is_err());
        assert_eq!(
            inner_elapsed,
            Some(false),
            "the inner one has lets it through"
        );
    });
}

#[test]
fn both_at_once_are_the_outers() {
    with_paused_clock(|| async {
        let end = stook::move_on_after(seconds(1), async {
            let inner = stook::move_on_after(seconds(1), forever()).await?;
            Ok::<_, Cancelled>(inner)
        });
        assert_eq!(end.await.unwrap(), None);
    });
}

#[test]
fn a_scope_goes_on_cancelling_until_it_is_left() {
    with_paused_clock(|| async {
        let end = stook::timeout(seconds(1), async {
            for _ in 0..3 {
                let cancelled = forever().await.unwrap_err();
                assert_eq!(cancelled.kind(), CancelKind::Timeout);
                assert!(cancelled.is_mine());
            }
            Ok::<_, Cancelled>("a result in spite of it")
        });
        assert_eq!(end.await.unwrap().unwrap(), "a result in spite of it");
        stook::checkpoint().await.unwrap();
    });
}

#[test]
fn a_timeout_does_not_take_the_cancellation_of_the_task() {
    with_paused_clock(|| async {
        let mut task = stook::spawn(async {
            match stook::timeout(seconds(10), forever()).await {
                Ok(result) => result,
                Err(elapsed) => panic!("{elapsed}"),
            }
        });
        settle().await;
        task.cancel();
        assert!(matches!(task.join().await, Ok(Outcome::Cancelled(_))));
    });
}

#[test]
fn a_request_that_comes_with_the_timeout_is_not_lost() {
    with_paused_clock(|| async {
        let mut task = stook::spawn(async {
            let end = stook::timeout(seconds(1), async {
                forever().await.inspect_err(|_| {
                    // Between the firing and the end of the block.
                    stook::current().unwrap().cancel();
                })
            });
            assert!(end.await.is_err());
            stook::checkpoint().await
        });
        assert!(matches!(task.join().await, Ok(Outcome::Cancelled(_))));
    });
}

#[test]
fn no_time_at_all_is_over_at_the_first_cancel_point_on_a_running_clock_too() {
    everywhere(|| async {
        let end = stook::timeout(seconds(0), stook::checkpoint()).await;
        assert!(end.is_err());
        let end = stook::move_on_after(seconds(0), stook::checkpoint()).await;
        assert_eq!(end.unwrap(), None);
        let mut task = stook::spawn(async {
            stook::current().unwrap().cancel();
            stook::shield_for(seconds(0), stook::checkpoint()).await
        });
        assert!(task.join().await.unwrap().is_cancelled());
    });
}

#[test]
fn zero_and_huge_durations() {
    with_paused_clock(|| async {
        let mut begun = false;
        let zero = stook::timeout(seconds(0), async {
            begun = true;
            forever().await
        });
        assert!(zero.await.is_err());
        assert!(begun, "the future is begun in any case");
        let huge = std::time::Duration::MAX;
        assert!(
            stook::timeout(huge, stook::sleep(seconds(5)))
                .await
                .unwrap()
                .is_ok()
        );
        assert_eq!(
            stook::move_on_after(seconds(1), stook::sleep(huge))
                .await
                .unwrap(),
            None
        );
        stook::sleep(seconds(0)).await.unwrap();
    });
}

#[test]
fn a_timeout_at_a_time_that_has_passed_fires_at_once() {
    with_paused_clock(|| async {
        let begun = Instant::now();
        assert!(
            stook::timeout_at(begun - seconds(1), forever())
                .await
                .is_err()
        );
        assert!(
            stook::timeout_at(begun + seconds(3), forever())
                .await
                .is_err()
        );
        assert_eq!(begun.elapsed(), seconds(3));
    });
}

#[test]
fn a_scope_is_cancelled_from_elsewhere() {
    everywhere(|| async {
        let (give, given) = tokio::sync::oneshot::channel();
        let task = stook::spawn(async {
            stook::scope(async |scope| {
                give.send(scope).unwrap();
                forever().await
            })
            .await
        });
        let scope = given.await.unwrap();
        assert!(scope.cancel_with("enough"));
        assert!(!scope.cancel());
        assert_eq!(task.await.unwrap(), None);
        assert!(scope.is_cancelled());
    });
}

#[test]
fn a_scope_that_is_left_is_not_cancelled_any_more() {
    with_paused_clock(|| async {
        let mut kept = None;
        let end = stook::scope(async |scope| {
            kept = Some(scope);
            Ok::<_, Cancelled>(1)
        });
        assert_eq!(end.await.unwrap(), Some(1));
        assert!(!kept.unwrap().cancel());
    });
}

#[test]
fn a_scope_dropped_after_it_fired_leaves_its_task_alone() {
    with_paused_clock(|| async {
        let task = stook::spawn(async {
            {
                let mut fired = Box::pin(stook::timeout(seconds(0), async {
                    let _ = forever().await;
                    pending::<Result<(), Cancelled>>().await
                }));
                assert!(futures_util::poll!(&mut fired).is_pending());
            }
            stook::checkpoint().await
        });
        task.await.unwrap();
    });
}

#[test]
fn a_scope_that_was_cancelled_goes_on_after_a_request_of_the_task() {
    with_paused_clock(|| async {
        let mut task = stook::spawn(async {
            let end = stook::scope(async |scope| {
                scope.cancel();
                stook::current().unwrap().cancel_with("closing time");
                let first = stook::checkpoint().await.unwrap_err();
                assert_eq!(first.reason(), Some("closing time"));
                stook::checkpoint().await
            });
            assert_eq!(end.await.unwrap(), None, "it was the scope's");
            stook::checkpoint().await
        });
        assert!(task.join().await.unwrap().is_ok());
    });
}

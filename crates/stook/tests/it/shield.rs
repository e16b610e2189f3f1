//! What cancellation does not reach.

use std::future::pending;

use stook::{Cancelled, OrCancel, Outcome};
use tokio::time::Instant;

use crate::stage::{seconds, settle, with_paused_clock};

#[test]
fn a_shield_hides_the_task_and_its_scopes() {
    with_paused_clock(|| async {
        let mut task = stook::spawn(async {
            let end = stook::timeout(seconds(1), async {
                stook::shield(stook::sleep(seconds(5))).await?;
                stook::checkpoint().await
            });
            let end = end.await;
            assert!(end.unwrap().is_err(), "the task's own request goes first");
            stook::checkpoint().await
        });
        settle().await;
        let begun = Instant::now();
        task.cancel();
        assert!(
            task.join().await.unwrap().is_ok(),
            "it was delivered in the timeout"
        );
        assert_eq!(begun.elapsed(), seconds(5));
    });
}

#[test]
fn a_scope_inside_a_shield_works() {
    with_paused_clock(|| async {
        let shielded = stook::shield(stook::timeout(seconds(1), stook::sleep(seconds(9))));
        assert!(shielded.await.is_err());
    });
}

#[test]
fn a_limited_shield_lets_through_what_it_hid() {
    with_paused_clock(|| async {
        let mut task = stook::spawn(async {
            stook::shield_for(seconds(2), pending::<()>().or_cancel()).await
        });
        settle().await;
        let begun = Instant::now();
        task.cancel_with("now");
        match task.join().await.unwrap() {
            Outcome::Cancelled(cancelled) => assert_eq!(cancelled.reason(), Some("now")),
            other => panic!("{other:?}"),
        }
        assert_eq!(begun.elapsed(), seconds(2));
    });
}

#[test]
fn clean_up_is_run_after_every_end() {
    with_paused_clock(|| async {
        for end in ["result", "error", "cancel", "panic"] {
            let (tell, told) = tokio::sync::oneshot::channel();
            let body = async move {
                match end {
                    "result" => Ok(()),
                    "error" => Err(std::io::Error::other("error")),
                    "panic" => panic!("panic"),
                    _ => Ok(pending::<()>().or_cancel().await?),
                }
            };
            let mut task = stook::spawn(stook::with_cleanup(body, async {
                // Twice asked, and yet it may wait.
                stook::sleep(seconds(1)).await.unwrap();
                tell.send(()).unwrap();
            }));
            settle().await;
            task.cancel();
            settle().await;
            task.cancel();
            let outcome = task.join().await.unwrap();
            told.await.unwrap();
            match end {
                "result" => assert!(outcome.is_ok()),
                "cancel" => assert!(outcome.is_cancelled()),
                _ => assert!(outcome.is_error()),
            }
        }
    });
}

#[test]
fn what_came_while_shielded_comes_after_it() {
    with_paused_clock(|| async {
        let mut task = stook::spawn(async {
            stook::shield(stook::sleep(seconds(1))).await?;
            Err::<(), Cancelled>(stook::sleep(seconds(1)).await.unwrap_err())
        });
        settle().await;
        task.cancel();
        assert!(task.join().await.unwrap().is_cancelled());
    });
}

#[test]
fn a_shield_is_named_while_it_hides_something() {
    with_paused_clock(|| async {
        let task = stook::spawn(async {
            stook::shield(stook::sleep(seconds(10))).await?;
            tokio::time::sleep(seconds(10)).await;
            Ok::<_, Cancelled>(())
        });
        settle().await;
        task.cancel();
        settle().await;
        assert!(task.info().shielded.is_some());
        task.uncancel();
        assert!(task.info().shielded.is_none(), "it was taken back");
        task.cancel();
        tokio::time::sleep(seconds(15)).await;
        assert!(task.info().shielded.is_none(), "it was left");
        task.await.unwrap();
    });
}

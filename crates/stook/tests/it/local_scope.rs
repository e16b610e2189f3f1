//! `local_scope`: children that borrow.

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::io;

use stook::{Cancelled, OrCancel, Outcome};
use tokio::time::Instant;

use crate::stage::{in_local_set, seconds, settle, with_paused_clock};

#[test]
fn children_borrow_and_run_in_turns() {
    with_paused_clock(|| async {
        let log = RefCell::new(Vec::new());
        let begun = Instant::now();
        let end = stook::local_scope(async |scope| {
            for number in [3, 1, 2] {
                let log = &log;
                scope.spawn(async move {
                    stook::sleep(seconds(number)).await?;
                    log.borrow_mut().push(number);
                    Ok::<_, Cancelled>(())
                });
            }
            Ok("body")
        });
        assert_eq!(end.await.unwrap(), "body");
        assert_eq!((log.take(), begun.elapsed()), (vec![1, 2, 3], seconds(3)));
    });
}

#[test]
fn a_failure_cancels_all_others() {
    with_paused_clock(|| async {
        let cancelled = Cell::new(0);
        let error = stook::local_scope(async |scope| {
            for number in 0..3 {
                let cancelled = &cancelled;
                scope.spawn(async move {
                    if number == 1 {
                        stook::sleep(seconds(1)).await?;
                        return Err(io::Error::other("one"));
                    }
                    let end = pending::<()>().or_cancel().await;
                    cancelled.set(cancelled.get() + 1);
                    Ok(end?)
                });
            }
            stook::sleep(seconds(60)).await?;
            Ok(())
        });
        let error = error.await.unwrap_err();
        assert_eq!(error.errors[0].to_string(), "one");
        assert_eq!(cancelled.get(), 2);
    });
}

#[test]
fn what_has_not_begun_when_something_fails_never_begins() {
    with_paused_clock(|| async {
        let begun = RefCell::new(Vec::new());
        let end = stook::local_scope(async |scope| {
            let begun = &begun;
            for number in 0..3 {
                scope.spawn(async move {
                    begun.borrow_mut().push(number);
                    match number {
                        1 => Err(io::Error::other("one")),
                        _ => Ok(pending::<()>().or_cancel().await?),
                    }
                });
            }
            stook::sleep(seconds(60)).await?;
            Ok(())
        });
        assert_eq!(end.await.unwrap_err().errors.len(), 1);
        assert_eq!(begun.take(), [0, 1]);
        let end = stook::local_scope(async |scope| {
            let begun = &begun;
            scope.spawn(async move {
                begun.borrow_mut().push(3);
                Ok(())
            });
            Err::<(), _>(io::Error::other("body"))
        });
        assert_eq!(end.await.unwrap_err().errors.len(), 1);
        assert_eq!(begun.take(), []);
    });
}

#[test]
fn cancelling_the_task_reaches_body_and_children() {
    in_local_set(|| async {
        let mut task = stook::spawn_local(async {
            let ended = Cell::new(0);
            let end = stook::local_scope(async |scope| {
                for _ in 0..3 {
                    let ended = &ended;
                    scope.spawn(async move {
                        let end = pending::<()>().or_cancel().await;
                        ended.set(ended.get() + 1);
                        end
                    });
                }
                pending::<()>().or_cancel().await
            })
            .await;
            assert_eq!(ended.get(), 3);
            end
        });
        settle().await;
        task.cancel_with("all of you");
        match task.join().await.unwrap() {
            Outcome::Cancelled(why) => assert_eq!(why.reason(), Some("all of you")),
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn of_nothing_and_of_a_body_alone() {
    with_paused_clock(|| async {
        assert_eq!(
            stook::local_scope(async |_| Ok::<_, Cancelled>(1))
                .await
                .unwrap(),
            1
        );
        let error = stook::local_scope(async |_| Err::<(), _>(io::Error::other("body"))).await;
        assert_eq!(error.unwrap_err().errors.len(), 1);
    });
}

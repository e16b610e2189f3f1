//! `local_scope`: children that borrow.

use std::cell::{Cell, RefCell};
use std::future::{Future, pending, poll_fn};
use std::io;

use stook::{Cancelled, OrCancel, Outcome};
use tokio::sync::Semaphore;
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

#[test]
fn many_are_not_polled_in_vain_once_the_step_has_used_up_what_tokio_grants_it() {
    const CHILDREN: usize = 2000;
    with_paused_clock(|| async {
        let free = Semaphore::new(CHILDREN);
        let (polls, ended) = (Cell::new(0), Cell::new(0));
        let end = stook::local_scope(async |scope| {
            for _ in 0..CHILDREN {
                let (free, polls, ended) = (&free, &polls, &ended);
                let mut work = Box::pin(async move {
                    for _ in 0..10 {
                        drop(free.acquire().await.unwrap());
                    }
                    ended.set(ended.get() + 1);
                    Ok::<_, Cancelled>(())
                });
                scope.spawn(poll_fn(move |cx| {
                    polls.set(polls.get() + 1);
                    work.as_mut().poll(cx)
                }));
            }
            Ok(())
        });
        end.await.unwrap();
        assert!(polls.get() < 2 * CHILDREN, "{} polls", polls.get());
        assert_eq!(ended.get(), CHILDREN);
    });
}

#[test]
fn one_that_never_waits_keeps_no_other_from_being_polled() {
    with_paused_clock(|| async {
        let free = Semaphore::new(2);
        let is_over = Cell::new(false);
        let end = stook::local_scope(async |scope| {
            scope.spawn(async {
                for _ in 0..10_000 {
                    drop(free.acquire().await.unwrap());
                    if is_over.get() {
                        return Ok::<_, Cancelled>(());
                    }
                }
                panic!("the other is not polled");
            });
            scope.spawn(async {
                for _ in 0..10 {
                    drop(free.acquire().await.unwrap());
                }
                is_over.set(true);
                Ok(())
            });
            Ok(())
        });
        end.await.unwrap();
    });
}

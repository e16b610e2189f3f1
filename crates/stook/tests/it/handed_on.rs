//! A cancellation that was handed on to children: what one of them has seen is theirs to answer, and
//! what none has seen comes back.

use std::future::{Future, IntoFuture, pending};
use std::io;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;

use futures_util::FutureExt;
use stook::{Cancelled, GroupError, Losers, OnError, OrCancel, Outcome, TaskGroup};

use crate::stage::{in_local_set, seconds, settle, with_paused_clock};

/// Reaches no cancel point for so long.
async fn deaf(number: u64) -> io::Result<u64> {
    tokio::time::sleep(seconds(number)).await;
    if number % 2 == 1 {
        return Err(io::Error::other(format!("{number} crashed")));
    }
    Ok(number)
}

/// Sees its cancellation, and makes the best of it.
async fn stubborn() -> io::Result<u64> {
    let seen: Result<(), Cancelled> = pending().or_cancel().await;
    assert!(seen.is_err());
    Ok(0)
}

type Boxed = Pin<Box<dyn Future<Output = io::Result<u64>> + Send>>;

/// Has a task that runs this asked to cancel after a second: what it came to, and the reason that the
/// next cancel point gives.
async fn asked<T: Send + 'static>(
    body: impl Future<Output = T> + Send + 'static,
) -> (T, Option<String>) {
    let caller = stook::spawn(async move {
        let end = body.await;
        let told = stook::checkpoint().await.err();
        Ok::<_, Cancelled>((end, told.and_then(|told| told.reason().map(str::to_owned))))
    });
    let handle = caller.handle();
    stook::sleep(seconds(1)).await.unwrap();
    handle.cancel_with("enough");
    let end = caller.await.unwrap();
    assert_eq!(handle.cancelling(), 1, "it is counted once");
    end
}

fn comes_back<T>((end, told): (T, Option<String>)) -> T {
    assert_eq!(told.as_deref(), Some("enough"));
    end
}

fn is_answered<T>((end, told): (T, Option<String>)) -> T {
    assert_eq!(told, None);
    end
}

#[test]
fn what_the_awaited_task_has_not_seen_comes_back() {
    with_paused_clock(|| async {
        let returns = asked(async { stook::spawn(deaf(4)).await });
        assert_eq!(comes_back(returns.await).unwrap(), 4);
        let fails = asked(async { stook::spawn(deaf(5)).await });
        assert_eq!(
            comes_back(fails.await).unwrap_err().to_string(),
            "5 crashed"
        );
        let panics = asked(async {
            let child = stook::spawn(async {
                deaf(4).await?;
                panic!("out of ink") as io::Result<()>
            });
            AssertUnwindSafe(child.into_future()).catch_unwind().await
        });
        assert!(comes_back(panics.await).is_err());
    });
}

#[test]
fn what_the_awaited_task_has_seen_is_its_to_answer() {
    with_paused_clock(|| async {
        let end = asked(async { stook::spawn(stubborn()).await }).await;
        assert_eq!(is_answered(end).unwrap(), 0);
    });
}

#[test]
fn of_two_that_were_handed_on_the_one_that_was_not_seen_comes_back() {
    with_paused_clock(|| async {
        let caller = stook::spawn(async {
            let child = stook::spawn(async {
                stubborn().await?;
                deaf(4).await
            });
            let end = child.await.unwrap();
            Ok::<_, Cancelled>((end, stook::checkpoint().await))
        });
        let handle = caller.handle();
        for reason in ["seen", "not seen"] {
            settle().await;
            handle.cancel_with(reason);
        }
        let (end, told) = caller.await.unwrap();
        assert_eq!((end, told.unwrap_err().reason()), (4, Some("not seen")));
        assert_eq!(handle.cancelling(), 2);
    });
}

#[test]
fn what_nobody_in_a_chain_has_seen_comes_back_to_its_beginning() {
    with_paused_clock(|| async {
        let end = asked(async {
            let inner = stook::spawn(deaf(4));
            stook::spawn(async { inner.await }).await
        });
        assert_eq!(comes_back(end.await).unwrap(), 4);
        // The one between has a cancel point, and answers.
        let end = asked(async {
            let inner = stook::spawn(deaf(4));
            let between = stook::spawn(async {
                let number = inner.await?;
                assert!(stook::checkpoint().await.is_err());
                Ok::<_, io::Error>(number)
            });
            between.await
        });
        assert_eq!(is_answered(end.await).unwrap(), 4);
    });
}

#[test]
fn what_was_taken_back_meanwhile_does_not_come_back() {
    with_paused_clock(|| async {
        let caller = stook::spawn(async {
            let number = stook::spawn(deaf(4)).await.unwrap();
            stook::checkpoint().await?;
            Ok::<_, Cancelled>(number)
        });
        settle().await;
        caller.cancel();
        settle().await;
        assert_eq!(caller.uncancel(), 0);
        assert_eq!(caller.await.unwrap(), 4);
    });
}

#[test]
fn dropped_half_way_a_wait_has_answered_nothing() {
    with_paused_clock(|| async {
        // Seen or not: neither child has ended.
        for begin in [
            || deaf(4).boxed(),
            || stook::with_cleanup(stubborn(), async { drop(deaf(2).await) }).boxed(),
        ] {
            let dropped = asked(async move {
                tokio::time::timeout(seconds(2), stook::spawn(begin()))
                    .await
                    .is_err()
            });
            assert!(comes_back(dropped.await));
            let dropped = asked(async move {
                let gather = stook::gather([begin(), begin()]);
                tokio::time::timeout(seconds(2), gather).await.is_err()
            });
            assert!(comes_back(dropped.await));
        }
        let dropped = asked(async {
            let group = stook::task_group(async |group| {
                group.spawn(deaf(4)).unwrap();
                Ok(())
            });
            tokio::time::timeout(seconds(2), group).await.is_err()
        });
        assert!(comes_back(dropped.await));
        tokio::time::sleep(seconds(9)).await;
    });
}

#[test]
fn what_no_child_of_a_gather_has_seen_comes_back() {
    with_paused_clock(|| async {
        let fails = asked(stook::gather([deaf(4), deaf(3)]));
        let error = comes_back(fails.await).unwrap_err();
        assert_eq!(error.to_string(), "3 crashed");
        let all_return = asked(stook::gather_with(OnError::CancelRest, [deaf(4), deaf(2)]));
        assert_eq!(comes_back(all_return.await).unwrap(), [4, 2]);
        tokio::time::sleep(seconds(9)).await;
    });
}

#[test]
fn what_a_child_of_a_gather_has_seen_is_theirs_to_answer() {
    with_paused_clock(|| async {
        let children: [Boxed; 2] = [Box::pin(deaf(4)), Box::pin(stubborn())];
        let all_return = asked(stook::gather_with(OnError::CancelRest, children));
        assert_eq!(is_answered(all_return.await).unwrap(), [4, 0]);
        let fails = asked(stook::gather([async {
            stubborn().await?;
            deaf(1).await
        }]));
        let error = is_answered(fails.await).unwrap_err();
        assert_eq!(error.to_string(), "1 crashed");
    });
}

#[test]
fn a_race_that_is_decided_before_it_is_cancelled_answers_nothing() {
    with_paused_clock(|| async {
        let racers: [Boxed; 2] = [Box::pin(async { Ok(1) }), Box::pin(deaf(4))];
        let end = asked(stook::race(Losers::Await, racers));
        assert_eq!(comes_back(end.await).unwrap(), (0, 1));
    });
}

#[test]
fn what_a_wait_returns_of_the_callers_cancellation_is_told_once() {
    async fn forever() -> io::Result<u64> {
        Ok(pending::<()>().or_cancel().await.map(|()| 0)?)
    }
    with_paused_clock(|| async {
        assert!(is_answered(asked(async { stook::spawn(forever()).await }).await).is_err());
        assert!(is_answered(asked(async { stook::gather([forever()]).await }).await).is_err());
        assert!(
            is_answered(asked(async { stook::gather_outcomes([forever()]).await }).await).is_err()
        );
        let rest = async { stook::gather_with(OnError::CancelRest, [forever()]).await };
        assert!(is_answered(asked(rest).await).is_err());
        let race = async { stook::race(Losers::Cancel, [forever()]).await };
        assert!(is_answered(asked(race).await).is_err());
        let first = async { stook::first_success(Losers::Cancel, [forever()]).await };
        assert!(is_answered(asked(first).await).is_err());
    });
}

#[test]
fn all_requests_that_met_come_back() {
    with_paused_clock(|| async {
        let mut caller = stook::spawn(async {
            let end = stook::spawn(deaf(2)).await;
            assert_eq!(end.unwrap(), 2);
            stook::checkpoint().await
        });
        stook::sleep(seconds(1)).await.unwrap();
        caller.cancel_with("closing time");
        caller.cancel_with("fire alarm");
        let Outcome::Cancelled(told) = caller.join().await.unwrap() else {
            panic!("it was cancelled");
        };
        let others = told.others().iter().map(|record| record.reason());
        assert_eq!(told.reason(), Some("closing time"));
        assert_eq!(others.collect::<Vec<_>>(), [Some("fire alarm")]);
    });
}

#[test]
fn a_group_that_is_dropped_as_it_waits_gives_its_bodys_cancellation_back() {
    with_paused_clock(|| async {
        let mut task = stook::spawn(async {
            let group = stook::task_group(async |group: TaskGroup<Cancelled>| {
                drop(group.spawn(async {
                    tokio::time::sleep(seconds(60)).await;
                    Ok(())
                }));
                pending::<()>().or_cancel().await
            });
            assert!(tokio::time::timeout(seconds(5), group).await.is_err());
            stook::checkpoint().await
        });
        settle().await;
        task.cancel();
        assert!(task.join().await.unwrap().is_cancelled());
        tokio::time::sleep(seconds(60)).await;
    });
}

/// What takes long to end once it is cancelled, in a timeout of two seconds, in a task that is asked to
/// cancel after this time.
async fn asked_in_a_timeout<F>(asked_after: u64, slow: F) -> Cancelled
where
    F: Future<Output = Result<(), GroupError<Cancelled>>> + 'static,
{
    let mut task = stook::spawn_local(async {
        match stook::timeout(seconds(2), slow).await {
            Ok(Err(error)) => Err(error.cancelled.unwrap()),
            end => panic!("the request is lost to {end:?}"),
        }
    });
    tokio::time::sleep(seconds(asked_after)).await;
    task.cancel_with("closing time");
    match task.join().await.unwrap() {
        Outcome::<(), _>::Cancelled(told) => told,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_request_of_the_task_and_a_timeout_that_meet_in_one_wait_are_the_tasks() {
    in_local_set(|| async {
        for asked_after in [1, 3] {
            let group = stook::task_group(async |group: TaskGroup<Cancelled>| {
                drop(group.spawn(stook::shield(stook::sleep(seconds(5)))));
                pending::<()>().or_cancel().await
            });
            let told = asked_in_a_timeout(asked_after, group).await;
            assert_eq!(told.reason(), Some("closing time"));

            let local = stook::local_scope(async |scope| {
                scope.spawn(async {
                    stook::shield(stook::sleep(seconds(5))).await?;
                    stook::checkpoint().await
                });
                pending::<()>().or_cancel().await
            });
            let told = asked_in_a_timeout(asked_after, local).await;
            assert_eq!(told.reason(), Some("closing time"));
        }
    });
}

#[test]
fn of_two_requests_that_meet_in_a_group_the_first_is_told() {
    with_paused_clock(|| async {
        let mut task = stook::spawn(async {
            let group = stook::task_group(async |group: TaskGroup<Cancelled>| {
                drop(group.spawn(stook::shield(stook::sleep(seconds(5)))));
                pending::<()>().or_cancel().await
            });
            group.await.map_err(|error| error.cancelled.unwrap())
        });
        for reason in ["closing time", "fire alarm"] {
            stook::sleep(seconds(1)).await.unwrap();
            task.cancel_with(reason);
        }
        let Outcome::Cancelled(told) = task.join().await.unwrap() else {
            panic!("it was cancelled");
        };
        assert_eq!(told.reason(), Some("closing time"));
    });
}

#[test]
fn a_local_scope_that_is_dropped_half_way_gives_its_childs_cancellation_back() {
    in_local_set(|| async {
        let mut task = stook::spawn_local(async {
            let local = stook::local_scope(async |scope| {
                scope.spawn(pending::<()>().or_cancel());
                tokio::time::sleep(seconds(60)).await;
                Ok::<_, Cancelled>(())
            });
            assert!(tokio::time::timeout(seconds(5), local).await.is_err());
            stook::checkpoint().await
        });
        settle().await;
        task.cancel();
        assert!(task.join().await.unwrap().is_cancelled());
    });
}

#[test]
fn what_an_error_goes_before_in_a_local_scope_comes_back_once() {
    in_local_set(|| async {
        let mut task = stook::spawn_local(async {
            let local = stook::local_scope(async |scope| {
                scope.spawn(async { Ok(pending::<()>().or_cancel().await?) });
                scope.spawn(async { deaf(3).await.map(drop) });
                Ok(())
            });
            let error = local.await.unwrap_err();
            assert_eq!(error.errors[0].to_string(), "3 crashed");
            let told = stook::checkpoint().await.unwrap_err();
            assert!(told.others().is_empty(), "once");
            stook::checkpoint().await
        });
        settle().await;
        task.cancel();
        assert!(task.join().await.unwrap().is_ok());
    });
}

//! `gather`: eager, ordered, and cancelled as a whole.

use std::future::pending;
use std::io;

use futures_util::FutureExt;
use stook::{CancelKind, Cancelled, OnError, OrCancel, Outcome, TaskState};
use tokio::time::Instant;

use crate::stage::{everywhere, rounds, seconds, settle, with_paused_clock};

async fn forever() -> Result<u64, Cancelled> {
    pending::<()>().or_cancel().await?;
    Ok(0)
}

async fn after(number: u64) -> io::Result<u64> {
    stook::sleep(seconds(number)).await?;
    if number % 2 == 1 {
        return Err(io::Error::other(format!("{number} crashed")));
    }
    Ok(number)
}

#[test]
fn results_come_in_the_order_given() {
    everywhere(|| async {
        let numbers = stook::gather((0..100).map(|number| async move {
            stook::checkpoint().await?;
            Ok::<_, Cancelled>(number)
        }));
        assert_eq!(numbers.await.unwrap(), (0..100).collect::<Vec<_>>());
    });
}

#[test]
fn children_run_before_it_is_awaited() {
    with_paused_clock(|| async {
        let gather = stook::gather([after(2), after(4)]);
        tokio::time::sleep(seconds(5)).await;
        assert!(gather.is_done());
        assert_eq!(gather.await.unwrap(), [2, 4]);
    });
}

#[test]
fn the_first_error_comes_out_and_the_others_run_on() {
    with_paused_clock(|| async {
        let begun = Instant::now();
        let gather = stook::gather([after(2), after(1), after(3), after(4)]);
        let handles = gather.handles();
        assert_eq!(gather.await.unwrap_err().to_string(), "1 crashed");
        assert_eq!(begun.elapsed(), seconds(1));
        assert_eq!(stook::tree().tasks().count(), 3);
        for handle in &handles {
            handle.done().await.unwrap();
        }
        let states: Vec<_> = handles.iter().map(|handle| handle.state()).collect();
        use TaskState::{Err, Ok};
        assert_eq!(states, [Ok, Err, Err, Ok]);
    });
}

#[test]
fn with_cancel_rest_the_others_have_ended_when_the_error_comes_out() {
    with_paused_clock(|| async {
        let tidy = async {
            let cancelled = forever().await.unwrap_err();
            assert_eq!(cancelled.kind(), CancelKind::SiblingFailed);
            stook::sleep(seconds(3)).await?;
            Ok::<_, io::Error>(0)
        };
        let begun = Instant::now();
        let children: Vec<stook_boxed::Boxed> = vec![Box::pin(tidy), Box::pin(after(1))];
        let gather = stook::gather_with(OnError::CancelRest, children);
        assert_eq!(gather.await.unwrap_err().to_string(), "1 crashed");
        assert_eq!(begun.elapsed(), seconds(4));
    });
}

mod stook_boxed {
    pub(super) type Boxed = std::pin::Pin<Box<dyn Future<Output = std::io::Result<u64>> + Send>>;
}

#[test]
fn with_cancel_rest_and_no_error_all_results_come() {
    with_paused_clock(|| async {
        let gather = stook::gather_with(OnError::CancelRest, [after(4), after(2)]);
        assert_eq!(gather.await.unwrap(), [4, 2]);
    });
}

#[test]
fn with_cancel_rest_children_that_have_not_begun_never_begin() {
    with_paused_clock(|| async {
        let children: Vec<stook_boxed::Boxed> = vec![
            Box::pin(async { Err(io::Error::other("at once")) }),
            Box::pin(async { panic!("it has begun") }),
        ];
        let gather = stook::gather_with(OnError::CancelRest, children);
        assert_eq!(gather.await.unwrap_err().to_string(), "at once");
    });
}

#[test]
fn outcomes_are_collected_whatever_they_are() {
    with_paused_clock(|| async {
        let gather = stook::gather_outcomes((1..=3).map(after));
        let handle = gather.handles()[1].clone();
        tokio::time::sleep(seconds(1) / 2).await;
        handle.cancel_with("not this one");
        let outcomes = gather.await.unwrap();
        assert!(matches!(&outcomes[0], Outcome::Err(error) if error.to_string() == "1 crashed"));
        assert!(
            matches!(&outcomes[1], Outcome::Cancelled(why) if why.reason() == Some("not this one"))
        );
        assert!(matches!(&outcomes[2], Outcome::Err(_)));
    });
}

#[test]
fn a_child_that_is_cancelled_alone_is_an_error_and_not_my_cancellation() {
    with_paused_clock(|| async {
        let mut parent = stook::spawn(async {
            let gather = stook::gather([forever()]);
            gather.handles()[0].cancel_with("the child");
            gather.await.map(|_| ())
        });
        match parent.join().await.unwrap() {
            Outcome::Err(cancelled) => assert_eq!(cancelled.reason(), Some("the child")),
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn cancelling_who_waits_cancels_the_children() {
    everywhere(|| async {
        let mut parent = stook::spawn(async { stook::gather((0..10).map(|_| forever())).await });
        while stook::tree().tasks().count() < 11 {
            tokio::task::yield_now().await;
        }
        parent.cancel();
        assert!(matches!(parent.join().await, Ok(Outcome::Cancelled(_))));
    });
}

#[test]
fn cancelling_the_outer_cancels_all_groups() {
    with_paused_clock(|| async {
        let groups: Vec<_> = (0..3)
            .map(|_| stook::gather([forever(), forever()]))
            .collect();
        let handles: Vec<_> = groups.iter().flat_map(|group| group.handles()).collect();
        let all = stook::gather(groups);
        settle().await;
        assert!(all.cancel_with("all of them"));
        let cancelled = all.await.unwrap_err();
        assert_eq!(
            (cancelled.kind(), cancelled.reason()),
            (CancelKind::Group, Some("all of them"))
        );
        settle().await;
        for handle in handles {
            assert_eq!(handle.state(), TaskState::Cancelled);
            assert_eq!(handle.info().reason.as_deref(), Some("all of them"));
        }
    });
}

#[test]
fn results_are_not_lost_to_a_cancellation_that_nobody_takes() {
    with_paused_clock(|| async {
        let stubborn = || async {
            let _ = forever().await;
            Ok::<_, Cancelled>(1)
        };
        let mut parent = stook::spawn(async move {
            stook::gather_with(OnError::CancelRest, [stubborn(), stubborn()]).await
        });
        settle().await;
        parent.cancel();
        assert_eq!(parent.join().await.unwrap().ok(), Some(vec![1, 1]));
    });
}

#[test]
fn of_nothing_it_is_over_at_once() {
    with_paused_clock(|| async {
        let nothing = stook::gather(Vec::<std::future::Ready<io::Result<()>>>::new());
        assert!(nothing.is_done() && !nothing.cancel());
        assert_eq!(nothing.await.unwrap(), []);
        let nothing = stook::gather_outcomes(Vec::<std::future::Ready<io::Result<()>>>::new());
        assert!(nothing.await.unwrap().is_empty());
    });
}

#[test]
fn dropped_half_way_its_children_are_cancelled_and_seen() {
    with_paused_clock(|| async {
        let gather = stook::gather([forever(), forever()]);
        let handles = gather.handles();
        settle().await;
        tokio::select! {
            biased;
            _ = gather => panic!("it cannot be over"),
            () = std::future::ready(()) => {}
        }
        assert!(stook::tree().tasks().all(|task| task.is_orphan));
        for handle in handles {
            assert_eq!(handle.done().await.unwrap(), TaskState::Cancelled);
        }
    });
}

#[test]
fn a_panic_of_a_child_goes_on_in_who_waits() {
    with_paused_clock(|| async {
        let mut parent = stook::spawn(async {
            stook::gather([async { panic!("out of ink") as Result<(), Cancelled> }]).await
        });
        match parent.join().await.unwrap() {
            Outcome::Panicked(panic) => assert_eq!(panic.message(), "out of ink"),
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn tasks_can_be_gathered() {
    with_paused_clock(|| async {
        let task = stook::spawn(forever());
        let handle = task.handle();
        let gather = stook::gather([task]);
        settle().await;
        gather.cancel();
        assert!(gather.await.is_err());
        assert_eq!(handle.state(), TaskState::Cancelled);
    });
}

#[test]
fn outcomes_that_are_cancelled_come_as_the_cancellation_when_all_have_ended() {
    with_paused_clock(|| async {
        let tidy = || async {
            let end = forever().await;
            stook::sleep(seconds(2)).await?;
            end
        };
        for by_handle in [true, false] {
            let gather = stook::gather_outcomes([tidy(), tidy()]);
            settle().await;
            let begun = Instant::now();
            if by_handle {
                gather.cancel_with("enough");
                let cancelled = gather.await.unwrap_err();
                assert_eq!(cancelled.kind(), CancelKind::Group);
                assert_eq!(
                    (cancelled.reason(), cancelled.is_mine()),
                    (Some("enough"), false)
                );
            } else {
                let mut waiter = stook::spawn(gather);
                settle().await;
                waiter.cancel_with("enough");
                match waiter.join().await.unwrap() {
                    Outcome::Cancelled(cancelled) => assert_eq!(cancelled.reason(), Some("enough")),
                    other => panic!("{other:?}"),
                }
            }
            assert_eq!(begun.elapsed(), seconds(2));
        }
    });
}

#[test]
fn a_cancelled_gather_whose_children_return_nonetheless_is_cancelled() {
    with_paused_clock(|| async {
        let stubborn = || async {
            let _ = forever().await;
            Ok::<_, Cancelled>(1)
        };
        let gather = stook::gather([stubborn(), stubborn()]);
        settle().await;
        gather.cancel_with("enough");
        // As in asyncio, where the results are lost with it; `gather_outcomes` is no different.
        assert_eq!(gather.await.unwrap_err().reason(), Some("enough"));
    });
}

/// The children may have ended, on the other threads, before whoever asked them has gone on.
#[test]
fn a_gather_that_collects_and_is_cancelled_is_cancelled_however_quick_the_children_are() {
    everywhere(|| async {
        for _ in 0..rounds(8_000) {
            let gather = stook::gather_outcomes([forever()]);
            tokio::task::yield_now().await;
            gather.cancel();
            assert!(gather.await.is_err());
        }
    });
}

#[test]
fn the_callers_own_cancellation_goes_before_that_of_the_handle() {
    with_paused_clock(|| async {
        let mut caller = stook::spawn(async {
            let mut gather = stook::gather([pending::<()>().or_cancel()]);
            gather.cancel_with("by the handle");
            stook::current().unwrap().cancel_with("by who waits");
            // The request was handed on before the child has ended.
            assert!((&mut gather).now_or_never().is_none());
            let cancelled = gather.await.unwrap_err();
            assert!(cancelled.is_mine());
            Err::<(), _>(cancelled)
        });
        let outcome = caller.join().await.unwrap();
        assert!(
            matches!(&outcome, Outcome::Cancelled(told) if told.reason() == Some("by who waits")),
            "{outcome:?}"
        );
    });
}

#[test]
fn a_gather_that_has_failed_is_cancelled_no_more() {
    with_paused_clock(|| async {
        let gather = stook::gather([after(1), after(4)]);
        let other = gather.handles().remove(1);
        tokio::time::sleep(seconds(2)).await;
        assert!(!gather.cancel());
        assert_eq!(other.cancelling(), 0);
        assert_eq!(gather.await.unwrap_err().to_string(), "1 crashed");
        assert_eq!(other.done().await.unwrap(), TaskState::Ok);
    });
}

#[test]
fn a_gather_that_its_handle_cancels_twice_tells_the_first_reason() {
    with_paused_clock(|| async {
        let slow = stook::with_cleanup(forever(), tokio::time::sleep(seconds(1)));
        let gather = stook::gather([slow]);
        settle().await;
        for reason in ["first", "second"] {
            assert!(gather.cancel_with(reason));
        }
        let cancelled = gather.await.unwrap_err();
        assert_eq!(cancelled.reason(), Some("first"));
    });
}

//! Task groups that are cancelled by their handles.

use std::io;

use stook::{Cancelled, Outcome, TaskGroup};
use tokio::time::Instant;

use crate::group::{failure, forever, is_cancelled_when_asked};
use crate::stage::{seconds, settle, with_paused_clock};

#[test]
fn a_group_is_cancelled_by_its_handle() {
    with_paused_clock(|| async {
        let mut task = stook::spawn(async {
            stook::task_group(async |group: TaskGroup<Cancelled>| {
                group.spawn(forever::<Cancelled>()).unwrap();
                let inner = group.clone();
                group
                    .spawn(async move {
                        inner.cancel_with("enough");
                        Ok(())
                    })
                    .unwrap();
                forever::<Cancelled>().await
            })
            .await
        });
        match task.join().await.unwrap() {
            Outcome::Err(error) => {
                assert_eq!(error.cancelled.unwrap().reason(), Some("enough"));
            }
            other => panic!("the task itself was not cancelled: {other:?}"),
        }
    });
}

#[test]
fn a_request_goes_before_the_cancellation_of_the_group_by_its_handle() {
    with_paused_clock(|| async {
        let mut task = stook::spawn(async {
            stook::task_group(async |group: TaskGroup<Cancelled>| {
                let tidied = tokio::time::sleep(seconds(5));
                group.spawn(stook::with_cleanup(forever(), tidied)).unwrap();
                settle().await;
                group.cancel_with("enough");
                forever::<Cancelled>().await
            })
            .await
        });
        tokio::time::sleep(seconds(1)).await;
        // Its body has ended by then, and the group waits for its task.
        task.cancel_with("closing time");
        match task.join().await.unwrap() {
            Outcome::Cancelled(why) => assert_eq!(why.reason(), Some("closing time")),
            other => panic!("it was cancelled, too: {other:?}"),
        }
    });
}

#[test]
fn a_group_that_is_cancelled_by_its_handle_asks_its_tasks_once() {
    with_paused_clock(|| async {
        let mut caller = stook::spawn(async {
            let mut tasks = Vec::new();
            let end = stook::task_group(async |group: TaskGroup<io::Error>| {
                for fails in [true, false, false] {
                    let tidy = async move {
                        assert!(forever::<Cancelled>().await.is_err());
                        stook::sleep(seconds(if fails { 2 } else { 5 })).await?;
                        if fails {
                            Err(failure("out of paper"))
                        } else {
                            Ok(())
                        }
                    };
                    tasks.push(group.spawn(tidy).unwrap());
                }
                settle().await;
                group.cancel();
                // Neither the end of the body, nor that of a task, nor the caller asks again.
                forever().await
            });
            let errors = end.await.unwrap_err().errors;
            assert_eq!(errors.len(), 1);
            assert!(tasks[1].try_take().unwrap().is_ok());
            Ok::<_, Cancelled>((errors[0].to_string(), tasks[1].cancelling()))
        });
        let begun = Instant::now();
        tokio::time::sleep(seconds(1)).await;
        caller.cancel();
        let end = caller.join().await.unwrap().ok().unwrap();
        assert_eq!(end, ("out of paper".to_owned(), 1));
        assert_eq!(begun.elapsed(), seconds(5));
    });
}

#[test]
fn a_group_that_is_cancelled_after_its_body_keeps_the_value_and_begins_no_task() {
    with_paused_clock(|| async {
        let end = stook::task_group(async |group: TaskGroup<Cancelled>| {
            let inner = group.clone();
            group
                .spawn(async move {
                    stook::sleep(seconds(1)).await?;
                    assert!(inner.cancel());
                    let born =
                        inner.spawn(async { panic!("it has begun") as Result<(), Cancelled> });
                    drop(born);
                    stook::checkpoint().await
                })
                .unwrap();
            Ok("value")
        });
        assert_eq!(end.await.unwrap(), "value");
    });
}

#[test]
fn a_group_without_tasks_is_cancelled_once() {
    with_paused_clock(|| async {
        let end = stook::task_group(async |group: TaskGroup<Cancelled>| {
            assert!(group.cancel(), "there is the body");
            assert!(!group.cancel());
            stook::checkpoint().await
        });
        assert!(end.await.unwrap_err().cancelled.is_some());
    });
}

#[test]
fn a_request_that_meets_a_group_which_is_cancelled_is_delivered_after_its_value() {
    with_paused_clock(|| async {
        let task = stook::spawn(async {
            let group = stook::task_group(async |group: TaskGroup<Cancelled>| {
                let tidied = tokio::time::sleep(seconds(5));
                drop(group.spawn(stook::with_cleanup(forever(), tidied)));
                settle().await;
                group.cancel();
                Ok(7)
            });
            assert_eq!(group.await.unwrap(), 7);
            stook::checkpoint().await
        });
        tokio::time::sleep(seconds(1)).await;
        is_cancelled_when_asked(task).await;
    });
}

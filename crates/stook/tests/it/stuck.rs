//! Tasks that were asked to cancel and reach no cancel point.

use std::sync::Arc;

use stook::{Cancelled, Report, TaskGroup, TaskState};

use crate::report::{forever, listen, reports};
use crate::stage::{seconds, settle, with_paused_clock};

#[test]
fn a_cancel_that_reaches_no_cancel_point_is_reported_with_what_never_started() {
    listen();
    with_paused_clock(|| async {
        let _watch = stook::watch_cancels(seconds(5));
        let unblocked = Arc::new(tokio::sync::Notify::new());
        let (waits, unblocks) = (Arc::clone(&unblocked), Arc::clone(&unblocked));
        let group = stook::task_group(async move |group: TaskGroup<Cancelled>| {
            stook::builder()
                .name("stuck waiter")
                .spawn_in(&group, async move {
                    waits.notified().await;
                    Ok(())
                })
                .unwrap();
            settle().await;
            stook::builder()
                .name("late unblocker")
                .spawn_in(&group, async move {
                    unblocks.notify_one();
                    Ok(())
                })
                .unwrap();
            group.cancel_with("enough");
            Ok(())
        });
        let helps = async {
            tokio::time::sleep(seconds(30)).await;
            unblocked.notify_one();
        };
        let (end, ()) = futures_util::join!(group, helps);
        assert!(end.is_ok());
        let found = reports("stuck waiter");
        let [
            Report::StuckCancel {
                task,
                never_started,
            },
        ] = &found[..]
        else {
            panic!("{found:?}");
        };
        assert_eq!((task.state, &task.waiting), (TaskState::Cancelling, &None));
        assert_eq!(never_started[0].name.as_deref(), Some("late unblocker"));
    });
}

#[test]
fn each_of_one_loop_that_never_started_is_reported_beside_who_is_stuck() {
    listen();
    with_paused_clock(|| async {
        let _watch = stook::watch_cancels(seconds(5));
        let group = stook::task_group(async |group: TaskGroup<Cancelled>| {
            let stuck = stook::builder().name("stuck beside a loop");
            let stuck = stuck.spawn_in(&group, async {
                tokio::time::sleep(seconds(30)).await;
                Ok(())
            });
            drop(stuck);
            settle().await;
            // Most share a block, where some places are left.
            let never = [(); 6].map(|()| group.spawn(stook::checkpoint()).unwrap().id());
            group.cancel();
            Ok(never)
        });
        let never = group.await.unwrap();
        let found = reports("stuck beside a loop");
        let [Report::StuckCancel { never_started, .. }] = &found[..] else {
            panic!("{found:?}");
        };
        assert!(never_started.iter().map(|who| who.id).eq(never));
    });
}

#[test]
fn what_was_aborted_before_it_began_is_not_beside_who_is_stuck() {
    listen();
    with_paused_clock(|| async {
        let _watch = stook::watch_cancels(seconds(5));
        let group = stook::task_group(async |group: TaskGroup<Cancelled>| {
            let stuck = stook::builder().name("stuck beside an abort");
            drop(stuck.spawn_in(&group, async {
                tokio::time::sleep(seconds(30)).await;
                Ok(())
            }));
            settle().await;
            let [aborted, cancelled] = [(); 2].map(|()| group.spawn(forever()).unwrap());
            aborted.abort();
            cancelled.cancel();
            group.cancel();
            Ok(cancelled.id())
        });
        let cancelled = group.await.unwrap();
        let found = reports("stuck beside an abort");
        let [Report::StuckCancel { never_started, .. }] = &found[..] else {
            panic!("{found:?}");
        };
        assert!(never_started.iter().map(|who| who.id).eq([cancelled]));
    });
}

#[test]
fn of_many_that_never_started_the_first_are_told() {
    listen();
    with_paused_clock(|| async {
        let _watch = stook::watch_cancels(seconds(5));
        let group = stook::task_group(async |group: TaskGroup<Cancelled>| {
            let stuck = stook::builder().name("stuck beside many");
            drop(stuck.spawn_in(&group, async {
                tokio::time::sleep(seconds(30)).await;
                Ok(())
            }));
            settle().await;
            let never: Vec<_> = (0..40)
                .map(|_| group.spawn(forever()).unwrap().id())
                .collect();
            group.cancel();
            Ok(never)
        });
        let never = group.await.unwrap();
        let found = reports("stuck beside many");
        let [Report::StuckCancel { never_started, .. }] = &found[..] else {
            panic!("{found:?}");
        };
        let told: Vec<_> = never_started.iter().map(|who| who.id).collect();
        assert_eq!(told, never[..32]);
    });
}

#[test]
fn a_task_that_hears_of_its_request_is_not_stuck() {
    listen();
    with_paused_clock(|| async {
        let _watch = stook::watch_cancels(seconds(1));
        let mut task = stook::builder().name("heard of it").spawn(async {
            forever().await.unwrap_err();
            tokio::time::sleep(seconds(60)).await;
            Ok::<_, Cancelled>(())
        });
        settle().await;
        task.cancel();
        assert!(task.join().await.unwrap().is_ok());
        assert!(reports("heard of it").is_empty());
    });
}

#[test]
fn each_of_the_stuck_is_reported_once_for_each_request() {
    listen();
    with_paused_clock(|| async {
        let _watch = stook::watch_cancels(seconds(5));
        let tasks = ["stuck one", "stuck other"].map(|name| {
            stook::builder().name(name).spawn(async {
                tokio::time::sleep(seconds(100)).await;
                stook::checkpoint().await
            })
        });
        settle().await;
        for task in &tasks {
            task.cancel_with("first");
        }
        tokio::time::sleep(seconds(30)).await;
        tasks[0].cancel_with("second");
        for task in tasks {
            assert!(task.await.is_err());
        }
        let reasons = |word| {
            let found = reports(word);
            let reasons = found.iter().map(|report| match report {
                Report::StuckCancel { task, .. } => task.reason.clone().unwrap(),
                other => panic!("{other}"),
            });
            reasons.collect::<Vec<_>>()
        };
        assert_eq!(reasons("stuck one"), ["first", "second"]);
        assert_eq!(reasons("stuck other"), ["first"]);
    });
}

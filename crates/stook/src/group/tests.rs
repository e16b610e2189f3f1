//! What a group knows of its tasks, and for how long.

use std::future::{pending, ready};
use std::panic::Location;
use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::task::yield_now;

use super::brood::Brood;
use super::{Group, TaskGroup, task_group};
use crate::block::CellRef;
use crate::sync::lock;
use crate::{CancelError, Cancelled, OrCancel, Task, TaskId, checkpoint, spawn};

/// Until all have ended that are in it.
async fn empty<E>(group: &TaskGroup<E>) {
    while !group.is_empty() {
        yield_now().await;
    }
}

/// How many it waits for.
fn counted<E>(group: &TaskGroup<E>) -> usize {
    lock(&group.0.family.state).more.machine.marks().tasks
}

fn place<T, E: CancelError>(task: &Task<T, E>) -> usize {
    task.cell().place()
}

#[tokio::test(start_paused = true)]
async fn tasks_of_one_loop_share_blocks_each_with_twice_the_room() {
    let end = task_group(async |group: TaskGroup<Cancelled>| {
        let one_more = || group.spawn(checkpoint()).expect("it is open");
        let tasks: Vec<_> = (0..5).map(|_| one_more()).collect();
        let places: Vec<_> = tasks.iter().map(place).collect();
        assert_eq!(places, [0, 0, 1, 2, 0]);
        empty(&group).await;
        assert_eq!(place(&one_more()), 1, "there is room where all have ended");
        let other = group.spawn(ready(Ok("of another type")));
        assert_eq!(place(&other.expect("it is open")), 0);
        Ok(())
    });
    end.await.expect("no error");
}

#[tokio::test(start_paused = true)]
async fn a_block_that_is_full_has_one_with_twice_the_room_after_it_though_all_have_ended() {
    let end = task_group(async |group: TaskGroup<Cancelled>| {
        let one_more = || place(&group.spawn(checkpoint()).expect("it is open"));
        assert_eq!([(); 4].map(|()| one_more()), [0, 0, 1, 2]);
        empty(&group).await;
        assert_eq!([(); 2].map(|()| one_more()), [0, 1]);
        Ok(())
    });
    end.await.expect("no error");
}

#[tokio::test(start_paused = true)]
async fn those_that_had_ended_when_their_block_was_closed_are_not_waited_for() {
    let end = task_group(async |group: TaskGroup<Cancelled>| {
        for _ in 0..3 {
            drop(group.spawn(checkpoint()));
        }
        empty(&group).await;
        drop(group.spawn(ready(Ok("of another type"))));
        assert_eq!(counted(&group), 1);
        Ok(())
    });
    let end = tokio::time::timeout(Duration::from_secs(1), end).await;
    end.expect("nobody is left").expect("no error");
}

/// Two threads can come to this: one has ended the task and has not said so yet, the other closes the
/// block.
#[tokio::test(start_paused = true)]
async fn a_task_whose_blocks_place_is_anothers_by_now_says_nothing_of_that() {
    let end = task_group(async |group: TaskGroup<Cancelled>| {
        let first = group.spawn(checkpoint()).expect("it is open");
        empty(&group).await;
        drop(group.spawn(ready(Ok("of another type"))));
        let (block, waker) = {
            let members = &mut lock(&group.0.family.state).more;
            members.none_left(0, first.cell())
        };
        assert!(block.is_none() && waker.is_none());
        assert_eq!((group.len(), counted(&group)), (1, 1));
        Ok(())
    });
    end.await.expect("no error");
}

#[tokio::test(start_paused = true)]
async fn those_that_have_not_ended_are_listed_and_have_others_beside_them_that_never_began() {
    let stranger = spawn(pending::<()>().or_cancel());
    let end = task_group(async |group: TaskGroup<Cancelled>| {
        let [one, other] = [(); 2].map(|()| group.spawn(pending::<()>().or_cancel()));
        let (one, other) = (one.expect("it is open"), other.expect("it is open"));
        other.cancel();
        while !other.is_done() {
            yield_now().await;
        }
        let family = &group.0.family;
        let unfinished = family.unfinished();
        assert!(unfinished.iter().map(|cell| cell.id()).eq([one.id()]));
        let beside = |cell: &CellRef| {
            let beside = crate::registry::Listed::never_started_beside(&**family, cell);
            beside.iter().map(|who| who.id).collect::<Vec<_>>()
        };
        assert_eq!(beside(one.cell()), [other.id()]);
        assert_eq!(beside(stranger.cell()), [], "it is in no group");
        group.cancel();
        Ok(())
    });
    end.await.expect("no error");
    stranger.cancel();
}

#[tokio::test(start_paused = true)]
async fn a_family_that_is_used_again_has_nothing_of_the_group_before() {
    let mut first = TaskId::next();
    let end = task_group(async |group: TaskGroup<std::io::Error>| {
        first = group.0.family.id();
        // It ends after the body, whose scope does not fire any more.
        drop(group.spawn(async {
            yield_now().await;
            Err::<(), _>(std::io::Error::other("out of paper"))
        }));
        Ok(())
    });
    assert_eq!(end.await.expect_err("an error").errors.len(), 1);
    let end = task_group(async |group: TaskGroup<Cancelled>| {
        assert_eq!(group.0.family.id(), first);
        let members = &lock(&group.0.family.state).more;
        assert!(!members.has_errors && !members.is_abandoned);
        assert!(members.waker.is_none());
        Ok(())
    });
    end.await.expect("no error");
}

#[tokio::test(start_paused = true)]
async fn a_thread_keeps_the_families_of_sixteen_groups() {
    let waits = async |group: TaskGroup<Cancelled>| {
        yield_now().await;
        Ok(group.0.family.id())
    };
    let enter = || async move { task_group(waits).await.expect("no error") };
    let many = || futures_util::future::join_all((0..20).map(|_| enter()));
    let (first, second) = (many().await, many().await);
    let again = second.iter().filter(|id| first.contains(id)).count();
    assert_eq!(again, 16);
}

#[tokio::test(start_paused = true)]
async fn a_block_whose_tasks_have_ended_goes_when_the_body_has() {
    let (tell, told) = std::sync::mpsc::channel();
    let end = task_group(async |group: TaskGroup<Cancelled>| {
        let task = group.spawn(checkpoint()).expect("it is open");
        let block: Option<Arc<Brood<(), Cancelled>>> = task.cell().clone().into_block();
        // Of another type: the block of the first has no room any more.
        drop(group.spawn(async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            Ok(7)
        }));
        while !task.is_done() {
            yield_now().await;
        }
        tell.send(block.as_ref().map(Arc::downgrade))
            .expect("heard");
        Ok(())
    });
    let looks = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let block: Weak<_> = told.recv().expect("told").expect("it is its block");
        assert_eq!(block.strong_count(), 0, "the group waits for the other");
    };
    let (end, ()) = futures_util::join!(end, looks);
    end.expect("no error");
}

#[tokio::test(start_paused = true)]
async fn a_task_that_comes_when_the_group_was_dropped_keeps_it_no_longer_than_it_is_there() {
    let mut kept = None;
    let mut group = Box::pin(task_group(async |group: TaskGroup<Cancelled>| {
        drop(group.spawn(async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            Ok(())
        }));
        kept = Some(group);
        pending::<Result<(), _>>().await
    }));
    assert!(group.as_mut().now_or_never().is_none());
    drop(group);
    let group: TaskGroup<Cancelled> = kept.expect("the body has run");
    let weak: Weak<Group<Cancelled>> = Arc::downgrade(&group.0);
    for _ in 0..3 {
        let born = group.spawn(ready(Ok(()))).expect("one runs still");
        assert_eq!(place(&born), 0);
    }
    drop(group);
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert!(weak.upgrade().is_none());
}

#[tokio::test(start_paused = true)]
async fn who_waits_is_woken_by_the_last_alone() {
    let mut polls = 0;
    let mut end = Box::pin(task_group(async |group: TaskGroup<Cancelled>| {
        for seconds in [1, 2] {
            let sleep = tokio::time::sleep(Duration::from_secs(seconds));
            drop(group.spawn(async move {
                sleep.await;
                Ok(seconds)
            }));
            // In blocks of their own.
            drop(group.spawn(ready(Ok("of another type"))));
        }
        Ok(Location::caller())
    }));
    let counted = std::future::poll_fn(|cx| {
        polls += 1;
        end.as_mut().poll(cx)
    });
    assert!(counted.await.is_ok());
    assert_eq!(polls, 2);
}

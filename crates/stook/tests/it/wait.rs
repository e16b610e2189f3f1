//! `wait`, `wait_any`, `as_completed`: they give back the tasks, or take them along.

use std::future::pending;
use std::io;
use std::sync::Arc;

use futures_util::FutureExt;
use stook::{CancelKind, Cancelled, OrCancel, Outcome, Task, TaskState, When};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::Semaphore;
use tokio::task::yield_now;
use tokio::time::{Duration, Instant};

use crate::stage::{everywhere, rounds, seconds, settle, with_paused_clock};

async fn after(number: u64) -> io::Result<u64> {
    stook::sleep(seconds(number)).await?;
    if number % 2 == 1 {
        return Err(io::Error::other(format!("{number} crashed")));
    }
    Ok(number)
}

fn flaky(numbers: impl IntoIterator<Item = u64>) -> Vec<Task<u64, io::Error>> {
    numbers
        .into_iter()
        .map(|number| stook::spawn(after(number)))
        .collect()
}

async fn read_all(tasks: Vec<Task<u64, io::Error>>) {
    for mut task in tasks {
        if !task.is_done() {
            task.cancel();
            drop(task.join().await.unwrap());
        } else {
            drop(task.try_take());
        }
    }
}

#[test]
fn the_first_to_end_the_first_error_and_all() {
    with_paused_clock(|| async {
        for (when, done, elapsed) in [
            (When::FirstCompleted, 1, 2),
            (When::FirstError, 3, 5),
            (When::All, 4, 6),
        ] {
            let begun = Instant::now();
            let tasks = flaky([4, 2, 6, 5]);
            let waited = stook::wait(&tasks, when, None).await.unwrap();
            assert_eq!(
                (waited.done.len(), waited.pending.len()),
                (done, 4 - done),
                "{when:?}"
            );
            assert_eq!(begun.elapsed(), seconds(elapsed));
            read_all(tasks).await;
        }
    });
}

#[test]
fn the_time_ends_a_wait_and_leaves_the_tasks_alone() {
    with_paused_clock(|| async {
        let tasks = flaky([2, 4, 6]);
        let waited = stook::wait(&tasks, When::All, Some(seconds(5)))
            .await
            .unwrap();
        assert_eq!((waited.done.len(), waited.pending.len()), (2, 1));
        let rest = stook::wait(waited.pending, When::All, None).await.unwrap();
        assert_eq!(rest.done[0].try_take().unwrap().ok(), Some(6));
        let again = stook::wait(&tasks, When::All, Some(seconds(0)))
            .await
            .unwrap();
        assert_eq!(again.done.len(), 3);
    });
}

#[test]
fn no_time_at_all_is_a_look_whether_or_not_the_clock_runs() {
    everywhere(|| async {
        let task = stook::spawn(pending::<()>().or_cancel());
        let look = stook::wait([&task], When::All, Some(seconds(0)));
        let waited = look.now_or_never().unwrap().unwrap();
        assert_eq!((waited.done.len(), waited.pending.len()), (0, 1));
        let look = stook::wait_any([&task], Some(seconds(0)));
        let waited = look.now_or_never().unwrap().unwrap();
        assert_eq!(waited.pending[0].cancelling(), 1);
        assert!(task.await.is_err());
    });
}

#[test]
fn a_cancelled_wait_leaves_its_tasks_alone() {
    everywhere(|| async {
        let (go, gone) = tokio::sync::oneshot::channel::<()>();
        let task = stook::spawn(async {
            gone.await.unwrap();
            Ok::<_, Cancelled>("done")
        });
        let handle = task.handle();
        let mut waiter = stook::spawn(async move {
            let end = stook::wait([&task], When::All, None).await.map(|_| ());
            assert!(end.is_err());
            drop(end);
            Ok::<_, Cancelled>(task)
        });
        waiter.cancel();
        while !waiter.is_done() {
            tokio::task::yield_now().await;
        }
        assert_eq!(handle.cancelling(), 0);
        go.send(()).unwrap();
        if let Outcome::Ok(task) = waiter.join().await.unwrap() {
            assert_eq!(task.await.unwrap(), "done");
        } else {
            handle.done().await.unwrap();
        }
    });
}

#[test]
fn of_no_tasks_it_is_over_at_once() {
    with_paused_clock(|| async {
        let none: Vec<Task<(), Cancelled>> = Vec::new();
        let waited = stook::wait(&none, When::FirstCompleted, None)
            .await
            .unwrap();
        assert!(waited.done.is_empty() && waited.pending.is_empty());
        assert!(stook::wait_any(&none, None).await.unwrap().done.is_empty());
        assert!(stook::as_completed(none).next().await.unwrap().is_none());
    });
}

#[test]
fn what_has_ended_before_is_found() {
    with_paused_clock(|| async {
        let tasks = flaky([0, 2]);
        settle().await;
        let begun = Instant::now();
        let waited = stook::wait(&tasks, When::FirstCompleted, None)
            .await
            .unwrap();
        assert_eq!((waited.done.len(), begun.elapsed()), (1, seconds(0)));
        read_all(tasks).await;
    });
}

#[test]
fn a_cancelled_child_is_no_error() {
    with_paused_clock(|| async {
        let tasks = flaky([2, 4]);
        tasks[0].cancel();
        let begun = Instant::now();
        let waited = stook::wait(&tasks, When::FirstError, None).await.unwrap();
        assert_eq!((waited.done.len(), begun.elapsed()), (2, seconds(4)));
    });
}

#[test]
fn wait_any_cancels_the_others() {
    with_paused_clock(|| async {
        let tasks = flaky([60, 2, 60]);
        let waited = stook::wait_any(&tasks, None).await.unwrap();
        assert_eq!(waited.done[0].try_take().unwrap().ok(), Some(2));
        settle().await;
        assert!(
            waited
                .pending
                .iter()
                .all(|task| task.state() == TaskState::Cancelled)
        );
        match waited.pending[0].try_take().unwrap() {
            Outcome::Cancelled(cancelled) => assert_eq!(cancelled.kind(), CancelKind::LostRace),
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn wait_any_that_is_cancelled_or_dropped_cancels_all() {
    with_paused_clock(|| async {
        for cancels in [true, false] {
            let tasks = flaky([60, 60]);
            let handles: Vec<_> = tasks.iter().map(Task::handle).collect();
            let mut waiter = stook::spawn(async move {
                stook::wait_any(&tasks, None).await?;
                Ok::<_, Cancelled>(())
            });
            settle().await;
            if cancels {
                waiter.cancel_with("the client left");
                assert!(waiter.join().await.unwrap().is_cancelled());
                let reason = handles[0].info().reason;
                assert_eq!(reason.as_deref(), Some("the client left"));
            } else {
                waiter.abort();
            }
            for handle in handles {
                assert_eq!(handle.done().await.unwrap(), TaskState::Cancelled);
            }
        }
    });
}

#[test]
fn outcomes_come_as_tasks_end() {
    with_paused_clock(|| async {
        let mut ends = stook::as_completed(flaky([6, 2, 4]));
        let mut places = Vec::new();
        while let Some((place, outcome)) = ends.next().await.unwrap() {
            places.push((place, outcome.ok().unwrap(), ends.remaining()));
        }
        assert_eq!(places, [(1, 2, 2), (2, 4, 1), (0, 6, 0)]);
    });
}

#[test]
fn as_completed_goes_on_after_a_cancellation_and_cancels_when_dropped() {
    with_paused_clock(|| async {
        let tasks = flaky([2, 60]);
        let handles: Vec<_> = tasks.iter().map(Task::handle).collect();
        let mut ends = stook::as_completed(tasks);
        let mut waiter = stook::spawn(async move {
            assert!(ends.next().await.is_err());
            let (place, _) = ends.next().await?.unwrap();
            Ok::<_, Cancelled>(place)
        });
        settle().await;
        waiter.cancel();
        assert_eq!(waiter.join().await.unwrap().ok(), Some(0));
        assert_eq!(handles[1].done().await.unwrap(), TaskState::Cancelled);
        assert!(handles[1].info().is_orphan);
    });
}

#[test]
fn many_waiters_of_one_task_all_hear_of_it() {
    everywhere(|| async {
        let task = stook::spawn(async {
            pending::<()>().or_cancel().await?;
            Ok::<_, Cancelled>(())
        });
        let waiters: Vec<_> = (0..20)
            .map(|_| {
                let handle = task.handle();
                stook::spawn(async move { handle.done().await })
            })
            .collect();
        task.cancel();
        for waiter in waiters {
            assert_eq!(waiter.await.unwrap(), TaskState::Cancelled);
        }
    });
}

#[test]
fn an_aborted_task_is_no_error_to_who_waits_for_the_first() {
    with_paused_clock(|| async {
        let tasks = [(); 2].map(|()| stook::spawn(pending::<()>().or_cancel()));
        tasks[0].abort();
        let wait = stook::wait(&tasks, When::FirstError, Some(seconds(1)));
        let waited = wait.await.unwrap();
        assert_eq!((waited.done.len(), waited.pending.len()), (1, 1));
        assert_eq!(waited.done[0].state(), TaskState::Aborted);
        tasks[1].cancel();
    });
}

#[test]
fn an_aborted_task_of_a_group_ends_no_other() {
    with_paused_clock(|| async {
        let group = stook::task_group(async |group: stook::TaskGroup<Cancelled>| {
            let aborted = group.spawn(pending::<()>().or_cancel()).unwrap();
            drop(group.spawn(stook::sleep(seconds(5))));
            aborted.abort();
            stook::sleep(seconds(2)).await
        });
        let begun = Instant::now();
        group.await.unwrap();
        assert_eq!(begun.elapsed(), seconds(5));
    });
}

/// Waits for these, and checks what is told of them: at a time when others end them.
async fn waits_rightly(
    tasks: &[&Task<usize, Cancelled>],
    when: When,
    timeout: Option<Duration>,
) -> Result<(), Cancelled> {
    let ended_before: Vec<_> = tasks.iter().map(|task| task.is_done()).collect();
    let waited = stook::wait(tasks.iter().copied(), when, timeout).await?;
    let ids = |tasks: &[&Task<usize, Cancelled>]| -> Vec<_> {
        tasks.iter().map(|task| task.id()).collect()
    };
    let (done, pending) = (ids(&waited.done), ids(&waited.pending));
    for (task, ended_before) in tasks.iter().zip(ended_before) {
        assert_ne!(done.contains(&task.id()), pending.contains(&task.id()));
        assert!(!ended_before || done.contains(&task.id()));
    }
    assert_eq!(done.len() + pending.len(), tasks.len());
    assert!(waited.done.iter().all(|task| task.is_done()));
    if Handle::current().runtime_flavor() == RuntimeFlavor::CurrentThread {
        assert!(!waited.pending.iter().any(|task| task.is_done()));
    }
    match when {
        _ if timeout.is_some() => {}
        When::FirstCompleted => assert!(!done.is_empty()),
        When::All | When::FirstError => assert!(pending.is_empty()),
    }
    Ok(())
}

#[test]
fn several_wait_for_some_of_one_loop_while_they_end() {
    everywhere(|| async {
        for round in 0..rounds(200) as usize {
            let gate = Arc::new(Semaphore::new(0));
            let tasks = (0..45).map(|number| {
                let gate = Arc::clone(&gate);
                stook::spawn(async move {
                    for _ in 0..(number * 7 + round) % 5 {
                        yield_now().await;
                    }
                    if number % 11 == 0 {
                        drop(gate.acquire().or_cancel().await?);
                    }
                    Ok::<_, Cancelled>(number)
                })
            });
            let tasks: Arc<Vec<_>> = Arc::new(tasks.collect());
            // More take minutes under Miri.
            let several = if cfg!(miri) { 2 } else { 6 };
            let waiters = (0..several).map(|waiter| {
                let tasks = Arc::clone(&tasks);
                stook::spawn(async move {
                    for step in 0..4 {
                        let first = (waiter * 7 + step * 5 + round) % 30;
                        let some = &tasks[first..=first + (waiter + round) % 15];
                        let mut given: Vec<_> = some.iter().collect();
                        match step {
                            1 => given.reverse(),
                            2 => given.extend(some),
                            _ => {}
                        }
                        // One that is dropped half-way.
                        drop(stook::wait(given.iter().copied(), When::All, None).now_or_never());
                        let (when, timeout) = match (waiter + step) % 4 {
                            0 => (When::All, Some(Duration::ZERO)),
                            1 => (When::All, None),
                            2 => (When::FirstCompleted, None),
                            _ => (When::FirstError, None),
                        };
                        waits_rightly(&given, when, timeout).await?;
                    }
                    Ok::<_, Cancelled>(())
                })
            });
            let waiters: Vec<_> = waiters.collect();
            yield_now().await;
            tasks[11].abort();
            tasks[22].cancel();
            tasks[5].cancel();
            for _ in 0..round % 8 {
                yield_now().await;
            }
            gate.add_permits(tasks.len());
            for waiter in waiters {
                waiter.await.unwrap();
            }
        }
    });
}

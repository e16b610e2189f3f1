//! Task groups: their tasks end together.

use std::fmt::Debug;
use std::future::pending;
use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::FutureExt;
use stook::{
    CancelError, CancelKind, Cancelled, GroupClosed, OrCancel, Outcome, TaskGroup, TaskState,
};
use tokio::time::Instant;

use crate::stage::{everywhere, in_local_set, rounds, seconds, settle, with_paused_clock};

pub(crate) async fn forever<E: From<Cancelled>>() -> Result<(), E> {
    Ok(pending().or_cancel().await?)
}

pub(crate) fn failure(text: &str) -> io::Error {
    io::Error::other(text.to_owned())
}

#[test]
fn it_returns_when_all_have_ended() {
    everywhere(|| async {
        let (one, two) = stook::task_group(async |group: TaskGroup<Cancelled>| {
            let one = group.spawn(async {
                stook::checkpoint().await?;
                Ok(1)
            });
            Ok((one.unwrap(), group.spawn(async { Ok(2) }).unwrap()))
        })
        .await
        .unwrap();
        assert!(one.is_done() && two.is_done());
        assert_eq!(one.await.unwrap() + two.await.unwrap(), 3);
    });
}

#[test]
fn a_failure_cancels_the_siblings_and_the_body_and_its_handle_is_completed() {
    with_paused_clock(|| async {
        let mut handles = Vec::new();
        let error = stook::task_group(async |group| {
            handles.push(group.spawn(async {
                stook::sleep(seconds(1)).await?;
                Err::<(), _>(failure("out of paper"))
            }));
            handles.push(group.spawn(async {
                let cancelled = forever::<Cancelled>().await.unwrap_err();
                assert_eq!(cancelled.kind(), CancelKind::SiblingFailed);
                stook::sleep(seconds(5)).await?;
                Err(cancelled.into())
            }));
            // Again and again, until it gives in.
            for _ in 0..3 {
                assert!(stook::sleep(seconds(60)).await.is_err());
            }
            stook::checkpoint().await?;
            Ok(())
        })
        .await
        .unwrap_err();
        assert!(error.cancelled.is_none());
        assert_eq!(error.errors.len(), 1, "{error}");
        assert_eq!(error.errors[0].to_string(), "out of paper");
        let mut handles: Vec<_> = handles.into_iter().map(Result::unwrap).collect();
        match handles[0].join().await.unwrap() {
            Outcome::Err(shared) => assert_eq!(shared.to_string(), "out of paper"),
            other => panic!("{other:?}"),
        }
        assert_eq!(handles[1].state(), TaskState::Cancelled);
        stook::checkpoint().await.unwrap();
    });
}

#[test]
fn errors_of_several_and_of_the_body_come_together() {
    with_paused_clock(|| async {
        let error = stook::task_group(async |group| {
            for text in ["one", "two"] {
                group
                    .spawn(async move {
                        let _ = forever::<Cancelled>().await;
                        Err::<(), _>(failure(text))
                    })
                    .unwrap();
            }
            settle().await;
            Err::<(), _>(failure("the body"))
        })
        .await
        .unwrap_err();
        let texts: Vec<_> = error.errors.iter().map(|error| error.to_string()).collect();
        assert_eq!(texts, ["one", "two", "the body"]);
    });
}

#[test]
fn a_task_that_is_cancelled_alone_is_no_error() {
    with_paused_clock(|| async {
        let end = stook::task_group(async |group: TaskGroup<Cancelled>| {
            let task = group.spawn(forever::<Cancelled>()).unwrap();
            group.spawn(stook::sleep(seconds(1))).unwrap();
            task.cancel();
            Ok("well")
        });
        assert_eq!(end.await.unwrap(), "well");
    });
}

/// The task is asked to cancel, and is told of that request.
pub(crate) async fn is_cancelled_when_asked<T: Debug, E: CancelError + Debug>(
    mut task: stook::Task<T, E>,
) {
    task.cancel_with("closing time");
    match task.join().await.unwrap() {
        Outcome::Cancelled(why) => assert_eq!(why.reason(), Some("closing time")),
        other => panic!("{other:?}"),
    }
}

#[test]
fn cancelling_who_waits_cancels_all_and_waits_for_them() {
    with_paused_clock(|| async {
        for body_waits in [true, false] {
            let task = stook::spawn(async move {
                stook::task_group(async |group: TaskGroup<Cancelled>| {
                    group
                        .spawn(stook::with_cleanup(
                            forever(),
                            tokio::time::sleep(seconds(2)),
                        ))
                        .unwrap();
                    if body_waits {
                        forever::<Cancelled>().await?;
                    }
                    Ok(())
                })
                .await
            });
            settle().await;
            let begun = Instant::now();
            is_cancelled_when_asked(task).await;
            assert_eq!(begun.elapsed(), seconds(2));
        }
    });
}

#[test]
fn a_request_that_meets_an_error_is_delivered_after_it() {
    with_paused_clock(|| async {
        let mut task = stook::spawn(async {
            let error = stook::task_group(async |group| {
                group
                    .spawn(async {
                        let _ = forever::<Cancelled>().await;
                        Err::<(), _>(failure("while tidying up"))
                    })
                    .unwrap();
                Ok(())
            });
            assert_eq!(error.await.unwrap_err().errors.len(), 1);
            assert_eq!(stook::current().unwrap().cancelling(), 1);
            stook::checkpoint().await
        });
        settle().await;
        task.cancel();
        assert!(task.join().await.unwrap().is_cancelled());
    });
}

#[test]
fn a_request_that_comes_after_a_failure_has_cancelled_the_body_is_delivered_too() {
    with_paused_clock(|| async {
        let mut task = stook::spawn(async {
            let error = stook::task_group(async |group| {
                group
                    .spawn(async {
                        stook::sleep(seconds(1)).await?;
                        Err::<(), _>(failure("out of paper"))
                    })
                    .unwrap();
                group
                    .spawn(async {
                        tokio::time::sleep(seconds(4)).await;
                        Ok::<_, io::Error>(())
                    })
                    .unwrap();
                // The group's own scope ends this.
                forever::<io::Error>().await
            });
            assert_eq!(error.await.unwrap_err().errors.len(), 1);
            assert_eq!(stook::current().unwrap().cancelling(), 1);
            stook::sleep(seconds(60)).await
        });
        settle().await;
        tokio::time::sleep(seconds(2)).await;
        task.cancel();
        let begin = Instant::now();
        assert!(task.join().await.unwrap().is_cancelled());
        assert_eq!(begin.elapsed(), seconds(2));
    });
}

#[test]
fn spawning_after_the_end_is_an_error() {
    with_paused_clock(|| async {
        let mut kept = None;
        stook::task_group(async |group: TaskGroup<Cancelled>| {
            kept = Some(group);
            Ok(())
        })
        .await
        .unwrap();
        let group = kept.unwrap();
        assert!(group.is_closed() && group.is_empty());
        assert_eq!(group.spawn(forever()).unwrap_err(), GroupClosed);
        assert!(!group.cancel());
    });
}

#[test]
fn a_task_may_spawn_others_while_the_group_is_left() {
    with_paused_clock(|| async {
        let begun = Instant::now();
        stook::task_group(async |group: TaskGroup<Cancelled>| {
            let inner = group.clone();
            group
                .spawn(async move {
                    stook::sleep(seconds(1)).await?;
                    inner.spawn(stook::sleep(seconds(4))).unwrap();
                    Ok(())
                })
                .unwrap();
            Ok(())
        })
        .await
        .unwrap();
        assert_eq!(begun.elapsed(), seconds(5));
    });
}

#[test]
fn a_task_born_into_a_closing_group_is_cancelled_at_birth() {
    with_paused_clock(|| async {
        let error = stook::task_group(async |group| {
            let inner = group.clone();
            group
                .spawn(async move {
                    let _ = forever::<Cancelled>().await;
                    let mut born = inner
                        .spawn(async { panic!("it has begun") as io::Result<()> })
                        .unwrap();
                    let outcome = stook::shield(born.join()).await.unwrap();
                    match outcome {
                        Outcome::Cancelled(why) => assert_eq!(why.kind(), CancelKind::Group),
                        other => panic!("{other:?}"),
                    }
                    Ok(())
                })
                .unwrap();
            settle().await;
            Err::<(), _>(failure("the body"))
        });
        assert_eq!(error.await.unwrap_err().errors.len(), 1);
    });
}

#[test]
fn groups_nest_and_an_inner_failure_reaches_the_outer_as_an_error() {
    with_paused_clock(|| async {
        let outer = stook::task_group(async |outer| {
            let sibling = outer.spawn(forever::<io::Error>()).unwrap();
            outer
                .spawn(async {
                    stook::task_group(async |inner| {
                        inner
                            .spawn(async { Err::<(), _>(failure("deep")) })
                            .unwrap();
                        forever::<io::Error>().await
                    })
                    .await
                    .map_err(|error| failure(&format!("inner: {}", error.errors[0])))
                })
                .unwrap();
            Ok(sibling)
        });
        let error = outer.await.unwrap_err();
        assert_eq!(error.errors[0].to_string(), "inner: deep");
    });
}

#[test]
fn a_group_in_a_timeout() {
    with_paused_clock(|| async {
        let end = stook::timeout(
            seconds(3),
            stook::task_group(async |group: TaskGroup<Cancelled>| {
                for _ in 0..3 {
                    group.spawn(forever::<Cancelled>()).unwrap();
                }
                Ok(())
            }),
        );
        assert!(end.await.is_err());
        assert!(stook::tree().is_empty());
    });
}

#[test]
fn a_panic_of_a_child_goes_on_when_all_have_ended() {
    with_paused_clock(|| async {
        let mut task = stook::spawn(async {
            stook::task_group(async |group: TaskGroup<Cancelled>| {
                group
                    .spawn(stook::with_cleanup(
                        forever(),
                        tokio::time::sleep(seconds(2)),
                    ))
                    .unwrap();
                group
                    .spawn(async { panic!("out of ink") as Result<(), Cancelled> })
                    .unwrap();
                Ok(())
            })
            .await
        });
        let begun = Instant::now();
        match task.join().await.unwrap() {
            Outcome::Panicked(panic) => assert_eq!(panic.message(), "out of ink"),
            other => panic!("{other:?}"),
        }
        assert_eq!(begun.elapsed(), seconds(2));
    });
}

#[test]
fn a_request_that_a_panic_goes_before_is_delivered_after_it() {
    with_paused_clock(|| async {
        // It comes while the body waits, or while the group waits for its task.
        for body_waits in [true, false] {
            let task = stook::spawn(async move {
                let group = stook::task_group(async |group: TaskGroup<Cancelled>| {
                    drop(group.spawn(async {
                        tokio::time::sleep(seconds(2)).await;
                        panic!("out of ink") as Result<(), Cancelled>
                    }));
                    if body_waits { forever().await } else { Ok(()) }
                });
                assert!(AssertUnwindSafe(group).catch_unwind().await.is_err());
                stook::checkpoint().await
            });
            tokio::time::sleep(seconds(1)).await;
            is_cancelled_when_asked(task).await;
        }
    });
}

#[test]
fn a_request_that_ends_the_body_is_delivered_after_an_error_of_its_clean_up() {
    with_paused_clock(|| async {
        let task = stook::spawn(async {
            let group = stook::task_group(async |group: TaskGroup<io::Error>| {
                drop(group.spawn(async {
                    drop(forever::<io::Error>().await);
                    Err::<(), _>(failure("out of paper"))
                }));
                forever().await
            });
            assert_eq!(group.await.unwrap_err().errors.len(), 1);
            stook::checkpoint().await
        });
        settle().await;
        is_cancelled_when_asked(task).await;
    });
}

#[test]
fn a_local_task_born_into_a_closing_group_is_cancelled_at_birth() {
    in_local_set(|| async {
        let group = stook::task_group(async |group: TaskGroup<Cancelled>| {
            group.cancel();
            let begins = async { panic!("it has begun") as Result<(), Cancelled> };
            Ok(group.spawn_local(begins).unwrap())
        });
        let late = group.await.unwrap();
        assert!(late.try_take().unwrap().is_cancelled());
    });
}

#[test]
fn dropped_half_way_without_a_task_it_takes_none() {
    with_paused_clock(|| async {
        let mut kept = None;
        let group = stook::task_group(async |group: TaskGroup<Cancelled>| {
            kept = Some(group);
            forever::<Cancelled>().await
        });
        assert!(tokio::time::timeout(seconds(1), group).await.is_err());
        let group = kept.unwrap();
        assert!(group.is_closed());
        assert!(group.spawn(stook::checkpoint()).is_err());
    });
}

#[test]
fn dropped_half_way_it_cancels_its_tasks_and_takes_no_others() {
    with_paused_clock(|| async {
        let mut kept = None;
        let mut handles = Vec::new();
        let group = stook::task_group(async |group: TaskGroup<Cancelled>| {
            handles.push(group.spawn(forever::<Cancelled>()).unwrap().handle());
            kept = Some(group);
            forever::<Cancelled>().await
        });
        assert!(tokio::time::timeout(seconds(1), group).await.is_err());
        assert!(stook::tree().tasks().all(|task| task.is_orphan));
        let late = kept
            .unwrap()
            .spawn(async { panic!("it has begun") as Result<(), Cancelled> });
        assert!(late.is_err() || late.unwrap().join().await.unwrap().is_cancelled());
        assert_eq!(handles[0].done().await.unwrap(), TaskState::Cancelled);
    });
}

#[test]
fn local_tasks_in_a_group() {
    in_local_set(|| async {
        let word = std::rc::Rc::new("sheaf");
        let task = stook::task_group(async |group: TaskGroup<Cancelled>| {
            Ok(group.spawn_local(async move { Ok(word) }).unwrap())
        });
        assert_eq!(*task.await.unwrap().await.unwrap(), "sheaf");
    });
}

#[test]
fn local_tasks_in_a_group_have_names_and_may_be_cancelled_by_their_handles() {
    in_local_set(|| async {
        let word = std::rc::Rc::new("sheaf");
        let (kept, dropped) = (std::rc::Rc::clone(&word), std::rc::Rc::clone(&word));
        let group = stook::task_group(async |group: TaskGroup<Cancelled>| {
            let line = line!() + 3;
            let kept = stook::builder()
                .name("kept")
                .spawn_local_in(&group, async move { Ok(kept.len()) })
                .unwrap();
            assert_eq!(kept.name(), Some("kept"));
            assert_eq!(kept.info().spawned, format!("{}:{line}", file!()));
            let dropped = stook::builder()
                .cancel_on_drop(true)
                .spawn_local_in(&group, async move {
                    let end = forever::<Cancelled>().await;
                    assert_eq!(dropped.len(), 5);
                    end
                })
                .unwrap();
            let handle = dropped.handle();
            settle().await;
            drop(dropped);
            assert_eq!(handle.done().await?, TaskState::Cancelled);
            assert_eq!(group.len(), 0);
            Ok((group, kept))
        });
        let (group, kept) = group.await.unwrap();
        assert_eq!(kept.await.unwrap(), 5);
        assert_eq!(std::rc::Rc::strong_count(&word), 1);
        let late = stook::builder().spawn_local_in(&group, async { Ok(()) });
        assert!(matches!(late, Err(GroupClosed)));
    });
}

#[test]
fn the_failure_of_a_named_local_task_is_the_groups() {
    in_local_set(|| async {
        let group = stook::task_group(async |group| {
            let failing = stook::builder().name("failing");
            let task = failing.spawn_local_in(&group, async { Err::<(), _>(failure("no paper")) });
            drop(task);
            forever::<io::Error>().await
        });
        let error = group.await.unwrap_err();
        assert_eq!(error.errors[0].to_string(), "no paper");
    });
}

#[test]
fn closing_races_with_spawning_on_two_threads() {
    everywhere(|| async {
        for _ in 0..rounds(100) {
            let end = stook::task_group(async |group| {
                for number in 0..4 {
                    let inner = group.clone();
                    group
                        .spawn(async move {
                            for _ in 0..4 {
                                let _ = inner.spawn(async { Ok(()) });
                                tokio::task::yield_now().await;
                            }
                            if number == 2 {
                                Err(failure("two"))
                            } else {
                                Ok(())
                            }
                        })
                        .unwrap();
                }
                Ok(())
            });
            assert_eq!(end.await.unwrap_err().errors.len(), 1);
            assert!(stook::tree().is_empty());
        }
    });
}

#[test]
fn each_of_many_that_are_spawned_in_one_step_has_its_own_result_and_requests() {
    everywhere(|| async {
        stook::task_group(async |group: TaskGroup<Cancelled>| {
            let (mut numbers, mut texts) = (Vec::new(), Vec::new());
            for number in 0..100_u32 {
                let task = group.spawn(async move {
                    if number % 7 == 0 {
                        forever().await?;
                    }
                    Ok(number)
                });
                numbers.push(task.unwrap());
                // Of another type in between.
                if number % 10 == 0 {
                    let text = group.spawn(async move { Ok(number.to_string()) });
                    texts.push(text.unwrap());
                }
            }
            for (number, task) in (0..).zip(&mut numbers) {
                if number % 7 == 0 {
                    assert!(task.cancel());
                    assert!(task.join().await?.is_cancelled());
                } else {
                    assert_eq!(task.join().await?.ok(), Some(number));
                }
            }
            let ids: std::collections::HashSet<_> = numbers.iter().map(|task| task.id()).collect();
            assert_eq!(ids.len(), 100);
            for (number, mut text) in (0..).step_by(10).zip(texts) {
                assert_eq!(text.join().await?.ok(), Some(u32::to_string(&number)));
            }
            Ok(())
        })
        .await
        .unwrap();
    });
}

#[test]
fn the_ages_of_children_are_as_of_the_step_that_spawned_them() {
    with_paused_clock(|| async {
        stook::task_group(async |group: TaskGroup<Cancelled>| {
            let spawn = || group.spawn(forever::<Cancelled>()).unwrap();
            let early = [spawn(), spawn()];
            stook::sleep(seconds(5)).await?;
            let late = [spawn(), spawn()];
            stook::sleep(seconds(1)).await?;
            let ages =
                |tasks: &[stook::Task<(), _>; 2]| tasks.each_ref().map(|task| task.info().age);
            assert_eq!(ages(&early), [seconds(6); 2]);
            assert_eq!(ages(&late), [seconds(1); 2]);
            group.cancel();
            Ok(())
        })
        .await
        .unwrap();
    });
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a thread that is no task's looks at the tree"
)]
fn groups_one_after_another_while_another_thread_looks_at_the_tree() {
    everywhere(|| async {
        let over = Arc::new(AtomicBool::new(false));
        let looking = {
            let (over, runtime) = (Arc::clone(&over), tokio::runtime::Handle::current());
            std::thread::spawn(move || {
                let _entered = runtime.enter();
                while !over.load(Ordering::Acquire) {
                    drop(stook::tree().to_string());
                    std::thread::yield_now();
                }
            })
        };
        let mut ids = std::collections::HashSet::new();
        for round in 0..rounds(300) {
            let end = stook::task_group(async |group| {
                assert!(group.is_empty() && !group.is_closed());
                let inner = stook::task_group(async |inner: TaskGroup<io::Error>| {
                    assert!(inner.is_empty() && !inner.is_closed());
                    drop(inner.spawn(async { Ok(()) }));
                    Ok(())
                });
                inner.await.unwrap();
                for number in 0..5 {
                    let task = group.spawn(async move {
                        stook::checkpoint().await?;
                        if round % 3 == 0 && number == 2 {
                            return Err(failure("two"));
                        }
                        Ok(())
                    });
                    assert!(ids.insert(task.unwrap().id()), "a number is given twice");
                }
                Ok(())
            });
            let errors = end.await.err().map_or(0, |end| end.errors.len());
            assert_eq!(errors, usize::from(round % 3 == 0));
            assert!(stook::tree().is_empty());
        }
        over.store(true, Ordering::Release);
        looking.join().unwrap();
    });
}

#[test]
fn who_is_told_that_a_task_has_ended_finds_that_it_is_not_counted() {
    with_paused_clock(|| async {
        let counts = Arc::new(Mutex::new(Vec::new()));
        let group = stook::task_group(async |group: TaskGroup<Cancelled>| {
            // The first is in a block of its own, the others share one that has no room left.
            for _ in 0..4 {
                let task = group.spawn(stook::checkpoint()).unwrap();
                let (group, counts) = (group.clone(), Arc::clone(&counts));
                task.on_done(move |_| counts.lock().unwrap().push(group.len()));
            }
            assert_eq!(group.len(), 4, "none has begun");
            Ok(())
        });
        group.await.unwrap();
        assert_eq!(*counts.lock().unwrap(), [3, 2, 1, 0]);
    });
}

#[test]
fn the_error_of_each_of_one_loop_is_there() {
    with_paused_clock(|| async {
        let end = stook::task_group(async |group: TaskGroup<io::Error>| {
            for number in 0..5 {
                drop(group.spawn(async move {
                    // No cancel point: the first that fails does not cancel the others.
                    tokio::time::sleep(seconds(1)).await;
                    Err::<(), _>(failure(&number.to_string()))
                }));
            }
            tokio::time::sleep(seconds(2)).await;
            Ok(())
        });
        let errors = end.await.unwrap_err().errors;
        let texts: Vec<_> = errors.iter().map(|error| error.to_string()).collect();
        assert_eq!(texts, ["0", "1", "2", "3", "4"]);
    });
}

#[test]
fn a_loop_of_tasks_that_are_spawned_while_the_group_is_left_are_all_waited_for() {
    with_paused_clock(|| async {
        let begun = Instant::now();
        stook::task_group(async |group: TaskGroup<Cancelled>| {
            let inner = group.clone();
            let spawns = group.spawn(async move {
                stook::sleep(seconds(1)).await?;
                for number in [1, 2, 9] {
                    drop(inner.spawn(stook::sleep(seconds(number))));
                }
                Ok(())
            });
            drop(spawns);
            Ok(())
        })
        .await
        .unwrap();
        assert_eq!(begun.elapsed(), seconds(10));
    });
}

#[test]
fn a_request_that_the_group_returns_is_not_delivered_again() {
    with_paused_clock(|| async {
        let mut task = stook::spawn(async {
            let group = stook::task_group(async |group: TaskGroup<Cancelled>| {
                drop(group.spawn(forever()));
                Ok(())
            });
            let cancelled = group.await.unwrap_err().cancelled.unwrap();
            stook::checkpoint().await?;
            Ok::<_, Cancelled>(cancelled.reason().map(str::to_owned))
        });
        settle().await;
        task.cancel_with("closing time");
        let end = task.join().await.unwrap().ok();
        assert_eq!(end.flatten().as_deref(), Some("closing time"));
    });
}

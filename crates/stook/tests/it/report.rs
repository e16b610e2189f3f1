//! What nobody is there to be told of. The hook is one for the process: each test looks for its own.

use std::future::pending;
use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::{Mutex, Once};

use stook::{Cancelled, Losers, OnError, OrCancel, Outcome, Report, TaskGroup, TaskState};

use crate::stage::{everywhere, seconds, settle, with_paused_clock};

static SEEN: Mutex<Vec<Report>> = Mutex::new(Vec::new());

pub(crate) fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| stook::set_report_hook(|report| SEEN.lock().unwrap().push(report.clone())));
}

/// The reports whose text has this word in it, taken out.
pub(crate) fn reports(word: &str) -> Vec<Report> {
    let mut seen = SEEN.lock().unwrap();
    let (found, other) = seen
        .drain(..)
        .partition(|report| report.to_string().contains(word));
    *seen = other;
    found
}

pub(crate) async fn forever() -> Result<(), Cancelled> {
    pending().or_cancel().await
}

#[test]
fn an_error_that_nobody_reads_is_reported_once() {
    listen();
    everywhere(|| async {
        // Dropped before it has failed, and after.
        for dropped_before in [true, false] {
            let task = stook::builder()
                .name("unread")
                .spawn(async { Err::<(), _>(io::Error::other("unread error")) });
            let handle = task.handle();
            let kept = (!dropped_before).then_some(task);
            handle.done().await.unwrap();
            drop(kept);
            let found = reports("unread error");
            assert!(
                matches!(&found[..], [Report::UnreadError { .. }]),
                "{found:?}"
            );
        }
    });
}

#[test]
fn what_was_read_or_was_cancelled_is_not_reported() {
    listen();
    with_paused_clock(|| async {
        let mut read = stook::spawn(async { Err::<(), _>(io::Error::other("was read")) });
        assert!(read.join().await.unwrap().is_error());
        drop(read);
        let cancelled = stook::builder().name("was read").spawn(forever());
        cancelled.cancel();
        settle().await;
        drop(cancelled);
        let in_group = stook::task_group(async |group: TaskGroup<io::Error>| {
            drop(group.spawn(async { Err::<(), _>(io::Error::other("was read")) }));
            Ok(())
        });
        assert!(in_group.await.is_err());
        let gathered =
            stook::gather((0..2).map(|_| async { Err::<(), _>(io::Error::other("was read")) }));
        assert!(gathered.await.is_err());
        settle().await;
        assert!(reports("was read").is_empty());
    });
}

/// Awaits something that is no cancel point for a minute, in a timeout of a second.
async fn timed_out_at_a_bare_await() -> (u32, Result<(), stook::Elapsed>) {
    let bare = async {
        tokio::time::sleep(seconds(60)).await;
        stook::checkpoint().await
    };
    let (line, end) = (line!(), stook::timeout(seconds(1), bare).await);
    (line, end.map(|inner| inner.unwrap()))
}

#[test]
fn a_timeout_that_reaches_no_cancel_point_is_reported_and_in_the_tree() {
    listen();
    with_paused_clock(|| async {
        let _watch = stook::watch_cancels(seconds(5));
        let task = stook::builder()
            .name("bare in timeout")
            .spawn(async { Ok::<_, Cancelled>(timed_out_at_a_bare_await().await) });
        tokio::time::sleep(seconds(31)).await;
        let info = task.info();
        let [scope] = &info.cancelled_scopes[..] else {
            panic!("{info}");
        };
        assert_eq!((scope.kind, scope.age), ("timeout", seconds(30)));
        assert!(!scope.is_heard);
        assert!(stook::tree().to_string().contains(&scope.to_string()));
        let (line, end) = task.await.unwrap();
        assert!(end.is_err());

        let found = reports("bare in timeout");
        let [
            Report::StuckScope {
                scope,
                task: Some(task),
                shielded: None,
            },
        ] = &found[..]
        else {
            panic!("{found:?}");
        };
        assert_eq!(scope.entered, format!("{}:{line}", file!()));
        assert!(scope.age >= seconds(5) && scope.age <= seconds(10));
        assert_eq!((task.state, &task.waiting), (TaskState::Running, &None));
    });
}

#[test]
fn a_stuck_scope_outside_tasks_is_reported_once_for_its_runtime() {
    listen();
    with_paused_clock(|| async {
        let _watch = stook::watch_cancels(seconds(5));
        let end = stook::scope(async |scope| {
            scope.cancel_with("outside of tasks");
            tokio::time::sleep(seconds(60)).await;
            stook::checkpoint().await
        });
        assert_eq!(end.await.unwrap(), None);
        let found = reports("outside of tasks");
        let [Report::StuckScope { task: None, .. }] = &found[..] else {
            panic!("{found:?}");
        };
    });
}

#[test]
fn a_scope_that_is_heard_of_or_left_is_not_stuck() {
    listen();
    with_paused_clock(|| async {
        let _watch = stook::watch_cancels(seconds(1));
        let task = stook::builder().name("heard in scope").spawn(async {
            let cleans_up = async {
                forever().await.unwrap_err();
                tokio::time::sleep(seconds(60)).await;
                Err::<(), _>(stook::checkpoint().await.unwrap_err())
            };
            assert!(stook::timeout(seconds(1), cleans_up).await.is_err());
            tokio::time::sleep(seconds(60)).await;
            Ok::<_, Cancelled>(())
        });
        tokio::time::sleep(seconds(30)).await;
        assert!(task.info().cancelled_scopes[0].is_heard);
        tokio::time::sleep(seconds(60)).await;
        assert!(task.info().cancelled_scopes.is_empty());
        task.await.unwrap();
        assert!(reports("heard in scope").is_empty());
    });
}

#[test]
fn a_shield_that_keeps_a_cancellation_from_who_waits_is_named() {
    listen();
    with_paused_clock(|| async {
        let _watch = stook::watch_cancels(seconds(5));
        let (say, said) = tokio::sync::oneshot::channel();
        let mut task = stook::builder().name("in a shield").spawn(async move {
            let hidden = async {
                say.send(line!() + 1).unwrap();
                stook::shield(stook::sleep(seconds(60))).await
            };
            let end = stook::timeout(seconds(1), hidden).await;
            assert!(end.unwrap().is_ok());
            forever().await
        });
        let shield = format!("{}:{}", file!(), said.await.unwrap());
        tokio::time::sleep(seconds(2)).await;
        assert_eq!(task.info().shielded, Some(shield.clone()));
        task.cancel();
        tokio::time::sleep(seconds(30)).await;
        let info = task.info();
        assert_eq!(info.shielded, Some(shield.clone()));
        assert!(info.to_string().contains("shielded at"), "{info}");
        assert!(task.join().await.unwrap().is_cancelled());
        assert_eq!(task.info().shielded, None);

        let found = reports("in a shield");
        let [
            Report::StuckCancel { task, .. },
            Report::StuckScope { shielded, .. },
        ] = &found[..]
        else {
            panic!("{found:?}");
        };
        assert_eq!(shielded.as_ref(), Some(&shield));
        assert_eq!(task.shielded.as_ref(), Some(&shield));
    });
}

#[test]
fn what_is_dropped_half_way_is_reported() {
    listen();
    with_paused_clock(|| async {
        let group = stook::task_group(async |group: TaskGroup<Cancelled>| {
            stook::builder()
                .name("half-way child")
                .spawn_in(&group, forever())
                .unwrap();
            forever().await
        });
        assert!(tokio::time::timeout(seconds(1), group).await.is_err());
        let seen = SEEN.lock().unwrap();
        let found = seen.iter().find_map(|report| match report {
            Report::DroppedHalfway { what, tasks } => tasks
                .iter()
                .any(|task| task.name.as_deref() == Some("half-way child"))
                .then_some(*what),
            _ => None,
        });
        assert_eq!(found, Some("task_group"));
    });
}

#[test]
fn a_panic_of_a_callback_is_reported() {
    listen();
    with_paused_clock(|| async {
        let task = stook::spawn(async { Ok::<_, Cancelled>(()) });
        task.on_done(|_| panic!("a broken callback"));
        task.await.unwrap();
        assert_eq!(reports("a broken callback").len(), 1);
    });
}

async fn fails(after: u64, error: &'static str) -> io::Result<()> {
    stook::sleep(seconds(after)).await?;
    Err(io::Error::other(error))
}

#[test]
fn errors_in_a_handle_that_is_dropped_when_it_is_over_are_reported() {
    listen();
    with_paused_clock(|| async {
        // The second is passed over in any case.
        let gather = stook::gather([fails(1, "first of gather"), fails(2, "second of gather")]);
        let outcomes = stook::gather_outcomes([fails(1, "of outcomes"), fails(2, "of outcomes")]);
        let rest = stook::gather_with(OnError::CancelRest, [fails(1, "before the rest")]);
        let race = stook::race(Losers::Await, [fails(1, "of race"), fails(2, "of race")]);
        let first = stook::first_success(Losers::Await, [fails(1, "of none"), fails(2, "of none")]);
        tokio::time::sleep(seconds(3)).await;
        drop((gather, outcomes, rest, race, first));
        for (word, count) in [
            ("first of gather", 1),
            ("second of gather", 0),
            ("of outcomes", 2),
            ("before the rest", 1),
            ("of race", 2),
            ("of none", 2),
        ] {
            let found = reports(word);
            assert_eq!(found.len(), count, "{word}: {found:?}");
        }
    });
}

#[test]
fn errors_in_a_handle_that_is_dropped_half_way_are_reported() {
    listen();
    with_paused_clock(|| async {
        let outcomes = stook::gather_outcomes([fails(1, "half outcomes"), fails(60, "sixty")]);
        let first =
            stook::first_success(Losers::Await, [fails(1, "half race"), fails(60, "sixty")]);
        tokio::time::sleep(seconds(3)).await;
        drop((outcomes, first));
        assert_eq!(reports("half outcomes").len(), 1);
        assert_eq!(reports("half race").len(), 1);
        settle().await;
        assert!(reports("sixty").is_empty());
    });
}

#[test]
fn errors_of_a_group_that_ends_by_a_panic_are_reported() {
    // Reaches no cancel point: the first that fails does not cancel the others.
    async fn crashes(how: impl FnOnce() -> io::Error) -> io::Result<()> {
        tokio::time::sleep(seconds(1)).await;
        Err(how())
    }
    listen();
    with_paused_clock(|| async {
        let group = stook::spawn(stook::task_group(async |group: TaskGroup<io::Error>| {
            drop(group.spawn(crashes(|| io::Error::other("left by a panic"))));
            let read = group.spawn(crashes(|| io::Error::other("read by a panic")));
            drop(group.spawn(crashes(|| panic!("goes before"))));
            tokio::time::sleep(seconds(2)).await;
            assert!(read.unwrap().try_take().unwrap().is_error());
            Ok(())
        }));
        group.handle().done().await.unwrap();
        match group.try_take().unwrap() {
            stook::Outcome::Panicked(panic) => assert_eq!(panic.message(), "goes before"),
            other => panic!("{other:?}"),
        }
        for (word, count) in [
            ("left by a panic", 1),
            ("read by a panic", 0),
            ("goes before", 0),
        ] {
            let found = reports(word);
            assert_eq!(found.len(), count, "{word}: {found:?}");
        }
    });
}

#[test]
fn panics_after_the_first_are_reported() {
    // Reaches no cancel point, so that each comes to its panic.
    async fn crashes(after: u64, message: &'static str) -> io::Result<()> {
        tokio::time::sleep(seconds(after)).await;
        panic!("{message}")
    }
    listen();
    with_paused_clock(|| async {
        let mut task = stook::spawn(stook::task_group(async |group: TaskGroup<io::Error>| {
            drop(group.spawn(crashes(1, "panics first")));
            let read = group.spawn(crashes(2, "panics and is read")).unwrap();
            drop(group.spawn(crashes(2, "panics second")));
            tokio::time::sleep(seconds(3)).await;
            assert!(read.try_take().unwrap().is_error());
            crashes(1, "panics in the body").await
        }));
        match task.join().await.unwrap() {
            Outcome::Panicked(panic) => assert_eq!(panic.message(), "panics first"),
            other => panic!("{other:?}"),
        }
        for (word, count) in [
            ("panics first", 0),
            ("panics and is read", 0),
            ("panics second", 1),
            ("panics in the body", 1),
        ] {
            let found = reports(word);
            assert_eq!(found.len(), count, "{word}: {found:?}");
        }
    });
}

#[test]
fn a_panic_of_the_body_of_a_group_that_is_dropped_while_it_waits_is_reported() {
    listen();
    with_paused_clock(|| async {
        let group = stook::task_group(async |group: TaskGroup<io::Error>| {
            drop(group.spawn(async {
                tokio::time::sleep(seconds(5)).await;
                Ok(())
            }));
            settle().await;
            panic!("a body that is left") as io::Result<()>
        });
        assert!(tokio::time::timeout(seconds(1), group).await.is_err());
        let seen = reports("a body that is left");
        assert!(matches!(&seen[..], [Report::UnreadBody { .. }]), "{seen:?}");
        tokio::time::sleep(seconds(5)).await;
    });
}

/// asyncio's `gather` has read them by then, with `return_exceptions`.
#[test]
fn errors_among_outcomes_that_a_cancellation_goes_before_are_not_reported() {
    listen();
    with_paused_clock(|| async {
        let mut task = stook::spawn(async {
            let fails = async { Err(io::Error::other("before the cancellation")) };
            let waits = async { Ok(stook::sleep(seconds(60)).await?) };
            let children: [std::pin::Pin<Box<dyn Future<Output = _> + Send>>; 2] =
                [Box::pin(fails), Box::pin(waits)];
            stook::gather_outcomes(children).await
        });
        stook::sleep(seconds(1)).await.unwrap();
        task.cancel();
        assert!(task.join().await.unwrap().is_cancelled());
        assert!(reports("before the cancellation").is_empty());
    });
}

#[test]
fn a_panic_in_the_destructor_of_a_result_that_gives_way_to_an_error_is_reported() {
    struct Touchy;
    impl Drop for Touchy {
        fn drop(&mut self) {
            panic!("a touchy result")
        }
    }
    listen();
    with_paused_clock(|| async {
        let group = stook::task_group(async |group: TaskGroup<io::Error>| {
            drop(group.spawn(async { Err::<(), _>(io::Error::other("out of paper")) }));
            Ok(Touchy)
        });
        let mut task = stook::spawn(async move { group.await.map(std::mem::forget) });
        assert!(task.join().await.unwrap().is_error());
        let seen = reports("a touchy result");
        assert!(
            matches!(&seen[..], [Report::DestructorPanicked { .. }]),
            "{seen:?}"
        );
    });
}

#[test]
fn what_is_reported_of_a_group_is_not_of_one_before_it_on_the_thread() {
    listen();
    with_paused_clock(|| async {
        let first = stook::task_group(async |group: TaskGroup<io::Error>| {
            let never = stook::builder().name("of the first");
            let mut never = never.spawn_in(&group, async { Ok(()) }).unwrap();
            assert!(never.cancel_and_join().await?.is_cancelled());
            Ok(())
        });
        first.await.unwrap();

        let _watch = stook::watch_cancels(seconds(5));
        let line = line!() + 1;
        let second = stook::task_group(async |group: TaskGroup<io::Error>| {
            let stuck = stook::builder().name("of the second");
            let stuck = stuck.spawn_in(&group, async {
                tokio::time::sleep(seconds(20)).await;
                Ok(())
            });
            settle().await;
            stuck.unwrap().cancel();
            group.cancel_with("the second itself");
            tokio::time::sleep(seconds(20)).await;
            Ok(())
        });
        second.await.unwrap();
        match &reports("of the second")[..] {
            [Report::StuckCancel { never_started, .. }] => assert_eq!(never_started[..], []),
            seen => panic!("{seen:?}"),
        }
        match &reports("the second itself")[..] {
            [Report::StuckScope { scope, .. }] => {
                assert_eq!(scope.entered, format!("{}:{line}", file!()));
            }
            seen => panic!("{seen:?}"),
        }
    });
}

#[test]
fn errors_of_a_group_that_is_dropped_half_way_are_reported() {
    listen();
    with_paused_clock(|| async {
        // Reaches no cancel point: the first that fails does not cancel the others.
        async fn crashes(after: u64, error: &'static str) -> io::Result<()> {
            tokio::time::sleep(seconds(after)).await;
            Err(io::Error::other(error))
        }
        let group = stook::task_group(async |group: TaskGroup<io::Error>| {
            drop(group.spawn(crashes(1, "half group")));
            drop(group.spawn(crashes(5, "late in group")));
            let read = group.spawn(crashes(1, "read of group")).unwrap();
            drop(group.spawn(async {
                tokio::time::sleep(seconds(1)).await;
                panic!("panic in group") as io::Result<()>
            }));
            tokio::time::sleep(seconds(2)).await;
            assert!(read.try_take().unwrap().is_error());
            pending().await
        });
        let end: Result<Result<(), _>, _> = tokio::time::timeout(seconds(3), group).await;
        assert!(end.is_err());
        tokio::time::sleep(seconds(3)).await;
        for (word, count) in [
            ("half group", 1),
            ("read of group", 0),
            ("late in group", 1),
            ("panic in group", 1),
        ] {
            let found = reports(word);
            assert_eq!(found.len(), count, "{word}: {found:?}");
        }
    });
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the other runtime has a thread of its own while this one goes on"
)]
fn scopes_of_other_runtimes_are_not_reported() {
    listen();
    with_paused_clock(|| async {
        let _watch = stook::watch_cancels(seconds(5));
        let (go, gone) = std::sync::mpsc::channel::<()>();
        let (say, said) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let other = tokio::runtime::Builder::new_current_thread().build();
            other.unwrap().block_on(stook::scope(async |scope| {
                scope.cancel_with("on another runtime");
                // Neither runtime may go on here: the scope stays until it is told.
                say.send(()).unwrap();
                gone.recv().unwrap();
                Ok::<_, Cancelled>(())
            }))
        });
        said.recv().unwrap();
        tokio::time::sleep(seconds(30)).await;
        assert!(reports("on another runtime").is_empty());
        go.send(()).unwrap();
        thread.join().unwrap().unwrap();
    });
}

#[test]
fn an_error_of_a_body_that_gives_way_to_a_panic_is_reported() {
    listen();
    let line = line!() + 2;
    let group = || async {
        stook::task_group(async |group: TaskGroup<io::Error>| {
            drop(group.spawn(async { panic!("out of ink") as io::Result<()> }));
            drop(pending::<()>().or_cancel().await);
            Err::<(), _>(io::Error::other("out of vellum"))
        })
        .await
    };
    with_paused_clock(|| async {
        let mut task = stook::builder().name("binder").spawn(group());
        assert!(matches!(task.join().await.unwrap(), Outcome::Panicked(_)));
        let seen = reports("out of vellum");
        let [
            Report::UnreadBody {
                group: place,
                task: Some(task),
                ..
            },
        ] = &seen[..]
        else {
            panic!("{seen:?}");
        };
        assert_eq!(*place, format!("{}:{line}", file!()));
        assert_eq!(task.name.as_deref(), Some("binder"));

        let outside = futures_util::FutureExt::catch_unwind(AssertUnwindSafe(group()));
        assert!(outside.await.is_err());
        let seen = reports("out of vellum");
        assert!(
            matches!(&seen[..], [Report::UnreadBody { task: None, .. }]),
            "{seen:?}"
        );
    });
}

#[test]
fn an_error_of_a_body_whose_group_is_dropped_half_way_is_reported() {
    listen();
    with_paused_clock(|| async {
        let group = stook::task_group(async |group: TaskGroup<io::Error>| {
            drop(group.spawn(async {
                tokio::time::sleep(seconds(10)).await;
                Ok(())
            }));
            stook::checkpoint().await?;
            Err::<(), _>(io::Error::other("out of thread"))
        });
        assert!(tokio::time::timeout(seconds(1), group).await.is_err());
        let seen = reports("out of thread");
        assert!(matches!(&seen[..], [Report::UnreadBody { .. }]), "{seen:?}");
        tokio::time::sleep(seconds(10)).await;
    });
}

#[test]
fn errors_in_a_local_scope_that_come_to_nobody_are_reported() {
    listen();
    with_paused_clock(|| async {
        let scope = |panics: bool| {
            stook::local_scope(async move |scope| {
                scope.spawn(async move {
                    tokio::time::sleep(seconds(2)).await;
                    assert!(!panics, "out of ink");
                    pending().await
                });
                scope.spawn(async { Err(io::Error::other("out of glue")) });
                tokio::task::yield_now().await;
                Err::<(), _>(io::Error::other("out of glue, too"))
            })
        };
        let line = line!() - 11;
        let panics = futures_util::FutureExt::catch_unwind(AssertUnwindSafe(scope(true)));
        assert!(panics.await.is_err());
        assert!(
            tokio::time::timeout(seconds(60), scope(false))
                .await
                .is_err()
        );
        let seen = reports("out of glue");
        assert_eq!(seen.len(), 4, "{seen:?}");
        let place = format!("{}:{line}", file!());
        assert!(seen.iter().all(|report| {
            matches!(report, Report::UnreadInScope { scope, task: None, .. } if *scope == place)
        }));
    });
}

/// Fails when it is cancelled.
async fn fails_in_its_clean_up(error: &'static str) -> io::Result<()> {
    assert!(forever().await.is_err());
    Err(io::Error::other(error))
}

#[test]
fn errors_after_a_handle_was_dropped_half_way_are_reported() {
    listen();
    with_paused_clock(|| async {
        let gather = stook::gather([fails_in_its_clean_up("late in gather")]);
        let race = stook::race(Losers::Await, [fails_in_its_clean_up("late in race")]);
        settle().await;
        drop((gather, race));
        settle().await;
        for word in ["late in gather", "late in race"] {
            let found = reports(word);
            assert!(
                matches!(&found[..], [Report::UnreadError { .. }]),
                "{word}: {found:?}"
            );
        }
    });
}

#[test]
fn errors_of_a_gather_that_cancels_the_rest_and_was_cancelled_are_reported() {
    listen();
    with_paused_clock(|| async {
        let fails = fails_in_its_clean_up("fails with the caller");
        let mut task = stook::spawn(stook::gather_with(OnError::CancelRest, [fails]));
        settle().await;
        task.cancel();
        assert!(task.join().await.unwrap().is_cancelled());
        assert_eq!(reports("fails with the caller").len(), 1);
    });
}

#[test]
fn a_gather_that_has_failed_leaves_the_others_alone_when_it_is_dropped() {
    listen();
    with_paused_clock(|| async {
        let gather = stook::gather([fails(1, "first that fails"), fails(3, "second that fails")]);
        let second = gather.handles().remove(1);
        tokio::time::sleep(seconds(2)).await;
        drop(gather);
        assert_eq!(second.cancelling(), 0);
        assert_eq!(second.done().await.unwrap(), TaskState::Err);
        assert_eq!(reports("first that fails").len(), 1);
        assert!(reports("second that fails").is_empty(), "it is passed over");
    });
}

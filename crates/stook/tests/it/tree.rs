//! What is seen of the tasks that have not ended.

use std::future::pending;

use stook::{Cancelled, Losers, OrCancel, TaskState};

use crate::stage::{in_local_set, seconds, settle, with_paused_clock};

#[test]
fn the_tree_shows_names_lines_states_reasons_and_ages() {
    with_paused_clock(|| async {
        let spawned = line!() + 1;
        let task = stook::builder().name("parent").spawn(async {
            let child = stook::builder().name("child").spawn(async {
                pending::<()>().or_cancel().await?;
                Ok::<_, Cancelled>(())
            });
            child.await
        });
        tokio::time::sleep(seconds(2)).await;
        let tree = stook::tree();
        let parent = &tree.roots[0];
        assert_eq!(parent.task.name.as_deref(), Some("parent"));
        assert_eq!(parent.task.spawned, format!("{}:{spawned}", file!()));
        assert_eq!(
            parent.task.waiting,
            Some(format!("{}:{}", file!(), spawned + 5))
        );
        assert_eq!(
            (parent.task.state, parent.task.age),
            (TaskState::Running, seconds(2))
        );
        let child = &parent.children[0].task;
        assert_eq!(child.waiting, Some(format!("{}:{}", file!(), spawned + 2)));
        assert_eq!(child.parent, Some(parent.task.id));
        let text = tree.to_string();
        assert!(text.contains("\n  task"), "the child is indented: {text}");

        task.cancel_with("inventory");
        let info = task.info();
        assert_eq!(
            (info.state, info.reason.as_deref()),
            (TaskState::Cancelling, Some("inventory"))
        );
        task.await.unwrap_err();
        assert!(stook::tree().is_empty());
    });
}

#[test]
fn what_waits_for_several_spawns_and_waits_at_the_line_of_the_program() {
    with_paused_clock(|| async {
        let nap = || [stook::spawn(stook::sleep(seconds(1)))];
        let tasks = [
            stook::spawn(async move { stook::gather(nap()).await.map(drop) }),
            stook::spawn(async move { stook::gather_outcomes(nap()).await.map(drop) }),
            stook::spawn(async move { stook::race(Losers::Cancel, nap()).await.map(drop) }),
            stook::spawn(async move {
                let first = stook::first_success(Losers::Cancel, nap());
                first.await.unwrap();
                Ok(())
            }),
        ];
        settle().await;
        for parent in stook::tree().roots {
            let waiting = parent.task.waiting.as_ref().unwrap();
            assert!(waiting.starts_with(concat!(file!(), ":")), "{waiting}");
            let child = parent
                .children
                .iter()
                .find(|child| child.task.waiting.as_ref() == Some(waiting));
            assert_eq!(&child.unwrap().task.spawned, waiting);
        }
        stook::gather(tasks).await.unwrap();
    });
}

#[test]
fn a_bare_await_is_no_place() {
    in_local_set(|| async {
        let (go, gone) = tokio::sync::oneshot::channel::<()>();
        let task = stook::spawn_local(async {
            stook::checkpoint().await?;
            gone.await.unwrap();
            Ok::<_, Cancelled>(())
        });
        settle().await;
        assert_eq!(stook::tree().roots[0].task.waiting, None);
        go.send(()).unwrap();
        task.await.unwrap();
    });
}

#[test]
fn trees_of_two_runtimes_are_apart() {
    with_paused_clock(|| async {
        let task = stook::spawn(stook::sleep(seconds(1)));
        std::thread::scope(|threads| {
            threads.spawn(|| {
                let other = tokio::runtime::Builder::new_current_thread()
                    .build()
                    .unwrap();
                other.block_on(async { assert!(stook::tree().is_empty()) });
            });
        });
        task.await.unwrap();
    });
}

#[test]
fn a_task_that_another_spawns_onto_another_runtime_is_below_that() {
    // The clock runs: to one that is paused, who waits for another runtime waits for nothing.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let other = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .build()
        .unwrap();
    let handle = other.handle().clone();
    runtime.block_on(async {
        let parent = stook::spawn(async move {
            let runs_on = handle.id();
            let child = {
                let _entered = handle.enter();
                stook::spawn(async move {
                    assert_eq!(tokio::runtime::Handle::current().id(), runs_on);
                    pending::<()>().or_cancel().await
                })
            };
            child.await
        });
        settle().await;
        let tree = stook::tree();
        assert_eq!((tree.roots.len(), tree.tasks().count()), (1, 2), "{tree}");
        assert_eq!(tree.roots[0].children.len(), 1);
        parent.cancel();
        assert!(parent.await.is_err());
        assert!(stook::tree().is_empty());
    });
}

#[test]
fn children_of_a_gather_and_of_a_group_are_below_who_has_made_them() {
    with_paused_clock(|| async {
        let parent = stook::spawn(async {
            let gather = stook::gather([pending::<()>().or_cancel()]);
            let group = stook::task_group(async |group: stook::TaskGroup<Cancelled>| {
                drop(group.spawn(pending::<()>().or_cancel()));
                Ok(())
            });
            drop(group.await);
            gather.cancel();
            gather.await
        });
        settle().await;
        let tree = stook::tree();
        assert_eq!(tree.roots.len(), 1, "{tree}");
        assert_eq!(tree.roots[0].children.len(), 2, "{tree}");
        let children: Vec<_> = tree.tasks().skip(1).map(|task| task.parent).collect();
        assert_eq!(children, [Some(parent.id().number()); 2]);
        parent.cancel();
        assert!(parent.await.is_err());
    });
}

#[test]
fn tasks_of_one_line_on_two_runtimes_are_apart() {
    let runtimes = [(); 2].map(|()| {
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
    });
    let spawned = || stook::spawn(stook::checkpoint());
    // They do not begin, so that they are of one time; the second of each has room beside it.
    let _tasks = runtimes
        .each_ref()
        .map(|runtime| runtime.block_on(async { [(); 2].map(|()| spawned()) }));
    for runtime in &runtimes {
        assert_eq!(runtime.block_on(async { stook::tree().roots.len() }), 2);
    }
}

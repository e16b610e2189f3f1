//! Tokens: one word for many tasks.

use std::future::pending;
use std::sync::{Arc, Mutex};

use stook::{CancelKind, CancellationToken, Cancelled, OrCancel, Outcome, TaskState};
use tokio::time::Instant;

use crate::stage::{everywhere, rounds, seconds, settle, with_paused_clock};

async fn forever() -> Result<(), Cancelled> {
    pending().or_cancel().await
}

#[test]
fn a_tree_is_cancelled_downward() {
    let root = CancellationToken::new();
    let (left, right) = (root.child(), root.child());
    let leaf = left.child();
    assert!(left.cancel_with("left"));
    assert!(!left.cancel_with("again"));
    assert!(leaf.is_cancelled() && !right.is_cancelled() && !root.is_cancelled());
    assert!(root.cancel_with("root"));
    let reasons = [&root, &left, &right, &leaf].map(|token| token.reason().unwrap());
    assert_eq!(reasons, ["root", "left", "root", "left"]);
    assert_eq!(
        root.child().reason().as_deref(),
        Some("root"),
        "born cancelled"
    );
}

#[test]
fn several_parents() {
    let tokens = [CancellationToken::new(), CancellationToken::new()];
    let (any, all) = (
        CancellationToken::any_of(&tokens),
        CancellationToken::all_of(&tokens),
    );
    let twice = CancellationToken::all_of([&tokens[0], &tokens[0]]);
    tokens[0].cancel_with("first");
    assert_eq!(any.reason().as_deref(), Some("first"));
    assert!(!all.is_cancelled() && twice.is_cancelled());
    let late = CancellationToken::all_of(&tokens);
    tokens[1].cancel_with("last");
    assert_eq!(all.reason().as_deref(), Some("last"));
    assert_eq!(late.reason().as_deref(), Some("last"));
    assert!(CancellationToken::all_of(&tokens).is_cancelled());
    assert!(!CancellationToken::all_of([]).is_cancelled());
    assert!(!CancellationToken::any_of([]).is_cancelled());
}

#[test]
fn all_have_fired_before_anybody_is_told_and_the_nearest_is_told_first() {
    let root = CancellationToken::new();
    let child = root.child();
    let log = Arc::new(Mutex::new(Vec::new()));
    let note = |name: &'static str, other: &CancellationToken| {
        let (log, other) = (Arc::clone(&log), other.clone());
        move |_: &CancellationToken| log.lock().unwrap().push((name, other.is_cancelled()))
    };
    child.on_cancel(note("child", &root)).keep();
    root.on_cancel(note("root 1", &child)).keep();
    let dropped = root.on_cancel(note("dropped", &child));
    root.on_cancel(|_| panic!("in a callback")).keep();
    root.on_cancel(note("root 2", &child)).keep();
    drop(dropped);
    root.cancel();
    let late = root.on_cancel(note("late", &child));
    drop(late);
    let log = log.lock().unwrap().clone();
    assert_eq!(
        log,
        [
            ("root 1", true),
            ("root 2", true),
            ("child", true),
            ("late", true)
        ]
    );
}

#[test]
fn attached_tasks_are_asked_with_the_record_of_the_token() {
    everywhere(|| async {
        let token = CancellationToken::new();
        let mut task = stook::spawn(forever());
        token.child().attach(&task);
        token.cancel_with("maintenance");
        match task.join().await.unwrap() {
            Outcome::Cancelled(cancelled) => {
                assert_eq!(cancelled.kind(), CancelKind::Token);
                assert_eq!(cancelled.reason(), Some("maintenance"));
            }
            other => panic!("{other:?}"),
        }
        // At once, where the token was cancelled before.
        let mut late = stook::spawn(forever());
        token.attach_handle(&late.handle());
        assert_eq!(late.cancelling(), 1);
        match late.join().await.unwrap() {
            Outcome::Cancelled(cancelled) => assert_eq!(cancelled.reason(), Some("maintenance")),
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn a_task_that_is_attached_to_a_cancelled_token_before_its_first_step_never_begins() {
    with_paused_clock(|| async {
        let token = CancellationToken::new();
        token.cancel();
        let mut task = stook::spawn(async { panic!("it has begun") as Result<(), Cancelled> });
        token.attach(&task);
        assert!(task.join().await.unwrap().is_cancelled());
    });
}

#[test]
fn a_task_that_has_ended_is_not_kept() {
    with_paused_clock(|| async {
        let token = CancellationToken::new();
        let kept = Arc::new(());
        let held = Arc::clone(&kept);
        let task = stook::spawn(async move {
            drop(held);
            Ok::<_, Cancelled>(())
        });
        token.attach(&task);
        let handle = task.handle();
        task.await.unwrap();
        token.cancel();
        assert_eq!((handle.state(), handle.cancelling()), (TaskState::Ok, 0));
        assert_eq!(Arc::strong_count(&kept), 1);
    });
}

#[test]
fn a_scope_of_a_token_cancels_a_part_of_a_task() {
    with_paused_clock(|| async {
        let token = CancellationToken::new();
        let part = token.clone();
        let mut task = stook::spawn(async move {
            assert_eq!(part.scope(forever()).await?, None);
            assert_eq!(
                part.scope(async { panic!("it has begun") as Result<(), Cancelled> })
                    .await?,
                None
            );
            stook::checkpoint().await?;
            Ok::<_, Cancelled>("went on")
        });
        settle().await;
        token.cancel();
        assert_eq!(task.join().await.unwrap().ok(), Some("went on"));
        assert_eq!(task.cancelling(), 0);
    });
}

#[test]
fn who_waits_is_woken() {
    everywhere(|| async {
        let token = CancellationToken::new();
        let waiters: Vec<_> = (0..100)
            .map(|_| {
                let token = token.clone();
                stook::spawn(async move { token.cancelled().or_cancel().await })
            })
            .collect();
        tokio::task::yield_now().await;
        token.cancel();
        for waiter in waiters {
            waiter.await.unwrap();
        }
        assert_eq!(token.run_until_cancelled(pending::<()>()).await, None);
        assert_eq!(
            CancellationToken::new()
                .run_until_cancelled(async { 1 })
                .await,
            Some(1)
        );
    });
}

#[test]
fn deadlines() {
    with_paused_clock(|| async {
        let token = CancellationToken::new();
        let begun = Instant::now();
        token.cancel_after(seconds(9));
        token.cancel_at(begun + seconds(2));
        token.cancel_after(std::time::Duration::MAX);
        token.cancelled().await;
        assert_eq!(begun.elapsed(), seconds(2));
        assert_eq!(token.record().unwrap().kind(), CancelKind::Timeout);
        let zero = CancellationToken::new();
        zero.cancel_after(seconds(0));
        zero.cancelled().await;
        drop(CancellationToken::new().drop_guard());
        let guarded = CancellationToken::new();
        assert!(!guarded.clone().drop_guard().disarm().is_cancelled());
        drop(guarded.clone().drop_guard());
        assert!(guarded.is_cancelled());
    });
}

#[test]
fn when_all_and_when_any_end_with_the_token_and_leave_the_tasks_alone() {
    with_paused_clock(|| async {
        let token = CancellationToken::new();
        let tasks = [60, 1].map(|number| stook::spawn(stook::sleep(seconds(number))));
        assert_eq!(stook::when_any(&tasks, &token).await.unwrap(), (1, ()));
        token.cancel_after(seconds(5));
        let error = stook::when_all(&tasks[..1], &token).await.unwrap_err();
        assert!(!error.is_mine());
        assert_eq!(error.kind(), CancelKind::Timeout);
        assert_eq!(tasks[0].cancelling(), 0);
        let [task, _] = tasks;
        task.await.unwrap();
    });
}

#[test]
fn when_all_ends_with_the_first_failure() {
    with_paused_clock(|| async {
        let token = CancellationToken::new();
        let tasks = [3, 1].map(|number| {
            stook::spawn(async move {
                stook::sleep(seconds(number)).await?;
                if number == 1 {
                    Err(std::io::Error::other("one"))
                } else {
                    Ok(number)
                }
            })
        });
        let begun = Instant::now();
        assert_eq!(
            stook::when_all(&tasks, &token)
                .await
                .unwrap_err()
                .to_string(),
            "one"
        );
        assert_eq!(begun.elapsed(), seconds(1));
        assert_eq!(stook::when_all(&tasks[..1], &token).await.unwrap(), [3]);
        assert_eq!(stook::when_all(&tasks[..0], &token).await.unwrap(), [0; 0]);
    });
}

#[test]
fn cancelling_from_a_thread_races_with_waiting() {
    everywhere(|| async {
        for _ in 0..rounds(200) {
            let token = CancellationToken::new();
            let other = token.clone();
            let thread = tokio::task::spawn_blocking(move || other.cancel());
            token.child().cancelled().await;
            thread.await.unwrap();
        }
    });
}

#[test]
fn a_callback_that_another_one_forgets_is_not_called() {
    let token = CancellationToken::new();
    let kept = Arc::new(Mutex::new(None));
    let forgotten = Arc::clone(&kept);
    token
        .on_cancel(move |_| drop(forgotten.lock().unwrap().take()))
        .keep();
    let called = Arc::new(Mutex::new(false));
    let note = Arc::clone(&called);
    *kept.lock().unwrap() = Some(token.on_cancel(move |_| *note.lock().unwrap() = true));
    assert!(token.cancel());
    assert!(!*called.lock().unwrap());
    assert_eq!(Arc::strong_count(&called), 1, "it is dropped");
}

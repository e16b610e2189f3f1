//! Waiting for one task: whose cancellation is it, and what becomes of the task?

use std::cell::Cell;
use std::future::pending;
use std::io;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use stook::{CancelKind, Cancelled, OrCancel, Outcome, TaskHandle, TaskState};
use tokio::sync::{mpsc, oneshot};

use crate::stage::{everywhere, in_local_set, seconds, settle, with_paused_clock};

async fn forever() -> Result<(), Cancelled> {
    pending().or_cancel().await
}

#[test]
fn join_tells_me_from_my_child() {
    with_paused_clock(|| async {
        for cancel_child in [true, false] {
            let mut child = stook::spawn(forever());
            let handle = child.handle();
            let mut parent = stook::spawn(async move {
                Ok::<_, Cancelled>(match child.join().await {
                    Ok(Outcome::Cancelled(cancelled)) if !cancelled.is_mine() => "my child",
                    Err(cancelled) if cancelled.is_mine() => "me",
                    other => panic!("{other:?}"),
                })
            });
            settle().await;
            if cancel_child {
                handle.cancel();
            } else {
                parent.handle().cancel();
            }
            let said = parent.join().await.unwrap().ok().unwrap();
            assert_eq!(said, if cancel_child { "my child" } else { "me" });
            assert_eq!(handle.is_done(), cancel_child, "join leaves the task alone");
            handle.cancel();
        }
    });
}

#[test]
fn awaiting_hands_the_cancellation_on_and_waits_for_the_child() {
    with_paused_clock(|| async {
        let child = stook::spawn(async {
            let cancelled = forever().await.unwrap_err();
            assert_eq!(cancelled.kind(), CancelKind::ParentCancelled);
            assert_eq!(cancelled.reason(), Some("no more paper"));
            stook::sleep(seconds(3)).await?;
            Err::<(), _>(cancelled)
        });
        let handle = child.handle();
        let mut parent = stook::spawn(async move { child.await });
        settle().await;
        parent.cancel_with("no more paper");
        let begun = tokio::time::Instant::now();
        match parent.join().await.unwrap() {
            Outcome::Cancelled(cancelled) => assert_eq!(cancelled.kind(), CancelKind::Explicit),
            other => panic!("{other:?}"),
        }
        assert_eq!(begun.elapsed(), seconds(3));
        assert_eq!(handle.state(), TaskState::Cancelled);
    });
}

#[test]
fn a_child_that_ends_well_nonetheless_gives_its_result() {
    with_paused_clock(|| async {
        let child = stook::spawn(async {
            let _ = forever().await;
            Ok::<_, Cancelled>("saved")
        });
        let mut parent = stook::spawn(async move { child.await });
        settle().await;
        parent.cancel();
        assert_eq!(parent.join().await.unwrap().ok(), Some("saved"));
    });
}

#[test]
fn a_task_dropped_while_it_is_awaited_is_asked_to_cancel() {
    with_paused_clock(|| async {
        let child = stook::spawn(forever());
        let handle = child.handle();
        tokio::select! {
            biased;
            _ = child => panic!("it cannot have ended"),
            () = async {} => {}
        }
        let info = handle.info();
        assert!(
            info.is_orphan && info.state == TaskState::Cancelling,
            "{info}"
        );
        assert_eq!(
            stook::tree().tasks().count(),
            1,
            "it is seen until it has ended"
        );
        assert_eq!(handle.done().await.unwrap(), TaskState::Cancelled);
    });
}

#[test]
fn a_dropped_handle_lets_the_task_run_on_unless_it_was_to_cancel() {
    with_paused_clock(|| async {
        let detached = stook::spawn(async { stook::sleep(seconds(1)).await }).handle();
        assert_eq!(detached.done().await.unwrap(), TaskState::Ok);
        let cancelled = stook::builder()
            .cancel_on_drop(true)
            .spawn(forever())
            .handle();
        assert_eq!(cancelled.done().await.unwrap(), TaskState::Cancelled);
    });
}

#[test]
fn cancel_and_join_waits_for_the_clean_up() {
    with_paused_clock(|| async {
        let mut task = stook::spawn(stook::with_cleanup(forever(), async {
            tokio::time::sleep(seconds(2)).await;
        }));
        settle().await;
        let begun = tokio::time::Instant::now();
        assert!(task.cancel_and_join().await.unwrap().is_cancelled());
        assert_eq!(begun.elapsed(), seconds(2));
    });
}

#[test]
fn callbacks_are_called_in_order_and_on_one_thread_before_who_joins() {
    with_paused_clock(|| async {
        let told = Arc::new(Mutex::new(Vec::new()));
        let tell = |number: usize| {
            let told = Arc::clone(&told);
            move |_: &TaskHandle| told.lock().unwrap().push(number)
        };
        let mut task = stook::spawn(async { stook::checkpoint().await });
        for number in 0..3 {
            task.on_done(tell(number));
        }
        assert!(task.join().await.unwrap().is_ok());
        assert_eq!(*told.lock().unwrap(), [0, 1, 2]);
        task.on_done(tell(3));
        assert_eq!(*told.lock().unwrap(), [0, 1, 2, 3], "at once");
    });
}

#[test]
fn callbacks_are_called_in_order_on_two_threads() {
    everywhere(|| async {
        let (tell, mut told) = mpsc::unbounded_channel();
        let (go, gone) = oneshot::channel::<()>();
        let task = stook::spawn(async {
            gone.await.unwrap();
            Ok::<_, Cancelled>(())
        });
        for number in 0..3 {
            let tell = tell.clone();
            task.on_done(move |_| tell.send(number).unwrap());
        }
        go.send(()).unwrap();
        for number in 0..3 {
            assert_eq!(told.recv().await, Some(number));
        }
    });
}

#[test]
fn panics_and_errors_come_out() {
    with_paused_clock(|| async {
        let mut panics =
            stook::spawn(async { panic!("out of {}", "ink") as Result<(), Cancelled> });
        match panics.join().await.unwrap() {
            Outcome::Panicked(panic) => assert_eq!(panic.message(), "out of ink"),
            other => panic!("{other:?}"),
        }
        let fails = stook::spawn(async { Err::<(), _>(io::Error::other("disk")) });
        assert_eq!(fails.await.unwrap_err().to_string(), "disk");
    });
}

#[test]
fn local_tasks_need_not_be_send() {
    in_local_set(|| async {
        let seen = Rc::new(Cell::new(0));
        let task = {
            let seen = Rc::clone(&seen);
            stook::spawn_local(async move {
                stook::sleep(seconds(1)).await?;
                seen.set(1);
                Ok::<_, Cancelled>(seen)
            })
        };
        assert_eq!(task.await.unwrap().get(), 1);
        let mut waits = stook::spawn_local(forever());
        settle().await;
        waits.cancel();
        assert!(waits.join().await.unwrap().is_cancelled());
    });
}

#[test]
fn errors_of_many_types_carry_a_cancellation() {
    with_paused_clock(|| async {
        async fn ends<E: stook::CancelError + Send>() -> bool {
            let mut task = stook::spawn(async {
                pending::<()>().or_cancel().await?;
                Ok::<(), E>(())
            });
            settle().await;
            task.cancel();
            task.join().await.unwrap().is_cancelled()
        }
        assert!(ends::<Cancelled>().await);
        assert!(ends::<io::Error>().await);
        assert!(ends::<Box<dyn std::error::Error + Send + Sync>>().await);
    });
}

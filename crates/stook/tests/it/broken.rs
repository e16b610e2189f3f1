//! Errors whose own code panics: every task ends nonetheless, and whoever waits goes on.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::future::{Future, pending};
use std::panic;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use stook::{CancelError, CancellationToken, Cancelled, OrCancel, Outcome, TaskGroup};
use tokio::time::Instant;

use crate::stage::{seconds, settle, with_paused_clock};

/// What of an error panics.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Breaks {
    AsCancelled,
    Debug,
    Drop,
}

const ALL: [Breaks; 3] = [Breaks::AsCancelled, Breaks::Debug, Breaks::Drop];

struct Broken {
    breaks: Option<Breaks>,
    cancelled: Option<Cancelled>,
}

fn broken(breaks: Breaks) -> Broken {
    Broken {
        breaks: Some(breaks),
        cancelled: None,
    }
}

impl From<Cancelled> for Broken {
    fn from(cancelled: Cancelled) -> Self {
        Self {
            breaks: None,
            cancelled: Some(cancelled),
        }
    }
}

impl CancelError for Broken {
    fn as_cancelled(&self) -> Option<&Cancelled> {
        assert!(self.breaks != Some(Breaks::AsCancelled), "in as_cancelled");
        self.cancelled.as_ref()
    }
}

impl fmt::Debug for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        assert!(self.breaks != Some(Breaks::Debug), "in Debug");
        f.write_str("broken")
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broken")
    }
}

impl Error for Broken {}

impl Drop for Broken {
    fn drop(&mut self) {
        if self.breaks == Some(Breaks::Drop) && !std::thread::panicking() {
            panic!("in a destructor");
        }
    }
}

#[test]
fn a_task_ends() {
    with_paused_clock(|| async {
        for breaks in ALL {
            let mut task = stook::spawn(async move { Err::<(), _>(broken(breaks)) });
            match task.join().await.unwrap() {
                Outcome::Err(mut error) => {
                    assert!(breaks != Breaks::AsCancelled);
                    error.breaks = None;
                }
                Outcome::Panicked(panic) => assert_eq!(panic.message(), "in as_cancelled"),
                other => panic!("{other:?}"),
            }
            let unread = stook::spawn(async move { Err::<(), _>(broken(breaks)) }).handle();
            assert!(unread.done().await.unwrap().is_done());
        }
    });
}

#[test]
fn a_task_ends_whose_own_cancellation_is_in_what_breaks() {
    with_paused_clock(|| async {
        let mut task = stook::spawn(async {
            let waits: Result<(), Cancelled> = std::future::pending().or_cancel().await;
            let mut error = Broken::from(waits.unwrap_err());
            error.breaks = Some(Breaks::Drop);
            Err::<(), _>(error)
        });
        settle().await;
        task.cancel();
        assert!(task.join().await.unwrap().is_cancelled());
    });
}

/// Drops it, though it may panic in its destructor.
fn drop_guarded<T>(value: T) {
    drop(panic::catch_unwind(panic::AssertUnwindSafe(|| drop(value))));
}

#[test]
fn a_group_ends_whose_tasks_handles_are_dropped() {
    with_paused_clock(|| async {
        for breaks in ALL {
            let group = stook::task_group(async |group: TaskGroup<Broken>| {
                drop(group.spawn(async move { Err::<(), _>(broken(breaks)) }));
                stook::sleep(seconds(1)).await?;
                Ok(())
            });
            // Its error is kept, or is none that could be told: the group has ended.
            let end = futures_util::FutureExt::catch_unwind(panic::AssertUnwindSafe(group)).await;
            drop_guarded(end);
        }
    });
}

#[test]
fn a_group_that_was_dropped_half_way_leaves_no_task() {
    with_paused_clock(|| async {
        for breaks in ALL {
            let group = stook::task_group(async |group: TaskGroup<Broken>| {
                drop(group.spawn(async move {
                    tokio::time::sleep(seconds(2)).await;
                    Err::<(), _>(broken(breaks))
                }));
                std::future::pending::<()>().await;
                Ok(())
            });
            assert!(tokio::time::timeout(seconds(1), group).await.is_err());
            tokio::time::sleep(seconds(2)).await;
            assert!(stook::tree().is_empty());
        }
    });
}

#[test]
fn a_gather_ends() {
    with_paused_clock(|| async {
        for breaks in ALL {
            let gather = stook::gather((1..3).map(|number| async move {
                tokio::time::sleep(seconds(number)).await;
                Err::<(), _>(broken(breaks))
            }));
            let end = futures_util::FutureExt::catch_unwind(panic::AssertUnwindSafe(gather)).await;
            drop_guarded(end);
            tokio::time::sleep(seconds(3)).await;
        }
    });
}

/// A payload of a panic, which panics when it is dropped.
struct Payload;

impl Drop for Payload {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "in the destructor of a payload");
    }
}

#[test]
#[cfg_attr(miri, ignore = "such a payload is never freed: Miri finds that")]
fn a_payload_that_panics_when_it_is_dropped_keeps_no_task() {
    with_paused_clock(|| async {
        struct Throws;
        impl Drop for Throws {
            fn drop(&mut self) {
                let payload: Box<dyn Any + Send> = Box::new(Payload);
                panic::resume_unwind(payload);
            }
        }
        let held = Throws;
        let mut task = stook::spawn(std::future::poll_fn(move |_| {
            let _ = &held;
            std::task::Poll::Ready(Ok::<_, Cancelled>(1))
        }));
        task.on_done(|_| panic::resume_unwind(Box::new(Payload)));
        assert_eq!(task.join().await.unwrap().ok(), Some(1));
        let unread = stook::spawn(async {
            panic::resume_unwind(Box::new(Payload));
            #[expect(unreachable_code, reason = "its type")]
            Ok::<_, Cancelled>(())
        });
        let handle = unread.handle();
        drop(unread);
        assert!(handle.done().await.unwrap().is_done());
    });
}

/// A waker of another executor, which panics.
struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("in a waker");
    }
}

/// Polls it once with such a waker, and keeps it.
fn polled_by_one_that_panics<F: Future>(future: F) -> Pin<Box<F>> {
    let mut future = Box::pin(future);
    let waker = Waker::from(Arc::new(Panics));
    assert!(
        future
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    future
}

#[test]
fn a_waker_that_panics_keeps_no_other_from_being_woken() {
    with_paused_clock(|| async {
        let begun = Instant::now();
        let mut task = stook::spawn(stook::sleep(seconds(1)));
        let handle = task.handle();
        let _waits = polled_by_one_that_panics(handle.done());
        assert!(task.join().await.unwrap().is_ok());
        assert_eq!(begun.elapsed(), seconds(1));

        let token = CancellationToken::new();
        let child = token.child();
        let _waits = polled_by_one_that_panics(token.cancelled());
        let waits = tokio::spawn(async move { child.cancelled().await });
        settle().await;
        assert!(token.cancel());
        waits.await.unwrap();

        let gathered = stook::gather((0..3).map(|number| async move {
            let _waits =
                (number == 0).then(|| polled_by_one_that_panics(pending::<()>().or_cancel()));
            pending::<()>().or_cancel().await
        }));
        settle().await;
        assert!(gathered.cancel());
        assert!(gathered.await.is_err());
        assert_eq!(begun.elapsed(), seconds(1));
    });
}

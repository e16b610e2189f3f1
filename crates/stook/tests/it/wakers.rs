//! Wakers of foreign executors: what runs when one is dropped may use this crate.

use std::future::{Future, pending};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};

use stook::{CancellationToken, Cancelled, OrCancel, TaskGroup};

use crate::stage::with_paused_clock;

/// A waker that does nothing until it is dropped.
struct Dropped<F: Fn()>(F);

impl<F: Fn() + Send + Sync> Wake for Dropped<F> {
    fn wake(self: Arc<Self>) {}
}

impl<F: Fn()> Drop for Dropped<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Polls it with a waker and then with another; the first is dropped by who kept it, and then this is
/// called.
fn poll_by_two(future: impl Future, call: impl Fn() + Send + Sync + 'static) {
    let mut future = pin!(future);
    let called = Arc::new(AtomicBool::new(false));
    let first = {
        let called = Arc::clone(&called);
        Waker::from(Arc::new(Dropped(move || {
            call();
            called.store(true, Ordering::SeqCst);
        })))
    };
    let polled = future.as_mut().poll(&mut Context::from_waker(&first));
    assert!(polled.is_pending());
    drop(first);
    assert!(!called.load(Ordering::SeqCst), "it is not kept");
    let mut other = Context::from_waker(Waker::noop());
    // Over, perhaps, by what was called.
    let _polled = future.as_mut().poll(&mut other);
    assert!(called.load(Ordering::SeqCst), "it is kept still");
}

#[test]
fn of_who_waits_for_a_token() {
    with_paused_clock(|| async {
        let token = CancellationToken::new();
        let other = token.clone();
        poll_by_two(token.run_until_cancelled(pending::<()>()), move || {
            assert!(other.cancel());
        });
        assert!(token.is_cancelled());
    });
}

#[test]
fn of_who_waits_for_a_task() {
    with_paused_clock(|| async {
        let mut task = stook::spawn(pending::<()>().or_cancel());
        let handle = task.handle();
        poll_by_two(task.join(), move || assert!(handle.cancel()));
        assert!(task.join().await.unwrap().is_cancelled());
    });
}

#[test]
fn of_a_group_whose_body_has_ended() {
    with_paused_clock(|| async {
        let outside = Arc::new(std::sync::OnceLock::new());
        let group = {
            let outside = Arc::clone(&outside);
            stook::task_group(async move |group: TaskGroup<Cancelled>| {
                drop(group.spawn(pending::<()>().or_cancel()));
                outside.get_or_init(|| group);
                Ok(())
            })
        };
        poll_by_two(group, move || {
            assert_eq!(outside.get().map(TaskGroup::len), Some(1));
        });
    });
}

#[test]
fn of_a_cancel_point_outside_tasks() {
    with_paused_clock(|| async {
        let (give, given) = std::sync::mpsc::channel();
        let scope = stook::scope(async move |scope| {
            give.send(scope).unwrap();
            pending::<()>().or_cancel().await
        });
        let scope_given = std::sync::Mutex::new(given);
        poll_by_two(scope, move || {
            let scope = scope_given.lock().unwrap().recv().unwrap();
            assert!(scope.cancel());
        });
    });
}

//! Models of tokens, for loom: all orders in which two threads can meet in one.
//!
//!     RUSTFLAGS="--cfg stook_loom" cargo test --release -p stook --lib loom_models

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Wake, Waker};

use loom::thread;

use crate::token::{CancellationToken, WaitForCancellation};

/// Counts how often it was woken. No part of the model: nothing waits for it.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn cancelling(token: &CancellationToken) -> thread::JoinHandle<bool> {
    let token = token.clone();
    thread::spawn(move || token.cancel())
}

/// Whether it is ready, and who counts how often it is woken if it is not.
fn poll(waiting: &mut WaitForCancellation) -> (bool, Arc<Count>) {
    let count = Arc::new(Count::default());
    let waker = Waker::from(Arc::clone(&count));
    let polled = Pin::new(waiting).poll(&mut Context::from_waker(&waker));
    (polled.is_ready(), count)
}

/// Who begins to wait finds the cancellation, or is woken by it.
#[test]
fn a_wait_against_a_cancellation() {
    loom::model(|| {
        let token = CancellationToken::new();
        let asking = cancelling(&token);
        let mut waiting = token.cancelled();
        let (is_ready, count) = poll(&mut waiting);
        assert!(asking.join().unwrap());
        assert!(is_ready || count.0.load(Ordering::SeqCst) > 0);
        assert!(poll(&mut waiting).0);
    });
}

/// Who is polled with another waker finds the cancellation, or it wakes that one.
#[test]
fn another_waker_against_a_cancellation() {
    loom::model(|| {
        let token = CancellationToken::new();
        let mut waiting = token.cancelled();
        assert!(!poll(&mut waiting).0);
        let asking = cancelling(&token);
        let (is_ready, count) = poll(&mut waiting);
        assert!(asking.join().unwrap());
        assert!(is_ready || count.0.load(Ordering::SeqCst) > 0);
    });
}

/// Who waits no more is taken out while all are told.
#[test]
fn the_end_of_a_wait_against_a_cancellation() {
    loom::model(|| {
        let token = CancellationToken::new();
        let mut waiting = token.cancelled();
        assert!(!poll(&mut waiting).0);
        let asking = cancelling(&token);
        drop(waiting);
        assert!(asking.join().unwrap());
    });
}

/// A token that begins to follow another is cancelled with it, whichever is first.
#[test]
fn a_child_against_a_cancellation() {
    loom::model(|| {
        let token = CancellationToken::new();
        let asking = cancelling(&token);
        let child = token.child();
        assert!(asking.join().unwrap());
        assert!(child.is_cancelled());
    });
}

/// A token that goes while what it follows is cancelled.
#[test]
fn the_end_of_a_child_against_a_cancellation() {
    loom::model(|| {
        let token = CancellationToken::new();
        let child = token.child();
        let asking = cancelling(&token);
        drop(child);
        assert!(asking.join().unwrap());
    });
}

/// Of two that cancel one token, one is told that it did.
#[test]
fn a_cancellation_against_another() {
    loom::model(|| {
        let token = CancellationToken::new();
        let child = token.child();
        let asking = cancelling(&child);
        token.cancel();
        let by_itself = asking.join().unwrap();
        assert!(child.is_cancelled());
        let by = child.record().map(|record| record.location());
        assert_eq!(
            by_itself,
            by != token.record().map(|record| record.location())
        );
    });
}

/// A token that follows two is cancelled by the last of them, or by the first, and tells once.
#[test]
fn two_parents_that_are_cancelled_at_once() {
    for with_the_last in [true, false] {
        loom::model(move || {
            let (one, other) = (CancellationToken::new(), CancellationToken::new());
            let both = [&one, &other];
            let child = match with_the_last {
                true => CancellationToken::all_of(both),
                false => CancellationToken::any_of(both),
            };
            let told = Arc::new(AtomicUsize::new(0));
            let tell = {
                let told = Arc::clone(&told);
                move |_: &CancellationToken| {
                    told.fetch_add(1, Ordering::SeqCst);
                }
            };
            child.on_cancel(tell).keep();
            let asking = cancelling(&one);
            assert!(other.cancel());
            assert!(asking.join().unwrap());
            assert!(child.is_cancelled());
            assert_eq!(told.load(Ordering::SeqCst), 1);
        });
    }
}

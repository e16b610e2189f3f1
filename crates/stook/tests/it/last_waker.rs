//! What is polled by one task and then by another wakes the last that has polled it.

use std::future::{Future, pending};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use stook::{CancellationToken, Cancelled, Losers, OnError, OrCancel, Task, TaskGroup, When};
use tokio::sync::watch;

use crate::stage::{seconds, settle, with_paused_clock};

#[derive(Default)]
struct Noted(AtomicBool);

impl Wake for Noted {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Polls with one waker and then with another; that one has to be woken by what happens then.
async fn wakes_the_last<T, R>(
    what: &str,
    future: impl Future<Output = T>,
    then: impl FnOnce() -> R,
) {
    let mut future = pin!(future);
    let noted = [0, 1].map(|_| Arc::new(Noted::default()));
    for noted in &noted {
        let waker = Waker::from(Arc::clone(noted));
        let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
        assert!(polled.is_pending(), "{what}");
    }
    settle().await;
    noted[1].0.store(false, Ordering::SeqCst);
    let _ = then();
    settle().await;
    assert!(noted[1].0.load(Ordering::SeqCst), "{what} wakes nobody");
    assert!(
        matches!(
            future
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop())),
            Poll::Ready(_)
        ),
        "{what} is not over"
    );
}

/// A waker whose destructor looks at what it was to be woken by.
struct Looks(Box<dyn Fn() + Send + Sync>);

impl Wake for Looks {
    fn wake(self: Arc<Self>) {}
}

impl Drop for Looks {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Polls with a waker that nobody keeps but the future, and then with another.
fn looks_when_replaced<T>(
    mut future: Pin<&mut impl Future<Output = T>>,
    look: impl Fn() + Send + Sync + 'static,
) {
    let looked = Arc::new(AtomicBool::new(false));
    let noted = Arc::clone(&looked);
    let looks = Waker::from(Arc::new(Looks(Box::new(move || {
        look();
        noted.store(true, Ordering::SeqCst);
    }))));
    for waker in [looks, Waker::noop().clone()] {
        let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
        assert!(polled.is_pending());
    }
    assert!(looked.load(Ordering::SeqCst), "it is kept");
}

#[test]
fn a_waker_that_is_replaced_may_look_at_the_token_it_was_for() {
    with_paused_clock(|| async {
        let token = CancellationToken::new();
        let look = |token: &CancellationToken| {
            let token = token.clone();
            move || drop(token.reason())
        };
        looks_when_replaced(pin!(token.cancelled()), look(&token));
        let cut = token.run_until_cancelled(pending::<()>());
        looks_when_replaced(pin!(cut), look(&token));
        let tasks = [stook::spawn(pending::<()>().or_cancel())];
        looks_when_replaced(pin!(stook::when_any(&tasks, &token)), look(&token));
        let child = token.child();
        looks_when_replaced(pin!(child.cancelled()), look(&child));
        tasks[0].cancel();
    });
}

/// A child that ends when it is told to.
async fn child(mut told: watch::Receiver<bool>) -> Result<(), Cancelled> {
    told.wait_for(|told| *told).or_cancel().await?.unwrap();
    Ok(())
}

type Children = [Pin<Box<dyn Future<Output = Result<(), Cancelled>> + Send>>; 2];

/// One that is told to end, and one that ends when it is cancelled.
fn children(told: &watch::Sender<bool>) -> Children {
    [
        Box::pin(child(told.subscribe())),
        Box::pin(pending().or_cancel()),
    ]
}

fn both(told: &watch::Sender<bool>) -> Children {
    [
        Box::pin(child(told.subscribe())),
        Box::pin(child(told.subscribe())),
    ]
}

fn tasks(told: &watch::Sender<bool>) -> [Task<(), Cancelled>; 2] {
    both(told).map(stook::spawn)
}

#[test]
fn the_end_of_children() {
    with_paused_clock(|| async {
        macro_rules! check {
            ($what:literal, |$told:ident| $future:expr) => {
                let (tell, _) = watch::channel(false);
                let $told = &tell;
                let end = || $told.send(true);
                wakes_the_last($what, $future, end).await;
            };
        }
        check!("gather", |told| stook::gather(both(told)));
        check!("gather_with", |told| stook::gather_with(
            OnError::CancelRest,
            both(told)
        ));
        check!("gather_outcomes", |told| stook::gather_outcomes(both(told)));
        check!("race", |told| stook::race(Losers::Cancel, children(told)));
        check!("first_success", |told| stook::first_success(
            Losers::Cancel,
            children(told)
        ));
        check!("task_group", |told| stook::task_group(
            async |group: TaskGroup<Cancelled>| {
                for child in both(told) {
                    drop(group.spawn(child));
                }
                Ok(())
            }
        ));
        check!("local_scope", |told| stook::local_scope(async |scope| {
            for child in both(told) {
                scope.spawn(child);
            }
            Ok::<_, Cancelled>(())
        }));
    });
}

#[test]
fn the_end_of_tasks() {
    with_paused_clock(|| async {
        let token = CancellationToken::new();
        macro_rules! check {
            ($what:literal, |$tasks:ident| $future:expr) => {
                let (tell, _) = watch::channel(false);
                #[expect(unused_mut, reason = "some take them by reference")]
                let mut $tasks = tasks(&tell);
                let end = || tell.send(true);
                wakes_the_last($what, $future, end).await;
            };
        }
        check!("wait", |ours| stook::wait(&ours, When::All, None));
        check!("wait_any", |ours| stook::wait_any(&ours, None));
        check!("when_all", |ours| stook::when_all(&ours, &token));
        check!("when_any", |ours| stook::when_any(&ours, &token));
        check!("done", |ours| ours[0].handle().done());
        check!("task.await", |ours| IntoFuture::into_future(
            { ours }.into_iter().next().unwrap()
        ));
        let (tell, _) = watch::channel(false);
        let mut ends = stook::as_completed(tasks(&tell));
        wakes_the_last("as_completed", ends.next(), || tell.send(true)).await;
        ends.next().await.unwrap();
        let [mut first, second] = tasks(&tell);
        second.await.unwrap();
        assert!(first.join().await.unwrap().is_ok());
    });
}

#[test]
fn a_token() {
    with_paused_clock(|| async {
        let token = CancellationToken::new();
        wakes_the_last("cancelled", token.cancelled(), || token.cancel()).await;
        let token = CancellationToken::new();
        let cut = token.run_until_cancelled(pending::<()>());
        wakes_the_last("run_until_cancelled", cut, || token.cancel()).await;
        let token = CancellationToken::new();
        let part = token.scope(pending::<()>().or_cancel());
        wakes_the_last("scope", part, || token.cancel()).await;
        let token = CancellationToken::new();
        let tasks = [stook::spawn(pending::<()>().or_cancel())];
        let when = stook::when_any(&tasks, &token);
        wakes_the_last("when_any", when, || token.cancel()).await;
        tasks[0].cancel();
    });
}

#[test]
fn what_is_dropped_half_way_keeps_no_waker() {
    /// Polls it, and drops it; its children go on for some time.
    fn poll_and_drop(future: impl Future) {
        let noted = Arc::new(Noted::default());
        {
            let mut future = pin!(future);
            let waker = Waker::from(Arc::clone(&noted));
            let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
            assert!(polled.is_pending());
            drop(waker);
            assert!(Arc::strong_count(&noted) > 1, "it was not kept");
        }
        assert_eq!(Arc::strong_count(&noted), 1);
    }
    async fn tidies() -> Result<(), Cancelled> {
        tokio::time::sleep(seconds(5)).await;
        Ok(())
    }
    with_paused_clock(|| async {
        let mut kept = None;
        poll_and_drop(stook::task_group(async |group: TaskGroup<Cancelled>| {
            drop(group.spawn(tidies()));
            kept = Some(group);
            Ok(())
        }));
        poll_and_drop(stook::gather([tidies()]));
        poll_and_drop(stook::race(Losers::Await, [tidies()]));
        tokio::time::sleep(seconds(10)).await;
        assert!(kept.unwrap().is_closed());
    });
}

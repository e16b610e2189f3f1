//! Bad input: documented behaviour, no deadlock, nothing lost.

use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use futures_util::FutureExt;
use stook::{Cancelled, Gather, Outcome, TaskGroup};
use tokio::time::Instant;

use crate::stage::{in_local_set, seconds, settle, with_paused_clock};

#[test]
fn outside_a_runtime_spawning_panics_and_drops_the_future() {
    let kept = Arc::new(());
    let held = Arc::clone(&kept);
    let spawned = catch_unwind(AssertUnwindSafe(|| {
        stook::spawn(async move {
            let _held = held;
            Ok::<_, Cancelled>(())
        })
    }));
    assert!(spawned.is_err());
    assert_eq!(Arc::strong_count(&kept), 1);
    assert!(stook::tree().is_empty());
}

#[test]
fn a_panic_outside_a_runtime_is_at_the_line_that_spawns() {
    use std::panic::{Location, UnwindSafe};

    #[track_caller]
    fn is_here(spawn: impl FnOnce() + UnwindSafe) {
        static SEEN: Mutex<Option<String>> = Mutex::new(None);
        let before = std::panic::take_hook();
        let me = std::thread::current().id();
        std::panic::set_hook(Box::new(move |panic| {
            if std::thread::current().id() == me {
                *SEEN.lock().unwrap() = panic.location().map(|place| place.file().to_owned());
            } else {
                before(panic);
            }
        }));
        assert!(catch_unwind(spawn).is_err());
        drop(std::panic::take_hook());
        let file = Location::caller().file();
        assert_eq!(SEEN.lock().unwrap().as_deref(), Some(file));
    }
    async fn nothing() -> Result<(), Cancelled> {
        Ok(())
    }
    is_here(|| drop(stook::spawn(nothing())));
    is_here(|| drop(stook::gather([nothing()])));
    is_here(|| drop(stook::race(stook::Losers::Cancel, [nothing()])));
    is_here(|| drop(stook::first_success(stook::Losers::Cancel, [nothing()])));
    is_here(|| drop(stook::gather_outcomes([nothing()])));
    is_here(|| drop(stook::spawn_local(nothing())));

    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let group = async |group: TaskGroup<Cancelled>| {
        // Of another thread, which is in no runtime.
        std::thread::scope(|threads| {
            let outside = threads.spawn(|| {
                is_here(AssertUnwindSafe(|| drop(group.spawn(nothing()))));
                is_here(AssertUnwindSafe(|| drop(group.spawn_local(nothing()))));
            });
            outside.join().unwrap();
        });
        assert!(group.is_empty());
        Ok(())
    };
    runtime.block_on(stook::task_group(group)).unwrap();
}

#[test]
fn on_a_runtime_without_time_watching_panics_at_once() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        assert!(catch_unwind(|| stook::watch_cancels(seconds(1))).is_err());
    });
}

#[test]
fn outside_a_local_set_spawning_a_local_task_panics_and_leaves_nothing() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let spawned = catch_unwind(|| stook::spawn_local(async { Ok::<_, Cancelled>(()) }));
        assert!(spawned.is_err());
        assert!(stook::tree().is_empty());
    });
}

#[test]
fn a_task_joined_twice_panics_the_second_time() {
    with_paused_clock(|| async {
        let mut task = stook::spawn(async { Ok::<_, Cancelled>(1) });
        assert_eq!(task.join().await.unwrap().ok(), Some(1));
        let again = AssertUnwindSafe(task.join()).catch_unwind().await;
        assert!(again.is_err());
        assert!(task.try_take().is_none());
    });
}

#[test]
fn a_panic_in_a_callback_stops_no_other() {
    with_paused_clock(|| async {
        let (tell, told) = tokio::sync::oneshot::channel();
        let mut task = stook::spawn(async { Ok::<_, Cancelled>(1) });
        task.on_done(|_| panic!("in a callback"));
        task.on_done(|_| tell.send(()).unwrap());
        assert_eq!(task.join().await.unwrap().ok(), Some(1));
        told.await.unwrap();
    });
}

struct PanicsWhenDropped;

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("in a destructor");
        }
    }
}

#[test]
fn a_panic_in_a_destructor_does_not_lose_the_result() {
    with_paused_clock(|| async {
        // It is part of the future until that is dropped.
        let held = PanicsWhenDropped;
        let mut task = stook::spawn(std::future::poll_fn(move |_| {
            let _ = &held;
            std::task::Poll::Ready(Ok::<_, Cancelled>("result"))
        }));
        assert_eq!(task.join().await.unwrap().ok(), Some("result"));
    });
}

/// A future that ends at once, by a result or a panic, and whose destructor panics.
fn ends_and_breaks(panics: bool) -> impl Future<Output = Result<&'static str, Cancelled>> {
    let held = PanicsWhenDropped;
    std::future::poll_fn(move |_| {
        let _ = &held;
        assert!(!panics, "in the future");
        std::task::Poll::Ready(Ok("result"))
    })
}

#[test]
fn a_panic_in_a_destructor_keeps_no_clean_up_from_running() {
    with_paused_clock(|| async {
        for (panics, message) in [(false, "in a destructor"), (true, "in the future")] {
            let (tell, told) = tokio::sync::oneshot::channel();
            let cleaned = stook::with_cleanup(ends_and_breaks(panics), async {
                stook::checkpoint().await.unwrap();
                tell.send(()).unwrap();
            });
            let panic = AssertUnwindSafe(cleaned).catch_unwind().await.unwrap_err();
            assert_eq!(panic.downcast_ref(), Some(&message));
            told.await.unwrap();
        }
    });
}

#[test]
fn a_panic_in_the_destructor_of_a_body_does_not_go_before_the_tasks_of_its_group() {
    with_paused_clock(|| async {
        for panics in [false, true] {
            let group = stook::task_group(|group: TaskGroup<Cancelled>| {
                drop(group.spawn(async {
                    let end = stook::sleep(seconds(60)).await;
                    tokio::time::sleep(seconds(1)).await;
                    end
                }));
                drop(group);
                ends_and_breaks(panics)
            });
            let begun = Instant::now();
            settle().await;
            assert!(AssertUnwindSafe(group).catch_unwind().await.is_err());
            assert!(stook::tree().is_empty());
            assert!(begun.elapsed() < seconds(60));
        }
    });
}

#[test]
fn a_gather_that_was_over_panics_when_it_is_polled_again() {
    with_paused_clock(|| async {
        let mut gathered = stook::gather([async { Ok::<_, Cancelled>(1) }]);
        assert_eq!((&mut gathered).await.unwrap(), [1]);
        assert!(AssertUnwindSafe(gathered).catch_unwind().await.is_err());
        let mut gathered = stook::gather_outcomes([async { Ok::<_, Cancelled>(1) }]);
        assert_eq!((&mut gathered).await.unwrap().len(), 1);
        assert!(AssertUnwindSafe(gathered).catch_unwind().await.is_err());
    });
}

#[test]
fn a_panic_in_a_destructor_of_an_aborted_task_is_its_end() {
    with_paused_clock(|| async {
        let mut task = stook::spawn(async {
            let _held = PanicsWhenDropped;
            std::future::pending::<Result<(), Cancelled>>().await
        });
        settle().await;
        task.abort();
        match task.join().await.unwrap() {
            Outcome::Panicked(panic) => assert_eq!(panic.message(), "in a destructor"),
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn tasks_of_a_runtime_that_is_shut_down_are_aborted() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let task = runtime.block_on(async {
        let task = stook::spawn(stook::sleep(seconds(3600)));
        settle().await;
        task
    });
    drop(runtime);
    assert!(matches!(task.try_take(), Some(Outcome::Aborted)));
}

#[test]
fn a_task_dropped_inside_its_own_callback_does_not_deadlock() {
    with_paused_clock(|| async {
        let kept = Arc::new(Mutex::new(None));
        let task = stook::spawn(async { Ok::<_, Cancelled>(()) });
        let handle = task.handle();
        let inner = Arc::clone(&kept);
        task.on_done(move |handle| {
            handle.cancel();
            drop(inner.lock().unwrap().take());
        });
        *kept.lock().unwrap() = Some(task);
        handle.done().await.unwrap();
        assert!(kept.lock().unwrap().is_none());
    });
}

/// Its destructor panics, where it was not defused.
#[derive(Debug)]
struct Touchy(bool);

impl Drop for Touchy {
    fn drop(&mut self) {
        assert!(!self.0, "in the destructor of a result");
    }
}

#[test]
fn a_panic_in_the_destructor_of_a_result_that_nobody_reads_holds_up_no_group() {
    with_paused_clock(|| async {
        stook::task_group(async |group: TaskGroup<Cancelled>| {
            drop(group.spawn(async { Ok(Touchy(true)) }));
            Ok(())
        })
        .await
        .unwrap();
    });
}

#[test]
fn nor_ends_a_process_where_the_handle_is_dropped_late() {
    with_paused_clock(|| async {
        let task = stook::spawn(async { Ok::<_, Cancelled>(Touchy(true)) });
        settle().await;
        assert!(task.is_done());
        let unwound = catch_unwind(AssertUnwindSafe(move || {
            let _kept = task;
            panic!("by its holder");
        }));
        assert_eq!(unwound.unwrap_err().downcast_ref(), Some(&"by its holder"));
    });
}

/// Fails when the one before it has returned something touchy.
fn touchy_and_failing(panics: bool) -> [impl Future<Output = io::Result<Touchy>> + Send; 2] {
    [false, true].map(|fails| async move {
        if !fails {
            return Ok(Touchy(true));
        }
        tokio::task::yield_now().await;
        assert!(!panics, "out of ink");
        Err(io::Error::other("out of paper"))
    })
}

/// What it returns, or panics with.
async fn end_of<T, E: ToString>(future: impl Future<Output = Result<T, E>>) -> String {
    match AssertUnwindSafe(future).catch_unwind().await {
        Ok(Ok(_)) => "a result".to_owned(),
        Ok(Err(error)) => error.to_string(),
        Err(panic) => (*panic.downcast::<&str>().unwrap()).to_owned(),
    }
}

#[test]
fn a_panic_in_the_destructor_of_a_result_goes_before_no_error_and_no_panic() {
    with_paused_clock(|| async {
        for (panics, expected) in [(false, "out of paper"), (true, "out of ink")] {
            let both = || touchy_and_failing(panics);
            assert!(end_of(stook::gather(both())).await.contains(expected));
            let rest = stook::gather_with(stook::OnError::CancelRest, both());
            assert!(end_of(rest).await.contains(expected));
            let [_, failing] = both();
            let group = stook::task_group(async |group: TaskGroup<io::Error>| {
                drop(group.spawn(failing));
                Ok(Touchy(true))
            });
            assert!(end_of(group).await.contains(expected));
        }
        let scope = stook::local_scope(async |scope: &stook::LocalScope<'_, io::Error>| {
            scope.spawn(async { Err(io::Error::other("out of paper")) });
            Ok(Touchy(true))
        });
        assert!(end_of(scope).await.contains("out of paper"));
    });
}

#[test]
fn nor_before_what_the_first_returns_or_a_cancellation() {
    in_local_set(|| async {
        async fn late(number: u64) -> Result<Touchy, Cancelled> {
            tokio::time::sleep(seconds(number)).await;
            Ok(Touchy(number > 0))
        }
        let race = stook::race(stook::Losers::Await, [0, 1, 2].map(late));
        assert_eq!(race.await.unwrap().0, 0);
        let first = stook::first_success(stook::Losers::Await, [0, 1, 2].map(late));
        assert_eq!(first.await.unwrap().0, 0);

        type Ending = std::pin::Pin<Box<dyn Future<Output = Result<(), Cancelled>>>>;
        let children = |touchy: [u64; 2]| {
            let waits = async {
                stook::sleep(seconds(60)).await?;
                Ok(Touchy(true))
            };
            let touchy = touchy.map(|number| late(number).boxed());
            touchy.into_iter().chain([waits.boxed()])
        };
        let endings: [Ending; 4] = [
            Box::pin(async move { stook::gather(children([1, 1])).await.map(drop) }),
            Box::pin(async move { stook::gather_outcomes(children([1, 1])).await.map(drop) }),
            Box::pin(async move {
                let group = stook::task_group(async |group: TaskGroup<Cancelled>| {
                    drop(group.spawn(stook::sleep(seconds(60))));
                    Ok(Touchy(true))
                });
                group
                    .await
                    .map(drop)
                    .map_err(|error| error.cancelled.unwrap())
            }),
            Box::pin(async move {
                let scope = stook::local_scope(async |scope: &stook::LocalScope<'_, Cancelled>| {
                    scope.spawn(stook::sleep(seconds(60)));
                    Ok(Touchy(true))
                });
                scope
                    .await
                    .map(drop)
                    .map_err(|error| error.cancelled.unwrap())
            }),
        ];
        for ending in endings {
            let mut task = stook::spawn_local(ending);
            stook::sleep(seconds(3)).await.unwrap();
            task.cancel();
            assert!(task.join().await.unwrap().is_cancelled());
        }
    });
}

/// Calls something when it is dropped.
struct OnDrop(Box<dyn Fn() + Send + Sync>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0();
    }
}

#[test]
fn a_result_that_comes_late_may_look_at_the_gather_from_its_destructor() {
    with_paused_clock(|| async {
        let kept = Arc::new(OnceLock::<Gather<OnDrop, io::Error>>::new());
        let looked = Arc::new(AtomicBool::new(false));
        let gather = stook::gather((1..3).map(|number| {
            let (kept, looked) = (Arc::clone(&kept), Arc::clone(&looked));
            async move {
                stook::sleep(seconds(number)).await?;
                if number == 1 {
                    return Err(io::Error::other("out of paper"));
                }
                let look = move || looked.store(kept.get().unwrap().is_done(), Ordering::SeqCst);
                Ok(OnDrop(Box::new(look)))
            }
        }));
        assert!(kept.set(gather).is_ok());
        stook::sleep(seconds(3)).await.unwrap();
        assert!(looked.load(Ordering::SeqCst));
    });
}

#[test]
fn who_watches_a_task_is_told_in_order_whoever_went_before() {
    with_paused_clock(|| async {
        let told = Arc::new(Mutex::new(Vec::new()));
        let mut task = stook::spawn(stook::checkpoint());
        let handle = task.handle();
        let mut waits: Vec<_> = (0..3).map(|_| Box::pin(handle.done())).collect();
        for wait in &mut waits {
            assert!(wait.now_or_never().is_none());
        }
        for number in 0..3 {
            let told = Arc::clone(&told);
            task.on_done(move |_| told.lock().unwrap().push(number));
        }
        // The first and the last but one of those that wait.
        drop(waits.remove(0));
        drop(waits.remove(0));
        assert!(task.join().await.unwrap().is_ok());
        assert_eq!(*told.lock().unwrap(), [0, 1, 2]);
        assert!(waits.remove(0).await.unwrap().is_done());
    });
}

#[test]
fn a_panic_that_two_hear_of_gives_its_payload_to_one_and_its_message_to_the_other() {
    with_paused_clock(|| async {
        let mut handle = None;
        let group = stook::task_group(async |group: TaskGroup<Cancelled>| {
            let panics = async { std::panic::panic_any("out of ink") as Result<(), Cancelled> };
            handle = Some(group.spawn(panics).unwrap());
            Ok(())
        });
        let first = AssertUnwindSafe(group).catch_unwind().await.unwrap_err();
        assert_eq!(first.downcast_ref(), Some(&"out of ink"));
        let Some(Outcome::Panicked(second)) = handle.unwrap().try_take() else {
            panic!("it has panicked");
        };
        let second = second.into_payload();
        assert_eq!(second.downcast_ref(), Some(&"out of ink".to_owned()));
    });
}

//! A cancellation is found in errors, however `?` has turned them into others.

use std::error::Error;
use std::fmt;
use std::future::pending;
use std::io;

use stook::{CancelError, Cancelled, GroupError, Losers, NoSuccess, OrCancel, Outcome, Task};

use crate::stage::{everywhere, seconds, settle, with_paused_clock};

type Boxed = Box<dyn Error + Send + Sync>;

async fn forever() -> Result<(), Cancelled> {
    pending().or_cancel().await
}

async fn read() -> io::Result<()> {
    Ok(forever().await?)
}

async fn first() -> Result<(), NoSuccess<(), io::Error>> {
    stook::first_success(Losers::Cancel, [read()]).await?;
    Ok(())
}

async fn together() -> Result<(), GroupError<io::Error>> {
    stook::task_group(async |group| {
        drop(group.spawn(read()));
        Ok(())
    })
    .await
}

/// An error of a library that says what it comes from.
#[derive(Debug)]
struct Failed(Boxed);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the library has failed")
    }
}

impl Error for Failed {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0)
    }
}

async fn is_cancelled<E: CancelError + Send>(mut task: Task<(), E>) -> bool {
    settle().await;
    task.cancel();
    task.join().await.unwrap().is_cancelled()
}

#[test]
fn a_task_that_returns_its_cancellation_inside_another_error_was_cancelled() {
    everywhere(|| async {
        assert!(is_cancelled(stook::spawn(async { Ok::<_, Boxed>(forever().await?) })).await);
        assert!(is_cancelled(stook::spawn(async { Ok::<_, Boxed>(read().await?) })).await);
        assert!(is_cancelled(stook::spawn(async { Ok::<_, Boxed>(first().await?) })).await);
        assert!(is_cancelled(stook::spawn(async { Ok::<_, Boxed>(together().await?) })).await);
        let library = async { read().await.map_err(|error| Failed(error.into())) };
        assert!(is_cancelled(stook::spawn(async { Ok::<_, Boxed>(library.await?) })).await);
        let library = async { read().await.map_err(|error| Failed(error.into())) };
        let outer = async { library.await.map_err(io::Error::other) };
        assert!(is_cancelled(stook::spawn(outer)).await);
    });
}

#[test]
fn a_childs_cancellation_inside_another_error_is_an_error() {
    with_paused_clock(|| async {
        let child = stook::spawn(read());
        child.cancel();
        let mut parent = stook::spawn(async { Ok::<_, Boxed>(child.await?) });
        let outcome = parent.join().await.unwrap();
        assert!(outcome.is_error(), "{outcome:?}");
        let error: Boxed = io::Error::other("no paper").into();
        assert!(error.as_cancelled().is_none());
        let error: Box<dyn Error> = io::Error::from_raw_os_error(2).into();
        assert!(error.as_cancelled().is_none());
    });
}

#[test]
fn an_elapsed_timeout_goes_into_an_io_error() {
    with_paused_clock(|| async {
        let timed_out = async { stook::timeout(seconds(1), read()).await? };
        let error: io::Error = timed_out.await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(error.as_cancelled().is_none());
    });
}

#[test]
fn one_error_is_one_and_a_panic_is_shown_by_its_message() {
    with_paused_clock(|| async {
        for (count, shown) in [
            (1, "1 error in a task group: [\"late\"]"),
            (2, "2 errors in a task group: [\"late\", \"late\"]"),
        ] {
            let group = stook::task_group(async |group: stook::TaskGroup<Boxed>| {
                for _ in 0..count {
                    drop(group.spawn(async {
                        tokio::time::sleep(seconds(1)).await;
                        Err::<(), Boxed>("late".into())
                    }));
                }
                Ok(())
            });
            assert_eq!(group.await.unwrap_err().to_string(), shown);
        }
        let mut crashes = stook::spawn(async { panic!("out of ink") as Result<(), Cancelled> });
        let Outcome::Panicked(panic) = crashes.join().await.unwrap() else {
            panic!("it panicked");
        };
        assert_eq!(panic.to_string(), "out of ink");
    });
}

#[test]
fn the_cancellation_of_an_aborted_task_names_the_line_that_waits_for_it() {
    with_paused_clock(|| async {
        let never = || [pending::<()>().or_cancel()];
        let aborted = || {
            let task = stook::spawn(pending::<()>().or_cancel());
            task.abort();
            task
        };
        let gathered = stook::gather(never());
        let rest = stook::gather_with(stook::OnError::CancelRest, never());
        for task in gathered.handles().iter().chain(&rest.handles()) {
            task.abort();
        }
        let token = stook::CancellationToken::new();
        let mut joined = aborted();
        for end in [
            gathered.await.map(drop),
            rest.await.map(drop),
            aborted().await,
            stook::race(stook::Losers::Cancel, [aborted()])
                .await
                .map(drop),
            stook::when_all([&aborted()], &token).await.map(drop),
            stook::when_any([&aborted()], &token).await.map(drop),
            joined.join().await.unwrap().into_result(),
        ] {
            let cancelled = end.unwrap_err();
            assert_eq!(cancelled.reason(), Some("the task was aborted"));
            assert_eq!(cancelled.record().location().file(), file!());
        }
    });
}

//! The rows.

use std::future::{Future, pending, poll_fn};
use std::hint::black_box;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use stook::{CancellationToken, Cancelled, OrCancel, TaskGroup};
use tokio::runtime::Runtime;
use tokio::task::{JoinSet, yield_now};

/// Runs one side with so many tasks, and says how long the part took that counts.
pub(crate) type Run = fn(&Runtime, usize) -> Duration;

pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) sizes: &'static [usize],
    pub(crate) ours: Run,
    pub(crate) theirs: Run,
}

const ALL: &[usize] = &[10, 1_000, 100_000];

pub(crate) const ROWS: &[Row] = &[
    Row {
        name: "gather",
        sizes: ALL,
        ours: gather,
        theirs: join_set_with_index,
    },
    Row {
        name: "task_group",
        sizes: ALL,
        ours: task_group,
        theirs: join_set,
    },
    Row {
        name: "task_group/ten deep",
        sizes: &[10, 1_000],
        ours: nested_groups,
        theirs: nested_join_sets,
    },
    Row {
        name: "wait_any",
        sizes: &[10, 1_000],
        ours: wait_any,
        theirs: first_of_join_set,
    },
    Row {
        name: "mass cancel of sleepers",
        sizes: &[10_000],
        ours: cancel_sleepers,
        theirs: cancel_sleepers_by_token,
    },
    Row {
        name: "token to waiters",
        sizes: &[10_000],
        ours: token,
        theirs: token_of_tokio_util,
    },
    Row {
        name: "cancel point",
        sizes: &[100_000],
        ours: cancel_points,
        theirs: bare_awaits,
    },
];

fn timed(runtime: &Runtime, future: impl Future<Output = ()>) -> Duration {
    runtime.block_on(async {
        let begun = Instant::now();
        future.await;
        begun.elapsed()
    })
}

fn gather(runtime: &Runtime, tasks: usize) -> Duration {
    timed(runtime, async {
        let all = stook::gather((0..tasks).map(|number| async move { Ok::<_, Cancelled>(number) }));
        let numbers = all.await.expect("no error");
        assert!(numbers.iter().copied().eq(0..tasks));
    })
}

fn join_set_with_index(runtime: &Runtime, tasks: usize) -> Duration {
    timed(runtime, async {
        let mut set = JoinSet::new();
        for number in 0..tasks {
            set.spawn(async move { (number, Ok::<_, Cancelled>(number)) });
        }
        let mut numbers = vec![0; tasks];
        while let Some(end) = set.join_next().await {
            let (place, number) = end.expect("no panic");
            numbers[place] = number.expect("no error");
        }
        assert!(numbers.iter().copied().eq(0..tasks));
    })
}

fn task_group(runtime: &Runtime, tasks: usize) -> Duration {
    timed(runtime, async {
        let end = stook::task_group(async |group: TaskGroup<Cancelled>| {
            for number in 0..tasks {
                drop(group.spawn(async move { Ok(black_box(number)) }));
            }
            Ok(())
        });
        end.await.expect("no error");
    })
}

fn join_set(runtime: &Runtime, tasks: usize) -> Duration {
    timed(runtime, async {
        let mut set = JoinSet::new();
        for number in 0..tasks {
            set.spawn(async move { Ok::<_, Cancelled>(black_box(number)) });
        }
        while let Some(end) = set.join_next().await {
            end.expect("no panic").expect("no error");
        }
    })
}

fn nested_groups(runtime: &Runtime, tasks: usize) -> Duration {
    fn level(
        depth: usize,
        tasks: usize,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<(), Cancelled>> + Send>> {
        Box::pin(async move {
            let end = stook::task_group(async |group: TaskGroup<Cancelled>| {
                for number in 0..tasks / 10 {
                    drop(group.spawn(async move {
                        black_box(number);
                        Ok(())
                    }));
                }
                if depth > 1 {
                    drop(group.spawn(level(depth - 1, tasks)));
                }
                Ok(())
            });
            end.await.expect("no error");
            Ok(())
        })
    }
    timed(runtime, async { level(10, tasks).await.expect("no error") })
}

fn nested_join_sets(runtime: &Runtime, tasks: usize) -> Duration {
    fn level(
        depth: usize,
        tasks: usize,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<(), Cancelled>> + Send>> {
        Box::pin(async move {
            let mut set = JoinSet::new();
            for number in 0..tasks / 10 {
                set.spawn(async move {
                    black_box(number);
                    Ok::<_, Cancelled>(())
                });
            }
            if depth > 1 {
                set.spawn(level(depth - 1, tasks));
            }
            while let Some(end) = set.join_next().await {
                end.expect("no panic")?;
            }
            Ok(())
        })
    }
    timed(runtime, async { level(10, tasks).await.expect("no error") })
}

fn wait_any(runtime: &Runtime, tasks: usize) -> Duration {
    timed(runtime, async {
        let all: Vec<_> = (0..tasks)
            .map(|number| {
                stook::spawn(async move {
                    if number + 1 == tasks {
                        return Ok::<_, Cancelled>(number);
                    }
                    pending::<()>().or_cancel().await?;
                    Ok(number)
                })
            })
            .collect();
        let waited = stook::wait_any(&all, None).await.expect("not cancelled");
        assert_eq!(waited.done.len(), 1);
        for mut task in all {
            let _ = task.join().await;
        }
    })
}

fn first_of_join_set(runtime: &Runtime, tasks: usize) -> Duration {
    timed(runtime, async {
        let token = tokio_util::sync::CancellationToken::new();
        let mut set = JoinSet::new();
        for number in 0..tasks {
            let token = token.clone();
            set.spawn(async move {
                if number + 1 == tasks {
                    return Some(number);
                }
                token
                    .run_until_cancelled(pending::<()>())
                    .await
                    .map(|()| number)
            });
        }
        let first = set
            .join_next()
            .await
            .expect("there are some")
            .expect("no panic");
        assert_eq!(first, Some(tasks - 1));
        token.cancel();
        while let Some(end) = set.join_next().await {
            end.expect("no panic");
        }
    })
}

const LONG: Duration = Duration::from_secs(3600);

fn cancel_sleepers(runtime: &Runtime, tasks: usize) -> Duration {
    runtime.block_on(async {
        let all = stook::gather_outcomes((0..tasks).map(|_| async { stook::sleep(LONG).await }));
        settle().await;
        let begun = Instant::now();
        assert!(all.cancel());
        assert!(all.await.is_err());
        begun.elapsed()
    })
}

fn cancel_sleepers_by_token(runtime: &Runtime, tasks: usize) -> Duration {
    runtime.block_on(async {
        let token = tokio_util::sync::CancellationToken::new();
        let mut set = JoinSet::new();
        for _ in 0..tasks {
            let token = token.clone();
            set.spawn(async move { token.run_until_cancelled(tokio::time::sleep(LONG)).await });
        }
        settle().await;
        let begun = Instant::now();
        token.cancel();
        while let Some(end) = set.join_next().await {
            assert!(end.expect("no panic").is_none());
        }
        begun.elapsed()
    })
}

fn token(runtime: &Runtime, tasks: usize) -> Duration {
    runtime.block_on(async {
        let token = CancellationToken::new();
        let mut set = JoinSet::new();
        for _ in 0..tasks {
            let token = token.clone();
            set.spawn(async move { token.cancelled().await });
        }
        settle().await;
        let begun = Instant::now();
        token.cancel();
        while let Some(end) = set.join_next().await {
            end.expect("no panic");
        }
        begun.elapsed()
    })
}

fn token_of_tokio_util(runtime: &Runtime, tasks: usize) -> Duration {
    runtime.block_on(async {
        let token = tokio_util::sync::CancellationToken::new();
        let mut set = JoinSet::new();
        for _ in 0..tasks {
            let token = token.clone();
            set.spawn(async move { token.cancelled().await });
        }
        settle().await;
        let begun = Instant::now();
        token.cancel();
        while let Some(end) = set.join_next().await {
            end.expect("no panic");
        }
        begun.elapsed()
    })
}

/// Lets the tasks begin to wait.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(20)).await;
    yield_now().await;
}

/// Pending once, then ready: what a cancel point is wrapped round.
async fn once_pending() {
    let mut is_ready = false;
    poll_fn(|cx| {
        if is_ready {
            return Poll::Ready(());
        }
        is_ready = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

fn cancel_points(runtime: &Runtime, tasks: usize) -> Duration {
    timed(runtime, async {
        let task = stook::spawn(async move {
            for _ in 0..tasks {
                once_pending().or_cancel().await?;
            }
            Ok::<_, Cancelled>(())
        });
        task.await.expect("not cancelled");
    })
}

fn bare_awaits(runtime: &Runtime, tasks: usize) -> Duration {
    timed(runtime, async {
        let task = stook::spawn(async move {
            for _ in 0..tasks {
                once_pending().await;
            }
            Ok::<_, Cancelled>(())
        });
        task.await.expect("not cancelled");
    })
}

/// Bytes of a parked task, by the memory of the process.
pub(crate) fn memory(runtime: &Runtime) {
    const TASKS: usize = 200_000;
    let before = resident();
    runtime.block_on(async {
        let all: Vec<_> = (0..TASKS)
            .map(|_| stook::spawn(async { pending::<()>().or_cancel().await }))
            .collect();
        settle().await;
        let ours = (resident() - before) / TASKS;
        for task in &all {
            task.cancel();
        }
        for mut task in all {
            let _ = task.join().await;
        }
        println!(
            "{:<28} {:<10} {TASKS:>8} {ours:>12} bytes a task that waits at `.or_cancel()`",
            "memory", "one"
        );
    });
    let mut nothing = pin!(async {});
    runtime.block_on(nothing.as_mut());
}

fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages: usize = text
        .split(' ')
        .nth(1)
        .and_then(|field| field.parse().ok())
        .expect("a number");
    pages * 4096
}

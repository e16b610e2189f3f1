//! The rows.

use std::future::{Future, pending, poll_fn};
use std::hint::black_box;
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
    /// What is asked for with so many tasks.
    pub(crate) asked: fn(usize) -> Asked,
    pub(crate) ours: Run,
    pub(crate) theirs: Run,
}

/// At most how slow ours is meant to be.
pub(crate) enum Asked {
    /// So many times theirs.
    Ratio(f64),
    /// So many nanoseconds over theirs.
    MoreNanoseconds(f64),
}

const ALL: &[usize] = &[10, 1_000, 100_000, 1_000_000];

fn as_fast(_tasks: usize) -> Asked {
    Asked::Ratio(1.0)
}

pub(crate) const ROWS: &[Row] = &[
    Row {
        name: "gather",
        sizes: ALL,
        asked: |tasks| Asked::Ratio(if tasks == 10 { 1.2 } else { 0.85 }),
        ours: gather,
        theirs: join_set_with_index,
    },
    Row {
        name: "task_group",
        sizes: ALL,
        asked: as_fast,
        ours: task_group,
        theirs: join_set,
    },
    Row {
        name: "task_group/ten deep",
        sizes: &[10, 1_000],
        asked: |_| Asked::Ratio(1.1),
        ours: nested_groups,
        theirs: nested_join_sets,
    },
    Row {
        name: "wait_any",
        sizes: &[10, 1_000, 100_000],
        asked: as_fast,
        ours: wait_any,
        theirs: first_of_join_set,
    },
    Row {
        name: "race",
        sizes: &[10, 1_000, 100_000],
        asked: as_fast,
        ours: race,
        theirs: first_of_join_set,
    },
    Row {
        name: "mass cancel of sleepers",
        sizes: &[10_000],
        asked: as_fast,
        ours: cancel_sleepers,
        theirs: cancel_sleepers_by_token,
    },
    Row {
        name: "token to waiters",
        sizes: &[10_000],
        asked: as_fast,
        ours: token,
        theirs: token_of_tokio_util,
    },
    Row {
        name: "cancel point",
        sizes: &[100_000],
        asked: |_| Asked::MoreNanoseconds(25.0),
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

fn race(runtime: &Runtime, tasks: usize) -> Duration {
    timed(runtime, async {
        let race = stook::race(
            stook::Losers::Cancel,
            (0..tasks).map(|number| async move {
                if number + 1 == tasks {
                    return Ok::<_, Cancelled>(number);
                }
                pending::<()>().or_cancel().await?;
                Ok(number)
            }),
        );
        let (place, number) = race.await.expect("no error");
        assert_eq!((place, number), (tasks - 1, tasks - 1));
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

/// Has many tasks wait, and says how many bytes each takes.
type Wait = fn(&Runtime, Measure) -> usize;

pub(crate) const MEMORY: &[(&str, Wait)] = &[
    ("memory/spawned, with its handle", spawned),
    ("memory/gathered", gathered),
    ("memory/in a group", in_a_group),
    ("memory/of tokio::spawn, with its handle", of_tokio),
];

/// How many bytes the process has.
pub(crate) type Measure = fn() -> usize;

const WAITING: usize = 200_000;

async fn wait_for_ever() -> Result<(), Cancelled> {
    pending::<()>().or_cancel().await
}

fn spawned(runtime: &Runtime, measure: Measure) -> usize {
    runtime.block_on(async {
        let before = measure();
        let tasks: Vec<_> = (0..WAITING)
            .map(|_| stook::spawn(wait_for_ever()))
            .collect();
        settle().await;
        let bytes = measure() - before;
        for task in &tasks {
            task.cancel();
        }
        for mut task in tasks {
            let _ = task.join().await;
        }
        bytes / WAITING
    })
}

fn gathered(runtime: &Runtime, measure: Measure) -> usize {
    runtime.block_on(async {
        let before = measure();
        let gather = stook::gather_outcomes((0..WAITING).map(|_| wait_for_ever()));
        settle().await;
        let bytes = measure() - before;
        gather.cancel();
        assert!(gather.await.is_err());
        bytes / WAITING
    })
}

fn in_a_group(runtime: &Runtime, measure: Measure) -> usize {
    let end = runtime.block_on(stook::task_group(async |group: TaskGroup<Cancelled>| {
        let before = measure();
        for _ in 0..WAITING {
            drop(group.spawn(wait_for_ever()));
        }
        settle().await;
        let bytes = measure() - before;
        group.cancel();
        Ok(bytes / WAITING)
    }));
    end.expect("no error")
}

fn of_tokio(runtime: &Runtime, measure: Measure) -> usize {
    runtime.block_on(async {
        let before = measure();
        let tasks: Vec<_> = (0..WAITING)
            .map(|_| tokio::spawn(pending::<()>()))
            .collect();
        settle().await;
        let bytes = measure() - before;
        for task in tasks {
            task.abort();
            let _ = task.await;
        }
        bytes / WAITING
    })
}

/// What the process has of memory. It seldom gives any back: one figure a process.
#[cfg(not(feature = "counted"))]
pub(crate) fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages: usize = text
        .split(' ')
        .nth(1)
        .and_then(|field| field.parse().ok())
        .expect("a number");
    pages * 4096
}

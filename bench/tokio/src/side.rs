//! One side of a row, alone in this process.

use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use crate::arguments::{Side, Threads};
use crate::rows::{Row, Run};

/// How long it is run for one figure.
const LONG_ENOUGH: Duration = Duration::from_millis(300);

/// Runs a side and prints its nanoseconds a task, or runs it so many times as are asked for, so that
/// what it does can be counted.
pub(crate) fn run(row: &Row, side: Side, threads: Threads, tasks: usize, runs: Option<u32>) {
    let run = match side {
        Side::Ours => row.ours,
        Side::Theirs => row.theirs,
    };
    let runtime = threads.runtime();
    match runs {
        Some(runs) => {
            for _ in 0..runs {
                run(&runtime, tasks);
            }
        }
        None => println!("{}", nanoseconds(&runtime, run, tasks)),
    }
}

/// Nanoseconds a task, by the lower quartile of several runs: what else the machine does makes a run
/// longer, and none shorter.
fn nanoseconds(runtime: &Runtime, run: Run, tasks: usize) -> f64 {
    // Small rows are run several times for one figure.
    let repeat = (2_000 / tasks).max(1);
    let mut figures = Vec::new();
    let begun = Instant::now();
    while begun.elapsed() < LONG_ENOUGH || figures.len() < 4 {
        figures.push(time(runtime, run, tasks, repeat));
    }
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 4]
}

fn time(runtime: &Runtime, run: Run, tasks: usize, repeat: usize) -> f64 {
    let mut spent = Duration::ZERO;
    for _ in 0..repeat {
        spent += run(runtime, tasks);
    }
    spent.as_nanos() as f64 / (tasks * repeat) as f64
}

//! The crate `stook` beside tokio's own means, interleaved: what a row says is a ratio, and less than
//! one is faster than tokio.
//!
//!     cargo run --release --manifest-path bench/tokio/Cargo.toml [-- ROW]
//!
//! Each pair is run in turns, several times over, and the ratio is that of the medians. A row asserts
//! its results.

mod rows;

use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};

/// How long both sides of a row are run together.
const LONG_ENOUGH: Duration = Duration::from_millis(1500);

fn main() {
    let wanted = std::env::args().nth(1);
    println!(
        "{:<28} {:<10} {:>8} {:>12} {:>12} {:>7}",
        "row", "threads", "tasks", "stook ns", "tokio ns", "ratio"
    );
    for (threads, runtime) in [("one", one_thread()), ("two", two_threads())] {
        for row in rows::ROWS {
            if wanted
                .as_ref()
                .is_some_and(|wanted| !row.name.contains(wanted.as_str()))
            {
                continue;
            }
            for &tasks in row.sizes {
                let (ours, theirs) = compare(&runtime, row, tasks);
                println!(
                    "{:<28} {threads:<10} {tasks:>8} {ours:>12.1} {theirs:>12.1} {:>7.2}",
                    row.name,
                    ours / theirs
                );
            }
        }
    }
    if wanted.is_none_or(|wanted| "memory".contains(wanted.as_str())) {
        rows::memory(&one_thread());
    }
}

fn one_thread() -> Runtime {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

fn two_threads() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
}

/// Nanoseconds a task, of both, by the medians of runs in turns.
fn compare(runtime: &Runtime, row: &rows::Row, tasks: usize) -> (f64, f64) {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let begun = Instant::now();
    // Small rows are run several times for one figure.
    let repeat = (2_000 / tasks).max(1);
    while begun.elapsed() < LONG_ENOUGH || ours.len() < 5 {
        ours.push(time(runtime, row.ours, tasks, repeat));
        theirs.push(time(runtime, row.theirs, tasks, repeat));
    }
    (median(ours), median(theirs))
}

fn time(runtime: &Runtime, run: rows::Run, tasks: usize, repeat: usize) -> f64 {
    let mut spent = Duration::ZERO;
    for _ in 0..repeat {
        spent += run(runtime, tasks);
    }
    spent.as_nanos() as f64 / (tasks * repeat) as f64
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

//! The crate `stook` beside tokio's own means, interleaved: what a row says is a ratio, and less than
//! one is faster than tokio.
//!
//!     cargo run --release --manifest-path bench/tokio/Cargo.toml [-- ROW]
//!
//! Each pair is run in turns, several times over, and the ratio is that of the lower quartiles: what
//! else the machine does makes a run longer, and none shorter. A row asserts its results. It prints
//! the rows of a table, as in docs/benchmarks/tokio.md. Each is run in a process of its own, for what
//! the allocator has left from a million tasks slows what comes after them; `ROW one 10` runs that of
//! ten tasks on one thread alone, and `two` on two.
//!
//! `memory/spawned` and its kin, one a process, say how many bytes of the process a task takes that
//! waits; with `--features counted`, how many were asked of the allocator. With `--features mimalloc`
//! everything runs on that allocator.
//!
//! `ROW ours 10 500`, or `theirs`, runs that side alone on one thread, with 10 tasks, 500 times: for a
//! profiler.

mod rows;

use std::process::Command;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[cfg(feature = "counted")]
#[global_allocator]
static ALLOCATOR: &stats_alloc::StatsAlloc<std::alloc::System> = &stats_alloc::INSTRUMENTED_SYSTEM;

/// How long both sides of a row are run together.
const LONG_ENOUGH: Duration = Duration::from_millis(1500);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [name, side, tasks, runs] = &arguments[..] {
        return run_one_side(name, side, number(tasks), number(runs));
    }
    if let [name, threads, tasks] = &arguments[..] {
        return print_row(name, threads, number(tasks));
    }
    let wanted = arguments.first();
    let is_wanted = |name: &str| wanted.is_none_or(|wanted| name.contains(wanted.as_str()));
    for (name, bytes) in rows::MEMORY {
        let is_asked_for = cfg!(feature = "counted") || wanted.is_some();
        if is_asked_for && is_wanted(name) {
            let bytes = bytes(&one_thread(), measure());
            println!("| {name} | one | {bytes} bytes |");
        }
    }
    for threads in ["one", "two"] {
        for row in rows::ROWS.iter().filter(|row| is_wanted(row.name)) {
            for tasks in row.sizes {
                let arguments = [row.name, threads, &tasks.to_string()];
                let program = std::env::current_exe().expect("a path");
                let status = Command::new(program).args(arguments).status();
                assert!(status.expect("a process").success(), "{arguments:?}");
            }
        }
    }
}

/// Prints one row of the table.
fn print_row(name: &str, threads: &str, tasks: usize) {
    let row = named(name);
    let runtime = match threads {
        "one" => one_thread(),
        "two" => two_threads(),
        other => panic!("{other} is no number of threads: one, two"),
    };
    let (ours, theirs) = compare(&runtime, row, tasks);
    let ratio = ours / theirs;
    let verdict = if ratio > (row.asked)(tasks) {
        "lost"
    } else {
        ""
    };
    println!(
        "| {name} | {threads} | {} | {ours:.1} | {theirs:.1} | {ratio:.2} | {verdict} |",
        grouped(tasks),
    );
}

fn named(name: &str) -> &'static rows::Row {
    let row = rows::ROWS.iter().find(|row| row.name == name);
    row.expect("the name of a row")
}

#[cfg(not(feature = "counted"))]
fn measure() -> rows::Measure {
    rows::resident
}

/// What was asked of the allocator and not given back.
#[cfg(feature = "counted")]
fn measure() -> rows::Measure {
    || {
        let stats = ALLOCATOR.stats();
        stats.bytes_allocated - stats.bytes_deallocated
    }
}

/// Runs one side of a row, so that what it does can be counted.
fn run_one_side(name: &str, side: &str, tasks: usize, runs: usize) {
    let row = named(name);
    let run = match side {
        "ours" => row.ours,
        "theirs" => row.theirs,
        other => panic!("{other} is no side: ours, theirs"),
    };
    let runtime = one_thread();
    for _ in 0..runs {
        run(&runtime, tasks);
    }
}

fn number(text: &str) -> usize {
    text.parse().expect("a number")
}

fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
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

/// Nanoseconds a task, of both, by the lower quartiles of runs in turns.
fn compare(runtime: &Runtime, row: &rows::Row, tasks: usize) -> (f64, f64) {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let begun = Instant::now();
    // Small rows are run several times for one figure.
    let repeat = (2_000 / tasks).max(1);
    while begun.elapsed() < LONG_ENOUGH || ours.len() < 4 {
        ours.push(time(runtime, row.ours, tasks, repeat));
        theirs.push(time(runtime, row.theirs, tasks, repeat));
    }
    (lower_quartile(ours), lower_quartile(theirs))
}

fn time(runtime: &Runtime, run: rows::Run, tasks: usize, repeat: usize) -> f64 {
    let mut spent = Duration::ZERO;
    for _ in 0..repeat {
        spent += run(runtime, tasks);
    }
    spent.as_nanos() as f64 / (tasks * repeat) as f64
}

fn lower_quartile(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 4]
}

//! The two sides of a row in turns.

use std::process::Command;

use crate::arguments::{Side, Threads};
use crate::rows::Row;

/// Nanoseconds a task of both sides: the medians of so many rounds, in each of which the two are run
/// one after the other, and in the next the other way round.
pub(crate) fn compare(row: &Row, threads: Threads, tasks: usize, rounds: u32) -> (f64, f64) {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let mut sides = [(Side::Ours, &mut ours), (Side::Theirs, &mut theirs)];
        if round % 2 == 1 {
            sides.reverse();
        }
        for (side, figures) in sides {
            figures.push(alone(row, side, threads, tasks));
        }
    }
    (median(ours), median(theirs))
}

/// What a process says that runs this side alone.
fn alone(row: &Row, side: Side, threads: Threads, tasks: usize) -> f64 {
    let mut process = Command::new(std::env::current_exe().expect("a path"));
    process.args([row.name, "--side", side.name(), "--threads", threads.name()]);
    process.args(["--tasks", &tasks.to_string()]);
    let output = process.output().expect("a process");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{process:?}: {errors}");
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim().parse().expect("a figure")
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    let middle = figures.len() / 2;
    if figures.len() % 2 == 1 {
        figures[middle]
    } else {
        f64::midpoint(figures[middle - 1], figures[middle])
    }
}

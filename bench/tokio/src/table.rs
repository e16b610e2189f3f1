//! The table of docs/benchmarks/tokio.md.

use crate::arguments::{Arguments, Threads};
use crate::rounds;
use crate::rows::{Asked, ROWS, Row};

/// Prints the rows that are asked for, and says how many.
pub(crate) fn print(arguments: &Arguments) -> usize {
    let mut printed = 0;
    for threads in arguments.threads() {
        for row in ROWS.iter().filter(|row| arguments.wants(row.name)) {
            for tasks in arguments.sizes(row) {
                print_row(row, threads, tasks, arguments.rounds);
                printed += 1;
            }
        }
    }
    printed
}

fn print_row(row: &Row, threads: Threads, tasks: usize, rounds: u32) {
    let (ours, theirs) = rounds::compare(row, threads, tasks, rounds);
    let ratio = ours / theirs;
    let is_lost = match (row.asked)(tasks) {
        Asked::Ratio(asked) => ratio > asked,
        Asked::MoreNanoseconds(asked) => ours - theirs > asked,
    };
    let verdict = if is_lost { "lost" } else { "" };
    println!(
        "| {} | {} | {} | {ours:.1} | {theirs:.1} | {ratio:.2} | {verdict} |",
        row.name,
        threads.name(),
        grouped(tasks),
    );
}

/// A number with commas between its thousands.
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

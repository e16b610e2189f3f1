//! The crate `stook` beside tokio's own means: what a row says is a ratio, and less than one is faster
//! than tokio.
//!
//!     cargo run --release --manifest-path bench/tokio/Cargo.toml [-- ROW]
//!
//! It prints the rows of a table, as in docs/benchmarks/tokio.md. Each side of a row is run in a
//! process of its own, the two in turns, for on one heap each would pay for what the other has left
//! there. A row asserts its results.
//!
//! `memory/spawned` and its kin, one a process, say how many bytes of the process a task takes that
//! waits; with `--features counted`, how many were asked of the allocator. With `--features mimalloc`
//! everything runs on that allocator.

mod arguments;
mod rounds;
mod rows;
mod side;
mod table;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::{Arguments, Threads};

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[cfg(feature = "counted")]
#[global_allocator]
static ALLOCATOR: &stats_alloc::StatsAlloc<std::alloc::System> = &stats_alloc::INSTRUMENTED_SYSTEM;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(side) = arguments.side {
        let Some((row, threads, tasks)) = arguments.only() else {
            eprintln!("--side is of one row: its whole name, --threads and --tasks");
            return ExitCode::from(2);
        };
        side::run(row, side, threads, tasks, arguments.runs);
        return ExitCode::SUCCESS;
    }
    let memory = print_memory(&arguments);
    let printed = table::print(&arguments);
    if memory + printed == 0 {
        eprintln!("there is no such row");
        return ExitCode::from(2);
    }
    ExitCode::SUCCESS
}

/// Prints the bytes of a task that waits, where they are asked for, and says how many rows.
fn print_memory(arguments: &Arguments) -> usize {
    let is_asked_for = cfg!(feature = "counted") || arguments.row.is_some();
    let rows = rows::MEMORY.iter();
    let rows = rows.filter(|(name, _)| is_asked_for && arguments.wants(name));
    let mut printed = 0;
    for (name, bytes) in rows {
        let bytes = bytes(&Threads::One.runtime(), measure());
        println!("| {name} | one | {bytes} bytes |");
        printed += 1;
    }
    printed
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

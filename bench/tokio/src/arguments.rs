//! What can be asked for.

use clap::{Parser, ValueEnum};
use tokio::runtime::{Builder, Runtime};

use crate::rows::{ROWS, Row};

/// The crate `stook` beside tokio's own means, as rows of a table.
#[derive(Debug, Parser)]
pub(crate) struct Arguments {
    /// The rows whose name has this in it; default: all.
    pub(crate) row: Option<String>,
    /// On so many worker threads; default: on one, then on two.
    #[arg(long, value_enum)]
    pub(crate) threads: Option<Threads>,
    /// With so many tasks; default: those of the row.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) tasks: Option<u32>,
    /// How often each side is run, in turns.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rounds: u32,
    /// Run this side of a row alone, and print its nanoseconds a task.
    #[arg(long, value_enum)]
    pub(crate) side: Option<Side>,
    /// With `--side`: run it so many times and print nothing, for a profiler.
    #[arg(long, requires = "side")]
    pub(crate) runs: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Threads {
    One,
    Two,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Side {
    /// The crate `stook`.
    Ours,
    /// tokio's own means.
    Theirs,
}

impl Arguments {
    /// Whether the row of that name is asked for.
    pub(crate) fn wants(&self, name: &str) -> bool {
        let asked = self.row.as_deref();
        asked.is_none_or(|asked| name.contains(asked))
    }

    /// The numbers of tasks that a row is asked for with.
    pub(crate) fn sizes(&self, row: &Row) -> Vec<usize> {
        match self.tasks {
            Some(tasks) => vec![tasks as usize],
            None => row.sizes.to_vec(),
        }
    }

    /// The numbers of threads that are asked for.
    pub(crate) fn threads(&self) -> Vec<Threads> {
        match self.threads {
            Some(threads) => vec![threads],
            None => vec![Threads::One, Threads::Two],
        }
    }

    /// The only row that is asked for, where that is so.
    pub(crate) fn only(&self) -> Option<(&'static Row, Threads, usize)> {
        let name = self.row.as_deref()?;
        let row = ROWS.iter().find(|row| row.name == name)?;
        Some((row, self.threads?, self.tasks? as usize))
    }
}

impl Threads {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::One => "one",
            Self::Two => "two",
        }
    }

    /// A runtime with so many worker threads.
    pub(crate) fn runtime(self) -> Runtime {
        let mut builder = match self {
            Self::One => Builder::new_current_thread(),
            Self::Two => Builder::new_multi_thread(),
        };
        if self == Self::Two {
            builder.worker_threads(2);
        }
        builder.enable_all().build().expect("a runtime")
    }
}

impl Side {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Theirs => "theirs",
        }
    }
}

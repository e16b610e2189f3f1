//! The project's own commands.
//!
//! `cargo xtask demo` and `cargo xtask test` are all a newcomer needs: each makes what it needs first,
//! a virtual environment and the built extension included, under `target/`. Nothing outside the
//! checkout is written but the caches of cargo and pip, with one exception: on a machine whose Python
//! cannot make virtual environments, and only as root, the missing system package is installed.

mod commands;
mod environment;
mod extension;
mod interpreter;
mod process;
mod project;
mod report;
mod setup;
mod tidy;
mod virtual_environment;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};

use commands::drivers::Driver;
use commands::mutants::Face;
use commands::safety::Check;

/// The project's own commands.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make the virtual environment, build the extension and install it there.
    Setup(Python),
    /// Set up, then run an example: several operations race, and a client that disconnects.
    Demo(Python),
    /// Set up, then run every test.
    Test(Python),
    /// Formatting, lints and the project's own rules; runs no test.
    Check(Python),
    /// Run `test` with one interpreter after another.
    Matrix {
        /// An interpreter, by path or name; once for each.
        #[arg(long = "python", value_name = "PY", required = true)]
        pythons: Vec<PathBuf>,
    },
    /// Set up, then run the benchmarks; further arguments go to their driver.
    Bench(Passthrough),
    /// Set up, then load HTTP servers with wrk; further arguments go to their driver.
    BenchHttp(Passthrough),
    /// Set up, then run CPython's own asyncio tests on stook; further arguments go to the runner.
    Conformance(Passthrough),
    /// Set up, then run other packages' tests on stock asyncio and stook; further arguments go on.
    Downstream(Passthrough),
    /// Set up, then compare random programs on stock asyncio and stook; further arguments go on.
    Fuzz(Passthrough),
    /// Set up, then see how costs grow from a hundred tasks to a million; further arguments go on.
    Growth(Passthrough),
    /// Set up, then count instructions: more than is committed fails; `--write` commits what is now.
    Instructions(Passthrough),
    /// Change the kernel's transitions one at a time, which the tests of a face have to notice; further
    /// arguments go to cargo-mutants.
    Mutants {
        /// Whose tests judge.
        #[arg(long, value_enum)]
        face: Face,
        /// The interpreter of the Python face, by path or name; default: the first on PATH. Each
        /// further one is asked about what those before have not noticed.
        #[arg(long = "python", value_name = "PY")]
        pythons: Vec<PathBuf>,
        /// Passed on as they are.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Set up, then run the tests under what finds misuse of memory.
    Safety {
        #[command(flatten)]
        python: Python,
        /// Only this check; may be given several times.
        #[arg(long = "only", value_name = "CHECK")]
        checks: Vec<Check>,
    },
    /// Set up, then compare the scenarios of both faces with this interpreter, or write them; with
    /// `--random N`, so many that are drawn, on both faces.
    Scenarios(Passthrough),
    /// Set up, then run random programs for an hour and watch the memory; further arguments go on.
    Soak(Passthrough),
    /// Set up, then measure what starting a program by stook adds; further arguments go on.
    Startup(Passthrough),
    /// The project's own rules alone; `cargo test -p xtask` checks them too.
    Tidy {
        /// Rewrite what is made from marks in the sources: the list in docs/differences.md.
        #[arg(long)]
        write: bool,
    },
}

#[derive(Debug, Args)]
struct Python {
    /// The interpreter, by path or name: CPython 3.11, 3.12 or 3.13; default: the first on PATH.
    #[arg(long = "python", value_name = "PY")]
    interpreter: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Passthrough {
    #[command(flatten)]
    python: Python,
    /// Passed on as they are.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Setup(python) => setup::set_up(python.interpreter.as_deref()).map(drop),
        Command::Demo(python) => commands::demo::run(python.interpreter.as_deref()),
        Command::Test(python) => commands::test::run(python.interpreter.as_deref()),
        Command::Check(python) => commands::check::run(python.interpreter.as_deref()),
        Command::Matrix { pythons } => commands::matrix::run(&pythons),
        Command::Bench(passed) => drive(Driver::Bench, &passed),
        Command::BenchHttp(passed) => drive(Driver::BenchHttp, &passed),
        Command::Conformance(passed) => drive(Driver::Conformance, &passed),
        Command::Downstream(passed) => drive(Driver::Downstream, &passed),
        Command::Fuzz(passed) => drive(Driver::Fuzz, &passed),
        Command::Growth(passed) => drive(Driver::Growth, &passed),
        Command::Instructions(passed) => drive(Driver::Instructions, &passed),
        Command::Mutants {
            face,
            pythons,
            arguments,
        } => commands::mutants::run(face, &pythons, &arguments),
        Command::Safety { python, checks } => {
            commands::safety::run(python.interpreter.as_deref(), &checks)
        }
        Command::Scenarios(passed) => {
            commands::scenarios::run(passed.python.interpreter.as_deref(), &passed.arguments)
        }
        Command::Soak(passed) => drive(Driver::Soak, &passed),
        Command::Startup(passed) => drive(Driver::Startup, &passed),
        Command::Tidy { write } => commands::tidy::run(write),
    }
}

fn drive(driver: Driver, passed: &Passthrough) -> Result<()> {
    commands::drivers::run(
        driver,
        passed.python.interpreter.as_deref(),
        &passed.arguments,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_driver_receives_options_this_program_does_not_know() {
        let parsed = Arguments::try_parse_from([
            "cargo xtask",
            "bench",
            "--python",
            "python3.12",
            "--rows",
            "wait",
            "-v",
        ])
        .unwrap();
        let Command::Bench(passed) = parsed.command else {
            panic!("parsed as another command");
        };
        assert_eq!(passed.python.interpreter, Some(PathBuf::from("python3.12")));
        assert_eq!(passed.arguments, ["--rows", "wait", "-v"]);
    }

    #[test]
    fn the_matrix_needs_an_interpreter() {
        assert!(Arguments::try_parse_from(["cargo xtask", "matrix"]).is_err());
    }
}

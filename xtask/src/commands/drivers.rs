//! The Python programs behind `cargo xtask bench`, `bench-http`, `conformance`, `downstream`, `fuzz`,
//! `growth`, `instructions`, `scenarios`, `soak` and `startup`.

use std::ffi::OsString;
use std::path::Path;

use anyhow::{Context, Result};

use crate::environment::Environment;
use crate::interpreter::{self, Interpreter};
use crate::process;
use crate::project;
use crate::report;
use crate::setup;

/// Other people's loops, beside which stook is measured.
const RIVALS: [&str; 2] = ["uvloop", "rloop"];

const RIVALS_REQUIREMENTS: &str = "bench/requirements.txt";

/// A Python program of the project that is run with arguments of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Driver {
    /// Times stook beside its rivals.
    Bench,
    /// Times HTTP servers on stook beside those on its rivals.
    BenchHttp,
    /// Runs CPython's own asyncio tests.
    Conformance,
    /// Runs other packages' own tests on stock asyncio and on stook.
    Downstream,
    /// Compares random programs on stock asyncio and on stook.
    Fuzz,
    /// Measures how costs grow with size.
    Growth,
    /// Counts instructions and compares them with the committed figures.
    Instructions,
    /// Compares or writes what is observed of the scenarios.
    Scenarios,
    /// Runs random programs and watches the memory.
    Soak,
    /// Measures what starting a program by stook adds.
    Startup,
}

impl Driver {
    /// Its file.
    pub(crate) const fn script(self) -> &'static str {
        match self {
            Self::Bench => "bench/run.py",
            Self::BenchHttp => "bench/run_http.py",
            Self::Conformance => "conformance/run.py",
            Self::Downstream => "downstream/run.py",
            Self::Fuzz => "conformance/order/run.py",
            Self::Growth => "bench/run_growth.py",
            Self::Instructions => "bench/instructions.py",
            Self::Scenarios => "scenarios/record.py",
            Self::Soak => "conformance/order/run_soak.py",
            Self::Startup => "bench/run_startup.py",
        }
    }

    /// What it needs beyond what the tests need, to be run with these arguments.
    fn requirements(self, arguments: &[OsString]) -> Option<&'static str> {
        let names_a_rival = || {
            arguments
                .iter()
                .filter_map(|argument| argument.to_str())
                .any(|argument| RIVALS.contains(&argument.trim_start_matches("--engine=")))
        };
        match self {
            Self::Bench | Self::BenchHttp | Self::Growth => Some(RIVALS_REQUIREMENTS),
            Self::Conformance if names_a_rival() => Some(RIVALS_REQUIREMENTS),
            _ => None,
        }
    }

    /// Whether this checkout has it.
    pub(crate) fn exists(self) -> bool {
        project::root().join(self.script()).is_file()
    }

    /// Has it look at its arguments, on an interpreter that has nothing installed: before minutes of
    /// building.
    ///
    /// # Errors
    /// It refuses them, or lacks a program that it needs; it has said so.
    pub(crate) fn look_at(
        self,
        interpreter: &Interpreter,
        arguments: &[OsString],
    ) -> Result<Asked> {
        let mut command = process::command(&interpreter.executable);
        command.arg(self.script()).arg("--check-arguments");
        let answer = process::printed(command.args(arguments))
            .with_context(|| format!("{} cannot run like this", self.script()))?;
        Ok(if answer.is_empty() {
            Asked::ToRun
        } else {
            Asked::ForAnAnswer(answer)
        })
    }

    /// Runs it in an environment that is set up.
    ///
    /// # Errors
    /// Its requirements cannot be installed, or it ends with another status than zero.
    pub(crate) fn run<I>(self, environment: &Environment, arguments: I) -> Result<()>
    where
        I: IntoIterator<Item: AsRef<std::ffi::OsStr>>,
    {
        let arguments: Vec<OsString> = arguments
            .into_iter()
            .map(|argument| argument.as_ref().to_owned())
            .collect();
        if let Some(requirements) = self.requirements(&arguments) {
            environment.require(requirements)?;
        }
        process::run(
            environment
                .command("python")
                .arg(self.script())
                .args(arguments),
        )
    }
}

/// What the arguments of a driver ask for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Its work.
    ToRun,
    /// Something to read, which this is: `--help`, say.
    ForAnAnswer(String),
}

/// Sets up and runs the driver with the caller's arguments; those that it does not take are refused
/// before.
///
/// # Errors
/// The driver refuses its arguments, setting up fails, or the driver does.
pub(crate) fn run(driver: Driver, wanted: Option<&Path>, arguments: &[OsString]) -> Result<()> {
    if let Asked::ForAnAnswer(answer) = driver.look_at(&interpreter::find(wanted)?, arguments)? {
        print!("{answer}");
        return Ok(());
    }
    let environment = match driver {
        Driver::Bench | Driver::BenchHttp | Driver::Growth | Driver::Startup => {
            setup::set_up_optimised(wanted)?
        }
        _ => setup::set_up(wanted)?,
    };
    report::heading(driver.script());
    driver.run(&environment, arguments)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rivals_are_installed_where_they_are_run() {
        let needs = |driver: Driver, line: &str| {
            let arguments: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
            driver.requirements(&arguments).is_some()
        };
        assert!(needs(Driver::Bench, ""));
        assert!(needs(Driver::BenchHttp, "--rounds 3"));
        assert!(needs(Driver::Conformance, "--engine uvloop --modules all"));
        assert!(needs(Driver::Conformance, "--engine=rloop"));
        assert!(!needs(Driver::Conformance, "--engine stook --modules all"));
        assert!(!needs(Driver::Downstream, "--projects uvicorn"));
    }

    fn look(driver: Driver, line: &str) -> Result<Asked> {
        let arguments: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
        driver.look_at(&interpreter::find(None)?, &arguments)
    }

    #[test]
    fn bad_arguments_are_refused_before_anything_is_built() {
        for (driver, line) in [
            (Driver::Bench, "--rows no/such"),
            (Driver::Bench, "--rounds -1"),
            (Driver::Bench, "--out Cargo.toml/page"),
            (Driver::BenchHttp, "--seconds 0"),
            (Driver::Conformance, "--modules no_such"),
            (Driver::Downstream, "--projects no_such"),
            (Driver::Fuzz, "--programs 0"),
            (Driver::Growth, "--largest 1"),
            (Driver::Instructions, "--no-such"),
            (Driver::Scenarios, "--random -1"),
            (Driver::Soak, "--minutes -1"),
            (Driver::Startup, "--pairs 0"),
        ] {
            let refusal = format!("{:#}", look(driver, line).unwrap_err());
            let script = driver.script();
            assert!(
                refusal.starts_with(&format!("{script} cannot run")),
                "{refusal}"
            );
        }
    }

    #[test]
    fn good_arguments_say_nothing_and_what_is_only_asked_is_answered() {
        assert_eq!(look(Driver::Bench, "--rounds 3").unwrap(), Asked::ToRun);
        assert_eq!(look(Driver::Fuzz, "--seed 7").unwrap(), Asked::ToRun);
        for (driver, line, part) in [
            (Driver::Bench, "--list", "task/create_await"),
            (Driver::Soak, "--help", "--minutes"),
        ] {
            let Asked::ForAnAnswer(answer) = look(driver, line).unwrap() else {
                panic!("{line} is answered by {driver:?}");
            };
            assert!(answer.contains(part), "{answer}");
        }
    }
}

//! `cargo xtask test`: everything that has to pass before a change is taken.

use std::path::Path;

use anyhow::Result;

use super::drivers::Driver;
use super::scenarios;
use super::tokio_face;
use crate::environment::Environment;
use crate::process;
use crate::report::Report;
use crate::setup;

/// Sets up and runs all tests with one interpreter.
///
/// # Errors
/// Setting up fails, or a test does.
pub(crate) fn run(wanted: Option<&Path>) -> Result<()> {
    let environment = setup::set_up(wanted)?;
    let mut report = Report::new(format!("test on {}", environment.interpreter().name));
    tokio_face::run_steps(&mut report);
    run_steps(&environment, &mut report, "", &EXCERPTS);
    report.finish()
}

/// Runs all tests in an environment that is set up, then `long_runs`; `note` goes behind each title.
pub(crate) fn run_steps(
    environment: &Environment,
    report: &mut Report,
    note: &str,
    long_runs: &[LongRun],
) {
    report.step(format!("Rust tests{note}"), || {
        // The tokio face has steps of its own, with all its features.
        let options = ["test", "--quiet", "--workspace", "--exclude", "stook"];
        process::run(environment.cargo().args(options))
    });
    for (title, setting) in PYTHON_RUNS {
        report.step(format!("{title}{note}"), || pytest(environment, setting));
    }
    report.step(format!("Random scenarios on both faces{note}"), || {
        scenarios::both_faces(environment, RANDOM_SCENARIOS)
    });
    for &(driver, title, arguments) in long_runs {
        let title = format!("{title}{note}");
        if driver.exists() {
            report.step(title, || driver.run(environment, arguments));
        } else {
            report.skip(
                title,
                format!("{} is not part of this checkout", driver.script()),
            );
        }
    }
}

fn pytest(environment: &Environment, setting: Option<&str>) -> Result<()> {
    let mut command = environment.command("python");
    if let Some(name) = setting {
        command.env(name, "1");
    }
    command.args(["-m", "pytest", "--quiet", "tests", "bench/tests"]);
    if setting.is_some() {
        command.args(OWN_PROCESSES.map(|glob| format!("--ignore-glob=tests/{glob}")));
    }
    command.args(SIDE_BY_SIDE);
    if process::run(&mut command).is_ok() {
        return Ok(());
    }
    // Some tests depend on the clock of a busy machine: what fails twice has failed.
    println!("once more, one after the other, what failed:");
    command.args(["--last-failed", "--last-failed-no-failures=none"]);
    process::run(command.arg("--numprocesses=0"))
}

/// Tests run in as many processes as there are processors, up to four: more would only make tests
/// late that go by the clock.
const SIDE_BY_SIDE: [&str; 5] = [
    "-p",
    "xdist",
    "--numprocesses=auto",
    "--maxprocesses=4",
    "--dist=worksteal",
];

/// Tests that start interpreters of their own and set these variables, or none, themselves: what
/// differs between the runs does not reach them, so one run is enough.
pub(super) const OWN_PROCESSES: [&str; 19] = [
    "test_conformance*",
    "test_debug_same*",
    "test_docs_snippets*",
    "test_downstream*",
    "test_examples*",
    "test_fork*",
    "test_install*",
    "test_interpreter_exit*",
    "test_launcher*",
    "test_nest_asyncio*",
    "test_notebooks*",
    "test_observables*",
    "test_order*",
    "test_platform*",
    "test_pytest_plugin*",
    "test_repl*",
    "test_servers*",
    "test_subinterpreters*",
    "test_ways_in*",
];

/// The runs of the Python tests, each with the environment variable that makes it different.
const PYTHON_RUNS: [(&str, Option<&str>); 3] = [
    ("Python tests", None),
    ("Python tests in debug mode", Some("PYTHONASYNCIODEBUG")),
    (
        "Python tests after install()",
        Some("STOOK_TESTS_INSTALLED"),
    ),
];

/// A driver, its title, and its arguments.
pub(crate) type LongRun = (Driver, &'static str, &'static [&'static str]);

const ORDER: LongRun = (
    Driver::Fuzz,
    "Order of random programs",
    &["--programs", "500"],
);

/// So many are drawn in every test run.
const RANDOM_SCENARIOS: [&str; 4] = ["--random", "200", "--seed", "1"];

/// The parts of the long runs that belong to every test run.
const EXCERPTS: [LongRun; 3] = [
    ORDER,
    (
        Driver::Conformance,
        "CPython's tests of task control",
        &["--mode", "types,loop", "--if-present"],
    ),
    (
        Driver::Conformance,
        "CPython's tests of asyncio",
        &["--modules", "all", "--mode", "both", "--if-present"],
    ),
];

/// What the matrix runs in their place.
pub(crate) const COMPLETE: [LongRun; 3] = [
    ORDER,
    (
        Driver::Conformance,
        "CPython's tests of asyncio",
        &["--modules", "all", "--if-present"],
    ),
    (
        Driver::Conformance,
        "CPython's tests of asyncio in debug mode",
        &["--modules", "all", "--debug", "--if-present"],
    ),
];

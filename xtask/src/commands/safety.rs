//! `cargo xtask safety`: the tests under everything that finds misuse of memory.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use super::drivers::Driver;
use super::tokio_face::other_cargo;
use crate::environment::Environment;
use crate::extension;
use crate::process;
use crate::project;
use crate::report::Report;
use crate::setup;

/// One of the checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Check {
    /// The Python tests with CPython's checking allocators.
    Malloc,
    /// The Python tests in CPython's development mode.
    Dev,
    /// The Python tests and random programs with a collection at every allocation of ours.
    GcStress,
    /// A part of the Python tests, and random programs, under valgrind.
    Valgrind,
    /// The tests of the kernel and of the tokio face under Miri.
    Miri,
}

/// Runs these checks, all of them if none is named.
///
/// Where the tool of a check that is named is not installed, nothing runs; of others it is shown as
/// left out.
///
/// # Errors
/// Setting up fails, or a check finds something.
pub(crate) fn run(wanted: Option<&Path>, checks: &[Check]) -> Result<()> {
    let named = !checks.is_empty();
    let checks = if named {
        checks
    } else {
        Check::value_variants()
    };
    if let Some(reason) = checks.iter().find_map(|check| missing(*check))
        && named
    {
        bail!("{reason}");
    }
    if checks == [Check::Miri] {
        // The only one that needs no Python.
        let mut report = Report::new("safety of the kernel and the tokio face");
        report.step(title(Check::Miri), under_miri);
        return report.finish();
    }
    let environment = setup::set_up(wanted)?;
    let mut report = Report::new(format!("safety on {}", environment.interpreter().name));
    for &check in checks {
        match missing(check) {
            Some(reason) => report.skip(title(check), reason),
            None => report.step(title(check), || make(check, &environment)),
        }
    }
    report.finish()
}

const fn title(check: Check) -> &'static str {
    match check {
        Check::Malloc => "Python tests, checking allocators",
        Check::Dev => "Python tests, development mode",
        Check::GcStress => "a collection at every allocation",
        Check::Valgrind => "Python tests under valgrind",
        Check::Miri => "kernel and tokio face under Miri",
    }
}

/// Why a check cannot be made here.
fn missing(check: Check) -> Option<String> {
    match check {
        Check::Valgrind if !process::on_path("valgrind") => Some(
            "valgrind is not installed (on Debian and Ubuntu: apt-get install valgrind)".into(),
        ),
        Check::Miri => {
            let found = process::capture(miri().arg("--version"));
            let there = found.is_ok_and(|output| output.success);
            (!there).then(|| {
                "Miri is not installed (rustup toolchain install nightly --component miri,rust-src)"
                    .into()
            })
        }
        _ => None,
    }
}

fn make(check: Check, environment: &Environment) -> Result<()> {
    match check {
        Check::Malloc => process::run(pytest(environment).env("PYTHONMALLOC", "debug")),
        Check::Dev => process::run(pytest(environment).env("PYTHONDEVMODE", "1")),
        Check::GcStress => gc_stress(environment),
        Check::Valgrind => process::run(environment.command("python").arg("tests/run_valgrind.py")),
        Check::Miri => under_miri(),
    }
}

fn pytest(environment: &Environment) -> Command {
    let mut command = environment.command("python");
    command.args(["-m", "pytest", "--quiet", "tests"]);
    command.args(super::test::OWN_PROCESSES.map(|glob| format!("--ignore-glob=tests/{glob}")));
    command.env("STOOK_TESTS_OURS_ONLY", "1");
    command
}

fn gc_stress(environment: &Environment) -> Result<()> {
    let directory = unpacked_with(environment, "gc-stress")?;
    let stressed = |mut command: Command| {
        command.env("PYTHONPATH", &directory);
        command.env("STOOK_TESTS_GC_STRESS", "1");
        command.env("STOOK_TESTS_SLOW", "1");
        command
    };
    let mut tests = stressed(pytest(environment));
    // It compares what the library imports with a list; this build imports the collector.
    tests.arg("--ignore=tests/test_imported_functions.py");
    process::run(&mut tests)?;
    let mut programs = stressed(environment.command("python"));
    programs.arg(Driver::Fuzz.script());
    process::run(programs.args(["--programs", "5000"]))
}

/// A directory with stook, built with a feature; the one that is installed stays as it is.
fn unpacked_with(environment: &Environment, feature: &str) -> Result<PathBuf> {
    let directory = project::target().join(feature);
    let version = environment.interpreter().version;
    let directory = directory.join(version.to_string());
    let wheel = extension::build(
        environment,
        &directory.join("wheel"),
        &["--features", feature],
    )?;
    let unpacked = directory.join("unpacked");
    if unpacked.exists() {
        fs::remove_dir_all(&unpacked).context("cannot remove an earlier build")?;
    }
    let mut install = environment.command("python");
    install.args(["-m", "pip", "install", "--quiet", "--no-deps", "--target"]);
    process::run(install.arg(&unpacked).arg(wheel))?;
    Ok(unpacked)
}

fn under_miri() -> Result<()> {
    process::run(miri().args(MIRI_KERNEL))?;
    process::run(miri().args(MIRI_TOKIO))
}

fn miri() -> Command {
    let mut command = other_cargo("nightly");
    command.arg("miri");
    command
}

/// Miri is some thousand times slower: not the histories by the ten thousand, nor the replays, but
/// every state with every event.
const MIRI_KERNEL: [&str; 10] = [
    "test",
    "--package",
    "stook-kernel",
    "--target-dir",
    "target/miri",
    "--",
    "--skip",
    "model::",
    "--skip",
    "replay::",
];

/// All that asks nothing of the system: neither the examples, which are programs, nor the scenarios,
/// which are files.
const MIRI_TOKIO: [&str; 8] = [
    "test",
    "--package",
    "stook",
    "--target-dir",
    "target/miri",
    "--lib",
    "--test",
    "it",
];

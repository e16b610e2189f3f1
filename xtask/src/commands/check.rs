//! `cargo xtask check`: what can be said about the sources without running them.

use std::path::Path;

use anyhow::Result;

use crate::process;
use crate::project;
use crate::report::Report;
use crate::setup;
use crate::tidy;

/// Checks formatting, lints and the project's own rules.
///
/// rustfmt, clippy and cargo-deny are left out where they are not installed: they come with the
/// toolchain or by hand, and this command must be of use without a network too.
///
/// # Errors
/// Something is not as it should be.
pub(crate) fn run(wanted: Option<&Path>) -> Result<()> {
    let environment = setup::open(wanted)?;
    environment.require(CHECK_REQUIREMENTS)?;
    let mut report = Report::new("check");

    if cargo_has("fmt") {
        report.step("rustfmt", || {
            process::run(process::cargo().args(["fmt", "--all", "--", "--check"]))?;
            for manifest in BENCHES {
                let mut bench = process::cargo();
                bench.args(["fmt", "--manifest-path", manifest, "--", "--check"]);
                process::run(&mut bench)?;
            }
            Ok(())
        });
    } else {
        report.skip("rustfmt", "not installed (rustup component add rustfmt)");
    }
    if cargo_has("clippy") {
        report.step("clippy", || {
            let mut clippy = environment.cargo();
            clippy.args([
                "clippy",
                "--quiet",
                "--workspace",
                "--all-targets",
                "--target-dir",
            ]);
            clippy.arg(project::extension_target(environment.interpreter().version));
            process::run(clippy.args(["--", "--deny", "warnings"]))?;
            for manifest in BENCHES {
                let mut bench = process::cargo();
                bench.args(["clippy", "--quiet", "--manifest-path", manifest]);
                bench
                    .arg("--target-dir")
                    .arg(project::target().join("bench"));
                process::run(bench.args(["--", "--deny", "warnings"]))?;
            }
            Ok(())
        });
    } else {
        report.skip("clippy", "not installed (rustup component add clippy)");
    }
    if cargo_has("deny") {
        report.step("cargo-deny", || {
            process::run(process::cargo().args(["deny", "check", "bans", "licenses", "sources"]))
        });
    } else {
        report.skip(
            "cargo-deny",
            "not installed (cargo install --locked cargo-deny)",
        );
    }
    report.step("ruff check", || {
        process::run(environment.command("ruff").args(["check", "."]))
    });
    report.step("ruff format", || {
        process::run(environment.command("ruff").args(["format", "--check", "."]))
    });
    let mut import = environment.command("python");
    if process::capture(import.args(["-c", "import stook._core"]))?.success {
        report.step("stubtest", || {
            process::run(environment.command("python").args(STUBTEST))
        });
    } else {
        report.skip("stubtest", "stook is not built (cargo xtask setup)");
    }
    report.step("mypy --strict", || {
        process::run(environment.command("python").args(STRICT_TYPES))
    });
    report.step("tidy", tidy::check);
    report.finish()
}

/// The Rust programs whose instructions are counted, and the tokio face beside tokio's own means: each in
/// a workspace of its own.
const BENCHES: [&str; 2] = ["bench/Cargo.toml", "bench/tokio/Cargo.toml"];

/// The stubs against what is built; private modules have none.
const STUBTEST: [&str; 5] = [
    "-m",
    "mypy.stubtest",
    "stook",
    "--ignore-missing-stub",
    "--ignore-disjoint-bases",
];

/// The stubs, and a program that says which types it expects of them, to a strict type checker.
const STRICT_TYPES: [&str; 6] = [
    "-m",
    "mypy",
    "--strict",
    "tests/typed",
    "python/stook/__init__.pyi",
    "python/stook/events.pyi",
];

fn cargo_has(subcommand: &str) -> bool {
    let mut command = process::cargo();
    process::capture(command.args([subcommand, "--version"])).is_ok_and(|output| output.success)
}

/// What checking needs and running does not.
const CHECK_REQUIREMENTS: &str = "tests/requirements-check.txt";

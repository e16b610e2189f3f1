//! What has to pass of the tokio face beside its tests: its models for loom, its features one by one,
//! and the oldest compiler that it is for.

use anyhow::{Result, bail};

use crate::process;
use crate::report::Report;

/// Each on its own builds, and all together are tested.
const FEATURES: [&str; 6] = [
    "anyhow",
    "derive",
    "serde",
    "stream",
    "tokio-util",
    "tracing",
];

/// The oldest compiler, as `rust-version` in Cargo.toml says.
const OLDEST: &str = "1.85";

/// Makes these checks, which ask no Python.
pub(crate) fn run_steps(report: &mut Report) {
    report.step("tokio face: models for loom", models);
    report.step("tokio face: each feature alone", || {
        FEATURES.into_iter().try_for_each(|feature| {
            let mut check = process::cargo();
            check.args([
                "check",
                "--quiet",
                "--package",
                "stook",
                "--no-default-features",
            ]);
            process::run(check.args(["--features", feature]))
        })
    });
    report.step("tokio face: all features", || {
        let mut tests = process::cargo();
        process::run(tests.args(["test", "--quiet", "--package", "stook", "--all-features"]))
    });
    let title = format!("Rust {OLDEST}");
    match oldest_compiler() {
        Ok(()) => report.step(title, || {
            let mut check = other_cargo(OLDEST);
            check.args([
                "check",
                "--quiet",
                "--package",
                "stook",
                "--package",
                "stook-kernel",
            ]);
            process::run(check.args(["--all-features", "--target-dir", "target/msrv"]))
        }),
        Err(reason) => report.skip(title, reason.to_string()),
    }
}

/// All orders in which two threads can meet in the shared state of a task and of a group.
fn models() -> Result<()> {
    let mut models = process::cargo();
    models.env("RUSTFLAGS", "--cfg stook_loom");
    models.args([
        "test",
        "--quiet",
        "--release",
        "--package",
        "stook",
        "--lib",
    ]);
    process::run(models.args(["--target-dir", "target/loom", "loom_models"]))
}

/// Has rustup install the compiler, where it is not there yet.
///
/// # Errors
/// There is no rustup, or it cannot install it.
fn oldest_compiler() -> Result<()> {
    let is_there = || {
        let found = process::capture(other_cargo(OLDEST).arg("--version"));
        found.is_ok_and(|output| output.success)
    };
    if is_there() {
        return Ok(());
    }
    let mut install = process::command("rustup");
    install.args(["toolchain", "install", OLDEST, "--profile", "minimal"]);
    // It says itself why not; whether it has worked is asked below.
    drop(process::run(&mut install));
    if !is_there() {
        bail!("not installed (rustup toolchain install {OLDEST} --profile minimal)");
    }
    Ok(())
}

/// The cargo of another toolchain, not that which runs this program.
pub(super) fn other_cargo(toolchain: &str) -> std::process::Command {
    let mut command = process::command("cargo");
    for name in ["RUSTUP_TOOLCHAIN", "RUSTC", "RUSTDOC", "CARGO"] {
        command.env_remove(name);
    }
    command.arg(format!("+{toolchain}"));
    command
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::project;

    fn manifest(path: &str) -> String {
        fs::read_to_string(project::root().join(path)).unwrap()
    }

    #[test]
    fn the_features_are_those_of_the_crate() {
        let manifest = manifest("crates/stook/Cargo.toml");
        let (_, after) = manifest.split_once("[features]\n").unwrap();
        let table = after.split("\n[").next().unwrap();
        let mut named: Vec<&str> = table
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| Some(line.split_once(" = ")?.0))
            .collect();
        named.sort_unstable();
        assert_eq!(named, FEATURES);
    }

    #[test]
    fn the_oldest_compiler_is_the_one_that_the_manifest_names() {
        assert!(manifest("Cargo.toml").contains(&format!("rust-version = \"{OLDEST}\"")));
    }
}

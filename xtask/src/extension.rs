//! Building the Python package and installing it as a user would get it: as a wheel.
//!
//! It is not installed in place (`maturin develop`): tests would then pass with files that a wheel
//! does not contain.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::environment::Environment;
use crate::process;
use crate::project;

/// Builds the wheel for this environment and installs it there.
///
/// # Errors
/// The build or the installation fails.
pub(crate) fn install(environment: &Environment) -> Result<()> {
    let version = environment.interpreter().version;
    let wheel = build(environment, &project::wheels(version), &[])?;
    environment.install_wheel(&wheel)
}

/// The same with the wheel as it is published: built for what `bench/train.py` runs most.
///
/// That takes minutes, so the wheel is kept for as long as the commit it was built from is checked
/// out, without changes.
///
/// # Errors
/// The build or the installation fails.
pub(crate) fn install_optimised(environment: &Environment) -> Result<()> {
    let wheels = project::optimised_wheels(environment.interpreter().version);
    let stamp = wheels.join("built-from");
    let commit = project::commit();
    if commit.is_some()
        && fs::read_to_string(&stamp).ok() == commit
        && let Ok(wheel) = only_wheel(&wheels)
    {
        return environment.install_wheel(&wheel);
    }
    // What merges the profiles; rustup says nothing when it is there.
    process::run(process::command("rustup").args(["component", "add", "llvm-tools"]))
        .context("an optimised build needs the compiler's llvm-tools")?;
    let wheel = build(environment, &wheels, &["--pgo"])?;
    if let Some(commit) = commit {
        fs::write(&stamp, commit).context("cannot note what the wheel was built from")?;
    }
    environment.install_wheel(&wheel)
}

/// Builds the wheel, alone in `wheels`; cargo decides whether anything has to be compiled.
///
/// # Errors
/// The build fails.
pub(crate) fn build(environment: &Environment, wheels: &Path, options: &[&str]) -> Result<PathBuf> {
    let version = environment.interpreter().version;
    if wheels.exists() {
        fs::remove_dir_all(wheels).context("cannot remove the wheels of an earlier build")?;
    }
    let mut maturin = environment.command("maturin");
    maturin
        .args(["build", "--quiet", "--release", "--interpreter"])
        .arg(environment.python());
    // For this machine only: neither a manylinux tag nor the tools that would earn it are needed.
    maturin.args(["--compatibility", "linux", "--auditwheel", "skip"]);
    maturin
        .arg("--target-dir")
        .arg(project::extension_target(version));
    maturin.arg("--out").arg(wheels).args(options);
    process::run(&mut maturin)?;
    only_wheel(wheels)
}

fn only_wheel(directory: &Path) -> Result<PathBuf> {
    let mut wheels = Vec::new();
    let entries = fs::read_dir(directory).context("the build left no wheel")?;
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "whl") {
            wheels.push(path);
        }
    }
    match wheels.pop() {
        Some(wheel) if wheels.is_empty() => Ok(wheel),
        _ => bail!(
            "the build should leave one wheel in {}",
            directory.display()
        ),
    }
}

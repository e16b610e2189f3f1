//! What every other command starts with.

use std::path::Path;

use anyhow::Result;

use crate::environment::Environment;
use crate::extension;
use crate::interpreter;
use crate::report;

/// What running and testing the Python package needs.
pub(crate) const TEST_REQUIREMENTS: &str = "tests/requirements.txt";

/// Finds the interpreter, makes its virtual environment, and builds and installs stook there.
///
/// What is there already and has not changed is left alone, so a second run takes seconds.
///
/// # Errors
/// There is no supported Python, or a step fails.
pub(crate) fn set_up(wanted: Option<&Path>) -> Result<Environment> {
    let environment = open(wanted)?;
    extension::install(&environment)?;
    Ok(environment)
}

/// The same with stook built as it is published.
///
/// # Errors
/// There is no supported Python, or a step fails.
pub(crate) fn set_up_optimised(wanted: Option<&Path>) -> Result<Environment> {
    let environment = open(wanted)?;
    extension::install_optimised(&environment)?;
    Ok(environment)
}

/// The same without building stook.
///
/// # Errors
/// There is no supported Python, or a step fails.
pub(crate) fn open(wanted: Option<&Path>) -> Result<Environment> {
    let interpreter = interpreter::find(wanted)?;
    report::heading("setup");
    println!(
        "{} ({})",
        interpreter.name,
        interpreter.executable.display()
    );
    let environment = Environment::open(interpreter)?;
    environment.require(TEST_REQUIREMENTS)?;
    Ok(environment)
}

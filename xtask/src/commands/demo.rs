//! `cargo xtask demo`: an unmodified asyncio program on stook, from nothing.

use std::path::Path;

use anyhow::Result;

use crate::process;
use crate::report;
use crate::setup;

/// Sets up and runs the example.
///
/// # Errors
/// Setting up fails, or the example does.
pub(crate) fn run(wanted: Option<&Path>) -> Result<()> {
    let environment = setup::set_up(wanted)?;
    report::heading(EXAMPLE);
    process::run(environment.command("stook").arg(EXAMPLE))
}

const EXAMPLE: &str = "examples/first_of_with_disconnect.py";

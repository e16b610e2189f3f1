//! `cargo xtask matrix`: the tests with one interpreter after another, CPython's in all modes.

use std::path::PathBuf;

use anyhow::Result;

use super::{test, tokio_face};
use crate::report::Report;
use crate::setup;

/// Sets up and tests each interpreter; one that fails does not keep the next from its turn.
///
/// # Errors
/// Setting up or a test fails with any of them.
pub(crate) fn run(pythons: &[PathBuf]) -> Result<()> {
    let mut report = Report::new(format!("matrix of {}", pythons.len()));
    tokio_face::run_steps(&mut report);
    for python in pythons {
        match setup::set_up(Some(python)) {
            Ok(environment) => {
                let note = format!(", {}", environment.interpreter().name);
                test::run_steps(&environment, &mut report, &note, &test::COMPLETE);
            }
            Err(error) => report.step(format!("setup, {}", python.display()), || Err(error)),
        }
    }
    report.finish()
}

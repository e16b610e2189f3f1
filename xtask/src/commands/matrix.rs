//! `cargo xtask matrix`: the tests with one interpreter after another, CPython's in all modes.

use std::path::PathBuf;

use anyhow::Result;

use super::{test, tokio_face};
use crate::interpreter;
use crate::report::Report;
use crate::setup;

/// Sets up and tests each interpreter; one that fails does not keep the next from its turn.
///
/// # Errors
/// One of them cannot be used, in which case nothing runs; or setting up or a test fails with any.
pub(crate) fn run(pythons: &[PathBuf]) -> Result<()> {
    for python in pythons {
        interpreter::find(Some(python))?;
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interpreter_that_is_missing_is_named_before_another_is_tested() {
        let refusal = run(&[PathBuf::from("python3"), PathBuf::from("no-such-python")]);
        let refusal = format!("{:#}", refusal.unwrap_err());
        assert!(
            refusal.starts_with("cannot use no-such-python"),
            "{refusal}"
        );
    }
}

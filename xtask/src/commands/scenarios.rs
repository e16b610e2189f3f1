//! `cargo xtask scenarios`: what is observed of the scenarios, on this interpreter; of random ones on
//! the tokio face as well.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::Path;

use anyhow::Result;

use super::drivers::{Asked, Driver};
use crate::environment::Environment;
use crate::interpreter;
use crate::process;
use crate::project;
use crate::report;
use crate::setup;

/// Sets up, and compares or writes the corpus; or draws scenarios and compares both faces.
///
/// # Errors
/// The arguments are refused, setting up fails, or something is observed otherwise.
pub(crate) fn run(wanted: Option<&Path>, arguments: &[OsString]) -> Result<()> {
    let asked = Driver::Scenarios.look_at(&interpreter::find(wanted)?, arguments)?;
    if let Asked::ForAnAnswer(answer) = asked {
        print!("{answer}");
        return Ok(());
    }
    let environment = setup::set_up(wanted)?;
    report::heading(Driver::Scenarios.script());
    if is_random(arguments) {
        return both_faces(&environment, arguments);
    }
    Driver::Scenarios.run(&environment, arguments)
}

fn is_random(arguments: &[OsString]) -> bool {
    let mut texts = arguments.iter().filter_map(|argument| argument.to_str());
    texts.any(|text| text == "--random" || text.starts_with("--random="))
}

/// Observes random scenarios on the Python face, and the same on the tokio face.
///
/// # Errors
/// Something is observed otherwise.
pub(crate) fn both_faces<I>(environment: &Environment, arguments: I) -> Result<()>
where
    I: IntoIterator<Item: AsRef<OsStr>>,
{
    let folder = project::target().join("scenarios");
    let mut passed: Vec<OsString> = arguments
        .into_iter()
        .map(|argument| argument.as_ref().to_owned())
        .collect();
    passed.extend([OsString::from("--into"), folder.clone().into()]);
    Driver::Scenarios.run(environment, passed)?;
    // Of these the interpreter may have left none for the tokio face.
    if fs::read_dir(folder.join("random"))?.next().is_none() {
        return Ok(());
    }
    let mut tests = environment.cargo();
    tests.args(["test", "--quiet", "--package", "stook", "--test"]);
    tests.args(["scenarios", "--", "--skip", "differences"]);
    process::run(tests.env("STOOK_SCENARIOS", folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_ones_are_for_both_faces() {
        let are_random = |line: &str| {
            let arguments: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
            is_random(&arguments)
        };
        assert!(are_random("--seed 3 --random 7"));
        assert!(are_random("--random=7"));
        assert!(!are_random("--write --only random"));
    }
}

//! Running other programs.
//!
//! Every command is shown before it runs, so that it can be repeated by hand.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::project;

/// A command that runs in the root of the checkout, free of the caller's Python settings.
///
/// `PYTHONPATH` and the like would let another copy of stook, or of pytest, into the environment
/// that has just been made.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(project::root());
    for name in [
        "PYTHONPATH",
        "PYTHONHOME",
        "PYTHONSTARTUP",
        "PYTHONASYNCIODEBUG",
        "VIRTUAL_ENV",
    ] {
        command.env_remove(name);
    }
    // The caller's pip settings stay (an index, a certificate), less those that say where to install.
    for name in [
        "PIP_USER",
        "PIP_TARGET",
        "PIP_PREFIX",
        "PIP_REQUIRE_VIRTUALENV",
    ] {
        command.env_remove(name);
    }
    command.envs(QUIET_PIP);
    command
}

/// The cargo that runs this program.
pub(crate) fn cargo() -> Command {
    command(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")))
}

/// Shows the command, runs it and waits for it.
///
/// # Errors
/// It cannot be started, or ends with another status than zero.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let line = describe(command);
    println!("$ {line}");
    let status = command
        .status()
        .with_context(|| format!("cannot start `{line}`"))?;
    if !status.success() {
        bail!("`{line}` failed: {status}");
    }
    Ok(())
}

/// Runs a command silently and gives what it printed; its errors go where this program's go.
///
/// # Errors
/// It cannot be started, or ends with another status than zero.
pub(crate) fn printed(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start `{}`", describe(command)))?;
    if !output.status.success() {
        bail!("`{}` failed: {}", describe(command), output.status);
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// What a command wrote and whether it succeeded.
#[derive(Debug)]
pub(crate) struct Captured {
    /// It ended with status zero.
    pub(crate) success: bool,
    /// Its standard output, and after it its standard error.
    pub(crate) text: String,
}

/// Runs a command silently.
///
/// # Errors
/// It cannot be started.
pub(crate) fn capture(command: &mut Command) -> Result<Captured> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start `{}`", describe(command)))?;
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    Ok(Captured {
        success: output.status.success(),
        text,
    })
}

/// Whether a program of this name is on `PATH`.
pub(crate) fn on_path(name: &str) -> bool {
    env::var_os("PATH")
        .is_some_and(|path| env::split_paths(&path).any(|directory| directory.join(name).is_file()))
}

/// The command as a shell would take it, paths inside the checkout shortened.
pub(crate) fn describe(command: &Command) -> String {
    let root = project::root();
    let changed = command
        .get_envs()
        .filter_map(|(name, value)| Some((name, value?)));
    let settings = changed
        .filter(|setting| !QUIET_PIP.iter().any(|(name, _)| setting.0 == *name))
        .map(|(name, value)| format!("{}={}", name.to_string_lossy(), shorten(&root, value)));
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    settings
        .chain(words.map(|word| shorten(&root, word)))
        .collect::<Vec<_>>()
        .join(" ")
}

fn shorten(root: &Path, word: &OsStr) -> String {
    let path = Path::new(word);
    let text = path
        .strip_prefix(root)
        .unwrap_or(path)
        .to_string_lossy()
        .into_owned();
    if text.contains('\n') {
        return "'…'".to_owned();
    }
    let plain = |character: char| character.is_alphanumeric() || "-_./=,:+@%".contains(character);
    if text.is_empty() || !text.chars().all(plain) {
        return format!("'{text}'");
    }
    text
}

/// pip's remarks about its own age and about running as root, which is no harm in an environment.
const QUIET_PIP: [(&str, &str); 2] = [
    ("PIP_DISABLE_PIP_VERSION_CHECK", "1"),
    ("PIP_ROOT_USER_ACTION", "ignore"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_is_relative_to_the_checkout_and_quotes_what_a_shell_reads() {
        let mut command = command("true");
        command
            .arg(project::root().join("tests"))
            .arg("two words")
            .arg("a>=1,<2")
            .env("MODE", "1");
        assert_eq!(
            describe(&command),
            "MODE=1 true tests 'two words' 'a>=1,<2'"
        );
    }

    #[test]
    fn a_program_given_as_an_argument_is_left_out_of_the_description() {
        let mut command = command("python3");
        assert_eq!(describe(command.args(["-c", "one\ntwo"])), "python3 -c '…'");
    }

    #[test]
    fn the_callers_python_settings_do_not_reach_a_command() {
        let command = command("true");
        let removed: Vec<_> = command
            .get_envs()
            .filter(|(_, value)| value.is_none())
            .map(|(name, _)| name)
            .collect();
        assert!(removed.contains(&OsStr::new("PYTHONPATH")));
    }

    #[test]
    fn a_failing_command_is_an_error_that_names_it() {
        let error = run(&mut command("false")).unwrap_err().to_string();
        assert!(error.starts_with("`false` failed"), "{error}");
    }

    #[test]
    fn a_missing_program_is_an_error_that_names_it() {
        let error = run(&mut command("no-such-program-anywhere"))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("cannot start `no-such-program-anywhere`"),
            "{error}"
        );
    }
}

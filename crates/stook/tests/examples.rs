//! The examples print what stands beside them: the documents' stories, as the Python programs tell them.

#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// Where cargo puts the examples, which are built once.
fn examples() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let build = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--package", "stook", "--examples"])
            .status()
            .unwrap();
        assert!(build.success());
        let tests = std::env::current_exe().unwrap();
        let profile = tests.ancestors().nth(2).unwrap();
        // The tests may be built with another profile; examples are, with this one.
        profile.with_file_name("debug").join("examples")
    })
}

fn run(name: &str, argument: Option<&str>) -> Output {
    Command::new(examples().join(name))
        .args(argument)
        .output()
        .unwrap()
}

/// Runs the example, compares, and gives what it says on standard error.
#[track_caller]
fn prints(name: &str, argument: Option<&str>, ends_well: bool) -> String {
    let output = run(name, argument);
    let printed = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    let file = match argument {
        Some(argument) => format!("{name}.{argument}.out"),
        None => format!("{name}.out"),
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let expected = std::fs::read_to_string(folder.join(file)).unwrap();
    assert_eq!(printed, expected, "{errors}");
    assert_eq!(output.status.success(), ends_well, "{errors}");
    errors
}

macro_rules! examples {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            let errors = prints(stringify!($name), None, true);
            assert_eq!(errors, "");
        })*
    };
}

examples! {
    wait_any
    gather_vs_wait
    gather_groups
    task_group
    wait_in_steps
    collect_errors
    lesson_cancel
    tokens
    blocked_by_cancel
    first_completed
    first_exception
}

#[test]
fn detect_cancel() {
    prints("detect_cancel", Some("child"), true);
    prints("detect_cancel", Some("parent"), true);
}

#[test]
fn flaky_gather() {
    let errors = prints("flaky_gather", None, false);
    assert_eq!(errors, "Error: ValueError()\n");
}

#[test]
fn flaky_wait() {
    let errors = prints("flaky_wait", None, true);
    assert_eq!(
        errors.matches("was never read: ValueError()").count(),
        5,
        "{errors}"
    );
}

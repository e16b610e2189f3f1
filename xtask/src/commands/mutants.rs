//! `cargo xtask mutants`: changes in the kernel's transitions, one at a time, each of which the tests
//! of a face have to notice.

use std::ffi::OsString;
use std::path::Path;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use crate::process;
use crate::report;
use crate::setup;

/// Whose tests judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Face {
    /// The tokio face's, and the scenarios on it.
    Rust,
    /// The Python face's: the scenarios by two ways in, and the tests of what asks the kernel.
    Python,
}

/// The kernel's machines that both faces ask.
const MACHINES: &str = "crates/stook-kernel/src/\
    {cancel,gather,wait,race,task_group,task_group_exit,timeout,token}.rs";

/// What the tokio face never calls: nothing of it can notice.
const NOT_RUST: &str = "(AllFired::missing|CancelRequests::due_accepted|\
    Firing::progress|Gather::(children|finished|is_cancel_requested)|\
    Race::(abandon|asked|holds|left|let_go)|TaskGroup::from_marks|\
    Timeout::(from_phase|is_expired|phase|reschedule)|TimeoutPhase::name|TokenKey::number|\
    TokenSource::(close|keys)|Wait::(cancelled|examines_next_child)|fmt::Debug)";

/// The same of the Python face.
const NOT_PYTHON: &str = "(AllFired|Firing::progress|Gather::(children|finished)|Race::left|\
    TaskGroup::(added|child_left|marks)|Timeout::is_expired|TimeoutPhase::name|\
    TokenSource::keys|Wait::(cancelled|is_waiting|remaining|timed_out)|fmt::Debug)";

/// Changes the kernel, one change at a time, and has the face's tests judge; what is said goes to
/// `target/mutants`.
///
/// # Errors
/// cargo-mutants is not installed or refuses its arguments, or a change was not noticed.
pub(crate) fn run(face: Face, wanted: Option<&Path>, passed: &[OsString]) -> Result<()> {
    let version = process::capture(process::cargo().args(["mutants", "--version"]));
    if !version.is_ok_and(|output| output.success) {
        bail!("cargo-mutants is not installed (cargo install --locked cargo-mutants)");
    }
    // Its list takes the same arguments, and no time.
    let mut list = process::cargo();
    list.args(["mutants", "--list", "--package", "stook-kernel"]);
    process::printed(list.args(passed)).context("cargo-mutants refuses its arguments")?;
    let environment = setup::set_up(wanted)?;
    report::heading("mutants");
    let mut mutants = environment.cargo();
    mutants.args(["mutants", "--package", "stook-kernel", "--file", MACHINES]);
    mutants.args(["--output", "target/mutants", "--no-shuffle"]);
    // Unchanged it would run the kernel's own tests; `cargo xtask test` says whether those pass that judge.
    mutants.args(["--baseline", "skip", "--timeout"]);
    // In seconds; of the Python face it includes building the extension.
    mutants.arg(match face {
        Face::Rust => "120",
        Face::Python => "300",
    });
    // No debug information: linking is most of the time.
    mutants.env("CARGO_PROFILE_DEV_DEBUG", "0");
    mutants.env("CARGO_PROFILE_TEST_DEBUG", "0");
    match face {
        Face::Rust => {
            mutants.args(["--exclude-re", NOT_RUST, "--test-package", "stook"]);
            mutants.args(passed).arg("--");
            mutants.args(["--test", "scenarios", "--test", "it"]);
        }
        Face::Python => {
            mutants.args(["--exclude-re", NOT_PYTHON, "--test-package", "xtask"]);
            mutants.args(passed).arg("--");
            mutants.args(["--bin", "xtask", "mutants::tests", "--", "--ignored"]);
            // The changed sources are elsewhere.
            let python = std::path::absolute(environment.python());
            mutants.env(PYTHON, python.context("no path of the interpreter")?);
        }
    }
    process::run(&mut mutants)
}

/// The variable with the path of the interpreter that judges.
const PYTHON: &str = "STOOK_MUTANTS_PYTHON";

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::process::Command;

    use super::*;
    use crate::project;

    /// The tests of what asks the machines, beside the scenarios.
    const TESTS: [&str; 14] = [
        "test_scenarios",
        "test_gather",
        "test_wait",
        "test_first",
        "test_first_ends",
        "test_first_rings",
        "test_tasks_cancel",
        "test_tokens",
        "test_token_tasks",
        "test_token_scopes",
        "test_when_all_any",
        "test_natives_groups",
        "test_natives_timeouts",
        "test_wait_graph",
    ];

    #[test]
    #[ignore = "cargo xtask mutants runs it, on changed sources"]
    fn the_python_face_as_cargo_builds_it_here_passes() {
        let python = std::env::var_os(PYTHON).expect("the interpreter that judges");
        let target = project::target().join("mutants-python");
        let mut build = process::cargo();
        build.args(["build", "--quiet", "--package", "stook-py", "--target-dir"]);
        process::run(build.arg(&target).env("PYO3_PYTHON", &python)).unwrap();

        let package = target.join("package/stook");
        copy(&project::root().join("python/stook"), &package);
        fs::copy(target.join("debug/lib_core.so"), package.join("_core.so")).unwrap();
        let files = TESTS.map(|name| format!("tests/{name}.py"));
        let mut tests = Command::new(&python);
        tests
            .args(["-m", "pytest", "--quiet", "--exitfirst"])
            .args(files);
        tests.env("PYTHONPATH", target.join("package"));
        // After install(): asyncio's groups and timeouts ask the kernel, too.
        tests.env("STOOK_TESTS_INSTALLED", "1");
        process::run(tests.current_dir(project::root())).unwrap();
    }

    fn copy(from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
            }
        }
    }
}

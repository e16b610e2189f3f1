//! `cargo xtask mutants`: changes in the kernel's transitions, one at a time, each of which the tests
//! of a face have to notice.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf, absolute};
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use crate::process;
use crate::project;
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
const NOT_RUST: &str = "(AllFired::missing|CancelRequests::(due_accepted|request_again)|\
    Firing::progress|Gather::(children|finished|is_cancel_requested)|\
    Race::(abandon|asked|holds|left|let_go)|TaskGroup::from_marks|\
    Timeout::(from_phase|is_expired|phase|reschedule)|TimeoutPhase::name|TokenKey::number|\
    TokenSource::(close|keys)|Wait::(cancelled|examines_next_child)|fmt::Debug)";

/// Changes in what the tokio face calls that are none for it.
const SAME_FOR_RUST: [&str; 4] = [
    // A scope asks under `NoneNew`, and of no requests, so that none is new.
    r"replace (== with !=|\|\| with &&) in Timeout::uncancelled",
    r"delete match arm \(BodyEnd::Raised, ConvertRule::NoneNewOrDerived\) in Timeout::uncancelled",
    // Under `UncancelLast` a request is taken back where a task has failed, and then the errors go
    // first. (In Python the marks of a group can be set by hand.)
    r"TaskGroupExit::uncancelled",
    // A race that is over is not told of a cancellation.
    r"delete match arm Phase::Over in Race::interrupted",
];

/// What the Python face never calls.
const NOT_PYTHON: &str = "(AllFired|Firing::progress|Gather::(children|finished)|Race::left|\
    TaskGroup::(added|cancelled|child_left|marks)|Timeout::is_expired|TimeoutPhase::name|\
    TokenSource::keys|Wait::(cancelled|is_waiting|remaining|timed_out)|fmt::Debug)";

/// Changes in what the Python face calls that are none for it.
const SAME_FOR_PYTHON: [&str; 3] = [
    // Where exceptions are results no child is asked how it ended: each counts as one that returned.
    r"replace match guard !self\.return_exceptions with true in Gather::child_done",
    // A race that is over is not told of a cancellation: its coroutine ends in the same step, and one
    // that has ended cannot be thrown into.
    r"delete match arm Phase::Over in Race::interrupted",
    // The marks of a group are its attributes, from which each step makes the machine anew. Who aborts
    // it sets that attribute, and nothing else is asked of the machine that was left.
    r"replace \|= with &= in TaskGroup::exit",
];

/// What judges of a face.
struct Judge {
    /// Where cargo-mutants writes what comes of it.
    output: &'static str,
    package: &'static str,
    /// What cargo builds and runs of it, and of these one after the other what the ones before have not
    /// noticed: building is most of the time.
    targets: &'static [&'static str],
    /// To the programs.
    arguments: &'static [&'static str],
    never_asked: &'static str,
    never_told_apart: &'static [&'static str],
    /// In seconds: some ten times what it takes where little else runs.
    timeout: &'static str,
}

impl Judge {
    const fn of(face: Face) -> Self {
        match face {
            Face::Rust => Self {
                output: "target/mutants/rust",
                package: "stook",
                targets: &["--test=scenarios", "--test=it", "--lib"],
                // Long chains take four times as long as all others, and ask the kernel nothing else.
                arguments: &["--skip", "deep::"],
                never_asked: NOT_RUST,
                never_told_apart: &SAME_FOR_RUST,
                timeout: "30",
            },
            Face::Python => Self {
                output: "target/mutants/python",
                package: "xtask",
                targets: &["--bin=xtask"],
                arguments: &["mutants::tests", "--ignored"],
                never_asked: NOT_PYTHON,
                never_told_apart: &SAME_FOR_PYTHON,
                // It includes building the extension.
                timeout: "150",
            },
        }
    }

    fn unchanged(&self) -> Command {
        let mut tests = process::cargo();
        tests.args(["test", "--quiet", "--package", self.package]);
        tests.args(self.targets).arg("--").args(self.arguments);
        tests
    }

    /// Cargo-mutants, with the changes that the face can notice.
    fn changes(&self) -> Command {
        let mut mutants = process::cargo();
        mutants.args(["mutants", "--package", "stook-kernel", "--file", MACHINES]);
        for names in [self.never_asked].iter().chain(self.never_told_apart) {
            mutants.args(["--exclude-re", names]);
        }
        mutants
    }

    /// Fails where cargo-mutants is not there, refuses these arguments, or finds nothing by them.
    fn check(&self, passed: &[OsString]) -> Result<()> {
        let version = process::capture(process::cargo().args(["mutants", "--version"]));
        if !version.is_ok_and(|output| output.success) {
            bail!("cargo-mutants is not installed (cargo install --locked cargo-mutants)");
        }
        // The list takes the same arguments, and no time.
        let names = process::printed(self.changes().arg("--list").args(passed));
        if names
            .context("cargo-mutants refuses its arguments")?
            .is_empty()
        {
            bail!("no change that this face can notice is left by these arguments");
        }
        Ok(())
    }

    fn changed(&self, target: &str) -> Command {
        let mut mutants = self.changes();
        mutants.args(["--output", self.output, "--no-shuffle"]);
        // Its own would run the kernel's tests.
        mutants.args(["--baseline", "skip", "--timeout", self.timeout]);
        // It would build all that the package has, examples too.
        mutants.arg(format!("--cargo-arg={target}"));
        mutants.args(["--test-package", self.package]);
        mutants
    }
}

/// Changes the kernel, one change at a time, and has the face's tests judge; what is said goes to
/// `target/mutants/FACE`. What is of some versions of Python only, tests on one of those notice: what one
/// interpreter has not noticed the next is asked about.
///
/// # Errors
/// cargo-mutants is not installed, refuses its arguments or finds nothing by them; the tests fail
/// without a change; or a change was not noticed.
pub(crate) fn run(face: Face, pythons: &[PathBuf], passed: &[OsString]) -> Result<()> {
    let interpreters: Vec<Option<&Path>> = match (face, pythons) {
        (_, []) => vec![None],
        (Face::Rust, _) => bail!("the tokio face asks no interpreter: --python is for the other"),
        (Face::Python, _) => pythons.iter().map(|path| Some(path.as_path())).collect(),
    };
    let judge = Judge::of(face);
    judge.check(passed)?;
    fs::create_dir_all(project::root().join(judge.output))?;
    let mut missed: Option<Vec<String>> = None;
    for interpreter in interpreters {
        let python = match face {
            Face::Rust => None,
            // Each change builds an extension of its own.
            Face::Python => Some(absolute(setup::open(interpreter)?.python())?),
        };
        let prepared = |mut command: Command| {
            // No debug information: linking is most of the time.
            command.env("CARGO_PROFILE_DEV_DEBUG", "0");
            command.env("CARGO_PROFILE_TEST_DEBUG", "0");
            // The changed sources are elsewhere.
            command.envs(python.iter().map(|python| (PYTHON, python)));
            command
        };
        report::heading("unchanged");
        process::run(&mut prepared(judge.unchanged())).context("they fail without a change")?;
        report::heading("mutants");
        for target in judge.targets {
            let mut mutants = prepared(judge.changed(target));
            match &missed {
                None => mutants.args(passed),
                Some(names) => mutants.args(
                    names
                        .iter()
                        .flat_map(|name| ["--re".to_owned(), exactly(name)]),
                ),
            };
            mutants.args(["--", "--"]).args(judge.arguments);
            let left = missed_by(&mut mutants, judge.output)?;
            if left.is_empty() {
                return Ok(());
            }
            missed = Some(left);
        }
    }
    bail!("not noticed:\n{}", missed.unwrap_or_default().join("\n"))
}

/// Runs cargo-mutants and gives the names of the changes that were not noticed.
fn missed_by(mutants: &mut Command, output: &str) -> Result<Vec<String>> {
    println!("$ {}", process::describe(mutants));
    let status = mutants.status().context("cannot start cargo-mutants")?;
    if !matches!(status.code(), Some(0 | MISSED | HUNG)) {
        bail!("cargo-mutants failed: {status}");
    }
    let names = project::root().join(output).join("mutants.out/missed.txt");
    let names = fs::read_to_string(names).context("cargo-mutants left no list")?;
    Ok(names.lines().map(str::to_owned).collect())
}

/// The statuses of cargo-mutants where tests passed with a change, and where some took too long with
/// one: those have noticed, beside them others may have not.
const MISSED: i32 = 2;
const HUNG: i32 = 3;

/// The regular expression of this text.
fn exactly(text: &str) -> String {
    let mut expression = String::from("^");
    for character in text.chars() {
        if r"\.+*?()|[]{}^$".contains(character) {
            expression.push('\\');
        }
        expression.push(character);
    }
    expression + "$"
}

/// The variable with the path of the interpreter that judges.
const PYTHON: &str = "STOOK_MUTANTS_PYTHON";

#[cfg(test)]
mod tests {
    use super::*;

    /// The tests of what asks the machines, those first that most changes end.
    const TESTS: [&str; 16] = [
        "test_scenarios.py",
        "test_cancelled_forests.py::test_the_last_task_keeps_the_message_of_the_last_request",
        "test_gather.py",
        "test_wait.py",
        "test_first.py",
        "test_first_ends.py",
        "test_tasks_cancel.py",
        "test_token_scopes.py",
        "test_tokens.py",
        "test_natives_timeouts.py",
        "test_natives_groups.py",
        "test_first_rings.py",
        "test_when_all_any.py",
        "test_wait_graph.py",
        "test_token_tasks.py",
        // What the machine refuses is left to asyncio, which does the same where nobody looks.
        "test_no_asyncio_frames.py",
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
        let files = TESTS.map(|name| format!("tests/{name}"));
        let mut tests = Command::new(&python);
        tests
            .args(["-m", "pytest", "--quiet", "--exitfirst"])
            .args(files);
        tests.env("PYTHONPATH", target.join("package"));
        // After install(): asyncio's groups and timeouts ask the kernel, too.
        tests.env("STOOK_TESTS_INSTALLED", "1");
        process::run(tests.current_dir(project::root())).unwrap();
    }

    #[test]
    fn a_name_is_found_by_its_letters() {
        let name = "gather.rs:7:9: replace += with *= in Gather::done";
        let found = exactly(name);
        assert_eq!(
            found,
            r"^gather\.rs:7:9: replace \+= with \*= in Gather::done$"
        );
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

//! Finding a Python that stook can be built for.

use std::env;
use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::process;

/// A version of Python, as far as extension modules care.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version {
    /// 3.
    pub(crate) major: u32,
    /// 11, 12 or 13.
    pub(crate) minor: u32,
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.major, self.minor)
    }
}

/// A Python that was asked about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Interpreter {
    /// The real program: neither a version manager's stand-in nor a virtual environment's link.
    pub(crate) executable: PathBuf,
    /// Its version.
    pub(crate) version: Version,
    /// Its full name, as in `CPython 3.12.1`.
    pub(crate) name: String,
}

/// Finds the interpreter to use.
///
/// `wanted` is a path or a name on `PATH`. Without it the first supported one of `python3`, `python`
/// and the versioned names on `PATH` is taken.
///
/// # Errors
/// The platform or the wanted interpreter is not supported, or none was found.
pub(crate) fn find(wanted: Option<&Path>) -> Result<Interpreter> {
    if env::consts::OS != "linux" {
        bail!(
            "stook is built and tested on Linux only for now; this is {}",
            env::consts::OS
        );
    }
    if let Some(program) = wanted {
        return probe(program).with_context(|| format!("cannot use {}", program.display()));
    }
    let mut refusals = Vec::new();
    for name in NAMES {
        if !process::on_path(name) {
            continue;
        }
        match probe(Path::new(name)) {
            Ok(interpreter) => return Ok(interpreter),
            Err(reason) => refusals.push(format!("{name}: {reason:#}")),
        }
    }
    if refusals.is_empty() {
        bail!("no Python found: install {SUPPORTED}, or name one with --python");
    }
    bail!(
        "need {SUPPORTED}; name one with --python ({})",
        refusals.join("; ")
    )
}

/// Asks a program what it is.
fn probe(program: &Path) -> Result<Interpreter> {
    // A path is the caller's, and commands run elsewhere; a bare name is looked up on PATH.
    let path = if program.components().count() > 1 {
        std::path::absolute(program)?
    } else {
        program.to_path_buf()
    };
    let mut command = process::command(path);
    command.args(["-I", "-c", QUESTION]);
    let answer = process::capture(&mut command)?;
    if !answer.success {
        bail!("it does not run ({})", complaint(&answer.text));
    }
    understand(&answer.text)
}

/// The line that says what is wrong: a traceback's last, any other output's first.
fn complaint(output: &str) -> &str {
    let mut lines = output
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or("no output");
    if first.starts_with("Traceback") {
        lines.next_back().unwrap_or(first)
    } else {
        first
    }
}

/// Reads the answer to [`QUESTION`].
fn understand(answer: &str) -> Result<Interpreter> {
    let fields: Vec<&str> = answer.lines().collect();
    let [
        implementation,
        full_version,
        major,
        minor,
        threading,
        executable,
        ..,
    ] = fields[..]
    else {
        bail!("it does not answer like a Python");
    };
    let version = Version {
        major: major.parse().context("it has no major version")?,
        minor: minor.parse().context("it has no minor version")?,
    };
    let name = format!("{implementation} {full_version}");
    if implementation != "CPython" {
        bail!("it is {name}, stook needs {SUPPORTED}");
    }
    if version < OLDEST || version > NEWEST {
        bail!("it is {name}, stook needs {SUPPORTED}");
    }
    if threading != "gil" {
        bail!("it is a free-threaded {name}, which stook does not support yet");
    }
    Ok(Interpreter {
        executable: PathBuf::from(executable),
        version,
        name,
    })
}

const OLDEST: Version = Version {
    major: 3,
    minor: 11,
};
const NEWEST: Version = Version {
    major: 3,
    minor: 13,
};
const SUPPORTED: &str = "CPython 3.11, 3.12 or 3.13";

/// In the order in which they are tried.
const NAMES: [&str; 5] = [
    "python3",
    "python",
    "python3.13",
    "python3.12",
    "python3.11",
];

/// One line for each field of [`understand`]; older and other Pythons must be able to answer too.
const QUESTION: &str = "\
import platform, sys
try:
    import sysconfig
    threading = 'free' if sysconfig.get_config_var('Py_GIL_DISABLED') else 'gil'
except ImportError:
    threading = 'gil'
print(platform.python_implementation())
print(platform.python_version())
print(sys.version_info[0])
print(sys.version_info[1])
print(threading)
print(getattr(sys, '_base_executable', None) or sys.executable)
";

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(implementation: &str, version: &str, threading: &str) -> String {
        let mut parts = version.split('.');
        let (major, minor) = (parts.next().unwrap(), parts.next().unwrap());
        let executable = "/opt/python/bin/python";
        [
            implementation,
            version,
            major,
            minor,
            threading,
            executable,
            "",
        ]
        .join("\n")
    }

    #[test]
    fn supported_versions_are_taken() {
        for (text, minor) in [("3.11.2", 11), ("3.12.1", 12), ("3.13.0", 13)] {
            let found = understand(&answer("CPython", text, "gil")).unwrap();
            assert_eq!(found.version, Version { major: 3, minor });
            assert_eq!(found.name, format!("CPython {text}"));
            assert_eq!(found.executable, Path::new("/opt/python/bin/python"));
        }
    }

    #[test]
    fn other_versions_implementations_and_builds_are_refused_by_name() {
        for (implementation, version, threading, expected) in [
            (
                "CPython",
                "3.10.13",
                "gil",
                "it is CPython 3.10.13, stook needs CPython 3.11",
            ),
            (
                "CPython",
                "3.14.0",
                "gil",
                "it is CPython 3.14.0, stook needs CPython 3.11",
            ),
            (
                "CPython",
                "2.7.18",
                "gil",
                "it is CPython 2.7.18, stook needs CPython 3.11",
            ),
            (
                "PyPy",
                "3.11.11",
                "gil",
                "it is PyPy 3.11.11, stook needs CPython 3.11",
            ),
            (
                "CPython",
                "3.13.0",
                "free",
                "it is a free-threaded CPython 3.13.0",
            ),
        ] {
            let refusal = understand(&answer(implementation, version, threading)).unwrap_err();
            assert!(refusal.to_string().starts_with(expected), "{refusal}");
        }
    }

    #[test]
    fn a_program_that_is_no_python_is_refused() {
        assert!(understand("hello\n").is_err());
        assert!(probe(Path::new("false")).is_err());
    }

    #[test]
    fn the_line_that_says_what_is_wrong_is_shown() {
        assert_eq!(
            complaint("Traceback (…):\n  …\nImportError: x\n"),
            "ImportError: x"
        );
        assert_eq!(
            complaint("\nshim: not found\nHint: install it\n"),
            "shim: not found"
        );
        assert_eq!(complaint(""), "no output");
    }

    #[test]
    fn a_missing_interpreter_is_named_in_the_error() {
        let error = find(Some(Path::new("no-such-python"))).unwrap_err();
        assert!(
            format!("{error:#}").starts_with("cannot use no-such-python"),
            "{error:#}"
        );
    }
}

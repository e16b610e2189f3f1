//! Making a virtual environment, also where Python comes without the means.
//!
//! Debian and its relatives ship Python without `ensurepip`, and often without pip. What can be done
//! without touching the system comes first.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Result, bail};

use crate::interpreter::{Interpreter, Version};
use crate::process;
use crate::project;

/// Makes a virtual environment with pip in it; whatever was in `directory` is gone.
///
/// # Errors
/// No way works; the error says which package to install.
pub(crate) fn make(interpreter: &Interpreter, directory: &Path) -> Result<()> {
    for way in ways(&Found::on(interpreter), interpreter.version) {
        match make_by(&way, interpreter, directory) {
            Ok(()) => return Ok(()),
            // The next way does not depend on why this one did not work.
            Err(error) => println!("{error:#}"),
        }
    }
    let package = package(interpreter.version);
    bail!(
        "{} cannot make a virtual environment without ensurepip and pip: install the \
         system's package for that ({package} on Debian and Ubuntu) and repeat",
        interpreter.name
    )
}

/// One way to a virtual environment.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Way {
    /// The standard library's `venv`.
    Venv,
    /// The `virtualenv` package, put into a directory of its own by the system's pip.
    Virtualenv,
    /// The system's package with this name, then the standard library's `venv`.
    SystemPackage(String),
}

/// What there is to make a virtual environment with.
#[derive(Clone, Copy, Debug)]
struct Found {
    ensurepip: bool,
    pip: bool,
    /// We are root, and the interpreter is the one that Debian's packages are for.
    apt: bool,
}

impl Found {
    fn on(interpreter: &Interpreter) -> Self {
        let runs = |arguments: &[&str]| {
            let mut command = process::command(&interpreter.executable);
            process::capture(command.args(arguments)).is_ok_and(|output| output.success)
        };
        Self {
            ensurepip: runs(&["-c", "import ensurepip, venv"]),
            pip: runs(&["-m", "pip", "--version"]),
            apt: is_root()
                && process::on_path("apt-get")
                && interpreter.executable.starts_with("/usr/bin"),
        }
    }
}

/// The ways worth trying, in their order.
fn ways(found: &Found, version: Version) -> Vec<Way> {
    let mut ways = Vec::new();
    if found.ensurepip {
        ways.push(Way::Venv);
    }
    if found.pip {
        ways.push(Way::Virtualenv);
    }
    if found.apt {
        ways.push(Way::SystemPackage(package(version)));
    }
    ways
}

fn make_by(way: &Way, interpreter: &Interpreter, directory: &Path) -> Result<()> {
    let mut python = process::command(&interpreter.executable);
    match way {
        Way::Venv => process::run(python.args(["-m", "venv", "--clear"]).arg(directory)),
        Way::Virtualenv => {
            let packages = project::target().join(format!("virtualenv-{}", interpreter.version));
            let mut pip = process::command(&interpreter.executable);
            pip.args(["-m", "pip", "install", "--quiet", "--upgrade", "--target"])
                .arg(&packages);
            process::run(pip.arg(VIRTUALENV))?;
            python.env("PYTHONPATH", &packages);
            process::run(python.args(["-m", "virtualenv", "--clear"]).arg(directory))
        }
        Way::SystemPackage(package) => {
            if install_system_package(package).is_err() {
                process::run(process::command("apt-get").args(["--quiet=2", "update"]))?;
                install_system_package(package)?;
            }
            make_by(&Way::Venv, interpreter, directory)
        }
    }
}

fn install_system_package(package: &str) -> Result<()> {
    let mut command = process::command("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    process::run(command.args(["install", "--quiet=2", "--no-install-recommends", package]))
}

fn package(version: Version) -> String {
    format!("python{version}-venv")
}

/// The kernel gives a process's files the owner it runs as.
fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

const VIRTUALENV: &str = "virtualenv>=20.26,<22";

#[cfg(test)]
mod tests {
    use super::*;

    const VERSION: Version = Version {
        major: 3,
        minor: 11,
    };

    #[test]
    fn the_system_is_touched_last() {
        let everything = Found {
            ensurepip: true,
            pip: true,
            apt: true,
        };
        assert_eq!(
            ways(&everything, VERSION),
            [
                Way::Venv,
                Way::Virtualenv,
                Way::SystemPackage("python3.11-venv".to_owned())
            ]
        );
    }

    #[test]
    fn a_python_without_ensurepip_and_pip_leaves_the_system_package() {
        let found = Found {
            ensurepip: false,
            pip: false,
            apt: true,
        };
        assert_eq!(
            ways(&found, VERSION),
            [Way::SystemPackage("python3.11-venv".to_owned())]
        );
    }

    #[test]
    fn a_python_with_nothing_leaves_no_way() {
        let found = Found {
            ensurepip: false,
            pip: false,
            apt: false,
        };
        assert!(ways(&found, VERSION).is_empty());
    }
}

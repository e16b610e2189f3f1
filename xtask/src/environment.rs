//! The virtual environment in which everything Python runs.
//!
//! Each part is made once and remembered by a copy of what it was made from: a second run compares
//! and does nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::interpreter::Interpreter;
use crate::process;
use crate::project;
use crate::virtual_environment;

/// A virtual environment that exists.
#[derive(Debug)]
pub(crate) struct Environment {
    directory: PathBuf,
    interpreter: Interpreter,
}

impl Environment {
    /// The environment for this interpreter, made now if it is missing or another interpreter's.
    ///
    /// # Errors
    /// It cannot be made.
    pub(crate) fn open(interpreter: Interpreter) -> Result<Self> {
        let directory = project::virtual_environment(interpreter.version);
        let environment = Self {
            directory,
            interpreter,
        };
        let maker = environment.maker();
        let stamp = environment.stamp("made-by");
        if fs::read_to_string(&stamp).is_ok_and(|made_by| made_by == maker) {
            return Ok(environment);
        }
        fs::create_dir_all(project::target()).context("cannot make the target directory")?;
        virtual_environment::make(&environment.interpreter, &environment.directory)?;
        write(&stamp, maker.as_bytes())?;
        Ok(environment)
    }

    /// The interpreter it was made by.
    pub(crate) const fn interpreter(&self) -> &Interpreter {
        &self.interpreter
    }

    /// Its Python.
    pub(crate) fn python(&self) -> PathBuf {
        self.program("python")
    }

    /// One of its programs.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.directory.join("bin").join(name)
    }

    /// A command that runs one of its programs in the root of the checkout.
    pub(crate) fn command(&self, name: &str) -> Command {
        process::command(self.program(name))
    }

    /// A cargo command that builds the extension for its Python.
    pub(crate) fn cargo(&self) -> Command {
        let mut command = process::cargo();
        command.env("PYO3_PYTHON", self.python());
        command
    }

    /// Installs what a requirements file asks for, unless it did and the file is the same.
    ///
    /// # Errors
    /// The file cannot be read, or pip fails.
    pub(crate) fn require(&self, file: &str) -> Result<()> {
        let path = project::root().join(file);
        let wanted = fs::read(&path).with_context(|| format!("cannot read {file}"))?;
        let stamp = self.stamp(&file.replace('/', "-"));
        if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
            return Ok(());
        }
        process::run(self.pip_install().arg("--requirement").arg(&path))?;
        write(&stamp, &wanted)
    }

    /// Installs a wheel, in place of the one that is there.
    ///
    /// # Errors
    /// pip fails.
    pub(crate) fn install_wheel(&self, wheel: &Path) -> Result<()> {
        let mut command = self.pip_install();
        process::run(command.args(["--no-deps", "--force-reinstall"]).arg(wheel))
    }

    fn pip_install(&self) -> Command {
        let mut command = self.command("python");
        command.args(["-m", "pip", "install", "--quiet"]);
        command
    }

    /// Where it is noted what a part was made from.
    fn stamp(&self, part: &str) -> PathBuf {
        self.directory.join("stamps").join(part)
    }

    /// The interpreter as noted in the environment: a new micro version makes a new one.
    fn maker(&self) -> String {
        format!(
            "{} {}\n",
            self.interpreter.name,
            self.interpreter.executable.display()
        )
    }
}

fn write(stamp: &Path, content: &[u8]) -> Result<()> {
    let Some(directory) = stamp.parent() else {
        bail!("a stamp needs a directory")
    };
    fs::create_dir_all(directory)
        .and_then(|()| fs::write(stamp, content))
        .with_context(|| format!("cannot write {}", stamp.display()))
}

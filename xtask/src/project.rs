//! Where things are in the checkout.

use std::env;
use std::path::{Path, PathBuf};

use crate::interpreter::Version;
use crate::process;

/// The root of the checkout.
///
/// Cargo says where this crate is when it runs it; without cargo, where it was built.
pub(crate) fn root() -> PathBuf {
    let package = env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    package
        .parent()
        .map_or_else(|| package.clone(), Path::to_path_buf)
}

/// Where everything these commands make goes.
pub(crate) fn target() -> PathBuf {
    root().join("target")
}

/// The virtual environment of one Python version.
pub(crate) fn virtual_environment(version: Version) -> PathBuf {
    target().join(format!("venv-{version}"))
}

/// Where cargo builds the extension for one Python version.
///
/// One directory each: PyO3 is configured for the interpreter, and a change of interpreter would
/// otherwise compile it anew every time.
pub(crate) fn extension_target(version: Version) -> PathBuf {
    target().join(format!("py{version}"))
}

/// Where the wheels for one Python version are written.
pub(crate) fn wheels(version: Version) -> PathBuf {
    target().join("wheels").join(version.to_string())
}

/// Where the wheels as they are published are written.
pub(crate) fn optimised_wheels(version: Version) -> PathBuf {
    target().join("wheels").join(format!("{version}-optimised"))
}

/// The commit that is checked out; `None` where files differ from it, or there is none.
pub(crate) fn commit() -> Option<String> {
    let git = |arguments: &[&str]| {
        let captured = process::capture(process::command("git").args(arguments)).ok()?;
        captured.success.then_some(captured.text)
    };
    let is_whole = git(&["status", "--porcelain"])?.is_empty();
    git(&["rev-parse", "HEAD"]).filter(|_| is_whole)
}

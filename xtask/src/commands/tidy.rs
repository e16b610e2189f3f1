//! `cargo xtask tidy`: the project's own rules alone.

use anyhow::Result;

use crate::tidy;

/// Checks the rules; with `write`, first rewrites the list of differences.
///
/// # Errors
/// A rule is broken, or a file cannot be read or written.
pub(crate) fn run(write: bool) -> Result<()> {
    if write {
        tidy::write_differences()?;
    }
    tidy::check()
}

//! The project's own rules: what neither rustc, clippy nor ruff knows.
//!
//! A rule is a function from the files of the checkout to findings; it has a file of its own, with
//! samples that break it. `cargo test -p xtask` applies all of them to the checkout.

mod citations;
mod differences;
mod examples;
mod lengths;
mod machine_paths;
mod ranks;
mod rust_paths;
mod rust_text;
mod safety;
mod tree;
mod unsafe_code;

use std::fmt;
use std::fs;

use anyhow::{Context, Result, bail};

use crate::project;
use tree::Tree;

/// A place where a rule is broken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// Relative to the root of the checkout.
    path: String,
    /// Counted from one; zero for the file as a whole.
    line: usize,
    message: String,
}

impl Finding {
    fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line,
            message: message.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            path,
            line,
            message,
        } = self;
        match line {
            0 => write!(formatter, "{path}: {message}"),
            _ => write!(formatter, "{path}:{line}: {message}"),
        }
    }
}

/// Applies every rule to the checkout and prints what breaks one.
///
/// # Errors
/// A rule is broken, or the checkout cannot be read.
pub(crate) fn check() -> Result<()> {
    let tree = Tree::read(&project::root())?;
    let findings = findings(&tree);
    for finding in &findings {
        println!("{finding}");
    }
    if !findings.is_empty() {
        bail!(
            "tidy: {} findings in {} files",
            findings.len(),
            tree.files().len()
        );
    }
    println!(
        "tidy: {} files follow {} rules",
        tree.files().len(),
        RULES.len()
    );
    Ok(())
}

/// Rewrites the part of the list of differences that is made from the marks in the sources.
///
/// # Errors
/// A file cannot be read or written.
pub(crate) fn write_differences() -> Result<()> {
    let root = project::root();
    let tree = Tree::read(&root)?;
    let path = root.join(differences::LIST);
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory).context("cannot make the directory of the list")?;
    }
    fs::write(path, differences::render(&tree))
        .with_context(|| format!("cannot write {}", differences::LIST))
}

fn findings(tree: &Tree) -> Vec<Finding> {
    let mut findings: Vec<Finding> = RULES.iter().flat_map(|rule| rule(tree)).collect();
    findings.sort();
    findings.dedup();
    findings
}

type Rule = fn(&Tree) -> Vec<Finding>;

const RULES: [Rule; 8] = [
    citations::findings,
    differences::findings,
    examples::findings,
    lengths::findings,
    machine_paths::findings,
    ranks::findings,
    safety::findings,
    unsafe_code::findings,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checkout_is_tidy() {
        let tree = Tree::read(&project::root()).unwrap();
        assert!(tree.get("Cargo.toml").is_some(), "this is not the checkout");
        let findings: Vec<_> = findings(&tree).iter().map(ToString::to_string).collect();
        assert!(findings.is_empty(), "\n{}", findings.join("\n"));
    }

    #[test]
    fn a_finding_reads_like_a_compilers() {
        assert_eq!(Finding::new("a/b.rs", 3, "no").to_string(), "a/b.rs:3: no");
        assert_eq!(Finding::new("a/b.rs", 0, "no").to_string(), "a/b.rs: no");
    }

    #[test]
    fn every_rule_is_applied() {
        let tree = Tree::of(&[
            (
                "crates/stook/src/lib.rs",
                "/// # Source\n/// From memory.\nunsafe fn f() {}\n",
            ),
            ("python/stook/long.py", &"pass\n".repeat(801)),
        ]);
        let paths: Vec<_> = findings(&tree)
            .into_iter()
            .map(|finding| finding.path)
            .collect();
        assert_eq!(
            paths,
            [
                "crates/stook/src/lib.rs",
                "crates/stook/src/lib.rs",
                "python/stook/long.py"
            ]
        );
    }
}

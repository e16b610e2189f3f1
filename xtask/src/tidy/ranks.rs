//! Inside `stook-py`, a module imports only from ranks to its left, and from its own.
//!
//! A rank of several modules is one concern in several files, such as a task and its step; everything
//! else has a rank to itself. `lib.rs` defines the Python module and stands outside.

use std::collections::BTreeSet;

use super::Finding;
use super::rust_paths::{RustPath, paths};
use super::rust_text::RustText;
use super::tree::{File, Tree};

/// Where the ranks are kept, for those who add a module.
const TABLE: &str = "RANKS in xtask/src/tidy/ranks.rs";

/// The ranks, from the left. A new module is added here, in the same change.
const RANKS: &[&[&str]] = &[
    &["ffi"],
    &["clock"],
    &["own_context"],
    &["looking"],
    &["handoff"],
    &["pulse"],
    &["part_looks"],
    &["set_at"],
    &["errors"],
    &["fingerprint"],
    &["reviewed"],
    &["function"],
    &["callbacks"],
    &["reference"],
    &["accelerator"],
    &["ready"],
    &["free_places"],
    &["places"],
    &["timers"],
    &["put_off"],
    &["loop_core"],
    &["executor"],
    &["lost"],
    &["running"],
    &["self_pipe"],
    &["current"],
    &["handle"],
    &["scheduling"],
    &["record"],
    &["cancellations"],
    &[
        "asking",
        "deadlock",
        "forward",
        "future",
        "gathering",
        "task",
        "step",
        "swallowed",
        "unlisted",
        "wakeup",
    ],
    &["lock_notes"],
    &["thrown"],
    &["future_iter"],
    &["future_class"],
    &["task_class"],
    &["awaiting"],
    &["wrapper"],
    &["coroutine"],
    &["ensure"],
    &["sleep"],
    &["participants"],
    &["gather"],
    &["wait"],
    &["race", "held_up"],
    &["natives"],
    &["reactor"],
    &["transport"],
    &["server"],
    &["watching"],
    &["shown"],
    &["turn"],
    &["event_loop"],
    &["cancellation"],
    &["token"],
    &["wait_graph"],
    &["waits"],
    &["names"],
];

/// Imports that go to the right, and modules without a rank.
pub(super) fn findings(tree: &Tree) -> Vec<Finding> {
    findings_with(tree, RANKS)
}

fn findings_with(tree: &Tree, ranks: &[&[&str]]) -> Vec<Finding> {
    let files: Vec<(&File, Vec<&str>)> = tree
        .with_extension(&["rs"])
        .filter_map(|file| Some((file, module(&file.path)?)))
        .collect();
    let present: BTreeSet<&str> = files.iter().map(|(_, module)| module[0]).collect();
    let rank_of = |module: &str| ranks.iter().position(|rank| rank.contains(&module));
    let mut findings = Vec::new();
    for (file, module) in files {
        let own = module[0];
        let Some(rank) = rank_of(own) else {
            let message = format!("module `{own}` has no rank: add it to {TABLE}");
            findings.push(Finding::new(&file.path, 0, message));
            continue;
        };
        for path in paths(&RustText::new(&file.text)) {
            let Some(imported) = target(&path, &module) else {
                continue;
            };
            if imported == own || !present.contains(imported) {
                continue;
            }
            if rank_of(imported).is_some_and(|other| other > rank) {
                let message = format!(
                    "`{own}` may not use `{imported}`: only its own rank and those to its left ({TABLE})"
                );
                findings.push(Finding::new(&file.path, path.line, message));
            }
        }
    }
    findings
}

/// The names from the crate's root to the module in this file; none for other crates and `lib.rs`.
fn module(path: &str) -> Option<Vec<&str>> {
    let inside = path
        .strip_prefix("crates/stook-py/src/")?
        .strip_suffix(".rs")?;
    if inside == "lib" {
        return None;
    }
    Some(
        inside
            .strip_suffix("/mod")
            .unwrap_or(inside)
            .split('/')
            .collect(),
    )
}

/// The top module that a path leads to from inside `module`; none if it leaves the crate.
fn target<'path>(path: &'path RustPath, module: &[&'path str]) -> Option<&'path str> {
    let first = path.names.first()?;
    if first == "crate" {
        return path.names.get(1).map(String::as_str);
    }
    let up = path
        .names
        .iter()
        .take_while(|name| *name == "super")
        .count();
    if up == 0 {
        return None;
    }
    // A module inside the file takes one `super` to leave; a name that is no module is passed over.
    let above = module.len().saturating_sub(up);
    let rest = path.names.get(up).map(String::as_str);
    if above == 0 { rest } else { Some(module[0]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: [&[&str]; 3] = [&["ffi"], &["ready", "timers"], &["task"]];

    fn lines(files: &[(&str, &str)]) -> Vec<(String, usize)> {
        let findings = findings_with(&Tree::of(files), &SAMPLE);
        findings
            .into_iter()
            .map(|finding| (finding.path, finding.line))
            .collect()
    }

    const FFI: (&str, &str) = ("crates/stook-py/src/ffi/mod.rs", "pub(crate) mod cell;");
    const READY: (&str, &str) = ("crates/stook-py/src/ready.rs", "use crate::ffi::Cell;");
    const TASK: (&str, &str) = (
        "crates/stook-py/src/task.rs",
        "use crate::{ffi, ready::Ready};",
    );

    #[test]
    fn imports_from_the_left_are_fine() {
        assert!(lines(&[FFI, READY, TASK]).is_empty());
    }

    #[test]
    fn an_import_from_the_right_is_found() {
        let wrong = (
            "crates/stook-py/src/ready.rs",
            "\nuse crate::{ffi::Cell, task::Task};",
        );
        assert_eq!(lines(&[FFI, wrong, TASK]), [(wrong.0.to_owned(), 2)]);
    }

    #[test]
    fn a_path_in_the_code_counts_as_an_import() {
        let wrong = (
            "crates/stook-py/src/ffi/cell.rs",
            "fn f() { crate::ready::push() }",
        );
        assert_eq!(lines(&[FFI, wrong, READY]), [(wrong.0.to_owned(), 1)]);
    }

    #[test]
    fn neighbours_of_one_rank_may_know_each_other() {
        let timers = ("crates/stook-py/src/timers.rs", "use super::ready::Ready;");
        let ready = ("crates/stook-py/src/ready.rs", "use crate::timers::Timers;");
        assert!(lines(&[ready, timers]).is_empty());
    }

    #[test]
    fn super_leads_to_the_same_modules_as_the_crates_name() {
        let wrong = ("crates/stook-py/src/timers.rs", "use super::task::Task;");
        assert_eq!(lines(&[TASK, wrong]), [(wrong.0.to_owned(), 1)]);
    }

    #[test]
    fn super_is_followed_out_of_a_directory_only() {
        let inside = (
            "crates/stook-py/src/ffi/cell.rs",
            "use super::task::X; use super::super::X;",
        );
        let outside = (
            "crates/stook-py/src/ffi/slot.rs",
            "use super::super::task::X;",
        );
        assert_eq!(
            lines(&[FFI, inside, outside, TASK]),
            [(outside.0.to_owned(), 1)]
        );
    }

    #[test]
    fn a_module_without_a_rank_is_found() {
        let wrong = ("crates/stook-py/src/novel.rs", "");
        assert_eq!(lines(&[FFI, wrong]), [(wrong.0.to_owned(), 0)]);
    }

    #[test]
    fn comments_strings_and_the_crates_root_are_passed_over() {
        let ready = (
            "crates/stook-py/src/ready.rs",
            "/// See crate::task.\nconst X: &str = \"crate::task\";",
        );
        let root = (
            "crates/stook-py/src/lib.rs",
            "mod task; use crate::task::Task;",
        );
        let other = ("crates/stook/src/ready.rs", "use crate::task::Task;");
        assert!(lines(&[ready, root, other, TASK]).is_empty());
    }

    #[test]
    fn no_module_has_two_ranks() {
        let all: Vec<_> = RANKS.concat();
        let different: BTreeSet<_> = all.iter().collect();
        assert_eq!(all.len(), different.len());
    }
}

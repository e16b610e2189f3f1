//! A `SAFETY:` comment cites only invariants that SAFETY.md states: S1, S2 and so on.

use std::collections::BTreeSet;

use super::Finding;
use super::rust_text::RustText;
use super::tree::Tree;

/// Citations of invariants that do not exist.
pub(super) fn findings(tree: &Tree) -> Vec<Finding> {
    let Some(document) = tree.get("SAFETY.md") else {
        return Vec::new();
    };
    let stated: BTreeSet<&str> = document.lines().filter_map(stated_invariant).collect();
    let mut findings = Vec::new();
    for file in tree.with_extension(&["rs"]) {
        for (line, cited) in citations(&RustText::new(&file.text)) {
            if !stated.contains(cited.as_str()) {
                let message = format!("{cited} is not an invariant of SAFETY.md");
                findings.push(Finding::new(&file.path, line, message));
            }
        }
    }
    findings
}

/// The invariant that a heading, list entry or table row of SAFETY.md states.
fn stated_invariant(line: &str) -> Option<&str> {
    let text = line.trim_start_matches(['#', '-', '*', '|', ' ', '`']);
    let word = text
        .split(|character: char| !character.is_ascii_alphanumeric())
        .next()?;
    let marked = line.starts_with(['#', '-', '*', '|']);
    (marked && is_invariant(word)).then_some(word)
}

/// The invariants cited by comments on safety, which run on over lines that are only comment.
fn citations(text: &RustText) -> Vec<(usize, String)> {
    let mut citations = Vec::new();
    let mut inside = false;
    for (number, line) in text.lines() {
        let begins = line.comment.contains("SAFETY:");
        let goes_on = line.code.trim().is_empty() && !line.comment.is_empty();
        inside = begins || (inside && goes_on);
        if inside {
            let words = line
                .comment
                .split(|character: char| !character.is_ascii_alphanumeric());
            let cited = words.filter(|word| is_invariant(word));
            citations.extend(cited.map(|word| (number, word.to_owned())));
        }
    }
    citations
}

fn is_invariant(word: &str) -> bool {
    word.strip_prefix('S').is_some_and(|number| {
        !number.is_empty() && number.chars().all(|character| character.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str =
        "# Safety\n\n## S1: attached\n\n- **S2** owned\n| S3 | null |\nS9 aside\n";

    fn lines(text: &str) -> Vec<usize> {
        let tree = Tree::of(&[
            ("SAFETY.md", DOCUMENT),
            ("crates/stook-py/src/ffi/a.rs", text),
        ]);
        findings(&tree)
            .into_iter()
            .map(|finding| finding.line)
            .collect()
    }

    #[test]
    fn headings_lists_and_rows_state_invariants() {
        assert!(lines("// SAFETY: S1, S2 and (S3).\n").is_empty());
    }

    #[test]
    fn an_invariant_that_is_not_stated_is_found() {
        assert_eq!(lines("x();\n// SAFETY: attached (S4).\n"), [2]);
        assert_eq!(lines("// SAFETY: S9 is only mentioned.\n"), [1]);
    }

    #[test]
    fn a_comment_is_read_to_its_end() {
        assert_eq!(
            lines("// SAFETY: attached,\n// and owned (S5).\nlet s6 = S6;\n"),
            [2]
        );
    }

    #[test]
    fn other_comments_and_code_are_passed_over() {
        assert!(lines("// Amazon S3 and S7.\nlet S8 = 1;\n").is_empty());
    }

    #[test]
    fn without_the_document_nothing_is_checked() {
        let tree = Tree::of(&[("crates/stook-py/src/ffi/a.rs", "// SAFETY: S4.\n")]);
        assert!(findings(&tree).is_empty());
    }
}

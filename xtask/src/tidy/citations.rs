//! A `# Source` section (`Source:` in Python) says what the behaviour was taken from.
//!
//! That is a version of CPython or of a package, a PEP or an issue; "asyncio does it" cannot be looked
//! up.

use super::Finding;
use super::tree::Tree;

/// Source sections that cite nothing.
pub(super) fn findings(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.with_extension(&["rs", "py", "pyi"]) {
        let (heading, leaders): (&str, &[&str]) = if file.path.ends_with(".rs") {
            ("# Source", &["///", "//!"])
        } else {
            ("Source:", &[])
        };
        let lines: Vec<&str> = file
            .text
            .lines()
            .map(|line| documented(line, leaders))
            .collect();
        for (index, line) in lines.iter().enumerate() {
            let cites = || {
                lines[index + 1..]
                    .iter()
                    .take_while(|line| !ends(line))
                    .any(is_citation)
            };
            if *line == heading && !cites() {
                let message = "name a version of CPython or a package, a PEP or an issue";
                findings.push(Finding::new(&file.path, index + 1, message));
            }
        }
    }
    findings
}

/// The text of a line of documentation; lines of code stay as they are.
fn documented<'line>(line: &'line str, leaders: &[&str]) -> &'line str {
    let text = line.trim();
    leaders
        .iter()
        .find_map(|leader| text.strip_prefix(leader))
        .map_or(text, str::trim)
}

/// A section ends at an empty line or with its docstring.
fn ends(line: &&&str) -> bool {
    line.is_empty() || **line == "\"\"\""
}

fn is_citation(line: &&str) -> bool {
    let marked = ["PEP ", "RFC ", "gh-", "bpo-", "https://"]
        .iter()
        .any(|mark| line.contains(mark));
    marked || has_version(line)
}

/// Whether two digits with a dot between them stand in the line, as in `3.13`.
fn has_version(line: &str) -> bool {
    line.as_bytes()
        .windows(3)
        .any(|three| three[0].is_ascii_digit() && three[1] == b'.' && three[2].is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        findings(&Tree::of(&[(path, text)]))
            .into_iter()
            .map(|finding| finding.line)
            .collect()
    }

    #[test]
    fn a_source_that_cannot_be_looked_up_is_found() {
        assert_eq!(
            lines(
                "a.rs",
                "/// Sums.\n///\n/// # Source\n/// asyncio.\nfn f() {}\n"
            ),
            [3]
        );
        assert_eq!(
            lines(
                "a.py",
                "    \"\"\"Run.\n\n    Source:\n        asyncio\n    \"\"\"\n"
            ),
            [3]
        );
    }

    #[test]
    fn the_citation_must_stand_in_the_section() {
        let text = "/// # Source\n/// asyncio.\n///\n/// As in CPython 3.13.\nfn f() {}\n";
        assert_eq!(lines("a.rs", text), [1]);
    }

    #[test]
    fn versions_peps_and_issues_are_citations() {
        for source in [
            "`Task.cancel`, CPython 3.13",
            "`apply`, nest_asyncio 1.6",
            "PEP 492",
            "gh-94597",
        ] {
            assert!(lines("a.rs", &format!("//! # Source\n//! {source}\n")).is_empty());
            assert!(
                lines(
                    "a.py",
                    &format!("\"\"\"\nSource:\n    ``x``,\n    {source}\n")
                )
                .is_empty()
            );
        }
    }
}

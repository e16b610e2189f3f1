//! Where we differ from asyncio on purpose: marks in the sources, listed in one document.
//!
//! A mark is a comment or a paragraph of a docstring with `DIFFERENCE:` in it; what follows, up to the
//! paragraph's end, is its text. The list is made from the marks and so cannot forget one.

use super::Finding;
use super::tree::{File, Tree};

/// The document.
pub(super) const LIST: &str = "docs/differences.md";

/// Marks that the document does not list, or a list that no mark stands behind.
pub(super) fn findings(tree: &Tree) -> Vec<Finding> {
    if tree.get(LIST).is_none() && marks(tree).is_empty() {
        return Vec::new();
    }
    if tree.get(LIST) == Some(render(tree).as_str()) {
        return Vec::new();
    }
    vec![Finding::new(
        LIST,
        0,
        "is not up to date: run `cargo xtask tidy --write`",
    )]
}

/// The document as it should be: its own introduction, then the list.
pub(super) fn render(tree: &Tree) -> String {
    let introduction = tree.get(LIST).map_or(INTRODUCTION, |text| {
        text.split_once(BEGIN)
            .map_or(text, |(introduction, _)| introduction)
    });
    let mut text = format!("{}\n\n{BEGIN}\n", introduction.trim_end());
    let marks = marks(tree);
    if marks.is_empty() {
        text.push_str("\nNone.\n");
    }
    let mut file = "";
    for mark in &marks {
        if mark.path != file {
            file = &mark.path;
            text.push_str(&format!("\n`{file}`\n\n"));
        }
        text.push_str(&format!("- {}\n", mark.text));
    }
    text
}

#[derive(Debug, PartialEq, Eq)]
struct Mark {
    path: String,
    text: String,
}

/// The marks of the crates and the Python package, in the order of their files and lines.
fn marks(tree: &Tree) -> Vec<Mark> {
    tree.with_extension(&["rs", "py", "pyi"])
        .filter(|file| file.path.starts_with("crates/") || file.path.starts_with("python/"))
        .flat_map(marks_of)
        .collect()
}

fn marks_of(file: &File) -> Vec<Mark> {
    let lines: Vec<&str> = file.text.lines().map(str::trim).collect();
    let mut marks = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let Some((before, first)) = line.split_once(MARK) else {
            continue;
        };
        let leader = leader(line);
        let mut words = vec![first.trim_end_matches(DOCSTRING_END).trim()];
        // Behind code there is one line; a comment of its own goes on with the next lines.
        let alone = before.trim_start_matches(leader).trim().is_empty();
        if alone && !first.contains(DOCSTRING_END) {
            words.extend(
                lines[index + 1..]
                    .iter()
                    .map_while(|next| continuation(next, leader)),
            );
        }
        let text = words.join(" ").trim().to_owned();
        marks.push(Mark {
            path: file.path.clone(),
            text,
        });
    }
    marks
}

/// What begins a comment line; empty in a docstring.
fn leader(line: &str) -> &'static str {
    ["///", "//!", "//", "#"]
        .into_iter()
        .find(|leader| line.starts_with(leader))
        .unwrap_or("")
}

/// The text of a line that belongs to the paragraph of the line before.
fn continuation<'line>(line: &'line str, leader_before: &str) -> Option<&'line str> {
    let text = line.strip_prefix(leader_before)?.trim();
    let ends = text.is_empty()
        || leader(line) != leader_before
        || text.starts_with(DOCSTRING_END)
        || text.contains(MARK);
    (!ends).then_some(text.trim_end_matches(DOCSTRING_END))
}

const MARK: &str = "DIFFERENCE:";
const DOCSTRING_END: &str = "\"\"\"";
const BEGIN: &str = "<!-- made by `cargo xtask tidy --write` from the marks in the sources -->";
const INTRODUCTION: &str = "# Differences from asyncio

What stook does otherwise than the asyncio of the running interpreter, on purpose.";

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(path: &str, text: &str) -> Vec<String> {
        marks(&Tree::of(&[(path, text)]))
            .into_iter()
            .map(|mark| mark.text)
            .collect()
    }

    #[test]
    fn a_mark_is_read_to_the_end_of_its_paragraph() {
        let text = "// DIFFERENCE: one\n// and more.\n//\n// Not this.\nf();\n";
        assert_eq!(texts("crates/stook-py/src/a.rs", text), ["one and more."]);
        let text = "/// DIFFERENCE: two\n/// more.\nfn f() {}\n";
        assert_eq!(texts("crates/stook-py/src/a.rs", text), ["two more."]);
        let text = "# DIFFERENCE: three\n# more.\nx = 1\n";
        assert_eq!(texts("python/stook/a.py", text), ["three more."]);
    }

    #[test]
    fn a_mark_in_a_docstring_ends_with_it() {
        let text = "\"\"\"Run.\n\n    DIFFERENCE: four\n    more.\n    \"\"\"\n    x = 1\n";
        assert_eq!(texts("python/stook/a.py", text), ["four more."]);
        assert_eq!(
            texts(
                "python/stook/a.py",
                "\"\"\"DIFFERENCE: five.\"\"\"\nx = 1\n"
            ),
            ["five."]
        );
    }

    #[test]
    fn a_mark_behind_code_is_one_line() {
        assert_eq!(
            texts("python/stook/a.py", "x = 1  # DIFFERENCE: six.\n# Other.\n"),
            ["six."]
        );
    }

    #[test]
    fn two_marks_in_one_comment_are_two_entries() {
        let text = "// DIFFERENCE: one.\n// DIFFERENCE: two.\n";
        assert_eq!(texts("crates/stook-py/src/a.rs", text), ["one.", "two."]);
    }

    #[test]
    fn other_folders_are_passed_over() {
        assert!(texts("xtask/src/a.rs", "// DIFFERENCE: one.\n").is_empty());
    }

    #[test]
    fn a_mark_that_is_not_listed_is_found() {
        let source = ("python/stook/a.py", "# DIFFERENCE: one.\n");
        assert_eq!(findings(&Tree::of(&[source])).len(), 1);
        let stale = (LIST, "# Differences\n");
        assert_eq!(findings(&Tree::of(&[stale, source])).len(), 1);
    }

    #[test]
    fn what_is_written_passes_and_keeps_the_introduction() {
        let source = ("python/stook/a.py", "# DIFFERENCE: one.\n");
        let written = render(&Tree::of(&[(LIST, "# Ours\n\nWords.\n"), source]));
        assert!(written.starts_with("# Ours\n\nWords.\n\n<!--"), "{written}");
        assert!(
            written.ends_with("\n`python/stook/a.py`\n\n- one.\n"),
            "{written}"
        );
        assert!(findings(&Tree::of(&[(LIST, &written), source])).is_empty());
        assert_eq!(findings(&Tree::of(&[(LIST, &written)])).len(), 1);
    }

    #[test]
    fn no_marks_need_no_document() {
        assert!(findings(&Tree::of(&[("python/stook/a.py", "x = 1\n")])).is_empty());
    }
}

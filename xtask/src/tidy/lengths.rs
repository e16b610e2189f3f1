//! A source file of more than 800 lines has a line in ARCHITECTURE.md that says why.

use super::Finding;
use super::tree::Tree;

/// Long files that ARCHITECTURE.md does not name.
pub(super) fn findings(tree: &Tree) -> Vec<Finding> {
    let explained = tree.get("ARCHITECTURE.md").unwrap_or_default();
    tree.with_extension(&["rs", "py", "pyi"])
        .map(|file| (file, file.text.lines().count()))
        .filter(|(file, length)| *length > LONGEST && !explained.contains(&file.path))
        .map(|(file, length)| {
            let message = format!(
                "{length} lines: split it, or say in ARCHITECTURE.md why it has more than {LONGEST}"
            );
            Finding::new(&file.path, 0, message)
        })
        .collect()
}

/// In lines.
const LONGEST: usize = 800;

#[cfg(test)]
mod tests {
    use super::*;

    fn found(architecture: &str, lines: usize) -> usize {
        let text = "x\n".repeat(lines);
        let tree = Tree::of(&[
            ("ARCHITECTURE.md", architecture),
            ("python/stook/a.py", &text),
        ]);
        findings(&tree).len()
    }

    #[test]
    fn a_long_file_is_found() {
        assert_eq!(found("", 801), 1);
        assert_eq!(found("", 800), 0);
    }

    #[test]
    fn an_explained_file_is_fine() {
        assert_eq!(found("`python/stook/a.py` is one table.", 801), 0);
    }

    #[test]
    fn data_may_be_long() {
        let tree = Tree::of(&[("conformance/expected.toml", &"x\n".repeat(5_000))]);
        assert!(findings(&tree).is_empty());
    }
}

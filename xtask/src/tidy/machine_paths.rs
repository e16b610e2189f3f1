//! No file names a directory of somebody's machine.

use super::Finding;
use super::tree::Tree;

/// Lines with a path that exists on one machine only.
pub(super) fn findings(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files() {
        for (index, line) in file.text.lines().enumerate() {
            if let Some(place) = machine_path(line) {
                let message = format!("`{place}` is a place on one machine");
                findings.push(Finding::new(&file.path, index + 1, message));
            }
        }
    }
    findings
}

/// The beginning of the first such path in a line.
fn machine_path(line: &str) -> Option<&'static str> {
    PLACES.into_iter().find(|place| {
        line.match_indices(place).any(|(position, _)| {
            let begins = !line[..position].ends_with(is_path_character);
            let mut rest = line[position + place.len()..].chars();
            // `/home/<user>` and `/home/…` stand for anybody's.
            begins && rest.next().is_some_and(is_path_character)
        })
    })
}

fn is_path_character(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '-' | '.' | '/' | '~')
}

/// Written so that this file does not contain what it looks for.
const PLACES: [&str; 4] = [
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/Use", "rs/"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<usize> {
        let tree = Tree::of(&[("docs/sample.md", text)]);
        findings(&tree)
            .into_iter()
            .map(|finding| finding.line)
            .collect()
    }

    #[test]
    fn places_on_one_machine_are_found() {
        for (first, second) in [
            ("/wo", "rk/main/x"),
            ("/ro", "ot/.cargo"),
            ("/ho", "me/ada/src"),
        ] {
            assert_eq!(lines(&format!("fine\nsee `{first}{second}`\n")), [2]);
        }
    }

    #[test]
    fn parts_of_other_paths_are_fine() {
        assert!(lines(concat!("https://example.org/wo", "rk/item\n")).is_empty());
        assert!(lines(concat!("docs/ro", "ot/index\n")).is_empty());
    }

    #[test]
    fn a_stand_in_for_anybodys_directory_is_fine() {
        assert!(lines(concat!("/ho", "me/<user>/src\n")).is_empty());
        assert!(lines("~/src and $HOME/src\n").is_empty());
    }
}

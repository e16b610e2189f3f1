//! The paths a Rust file names: `a::b::c`, in code and in `use` declarations, groups unfolded.

use super::rust_text::RustText;

/// One path and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RustPath {
    /// Its names, from the left; a `*` or `self` at the end is left out.
    pub(super) names: Vec<String>,
    /// Counted from one.
    pub(super) line: usize,
}

impl RustPath {
    /// Whether it begins with these names.
    pub(super) fn starts_with(&self, names: &[&str]) -> bool {
        self.names.len() >= names.len()
            && self
                .names
                .iter()
                .zip(names)
                .all(|(name, wanted)| name == wanted)
    }
}

/// All paths of a file, single names included.
pub(super) fn paths(text: &RustText) -> Vec<RustPath> {
    let mut reader = Reader {
        tokens: tokens(text),
        position: 0,
        paths: Vec::new(),
    };
    while let Some(token) = reader.tokens.get(reader.position) {
        if token.is_name() {
            reader.path(&[]);
        } else {
            reader.position += 1;
        }
    }
    reader.paths
}

struct Token {
    text: String,
    line: usize,
}

impl Token {
    fn is_name(&self) -> bool {
        self.text.starts_with(is_name_character)
    }
}

fn is_name_character(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn tokens(text: &RustText) -> Vec<Token> {
    let mut tokens = Vec::new();
    for (number, line) in text.lines() {
        let mut rest = line.code.as_str();
        while let Some(first) = rest.chars().next() {
            let length = if is_name_character(first) {
                rest.find(|character| !is_name_character(character))
                    .unwrap_or(rest.len())
            } else if rest.starts_with("::") {
                2
            } else {
                first.len_utf8()
            };
            let (word, remaining) = rest.split_at(length);
            if !first.is_whitespace() {
                tokens.push(Token {
                    text: word.to_owned(),
                    line: number,
                });
            }
            rest = remaining;
        }
    }
    tokens
}

struct Reader {
    tokens: Vec<Token>,
    position: usize,
    paths: Vec<RustPath>,
}

impl Reader {
    fn text(&self, distance: usize) -> &str {
        self.tokens
            .get(self.position + distance)
            .map_or("", |token| token.text.as_str())
    }

    /// Reads the path that begins with the name here, below `prefix`.
    fn path(&mut self, prefix: &[String]) {
        let line = self.tokens[self.position].line;
        let mut names = prefix.to_vec();
        if self.text(0) != "self" || prefix.is_empty() {
            names.push(self.text(0).to_owned());
        }
        self.position += 1;
        while self.text(0) == "::" {
            let next = self.tokens.get(self.position + 1);
            if next.is_some_and(|token| token.text == "{") {
                self.position += 2;
                self.group(&names);
                return;
            }
            if next.is_some_and(|token| token.text == "*") {
                self.position += 2;
                break;
            }
            if !next.is_some_and(Token::is_name) {
                break;
            }
            names.push(self.text(1).to_owned());
            self.position += 2;
        }
        self.paths.push(RustPath { names, line });
    }

    /// Reads what stands between the braces of a `use`, up to and with the closing one.
    fn group(&mut self, prefix: &[String]) {
        while let Some(token) = self.tokens.get(self.position) {
            match token.text.as_str() {
                "}" => {
                    self.position += 1;
                    return;
                }
                // The new name is no path: step over it.
                "as" => self.position += 2,
                "*" => {
                    self.paths.push(RustPath {
                        names: prefix.to_vec(),
                        line: token.line,
                    });
                    self.position += 1;
                }
                _ if token.is_name() => self.path(prefix),
                _ => self.position += 1,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(text: &str) -> Vec<String> {
        let paths = paths(&RustText::new(text));
        paths
            .into_iter()
            .map(|path| path.names.join("::"))
            .filter(|path| path.contains(':'))
            .collect()
    }

    #[test]
    fn plain_paths_are_found_in_code_and_declarations() {
        let text = "use crate::task::Task;\nfn f(x: &crate::future::Future) { super::g(); }";
        assert_eq!(
            joined(text),
            ["crate::task::Task", "crate::future::Future", "super::g"]
        );
    }

    #[test]
    fn groups_are_unfolded() {
        let text = "use crate::{ffi::{cell, refs::*}, task as other_task, clock::{self, Clock}};";
        assert_eq!(
            joined(text),
            [
                "crate::ffi::cell",
                "crate::ffi::refs",
                "crate::task",
                "crate::clock",
                "crate::clock::Clock"
            ]
        );
    }

    #[test]
    fn a_glob_is_the_path_before_it() {
        assert_eq!(joined("use super::handle::*;"), ["super::handle"]);
    }

    #[test]
    fn type_arguments_have_paths_of_their_own() {
        assert_eq!(
            joined("Vec::<crate::task::Task>::new()"),
            ["crate::task::Task"]
        );
    }

    #[test]
    fn a_path_knows_its_line() {
        let found = paths(&RustText::new("\n\nuse a::{\n  b,\n  c,\n};"));
        let lines: Vec<_> = found
            .iter()
            .filter(|path| path.starts_with(&["a"]))
            .map(|path| (path.names[1].as_str(), path.line))
            .collect();
        assert_eq!(lines, [("b", 4), ("c", 5)]);
    }
}

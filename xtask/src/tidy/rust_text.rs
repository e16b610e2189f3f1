//! Telling apart the code and the comments of a Rust file.
//!
//! This is not a parser: it knows comments, strings and character literals, which is enough not to
//! take a word in a comment for code, or the other way round.

/// A Rust file, line by line.
#[derive(Debug)]
pub(super) struct RustText {
    lines: Vec<Line>,
}

/// One line of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    /// What is compiled, with string and character literals emptied.
    pub(super) code: String,
    /// What stands in comments, with the marks that begin and end them.
    pub(super) comment: String,
}

impl RustText {
    /// Splits a file.
    pub(super) fn new(text: &str) -> Self {
        Splitter::new(text).split()
    }

    /// The lines with their numbers, counted from one.
    pub(super) fn lines(&self) -> impl Iterator<Item = (usize, &Line)> {
        self.lines
            .iter()
            .enumerate()
            .map(|(index, line)| (index + 1, line))
    }
}

#[derive(Clone, Copy)]
enum State {
    Code,
    LineComment,
    /// How many are open: they nest.
    BlockComment(usize),
    Text,
    /// How many `#` end it.
    RawText(usize),
}

struct Splitter {
    characters: Vec<char>,
    position: usize,
    state: State,
    lines: Vec<Line>,
    line: Line,
}

impl Splitter {
    fn new(text: &str) -> Self {
        Self {
            characters: text.chars().collect(),
            position: 0,
            state: State::Code,
            lines: Vec::new(),
            line: Line::default(),
        }
    }

    fn split(mut self) -> RustText {
        while let Some(character) = self.ahead(0) {
            if character == '\n' {
                self.end_line();
            } else {
                match self.state {
                    State::Code => self.code(character),
                    State::LineComment => self.comment(1),
                    State::BlockComment(depth) => self.block_comment(depth),
                    State::Text => self.text(character),
                    State::RawText(hashes) => self.raw_text(character, hashes),
                }
            }
        }
        if self.line != Line::default() {
            self.lines.push(self.line);
        }
        RustText { lines: self.lines }
    }

    fn ahead(&self, distance: usize) -> Option<char> {
        self.characters.get(self.position + distance).copied()
    }

    fn follows(&self, wanted: &str) -> bool {
        wanted
            .chars()
            .enumerate()
            .all(|(index, character)| self.ahead(index) == Some(character))
    }

    fn end_line(&mut self) {
        self.position += 1;
        self.lines.push(std::mem::take(&mut self.line));
        if matches!(self.state, State::LineComment) {
            self.state = State::Code;
        }
    }

    fn code(&mut self, character: char) {
        if self.follows("//") {
            self.state = State::LineComment;
            self.comment(2);
        } else if self.follows("/*") {
            self.state = State::BlockComment(1);
            self.comment(2);
        } else if character == '"' {
            self.state = raw_hashes(&self.line.code).map_or(State::Text, State::RawText);
            self.line.code.push('"');
            self.position += 1;
        } else if character == '\'' {
            self.line.code.push('\'');
            self.position += self.character_literal();
        } else {
            self.line.code.push(character);
            self.position += 1;
        }
    }

    /// How long the literal is that begins here; one for the mark of a lifetime.
    fn character_literal(&self) -> usize {
        if self.ahead(1) == Some('\\') {
            // The character after the backslash is part of the literal, even if it is a quote.
            let rest = (3..).find(|distance| matches!(self.ahead(*distance), Some('\'') | None));
            return rest.map_or(1, |distance| distance + 1);
        }
        if self.ahead(2) == Some('\'') { 3 } else { 1 }
    }

    fn comment(&mut self, length: usize) {
        for _ in 0..length {
            self.line.comment.extend(self.ahead(0));
            self.position += 1;
        }
    }

    fn block_comment(&mut self, depth: usize) {
        if self.follows("*/") {
            self.state = if depth == 1 {
                State::Code
            } else {
                State::BlockComment(depth - 1)
            };
            self.comment(2);
        } else if self.follows("/*") {
            self.state = State::BlockComment(depth + 1);
            self.comment(2);
        } else {
            self.comment(1);
        }
    }

    fn text(&mut self, character: char) {
        match character {
            // An escaped line end is left for `split` to count.
            '\\' if self.ahead(1) != Some('\n') => self.position += 2,
            '"' => self.end_text(0),
            _ => self.position += 1,
        }
    }

    fn raw_text(&mut self, character: char, hashes: usize) {
        let ends = (1..=hashes).all(|distance| self.ahead(distance) == Some('#'));
        if character == '"' && ends {
            self.end_text(hashes);
        } else {
            self.position += 1;
        }
    }

    fn end_text(&mut self, hashes: usize) {
        self.line.code.push('"');
        self.position += 1 + hashes;
        self.state = State::Code;
    }
}

/// The number of `#` when the code before a quote makes it the beginning of a raw string.
fn raw_hashes(before: &str) -> Option<usize> {
    let name = before.trim_end_matches('#');
    let hashes = before.len() - name.len();
    let prefix = name.strip_suffix('r')?;
    let prefix = prefix.strip_suffix(['b', 'c']).unwrap_or(prefix);
    let in_a_word = prefix.ends_with(|last: char| last.is_alphanumeric() || last == '_');
    (!in_a_word).then_some(hashes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Vec<String> {
        RustText::new(text)
            .lines
            .into_iter()
            .map(|line| line.code)
            .collect()
    }

    fn comments(text: &str) -> Vec<String> {
        RustText::new(text)
            .lines
            .into_iter()
            .map(|line| line.comment)
            .collect()
    }

    #[test]
    fn line_comments_end_with_the_line() {
        let text = "let a = 1; // unsafe\n/// doc\nlet b;";
        assert_eq!(code(text), ["let a = 1; ", "", "let b;"]);
        assert_eq!(comments(text), ["// unsafe", "/// doc", ""]);
    }

    #[test]
    fn block_comments_nest_and_span_lines() {
        let text = "a /* one /* two */\nstill */ b";
        assert_eq!(code(text), ["a ", " b"]);
        assert_eq!(comments(text), ["/* one /* two */", "still */"]);
    }

    #[test]
    fn strings_are_emptied() {
        assert_eq!(code(r#"f("// unsafe \" \\"); g"#), [r#"f(""); g"#]);
        assert_eq!(code("f(\"one\n// two\"); g"), ["f(\"", "\"); g"]);
        assert_eq!(code("f(\"one\\\n  two\"); g"), ["f(\"", "\"); g"]);
    }

    #[test]
    fn raw_strings_end_at_their_own_mark() {
        assert_eq!(code(r###"f(r#"a " // b"#); g"###), [r###"f(r#""); g"###]);
        assert_eq!(code(r#"f(br"\"); g"#), [r#"f(br""); g"#]);
        assert_eq!(code(r#"for("a\"b"); g"#), [r#"for(""); g"#]);
    }

    #[test]
    fn a_quote_as_a_character_does_not_begin_a_string() {
        assert_eq!(
            code(r#"x == '"' || y == '\'' || z == '\u{22}'; g"#),
            ["x == ' || y == ' || z == '; g"]
        );
    }

    #[test]
    fn a_lifetime_is_not_a_character() {
        assert_eq!(
            code("fn f<'a>(x: &'a str) {} // c"),
            ["fn f<'a>(x: &'a str) {} "]
        );
    }
}

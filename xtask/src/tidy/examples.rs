//! Each public function of the tokio face has an example, and each that is awaited says what is lost
//! when it is dropped.
//!
//! Public is what says `pub`: rustc's `unreachable_pub` sees to it that nobody else does.

use super::Finding;
use super::tree::{File, Tree};

/// Public functions whose documentation lacks a part.
pub(super) fn findings(tree: &Tree) -> Vec<Finding> {
    let files: Vec<&File> = tree
        .with_extension(&["rs"])
        .filter(|file| file.path.starts_with(FACE))
        .collect();
    let futures: Vec<&str> = files.iter().flat_map(|file| futures(&file.text)).collect();
    let mut findings = Vec::new();
    for file in files {
        for function in functions(&file.text) {
            let mut find = |message: &str| {
                let message = format!("`{}` {message}", function.name);
                findings.push(Finding::new(&file.path, function.line, message));
            };
            if !function.has(|line| line.starts_with("```")) {
                find("has no example");
            }
            if function.is_awaited(&futures) && !function.has(|line| line == "# Cancel safety") {
                find("is awaited, and has no section \"# Cancel safety\"");
            }
        }
    }
    findings
}

const FACE: &str = "crates/stook/src/";

/// A public function.
struct Function<'text> {
    name: &'text str,
    /// Of its head, counted from one.
    line: usize,
    /// Up to the brace or semicolon, in one line.
    head: String,
    documentation: Vec<&'text str>,
}

impl Function<'_> {
    fn has(&self, is_wanted: impl Fn(&str) -> bool) -> bool {
        self.documentation.iter().any(|line| is_wanted(line))
    }

    /// Whether what it returns is a future; `futures` are the types that are.
    fn is_awaited(&self, futures: &[&str]) -> bool {
        let returned = self
            .head
            .split_once("-> ")
            .map_or("", |(_, returned)| returned);
        let name = returned.split(|c: char| !c.is_alphanumeric()).next();
        self.head.contains("async fn ")
            || returned.starts_with("impl Future")
            || name.is_some_and(|name| futures.contains(&name))
    }
}

/// The types for which a file implements `Future`.
fn futures(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let (_, name) = line.split_once(" Future for ")?;
        name.split(|c: char| !c.is_alphanumeric()).next()
    })
}

/// The public functions of a file, and the functions of its public traits.
fn functions(text: &str) -> Vec<Function<'_>> {
    let lines: Vec<&str> = text.lines().collect();
    let mut functions = Vec::new();
    let mut documentation = Vec::new();
    let mut in_trait = false;
    for (index, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        if let Some(text) = code.strip_prefix("///") {
            documentation.push(text.trim());
            continue;
        }
        in_trait = line.starts_with("pub trait ") || (in_trait && !line.starts_with('}'));
        if let Some(name) = function_name(code, in_trait) {
            functions.push(Function {
                name,
                line: index + 1,
                head: head(&lines[index..]),
                documentation: std::mem::take(&mut documentation),
            });
        } else if ends_item(code) {
            documentation.clear();
        }
    }
    functions
}

fn function_name(code: &str, in_trait: bool) -> Option<&str> {
    let mut rest = match code.strip_prefix("pub ") {
        Some(rest) => rest,
        None if in_trait => code,
        None => return None,
    };
    for word in ["const ", "async "] {
        rest = rest.strip_prefix(word).unwrap_or(rest);
    }
    rest.strip_prefix("fn ")?.split(['(', '<']).next()
}

fn head(lines: &[&str]) -> String {
    let mut head = String::new();
    for line in lines {
        head.push_str(line.trim());
        head.push(' ');
        if line.ends_with(['{', ';', '}']) {
            break;
        }
    }
    head
}

/// What is documented has begun, and is no function; attributes may stand between.
fn ends_item(code: &str) -> bool {
    code.ends_with(['{', ';', '}'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let tree = Tree::of(&[("crates/stook/src/a.rs", text)]);
        let findings = findings(&tree);
        findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_function_without_an_example_is_found() {
        let text = "/// Says it.\n#[track_caller]\npub fn say(word: &str) {}\n";
        assert_eq!(
            found(text),
            ["crates/stook/src/a.rs:3: `say` has no example"]
        );
        let text = "/// Says it.\n/// ```\n/// say();\n/// ```\npub const fn say() {}\n";
        assert!(found(text).is_empty());
        assert!(found("pub(crate) fn say() {}\nfn quietly() {}\n").is_empty());
    }

    #[test]
    fn an_example_belongs_to_one_function() {
        let text = "/// ```\n/// ```\npub fn one() {}\npub fn other() {}\n";
        assert_eq!(found(text).len(), 1);
        let text = "/// ```\n/// ```\npub struct One {\n}\npub fn other() {}\n";
        assert_eq!(found(text).len(), 1);
    }

    #[test]
    fn functions_of_public_traits_are_public() {
        let text = "pub trait Say {\n    fn say(&self);\n}\nfn other() {}\n";
        assert_eq!(found(text).len(), 1);
    }

    #[test]
    fn what_is_awaited_says_what_is_lost_when_it_is_dropped() {
        let example = "/// ```\n/// ```\n";
        for head in [
            "pub async fn wait() {}",
            "pub fn wait(\n    one: u8,\n) -> impl Future<Output = ()> {}",
            "impl<T> Future for Waiting<T> {\n}\npub fn wait() -> Waiting<()> {}",
        ] {
            let (before, last) = head.rsplit_once("pub ").unwrap();
            let text = format!("{before}{example}pub {last}\n");
            assert_eq!(found(&text).len(), 1, "{text}");
            let text = format!("{before}{example}/// # Cancel safety\npub {last}\n");
            assert!(found(&text).is_empty(), "{text}");
        }
    }
}

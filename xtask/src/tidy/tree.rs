//! The text files of the checkout.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// Text files by their paths, in order.
#[derive(Debug)]
pub(super) struct Tree {
    files: Vec<File>,
}

/// One text file.
#[derive(Debug)]
pub(super) struct File {
    /// Relative to the root, with slashes.
    pub(super) path: String,
    /// Its content.
    pub(super) text: String,
}

impl Tree {
    /// Reads the files below `root`, less what is built, hidden or not text.
    ///
    /// Git is not asked: a checkout may come as an archive, to a machine without git.
    ///
    /// # Errors
    /// A directory or a file cannot be read.
    pub(super) fn read(root: &Path) -> Result<Self> {
        let mut files = Vec::new();
        read_directory(root, "", &mut files)
            .with_context(|| format!("cannot read {}", root.display()))?;
        files.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(Self { files })
    }

    /// All files.
    pub(super) fn files(&self) -> &[File] {
        &self.files
    }

    /// The files whose names end in one of these.
    pub(super) fn with_extension(&self, extensions: &[&str]) -> impl Iterator<Item = &File> {
        self.files.iter().filter(move |file| {
            let extension = Path::new(&file.path).extension();
            extension.is_some_and(|extension| extensions.iter().any(|wanted| extension == *wanted))
        })
    }

    /// The text of one file.
    pub(super) fn get(&self, path: &str) -> Option<&str> {
        self.files
            .iter()
            .find(|file| file.path == path)
            .map(|file| file.text.as_str())
    }

    /// A tree made of samples.
    #[cfg(test)]
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        let files = files
            .iter()
            .map(|(path, text)| File {
                path: (*path).to_owned(),
                text: (*text).to_owned(),
            })
            .collect();
        Self { files }
    }
}

fn read_directory(directory: &Path, prefix: &str, files: &mut Vec<File>) -> std::io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        let kind = entry.file_type()?;
        if kind.is_dir() && !is_left_out(&name) {
            read_directory(&entry.path(), &format!("{path}/"), files)?;
        } else if kind.is_file() && name != ".git" {
            // `.git` is a file in a second work tree. What is not UTF-8 is a built thing or a
            // sample, not a source.
            if let Ok(text) = String::from_utf8(fs::read(entry.path())?) {
                files.push(File { path, text });
            }
        }
    }
    Ok(())
}

fn is_left_out(directory: &str) -> bool {
    let hidden = directory.starts_with('.') && !KEPT.contains(&directory);
    hidden || BUILT.contains(&directory)
}

const KEPT: [&str; 3] = [".cargo", ".ci", ".github"];
const BUILT: [&str; 2] = ["target", "__pycache__"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checkout_is_read_without_what_is_built() {
        let tree = Tree::read(&crate::project::root()).unwrap();
        let paths: Vec<_> = tree.files().iter().map(|file| file.path.as_str()).collect();
        assert!(paths.contains(&".cargo/config.toml"));
        assert!(paths.contains(&"xtask/src/tidy/tree.rs"));
        let built = |path: &&str| path.starts_with("target/") || path.starts_with(".git/");
        assert_eq!(paths.into_iter().find(built), None);
    }

    #[test]
    fn files_are_found_by_extension_and_by_path() {
        let tree = Tree::of(&[("a.rs", "1"), ("b.py", "2"), ("c.pyi", "3"), ("rs", "4")]);
        let found: Vec<_> = tree
            .with_extension(&["rs", "pyi"])
            .map(|file| file.path.as_str())
            .collect();
        assert_eq!(found, ["a.rs", "c.pyi"]);
        assert_eq!(tree.get("b.py"), Some("2"));
        assert_eq!(tree.get("missing"), None);
    }
}

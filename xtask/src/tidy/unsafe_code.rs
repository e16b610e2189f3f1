//! The one unsafe layer: `unsafe` and CPython's C interface appear in `stook-py`'s `ffi` only.

use super::Finding;
use super::rust_paths::paths;
use super::rust_text::RustText;
use super::tree::Tree;

/// Unsafe code and C calls elsewhere.
pub(super) fn findings(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree
        .with_extension(&["rs"])
        .filter(|file| !is_ffi(&file.path))
    {
        for path in paths(&RustText::new(&file.text)) {
            for (names, what) in FORBIDDEN {
                if path.starts_with(names) {
                    let message = format!("{what} belongs in crates/stook-py/src/ffi");
                    findings.push(Finding::new(&file.path, path.line, message));
                }
            }
        }
    }
    findings
}

fn is_ffi(path: &str) -> bool {
    path.starts_with("crates/stook-py/src/ffi/") || path == "crates/stook-py/src/ffi.rs"
}

const FORBIDDEN: [(&[&str], &str); 3] = [
    (&["unsafe"], "`unsafe`"),
    (&["pyo3_ffi"], "`pyo3_ffi`"),
    (&["pyo3", "ffi"], "`pyo3::ffi`"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        findings(&Tree::of(&[(path, text)]))
            .into_iter()
            .map(|finding| finding.line)
            .collect()
    }

    const TASK: &str = "crates/stook-py/src/task.rs";

    #[test]
    fn unsafe_blocks_functions_and_impls_are_found() {
        assert_eq!(lines(TASK, "fn f() {\n    unsafe { g() }\n}"), [2]);
        assert_eq!(
            lines(TASK, "unsafe impl Send for X {}\nunsafe fn f() {}"),
            [1, 2]
        );
    }

    #[test]
    fn the_c_interface_is_found_under_each_name() {
        assert_eq!(lines(TASK, "use pyo3_ffi::PyObject;"), [1]);
        assert_eq!(lines(TASK, "use pyo3::{ffi, Python};"), [1]);
        assert_eq!(lines(TASK, "fn f(x: *mut pyo3::ffi::PyObject) {}"), [1]);
    }

    #[test]
    fn the_kernel_and_the_tokio_face_are_watched_too() {
        assert_eq!(
            lines("crates/stook-kernel/src/wait.rs", "unsafe fn f() {}"),
            [1]
        );
        assert_eq!(lines("crates/stook/src/spawn.rs", "unsafe fn f() {}"), [1]);
    }

    #[test]
    fn the_layer_itself_and_mere_words_are_fine() {
        assert!(lines("crates/stook-py/src/ffi/cell.rs", "unsafe fn f() {}").is_empty());
        assert!(lines(TASK, "#![deny(unsafe_code)]\n// unsafe pyo3::ffi\n").is_empty());
        assert!(lines(TASK, "use pyo3::Python; use crate::ffi::Cell;").is_empty());
    }
}

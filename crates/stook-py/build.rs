//! Tells the crate which CPython it is built for (`cfg(Py_3_12)`, …), and the linker which calls go
//! through the wrappers of `ffi::hang`.

use std::fs;

const WRAPPERS: &str = "src/ffi/hang.rs";

fn main() {
    pyo3_build_config::use_pyo3_cfgs();
    println!("cargo::rerun-if-changed={WRAPPERS}");
    let source = fs::read_to_string(WRAPPERS).expect("the list of the wrappers can be read");
    for name in source
        .lines()
        .filter_map(wrapped)
        .chain(["PyVectorcall_Function"])
    {
        println!("cargo::rustc-cdylib-link-arg=-Wl,--wrap={name}");
    }
}

/// The function that the line lists, if it lists one.
fn wrapped(line: &str) -> Option<&str> {
    let (name, _) = line.strip_prefix("    fn ")?.split_once('(')?;
    name.trim_start_matches('_')
        .starts_with("Py")
        .then_some(name)
}

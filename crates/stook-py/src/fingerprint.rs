//! Fingerprints of Python code: equal for equal code, wherever it stands.
//!
//! Names, constants and instructions count; docstrings, comments, file names and line numbers do
//! not. The compiler of each minor version makes other instructions, so one text has a fingerprint
//! for each of them, and for each level of `python -O`.

use crate::ffi::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyCode, PyFrozenSet, PyString, PyTuple, PyType};

/// 64 bits, by the rule of Fowler, Noll and Vo (FNV-1a).
struct Digest(u64);

impl Digest {
    fn new() -> Self {
        Digest(0xcbf2_9ce4_8422_2325)
    }

    fn add(&mut self, bytes: &[u8]) {
        // The length first, so that two texts do not run into one another.
        for byte in (bytes.len() as u64).to_le_bytes().iter().chain(bytes) {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

/// `CO_OPTIMIZED`: set for the code of functions, and not for that of classes and modules.
const OPTIMIZED: u32 = 1;
/// The flags that say how the code is called; the others depend on the compiler, and that of
/// generator-based coroutines on a decorator.
const CALLING: u32 = 0x2ff;

/// The fingerprint of a function, of a class with all its functions, or of the code of either;
/// `None` for anything else.
///
/// # Errors
/// What looking at it raises.
pub(crate) fn fingerprint(object: &Bound<'_, PyAny>) -> PyResult<Option<u64>> {
    if object.is_instance_of::<PyCode>() {
        return of_code(object).map(Some);
    }
    if let Ok(class) = object.cast::<PyType>() {
        return of_class(class).map(Some);
    }
    match object.getattr_opt(intern!(object.py(), "__code__"))? {
        Some(code) if code.is_instance_of::<PyCode>() => of_code(&code).map(Some),
        _ => Ok(None),
    }
}

fn of_code(code: &Bound<'_, PyAny>) -> PyResult<u64> {
    let flags: u32 = code.getattr("co_flags")?.extract()?;
    if flags & OPTIMIZED == 0 {
        let functions = code
            .getattr("co_consts")?
            .try_iter()?
            .filter(|constant| {
                constant
                    .as_ref()
                    .is_ok_and(|constant| constant.is_instance_of::<PyCode>())
            })
            .map(|constant| of_code(&constant?))
            .collect::<PyResult<Vec<_>>>()?;
        return Ok(together(functions));
    }
    let mut digest = Digest::new();
    digest.add(&(flags & CALLING).to_le_bytes());
    for name in ["co_argcount", "co_posonlyargcount", "co_kwonlyargcount"] {
        digest.add(&code.getattr(name)?.extract::<u32>()?.to_le_bytes());
    }
    for name in ["co_names", "co_varnames", "co_freevars", "co_cellvars"] {
        digest.add(code.getattr(name)?.repr()?.to_cow()?.as_bytes());
    }
    for name in ["co_code", "co_exceptiontable"] {
        let bytes = code.getattr(name)?.cast_into::<PyBytes>()?;
        digest.add(bytes.as_bytes());
    }
    for (index, constant) in code.getattr("co_consts")?.try_iter()?.enumerate() {
        let constant = constant?;
        // That is where a docstring stands.
        if index > 0 || !constant.is_instance_of::<PyString>() {
            add_constant(&mut digest, &constant)?;
        }
    }
    Ok(digest.0)
}

fn add_constant(digest: &mut Digest, constant: &Bound<'_, PyAny>) -> PyResult<()> {
    digest.add(constant.get_type().name()?.to_cow()?.as_bytes());
    if constant.is_instance_of::<PyCode>() {
        digest.add(&of_code(constant)?.to_le_bytes());
    } else if let Ok(tuple) = constant.cast::<PyTuple>() {
        for item in tuple.iter() {
            add_constant(digest, &item)?;
        }
    } else if let Ok(set) = constant.cast::<PyFrozenSet>() {
        // Their order is not the same in every process.
        let mut items = set
            .iter()
            .map(|item| Ok(item.repr()?.to_string()))
            .collect::<PyResult<Vec<_>>>()?;
        items.sort();
        items.iter().for_each(|item| digest.add(item.as_bytes()));
    } else {
        digest.add(constant.repr()?.to_cow()?.as_bytes());
    }
    Ok(())
}

fn of_class(class: &Bound<'_, PyType>) -> PyResult<u64> {
    let mut functions = Vec::new();
    let values = class.getattr("__dict__")?.call_method0("values")?;
    for value in values.try_iter()? {
        let value = value?;
        for part in ["__code__", "__func__", "fget", "fset", "fdel"] {
            let part = match value.getattr_opt(part)? {
                Some(function) if part == "__code__" => Some(function),
                Some(function) => function.getattr_opt("__code__")?,
                None => None,
            };
            if let Some(code) = part.filter(|part| part.is_instance_of::<PyCode>()) {
                functions.push(of_code(&code)?);
            }
        }
    }
    Ok(together(functions))
}

/// One of many, whatever their order.
fn together(mut functions: Vec<u64>) -> u64 {
    functions.sort_unstable();
    let mut digest = Digest::new();
    functions
        .iter()
        .for_each(|function| digest.add(&function.to_le_bytes()));
    digest.0
}

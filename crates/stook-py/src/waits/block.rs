//! Which `async with` blocks a task is in: what ends one lies on the stack of its coroutine.

use crate::ffi::intern;
use pyo3::prelude::*;
use pyo3::types::{PyCFunction, PyFunction, PyList, PyString, PyType};

use super::given;
use super::stack::Links;
use crate::ffi::{Args, Fallible, Ref, Signature, instance, referents};
use crate::function::FunctionState;

/// `_codes(coroutine)`: the code of each coroutine that it awaits, and before them its own.
///
/// # Errors
/// What coroutines of other classes raise when they are asked.
pub(crate) fn codes<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    const SIGNATURE: Signature<1> = Signature::python("_codes", ["coroutine"], 1, 1);
    let [coroutine] = given(args, &SIGNATURE)?;
    let codes = PyList::empty(args.py());
    let mut links = Links::new(coroutine);
    while let Some((link, names)) = links.next()? {
        codes.append(link.getattr(names.code)?)?;
    }
    Ok(codes.into_any())
}

/// Whose `__aexit__` a bound method is; `None` of anything else.
pub(super) fn ended_by<'py>(method: &Bound<'py, PyAny>) -> Fallible<Option<Bound<'py, PyAny>>> {
    let py = method.py();
    let (receiver, function) = match instance::method_parts(method) {
        Some((receiver, function)) => (Some(receiver), function),
        None if method.is_exact_instance_of::<PyCFunction>() => (None, method.clone()),
        None => return Ok(None),
    };
    let is_function = function.is_exact_instance_of::<PyFunction>()
        || function.is_exact_instance_of::<PyCFunction>()
        || Ref::<FunctionState>::cast_exact(&function).is_some();
    if !is_function {
        return Ok(None);
    }
    let name = function.getattr(intern!(py, "__qualname__"))?;
    let name = name.cast::<PyString>().map_err(PyErr::from)?;
    if name.to_string_lossy().rsplit('.').next() != Some("__aexit__") {
        return Ok(None);
    }
    match receiver {
        Some(receiver) => Ok(Some(receiver)),
        None => Ok(Some(method.getattr(intern!(py, "__self__"))?)),
    }
}

/// `_referent(thing, kinds)`: the first object to which it refers that is truly of one of these classes.
///
/// # Errors
/// `TypeError`: these are no classes.
pub(crate) fn referent<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    const SIGNATURE: Signature<2> = Signature::python("_referent", ["thing", "kinds"], 2, 2);
    let py = args.py();
    let [thing, kinds] = given(args, &SIGNATURE)?;
    let kinds: Vec<Bound<'py, PyType>> = kinds.extract()?;
    let found = referents::first(&thing, &kinds);
    Ok(found.unwrap_or_else(|| py.None().into_bound(py)))
}

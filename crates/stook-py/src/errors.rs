//! asyncio's own exceptions and helpers, imported and never redefined.

use crate::ffi::once::Once;
use pyo3::exceptions::{PyAttributeError, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::types::{PyCode, PyString, PyTuple};

use crate::ffi::{Fallible, Raised, call, compat, error};

/// Something of asyncio's, looked up once and kept as it was then.
pub(crate) struct Imported {
    module: &'static str,
    name: &'static str,
    object: Once<Py<PyAny>>,
}

impl Imported {
    /// `module.name`, not looked up yet. The name is a qualified one: it may have dots, and
    /// `function.<locals>.inner` stands for a function like the one that `function` makes inside
    /// itself, with nothing in its closure.
    pub(crate) const fn new(module: &'static str, name: &'static str) -> Self {
        Imported {
            module,
            name,
            object: Once::new(),
        }
    }

    /// The module and the name in it.
    pub(crate) const fn place(&self) -> (&'static str, &'static str) {
        (self.module, self.name)
    }

    /// The object.
    ///
    /// # Errors
    /// What importing raises.
    #[inline]
    pub(crate) fn get<'a, 'py>(&'a self, py: Python<'py>) -> PyResult<&'a Bound<'py, PyAny>> {
        match self.object.get(py) {
            Some(object) => Ok(object.bind(py)),
            None => self.look_up(py),
        }
    }

    /// Importing may run any code, which may ask for the same or fork: nothing is filled meanwhile.
    #[cold]
    fn look_up<'a, 'py>(&'a self, py: Python<'py>) -> PyResult<&'a Bound<'py, PyAny>> {
        let module = match LOAD.object.get(py) {
            Some(load) => load.bind(py).call1((self.module,))?,
            // The compiled part itself is being imported.
            None => py.import(self.module)?.into_any(),
        };
        let mut inside = false;
        let object = self.name.split('.').try_fold(module, |owner, name| {
            if name == LOCALS {
                inside = true;
                return Ok(owner);
            }
            match std::mem::take(&mut inside) {
                true => inner_function(&owner, name),
                false => owner.getattr(name),
            }
        })?;
        let kept = self.object.get_or_init(py, || object.unbind());
        Ok(kept.bind(py))
    }
}

/// What stands in a qualified name between a function and one inside it.
const LOCALS: &str = "<locals>";

/// A function of the code that `function` has for `name` inside itself.
fn inner_function<'py>(function: &Bound<'py, PyAny>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    let py = function.py();
    let code = function.getattr("__code__")?;
    for constant in code.getattr("co_consts")?.try_iter()? {
        let constant = constant?;
        if !constant.is_instance_of::<PyCode>() || !constant.getattr("co_name")?.eq(name)? {
            continue;
        }
        let types = py.import("types")?;
        let cells = (0..constant.getattr("co_freevars")?.len()?)
            .map(|_| types.call_method0("CellType"))
            .collect::<PyResult<Vec<_>>>()?;
        let closure = (!cells.is_empty())
            .then(|| PyTuple::new(py, cells))
            .transpose()?;
        let globals = function.getattr("__globals__")?;
        let nothing = py.None();
        return types.call_method1(
            "FunctionType",
            (constant, globals, &nothing, &nothing, closure),
        );
    }
    Err(PyAttributeError::new_err(format!(
        "no function {name} inside {function}"
    )))
}

/// `asyncio.CancelledError`
pub(crate) static CANCELLED_ERROR: Imported = Imported::new("asyncio.exceptions", "CancelledError");
/// `asyncio.InvalidStateError`
pub(crate) static INVALID_STATE_ERROR: Imported =
    Imported::new("asyncio.exceptions", "InvalidStateError");
static EXTRACT_STACK: Imported = Imported::new("asyncio.format_helpers", "extract_stack");
static EXTRACT_WHOLE_STACK: Imported = Imported::new("traceback", "extract_stack");
/// `sys._getframe`
pub(crate) static GET_FRAME: Imported = Imported::new("sys", "_getframe");
static ISCOROUTINE: Imported = Imported::new("asyncio.coroutines", "iscoroutine");

/// Imports a module while no other thread forks.
static LOAD: Imported = Imported::new("stook._late", "load");

/// What this file looks up when the module is made.
pub(crate) const IMPORTS: &[&Imported] = &[
    &LOAD,
    &CANCELLED_ERROR,
    &INVALID_STATE_ERROR,
    &EXTRACT_STACK,
    &EXTRACT_WHOLE_STACK,
    &GET_FRAME,
    &ISCOROUTINE,
];

/// Raises `InvalidStateError`.
pub(crate) fn invalid_state(py: Python<'_>, message: &str) -> Raised {
    match INVALID_STATE_ERROR
        .get(py)
        .and_then(|class| class.call1((message,)))
    {
        Ok(exception) => error::raise(&exception),
        Err(error) => error.into(),
    }
}

/// Raises `RuntimeError`.
pub(crate) fn runtime_error(message: impl Into<String>) -> Raised {
    PyRuntimeError::new_err(message.into()).into()
}

/// A new `CancelledError`, with `message` as its argument unless that is missing or `None`.
pub(crate) fn new_cancelled_error<'py>(
    py: Python<'py>,
    message: Option<&Bound<'py, PyAny>>,
) -> Fallible<Bound<'py, PyAny>> {
    let class = CANCELLED_ERROR.get(py)?;
    match message.filter(|message| !message.is_none()) {
        Some(message) => call::call1(class, message),
        None => call::call_tuple(class, PyTuple::empty(py).as_any()),
    }
}

/// `CancelledError("")`; the arguments, which nobody can change, are the same for all.
pub(crate) fn new_cancelled_error_without_words(py: Python<'_>) -> Fallible<Bound<'_, PyAny>> {
    static ARGUMENTS: Once<Py<PyTuple>> = Once::new();
    let arguments = ARGUMENTS.get_or_try_init(py, || {
        PyTuple::new(py, [PyString::intern(py, "")]).map(Bound::unbind)
    })?;
    call::call_tuple(CANCELLED_ERROR.get(py)?, arguments.bind(py).as_any())
}

/// The stack at this point, for "created at"; `None` while the interpreter shuts down.
pub(crate) fn extract_stack(py: Python<'_>) -> Fallible<Option<Bound<'_, PyAny>>> {
    if compat::is_finalizing() {
        return Ok(None);
    }
    let frame = GET_FRAME.get(py)?.call1((0,))?;
    Ok(Some(EXTRACT_STACK.get(py)?.call1((frame,))?))
}

/// The same for futures and tasks, with the lines of the sources as the accelerator has them.
pub(crate) fn extract_whole_stack(py: Python<'_>) -> Fallible<Option<Bound<'_, PyAny>>> {
    if compat::is_finalizing() {
        return Ok(None);
    }
    Ok(Some(EXTRACT_WHOLE_STACK.get(py)?.call0()?))
}

/// `asyncio.iscoroutine(object)`, which also takes coroutine-like objects.
pub(crate) fn is_coroutine(object: &Bound<'_, PyAny>) -> Fallible<bool> {
    Ok(ISCOROUTINE
        .get(object.py())?
        .call1((object,))?
        .is_truthy()?)
}

/// The name of the type of `object`, without its module.
pub(crate) fn type_name<'py>(object: &Bound<'py, PyAny>) -> Fallible<Bound<'py, PyString>> {
    Ok(object.get_type().name()?)
}

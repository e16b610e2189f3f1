//! Native functions that pass for the standard library's: `sleep`, `wait`, `gather`, ….
//!
//! To `inspect` such a function shows the code, defaults and annotations of the function in
//! whose place it stands, so its signature, its docstring and whether it is a coroutine function
//! are answered as before.

use std::cell::Cell;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::ffi::class::Callable;
use crate::ffi::gc::traverse;
use crate::ffi::{Args, Builder, Class, Fallible, GetSet, HeldCell, Ref, TypeSlot};

/// What the function does.
///
/// DIFFERENCE: the name, documentation and defaults of a native function cannot be assigned, nor the
/// name of a native coroutine.
///
/// DIFFERENCE: a native function has no frame. Tracebacks and stacks do not show asyncio's `sleep`,
/// `wait`, `gather`, `Handle._run` and loop, only the program's own lines.
pub(crate) type Body = for<'a, 'py> fn(&Args<'a, 'py>) -> Fallible<Bound<'py, PyAny>>;

/// What a function does that another one would have made inside itself; the object is what it
/// would have found in its enclosing scope.
pub(crate) type InnerBody =
    for<'a, 'py> fn(&Bound<'py, PyAny>, &Args<'a, 'py>) -> Fallible<Bound<'py, PyAny>>;

#[derive(Clone, Copy, Debug)]
enum Work {
    Function(Body),
    Inner(InnerBody),
}

/// The state of a native function.
#[derive(Debug, Default)]
pub(crate) struct FunctionState {
    work: Cell<Option<Work>>,
    /// What an inner function is about.
    subject: HeldCell,
    original: HeldCell,
}

traverse!(FunctionState: subject, original);

impl Class for FunctionState {
    type Extras = Callable;

    fn slot() -> &'static TypeSlot {
        static SLOT: TypeSlot = TypeSlot::new();
        &SLOT
    }
}

/// A function that does `body` and shows itself as `original`.
pub(crate) fn new<'py>(original: &Bound<'py, PyAny>, body: Body) -> Fallible<Bound<'py, PyAny>> {
    let state = FunctionState::default();
    state.work.set(Some(Work::Function(body)));
    state.original.set(original.clone());
    Ok(Ref::allocate(original.py(), state)?.into_any())
}

/// A function that does `body` for `subject` and shows itself as `original`, a function inside
/// another.
pub(crate) fn inner<'py>(
    original: &Bound<'py, PyAny>,
    body: InnerBody,
    subject: &Bound<'py, PyAny>,
) -> Fallible<Bound<'py, PyAny>> {
    let state = FunctionState::default();
    state.work.set(Some(Work::Inner(body)));
    state.subject.set(subject.clone());
    state.original.set(original.clone());
    Ok(Ref::allocate(original.py(), state)?.into_any())
}

/// `_original(function)`: what a native function stands for.
///
/// # Errors
/// None.
pub(crate) fn original_of<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    let py = args.py();
    let original = args.exactly::<1>().and_then(|[object]| {
        Ref::<FunctionState>::cast(&object).and_then(|function| function.original.get(py))
    });
    Ok(original.unwrap_or_else(|| py.None().into_bound(py)))
}

/// `function` as a method of `receiver`.
pub(crate) fn bound_method<'py>(
    function: &Bound<'py, PyAny>,
    receiver: &Bound<'py, PyAny>,
) -> Fallible<Bound<'py, PyAny>> {
    let types = function.py().import("types")?;
    Ok(types.call_method1(intern!(function.py(), "MethodType"), (function, receiver))?)
}

/// Whether `object` is `original`, or a function of ours in its place.
pub(crate) fn stands_for(object: &Bound<'_, PyAny>, original: &Bound<'_, PyAny>) -> bool {
    object.is(original)
        || Ref::<FunctionState>::cast_exact(object)
            .is_some_and(|function| function.original.holds(original))
}

#[inline]
fn call<'py>(this: &Ref<'py, FunctionState>, args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    match this.work.get() {
        Some(Work::Function(body)) => body(args),
        Some(Work::Inner(body)) => body(&this.subject.get_or_none(args.py()), args),
        None => Err(crate::errors::runtime_error("a function without a body")),
    }
}

fn original<'py>(this: &Ref<'py, FunctionState>, name: &str) -> Fallible<Bound<'py, PyAny>> {
    Ok(this.original.get_or_none(this.py()).getattr(name)?)
}

fn repr<'py>(this: &Ref<'py, FunctionState>) -> Fallible<Bound<'py, PyAny>> {
    let name = original(this, "__qualname__")?;
    let text = format!("<function {name} at {:p}>", this.as_any().as_ptr());
    Ok(PyString::new(this.py(), &text).into_any())
}

/// `inspect.isfunction` asks for the class.
fn class_of<'py>(this: &Ref<'py, FunctionState>) -> Fallible<Bound<'py, PyAny>> {
    let types = this.py().import("types")?;
    Ok(types.getattr(intern!(this.py(), "FunctionType"))?)
}

/// A function is pickled by its name; the name is found in asyncio.
fn reduce<'py>(
    this: &Ref<'py, FunctionState>,
    _args: &Args<'_, 'py>,
) -> Fallible<Bound<'py, PyAny>> {
    original(this, "__qualname__")
}

/// Makes the class.
///
/// # Errors
/// What making a class raises.
pub(crate) fn build(py: Python<'_>) -> Fallible<()> {
    Builder::<FunctionState>::new(c"stook.function")
        .vectorcall(call)
        .binding()
        .repr(repr)
        .methods([crate::ffi::Method::any(
            c"__reduce__",
            c"Pickled by name.",
            reduce,
        )])
        .attributes([
            GetSet::read(c"__class__", class_of),
            GetSet::read(c"__name__", |this: &Ref<'_, FunctionState>| {
                original(this, "__name__")
            }),
            GetSet::read(c"__qualname__", |this: &Ref<'_, FunctionState>| {
                original(this, "__qualname__")
            }),
            GetSet::read(c"__module__", |this: &Ref<'_, FunctionState>| {
                original(this, "__module__")
            }),
            GetSet::read(c"__doc__", |this: &Ref<'_, FunctionState>| {
                original(this, "__doc__")
            }),
            GetSet::read(c"__code__", |this: &Ref<'_, FunctionState>| {
                original(this, "__code__")
            }),
            GetSet::read(c"__defaults__", |this: &Ref<'_, FunctionState>| {
                original(this, "__defaults__")
            }),
            GetSet::read(c"__kwdefaults__", |this: &Ref<'_, FunctionState>| {
                original(this, "__kwdefaults__")
            }),
            GetSet::read(c"__annotations__", |this: &Ref<'_, FunctionState>| {
                original(this, "__annotations__")
            }),
            GetSet::read(c"__globals__", |this: &Ref<'_, FunctionState>| {
                original(this, "__globals__")
            }),
            GetSet::read(c"__closure__", |this: &Ref<'_, FunctionState>| {
                original(this, "__closure__")
            }),
        ])
        .build(py)?;
    Ok(())
}

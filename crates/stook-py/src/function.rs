//! Native functions that pass for the standard library's: `sleep`, `wait`, `gather`, ….
//!
//! To `inspect` such a function shows the code, defaults and annotations of the function in
//! whose place it stands, so its signature, its docstring and whether it is a coroutine function
//! are answered as before. What a program assigns to these goes to that function too; once its code
//! or its defaults are others, that function runs.

use std::cell::Cell;

use crate::ffi::intern;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::ffi::class::Callable;
use crate::ffi::gc::traverse;
use crate::ffi::{Args, Builder, Class, Fallible, GetSet, HeldCell, Ref, TypeSlot, compat};

/// What the function does.
///
/// DIFFERENCE: where a program assigns the code or the defaults of one of asyncio's functions, that
/// function does as it is told, but other native functions do not call it in what they do.
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
    /// What the function does in whose place it stands, which a program has changed.
    Original,
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
        Some(Work::Original) => args.forward(&this.original.get_or_none(args.py())),
        None => Err(crate::errors::runtime_error("a function without a body")),
    }
}

fn original<'py>(this: &Ref<'py, FunctionState>, name: &str) -> Fallible<Bound<'py, PyAny>> {
    Ok(this.original.get_or_none(this.py()).getattr(name)?)
}

/// An attribute that can be assigned as that of a function can, in the same words.
///
/// An inner function shares with its like the one that it shows itself as, so it changes a copy, and
/// does what it did.
fn assign<'py>(
    this: &Ref<'py, FunctionState>,
    name: &str,
    value: Option<&Bound<'py, PyAny>>,
) -> Fallible<()> {
    let is_inner = matches!(this.work.get(), Some(Work::Inner(_)));
    let mut original = this.original.get_or_none(this.py());
    if is_inner {
        original = copy_of(&original)?;
    }
    match value {
        Some(value) => original.setattr(name, value)?,
        None => original.delattr(name)?,
    }
    if is_inner {
        this.original.set(original);
    } else if matches!(name, "__code__" | "__defaults__" | "__kwdefaults__") {
        this.work.set(Some(Work::Original));
    }
    Ok(())
}

fn copy_of<'py>(function: &Bound<'py, PyAny>) -> Fallible<Bound<'py, PyAny>> {
    let part = |name: &str| function.getattr(name);
    let types = function.py().import("types")?;
    let copy = types.getattr("FunctionType")?.call1((
        part("__code__")?,
        part("__globals__")?,
        part("__name__")?,
        part("__defaults__")?,
        part("__closure__")?,
    ))?;
    for name in ["__kwdefaults__", "__qualname__", "__module__", "__doc__"] {
        copy.setattr(name, part(name)?)?;
    }
    copy.setattr(
        "__annotations__",
        part("__annotations__")?.call_method0("copy")?,
    )?;
    Ok(copy)
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

/// An attribute of the function in whose place it stands, to be read and assigned.
macro_rules! attribute {
    ($name:literal) => {
        GetSet::whole(
            // The name as C has it.
            const {
                match std::ffi::CStr::from_bytes_with_nul(concat!($name, "\0").as_bytes()) {
                    Ok(name) => name,
                    Err(_) => panic!("a name with a null in it"),
                }
            },
            |this: &Ref<'_, FunctionState>| original(this, $name),
            |this: &Ref<'_, FunctionState>, value| assign(this, $name, value),
        )
    };
}

/// Makes the class. Its name is the one that errors have for a function.
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
            GetSet::dict(),
            attribute!("__name__"),
            attribute!("__qualname__"),
            attribute!("__module__"),
            attribute!("__doc__"),
            attribute!("__code__"),
            attribute!("__defaults__"),
            attribute!("__kwdefaults__"),
            attribute!("__annotations__"),
            attribute!("__globals__"),
            attribute!("__closure__"),
            attribute!("__builtins__"),
        ])
        .attributes(compat::SINCE_3_12.then(|| attribute!("__type_params__")))
        .called("function")
        .build(py)?;
    Ok(())
}

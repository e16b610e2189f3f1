//! Native coroutines: awaitables that behave as the coroutines of `async def` do, without a
//! Python frame.
//!
//! What one does is its own (`sleep.rs`, `wait.rs`); what all have in common is here: they can be
//! sent to once, thrown into and closed, are reported when they were never awaited, and show
//! themselves to `inspect` as the standard library's coroutine of the same name.
//!
//! DIFFERENCE: `iter()` takes a native coroutine, because what its `__await__` returns is itself; of
//! asyncio's it raises `TypeError`.

use std::cell::Cell;

use crate::ffi::intern;
use pyo3::exceptions::{
    PyAttributeError, PyGeneratorExit, PyRuntimeError, PyStopIteration, PyTypeError, PyValueError,
};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use crate::errors::Imported;
use crate::ffi::class::WeakReferences;
use crate::ffi::coro::{self, Resumed};
use crate::ffi::gc::{Traverse, traverse};
use crate::ffi::{
    Args, Builder, Class, Fallible, GetSet, HeldCell, Method, Raised, Ref, compat, error,
};
use crate::future_class::python_bool;
use crate::future_iter;
use crate::loop_core::{self, Marks};
use crate::thrown::{self, Given, Words};
use crate::wrapper;

static COROUTINE_TYPE: Imported = Imported::new("types", "CoroutineType");
static GENERATOR_TYPE: Imported = Imported::new("types", "GeneratorType");
static WARN_UNAWAITED: Imported = Imported::new("warnings", "_warn_unawaited_coroutine");
static ORIGIN_DEPTH: Imported = Imported::new("sys", "get_coroutine_origin_tracking_depth");
static GET_FRAME: Imported = Imported::new("sys", "_getframe");

/// What this file looks up when the module is made.
pub(crate) const IMPORTS: &[&Imported] = &[
    &COROUTINE_TYPE,
    &GENERATOR_TYPE,
    &WARN_UNAWAITED,
    &ORIGIN_DEPTH,
    &GET_FRAME,
];

/// How far a coroutine has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Not begun.
    #[default]
    Created,
    /// In the middle of a step.
    Running,
    /// Waiting.
    Suspended,
    /// Ended, or never to begin.
    Closed,
}

/// The places of what is seldom remembered.
const ORIGIN: usize = 0;
const NAME: usize = 1;
const QUALNAME: usize = 2;

/// What every native coroutine has.
#[derive(Debug, Default)]
pub(crate) struct Common {
    pub(crate) progress: Cell<Progress>,
    /// Where it was made, its name and its qualified name, each or `None`, when there is anything
    /// to remember of these.
    seldom: HeldCell,
}

traverse!(Common: seldom);

impl Common {
    /// Whether it has ended, or was closed.
    pub(crate) fn is_closed(&self) -> bool {
        self.progress.get() == Progress::Closed
    }

    /// Whether it refers to nothing that the coroutine itself does not know of.
    pub(crate) fn remembers_nothing(&self) -> bool {
        !self.seldom.is_some()
    }

    fn remember_origin(&self, py: Python<'_>) -> Fallible<()> {
        let depth: usize = ORIGIN_DEPTH.get(py)?.call0()?.extract()?;
        if depth == 0 {
            return Ok(());
        }
        let mut frames = Vec::new();
        let mut frame = GET_FRAME.get(py)?.call1((0,))?;
        while !frame.is_none() && frames.len() < depth {
            let code = frame.getattr(intern!(py, "f_code"))?;
            frames.push(PyTuple::new(
                py,
                [
                    code.getattr(intern!(py, "co_filename"))?,
                    frame.getattr(intern!(py, "f_lineno"))?,
                    code.getattr(intern!(py, "co_name"))?,
                ],
            )?);
            frame = frame.getattr(intern!(py, "f_back"))?;
        }
        let origin = PyTuple::new(py, frames)?.into_any();
        self.remember(py, ORIGIN, &origin)
    }

    /// What is remembered in this place.
    fn remembered<'py>(&self, py: Python<'py>, place: usize) -> Option<Bound<'py, PyAny>> {
        let all = self.seldom.get(py)?;
        let object = all.cast::<PyTuple>().ok()?.get_item(place).ok()?;
        (!object.is_none()).then_some(object)
    }

    fn remember<'py>(
        &self,
        py: Python<'py>,
        place: usize,
        object: &Bound<'py, PyAny>,
    ) -> Fallible<()> {
        let all = [ORIGIN, NAME, QUALNAME].map(|each| match each == place {
            true => Some(object.clone()),
            false => self.remembered(py, each),
        });
        self.seldom.set(PyTuple::new(py, all)?);
        Ok(())
    }
}

/// Which function of the standard library's a native coroutine stands for.
pub(crate) struct Identity {
    /// Its `__name__`.
    pub(crate) name: &'static str,
    /// Its `__qualname__`.
    pub(crate) qualname: &'static str,
    /// The function.
    pub(crate) original: &'static Imported,
}

/// What a native coroutine does.
pub(crate) trait Coroutine: Class {
    /// What it has in common with the others.
    fn common(&self) -> &Common;

    /// What it stands for.
    fn identity(&self) -> &Identity;

    /// Begins, or goes on after a suspension; `thrown` is raised where it waits.
    ///
    /// # Errors
    /// What ends the coroutine.
    fn advance<'py>(
        this: &Ref<'py, Self>,
        thrown: Option<Bound<'py, PyAny>>,
        begins: bool,
    ) -> Fallible<Resumed<'py>>;

    /// What it awaits, to be shown.
    fn awaited<'py>(this: &Ref<'py, Self>) -> Option<Bound<'py, PyAny>>;

    /// Lets go of what it waits for: it is going, in the middle. It is told to end, where it has
    /// nothing shorter.
    ///
    /// # Errors
    /// What letting go raises; `RuntimeError` where it does not end.
    fn abandon(this: &Ref<'_, Self>) -> Fallible<()> {
        let exit = this.py().get_type::<PyGeneratorExit>().call0()?;
        ended(Self::advance(this, Some(exit), false), this.py())
    }
}

/// A coroutine that has just been made, with what `fill` puts into its state; it remembers where when
/// asked to.
///
/// # Errors
/// `MemoryError`, and what looking at the stack raises.
#[inline]
pub(crate) fn make<'py, T: Coroutine + Default>(
    py: Python<'py>,
    fill: impl FnOnce(&T),
) -> Fallible<Bound<'py, PyAny>> {
    let is_debugging = loop_core::running_native(py, |running| running.has(Marks::DEBUG));
    let this = Ref::<T>::allocate_filled(py, fill)?;
    // Only debug mode tracks origins, or a program that asks for it before a loop runs.
    if is_debugging != Some(false)
        && let Err(raised) = this.common().remember_origin(py)
    {
        // Nobody gets it, so nobody could have awaited it.
        this.common().progress.set(Progress::Closed);
        return Err(raised);
    }
    Ok(this.into_any())
}

/// The same while a loop of ours runs that is not in debug mode.
///
/// # Errors
/// `MemoryError`.
#[inline]
pub(crate) fn make_undebugged<'py, T: Coroutine + Default>(
    py: Python<'py>,
    fill: impl FnOnce(&T),
) -> Fallible<Bound<'py, PyAny>> {
    Ok(Ref::<T>::allocate_filled(py, fill)?.into_any())
}

/// What became of telling a coroutine to end.
fn ended<'py>(resumed: Fallible<Resumed<'py>>, py: Python<'py>) -> Fallible<()> {
    match resumed {
        Ok(Resumed::Returned(_)) => Ok(()),
        Ok(Resumed::Yielded(_)) => {
            let message = "coroutine ignored GeneratorExit";
            Err(PyRuntimeError::new_err(message).into())
        }
        Err(raised) if raised.matches(py.get_type::<PyGeneratorExit>().as_any()) => {
            raised.clear(py);
            Ok(())
        }
        Err(raised) => Err(raised),
    }
}

/// Runs one step of `this`.
#[inline]
fn drive<'py, C: Coroutine>(
    this: &Ref<'py, C>,
    thrown: Option<Bound<'py, PyAny>>,
) -> Fallible<Resumed<'py>> {
    let common = this.common();
    let begins = match common.progress.get() {
        Progress::Created => true,
        Progress::Suspended => false,
        Progress::Running => {
            return Err(PyValueError::new_err("coroutine already executing").into());
        }
        Progress::Closed => {
            let message = "cannot reuse already awaited coroutine";
            return Err(PyRuntimeError::new_err(message).into());
        }
    };
    if begins && let Some(exception) = thrown {
        common.progress.set(Progress::Closed);
        let_go(this);
        let raised = error::raise(&exception);
        // From 3.12 on, the code of the coroutine itself does this, and has not begun.
        return Err(if compat::SINCE_3_12 {
            raised
        } else {
            not_stop_iteration(this.py(), raised, "coroutine")
        });
    }
    common.progress.set(Progress::Running);
    let resumed = C::advance(this, thrown, begins);
    common.progress.set(match &resumed {
        Ok(Resumed::Yielded(_)) => Progress::Suspended,
        _ => Progress::Closed,
    });
    match resumed {
        Err(raised) => Err(not_stop_iteration(this.py(), raised, "coroutine")),
        resumed => resumed,
    }
}

/// Lets go of the arguments of a coroutine that never begins, as its frame would have done. What is
/// remembered of it stays.
fn let_go<C: Coroutine>(this: &Ref<'_, C>) {
    let seldom = this.common().seldom.get(this.py());
    Traverse::clear(&**this);
    this.common().seldom.set_or_clear(seldom);
}

/// A `StopIteration` out of a coroutine, or a generator, becomes a `RuntimeError` (PEP 479).
pub(crate) fn not_stop_iteration(py: Python<'_>, raised: Raised, of: &str) -> Raised {
    if !raised.matches(py.get_type::<PyStopIteration>().as_any()) {
        return raised;
    }
    let stop = raised.take(py);
    let made = PyRuntimeError::new_err(format!("{of} raised StopIteration"));
    let made = made.into_value(py).into_bound(py).into_any();
    error::set_cause_and_context(&made, &stop);
    error::again(made)
}

#[inline]
fn resume<'py, C: Coroutine>(this: &Ref<'py, C>) -> Fallible<Resumed<'py>> {
    drive(this, None)
}

/// What a method answers for a step: the object yielded, or `StopIteration`.
fn as_method<'py>(resumed: Resumed<'py>) -> Fallible<Bound<'py, PyAny>> {
    match resumed {
        Resumed::Yielded(yielded) => Ok(yielded),
        Resumed::Returned(value) => Err(future_iter::raise_stop(value)),
    }
}

fn send<'py, C: Coroutine>(
    this: &Ref<'py, C>,
    value: &Bound<'py, PyAny>,
) -> Fallible<Bound<'py, PyAny>> {
    if this.common().progress.get() == Progress::Created && !value.is_none() {
        let message = "can't send non-None value to a just-started coroutine";
        return Err(PyTypeError::new_err(message).into());
    }
    as_method(drive(this, None)?)
}

fn throw<'py, C: Coroutine>(
    this: &Ref<'py, C>,
    args: &Args<'_, 'py>,
) -> Fallible<Bound<'py, PyAny>> {
    let given = thrown::given(args)?;
    let exception = match given.alone() {
        Some(exception) => exception,
        None => to_throw(this, &given)?,
    };
    as_method(drive(this, Some(exception))?)
}

/// The exception to throw. Where the coroutine waits for something, that is thrown into first: what
/// it refuses, the coroutine finds raised where it waits.
fn to_throw<'py, C: Coroutine>(
    this: &Ref<'py, C>,
    given: &Given<'py>,
) -> Fallible<Bound<'py, PyAny>> {
    let py = this.py();
    let is_suspended = this.common().progress.get() == Progress::Suspended;
    if !is_suspended || given.is_exit() {
        return given.exception(Words::Coroutine);
    }
    let mut awaited = awaited(this)?;
    // Coroutines and generators hand on what they are given, without a word.
    while awaited.is_instance(COROUTINE_TYPE.get(py)?)? {
        awaited = coro::awaited(&awaited, intern!(py, "cr_await"))?;
    }
    let exception = if awaited.is_none() || awaited.is_instance(GENERATOR_TYPE.get(py)?)? {
        given.exception(Words::Coroutine)
    } else {
        given
            .warn()
            .and_then(|()| given.exception(Words::FutureIterator))
    };
    Ok(exception.unwrap_or_else(|refused| refused.take(py)))
}

fn close<'py, C: Coroutine>(this: &Ref<'py, C>) -> Fallible<Bound<'py, PyAny>> {
    let py = this.py();
    let common = this.common();
    match common.progress.get() {
        Progress::Created => {
            common.progress.set(Progress::Closed);
            if !compat::SINCE_3_12 {
                let_go(this);
            }
        }
        Progress::Closed => {}
        Progress::Running => {
            return Err(PyValueError::new_err("coroutine already executing").into());
        }
        Progress::Suspended => {
            let exit = py.get_type::<PyGeneratorExit>().call0()?;
            ended(drive(this, Some(exit)), py)?;
        }
    }
    Ok(py.None().into_bound(py))
}

/// The finaliser: warns of a coroutine that was never awaited, closes one that was waiting.
fn finalize<C: Coroutine>(this: &Ref<'_, C>) {
    let common = this.common();
    match common.progress.replace(Progress::Closed) {
        Progress::Created => {
            let py = this.py();
            common.progress.set(Progress::Created);
            let warned = WARN_UNAWAITED
                .get(py)
                .and_then(|warn| warn.call1((this.as_any(),)));
            common.progress.set(Progress::Closed);
            if let Err(error) = warned {
                Raised::from(error).write_unraisable(this.as_any());
            }
        }
        Progress::Suspended => {
            if let Err(raised) = C::abandon(this) {
                raised.write_unraisable(this.as_any());
            }
        }
        Progress::Running | Progress::Closed => {}
    }
}

/// What `await` drives: the coroutine, which waits for one at a time.
fn to_be_awaited<'py, C: Coroutine>(this: &Ref<'py, C>) -> Fallible<Bound<'py, PyAny>> {
    if this.common().progress.get() == Progress::Suspended {
        let message = "coroutine is being awaited already";
        return Err(PyRuntimeError::new_err(message).into());
    }
    Ok(this.as_any().clone())
}

fn wrap<'py, C: Coroutine>(this: &Ref<'py, C>) -> Fallible<Bound<'py, PyAny>> {
    wrapper::new(this.as_any())
}

fn repr<'py, C: Coroutine>(this: &Ref<'py, C>) -> Fallible<Bound<'py, PyAny>> {
    let qualname = qualname(this)?;
    let text = format!(
        "<coroutine object {qualname} at {:p}>",
        this.as_any().as_ptr()
    );
    Ok(PyString::new(this.py(), &text).into_any())
}

fn name<'py, C: Coroutine>(this: &Ref<'py, C>) -> Fallible<Bound<'py, PyAny>> {
    let py = this.py();
    let given = this.common().remembered(py, NAME);
    Ok(given.unwrap_or_else(|| PyString::intern(py, this.identity().name).into_any()))
}

fn qualname<'py, C: Coroutine>(this: &Ref<'py, C>) -> Fallible<Bound<'py, PyAny>> {
    let py = this.py();
    let given = this.common().remembered(py, QUALNAME);
    Ok(given.unwrap_or_else(|| PyString::intern(py, this.identity().qualname).into_any()))
}

/// Gives `this` another name, of whichever kind.
fn rename<'py, C: Coroutine>(
    this: &Ref<'py, C>,
    place: usize,
    attribute: &str,
    name: Option<&Bound<'py, PyAny>>,
) -> Fallible<()> {
    match name.filter(|name| name.is_instance_of::<PyString>()) {
        Some(name) => {
            this.track();
            this.common().remember(this.py(), place, name)
        }
        None => {
            let message = format!("{attribute} must be set to a string object");
            Err(PyTypeError::new_err(message).into())
        }
    }
}

fn code<'py, C: Coroutine>(this: &Ref<'py, C>) -> Fallible<Bound<'py, PyAny>> {
    let original = this.identity().original.get(this.py())?;
    Ok(original.getattr(intern!(this.py(), "__code__"))?)
}

/// A frame that says which function this is.
///
/// DIFFERENCE: the frame of a native coroutine, `cr_frame`, holds no variables.
fn frame<'py, C: Coroutine>(this: &Ref<'py, C>) -> Fallible<Bound<'py, PyAny>> {
    let py = this.py();
    if this.common().progress.get() == Progress::Closed {
        return Ok(py.None().into_bound(py));
    }
    let original = this.identity().original.get(py)?;
    let globals = original.getattr(intern!(py, "__globals__"))?;
    let code = code(this)?;
    let free = intern!(py, "co_freevars");
    if code.getattr(free)?.is_truthy()? {
        // They are read from the function that a frame runs, and this one runs none.
        let options = PyDict::new(py);
        options.set_item(free, PyTuple::empty(py))?;
        let code = code.call_method("replace", (), Some(&options))?;
        return compat::new_frame(&code, &globals);
    }
    compat::new_frame(&code, &globals)
}

fn awaited<'py, C: Coroutine>(this: &Ref<'py, C>) -> Fallible<Bound<'py, PyAny>> {
    Ok(C::awaited(this).unwrap_or_else(|| this.py().None().into_bound(this.py())))
}

fn origin<'py, C: Coroutine>(this: &Ref<'py, C>) -> Fallible<Bound<'py, PyAny>> {
    let py = this.py();
    let origin = this.common().remembered(py, ORIGIN);
    Ok(origin.unwrap_or_else(|| py.None().into_bound(py)))
}

/// What assigning to a member says that can only be read.
fn read_only<C: Class>(_this: &Ref<'_, C>, _value: Option<&Bound<'_, PyAny>>) -> Fallible<()> {
    Err(PyAttributeError::new_err("readonly attribute").into())
}

fn class_of<'py, C: Coroutine>(this: &Ref<'py, C>) -> Fallible<Bound<'py, PyAny>> {
    Ok(COROUTINE_TYPE.get(this.py())?.clone())
}

/// Makes the class of a native coroutine.
///
/// # Errors
/// What making a class raises.
pub(crate) fn build<C: Coroutine<Extras = WeakReferences>>(
    py: Python<'_>,
    class: &'static std::ffi::CStr,
    own: impl IntoIterator<Item = Method<C>>,
) -> Fallible<()> {
    Builder::<C>::new(class)
        .coroutine(resume::<C>, to_be_awaited::<C>)
        .repr(repr::<C>)
        .finalizer(finalize::<C>)
        .methods([
            Method::one(c"send", c"Resume; the first value must be None.", send::<C>),
            Method::positional(c"throw", c"Raise where it waits.", throw::<C>),
            Method::none(c"close", c"Raise GeneratorExit where it waits.", close::<C>),
        ])
        .methods([
            Method::none(c"__await__", c"What `yield from` drives.", wrap::<C>).beside_slot(),
        ])
        .methods(own)
        .attributes([
            GetSet::read(c"__class__", class_of::<C>),
            GetSet::whole(c"__name__", name::<C>, |this: &Ref<'_, C>, name| {
                rename(this, NAME, "__name__", name)
            }),
            GetSet::whole(c"__qualname__", qualname::<C>, |this: &Ref<'_, C>, name| {
                rename(this, QUALNAME, "__qualname__", name)
            }),
            // Up to 3.11 it is a member of the object, and refuses in other words.
            if compat::SINCE_3_12 {
                GetSet::read(c"cr_code", code::<C>)
            } else {
                GetSet::whole(c"cr_code", code::<C>, read_only)
            },
            GetSet::read(c"cr_frame", frame::<C>),
            GetSet::read(c"cr_await", awaited::<C>),
            GetSet::whole(c"cr_origin", origin::<C>, read_only),
            GetSet::read(c"cr_running", |this: &Ref<'_, C>| {
                let running = this.common().progress.get() == Progress::Running;
                Ok(python_bool(this.py(), running))
            }),
            GetSet::read(c"cr_suspended", |this: &Ref<'_, C>| {
                let suspended = this.common().progress.get() == Progress::Suspended;
                Ok(python_bool(this.py(), suspended))
            }),
        ])
        .called("coroutine")
        .build(py)?;
    Ok(())
}

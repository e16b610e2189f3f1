//! `Handle` and `TimerHandle`: callbacks that can be taken back.
//!
//! # Source
//! `Handle`, `TimerHandle`, CPython 3.13 `asyncio/events.py`.
//!
//! DIFFERENCE: a native handle cannot be copied, its underscored attributes cannot be assigned, and
//! the class it is truly of, which `type()` shows, is not `asyncio.Handle`.

use std::cell::Cell;

use crate::ffi::intern;
use pyo3::basic::CompareOp;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString, PyTuple};

use crate::accelerator;
use crate::errors::{self, Imported};
use crate::ffi::class::WeakReferences;
use crate::ffi::gc::traverse;
use crate::ffi::origin::Origin;
use crate::ffi::{
    Builder, Class, Fallible, GetSet, HeldCell, Method, Raised, Ref, Rest, TypeSlot, Untracked,
    call, compat, context,
};
use crate::function;
use crate::loop_core::{self, LoopState, Marks};
use crate::own_context::OwnContext;
use crate::reference::reference;
use crate::set_at::SetAt;
use crate::timers::{Alarm, TimerKey};

static FORMAT_CALLBACK_SOURCE: Imported =
    Imported::new("asyncio.format_helpers", "_format_callback_source");

/// What this file looks up when the module is made.
pub(crate) const IMPORTS: &[&Imported] = &[&FORMAT_CALLBACK_SOURCE];

/// What [`HandleState::arguments`] holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Shape {
    /// The tuple of the arguments, or nothing where the handle has none any more.
    #[default]
    Tuple,
    /// The one argument.
    One,
    /// Nothing: there are no arguments.
    Nothing,
    /// The same; what is held is the place where a timeout was set, its code and how far it is.
    Place,
    /// The same; the callback is a method, made when somebody asks for it: what is held is its object,
    /// and in the callback's place is its function.
    Receiver,
}

/// The state of a `Handle`.
#[derive(Debug, Default)]
pub(crate) struct HandleState {
    callback: HeldCell,
    arguments: HeldCell,
    shape: Cell<Shape>,
    context: OwnContext,
    event_loop: HeldCell,
    source_traceback: HeldCell,
    /// How it looked when it was cancelled, in debug mode.
    text: HeldCell,
    cancelled: Cell<bool>,
    /// The context is no `contextvars.Context`.
    has_foreign_context: Cell<bool>,
    /// It is a timeout's, and knows where that was set.
    has_place: Cell<bool>,
}

traverse!(HandleState: callback, arguments, context, event_loop, source_traceback, text);

impl Class for HandleState {
    type Extras = WeakReferences;

    const KEPT: usize = 64;

    fn slot() -> &'static TypeSlot {
        static SLOT: TypeSlot = TypeSlot::new();
        &SLOT
    }
}

/// The state of a `TimerHandle`.
#[derive(Debug, Default)]
#[repr(C)]
pub(crate) struct TimerHandleState {
    handle: HandleState,
    when: HeldCell,
    key: Cell<Option<TimerKey>>,
    set_at: SetAt,
}

traverse!(TimerHandleState: handle, when);

impl Class for TimerHandleState {
    type Extras = WeakReferences;

    const KEPT: usize = 64;

    fn slot() -> &'static TypeSlot {
        static SLOT: TypeSlot = TypeSlot::new();
        &SLOT
    }
}

impl HandleState {
    /// A handle for `callback(*arguments)`, or what `wrap` makes of its state; the context is a copy
    /// of the current one unless given. The collector does not track it until the second value is
    /// dropped.
    ///
    /// # Errors
    /// `MemoryError`, or what extracting the stack in debug mode raises.
    #[inline]
    pub(crate) fn allocate<'py, T: Class>(
        event_loop: &Ref<'py, LoopState>,
        callback: &Bound<'py, PyAny>,
        arguments: Rest<'py>,
        context: Option<Bound<'py, PyAny>>,
        wrap: impl FnOnce(HandleState) -> T,
    ) -> Fallible<(Ref<'py, T>, Untracked)> {
        let py = event_loop.py();
        let source_traceback = if event_loop.has(Marks::DEBUG) {
            errors::extract_stack(py)?
        } else {
            None
        };
        let (context, is_common, is_foreign) = match context.filter(|context| !context.is_none()) {
            Some(context) => {
                let is_foreign = !context::is_context(&context);
                (context, false, is_foreign)
            }
            None => {
                let (copy, is_common) = OwnContext::copy_for(py, event_loop.is_running())?;
                (copy, is_common, false)
            }
        };
        let (arguments, shape) = match arguments {
            Rest::Nothing => (None, Shape::Nothing),
            Rest::One(argument) => (Some(argument), Shape::One),
            Rest::Many(arguments) => (Some(arguments.into_any()), Shape::Tuple),
        };
        Ref::allocate_untracked_by(py, || {
            wrap(HandleState {
                callback: HeldCell::of(callback.clone()),
                arguments: HeldCell::of_any(arguments),
                shape: Cell::new(shape),
                context: OwnContext::of(context, is_common),
                event_loop: HeldCell::of(event_loop.as_any().clone()),
                source_traceback: HeldCell::of_any(source_traceback),
                text: HeldCell::new(),
                cancelled: Cell::new(false),
                has_foreign_context: Cell::new(is_foreign),
                has_place: Cell::new(false),
            })
        })
    }

    /// The arguments as a tuple, from now on the same one; `None` where there are none any more.
    ///
    /// # Errors
    /// `MemoryError`.
    fn arguments<'py>(&self, py: Python<'py>) -> Fallible<Bound<'py, PyAny>> {
        let tuple = match self.shape.get() {
            Shape::Tuple => return Ok(self.arguments.get_or_none(py)),
            Shape::One => PyTuple::new(py, self.arguments.get(py))?,
            Shape::Nothing | Shape::Place => PyTuple::empty(py),
            Shape::Receiver => return Ok(PyTuple::empty(py).into_any()),
        };
        // Making it may have run a collection, and so any code.
        if self.shape.replace(Shape::Tuple) != Shape::Tuple {
            self.arguments.set(tuple.into_any());
        }
        Ok(self.arguments.get_or_none(py))
    }

    /// The callback, from now on the same one; `None` where there is none any more.
    ///
    /// # Errors
    /// `MemoryError`.
    fn callback<'py>(&self, py: Python<'py>) -> Fallible<Option<Bound<'py, PyAny>>> {
        if self.shape.get() == Shape::Receiver
            && let (Some(function), Some(receiver)) =
                (self.callback.get(py), self.arguments.get(py))
        {
            let method = function::bound_method(&function, &receiver)?;
            // Making it may have run a collection, and so any code.
            if self.shape.get() == Shape::Receiver {
                self.shape.set(Shape::Nothing);
                self.callback.set(method);
                self.arguments.clear();
            }
        }
        Ok(self.callback.get(py))
    }

    /// The same, and `None` the Python object where there is none.
    ///
    /// # Errors
    /// `MemoryError`.
    fn callback_or_none<'py>(&self, py: Python<'py>) -> Fallible<Bound<'py, PyAny>> {
        let callback = self.callback(py)?;
        Ok(callback.unwrap_or_else(|| py.None().into_bound(py)))
    }

    /// The state of a handle whose callback is the method of its one argument that its callback is the
    /// function of.
    #[inline]
    pub(crate) fn of_method(self) -> Self {
        self.shape.set(Shape::Receiver);
        self
    }

    /// Calls what is in the callback's place.
    #[inline]
    fn call<'py>(&self, callback: &Bound<'py, PyAny>) -> Fallible<()> {
        let py = callback.py();
        match (self.shape.get(), self.arguments.get(py)) {
            (Shape::One | Shape::Receiver, Some(argument)) => call::call1(callback, &argument),
            (Shape::Tuple, Some(arguments)) => call::call_tuple(callback, &arguments),
            (_, None) | (Shape::Nothing | Shape::Place, Some(_)) => call::call0(callback),
        }
        .map(drop)
    }

    /// Tells the handle, which has no arguments and is no timer's, from where what it does is asked.
    ///
    /// # Errors
    /// `MemoryError`.
    pub(crate) fn set_from(&self, place: Option<Origin<'_>>) -> Fallible<()> {
        if let Some(place) = place
            && self.shape.get() == Shape::Nothing
        {
            let py = place.code.py();
            let place = (place.code, place.offset).into_pyobject(py)?;
            self.arguments.set(place.into_any());
            self.shape.set(Shape::Place);
            self.has_place.set(true);
        }
        Ok(())
    }

    /// Where what it does was asked, if that was told with [`set_from`](Self::set_from).
    fn place<'py>(&self, py: Python<'py>) -> Fallible<Option<Origin<'py>>> {
        if self.shape.get() != Shape::Place {
            return Ok(None);
        }
        let Some(place) = self.arguments.get(py) else {
            return Ok(None);
        };
        let (code, offset) = place.extract()?;
        Ok(Some(Origin { code, offset }))
    }

    /// Whether it was cancelled.
    #[inline]
    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.get()
    }
}

impl TimerHandleState {
    /// The state of a timer handle due at `when`.
    #[inline]
    pub(crate) fn new(handle: HandleState, when: Bound<'_, PyAny>) -> Self {
        TimerHandleState {
            handle,
            when: HeldCell::of(when),
            key: Cell::new(None),
            set_at: SetAt::default(),
        }
    }

    /// Tells the handle under which key it waits.
    pub(crate) fn scheduled(&self, key: TimerKey) {
        self.key.set(Some(key));
    }

    /// Tells the handle from where it was set: what it does then is asked from there.
    pub(crate) fn set_from(&self, place: Option<Origin<'_>>) {
        self.handle.has_place.set(place.is_some());
        self.set_at.set(place);
    }

    /// Tells the handle that it is due.
    pub(crate) fn due(&self) {
        self.key.set(None);
    }
}

/// Runs the handle's callback in its context.
///
/// # Errors
/// `KeyboardInterrupt` and `SystemExit` only; other exceptions go to the exception handler.
#[inline]
pub(crate) fn run(this: &Ref<'_, HandleState>, spare_context: &HeldCell) -> Fallible<()> {
    let py = this.py();
    let Some(callback) = this.callback.get(py) else {
        return Ok(());
    };
    let ran = if this.has_foreign_context.get() {
        let own = this.context.get_or_none(py)?;
        run_in_foreign_context(&own, &callback, &this.arguments(py)?)
    } else {
        let call = || {
            if this.has_place.get() {
                call_from_place(this, &callback)
            } else {
                this.call(&callback)
            }
        };
        this.context.run(py, spare_context, call, || true)
    };
    ran.or_else(|raised| report(this, raised))
}

/// Calls the callback of a timeout, which knows where that was set.
#[cold]
fn call_from_place<'py>(
    this: &Ref<'py, HandleState>,
    callback: &Bound<'py, PyAny>,
) -> Fallible<()> {
    let py = this.py();
    if let Some(timer) = Ref::<TimerHandleState>::cast(this.as_any()) {
        return timer.set_at.run(py, || this.call(callback));
    }
    let set_at = SetAt::default();
    set_at.set(this.place(py)?);
    set_at.run(py, || this.call(callback))
}

/// What is not a `contextvars.Context` may still have a `run` method.
#[cold]
fn run_in_foreign_context<'py>(
    own: &Bound<'py, PyAny>,
    callback: &Bound<'py, PyAny>,
    arguments: &Bound<'py, PyAny>,
) -> Fallible<()> {
    let all: Vec<_> = std::iter::once(Ok(callback.clone()))
        .chain(arguments.try_iter()?)
        .collect::<PyResult<_>>()?;
    own.call_method1(intern!(own.py(), "run"), PyTuple::new(own.py(), all)?)?;
    Ok(())
}

#[cold]
fn report(this: &Ref<'_, HandleState>, raised: Raised) -> Fallible<()> {
    let py = this.py();
    if raised.ends_the_loop(py) {
        return Err(raised);
    }
    report_exception(this, raised.take(py))
}

/// Tells the exception handler of an exception out of the handle's callback.
///
/// # Errors
/// What the exception handler lets out.
pub(crate) fn report_exception<'py>(
    this: &Ref<'py, HandleState>,
    exception: Bound<'py, PyAny>,
) -> Fallible<()> {
    let py = this.py();
    let source = callback_source(this)?;
    let details = PyDict::new(py);
    details.set_item(
        intern!(py, "message"),
        format!("Exception in callback {source}"),
    )?;
    details.set_item(intern!(py, "exception"), exception)?;
    details.set_item(intern!(py, "handle"), this.as_any())?;
    if let Some(traceback) = this.source_traceback.get(py) {
        details.set_item(intern!(py, "source_traceback"), traceback)?;
    }
    match this.event_loop.get(py) {
        Some(event_loop) => loop_core::call_exception_handler(&event_loop, details.as_any()),
        None => Ok(()),
    }
}

/// The callback as asyncio shows it; 3.13 shows its arguments in debug mode only.
fn callback_source(this: &Ref<'_, HandleState>) -> Fallible<String> {
    let py = this.py();
    let format = FORMAT_CALLBACK_SOURCE.get(py)?;
    let callback = this.callback_or_none(py)?;
    let arguments = this.arguments(py)?;
    let text = if reference(py)?.callback_source_takes_debug {
        let options = PyDict::new(py);
        options.set_item(intern!(py, "debug"), is_debug(this))?;
        format.call((callback, arguments), Some(&options))?
    } else {
        format.call1((callback, arguments))?
    };
    Ok(text.to_string())
}

fn is_debug(this: &Ref<'_, HandleState>) -> bool {
    let event_loop = this.event_loop.get(this.py());
    event_loop
        .as_ref()
        .and_then(loop_core::native)
        .is_some_and(|event_loop| event_loop.has(Marks::DEBUG))
}

fn cancel<'py>(this: &Ref<'py, HandleState>) -> Fallible<Bound<'py, PyAny>> {
    let py = this.py();
    if !this.cancelled.replace(true) {
        if is_debug(this) {
            this.text.set(this.as_any().repr()?.into_any());
        }
        this.callback.clear();
        this.shape.set(Shape::Tuple);
        this.arguments.clear();
    }
    Ok(py.None().into_bound(py))
}

/// Cancels a timer handle, and the timer it waits for.
///
/// # Errors
/// In debug mode, what the repr of its callback or of an argument raises.
pub(crate) fn cancel_timer<'py>(this: &Ref<'py, TimerHandleState>) -> Fallible<Bound<'py, PyAny>> {
    drop(cancel_keeping(this)?);
    Ok(this.py().None().into_bound(this.py()))
}

/// The same; what it would have done is given back. Who drops that last of all that refers to the
/// handle has it go without having been shown to the collector.
///
/// # Errors
/// As of [`cancel_timer`].
pub(crate) fn cancel_keeping(this: &Ref<'_, TimerHandleState>) -> Fallible<Option<Alarm>> {
    let alarm = take_alarm(this);
    cancel(this.upcast(|state| &state.handle))?;
    Ok(alarm)
}

/// Takes what it does out of the loop's timers.
fn take_alarm(this: &Ref<'_, TimerHandleState>) -> Option<Alarm> {
    if this.handle.cancelled.get() {
        return None;
    }
    let event_loop = this.handle.event_loop.get(this.py())?;
    loop_core::native(&event_loop)?
        .timers
        .cancel(this.key.get()?)
}

/// `handle.cancel()` of any handle.
///
/// # Errors
/// What a handle of another kind raises.
pub(crate) fn cancel_any(handle: &Bound<'_, PyAny>) -> Fallible<()> {
    if let Some(timer) = Ref::<TimerHandleState>::cast(handle) {
        return cancel_timer(timer).map(drop);
    }
    match Ref::<HandleState>::cast(handle) {
        Some(handle) => cancel(handle).map(drop),
        None => call::method0(handle, intern!(handle.py(), "cancel")).map(drop),
    }
}

fn cancelled<'py>(this: &Ref<'py, HandleState>) -> Fallible<Bound<'py, PyAny>> {
    Ok(python_bool(this.py(), this.cancelled.get()))
}

fn run_method<'py>(this: &Ref<'py, HandleState>) -> Fallible<Bound<'py, PyAny>> {
    let py = this.py();
    run(this, &HeldCell::new())?;
    Ok(py.None().into_bound(py))
}

fn info<'py>(this: &Ref<'py, HandleState>) -> Fallible<Bound<'py, PyList>> {
    let py = this.py();
    let info = PyList::new(py, [errors::type_name(this.as_any())?.into_any()])?;
    if this.cancelled.get() {
        info.append(intern!(py, "cancelled"))?;
    }
    if let Some(timer) = Ref::<TimerHandleState>::cast(this.as_any()) {
        info.append(format!("when={}", timer.when.get_or_none(py).str()?))?;
    }
    if this.callback.is_some() {
        info.append(callback_source(this)?)?;
    }
    if let Some(traceback) = this.source_traceback.get(py)
        && traceback.is_truthy()?
    {
        let frame = traceback.get_item(-1)?;
        info.append(format!(
            "created at {}:{}",
            frame.get_item(0)?,
            frame.get_item(1)?
        ))?;
    }
    Ok(info)
}

fn repr_info<'py>(this: &Ref<'py, HandleState>) -> Fallible<Bound<'py, PyAny>> {
    info(this).map(Bound::into_any)
}

fn repr<'py>(this: &Ref<'py, HandleState>) -> Fallible<Bound<'py, PyAny>> {
    let py = this.py();
    if let Some(text) = this.text.get(py) {
        return Ok(text);
    }
    let words = intern!(py, " ").call_method1(intern!(py, "join"), (info(this)?,))?;
    Ok(PyString::new(py, &format!("<{words}>")).into_any())
}

fn get_context<'py>(this: &Ref<'py, HandleState>) -> Fallible<Bound<'py, PyAny>> {
    this.context.get_or_none(this.py())
}

fn when<'py>(this: &Ref<'py, TimerHandleState>) -> Fallible<Bound<'py, PyAny>> {
    Ok(this.when.get_or_none(this.py()))
}

fn hash(this: &Ref<'_, TimerHandleState>) -> Fallible<isize> {
    Ok(this.when.get_or_none(this.py()).hash()?)
}

/// What two timer handles are compared by; `None` for what is no timer handle.
fn time_of<'py>(other: &Bound<'py, PyAny>) -> Fallible<Option<Bound<'py, PyAny>>> {
    let py = other.py();
    if let Some(timer) = Ref::<TimerHandleState>::cast(other) {
        return Ok(Some(timer.when.get_or_none(py)));
    }
    if other.is_instance(&accelerator::timer_handle_type(py)?)? {
        return Ok(Some(other.getattr(intern!(py, "_when"))?));
    }
    Ok(None)
}

fn equal(this: &Ref<'_, TimerHandleState>, other: &Bound<'_, PyAny>) -> Fallible<bool> {
    let py = this.py();
    let mine = this.as_any();
    for name in [
        intern!(py, "_when"),
        intern!(py, "_callback"),
        intern!(py, "_args"),
        intern!(py, "_cancelled"),
    ] {
        if !mine.getattr(name)?.eq(other.getattr(name)?)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn compare<'py>(
    this: &Ref<'py, TimerHandleState>,
    other: &Bound<'py, PyAny>,
    operator: CompareOp,
) -> Fallible<Bound<'py, PyAny>> {
    let py = this.py();
    let Some(theirs) = time_of(other)? else {
        return Ok(py.NotImplemented().into_bound(py));
    };
    let mine = this.when.get_or_none(py);
    let answer = match operator {
        CompareOp::Lt => mine.lt(&theirs)?,
        CompareOp::Le => mine.lt(&theirs)? || equal(this, other)?,
        CompareOp::Gt => mine.gt(&theirs)?,
        CompareOp::Ge => mine.gt(&theirs)? || equal(this, other)?,
        CompareOp::Eq => equal(this, other)?,
        CompareOp::Ne => !equal(this, other)?,
    };
    Ok(python_bool(py, answer))
}

fn python_bool(py: Python<'_>, value: bool) -> Bound<'_, PyAny> {
    pyo3::types::PyBool::new(py, value).to_owned().into_any()
}

/// `None` unless the handle is an exact instance: then `isinstance` is asked for asyncio's class.
fn class_of<'py>(this: &Ref<'py, HandleState>) -> Fallible<Bound<'py, PyAny>> {
    Ok(accelerator::handle_type(this.py())?)
}

fn timer_class_of<'py>(this: &Ref<'py, TimerHandleState>) -> Fallible<Bound<'py, PyAny>> {
    Ok(accelerator::timer_handle_type(this.py())?)
}

/// Makes the classes.
///
/// # Errors
/// What making a class raises.
pub(crate) fn build(module: &Bound<'_, PyModule>) -> Fallible<()> {
    let py = module.py();
    let context_method =
        compat::SINCE_3_12.then(|| Method::none(c"get_context", GET_CONTEXT, get_context));
    let handle = Builder::<HandleState>::new(c"stook.Handle")
        .doc(c"A callback that is scheduled, and that can be cancelled.")
        .subclassable()
        .repr(repr)
        .methods([
            Method::none(c"cancel", CANCEL, cancel),
            Method::none(c"cancelled", CANCELLED, cancelled),
            Method::none(c"_run", c"Run the callback in its context.", run_method),
            Method::none(c"_repr_info", c"The words of the repr.", repr_info),
        ])
        .methods(context_method)
        .attributes([
            GetSet::class(class_of),
            GetSet::read(c"_callback", |this: &Ref<'_, HandleState>| {
                this.callback_or_none(this.py())
            }),
            GetSet::read(c"_args", |this: &Ref<'_, HandleState>| {
                this.arguments(this.py())
            }),
            GetSet::read(c"_context", get_context),
            GetSet::read(c"_loop", |this: &Ref<'_, HandleState>| {
                Ok(this.event_loop.get_or_none(this.py()))
            }),
            GetSet::read(c"_source_traceback", |this: &Ref<'_, HandleState>| {
                Ok(this.source_traceback.get_or_none(this.py()))
            }),
            GetSet::read(c"_repr", |this: &Ref<'_, HandleState>| {
                Ok(this.text.get_or_none(this.py()))
            }),
            GetSet::read(c"_cancelled", cancelled),
        ])
        .build(py)?;
    let timer = Builder::<TimerHandleState>::new(c"stook.TimerHandle")
        .doc(c"A callback that is scheduled for a time, and that can be cancelled.")
        .base::<HandleState>(|timer| &timer.handle)
        .hash(hash)
        .compare(compare)
        .methods([
            Method::none(c"cancel", CANCEL, cancel_timer),
            Method::none(c"when", WHEN, when),
        ])
        .attributes([
            GetSet::class(timer_class_of),
            GetSet::read(c"_when", when),
            GetSet::read(c"_scheduled", |this: &Ref<'_, TimerHandleState>| {
                Ok(python_bool(this.py(), this.key.get().is_some()))
            }),
        ])
        .build(py)?;
    module.add("Handle", handle)?;
    module.add("TimerHandle", timer)?;
    Ok(())
}

const CANCEL: &std::ffi::CStr =
    c"cancel($self)\n--\n\nTake the callback back; may be called again.";
const CANCELLED: &std::ffi::CStr = c"cancelled($self)\n--\n\nWhether cancel() was called.";
const WHEN: &std::ffi::CStr = c"when($self)\n--\n\nWhen it is due, in seconds of the loop's clock.";
const GET_CONTEXT: &std::ffi::CStr =
    c"get_context($self)\n--\n\nThe context that the callback runs in.";

//! `Future` as Python sees it: its methods and attributes.
//!
//! DIFFERENCE: a method that takes exactly one argument, or none, complains of others in CPython
//! 3.11's words (`Future.set_result() takes exactly one argument (0 given)`) in every version, and
//! a native method of the loop names `LoopCore` where asyncio names `BaseEventLoop`.
//!
//! DIFFERENCE: `__module__` of `Future`, `Task` and the functions in place of the accelerator's is
//! `stook` or `stook._core`, where asyncio says `_asyncio`, and their documentation is stook's own.

use crate::ffi::intern;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyInt, PyList, PyString, PyTuple};

use crate::accelerator;
use crate::asking;
use crate::callbacks::{Callback, settling_method};
use crate::errors::{self, Imported};
use crate::ffi::{Args, Builder, Class, Fallible, GetSet, Held, Method, Ref, Signature, context};
use crate::future::{self, FutureState};
use crate::future_iter;
use crate::gathering::GatheringState;
use crate::task::{self, TaskState};

static REPR: Imported = Imported::new("asyncio.base_futures", "_future_repr");
static REPR_INFO: Imported = Imported::new("asyncio.base_futures", "_future_repr_info");

/// What this file looks up when the module is made.
pub(crate) const IMPORTS: &[&Imported] = &[&REPR_INFO, &REPR];

fn none<'py, T: Class>(this: &Ref<'py, T>) -> Bound<'py, PyAny> {
    this.py().None().into_bound(this.py())
}

/// `True` or `False`.
pub(crate) fn python_bool(py: Python<'_>, value: bool) -> Bound<'_, PyAny> {
    PyBool::new(py, value).to_owned().into_any()
}

fn init<'py>(this: &Ref<'py, FutureState>, args: &Args<'_, 'py>) -> Fallible<()> {
    const SIGNATURE: Signature<1> = Signature::builtin("Future", ["loop"], 0, 0);
    let [event_loop] = args.parse(&SIGNATURE)?;
    this.initialize(this.py(), event_loop)
}

/// `result` and `exception` complain in their own way.
fn ensure_initialized_state(this: &Ref<'_, FutureState>) -> Fallible<()> {
    if this.is_initialized() {
        return Ok(());
    }
    Err(errors::invalid_state(
        this.py(),
        "Future object is not initialized.",
    ))
}

fn result<'py>(this: &Ref<'py, FutureState>) -> Fallible<Bound<'py, PyAny>> {
    ensure_initialized_state(this)?;
    future::result(this)
}

fn exception<'py>(this: &Ref<'py, FutureState>) -> Fallible<Bound<'py, PyAny>> {
    ensure_initialized_state(this)?;
    Ok(future::exception(this)?.unwrap_or_else(|| none(this)))
}

/// A program calls a method of futures on what may be a task or gather: what was put off of its cancel
/// requests comes first.
#[inline]
fn prepare(this: &Ref<'_, FutureState>) {
    if this.is_exact() {
        return;
    }
    if let Some(task) = Ref::<TaskState>::cast(this.as_any()) {
        task::catch_up(this.py(), task);
    } else if let Some(gather) = Ref::<GatheringState>::cast(this.as_any()) {
        task::catch_up_gather(gather);
    }
}

fn set_result<'py>(
    this: &Ref<'py, FutureState>,
    value: &Bound<'py, PyAny>,
) -> Fallible<Bound<'py, PyAny>> {
    this.ensure_initialized()?;
    prepare(this);
    future::set_result(this, value.clone())?;
    Ok(none(this))
}

fn set_exception<'py>(
    this: &Ref<'py, FutureState>,
    exception: &Bound<'py, PyAny>,
) -> Fallible<Bound<'py, PyAny>> {
    this.ensure_initialized()?;
    prepare(this);
    future::set_exception(this, exception)?;
    Ok(none(this))
}

fn add_done_callback<'py>(
    this: &Ref<'py, FutureState>,
    args: &Args<'_, 'py>,
) -> Fallible<Bound<'py, PyAny>> {
    const SIGNATURE: Signature<2> = Signature::builtin("add_done_callback", ["", "context"], 1, 1);
    let [function, given] = args.parse(&SIGNATURE)?;
    let context = match given {
        Some(context) => context,
        None => context::copy_current(this.py())?,
    };
    let function = function.unwrap_or_else(|| none(this));
    future::add_callback(
        this,
        Callback::Call {
            function: function.into(),
            context: context.into(),
        },
    )?;
    Ok(none(this))
}

/// Compares one after the other, with the list put aside: a comparison may run Python code that
/// adds callbacks or finishes the future.
fn remove_done_callback<'py>(
    this: &Ref<'py, FutureState>,
    function: &Bound<'py, PyAny>,
) -> Fallible<Bound<'py, PyAny>> {
    this.ensure_initialized()?;
    let py = this.py();
    if this.callbacks.take_only(function).is_some() {
        return Ok(PyInt::new(py, 1).into_any());
    }
    let before = listed(this)?;
    let mut removed: Vec<Bound<'py, PyAny>> = Vec::new();
    let mut released: Vec<Bound<'py, PyAny>> = Vec::new();
    let mut count = 0usize;
    for listed in before {
        let (callback, waiter) = match listed {
            Listed::Call(callback) => (callback, None),
            Listed::Settle(waiter) => (settling_method(&waiter)?, Some(waiter)),
        };
        if callback.is(function) || callback.eq(function)? {
            count += 1;
            match waiter {
                Some(waiter) => released.push(waiter),
                None => removed.push(callback),
            }
        }
    }
    if !removed.is_empty() {
        this.callbacks.remove_calls(&removed);
    }
    for waiter in released {
        this.callbacks.remove_waiter(&waiter);
    }
    Ok(count.into_pyobject(py).map_err(PyErr::from)?.into_any())
}

/// A callback that Python code can name.
enum Listed<'py> {
    /// What it added.
    Call(Bound<'py, PyAny>),
    /// The method of this waiter.
    Settle(Bound<'py, PyAny>),
}

/// The callbacks that Python code can name.
fn listed<'py>(this: &Ref<'py, FutureState>) -> Fallible<Vec<Listed<'py>>> {
    let py = this.py();
    let (first, rest) = this.callbacks.take();
    let all: Vec<Callback> = first.into_iter().chain(rest).collect();
    let list = all
        .iter()
        .filter_map(|callback| match callback {
            Callback::Call { function, .. } => Some(Listed::Call(function.bind(py).clone())),
            Callback::Settle(waiter) => Some(Listed::Settle(waiter.bind(py).clone())),
            Callback::Wake(_) | Callback::Forward(_) | Callback::Withdraw(_) => None,
        })
        .collect();
    this.callbacks.put_back(all);
    Ok(list)
}

/// The list of `(callback, context)`, or `None`.
fn callbacks<'py>(this: &Ref<'py, FutureState>) -> Fallible<Bound<'py, PyAny>> {
    this.ensure_initialized()?;
    let py = this.py();
    if this.callbacks.is_empty() {
        return Ok(none(this));
    }
    let (first, rest) = this.callbacks.take();
    let all: Vec<Callback> = first.into_iter().chain(rest).collect();
    let copies: Vec<Callback> = all.iter().map(|callback| copy(py, callback)).collect();
    this.callbacks.put_back(all);
    let list = PyList::empty(py);
    for callback in copies {
        let (function, context) = future::as_python(py, callback)?;
        list.append(PyTuple::new(py, [function, context])?)?;
    }
    Ok(list.into_any())
}

fn copy(py: Python<'_>, callback: &Callback) -> Callback {
    let again = |held: &Held| Held::new(held.bind(py));
    match callback {
        Callback::Call { function, context } => Callback::Call {
            function: again(function),
            context: again(context),
        },
        Callback::Wake(task) => Callback::Wake(again(task)),
        Callback::Settle(waiter) => Callback::Settle(again(waiter)),
        Callback::Forward(outer) => Callback::Forward(again(outer)),
        Callback::Withdraw(inner) => Callback::Withdraw(again(inner)),
    }
}

/// Takes the message of `cancel(msg=None)`.
pub(crate) fn message<'py>(args: &Args<'_, 'py>) -> Fallible<Option<Bound<'py, PyAny>>> {
    const SIGNATURE: Signature<1> = Signature::builtin("cancel", ["msg"], 1, 0);
    let [message] = args.parse(&SIGNATURE)?;
    Ok(message)
}

fn cancel<'py>(this: &Ref<'py, FutureState>, args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    let message = message(args)?;
    this.ensure_initialized()?;
    prepare(this);
    if !this.is_done() {
        let record = asking::of_future(this.as_any(), message.as_ref())?;
        this.cancellations().end(&record);
    }
    Ok(python_bool(
        this.py(),
        future::cancel(this, message.as_ref())?,
    ))
}

fn cancelled<'py>(this: &Ref<'py, FutureState>) -> Fallible<Bound<'py, PyAny>> {
    let cancelled = this.is_initialized() && this.outcome().is_cancelled();
    Ok(python_bool(this.py(), cancelled))
}

fn done<'py>(this: &Ref<'py, FutureState>) -> Fallible<Bound<'py, PyAny>> {
    Ok(python_bool(
        this.py(),
        this.is_initialized() && this.is_done(),
    ))
}

fn get_loop<'py>(this: &Ref<'py, FutureState>) -> Fallible<Bound<'py, PyAny>> {
    this.ensure_initialized()?;
    Ok(this.event_loop(this.py()).unwrap_or_else(|| none(this)))
}

fn loop_attribute<'py>(this: &Ref<'py, FutureState>) -> Fallible<Bound<'py, PyAny>> {
    Ok(this.event_loop(this.py()).unwrap_or_else(|| none(this)))
}

fn state<'py>(this: &Ref<'py, FutureState>) -> Fallible<Bound<'py, PyAny>> {
    this.ensure_initialized()?;
    Ok(PyString::intern(this.py(), this.phase().name()).into_any())
}

fn result_attribute<'py>(this: &Ref<'py, FutureState>) -> Fallible<Bound<'py, PyAny>> {
    this.ensure_initialized()?;
    Ok(this.peek_result(this.py()).unwrap_or_else(|| none(this)))
}

fn exception_attribute<'py>(this: &Ref<'py, FutureState>) -> Fallible<Bound<'py, PyAny>> {
    this.ensure_initialized()?;
    Ok(this.peek_exception(this.py()).unwrap_or_else(|| none(this)))
}

fn log_traceback<'py>(this: &Ref<'py, FutureState>) -> Fallible<Bound<'py, PyAny>> {
    this.ensure_initialized()?;
    Ok(python_bool(this.py(), this.is_unread()))
}

fn set_log_traceback<'py>(this: &Ref<'py, FutureState>, value: &Bound<'py, PyAny>) -> Fallible<()> {
    if value.is_truthy()? {
        return Err(PyValueError::new_err("_log_traceback can only be set to False").into());
    }
    this.mark_read();
    Ok(())
}

fn source_traceback<'py>(this: &Ref<'py, FutureState>) -> Fallible<Bound<'py, PyAny>> {
    Ok(this
        .source_traceback(this.py())
        .unwrap_or_else(|| none(this)))
}

fn cancel_message<'py>(this: &Ref<'py, FutureState>) -> Fallible<Bound<'py, PyAny>> {
    prepare(this);
    Ok(this.cancel_message(this.py()).unwrap_or_else(|| none(this)))
}

fn set_cancel_message<'py>(
    this: &Ref<'py, FutureState>,
    message: &Bound<'py, PyAny>,
) -> Fallible<()> {
    prepare(this);
    this.set_cancel_message(Some(message));
    Ok(())
}

fn blocking<'py>(this: &Ref<'py, FutureState>) -> Fallible<Bound<'py, PyAny>> {
    Ok(python_bool(
        this.py(),
        this.is_initialized() && this.blocking.get(),
    ))
}

fn set_blocking<'py>(this: &Ref<'py, FutureState>, value: &Bound<'py, PyAny>) -> Fallible<()> {
    this.ensure_initialized()?;
    this.blocking.set(value.is_truthy()?);
    Ok(())
}

fn make_cancelled_error<'py>(this: &Ref<'py, FutureState>) -> Fallible<Bound<'py, PyAny>> {
    prepare(this);
    future::recorded_cancelled_error(this)
}

fn repr_info<'py>(this: &Ref<'py, FutureState>) -> Fallible<Bound<'py, PyAny>> {
    Ok(REPR_INFO.get(this.py())?.call1((this.as_any(),))?)
}

/// The class of an exact instance is the accelerator's where names may have been bound before ours
/// took their place, so that `isinstance` holds for them; an instance is one of its own class anyway.
///
/// DIFFERENCE: unless the command `stook` runs the program, `__class__` of a task or future is a
/// class of asyncio's; what goes by it and not by `isinstance`, such as `functools.singledispatch`,
/// takes the names that were bound before `install()`.
///
/// DIFFERENCE: a method of asyncio's own class that is called on its own, as `asyncio.Task.cancel(task)`,
/// raises `TypeError` for one of stook's tasks or futures, though `isinstance` holds. After `install()`
/// the names of `asyncio` are stook's classes; those that were bound before still do so.
fn class_of<'py>(this: &Ref<'py, FutureState>) -> Fallible<Bound<'py, PyAny>> {
    if this.is_exact() && accelerator::is_mirroring() {
        return Ok(accelerator::future_type(this.py())?);
    }
    Ok(this.as_any().get_type().into_any())
}

/// Asks a function of `asyncio.base_futures` or `asyncio.base_tasks` for the repr.
pub(crate) fn repr<'py>(
    this: &Ref<'py, FutureState>,
    whole: &'static Imported,
) -> Fallible<Bound<'py, PyAny>> {
    this.ensure_initialized()?;
    Ok(whole.get(this.py())?.call1((this.as_any(),))?)
}

fn future_repr<'py>(this: &Ref<'py, FutureState>) -> Fallible<Bound<'py, PyAny>> {
    repr(this, &REPR)
}

/// Makes the class.
///
/// # Errors
/// What making a class raises.
pub(crate) fn build(module: &Bound<'_, PyModule>) -> Fallible<()> {
    let class = Builder::<FutureState>::new(c"stook.Future")
        .doc(DOC)
        .instantiable()
        .subclassable()
        .immutable()
        .init(init)
        .repr(future_repr)
        .awaitable(future_iter::new)
        .iterable(future_iter::new)
        .finalizer(future::report_unread)
        .methods([
            Method::none(c"result", RESULT, result),
            Method::none(c"exception", EXCEPTION, exception),
            Method::one(c"set_result", SET_RESULT, set_result),
            Method::one(c"set_exception", SET_EXCEPTION, set_exception),
            Method::any(c"add_done_callback", ADD_DONE_CALLBACK, add_done_callback),
            Method::one(
                c"remove_done_callback",
                REMOVE_DONE_CALLBACK,
                remove_done_callback,
            ),
            Method::any(c"cancel", CANCEL, cancel),
            Method::none(c"cancelled", CANCELLED, cancelled),
            Method::none(c"done", DONE, done),
            Method::none(c"get_loop", GET_LOOP, get_loop),
            Method::none(c"_make_cancelled_error", MAKE_ERROR, make_cancelled_error),
            Method::none(c"_repr_info", REPR_INFO_DOC, repr_info),
            Method::class_getitem(),
        ])
        .attributes([
            GetSet::class(class_of),
            GetSet::read(c"_state", state),
            GetSet::read_write(c"_asyncio_future_blocking", blocking, set_blocking),
            GetSet::read(c"_loop", loop_attribute),
            GetSet::read(c"_callbacks", callbacks),
            GetSet::read(c"_result", result_attribute),
            GetSet::read(c"_exception", exception_attribute),
            GetSet::read_write(c"_log_traceback", log_traceback, set_log_traceback),
            GetSet::read(c"_source_traceback", source_traceback),
            GetSet::read_write(c"_cancel_message", cancel_message, set_cancel_message),
        ])
        .build(module.py())?;
    module.add(intern!(module.py(), "Future"), class)?;
    Ok(())
}

const DOC: &std::ffi::CStr = c"Future(*, loop=None)\n--\n\n\
A result that is still to come.\n\n\
Args:\n    loop: The event loop it belongs to; the running or the current one when None.\n\n\
Not thread-safe. Callbacks run by the loop's call_soon().\n\n\
Source:\n    asyncio.Future";
const RESULT: &std::ffi::CStr = c"result($self, /)\n--\n\n\
Return the result.\n\n\
Raises:\n    CancelledError: It was cancelled.\n    InvalidStateError: It is not done.\n    \
BaseException: The exception that was set.";
const EXCEPTION: &std::ffi::CStr = c"exception($self, /)\n--\n\n\
Return the exception that was set, or None.\n\n\
Raises:\n    CancelledError: It was cancelled.\n    InvalidStateError: It is not done.";
const SET_RESULT: &std::ffi::CStr = c"set_result($self, result, /)\n--\n\n\
Give the future its result.\n\n\
Raises:\n    InvalidStateError: It is done already.";
const SET_EXCEPTION: &std::ffi::CStr = c"set_exception($self, exception, /)\n--\n\n\
Give the future its exception, an instance or a class.\n\n\
Raises:\n    InvalidStateError: It is done already.\n    TypeError: Not an exception.";
const ADD_DONE_CALLBACK: &std::ffi::CStr =
    c"add_done_callback($self, fn, /, *, context=<unrepresentable>)\n--\n\n\
Have fn(future) called when the future is done, or soon when it is done already.\n\n\
Args:\n    context: The contextvars.Context to call it in; a copy of the current one by default.";
const REMOVE_DONE_CALLBACK: &std::ffi::CStr = c"remove_done_callback($self, fn, /)\n--\n\n\
Take back every callback equal to fn; return how many there were.";
const CANCEL: &std::ffi::CStr = c"cancel($self, /, msg=None)\n--\n\n\
Cancel the future and schedule its callbacks; return False when it is done already.";
const CANCELLED: &std::ffi::CStr = c"cancelled($self, /)\n--\n\nReturn True if it was cancelled.";
const DONE: &std::ffi::CStr = c"done($self, /)\n--\n\n\
Return True if it has a result or an exception, or was cancelled.";
const GET_LOOP: &std::ffi::CStr =
    c"get_loop($self, /)\n--\n\nReturn the event loop that the future belongs to.";
const MAKE_ERROR: &std::ffi::CStr = c"_make_cancelled_error($self, /)\n--\n\n\
Return the CancelledError to raise; the one that ended a coroutine is given once.";
const REPR_INFO_DOC: &std::ffi::CStr = c"_repr_info($self, /)\n--\n\nThe words of the repr.";

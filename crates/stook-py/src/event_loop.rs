//! `LoopCore`: the scheduling half of the event loop, as Python sees it.
//!
//! The other half, transports, servers, signals and subprocesses, is the standard library's
//! selector loop, from which the Python class inherits as well. The turn is in `turn.rs`.
//!
//! # Source
//! `BaseEventLoop`, CPython 3.11 to 3.13 `asyncio/base_events.py`.

use crate::ffi::intern;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFloat, PyInt, PyList, PySet, PyString, PyTuple};

use crate::asking;
use crate::current;
use crate::errors::Imported;
use crate::ffi::{
    Args, Builder, Class, Fallible, GetSet, Method, Ref, Rest, Signature, call, instance, method,
};
use crate::future;
use crate::future_class::python_bool;
use crate::loop_core::{self, LoopState, Marks, WATCHED};
use crate::natives;
use crate::reference::reference;
use crate::scheduling;
use crate::self_pipe;
use crate::shown;
use crate::task::{self, Options, TaskState};
use crate::turn;

static BASE: Imported = Imported::new("asyncio.base_events", "BaseEventLoop");

/// What this file looks up when the module is made.
pub(crate) const IMPORTS: &[&Imported] = &[&BASE];

fn none<'py>(this: &Ref<'py, LoopState>) -> Bound<'py, PyAny> {
    this.py().None().into_bound(this.py())
}

/// What a closed loop does with a call: asyncio's function of this name raises. Its traceback keeps
/// what was given until the error is gone; else a task to which nothing else refers would be
/// destroyed before what is being unwound has released its locks.
fn refuse<'py, const N: usize>(
    this: &Ref<'py, LoopState>,
    name: &Bound<'py, PyString>,
    leading: [Bound<'py, PyAny>; N],
    rest: Rest<'py>,
    context: Option<Bound<'py, PyAny>>,
) -> Fallible<Bound<'py, PyAny>> {
    let py = this.py();
    let first = [this.as_any().clone()].into_iter().chain(leading);
    let rest = rest.into_tuple(py)?;
    let all = PyTuple::new(py, first.chain(&rest).collect::<Vec<_>>())?;
    let options = PyDict::new(py);
    options.set_item(intern!(py, "context"), context)?;
    BASE.get(py)?.getattr(name)?.call(all, Some(&options))?;
    // It came here although the loop is closed: a class may override what refuses.
    this.check_closed()?;
    Ok(none(this))
}

/// What debug mode checks of a callback before it is scheduled.
fn check<'py>(
    this: &Ref<'py, LoopState>,
    callback: &Bound<'py, PyAny>,
    function: &str,
    checks_thread: bool,
) -> Fallible<()> {
    if this.has(Marks::DEBUG) {
        let py = this.py();
        if checks_thread {
            call::method0(this.as_any(), intern!(py, "_check_thread"))?;
        }
        this.as_any()
            .call_method1(intern!(py, "_check_callback"), (callback, function))?;
    }
    Ok(())
}

/// `call_soon(callback, *args, context=None)`
fn call_soon<'py>(this: &Ref<'py, LoopState>, args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    let taken = args.leading("BaseEventLoop.call_soon", ["callback"], "context")?;
    let [callback] = taken.leading;
    if !this.is_open() {
        let name = intern!(this.py(), "call_soon");
        return refuse(this, name, [callback], taken.rest, taken.option);
    }
    check(this, &callback, "call_soon", true)?;
    let handle = scheduling::soon(this, &callback, taken.rest, taken.option)?;
    if natives::timeout::is_expiry(&callback) {
        handle.set_from(asking::here(this.py())?)?;
    }
    Ok(handle.into_any())
}

/// `call_soon_threadsafe(callback, *args, context=None)`
fn call_soon_threadsafe<'py>(
    this: &Ref<'py, LoopState>,
    args: &Args<'_, 'py>,
) -> Fallible<Bound<'py, PyAny>> {
    let taken = args.leading(
        "BaseEventLoop.call_soon_threadsafe",
        ["callback"],
        "context",
    )?;
    let [callback] = taken.leading;
    if !this.is_open() {
        let name = intern!(this.py(), "call_soon_threadsafe");
        return refuse(this, name, [callback], taken.rest, taken.option);
    }
    check(this, &callback, "call_soon_threadsafe", false)?;
    let handle = scheduling::soon(this, &callback, taken.rest, taken.option)?;
    turn::wake_up(this)?;
    Ok(handle.into_any())
}

/// `when` as a number of seconds, to order timers by.
///
/// DIFFERENCE: what is no number of seconds, or too great for one, `call_at` refuses at once with
/// `TypeError` or `OverflowError`; asyncio keeps the timer, and each later turn of the loop fails
/// so.
///
/// # Errors
/// `TypeError`, `OverflowError`.
fn seconds(when: &Bound<'_, PyAny>) -> Fallible<f64> {
    Ok(when.extract()?)
}

fn set_timer<'py>(
    this: &Ref<'py, LoopState>,
    when: Bound<'py, PyAny>,
    callback: Bound<'py, PyAny>,
    arguments: Rest<'py>,
    context: Option<Bound<'py, PyAny>>,
) -> Fallible<Bound<'py, PyAny>> {
    if !this.is_open() {
        let name = intern!(this.py(), "call_at");
        return refuse(this, name, [when, callback], arguments, context);
    }
    check(this, &callback, "call_at", true)?;
    let seconds = seconds(&when)?;
    let handle = scheduling::at(this, (when, seconds), &callback, arguments, context)?;
    if natives::timeout::is_expiry(&callback) {
        handle.set_from(asking::here(this.py())?);
    }
    Ok(handle.into_any())
}

/// `call_at(when, callback, *args, context=None)`
fn call_at<'py>(this: &Ref<'py, LoopState>, args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    let taken = args.leading("BaseEventLoop.call_at", ["when", "callback"], "context")?;
    let [when, callback] = taken.leading;
    if when.is_none() {
        return Err(PyTypeError::new_err("when cannot be None").into());
    }
    set_timer(this, when, callback, taken.rest, taken.option)
}

/// `call_later(delay, callback, *args, context=None)`
fn call_later<'py>(
    this: &Ref<'py, LoopState>,
    args: &Args<'_, 'py>,
) -> Fallible<Bound<'py, PyAny>> {
    let taken = args.leading("BaseEventLoop.call_later", ["delay", "callback"], "context")?;
    let [delay, callback] = taken.leading;
    let py = this.py();
    if delay.is_none() {
        return Err(PyTypeError::new_err("delay must not be None").into());
    }
    let is_number =
        delay.is_exact_instance_of::<PyFloat>() || delay.is_exact_instance_of::<PyInt>();
    let when = if this.has(Marks::TIME) {
        call::method0(this.as_any(), intern!(py, "time"))?.add(&delay)?
    } else {
        let now = loop_core::time(this)?;
        match delay.extract::<f64>() {
            Ok(delay) if is_number => PyFloat::new(py, now + delay).into_any(),
            _ => PyFloat::new(py, now).add(&delay)?,
        }
    };
    if this.has(Marks::CALL_AT) {
        let rest = taken.rest.into_tuple(py)?;
        let all: Vec<_> = [when, callback].into_iter().chain(&rest).collect();
        let options = PyDict::new(py);
        options.set_item(intern!(py, "context"), taken.option)?;
        let all = PyTuple::new(py, all)?;
        return Ok(this
            .as_any()
            .call_method(intern!(py, "call_at"), all, Some(&options))?);
    }
    set_timer(this, when, callback, taken.rest, taken.option)
}

fn time<'py>(this: &Ref<'py, LoopState>) -> Fallible<Bound<'py, PyAny>> {
    let now = crate::clock::monotonic_seconds();
    Ok(PyFloat::new(this.py(), now).into_any())
}

fn create_future<'py>(this: &Ref<'py, LoopState>) -> Fallible<Bound<'py, PyAny>> {
    Ok(future::create(this)?.into_any())
}

const TASK_OPTIONS: [&str; 3] = ["coro", "name", "context"];

/// `create_task(coro, *, name=None, context=None)`; later micro versions of 3.13 take `**kwargs`.
fn create_task<'py>(
    this: &Ref<'py, LoopState>,
    args: &Args<'_, 'py>,
) -> Fallible<Bound<'py, PyAny>> {
    const SIGNATURE: Signature<3> =
        Signature::python_method("BaseEventLoop.create_task", TASK_OPTIONS, 1, 1);
    let py = this.py();
    let plain = !this.has(Marks::TASK_FACTORY.and(Marks::CLOSED));
    // So `asyncio.create_task` calls, from 3.12 on.
    if plain && let Some([coroutine, name]) = args.one_and(intern!(py, "name")) {
        let options = Options {
            name: Some(name),
            ..Options::default()
        };
        return Ok(task::spawn(this, &coroutine, options)?.into_any());
    }
    let has_more = reference(py)?.loop_takes_options && args.has_other_keyword(&TASK_OPTIONS)?;
    if !plain || has_more {
        return create_task_by_asyncio(this, args, has_more);
    }
    let [coroutine, name, context] = args.parse(&SIGNATURE)?;
    let coroutine = coroutine.unwrap_or_else(|| none(this));
    let options = Options {
        name,
        context,
        eager_start: false,
    };
    Ok(task::spawn(this, &coroutine, options)?.into_any())
}

/// What asyncio's `create_task` does with a factory, on a closed loop, and with options of tasks that
/// this file does not know.
#[cold]
fn create_task_by_asyncio<'py>(
    this: &Ref<'py, LoopState>,
    args: &Args<'_, 'py>,
    has_more: bool,
) -> Fallible<Bound<'py, PyAny>> {
    let py = this.py();
    let (mut positional, keywords) = args.unpacked()?;
    let made_by_us = has_more && !this.has(Marks::TASK_FACTORY) && this.is_open();
    let is_one = positional.len() + usize::from(keywords.contains("coro")?) == 1;
    if made_by_us && is_one && !keywords.contains("loop")? {
        // asyncio's would make a task of its own class.
        keywords.set_item(intern!(py, "loop"), this.as_any())?;
        let class = TaskState::slot().class(py);
        return Ok(class.call(PyTuple::new(py, positional)?, Some(&keywords))?);
    }
    positional.insert(0, this.as_any().clone());
    let base = BASE.get(py)?.getattr(intern!(py, "create_task"))?;
    Ok(base.call(PyTuple::new(py, positional)?, Some(&keywords))?)
}

/// Adds a handle that became ready: an event's, or a timer's that somebody else kept.
fn add_callback<'py>(
    this: &Ref<'py, LoopState>,
    handle: &Bound<'py, PyAny>,
) -> Fallible<Bound<'py, PyAny>> {
    turn::add_handle(this, handle)?;
    Ok(none(this))
}

/// A timer handle that is not ours was cancelled: nothing here counts it.
fn timer_handle_cancelled<'py>(
    this: &Ref<'py, LoopState>,
    _handle: &Bound<'py, PyAny>,
) -> Fallible<Bound<'py, PyAny>> {
    Ok(none(this))
}

/// `run_until_complete(future)`: asyncio's function, with no frame of ours below it; or, where the
/// loop is running already and allows nesting, a run inside that one.
fn run_until_complete<'py>(
    this: &Ref<'py, LoopState>,
    args: &Args<'_, 'py>,
) -> Fallible<Bound<'py, PyAny>> {
    const SIGNATURE: Signature<1> =
        Signature::python_method("BaseEventLoop.run_until_complete", ["future"], 1, 1);
    let py = this.py();
    let [future] = args.parse(&SIGNATURE)?;
    let future = future.unwrap_or_else(|| none(this));
    let here = intern!(py, "_runs_here");
    if this.nesting_allowed.get() && call::method0(this.as_any(), here)?.is_truthy()? {
        let name = intern!(py, "_run_nested_until_complete");
        return call::method1(this.as_any(), name, &future);
    }
    let base = BASE.get(py)?.getattr(intern!(py, "run_until_complete"))?;
    Ok(base.call1((this.as_any(), future))?)
}

fn run_turns<'py>(this: &Ref<'py, LoopState>) -> Fallible<Bound<'py, PyAny>> {
    turn::run(this)?;
    Ok(none(this))
}

fn run_once<'py>(this: &Ref<'py, LoopState>) -> Fallible<Bound<'py, PyAny>> {
    turn::run_once(this)?;
    Ok(none(this))
}

fn clear_queues<'py>(this: &Ref<'py, LoopState>) -> Fallible<Bound<'py, PyAny>> {
    let entries = this.ready.take();
    drop(entries);
    let alarms = this.timers.take();
    drop(alarms);
    Ok(none(this))
}

/// That of every object. Whoever asks may look for the current task where others keep theirs.
fn hash(this: &Ref<'_, LoopState>) -> Fallible<isize> {
    current::tell(this)?;
    instance::hash(this.as_any())
}

/// The loop's tasks that are not done, of our own making.
fn tasks<'py>(this: &Ref<'py, LoopState>) -> Fallible<Bound<'py, PyAny>> {
    Ok(PyList::new(this.py(), task::of_loop(this)?)?.into_any())
}

/// The base class sets these in its `__init__`; what they stand for is kept here.
fn ignore<'py>(_this: &Ref<'py, LoopState>, _value: &Bound<'py, PyAny>) -> Fallible<()> {
    Ok(())
}

/// Notes a method that is replaced on the instance.
fn watch<'py>(this: &Ref<'py, LoopState>, name: &Bound<'py, PyAny>) -> Fallible<()> {
    let Ok(name) = name.cast::<PyString>() else {
        return Ok(());
    };
    let name = name.to_cow()?;
    if let Some((_, mark)) = WATCHED.iter().find(|(watched, _)| *watched == name) {
        this.mark(*mark, true);
    }
    Ok(())
}

/// Notes the methods that a subclass has replaced.
fn notice_overrides<'py>(this: &Ref<'py, LoopState>) -> Fallible<Bound<'py, PyAny>> {
    let py = this.py();
    let class = this.as_any().get_type();
    let ours = LoopState::slot().class(py);
    for (name, mark) in WATCHED {
        // What is asyncio's alone is looked at when it is wanted.
        if let Some(own) = ours.getattr_opt(name)?
            && !method::is_same(&class.getattr(name)?, &own)
        {
            this.mark(mark, true);
        }
    }
    Ok(none(this))
}

fn marked(mark: Marks) -> impl Fn(&Ref<'_, LoopState>) -> bool + Copy {
    move |this| this.has(mark)
}

fn debug<'py>(this: &Ref<'py, LoopState>) -> Fallible<Bound<'py, PyAny>> {
    let given = this.debug.get(this.py());
    Ok(given.unwrap_or_else(|| python_bool(this.py(), false)))
}

fn set_debug<'py>(this: &Ref<'py, LoopState>, value: &Bound<'py, PyAny>) -> Fallible<()> {
    this.mark(Marks::DEBUG, value.is_truthy()?);
    this.debug.set(value.clone());
    Ok(())
}

fn closed<'py>(this: &Ref<'py, LoopState>) -> Fallible<Bound<'py, PyAny>> {
    Ok(python_bool(this.py(), marked(Marks::CLOSED)(this)))
}

fn set_closed<'py>(this: &Ref<'py, LoopState>, value: &Bound<'py, PyAny>) -> Fallible<()> {
    let is_closed = value.is_truthy()?;
    this.mark(Marks::CLOSED, is_closed);
    if is_closed {
        this.waker.close();
        this.kept_tasks.clear();
        task::catch_up_all(this);
        if let Some(beat) = this.beat.get() {
            beat.close();
        }
    }
    Ok(())
}

fn keeps_tasks<'py>(this: &Ref<'py, LoopState>) -> Fallible<Bound<'py, PyAny>> {
    Ok(python_bool(this.py(), this.kept_tasks.is_some()))
}

/// Keeps the tasks that are made from now on, and those that there are, or none any more.
fn set_keeps_tasks<'py>(this: &Ref<'py, LoopState>, value: &Bound<'py, PyAny>) -> Fallible<()> {
    if !value.is_truthy()? {
        this.kept_tasks.clear();
        return Ok(());
    }
    let tasks = task::of_loop(this)?;
    for task in tasks.iter().filter_map(Ref::<TaskState>::cast) {
        task.keep();
    }
    this.kept_tasks.set(PySet::new(this.py(), tasks)?);
    Ok(())
}

fn task_factory<'py>(this: &Ref<'py, LoopState>) -> Fallible<Bound<'py, PyAny>> {
    Ok(this.task_factory.get_or_none(this.py()))
}

fn set_task_factory<'py>(this: &Ref<'py, LoopState>, value: &Bound<'py, PyAny>) -> Fallible<()> {
    this.mark(Marks::TASK_FACTORY, !value.is_none());
    this.task_factory
        .set_or_clear((!value.is_none()).then(|| value.clone()));
    Ok(())
}

fn cancelled_timers<'py>(this: &Ref<'py, LoopState>) -> Fallible<Bound<'py, PyAny>> {
    let (_, cancelled) = this.timers.counts();
    Ok(cancelled
        .into_pyobject(this.py())
        .map_err(PyErr::from)?
        .into_any())
}

/// Makes the class.
///
/// # Errors
/// What making a class raises.
pub(crate) fn build(module: &Bound<'_, PyModule>) -> Fallible<()> {
    let class = Builder::<LoopState>::new(c"stook.LoopCore")
        .doc(c"The scheduling half of stook.EventLoop.")
        .instantiable()
        .subclassable()
        .attribute_watcher(watch)
        .methods([
            Method::any(c"call_soon", CALL_SOON, call_soon),
            Method::any(
                c"call_soon_threadsafe",
                CALL_SOON_THREADSAFE,
                call_soon_threadsafe,
            ),
            Method::any(c"call_later", CALL_LATER, call_later),
            Method::any(c"call_at", CALL_AT, call_at),
            Method::none(c"time", TIME, time),
            Method::none(c"create_future", CREATE_FUTURE, create_future),
            Method::any(
                c"create_task",
                if reference(module.py())?.loop_takes_options {
                    CREATE_TASK_WITH_OPTIONS
                } else {
                    CREATE_TASK
                },
                create_task,
            ),
            Method::one(
                c"_add_callback",
                c"Add a handle that became ready.",
                add_callback,
            ),
            Method::one(
                c"_timer_handle_cancelled",
                c"A timer handle of another kind was cancelled.",
                timer_handle_cancelled,
            ),
            Method::none(
                c"_run_turns",
                c"Run turns until stop() was called.",
                run_turns,
            ),
            Method::any(
                c"run_until_complete",
                RUN_UNTIL_COMPLETE,
                run_until_complete,
            ),
            Method::none(c"_run_once", c"Run one turn.", run_once),
            Method::none(
                c"_write_to_self",
                c"End the wait for events.",
                self_pipe::write,
            ),
            Method::none(
                c"_read_from_self",
                c"Take what ended the wait.",
                self_pipe::read,
            ),
            Method::none(c"_clear_queues", c"Drop what is scheduled.", clear_queues),
            Method::none(c"_tasks", c"The tasks of ours that are not done.", tasks),
            Method::none(
                c"_notice_overrides",
                c"Look for replaced methods.",
                notice_overrides,
            ),
        ])
        .hash(hash)
        .attributes([
            GetSet::read_write(c"keep_tasks", keeps_tasks, set_keeps_tasks),
            GetSet::read_write(c"_debug", debug, set_debug),
            GetSet::read_write(c"_closed", closed, set_closed),
            GetSet::read_write(c"_task_factory", task_factory, set_task_factory),
            GetSet::read_write(c"_ready", shown::ready_handles, ignore),
            GetSet::read_write(c"_scheduled", shown::scheduled_handles, ignore),
            GetSet::read_write(c"_timer_cancelled_count", cancelled_timers, ignore),
            GetSet::read_write(
                c"_stopping",
                |this: &Ref<'_, LoopState>| Ok(python_bool(this.py(), this.stopping.get())),
                |this: &Ref<'_, LoopState>, value: &Bound<'_, PyAny>| {
                    this.stopping.set(value.is_truthy()?);
                    Ok(())
                },
            ),
            GetSet::read_write(
                c"_thread_id",
                |this: &Ref<'_, LoopState>| Ok(this.thread.get_or_none(this.py())),
                |this: &Ref<'_, LoopState>, value: &Bound<'_, PyAny>| {
                    this.thread
                        .set_or_clear((!value.is_none()).then(|| value.clone()));
                    Ok(())
                },
            ),
            GetSet::read_write(
                c"_current_handle",
                |this: &Ref<'_, LoopState>| Ok(this.current_handle.get_or_none(this.py())),
                |this: &Ref<'_, LoopState>, value: &Bound<'_, PyAny>| {
                    this.current_handle
                        .set_or_clear((!value.is_none()).then(|| value.clone()));
                    Ok(())
                },
            ),
            GetSet::read_write(
                c"nesting_allowed",
                |this: &Ref<'_, LoopState>| Ok(python_bool(this.py(), this.nesting_allowed.get())),
                |this: &Ref<'_, LoopState>, value: &Bound<'_, PyAny>| {
                    this.nesting_allowed.set(value.is_truthy()?);
                    Ok(())
                },
            ),
        ])
        .build(module.py())?;
    module.add(intern!(module.py(), "LoopCore"), class)?;
    Ok(())
}

const CALL_SOON: &std::ffi::CStr = c"call_soon($self, callback, *args, context=None)\n--\n\n\
Run callback(*args) in the next turn of the loop, after what was scheduled before.\n\n\
Returns:\n    A handle; cancel() on it may be called again.\n\n\
Raises:\n    RuntimeError: The loop is closed.";
const CALL_SOON_THREADSAFE: &std::ffi::CStr =
    c"call_soon_threadsafe($self, callback, *args, context=None)\n--\n\n\
call_soon() for other threads than the loop's.\n\n\
Raises:\n    RuntimeError: The loop is closed.";
const CALL_LATER: &std::ffi::CStr =
    c"call_later($self, delay, callback, *args, context=None)\n--\n\n\
Run callback(*args) once, delay seconds from now.\n\n\
Args:\n    delay: Seconds; zero or less means as soon as what is ready has run.\n    \
context: The context to run in; a copy of the current one when None.\n\n\
Returns:\n    A handle; cancel() on it may be called again.\n\n\
Raises:\n    RuntimeError: The loop is closed.";
const CALL_AT: &std::ffi::CStr = c"call_at($self, when, callback, *args, context=None)\n--\n\n\
Run callback(*args) once, at when, in seconds of the loop's clock.\n\n\
Raises:\n    RuntimeError: The loop is closed.";
const TIME: &std::ffi::CStr =
    c"time($self, /)\n--\n\nReturn the loop's time: seconds of the monotonic clock.";
const CREATE_FUTURE: &std::ffi::CStr =
    c"create_future($self, /)\n--\n\nReturn a new pending Future of this loop.";
const CREATE_TASK: &std::ffi::CStr =
    c"create_task($self, coro, *, name=None, context=None)\n--\n\n\
Have the loop run a coroutine.\n\n\
Args:\n    name: The task's name; \"Task-N\" when None.\n    \
context: The context to run in; a copy of the current one when None.\n\n\
Returns:\n    A Task.\n\nRaises:\n    RuntimeError: The loop is closed.";
const CREATE_TASK_WITH_OPTIONS: &std::ffi::CStr =
    c"create_task($self, coro, *, name=None, context=None, **kwargs)\n--\n\n\
Have the loop run a coroutine.\n\n\
Args:\n    name: The task's name; \"Task-N\" when None.\n    \
context: The context to run in; a copy of the current one when None.\n\n\
Returns:\n    A Task.\n\nRaises:\n    RuntimeError: The loop is closed.";
const RUN_UNTIL_COMPLETE: &std::ffi::CStr = c"run_until_complete($self, future)\n--\n\n\
Run until an awaitable is done.\n\n\
Args:\n    future: A future of this loop, or a coroutine or other awaitable.\n\n\
Returns:\n    The result.\n\n\
Raises:\n    RuntimeError: The loop is closed, was stopped before, or is running in this thread\n\
\x20       and does not allow nesting.";

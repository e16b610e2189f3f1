//! `Task` as Python sees it: its methods and attributes.

use std::cell::Cell;

use crate::ffi::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use crate::accelerator;
use crate::asking;
use crate::errors::{self, Imported};
use crate::ffi::{Args, Builder, Fallible, GetSet, Method, Ref, Signature, compat};
use crate::future::FutureState;
use crate::future_class::{self, python_bool};
use crate::task::{self, Options, TaskState};

static REPR: Imported = Imported::new("asyncio.base_tasks", "_task_repr");
static GET_STACK: Imported = Imported::new("asyncio.base_tasks", "_task_get_stack");
static PRINT_STACK: Imported = Imported::new("asyncio.base_tasks", "_task_print_stack");

/// What this file looks up when the module is made.
pub(crate) const IMPORTS: &[&Imported] = &[&REPR, &GET_STACK, &PRINT_STACK];

fn none<'py>(this: &Ref<'py, TaskState>) -> Bound<'py, PyAny> {
    this.py().None().into_bound(this.py())
}

fn init<'py>(this: &Ref<'py, TaskState>, args: &Args<'_, 'py>) -> Fallible<()> {
    let (coroutine, event_loop, options) = if compat::SINCE_3_12 {
        const SIGNATURE: Signature<5> = Signature::builtin(
            "Task",
            ["coro", "loop", "name", "context", "eager_start"],
            1,
            1,
        );
        let [coroutine, event_loop, name, context, eager] = args.parse(&SIGNATURE)?;
        let eager_start = match eager {
            Some(eager) => eager.is_truthy()?,
            None => false,
        };
        (
            coroutine,
            event_loop,
            Options {
                name,
                context,
                eager_start,
            },
        )
    } else {
        const SIGNATURE: Signature<4> =
            Signature::builtin("Task", ["coro", "loop", "name", "context"], 1, 1);
        let [coroutine, event_loop, name, context] = args.parse(&SIGNATURE)?;
        (
            coroutine,
            event_loop,
            Options {
                name,
                context,
                eager_start: false,
            },
        )
    };
    this.future.initialize(this.py(), event_loop)?;
    task::start(this, &coroutine.unwrap_or_else(|| none(this)), options)
}

fn cancel<'py>(this: &Ref<'py, TaskState>, args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    let message = future_class::message(args)?;
    if this.future.is_done() {
        this.future.mark_read();
        return Ok(python_bool(this.py(), false));
    }
    let record = asking::of_task(this, message.as_ref())?;
    Ok(python_bool(
        this.py(),
        task::cancel(this, message.as_ref(), &record)?,
    ))
}

fn number<'py>(py: Python<'py>, number: u32) -> Fallible<Bound<'py, PyAny>> {
    Ok(number.into_pyobject(py).map_err(PyErr::from)?.into_any())
}

fn cancelling<'py>(this: &Ref<'py, TaskState>) -> Fallible<Bound<'py, PyAny>> {
    number(this.py(), this.requests(this.py()).pending())
}

fn uncancel<'py>(this: &Ref<'py, TaskState>) -> Fallible<Bound<'py, PyAny>> {
    number(this.py(), task::uncancel(this)?)
}

fn get_stack<'py>(this: &Ref<'py, TaskState>, args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    const SIGNATURE: Signature<1> = Signature::builtin("get_stack", ["limit"], 0, 0);
    let [limit] = args.parse(&SIGNATURE)?;
    let limit = limit.unwrap_or_else(|| none(this));
    Ok(GET_STACK.get(this.py())?.call1((this.as_any(), limit))?)
}

fn print_stack<'py>(
    this: &Ref<'py, TaskState>,
    args: &Args<'_, 'py>,
) -> Fallible<Bound<'py, PyAny>> {
    const SIGNATURE: Signature<2> = Signature::builtin("print_stack", ["limit", "file"], 0, 0);
    let [limit, file] = args.parse(&SIGNATURE)?;
    let limit = limit.unwrap_or_else(|| none(this));
    let file = file.unwrap_or_else(|| none(this));
    Ok(PRINT_STACK
        .get(this.py())?
        .call1((this.as_any(), limit, file))?)
}

fn refuse_set_result<'py>(
    _this: &Ref<'py, TaskState>,
    _value: &Bound<'py, PyAny>,
) -> Fallible<Bound<'py, PyAny>> {
    Err(errors::runtime_error(
        "Task does not support set_result operation",
    ))
}

fn refuse_set_exception<'py>(
    _this: &Ref<'py, TaskState>,
    _exception: &Bound<'py, PyAny>,
) -> Fallible<Bound<'py, PyAny>> {
    Err(errors::runtime_error(
        "Task does not support set_exception operation",
    ))
}

fn get_name<'py>(this: &Ref<'py, TaskState>) -> Fallible<Bound<'py, PyAny>> {
    Ok(this.name(this.py()))
}

fn set_name<'py>(
    this: &Ref<'py, TaskState>,
    name: &Bound<'py, PyAny>,
) -> Fallible<Bound<'py, PyAny>> {
    // Those who were asked by it know it by the name that it had.
    task::catch_up(this.py(), this);
    this.set_name(name)?;
    Ok(none(this))
}

fn get_coro<'py>(this: &Ref<'py, TaskState>) -> Fallible<Bound<'py, PyAny>> {
    Ok(this.coroutine.get_or_none(this.py()))
}

fn get_context<'py>(this: &Ref<'py, TaskState>) -> Fallible<Bound<'py, PyAny>> {
    this.context.get_or_none(this.py())
}

fn awaited<'py>(this: &Ref<'py, TaskState>) -> Fallible<Bound<'py, PyAny>> {
    Ok(this.awaited.get_or_none(this.py()))
}

fn must_cancel<'py>(this: &Ref<'py, TaskState>) -> Fallible<Bound<'py, PyAny>> {
    Ok(python_bool(this.py(), this.requests(this.py()).is_due()))
}

fn log_destroy_pending<'py>(this: &Ref<'py, TaskState>) -> Fallible<Bound<'py, PyAny>> {
    Ok(python_bool(this.py(), this.reports_destruction()))
}

fn set_log_destroy_pending<'py>(
    this: &Ref<'py, TaskState>,
    value: &Bound<'py, PyAny>,
) -> Fallible<()> {
    this.set_reports_destruction(value.is_truthy()?);
    Ok(())
}

thread_local! {
    /// How many tasks are being shown, each for the sake of the one before.
    static SHOWN: Cell<u32> = const { Cell::new(0) };
}

/// So many tasks are shown inside each other.
const MOST_SHOWN: u32 = 20;

/// `repr(task)`
///
/// DIFFERENCE: the repr of a task shows twenty tasks inside each other, and of the next one that they
/// wait for only its name. In asyncio that of a chain of some hundred raises `RecursionError`, and so
/// does `asyncio.run` at the end of a run of such a chain that is broken off.
fn repr<'py>(this: &Ref<'py, TaskState>) -> Fallible<Bound<'py, PyAny>> {
    let py = this.py();
    let shown = SHOWN.get();
    if shown >= MOST_SHOWN {
        let name = this.name(py).repr()?;
        return Ok(PyString::new(py, &format!("<Task name={name} ...>")).into_any());
    }
    SHOWN.set(shown + 1);
    let whole = future_class::repr(task::as_future(this), &REPR);
    SHOWN.set(shown);
    whole
}

fn class_of<'py>(this: &Ref<'py, TaskState>) -> Fallible<Bound<'py, PyAny>> {
    if this.is_exact() && accelerator::is_mirroring() {
        return Ok(accelerator::task_type(this.py())?);
    }
    Ok(this.as_any().get_type().into_any())
}

/// `eager_task_factory(loop, coro, *, name=None, context=None)`
///
/// # Errors
/// As `Task`.
pub(crate) fn eager_task_factory<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    const SIGNATURE: Signature<4> = Signature::python(
        "create_eager_task_factory.<locals>.factory",
        ["loop", "coro", "name", "context"],
        2,
        2,
    );
    let py = args.py();
    let [event_loop, coroutine, name, context] = args.parse(&SIGNATURE)?;
    let options = PyDict::new(py);
    options.set_item(intern!(py, "loop"), event_loop)?;
    options.set_item(intern!(py, "name"), name)?;
    options.set_item(intern!(py, "context"), context)?;
    options.set_item(intern!(py, "eager_start"), true)?;
    let class = crate::future::TASK.class(py);
    Ok(class.call((coroutine,), Some(&options))?)
}

/// Makes the class.
///
/// # Errors
/// What making a class raises.
pub(crate) fn build(module: &Bound<'_, PyModule>) -> Fallible<()> {
    let context =
        compat::SINCE_3_12.then(|| Method::none(c"get_context", GET_CONTEXT, get_context));
    let class = Builder::<TaskState>::new(c"stook.Task")
        .doc(if compat::SINCE_3_12 { DOC } else { DOC_3_11 })
        .base(|task: &TaskState| &task.future)
        .own_methods_of::<FutureState>(&[
            c"add_done_callback",
            c"remove_done_callback",
            c"cancelled",
            c"done",
            c"exception",
            c"result",
        ])
        .instantiable()
        .subclassable()
        .immutable()
        .init(init)
        .repr(repr)
        .finalizer(task::finalize)
        .methods([
            Method::one(c"set_result", REFUSED, refuse_set_result),
            Method::one(c"set_exception", REFUSED_EXCEPTION, refuse_set_exception),
            Method::any(c"cancel", CANCEL, cancel),
            Method::none(c"cancelling", CANCELLING, cancelling),
            Method::none(c"uncancel", UNCANCEL, uncancel),
            Method::any(c"get_stack", GET_STACK_DOC, get_stack),
            Method::any(c"print_stack", PRINT_STACK_DOC, print_stack),
            Method::none(c"get_name", GET_NAME, get_name),
            Method::one(c"set_name", SET_NAME, set_name),
            Method::none(c"get_coro", GET_CORO, get_coro),
            Method::class_getitem(),
        ])
        .methods(context)
        .attributes([
            GetSet::class(class_of),
            GetSet::read_write(
                c"_log_destroy_pending",
                log_destroy_pending,
                set_log_destroy_pending,
            ),
            GetSet::read(c"_must_cancel", must_cancel),
            GetSet::read(c"_coro", get_coro),
            GetSet::read(c"_fut_waiter", awaited),
        ])
        .build(module.py())?;
    module.add(intern!(module.py(), "Task"), class)?;
    Ok(())
}

const DOC: &std::ffi::CStr =
    c"Task(coro, *, loop=None, name=None, context=None, eager_start=False)\n--\n\n\
A coroutine that the event loop runs, and the future of its result.\n\n\
Args:\n    loop: The event loop; the running or the current one when None.\n    \
name: Shown by repr; \"Task-N\" when None.\n    \
context: The contextvars.Context to run in; a copy of the current one when None.\n    \
eager_start: Run the first step at once when the loop is running.\n\n\
Source:\n    asyncio.Task";
const DOC_3_11: &std::ffi::CStr = c"Task(coro, *, loop=None, name=None, context=None)\n--\n\n\
A coroutine that the event loop runs, and the future of its result.\n\n\
Args:\n    loop: The event loop; the running or the current one when None.\n    \
name: Shown by repr; \"Task-N\" when None.\n    \
context: The contextvars.Context to run in; a copy of the current one when None.\n\n\
Source:\n    asyncio.Task";
const REFUSED: &std::ffi::CStr = c"set_result($self, result, /)\n--\n\n\
Refused with RuntimeError: the result of a task is its coroutine's.";
const REFUSED_EXCEPTION: &std::ffi::CStr = c"set_exception($self, exception, /)\n--\n\n\
Refused with RuntimeError: the exception of a task is its coroutine's.";
const CANCEL: &std::ffi::CStr = c"cancel($self, /, msg=None)\n--\n\n\
Ask the task to cancel: CancelledError is raised in its coroutine at the next occasion.\n\n\
The coroutine may clean up first, or go on; it is cancelled only when it ends by\n\
CancelledError.\n\n\
Returns:\n    False when the task is done already.";
const CANCELLING: &std::ffi::CStr = c"cancelling($self, /)\n--\n\n\
Return how many cancel requests there were, less those that uncancel() took back.";
const UNCANCEL: &std::ffi::CStr =
    c"uncancel($self, /)\n--\n\nTake one cancel request back; return how many are left.";
const GET_STACK_DOC: &std::ffi::CStr = c"get_stack($self, /, *, limit=None)\n--\n\n\
Return the stack of the task's coroutine, or the frames of its exception, oldest first.";
const PRINT_STACK_DOC: &std::ffi::CStr = c"print_stack($self, /, *, limit=None, file=None)\n--\n\n\
Print the stack or the traceback of the task's coroutine; to sys.stderr by default.";
const GET_NAME: &std::ffi::CStr = c"get_name($self, /)\n--\n\nReturn the task's name.";
const SET_NAME: &std::ffi::CStr = c"set_name($self, value, /)\n--\n\nSet the task's name.";
const GET_CORO: &std::ffi::CStr = c"get_coro($self, /)\n--\n\nReturn the coroutine.";
const GET_CONTEXT: &std::ffi::CStr =
    c"get_context($self, /)\n--\n\nReturn the context that the coroutine runs in.";

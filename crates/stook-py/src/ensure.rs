//! `create_task` and `ensure_future`.
//!
//! # Source
//! `create_task`, `ensure_future`, CPython 3.11 to 3.13 `asyncio/tasks.py`.

use crate::ffi::intern;
use pyo3::exceptions::{PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::{self, Imported};
use crate::ffi::{Args, Fallible, Ref, Signature, call, coro, error};
use crate::future;
use crate::loop_core::{self, LoopState, Marks};
use crate::reference::reference;
use crate::step;
use crate::task::{self, Options};

static WRAP_AWAITABLE: Imported = Imported::new("stook._awaitable", "_wrap_awaitable");
static TOKEN: Imported = Imported::new("stook._tokens", "CancellationToken");
static CHECK_TOKEN: Imported = Imported::new("stook._token_tasks", "check");
static CANCEL_BY_TOKEN: Imported = Imported::new("stook._token_tasks", "cancel_by");
static ISFUTURE: Imported = Imported::new("asyncio.base_futures", "isfuture");
static ISAWAITABLE: Imported = Imported::new("inspect", "isawaitable");

/// What this file looks up when the module is made.
pub(crate) const IMPORTS: &[&Imported] = &[&ISFUTURE, &ISAWAITABLE, &WRAP_AWAITABLE];

/// `asyncio.isfuture(object)`
pub(crate) fn is_future(object: &Bound<'_, PyAny>) -> Fallible<bool> {
    if future::plain(object).is_some() {
        return Ok(true);
    }
    if coro::is_exact_coroutine(object) {
        return Ok(false);
    }
    Ok(ISFUTURE.get(object.py())?.call1((object,))?.is_truthy()?)
}

/// Whether `create_task` of this loop is ours, without a factory.
pub(crate) fn spawns_natively<'a, 'py>(
    event_loop: &'a Bound<'py, PyAny>,
) -> Option<&'a Ref<'py, LoopState>> {
    let native = loop_core::native(event_loop)?;
    let is_ours = !native.has(Marks::CREATE_TASK) && !native.has(Marks::TASK_FACTORY);
    (is_ours && native.is_open()).then_some(native)
}

/// `event_loop.create_task(coroutine)`
#[inline]
pub(crate) fn create<'py>(
    event_loop: &Bound<'py, PyAny>,
    coroutine: &Bound<'py, PyAny>,
) -> Fallible<Bound<'py, PyAny>> {
    match spawns_natively(event_loop) {
        Some(native) => Ok(task::spawn(native, coroutine, Options::default())?.into_any()),
        None => call::method1(
            event_loop,
            intern!(event_loop.py(), "create_task"),
            coroutine,
        ),
    }
}

/// `create_task(coro, *, name=None, context=None)`
///
/// # Errors
/// `RuntimeError` without a running loop, and as the loop's `create_task`.
pub(crate) fn create_task<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    const SIGNATURE: Signature<3> =
        Signature::python("create_task", ["coro", "name", "context"], 1, 1);
    let [coroutine, name, context] = args.parse(&SIGNATURE)?;
    create_with(args.py(), coroutine, name, context)
}

/// `create_task(coro, *, name=None, context=None, token=None)`
///
/// # Errors
/// `TypeError` for what is no token, and as [`create_task`].
pub(crate) fn create_task_of_token<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    const SIGNATURE: Signature<4> =
        Signature::python("create_task", ["coro", "name", "context", "token"], 1, 1);
    let py = args.py();
    let [coroutine, name, context, token] = args.parse(&SIGNATURE)?;
    let Some(token) = token.filter(|token| !token.is_none()) else {
        return create_with(py, coroutine, name, context);
    };
    if !token.get_type().is(TOKEN.get(py)?) {
        CHECK_TOKEN.get(py)?.call1((&token,))?;
    }
    let task = create_with(py, coroutine, name, context)?;
    CANCEL_BY_TOKEN.get(py)?.call1((&task, token))?;
    Ok(task)
}

fn create_with<'py>(
    py: Python<'py>,
    coroutine: Option<Bound<'py, PyAny>>,
    name: Option<Bound<'py, PyAny>>,
    context: Option<Bound<'py, PyAny>>,
) -> Fallible<Bound<'py, PyAny>> {
    let coroutine = coroutine.unwrap_or_else(|| py.None().into_bound(py));
    let event_loop = loop_core::require_running_loop(py)?;
    let passes_name = reference(py)?.create_task_passes_name;
    let name = name.filter(|name| !name.is_none());
    if let Some(native) = spawns_natively(&event_loop) {
        // Where the name is set afterwards, the task has taken a number before.
        let (early, late) = if passes_name {
            (name, None)
        } else {
            (None, name)
        };
        let options = Options {
            name: early,
            context,
            eager_start: false,
        };
        let task = task::spawn(native, &coroutine, options)?;
        if let Some(name) = late {
            task.set_name(&name)?;
        }
        return Ok(task.into_any());
    }
    let options = PyDict::new(py);
    if passes_name {
        options.set_item(intern!(py, "name"), &name)?;
    }
    if let Some(context) = context.filter(|context| !context.is_none()) {
        options.set_item(intern!(py, "context"), context)?;
    }
    let task = event_loop.call_method(intern!(py, "create_task"), (coroutine,), Some(&options))?;
    if !passes_name && let Some(name) = name {
        py.import("asyncio.tasks")?
            .call_method1("_set_task_name", (&task, name))?;
    }
    Ok(task)
}

/// `ensure_future(coro_or_future, *, loop=None)`
///
/// # Errors
/// `ValueError` for a future of another loop, `TypeError` for what cannot be awaited.
pub(crate) fn ensure_future<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    const SIGNATURE: Signature<2> =
        Signature::python("ensure_future", ["coro_or_future", "loop"], 1, 1);
    let py = args.py();
    let [object, event_loop] = args.parse(&SIGNATURE)?;
    let object = object.unwrap_or_else(|| py.None().into_bound(py));
    ensure(
        &object,
        event_loop
            .filter(|event_loop| !event_loop.is_none())
            .as_ref(),
    )
}

/// `ensure_future(object, loop=event_loop)`
///
/// # Errors
/// As [`ensure_future`].
#[inline]
pub(crate) fn ensure<'py>(
    object: &Bound<'py, PyAny>,
    event_loop: Option<&Bound<'py, PyAny>>,
) -> Fallible<Bound<'py, PyAny>> {
    if coro::is_exact_coroutine(object) {
        return into_task(object, event_loop, true);
    }
    if is_future(object)? {
        if let Some(event_loop) = event_loop {
            check_loop(object, event_loop)?;
        }
        return Ok(object.clone());
    }
    if errors::is_coroutine(object)? {
        return into_task(object, event_loop, true);
    }
    let py = object.py();
    if ISAWAITABLE.get(py)?.call1((object,))?.is_truthy()? {
        let wrapped = wrap_awaitable(object)?;
        return into_task(&wrapped, event_loop, false);
    }
    let message = "An asyncio.Future, a coroutine or an awaitable is required";
    Err(PyTypeError::new_err(message).into())
}

/// Refuses a future of another loop.
///
/// # Errors
/// `ValueError` for one.
pub(crate) fn check_loop<'py>(
    future: &Bound<'py, PyAny>,
    event_loop: &Bound<'py, PyAny>,
) -> Fallible<()> {
    if step::loop_of(future)?.is(event_loop) {
        return Ok(());
    }
    let message = "The future belongs to a different loop than \
                   the one specified as the loop argument";
    Err(PyValueError::new_err(message).into())
}

/// A coroutine that awaits `object`.
fn wrap_awaitable<'py>(object: &Bound<'py, PyAny>) -> Fallible<Bound<'py, PyAny>> {
    Ok(WRAP_AWAITABLE.get(object.py())?.call1((object,))?)
}

fn into_task<'py>(
    coroutine: &Bound<'py, PyAny>,
    event_loop: Option<&Bound<'py, PyAny>>,
    close_on_error: bool,
) -> Fallible<Bound<'py, PyAny>> {
    let py = coroutine.py();
    let found;
    let event_loop = match event_loop {
        Some(event_loop) => event_loop,
        None => {
            found = crate::running::get_event_loop(py)?;
            &found
        }
    };
    create(event_loop, coroutine).or_else(|raised| {
        if !close_on_error || !raised.matches(py.get_type::<PyRuntimeError>().as_any()) {
            return Err(raised);
        }
        let exception = raised.take(py);
        call::method0(coroutine, intern!(py, "close"))?;
        Err(error::again(exception))
    })
}

//! The futures of one `as_completed`, in the order in which they end.
//!
//! It is what the generator of 3.12 loops over, and what passes for the iterator that 3.13 has in
//! the generator's place.
//!
//! # Source
//! `as_completed`, `_AsCompletedIterator`, CPython 3.11 to 3.13 `asyncio/tasks.py`.

use std::cell::Cell;

use crate::ffi::intern;
use pyo3::exceptions::{PyKeyError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyInt, PySet};

use super::completion::{self, Gives};
use super::ended::{self, EndedState};
use crate::callbacks::Callback;
use crate::ensure;
use crate::errors::Imported;
use crate::ffi::class::Attributes;
use crate::ffi::coro::Resumed;
use crate::ffi::gc::traverse;
use crate::ffi::{Builder, Class, Fallible, GetSet, Held, HeldCell, Ref, TypeSlot, call, compat};
use crate::function;
use crate::future;
use crate::running;

static ITERATOR: Imported = Imported::new("asyncio.tasks", "_AsCompletedIterator");

/// The object is what the user loops over; else a generator is.
pub(super) const IS_ITERATOR: bool = compat::SINCE_3_13;

static ON_COMPLETION: Imported = Imported::new(
    "asyncio.tasks",
    if IS_ITERATOR {
        "_AsCompletedIterator._handle_completion"
    } else {
        "as_completed.<locals>._on_completion"
    },
);
static ON_TIMEOUT: Imported = Imported::new(
    "asyncio.tasks",
    if IS_ITERATOR {
        "_AsCompletedIterator._handle_timeout"
    } else {
        "as_completed.<locals>._on_timeout"
    },
);

/// Looks up what is needed where `as_completed` is as we know it; elsewhere it is not used.
pub(super) fn capture(py: Python<'_>) {
    if IS_ITERATOR {
        let _ = ITERATOR.get(py);
    }
    for name in [&ON_COMPLETION, &ON_TIMEOUT].iter().chain(ended::IMPORTS) {
        let _ = name.get(py);
    }
}

/// The state.
#[derive(Debug, Default)]
pub(crate) struct CompletionsState {
    /// The set of the futures that are not done.
    todo: HeldCell,
    /// What has ended.
    ended: HeldCell,
    timer: HeldCell,
    /// What the futures that are not ours call when they are done.
    callback: HeldCell,
    /// How many are not asked for yet.
    left: Cell<usize>,
}

traverse!(CompletionsState: todo, ended, timer, callback);

impl Class for CompletionsState {
    type Extras = Attributes;

    fn slot() -> &'static TypeSlot {
        static SLOT: TypeSlot = TypeSlot::new();
        &SLOT
    }
}

/// Makes a future of each of `awaitables`, and begins to wait for them.
///
/// # Errors
/// As `ensure_future` for each, and what the loop's `call_later` raises.
pub(super) fn begin<'py>(
    awaitables: &Bound<'py, PyAny>,
    timeout: &Bound<'py, PyAny>,
) -> Fallible<Ref<'py, CompletionsState>> {
    let py = awaitables.py();
    let event_loop = running::get_event_loop(py)?;
    let this = Ref::allocate(py, CompletionsState::default())?;
    this.ended.set(Ref::allocate(py, EndedState::default())?);
    let todo = PySet::empty(py)?;
    // Its order is that of asyncio's own set.
    for awaitable in py.get_type::<PySet>().call1((awaitables,))?.try_iter()? {
        todo.add(ensure::ensure(&awaitable?, Some(&event_loop))?)?;
    }
    this.todo.set(todo.clone().into_any());
    this.left.set(todo.len());
    tell_all(&this, &todo)?;
    set_timer(&this, &todo, &event_loop, timeout)?;
    Ok(this)
}

fn tell_all<'py>(this: &Ref<'py, CompletionsState>, todo: &Bound<'py, PySet>) -> Fallible<()> {
    for future in todo.try_iter()? {
        let future = future?;
        if let Some(plain) = future::plain(&future) {
            future::add_callback(plain, Callback::Settle(Held::new(this.as_any())))?;
        } else {
            let name = intern!(this.py(), "add_done_callback");
            call::method1(&future, name, &callback(this)?)?;
        }
    }
    Ok(())
}

fn set_timer<'py>(
    this: &Ref<'py, CompletionsState>,
    todo: &Bound<'py, PySet>,
    event_loop: &Bound<'py, PyAny>,
    timeout: &Bound<'py, PyAny>,
) -> Fallible<()> {
    if todo.is_empty() || timeout.is_none() {
        return Ok(());
    }
    let py = this.py();
    let release = as_python(this, &ON_TIMEOUT, |this, _args| {
        match Ref::<CompletionsState>::cast(this) {
            Some(this) => time_out(this)?,
            None => return Err(not_ours()),
        }
        Ok(this.py().None().into_bound(this.py()))
    })?;
    let handle = event_loop.call_method1(intern!(py, "call_later"), (timeout, release))?;
    this.timer.set(handle);
    Ok(())
}

fn not_ours() -> crate::ffi::Raised {
    PyTypeError::new_err("not a part of as_completed").into()
}

/// A function of asyncio's for `this`: a method in 3.13, and before one that another function made.
fn as_python<'py>(
    this: &Ref<'py, CompletionsState>,
    original: &'static Imported,
    body: function::InnerBody,
) -> Fallible<Bound<'py, PyAny>> {
    let py = this.py();
    let function = function::inner(original.get(py)?, body, this.as_any())?;
    if !IS_ITERATOR {
        return Ok(function);
    }
    function::bound_method(&function, this.as_any())
}

/// What a future that is done calls, as Python code sees it; the same at each time.
fn callback<'py>(this: &Ref<'py, CompletionsState>) -> Fallible<Bound<'py, PyAny>> {
    if let Some(callback) = this.callback.get(this.py()) {
        return Ok(callback);
    }
    let callback = as_python(this, &ON_COMPLETION, |this, args| {
        // The method has the object before the future.
        let count = args.positional_len();
        let Some(this) = Ref::<CompletionsState>::cast(this).filter(|_| count > 0) else {
            return Err(not_ours());
        };
        settle(this, &args.positional(count - 1))?;
        Ok(this.py().None().into_bound(this.py()))
    })?;
    this.callback.set(callback.clone());
    Ok(callback)
}

/// Counts `future`, which is done.
///
/// # Errors
/// `KeyError` when it was counted before.
pub(crate) fn settle<'py>(
    this: &Ref<'py, CompletionsState>,
    future: &Bound<'py, PyAny>,
) -> Fallible<()> {
    let py = this.py();
    let todo = this.todo.get_or_none(py);
    let todo = todo.cast::<PySet>().map_err(PyErr::from)?;
    if todo.is_empty() {
        return Ok(()); // the timeout was first
    }
    if !todo.discard(future)? {
        return Err(PyKeyError::new_err(future.clone().unbind()).into());
    }
    put(this, future)?;
    if todo.is_empty()
        && let Some(timer) = this.timer.get(py)
    {
        call::method0(&timer, intern!(py, "cancel"))?;
    }
    Ok(())
}

/// The time is over: what is not done counts as not done in time.
fn time_out(this: &Ref<'_, CompletionsState>) -> Fallible<()> {
    let py = this.py();
    let todo = this.todo.get_or_none(py);
    let todo = todo.cast::<PySet>().map_err(PyErr::from)?;
    for future in todo.try_iter()? {
        let future = future?;
        match future::plain(&future) {
            Some(plain) => plain.callbacks.remove_waiter(this.as_any()),
            None => {
                let name = intern!(py, "remove_done_callback");
                call::method1(&future, name, &callback(this)?)?;
            }
        }
        put(this, &py.None().into_bound(py))?;
    }
    todo.clear();
    Ok(())
}

fn put<'py>(this: &Ref<'py, CompletionsState>, future: &Bound<'py, PyAny>) -> Fallible<()> {
    let queue = this.ended.get_or_none(this.py());
    match Ref::<EndedState>::cast(&queue) {
        Some(queue) => ended::put(queue, future),
        None => Ok(()),
    }
}

impl CompletionsState {
    /// The queue of what has ended.
    pub(super) fn ended<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        self.ended.get_or_none(py)
    }

    /// Counts one more that is asked for; `false` when there is none.
    pub(super) fn ask(&self) -> bool {
        match self.left.get().checked_sub(1) {
            Some(left) => {
                self.left.set(left);
                true
            }
            None => false,
        }
    }
}

fn next<'py>(this: &Ref<'py, CompletionsState>) -> Fallible<Resumed<'py>> {
    if this.ask() {
        return completion::new(this, Gives::Result).map(Resumed::Yielded);
    }
    Ok(Resumed::Returned(this.py().None().into_bound(this.py())))
}

fn next_future<'py>(this: &Ref<'py, CompletionsState>) -> Fallible<Bound<'py, PyAny>> {
    completion::new(this, Gives::Future)
}

fn class_of<'py>(this: &Ref<'py, CompletionsState>) -> Fallible<Bound<'py, PyAny>> {
    if IS_ITERATOR {
        return Ok(ITERATOR.get(this.py())?.clone());
    }
    Ok(this.as_any().get_type().into_any())
}

/// Makes the class.
///
/// # Errors
/// What making a class raises.
pub(super) fn build(py: Python<'_>) -> Fallible<()> {
    let mut class =
        Builder::<CompletionsState>::new(c"asyncio.tasks._AsCompletedIterator").resumable(next);
    if IS_ITERATOR {
        class = class.async_iterator(next_future);
    }
    class
        .attributes([
            GetSet::read(c"__class__", class_of),
            GetSet::read(c"_done_callback", callback),
            GetSet::read(c"_timeout_handle", |this: &Ref<'_, CompletionsState>| {
                Ok(this.timer.get_or_none(this.py()))
            }),
            GetSet::read(c"_todo", |this: &Ref<'_, CompletionsState>| {
                Ok(this.todo.get_or_none(this.py()))
            }),
            GetSet::read(c"_todo_left", |this: &Ref<'_, CompletionsState>| {
                Ok(PyInt::new(this.py(), this.left.get()).into_any())
            }),
        ])
        .build(py)?;
    Ok(())
}

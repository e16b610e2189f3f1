//! What a loop has scheduled, as the handles that asyncio would show.
//!
//! Programs that watch loops count `_ready` and `_scheduled`, and print what is in them. They get
//! lists of what is there at the moment; putting something into such a list schedules nothing.
//!
//! # Source
//! `BaseEventLoop`, CPython 3.13 `asyncio/base_events.py`.

use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyList, PyTuple};

use crate::callbacks::settling_method;
use crate::ffi::{Class, Fallible, Held, Ref, Rest};
use crate::forward;
use crate::handle::{self, HandleState, TimerHandleState};
use crate::loop_core::LoopState;
use crate::natives;
use crate::ready::Ready;
use crate::sleep;
use crate::task::TaskState;
use crate::timers::Alarm;
use crate::wakeup;

/// An entry of the ready queue as the handle that asyncio would have made of it; none where the
/// entry no longer stands for anything.
///
/// # Errors
/// `MemoryError`.
pub(crate) fn ready_handle<'py>(
    this: &Ref<'py, LoopState>,
    entry: &Ready,
) -> Fallible<Option<Bound<'py, PyAny>>> {
    let py = this.py();
    if let Some(handle) = entry.handle() {
        return Ok(Some(handle.bind(py).clone()));
    }
    match call_of(py, entry)? {
        Some(call) => Ok(Some(call.handle(this, |state| state)?.into_any())),
        None => Ok(None),
    }
}

/// What a handle would call, and in which context: a copy of the current one unless given.
struct Call<'py> {
    callback: Bound<'py, PyAny>,
    arguments: Vec<Bound<'py, PyAny>>,
    context: Option<Bound<'py, PyAny>>,
}

impl<'py> Call<'py> {
    /// A handle for it, or what `wrap` makes of its state.
    ///
    /// # Errors
    /// `MemoryError`.
    fn handle<T: Class>(
        self,
        event_loop: &Ref<'py, LoopState>,
        wrap: impl FnOnce(HandleState) -> T,
    ) -> Fallible<Ref<'py, T>> {
        let arguments = Rest::Many(PyTuple::new(event_loop.py(), self.arguments)?);
        let (handle, untracked) =
            HandleState::allocate(event_loop, &self.callback, arguments, self.context, wrap)?;
        drop(untracked);
        Ok(handle)
    }
}

/// What the handle calls that stands for an entry which is none.
fn call_of<'py>(py: Python<'py>, entry: &Ready) -> Fallible<Option<Call<'py>>> {
    let one = |object: &Held| [object.bind(py).clone()];
    let (callback, arguments, context) = match entry {
        Ready::Start { task } => return step_of(py, task.held()),
        Ready::Step { task } | Ready::Throw { task, .. } => return step_of(py, task),
        Ready::Wake { task, awaited } => {
            let (callback, own) = wakeup::as_python(task.bind(py))?;
            (callback, one(awaited).to_vec(), Some(own))
        }
        Ready::Settle { waiter, child } => {
            let callback = settling_method(waiter.bind(py))?;
            (callback, one(child).to_vec(), None)
        }
        Ready::Forward { outer, inner } => {
            let callback = forward::forward_as_python(outer.bind(py))?;
            (callback, one(inner).to_vec(), None)
        }
        Ready::Withdraw { inner, outer } => {
            let callback = forward::withdraw_as_python(inner.bind(py))?;
            (callback, one(outer).to_vec(), None)
        }
        Ready::Call {
            function,
            future,
            context,
        } => (
            function.bind(py).clone(),
            one(future).to_vec(),
            Some(context.bind(py).clone()),
        ),
        Ready::Release { future, value } => {
            let callback = sleep::SET_RESULT.get(py)?.clone();
            let arguments = [future, value].map(|object| object.bind(py).clone());
            (callback, arguments.to_vec(), None)
        }
        Ready::Expire { task, timeout } => {
            let callback = natives::expiry_as_python(task.bind(py), timeout)?;
            (callback, Vec::new(), None)
        }
        Ready::RunNew(_) | Ready::Run(_) => return Ok(None),
    };
    Ok(Some(Call {
        callback,
        arguments,
        context,
    }))
}

/// What the handle calls that stands for a task's step.
fn step_of<'py>(py: Python<'py>, task: &Held) -> Fallible<Option<Call<'py>>> {
    let Some(task) = Ref::<TaskState>::cast(task.bind(py)) else {
        return Ok(None);
    };
    let callback = wakeup::step_as_python(task, None)?;
    Ok(Some(Call {
        callback,
        arguments: Vec::new(),
        context: task.context.get(py)?,
    }))
}

/// What is ready, as the handles that asyncio would show.
///
/// # Errors
/// `MemoryError`.
pub(crate) fn ready_handles<'py>(this: &Ref<'py, LoopState>) -> Fallible<Bound<'py, PyAny>> {
    let py = this.py();
    let entries = this.ready.take();
    let handles: Fallible<Vec<_>> = entries
        .iter()
        .map(|entry| {
            let handle = ready_handle(this, entry)?;
            Ok(handle.unwrap_or_else(|| py.None().into_bound(py)))
        })
        .collect();
    let meanwhile = this.ready.take();
    entries
        .into_iter()
        .chain(meanwhile)
        .for_each(|entry| this.push(entry));
    Ok(PyList::new(py, handles?)?.into_any())
}

/// What is to run at a time, those included that were cancelled and not yet swept away, in the
/// order of the heap.
///
/// # Errors
/// `MemoryError`.
pub(crate) fn scheduled_handles<'py>(this: &Ref<'py, LoopState>) -> Fallible<Bound<'py, PyAny>> {
    let py = this.py();
    let mut timers = Vec::new();
    this.timers
        .for_each(|when, alarm| timers.push((when, alarm.map(|alarm| again(py, alarm)))));
    let handles: Fallible<Vec<_>> = timers
        .into_iter()
        .map(|(when, alarm)| timer_handle(this, when, alarm))
        .collect();
    Ok(PyList::new(py, handles?)?.into_any())
}

/// The same alarm once more.
fn again(py: Python<'_>, alarm: &Alarm) -> Alarm {
    let held = |object: &Held| Held::new(object.bind(py));
    match alarm {
        Alarm::RunNew(handle) => Alarm::Run(held(handle.held())),
        Alarm::Run(handle) => Alarm::Run(held(handle)),
        Alarm::Release { future, value } => Alarm::Release {
            future: held(future),
            value: held(value),
        },
        Alarm::Expire { task, timeout } => Alarm::Expire {
            task: held(task),
            timeout: timeout.clone(),
        },
    }
}

fn timer_handle<'py>(
    this: &Ref<'py, LoopState>,
    when: f64,
    alarm: Option<Alarm>,
) -> Fallible<Bound<'py, PyAny>> {
    let py = this.py();
    let entry = alarm.map(Ready::from);
    if let Some(handle) = entry.as_ref().and_then(Ready::handle) {
        return Ok(handle.bind(py).clone());
    }
    let known = match &entry {
        Some(entry) => call_of(py, entry)?,
        None => None,
    };
    let is_cancelled = known.is_none();
    let call = known.unwrap_or_else(|| Call {
        callback: py.None().into_bound(py),
        arguments: Vec::new(),
        context: None,
    });
    let when = PyFloat::new(py, when).into_any();
    let timer = call.handle(this, |state| TimerHandleState::new(state, when))?;
    if is_cancelled {
        handle::cancel_timer(&timer)?;
    }
    Ok(timer.into_any())
}

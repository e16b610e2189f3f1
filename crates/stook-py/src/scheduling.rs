//! Handles in the ready queue and among the timers.

use pyo3::prelude::*;

use crate::ffi::{Fallible, Held, Ref};
use crate::handle::{self, HandleState, TimerHandleState};
use crate::loop_core::LoopState;
use crate::ready::Ready;
use crate::timers::Alarm;

/// Has `callback(*arguments)` run in the next turn; the context is a copy of the current one
/// unless given.
///
/// # Errors
/// As [`HandleState::new`].
pub(crate) fn soon<'py>(
    event_loop: &Ref<'py, LoopState>,
    callback: &Bound<'py, PyAny>,
    arguments: Bound<'py, PyAny>,
    context: Option<Bound<'py, PyAny>>,
) -> Fallible<Ref<'py, HandleState>> {
    let state = HandleState::new(event_loop, callback, arguments, context)?;
    let handle = Ref::allocate(event_loop.py(), state)?;
    event_loop.push(Ready::Run(handle::into_ready(&handle)));
    Ok(handle)
}

/// Has `callback(*arguments)` run at `when`, which is `seconds` of the loop's clock.
///
/// # Errors
/// As [`HandleState::new`].
pub(crate) fn at<'py>(
    event_loop: &Ref<'py, LoopState>,
    (when, seconds): (Bound<'py, PyAny>, f64),
    callback: &Bound<'py, PyAny>,
    arguments: Bound<'py, PyAny>,
    context: Option<Bound<'py, PyAny>>,
) -> Fallible<Ref<'py, TimerHandleState>> {
    let state = HandleState::new(event_loop, callback, arguments, context)?;
    let handle = Ref::allocate(event_loop.py(), TimerHandleState::new(state, when))?;
    let alarm = Alarm::Run(Held::new(handle.as_any()));
    handle.scheduled(event_loop.timers.set(seconds, alarm));
    Ok(handle)
}

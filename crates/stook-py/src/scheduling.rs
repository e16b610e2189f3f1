//! Handles in the ready queue and among the timers.

use pyo3::prelude::*;

use crate::ffi::{Fallible, Held, Ref, Rest};
use crate::handle::{HandleState, TimerHandleState};
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
    arguments: Rest<'py>,
    context: Option<Bound<'py, PyAny>>,
) -> Fallible<Ref<'py, HandleState>> {
    let state = HandleState::new(event_loop, callback, arguments, context)?;
    let py = event_loop.py();
    if event_loop.keeps_untracked() {
        let (handle, untracked) = Ref::allocate_untracked(py, state)?;
        event_loop.push(Ready::RunNew(untracked));
        return Ok(handle);
    }
    let handle = Ref::allocate(py, state)?;
    event_loop.push(Ready::Run(Held::new(handle.as_any())));
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
    arguments: Rest<'py>,
    context: Option<Bound<'py, PyAny>>,
) -> Fallible<Ref<'py, TimerHandleState>> {
    let state = HandleState::new(event_loop, callback, arguments, context)?;
    let py = event_loop.py();
    let state = TimerHandleState::new(state, when);
    let (handle, alarm) = if event_loop.keeps_untracked() {
        let (handle, untracked) = Ref::allocate_untracked(py, state)?;
        (handle, Alarm::RunNew(untracked))
    } else {
        let handle = Ref::allocate(py, state)?;
        let alarm = Alarm::Run(Held::new(handle.as_any()));
        (handle, alarm)
    };
    handle.scheduled(event_loop.timers.set(seconds, alarm));
    Ok(handle)
}

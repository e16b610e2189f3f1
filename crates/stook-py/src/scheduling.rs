//! Handles in the ready queue and among the timers.

use pyo3::prelude::*;

use crate::ffi::{Fallible, Ref, Rest, Untracked};
use crate::handle::{HandleState, TimerHandleState};
use crate::loop_core::LoopState;
use crate::ready::Ready;
use crate::timers::Alarm;

/// Has `callback(*arguments)` run in the next turn; the context is a copy of the current one
/// unless given.
///
/// # Errors
/// As [`HandleState::allocate`].
pub(crate) fn soon<'py>(
    event_loop: &Ref<'py, LoopState>,
    callback: &Bound<'py, PyAny>,
    arguments: Rest<'py>,
    context: Option<Bound<'py, PyAny>>,
) -> Fallible<Ref<'py, HandleState>> {
    let (handle, untracked) =
        HandleState::allocate(event_loop, callback, arguments, context, |state| state)?;
    if event_loop.keeps_untracked() {
        event_loop.push(Ready::RunNew(untracked));
    } else {
        event_loop.push(Ready::Run(untracked.into_tracked()));
    }
    Ok(handle)
}

/// Has `callback(*arguments)` run at `when`, which is `seconds` of the loop's clock.
///
/// # Errors
/// As [`HandleState::allocate`].
pub(crate) fn at<'py>(
    event_loop: &Ref<'py, LoopState>,
    (when, seconds): (Bound<'py, PyAny>, f64),
    callback: &Bound<'py, PyAny>,
    arguments: Rest<'py>,
    context: Option<Bound<'py, PyAny>>,
) -> Fallible<Ref<'py, TimerHandleState>> {
    let new = HandleState::allocate(event_loop, callback, arguments, context, |state| {
        TimerHandleState::new(state, when)
    })?;
    Ok(set(event_loop, seconds, new))
}

/// Has the method that `function` is of `receiver` run at `when`, as of [`at`].
///
/// # Errors
/// As [`HandleState::allocate`].
pub(crate) fn method_at<'py>(
    event_loop: &Ref<'py, LoopState>,
    (when, seconds): (Bound<'py, PyAny>, f64),
    function: &Bound<'py, PyAny>,
    receiver: &Bound<'py, PyAny>,
) -> Fallible<Ref<'py, TimerHandleState>> {
    let receiver = Rest::One(receiver.clone());
    let new = HandleState::allocate(event_loop, function, receiver, None, |state| {
        TimerHandleState::new(state.of_method(), when)
    })?;
    Ok(set(event_loop, seconds, new))
}

fn set<'py>(
    event_loop: &Ref<'py, LoopState>,
    seconds: f64,
    (handle, untracked): (Ref<'py, TimerHandleState>, Untracked),
) -> Ref<'py, TimerHandleState> {
    let alarm = if event_loop.keeps_untracked() {
        Alarm::RunNew(untracked)
    } else {
        Alarm::Run(untracked.into_tracked())
    };
    handle.scheduled(event_loop.timers.set(seconds, alarm));
    handle
}

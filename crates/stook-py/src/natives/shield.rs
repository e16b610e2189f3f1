//! `shield`.
//!
//! # Source
//! `shield`, CPython 3.11 to 3.13 `asyncio/tasks.py`.

use pyo3::prelude::*;

use super::Native;
use crate::ensure;
use crate::errors::Imported;
use crate::ffi::{Args, Fallible, Ref, call, coro};
use crate::forward;
use crate::future::{self, FutureState};
use crate::loop_core;

static ORIGINAL: Imported = Imported::new("asyncio.tasks", "shield");

/// The function.
pub(super) const NATIVES: &[Native] = &[Native {
    original: &ORIGINAL,
    body: shield,
}];

/// `shield(arg)`
///
/// # Errors
/// As `ensure_future`.
fn shield<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    let py = args.py();
    let original = ORIGINAL.get(py)?;
    let Some([given]) = args.exactly::<1>() else {
        return args.forward(original);
    };
    let inner = if future::plain(&given).is_some() {
        given
    } else if coro::is_exact_coroutine(&given) && is_quick(py)? {
        ensure::ensure(&given, None)?
    } else {
        return args.forward(original);
    };
    let Some(plain) = future::plain(&inner) else {
        return call::call1(original, &inner);
    };
    if plain.is_done() {
        return Ok(inner);
    }
    let Some(event_loop) = plain.event_loop(py) else {
        return call::call1(original, &inner);
    };
    let outer = match loop_core::native(&event_loop) {
        Some(native) if native.has_plain_timers() => future::create(native)?,
        Some(_) => return call::call1(original, &inner),
        None => of_another(event_loop)?,
    };
    forward::connect(plain, &outer)?;
    Ok(outer.into_any())
}

/// Whether a loop of ours runs on its shortest paths, or one of another kind.
fn is_quick(py: Python<'_>) -> Fallible<bool> {
    let running = loop_core::running_loop(py)?;
    Ok(running.is_some_and(|running| {
        loop_core::native(&running).is_none_or(|native| native.has_plain_timers())
    }))
}

/// A future of ours on a loop of another kind.
///
/// DIFFERENCE: on loops of others what `stook.shield` gives for one of stook's tasks is one of
/// stook's futures, which keeps the record of a cancellation, and not what the loop makes.
fn of_another(event_loop: Bound<'_, PyAny>) -> Fallible<Ref<'_, FutureState>> {
    let py = event_loop.py();
    let future = Ref::allocate(py, FutureState::default())?;
    future.initialize(py, Some(event_loop))?;
    Ok(future)
}

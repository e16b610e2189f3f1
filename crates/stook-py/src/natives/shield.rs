//! `shield`.
//!
//! # Source
//! `shield`, CPython 3.11 to 3.13 `asyncio/tasks.py`.

use pyo3::prelude::*;

use super::Native;
use crate::ensure;
use crate::errors::Imported;
use crate::ffi::{Args, Fallible, call, coro};
use crate::forward;
use crate::future;
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
    } else if coro::is_exact_coroutine(&given) && loop_core::running_plain(py).is_some() {
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
    let event_loop = plain.event_loop(py);
    let native = event_loop
        .as_ref()
        .and_then(loop_core::native)
        .filter(|native| native.has_plain_timers());
    let Some(native) = native else {
        return call::call1(original, &inner);
    };
    let outer = future::create(native)?;
    forward::connect(plain, &outer)?;
    Ok(outer.into_any())
}

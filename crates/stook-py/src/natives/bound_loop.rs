//! The loop that a lock, a queue and their like belong to: the first that they were used in.
//!
//! # Source
//! `_LoopBoundMixin`, CPython 3.11 to 3.13 `asyncio/mixins.py`.

use pyo3::prelude::*;

use super::stock_class::Instance;
use crate::errors;
use crate::ffi::{Fallible, Ref, call, intern};
use crate::future;
use crate::loop_core::{self, LoopState};

/// Binds `subject` to `running`, unless it belongs to a loop.
///
/// # Errors
/// `RuntimeError` when it belongs to another.
#[inline]
fn bind<'py>(subject: &Instance<'py>, running: &Ref<'py, LoopState>) -> Fallible<()> {
    let name = intern!(subject.py(), "_loop");
    let bound = subject.get(name)?;
    if bound.is(running.as_any()) {
        return Ok(());
    }
    if bound.is_none() {
        return subject.set(name, running.as_any());
    }
    let message = format!(
        "{} is bound to a different event loop",
        subject.object.repr()?
    );
    Err(errors::runtime_error(message))
}

/// A new future of the loop that `subject` belongs to, which is the running one.
///
/// # Errors
/// `RuntimeError` when it belongs to another.
#[inline]
pub(super) fn create_future<'py>(subject: &Instance<'py>) -> Fallible<Bound<'py, PyAny>> {
    let py = subject.py();
    if let Some(running) = loop_core::running_plain(py) {
        bind(subject, &running)?;
        return Ok(future::create(&running)?.into_any());
    }
    // A coroutine that has begun goes on where another loop runs, or none.
    let running = call::method0(&subject.object, intern!(py, "_get_loop"))?;
    call::method0(&running, intern!(py, "create_future"))
}

//! The loop that a lock, a queue and their like belong to: the first that they were used in.
//!
//! # Source
//! `_LoopBoundMixin`, CPython 3.11 to 3.13 `asyncio/mixins.py`.

use pyo3::intern;
use pyo3::prelude::*;

use crate::errors;
use crate::ffi::{Fallible, Ref};
use crate::future::{self, FutureState};
use crate::loop_core::{self, LoopState};

/// Binds `subject` to `running`, unless it belongs to a loop.
///
/// # Errors
/// `RuntimeError` when it belongs to another.
fn bind<'py>(subject: &Bound<'py, PyAny>, running: &Ref<'py, LoopState>) -> Fallible<()> {
    let name = intern!(subject.py(), "_loop");
    let bound = subject.getattr(name)?;
    if bound.is(running.as_any()) {
        return Ok(());
    }
    if bound.is_none() {
        return Ok(subject.setattr(name, running.as_any())?);
    }
    let message = format!("{} is bound to a different event loop", subject.repr()?);
    Err(errors::runtime_error(message))
}

/// A new future of the loop that `subject` belongs to, which is the running one.
///
/// # Errors
/// `RuntimeError` when it belongs to another.
pub(super) fn create_future<'py>(subject: &Bound<'py, PyAny>) -> Fallible<Ref<'py, FutureState>> {
    let py = subject.py();
    let Some(running) = loop_core::running_plain(py) else {
        return Err(errors::runtime_error("no running event loop"));
    };
    bind(subject, &running)?;
    future::create(&running)
}

//! What has ended of one `as_completed`, and who waits for the next: a queue without a limit.
//!
//! It is apart from the futures that have not ended, so that who waits does not keep these alive.
//!
//! # Source
//! `Queue`, CPython 3.11 to 3.13 `asyncio/queues.py`.

use std::cell::Cell;

use crate::ffi::intern;
use pyo3::prelude::*;

use super::waiters;
use crate::errors::Imported;
use crate::ffi::gc::traverse;
use crate::ffi::{
    Builder, Class, Fallible, Held, HeldCell, NoExtras, QueueCell, Ref, TypeSlot, call,
};
use crate::future;
use crate::loop_core;

static QUEUE: Imported = Imported::new("asyncio.queues", "Queue");

/// What this file looks up where `as_completed` is as we know it.
pub(super) const IMPORTS: &[&Imported] = &[&QUEUE];

/// The state.
#[derive(Debug, Default)]
pub(super) struct EndedState {
    /// What ended, and `None` for each future that did not before the timeout.
    ended: QueueCell<Held>,
    /// The futures of those who wait for the next one.
    getters: QueueCell<Held>,
    /// The loop that the first who had to wait ran in.
    event_loop: HeldCell,
    /// How many were put in so far.
    put: Cell<usize>,
}

traverse!(EndedState: ended, getters, event_loop);

impl Class for EndedState {
    type Extras = NoExtras;

    fn slot() -> &'static TypeSlot {
        static SLOT: TypeSlot = TypeSlot::new();
        &SLOT
    }
}

/// `queue.put_nowait(ended)`
///
/// # Errors
/// What a getter that is not ours raises.
pub(super) fn put<'py>(this: &Ref<'py, EndedState>, ended: &Bound<'py, PyAny>) -> Fallible<()> {
    this.ended.push_back(Held::new(ended));
    this.put.set(this.put.get() + 1);
    wake_next(this)
}

fn wake_next(this: &Ref<'_, EndedState>) -> Fallible<()> {
    let py = this.py();
    while let Some(getter) = this.getters.pop_front() {
        let getter = getter.into_bound(py);
        if !waiters::is_done(&getter)? {
            return waiters::set_result(&getter, py.None().into_bound(py));
        }
    }
    Ok(())
}

impl EndedState {
    /// Takes the first of what ended.
    pub(super) fn pop<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        Some(self.ended.pop_front()?.into_bound(py))
    }
}

/// A future, last among those who wait for the next that ends.
///
/// # Errors
/// `RuntimeError` when no loop runs, or another than the one in which the first had to wait.
pub(super) fn join<'py>(this: &Ref<'py, EndedState>) -> Fallible<Bound<'py, PyAny>> {
    let py = this.py();
    let running = loop_core::require_running_loop(py)?;
    match this.event_loop.get(py) {
        None => this.event_loop.set(running.clone()),
        Some(bound) if bound.is(&running) => {}
        Some(bound) => return refuse(this, &bound),
    }
    let native = loop_core::native(&running).filter(|native| native.has_plain_timers());
    let getter = match native {
        Some(native) => future::create(native)?.into_any(),
        None => call::method0(&running, intern!(py, "create_future"))?,
    };
    this.getters.push_back(Held::new(&getter));
    Ok(getter)
}

/// Has a queue like ours say that it belongs to another loop.
#[cold]
fn refuse<'py>(
    this: &Ref<'py, EndedState>,
    bound: &Bound<'py, PyAny>,
) -> Fallible<Bound<'py, PyAny>> {
    let py = this.py();
    let queue = QUEUE.get(py)?.call0()?;
    queue.setattr(intern!(py, "_loop"), bound)?;
    queue.setattr(intern!(py, "_unfinished_tasks"), this.put.get())?;
    let getters = this.getters.take();
    for getter in getters {
        let getter = getter.into_bound(py);
        queue
            .getattr("_getters")?
            .call_method1("append", (&getter,))?;
        this.getters.push_back(getter.into());
    }
    call::method0(&queue, intern!(py, "_get_loop"))
}

/// The wait of `getter` was interrupted: it lets go, and hands on the turn that it was given.
///
/// # Errors
/// What a getter that is not ours raises.
pub(super) fn leave<'py>(this: &Ref<'py, EndedState>, getter: &Bound<'py, PyAny>) -> Fallible<()> {
    match future::plain(getter) {
        Some(plain) => drop(future::cancel(plain, None)?),
        None => drop(call::method0(getter, intern!(getter.py(), "cancel"))?),
    }
    let all = this.getters.take();
    all.into_iter()
        .filter(|held| !held.is(getter))
        .for_each(|held| this.getters.push_back(held));
    if !this.ended.is_empty() && !waiters::is_cancelled(getter)? {
        wake_next(this)?;
    }
    Ok(())
}

/// Makes the class.
///
/// # Errors
/// What making a class raises.
pub(super) fn build(py: Python<'_>) -> Fallible<()> {
    Builder::<EndedState>::new(c"stook.ended").build(py)?;
    Ok(())
}

//! What the queue of a loop's own executor tells of its jobs, as Python sees it.

use std::sync::Arc;

use crate::ffi::intern;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyInt;

use crate::ffi::gc::traverse;
use crate::ffi::{Builder, Class, Fallible, GetSet, Method, NoExtras, Ref, TypeSlot};
use crate::handoff::Handoff;
use crate::loop_core;

/// What is told, and to whom.
#[derive(Debug, Default)]
pub(crate) struct HandoffState(Arc<Handoff>);

traverse!(HandoffState:);

impl Class for HandoffState {
    type Extras = NoExtras;

    fn slot() -> &'static TypeSlot {
        static SLOT: TypeSlot = TypeSlot::new();
        &SLOT
    }
}

fn none<'py>(this: &Ref<'py, HandoffState>) -> Bound<'py, PyAny> {
    this.py().None().into_bound(this.py())
}

/// Of one loop the first one stays.
fn serve<'py>(
    this: &Ref<'py, HandoffState>,
    event_loop: &Bound<'py, PyAny>,
) -> Fallible<Bound<'py, PyAny>> {
    let Some(event_loop) = loop_core::native(event_loop) else {
        return Err(PyTypeError::new_err("a loop of stook is expected").into());
    };
    let _ = event_loop.handoff.set(this.0.clone());
    Ok(none(this))
}

fn offer<'py>(this: &Ref<'py, HandoffState>) -> Fallible<Bound<'py, PyAny>> {
    this.0.offer();
    Ok(none(this))
}

fn withdraw<'py>(this: &Ref<'py, HandoffState>) -> Fallible<Bound<'py, PyAny>> {
    this.0.withdraw();
    Ok(none(this))
}

fn offered<'py>(this: &Ref<'py, HandoffState>) -> Fallible<Bound<'py, PyAny>> {
    Ok(PyInt::new(this.py(), this.0.offered()).into_any())
}

fn take<'py>(this: &Ref<'py, HandoffState>) -> Fallible<Bound<'py, PyAny>> {
    this.0.take();
    Ok(none(this))
}

fn look<'py>(this: &Ref<'py, HandoffState>) -> Fallible<Bound<'py, PyAny>> {
    if this.0.has_none() {
        let handoff = &this.0;
        this.py().detach(|| handoff.look_for_job());
    }
    Ok(none(this))
}

/// Makes the class.
///
/// # Errors
/// What making a class raises.
pub(crate) fn build(module: &Bound<'_, PyModule>) -> Fallible<()> {
    let class = Builder::<HandoffState>::new(c"stook._core._Handoff")
        .doc(c"What a loop and the threads of its executor see of each other.")
        .instantiable()
        .methods([
            Method::one(
                c"serve",
                c"serve($self, loop, /)\n--\n\nBe the one of this loop.",
                serve,
            ),
            Method::none(
                c"offer",
                c"offer($self)\n--\n\nA job is about to be put.",
                offer,
            ),
            Method::none(
                c"withdraw",
                c"withdraw($self)\n--\n\nA job was not put after all.",
                withdraw,
            ),
            Method::none(
                c"take",
                c"take($self)\n--\n\nThis thread has taken a job.",
                take,
            ),
            Method::none(
                c"look",
                c"look($self)\n--\n\nWait some microseconds for a job, where that pays.",
                look,
            ),
        ])
        .attributes([GetSet::read(c"offered", offered)])
        .build(module.py())?;
    module.add(intern!(module.py(), "_Handoff"), class)?;
    Ok(())
}

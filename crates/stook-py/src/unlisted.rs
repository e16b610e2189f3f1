//! Tasks that the accelerator's weak set does not have yet.
//!
//! While mirroring is on, who asks asyncio's own `all_tasks` looks there. A weak reference, its
//! callback and a place in the set for each task are dear, and few look: so tasks of loops of ours
//! are put there when somebody does (`python/stook/_weak_tasks.py`).
//!
//! Invariant: a task that is not done is in one set, in this one or in that of its loop.

use std::cell::Cell;

use crate::ffi::once::Once;
use pyo3::prelude::*;
use pyo3::types::{PySet, PyWeakrefReference};

use crate::ffi::gc::traverse;
use crate::ffi::live::LiveSet;
use crate::ffi::{Builder, Class, Fallible, NoExtras, Ref, TypeSlot};
use crate::task::{self, TaskState};

#[derive(Debug, Default)]
struct UnlistedState {
    tasks: LiveSet,
    /// Somebody lists them when they are looked for.
    is_watched: Cell<bool>,
}

traverse!(UnlistedState:);

impl Class for UnlistedState {
    type Extras = NoExtras;

    fn slot() -> &'static TypeSlot {
        static SLOT: TypeSlot = TypeSlot::new();
        &SLOT
    }
}

static UNLISTED: Once<Py<PyAny>> = Once::new();

fn with<'py, R>(py: Python<'py>, run: impl FnOnce(&Ref<'py, UnlistedState>) -> R) -> Option<R> {
    UNLISTED
        .get(py)
        .and_then(|unlisted| Ref::cast(unlisted.bind(py)))
        .map(run)
}

/// From now on somebody calls [`list`] before anyone looks into the weak set.
pub(crate) fn watch(py: Python<'_>) {
    with(py, |unlisted| unlisted.is_watched.set(true));
}

/// Makes `this` one of them, and says so: else it has to be put into the weak set now. That is so
/// with subclasses, whose hash may be their own.
pub(crate) fn keep(this: &Ref<'_, TaskState>) -> bool {
    let keep = |unlisted: &Ref<'_, UnlistedState>| {
        let keeps = unlisted.is_watched.get();
        if keeps {
            unlisted.tasks.insert(this, task::membership);
        }
        keeps
    };
    this.is_exact() && with(this.py(), keep).unwrap_or(false)
}

/// Whether there are none, of any loop.
pub(crate) fn is_empty(py: Python<'_>) -> bool {
    with(py, |unlisted| unlisted.tasks.is_empty()).unwrap_or(true)
}

/// Puts all into `listed`, the set inside the weak set; `forget` is called with a reference to what
/// has died.
///
/// # Errors
/// `MemoryError`.
pub(crate) fn list<'py>(listed: &Bound<'py, PySet>, forget: &Bound<'py, PyAny>) -> Fallible<()> {
    let py = listed.py();
    let tasks = with(py, |unlisted| unlisted.tasks.list(py));
    for task in tasks.iter().flatten() {
        // First it is there and then not here any more: another thread may look meanwhile.
        listed.add(PyWeakrefReference::new_with(task, forget)?)?;
        if let Some(task) = Ref::<TaskState>::cast(task)
            && !task::as_future(task).is_done()
        {
            task::count(task);
        }
    }
    with(py, |unlisted| unlisted.tasks.shrink_if_empty());
    Ok(())
}

/// Makes the class, and the one instance.
///
/// # Errors
/// What making a class raises.
pub(crate) fn build(py: Python<'_>) -> Fallible<()> {
    Builder::<UnlistedState>::new(c"stook._core.Unlisted").build(py)?;
    let unlisted = Ref::allocate(py, UnlistedState::default())?.into_any();
    // The module is made once in a process.
    UNLISTED.get_or_init(py, || unlisted.unbind());
    Ok(())
}

//! What the future of a `gather` is made of.

use std::cell::Cell;

use pyo3::exceptions::PyAttributeError;
use pyo3::prelude::*;
use pyo3::types::PyBool;
use stook_kernel::Gather;

use crate::ffi::class::Attributes;
use crate::ffi::gc::traverse;
use crate::ffi::{Class, Fallible, HeldCell, Ref, TypeSlot};
use crate::future::{self, FutureState};
use crate::task;

/// The state of a `_GatheringFuture`.
#[derive(Debug, Default)]
#[repr(C)]
pub(crate) struct GatheringState {
    pub(crate) future: FutureState,
    /// The attribute `_children`, which `cancel()` asks; empty once it was deleted.
    children: HeldCell,
    /// The list that `gather` has made, where a program has put another thing into `_children`.
    gathered: HeldCell,
    /// What a program has put into `_cancel_requested` and is no `bool`.
    requested: HeldCell,
    /// A program has deleted `_cancel_requested`.
    is_requested_deleted: Cell<bool>,
    /// A program has had the list of children in its hands: it may change at any time.
    is_given_out: Cell<bool>,
    /// What becomes of the next request, in the round of the loop's in which that was found out, which
    /// may be over: see `task/catching_up.rs`.
    pub(crate) next: Cell<Option<Next>>,
    /// How many requests were put off before the last one that came here and was not, in its round.
    pub(crate) asked_after: Cell<usize>,
    /// Among the gathers that are being asked, directly inside each other, with this number.
    pub(crate) asked_among: Cell<u64>,
    /// `None` for one that Python code made itself: nothing settles that.
    pub(crate) machine: Cell<Option<Gather>>,
    pub(crate) return_exceptions: Cell<bool>,
    /// `gather` failed before it could return this future: children only count as read.
    pub(crate) abandoned: Cell<bool>,
}

traverse!(GatheringState: future, children, gathered, requested);

impl Class for GatheringState {
    type Extras = Attributes;

    fn slot() -> &'static TypeSlot {
        &future::GATHERING_FUTURE
    }
}

/// What becomes of the next request that comes to a gather, as long as nothing else happens: those that
/// the gather awaits count it, and call no code of anybody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// No child takes it.
    Refused,
    /// At least one does.
    Accepted,
}

impl GatheringState {
    /// Keeps the list of children that `gather` has made.
    pub(crate) fn begin(&self, children: Bound<'_, PyAny>) {
        self.children.set(children);
        self.set_requested(false);
    }

    /// Keeps what a program makes a `_GatheringFuture` with.
    pub(crate) fn begin_by_hand(&self, children: Bound<'_, PyAny>) {
        self.is_given_out.set(true);
        self.begin(children);
    }

    /// Whether `cancel()` asks the children that `gather` was given, and goes on doing so.
    pub(crate) fn asks_what_it_gathers(&self) -> bool {
        !self.is_given_out.get() && !self.gathered.is_some() && self.children.is_some()
    }

    /// Counts a request to cancel, which a child took or not; what `cancel()` returns.
    pub(crate) fn request_cancel(&self, any_accepted: bool) -> bool {
        if any_accepted {
            self.set_requested(true);
        }
        let mut machine = self.machine();
        let answer = machine.request_cancel(any_accepted);
        self.machine.set(Some(machine));
        answer
    }

    fn machine(&self) -> Gather {
        self.machine.get().unwrap_or(Gather::new(0, false))
    }

    fn set_requested(&self, requested: bool) {
        if self.machine.get().is_some() || requested {
            let mut machine = self.machine();
            machine.set_cancel_requested(requested);
            self.machine.set(Some(machine));
        }
        self.is_requested_deleted.set(false);
        self.requested.clear();
    }

    /// The list of children that `gather` has made: what a program has put into `_children` since is
    /// only asked to cancel.
    pub(crate) fn gathered<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        let gathered = self.gathered.get(py);
        gathered.unwrap_or_else(|| self.children.get_or_none(py))
    }
}

fn no_attribute(this: &Ref<'_, GatheringState>, name: &str) -> PyErr {
    let class = this.as_any().get_type();
    let class = class
        .name()
        .map_or_else(|_| String::new(), |name| name.to_string());
    PyAttributeError::new_err(format!("'{class}' object has no attribute '{name}'"))
}

/// `_children`
///
/// # Errors
/// `AttributeError` once it was deleted.
pub(crate) fn children<'py>(this: &Ref<'py, GatheringState>) -> Fallible<Bound<'py, PyAny>> {
    let children = this.children.get(this.py());
    Ok(children.ok_or_else(|| no_attribute(this, "_children"))?)
}

/// The same, for a program.
///
/// # Errors
/// As [`children`].
pub(crate) fn give_children<'py>(this: &Ref<'py, GatheringState>) -> Fallible<Bound<'py, PyAny>> {
    task::catch_up_gather(this);
    this.is_given_out.set(true);
    children(this)
}

/// Sets `_children`, or deletes it.
///
/// # Errors
/// `AttributeError` where it is to be deleted again.
pub(crate) fn set_children(
    this: &Ref<'_, GatheringState>,
    children: Option<&Bound<'_, PyAny>>,
) -> Fallible<()> {
    let py = this.py();
    task::catch_up_gather(this);
    if children.is_none() {
        self::children(this)?;
    }
    if !this.gathered.is_some() {
        this.gathered.set_or_clear(this.children.get(py));
    }
    this.children.set_or_clear(children.cloned());
    Ok(())
}

/// `_cancel_requested`: `True` or `False`, or what a program has put there.
///
/// # Errors
/// `AttributeError` once it was deleted.
pub(crate) fn requested<'py>(this: &Ref<'py, GatheringState>) -> Fallible<Bound<'py, PyAny>> {
    let py = this.py();
    if this.is_requested_deleted.get() {
        return Err(no_attribute(this, "_cancel_requested").into());
    }
    Ok(this.requested.get(py).unwrap_or_else(|| {
        let requested = this.machine.get().is_some_and(|m| m.is_cancel_requested());
        PyBool::new(py, requested).to_owned().into_any()
    }))
}

/// Sets `_cancel_requested`, or deletes it.
///
/// # Errors
/// `AttributeError` where it is to be deleted again.
pub(crate) fn set_requested(
    this: &Ref<'_, GatheringState>,
    value: Option<&Bound<'_, PyAny>>,
) -> Fallible<()> {
    task::catch_up_gather(this);
    let Some(value) = value else {
        requested(this)?;
        this.is_requested_deleted.set(true);
        this.requested.clear();
        return Ok(());
    };
    match value.cast::<PyBool>() {
        Ok(requested) => this.set_requested(requested.is_true()),
        Err(_) => {
            this.is_requested_deleted.set(false);
            this.requested.set(value.clone());
        }
    }
    Ok(())
}

/// Whether all children being done makes a cancellation, where a program has put there what the
/// kernel does not know; `None` where it has not.
///
/// # Errors
/// What asking the value for its truth raises; `AttributeError` where there is none.
pub(crate) fn requested_by_hand(this: &Ref<'_, GatheringState>) -> Fallible<Option<bool>> {
    if !this.requested.is_some() && !this.is_requested_deleted.get() {
        return Ok(None);
    }
    Ok(Some(requested(this)?.is_truthy()?))
}

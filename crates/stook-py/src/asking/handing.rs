//! Handing a record over, on the side, to a method `cancel` that may be anybody's.

use std::cell::Cell;
use std::mem::ManuallyDrop;

use pyo3::prelude::*;
use stook_kernel::CancelKind;

use super::follow;
use crate::ffi::{Fallible, HeldCell, Ref};
use crate::record::RecordState;
use crate::task::TaskState;

/// What is handed over to a method that is being called.
struct Handover {
    record: HeldCell,
    /// The address of the object whose own record it is; 0 of none.
    object: Cell<usize>,
}

thread_local! {
    /// Never released at the end of a thread: that may be after the interpreter's own end.
    static HANDOVER: ManuallyDrop<Handover> = const {
        ManuallyDrop::new(Handover {
            record: HeldCell::new(),
            object: Cell::new(0),
        })
    };
}

/// Runs `body`, which calls a method `cancel` that may be anybody's: the request that comes to
/// `object` is that of `record`, and those to others follow from it.
pub(crate) fn handing<'py, R>(
    record: &Ref<'py, RecordState>,
    object: Option<&Bound<'py, PyAny>>,
    body: impl FnOnce() -> R,
) -> R {
    let py = record.py();
    let address = object.map_or(0, |object| object.as_ptr() as usize);
    let outer = HANDOVER.with(|handover| {
        let outer = handover.record.take(py);
        handover.record.set(record.as_any().clone());
        (outer, handover.object.replace(address))
    });
    let answer = body();
    HANDOVER.with(|handover| {
        handover.object.set(outer.1);
        handover.record.set_or_clear(outer.0);
    });
    answer
}

/// Runs `body`, which asks `awaited` to cancel because `task`, which awaits it, was asked by `record`.
///
/// # Errors
/// `MemoryError`.
pub(crate) fn handing_on<'py, R>(
    record: &Ref<'py, RecordState>,
    task: &Bound<'py, PyAny>,
    awaited: &Bound<'py, PyAny>,
    body: impl FnOnce() -> R,
) -> Fallible<R> {
    if Ref::<TaskState>::cast(awaited).is_none() {
        return Ok(handing(record, None, body));
    }
    let record = follow(record, CancelKind::ParentCancelled, Some(task))?;
    Ok(handing(&record, Some(awaited), body))
}

/// What was handed over to a method.
pub(crate) enum Handed<'py> {
    /// The record of the object itself: it counts once, and was taken.
    Final(Ref<'py, RecordState>),
    /// What its record follows from.
    Cause(Ref<'py, RecordState>),
}

/// What was handed over to the method of `object` that asks, if anything was.
pub(crate) fn handed<'py>(object: &Bound<'py, PyAny>) -> Option<Handed<'py>> {
    let py = object.py();
    let (record, is_final) = HANDOVER.with(|handover| {
        if !handover.record.is_some() {
            return None;
        }
        let is_final = handover.object.get() == object.as_ptr() as usize;
        let record = if is_final {
            handover.record.take(py)
        } else {
            handover.record.get(py)
        };
        record.map(|record| (record, is_final))
    })?;
    let record = Ref::<RecordState>::cast(&record)?.clone();
    Some(if is_final {
        Handed::Final(record)
    } else {
        Handed::Cause(record)
    })
}

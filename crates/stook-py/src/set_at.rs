//! Where the timer that is running was set: what it asks for is asked from there.

use std::cell::Cell;
use std::mem::ManuallyDrop;

use pyo3::prelude::*;

use crate::ffi::HeldCell;
use crate::ffi::origin::Origin;

thread_local! {
    /// Never released at the end of a thread: that may be after the interpreter's own end.
    static CODE: ManuallyDrop<HeldCell> = const { ManuallyDrop::new(HeldCell::new()) };
    static OFFSET: Cell<i32> = const { Cell::new(0) };
}

/// A place where something was set, or none.
#[derive(Debug, Default)]
pub(crate) struct SetAt {
    /// Code, which is in no cycle.
    code: HeldCell,
    offset: Cell<i32>,
}

impl SetAt {
    /// It was set there.
    pub(crate) fn set(&self, place: Option<Origin<'_>>) {
        self.offset
            .set(place.as_ref().map_or(0, |place| place.offset));
        self.code.set_or_clear(place.map(|place| place.code));
    }

    /// Where that is, if it is known.
    pub(crate) fn place<'py>(&self, py: Python<'py>) -> Option<Origin<'py>> {
        let code = self.code.get(py)?;
        Some(Origin {
            code,
            offset: self.offset.get(),
        })
    }

    /// Runs what was set.
    pub(crate) fn run<R>(&self, py: Python<'_>, body: impl FnOnce() -> R) -> R {
        let Some(code) = self.code.get(py) else {
            return body();
        };
        OFFSET.set(self.offset.get());
        CODE.with(|cell| cell.set(code));
        let answer = body();
        CODE.with(|cell| cell.clear());
        answer
    }
}

/// Where what is running was set, if that is known.
pub(crate) fn running(py: Python<'_>) -> Option<Origin<'_>> {
    let code = CODE.with(|code| code.get(py))?;
    Some(Origin {
        code,
        offset: OFFSET.get(),
    })
}

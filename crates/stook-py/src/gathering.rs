//! What the future of a `gather` is made of.

use std::cell::Cell;

use stook_kernel::Gather;

use crate::ffi::class::Attributes;
use crate::ffi::gc::traverse;
use crate::ffi::{Class, HeldCell, TypeSlot};
use crate::future::{self, FutureState};

/// The state of a `_GatheringFuture`.
#[derive(Debug, Default)]
#[repr(C)]
pub(crate) struct GatheringState {
    pub(crate) future: FutureState,
    pub(crate) children: HeldCell,
    /// `None` for one that Python code made itself: nothing settles that.
    pub(crate) machine: Cell<Option<Gather>>,
    pub(crate) return_exceptions: Cell<bool>,
    /// `gather` failed before it could return this future: children only count as read.
    pub(crate) abandoned: Cell<bool>,
}

traverse!(GatheringState: future, children);

impl Class for GatheringState {
    type Extras = Attributes;

    fn slot() -> &'static TypeSlot {
        &future::GATHERING_FUTURE
    }
}

impl GatheringState {
    /// Counts a request to cancel, which a child took or not; what `cancel()` returns.
    pub(crate) fn request_cancel(&self, any_accepted: bool) -> bool {
        let mut machine = self.machine.get().unwrap_or(Gather::new(0, false));
        let answer = machine.request_cancel(any_accepted);
        self.machine.set(Some(machine));
        answer
    }
}

//! What every cancel point does: look for a cancellation, and be polled when one comes.

use std::panic::Location;
use std::sync::Arc;
use std::task::Context;

use crate::cancelled::Cancelled;
use crate::cell::Cell;
use crate::context;

/// One cancel point that waits.
///
/// A task is polled as a whole when its own waker is woken, so nothing has to be kept for that. Only
/// inside a sub-executor (`FuturesUnordered`, say), which polls what was woken, and outside tasks,
/// the cancel point's own waker is kept in the cell.
#[derive(Debug)]
pub(crate) struct Point {
    location: &'static Location<'static>,
    kept: Option<(Arc<Cell>, usize)>,
}

impl Point {
    pub(crate) fn new(location: &'static Location<'static>) -> Self {
        Self {
            location,
            kept: None,
        }
    }

    pub(crate) fn location(&self) -> &'static Location<'static> {
        self.location
    }

    /// The cancellation that is to be returned here and now.
    pub(crate) fn check() -> Option<Cancelled> {
        let (cell, scope) = context::with(|place| {
            let cell = place.cell.as_ref()?;
            cell.is_triggered()
                .then(|| (Arc::clone(cell), place.scope.clone()))
        })?;
        cell.deliver(scope.as_ref())
    }

    /// Nothing is to be returned yet: has this point polled when that changes.
    pub(crate) fn park(&mut self, cx: &Context<'_>) {
        context::note_waiting(self.location);
        let waker = cx.waker();
        let needed = context::with(|place| {
            let cell = place.cell.as_ref()?;
            let is_task = cell.is_task() && context::is_task_woken_by(waker);
            (!is_task).then(|| Arc::clone(cell))
        });
        match (&self.kept, needed) {
            (None, None) => {}
            (Some((cell, place)), Some(needed)) if Arc::ptr_eq(cell, &needed) => {
                cell.reregister(*place, waker);
            }
            (_, needed) => {
                self.forget();
                let Some(cell) = needed else { return };
                let place = cell.register(waker);
                // A request may have come between the look and the registration, and woken others
                // only. Once: a shield may stand between, and this would spin.
                if cell.is_triggered() {
                    waker.wake_by_ref();
                }
                self.kept = Some((cell, place));
            }
        }
    }

    fn forget(&mut self) {
        if let Some((cell, place)) = self.kept.take() {
            cell.unregister(place);
        }
    }
}

impl Drop for Point {
    fn drop(&mut self) {
        self.forget();
    }
}

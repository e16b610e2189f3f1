//! What every cancel point does: look for a cancellation, and be polled when one comes.

use std::panic::Location;
use std::task::Context;

use crate::block::CellRef;
use crate::cancelled::Cancelled;
use crate::cell::Cell;
use crate::context;
use crate::scope::node::ScopeRef;

/// What a cancel point in a triggered cell finds.
enum Found {
    /// Outside scopes: what is due.
    Delivered(Option<Cancelled>),
    /// In a scope, which is looked at when the place is not borrowed any more.
    In(CellRef, ScopeRef),
}

/// One cancel point that waits.
///
/// A task is polled as a whole when its own waker is woken, so nothing has to be kept for that. Only
/// inside a sub-executor (`FuturesUnordered`, say), which polls what was woken, and outside tasks,
/// the cancel point's own waker is kept in the cell.
#[derive(Debug)]
pub(crate) struct Point {
    location: &'static Location<'static>,
    kept: Option<Box<(CellRef, usize)>>,
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
        let found = context::with(|place| {
            let kept = place.cell.as_ref()?;
            // To find it in its block is a call.
            let cell: &Cell = kept;
            if !cell.is_triggered() {
                return None;
            }
            Some(match &place.scope {
                None => Found::Delivered(cell.take_due()),
                Some(scope) => Found::In(kept.clone(), scope.clone()),
            })
        })?;
        match found {
            Found::Delivered(cancelled) => cancelled,
            Found::In(cell, scope) => cell.deliver(Some(&scope)),
        }
    }

    /// The cancellation that is to be returned here and now; if there is none, has this point polled
    /// when that changes.
    pub(crate) fn check_or_park(&mut self, cx: &Context<'_>) -> Option<Cancelled> {
        // What most are: the task's own waker has them polled, and nothing has come.
        let is_parked = self.kept.is_none()
            && context::with(|place| {
                let Some(cell) = &place.cell else { return true };
                let cell: &Cell = cell;
                !cell.is_triggered() && cell.is_task() && context::is_task_woken_by(cx.waker())
            });
        if is_parked {
            context::note_waiting(self.location);
            return None;
        }
        let cancelled = Self::check();
        if cancelled.is_none() {
            self.park(cx);
        }
        cancelled
    }

    /// Nothing is to be returned yet: has this point polled when that changes.
    pub(crate) fn park(&mut self, cx: &Context<'_>) {
        context::note_waiting(self.location);
        let waker = cx.waker();
        let needed = context::with(|place| {
            let cell = place.cell.as_ref()?;
            let is_task = cell.is_task() && context::is_task_woken_by(waker);
            (!is_task).then(|| cell.clone())
        });
        match (self.kept.as_deref(), needed) {
            (None, None) => {}
            (Some((cell, place)), Some(needed)) if *cell == needed => {
                // As below, where another waker was kept: that may have been woken meanwhile.
                if cell.reregister(*place, waker) && cell.is_triggered() {
                    waker.wake_by_ref();
                }
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
                self.kept = Some(Box::new((cell, place)));
            }
        }
    }

    fn forget(&mut self) {
        if let Some(kept) = self.kept.take() {
            Self::unregister(*kept);
        }
    }

    #[cold]
    fn unregister((cell, place): (CellRef, usize)) {
        cell.unregister(place);
    }
}

impl Drop for Point {
    fn drop(&mut self) {
        self.forget();
    }
}

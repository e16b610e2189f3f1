//! What every cancel point does: look for a cancellation, and be polled when one comes.

use std::panic::Location;
use std::task::Context;

use crate::block::CellRef;
use crate::cancelled::Cancelled;
use crate::cell::Cell;
use crate::context::{self, Place};
use crate::scope::node::ScopeRef;

/// What a cancel point in a triggered cell finds.
enum Found {
    /// Outside scopes: what is due.
    Delivered(Option<Cancelled>),
    /// In a scope, which is looked at when the place is not borrowed any more.
    In(CellRef, ScopeRef),
}

impl Found {
    /// What is found in this place, whose cell is this: to find it in its block is a call.
    fn at(place: &Place, kept: &CellRef, cell: &Cell) -> Option<Self> {
        if !cell.is_triggered() {
            return None;
        }
        Some(match &place.scope {
            None => Self::Delivered(cell.take_due()),
            Some(scope) => Self::In(kept.clone(), scope.clone()),
        })
    }

    fn deliver(self) -> Option<Cancelled> {
        match self {
            Self::Delivered(cancelled) => cancelled,
            Self::In(cell, scope) => cell.deliver(Some(&scope)),
        }
    }
}

/// One cancel point that waits.
///
/// A task is polled as a whole when its own waker is woken, so nothing has to be kept for that. Only
/// inside a sub-executor (`FuturesUnordered`, say), which polls what was woken, and outside tasks,
/// the cancel point's own waker is kept in the cell.
#[derive(Debug)]
pub(crate) struct Point {
    location: &'static Location<'static>,
    kept: Option<Box<Kept>>,
}

/// The waker of a cancel point in this place of this cell.
#[derive(Debug)]
struct Kept(CellRef, usize);

impl Drop for Kept {
    fn drop(&mut self) {
        self.0.unregister(self.1);
    }
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
        context::with(|place| {
            place
                .cell
                .as_ref()
                .and_then(|cell| Found::at(place, cell, cell))
        })?
        .deliver()
    }

    /// The cancellation that is to be returned here and now; if there is none, has this point polled
    /// when that changes.
    pub(crate) fn check_or_park(&mut self, cx: &Context<'_>) -> Option<Cancelled> {
        let is_kept = self.kept.is_some();
        let (found, is_parked) = context::with(|place| {
            let Some(kept) = &place.cell else {
                return (None, !is_kept);
            };
            let cell: &Cell = kept;
            let found = Found::at(place, kept, cell);
            // What most are: the task's own waker has them polled.
            let is_own = || cell.is_task() && context::is_task_woken_by(cx.waker());
            (found, !is_kept && is_own())
        });
        let cancelled = found.and_then(Found::deliver);
        if cancelled.is_some() {
            return cancelled;
        }
        if is_parked {
            context::note_waiting(self.location);
            return None;
        }
        self.park(cx)
    }

    /// Nothing is to be returned yet: has this point polled when that changes. What comes between the
    /// look before and this is returned at once.
    #[must_use]
    pub(crate) fn park(&mut self, cx: &Context<'_>) -> Option<Cancelled> {
        // It may have woken others only. Waking this one in its place would spin where a shield stands
        // between, or a scope has fired that is not around it, and each poll comes with another waker.
        if self.keep(cx) { Self::check() } else { None }
    }

    /// Keeps the waker where that is needed; whether it was not kept before.
    fn keep(&mut self, cx: &Context<'_>) -> bool {
        context::note_waiting(self.location);
        let waker = cx.waker();
        let needed = context::with(|place| {
            let cell = place.cell.as_ref()?;
            let is_task = cell.is_task() && context::is_task_woken_by(waker);
            (!is_task).then(|| cell.clone())
        });
        match (self.kept.as_deref(), needed) {
            (None, None) => false,
            (Some(Kept(cell, place)), Some(needed)) if *cell == needed => {
                cell.reregister(*place, waker)
            }
            (_, needed) => {
                self.kept = None;
                let Some(cell) = needed else { return false };
                let place = cell.register(waker);
                self.kept = Some(Box::new(Kept(cell, place)));
                true
            }
        }
    }
}

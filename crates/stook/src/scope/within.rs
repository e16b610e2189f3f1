//! Polls a future inside a scope.

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::block::CellRef;
use crate::cell::Cell;
use crate::context::{self, Entered, Place};
use crate::id::TaskId;
use crate::scope::node::ScopeRef;

pin_project! {
    /// A future inside a scope, which is left when this is dropped.
    pub(crate) struct Within<F> {
        #[pin]
        future: F,
        inside: Inside,
    }
}

/// The place inside a scope, which is left when this is dropped.
#[derive(Default)]
pub(crate) struct Inside {
    /// What it is polled in, and the scope there around this one, which keeps that.
    cell: Option<TaskId>,
    outer: Option<TaskId>,
    /// Its scope and, outside tasks and other scopes, a cell for it. Lent to the thread while the future
    /// is polled.
    place: Place,
}

impl<F> Within<F> {
    pub(crate) fn new(scope: ScopeRef, future: F) -> Self {
        let place = Place {
            cell: None,
            scope: Some(scope),
        };
        let inside = Inside {
            cell: None,
            outer: None,
            place,
        };
        Self::inside(inside, future)
    }

    /// Where the scope knows of the place already.
    pub(crate) fn inside(inside: Inside, future: F) -> Self {
        Self { future, inside }
    }

    /// To be left by who calls this. It is not polled any more.
    pub(crate) fn take_inside(self: Pin<&mut Self>) -> Inside {
        mem::take(self.project().inside)
    }
}

impl<F: Future> Future for Within<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        this.inside.settle();
        let _entered = Entered::scope(&mut this.inside.place);
        this.future.poll(cx)
    }
}

impl Inside {
    /// Finds out where it is polled, the first time and whenever that has changed.
    fn settle(&mut self) {
        let is_settled = context::with(|current| {
            let is_same = match &current.cell {
                Some(cell) => Some(cell.id()) == self.cell,
                None => self.place.cell.is_some(),
            };
            is_same && current.scope.as_ref().map(|scope| scope.id()) == self.outer
        });
        if is_settled {
            return;
        }
        let scope = self.place.scope.take();
        *self = Self::at(context::current(), |cell, outer| {
            if let Some(scope) = &scope {
                scope.settle(cell, outer);
            }
            scope
        });
    }

    /// In this place, in a scope that is told what it is polled in, and the scope around it.
    pub(crate) fn at(
        place: Place,
        enter: impl FnOnce(CellRef, Option<ScopeRef>) -> Option<ScopeRef>,
    ) -> Self {
        let Place { cell, scope: outer } = place;
        let ids = (
            cell.as_ref().map(|cell| cell.id()),
            outer.as_ref().map(|scope| scope.id()),
        );
        let (cell, own) = match cell {
            Some(cell) => (cell, None),
            None => {
                let own = Cell::of_scope();
                (own.clone(), Some(own))
            }
        };
        Self {
            cell: ids.0,
            outer: ids.1,
            place: Place {
                cell: own,
                scope: enter(cell, outer),
            },
        }
    }

    /// Of a scope that was left.
    pub(crate) fn into_scope(mut self) -> Option<ScopeRef> {
        self.place.scope.take()
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        if let Some(scope) = &self.place.scope {
            scope.leave();
        }
    }
}

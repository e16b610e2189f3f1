//! Polls a future inside a scope.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

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

/// The place inside a scope.
struct Inside {
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
        Self {
            future,
            inside: Inside {
                cell: None,
                outer: None,
                place,
            },
        }
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
        let current = context::current();
        self.cell = current.cell.as_ref().map(|cell| cell.id());
        self.outer = current.scope.as_ref().map(|scope| scope.id());
        let (cell, own) = match current.cell {
            Some(cell) => (cell, None),
            None => {
                let own = Cell::of_scope();
                (own.clone(), Some(own))
            }
        };
        if let Some(scope) = &self.place.scope {
            scope.settle(cell, current.scope);
        }
        self.place.cell = own;
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        if let Some(scope) = &self.place.scope {
            scope.leave();
        }
    }
}

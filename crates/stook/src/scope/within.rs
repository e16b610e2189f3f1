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
    /// The scope around this one, which keeps that.
    outer: Option<TaskId>,
    /// Where it is polled, and its scope. Lent to the thread while the future is polled.
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
            inside: Inside { outer: None, place },
        }
    }
}

impl<F: Future> Future for Within<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        this.inside.settle();
        let _entered = Entered::new(&mut this.inside.place);
        this.future.poll(cx)
    }
}

impl Inside {
    /// Finds out where it is polled, the first time and whenever that has changed.
    fn settle(&mut self) {
        let cell = self.place.cell.as_ref();
        let is_settled = context::with(|current| {
            let same_cell = match (&current.cell, cell) {
                (Some(current), Some(cell)) => current == cell,
                (None, Some(cell)) => !cell.is_task(),
                (_, None) => false,
            };
            same_cell && current.scope.as_ref().map(|scope| scope.id()) == self.outer
        });
        if is_settled {
            return;
        }
        let current = context::current();
        let cell = current.cell.unwrap_or_else(Cell::of_scope);
        self.outer = current.scope.as_ref().map(|scope| scope.id());
        if let Some(scope) = &self.place.scope {
            scope.settle(cell.clone(), current.scope);
        }
        self.place.cell = Some(cell);
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        if let Some(scope) = &self.place.scope {
            scope.leave();
        }
    }
}

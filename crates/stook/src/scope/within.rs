//! Polls a future inside a scope.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::cell::Cell;
use crate::context::{self, Entered, Place};
use crate::scope::node::ScopeNode;

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
    node: Arc<ScopeNode>,
    outer: Option<Arc<ScopeNode>>,
    place: Place,
}

impl<F> Within<F> {
    pub(crate) fn new(node: Arc<ScopeNode>, future: F) -> Self {
        let place = Place::default();
        Self {
            future,
            inside: Inside {
                node,
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
            same_cell && same(current.scope.as_ref(), self.outer.as_ref())
        });
        if is_settled {
            return;
        }
        let current = context::current();
        let cell = current.cell.unwrap_or_else(Cell::of_scope);
        self.node.settle(cell.clone(), current.scope.clone());
        self.outer = current.scope;
        self.place = Place {
            cell: Some(cell),
            scope: Some(Arc::clone(&self.node)),
        };
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.node.leave();
    }
}

fn same(one: Option<&Arc<ScopeNode>>, other: Option<&Arc<ScopeNode>>) -> bool {
    match (one, other) {
        (None, None) => true,
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        _ => false,
    }
}

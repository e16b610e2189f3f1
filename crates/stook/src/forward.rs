//! What waits for children and hands the caller's cancellation on to them.

use std::panic::Location;
use std::sync::Arc;
use std::task::Context;

use crate::cancelled::Cancelled;
use crate::context;
use crate::point::Point;

/// The cancellations of the caller that one wait has taken to hand them on.
#[derive(Debug)]
pub(crate) struct Forward {
    point: Point,
    /// The first.
    mine: Option<Cancelled>,
    /// Those after it, one of each scope: a scope goes on firing, and is handed on once.
    later: Vec<Cancelled>,
}

impl Forward {
    pub(crate) fn new(location: &'static Location<'static>) -> Self {
        Self {
            point: Point::new(location),
            mine: None,
            later: Vec::new(),
        }
    }

    pub(crate) fn location(&self) -> &'static Location<'static> {
        self.point.location()
    }

    /// Takes a cancellation of the caller that was not taken before; with none, has the caller polled
    /// when one comes.
    pub(crate) fn take(&mut self, cx: &Context<'_>) -> Option<Cancelled> {
        let cancelled = Point::check().filter(|cancelled| !self.has_same(cancelled));
        self.point.park(cx);
        let cancelled = cancelled?;
        match &self.mine {
            None => self.mine = Some(cancelled.clone()),
            Some(_) => self.later.push(cancelled.clone()),
        }
        Some(cancelled)
    }

    /// A task delivers every request of it once, a scope its only one again and again.
    fn has_same(&self, cancelled: &Cancelled) -> bool {
        let mut taken = self.mine.iter().chain(&self.later);
        taken.any(|taken| {
            taken.target() == cancelled.target() && Arc::ptr_eq(taken.record(), cancelled.record())
        })
    }

    /// The caller's cancellation: that of the task if there was one, for no scope takes it; or else the
    /// first that was handed on.
    pub(crate) fn mine(&self) -> Option<Cancelled> {
        let task = context::task_id();
        let of_task = |cancelled: &&Cancelled| Some(cancelled.target()) == task;
        let mut taken = self.mine.iter().chain(&self.later);
        let mine = taken.find(of_task).or(self.mine.as_ref());
        mine.cloned()
    }
}

/// A request of the task that was taken and is not returned stands again, and is delivered at its
/// next cancel point. A scope goes on delivering its own.
pub(crate) fn renew(taken: Option<&Cancelled>) {
    let Some(cancelled) = taken else { return };
    if let Some(cell) = context::task().filter(|cell| cell.id() == cancelled.target()) {
        if cell.cancelling() > 0 {
            cell.uncancel();
            cell.request(Arc::clone(cancelled.record()));
        }
    }
}

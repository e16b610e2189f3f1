//! Who waits for several children.

use std::panic::Location;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::block::{Block, CellRef};
use crate::cancelled::Cancelled;
use crate::forward::Forward;
use crate::handle::TaskHandle;
use crate::lock::lock;
use crate::outcome::Outcome;
use crate::reaper;
use crate::several::{Over, Several};

/// Who waits for several children, and hands its own cancellation on to them.
pub(crate) struct Waiting<T, E> {
    several: Arc<Several<T, E>>,
    /// The same, for references to its cells.
    block: Arc<dyn Block>,
    forward: Forward,
    /// For reports.
    what: &'static str,
    is_over: bool,
}

/// How it was over, and what there is of outcomes.
pub(crate) struct End<T, E> {
    pub(crate) over: Over,
    pub(crate) outcomes: Vec<Option<Outcome<T, E>>>,
    /// The cancellation by which it was asked to cancel, if it was: that of whoever waits, or another.
    pub(crate) cancelled: Option<Cancelled>,
}

impl<T, E> Waiting<T, E>
where
    T: Send + 'static,
    E: Send + 'static,
{
    pub(crate) fn new(
        several: Arc<Several<T, E>>,
        what: &'static str,
        location: &'static Location<'static>,
    ) -> Self {
        Self {
            block: Arc::clone(&several) as _,
            several,
            forward: Forward::new(location),
            what,
            is_over: false,
        }
    }
}

impl<T, E> Waiting<T, E> {
    fn cells(&self) -> impl Iterator<Item = CellRef> {
        (0..self.block.count()).map(|place| CellRef::new(Arc::clone(&self.block), place))
    }

    pub(crate) fn handles(&self) -> Vec<TaskHandle> {
        self.cells().map(TaskHandle::new).collect()
    }

    pub(crate) fn several(&self) -> &Arc<Several<T, E>> {
        &self.several
    }

    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End<T, E>> {
        if let Some(end) = self.poll_over(cx) {
            return Poll::Ready(end);
        }
        while let Some(cancelled) = self.forward.take(cx) {
            self.several.hand_on(cancelled, self.forward.location());
        }
        // Asking may have ended it: a race that leaves its losers alone.
        match self.poll_over(cx) {
            Some(end) => Poll::Ready(end),
            None => Poll::Pending,
        }
    }

    fn poll_over(&mut self, cx: &mut Context<'_>) -> Option<End<T, E>> {
        let mut state = lock(&self.several.state);
        let Some(over) = state.over.clone() else {
            match &mut state.waker {
                Some(waker) => waker.clone_from(cx.waker()),
                None => state.waker = Some(cx.waker().clone()),
            }
            return None;
        };
        self.is_over = true;
        Some(End {
            over,
            outcomes: std::mem::take(&mut state.outcomes),
            cancelled: state.cancelled.clone(),
        })
    }
}

impl<T, E> Drop for Waiting<T, E> {
    fn drop(&mut self) {
        if !self.is_over && !self.several.is_over() {
            let outcomes = self.several.abandon();
            let unfinished = self.cells().filter(|cell| cell.ended().is_none());
            reaper::adopt(&unfinished.collect::<Vec<_>>(), Some(self.what));
            drop(outcomes);
        }
    }
}

//! Who waits for several children.

use std::panic::Location;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::block::{Block, CellRef};
use crate::cancel_error::CancelError;
use crate::cancelled::Cancelled;
use crate::forward::{Forward, renew};
use crate::handle::TaskHandle;
use crate::lock::lock;
use crate::outcome::Outcome;
use crate::reaper;
use crate::report;
use crate::several::{Machine, Over, Several};

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
    is_race: bool,
}

impl<T, E> End<T, E> {
    /// It ends otherwise than by the caller's cancellation. A race was decided before that came: the
    /// next cancel point tells. The children of a gather have made the best of it, and so does who
    /// waits.
    pub(crate) fn ends_otherwise(&self) {
        if self.is_race {
            renew(self.cancelled.as_ref());
        }
    }
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

    /// Reports the errors among outcomes that nobody takes.
    pub(crate) fn report_unread(&self, outcomes: &[Option<Outcome<T, E>>])
    where
        E: CancelError,
    {
        if !outcomes.iter().flatten().any(Outcome::is_error) {
            return;
        }
        for (cell, outcome) in self.cells().zip(outcomes) {
            if let Some(outcome) = outcome {
                report::unread(&cell, outcome);
            }
        }
    }

    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End<T, E>> {
        if let Some(end) = self.poll_over(cx) {
            return Poll::Ready(end);
        }
        while let Some(cancelled) = self.forward.take(cx) {
            let location = self.forward.location();
            if !self.several.hand_on(&cancelled, location) {
                renew(Some(&cancelled));
            }
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
        let handed_on = state.cancelled.clone();
        Some(End {
            over,
            outcomes: std::mem::take(&mut state.outcomes),
            // The caller's own goes before that of a handle.
            cancelled: handed_on.map(|other| self.forward.mine().unwrap_or(other)),
            is_race: matches!(state.machine, Machine::Race(..)),
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

//! Who waits for several children.

use std::panic::Location;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::block::{Block, CellRef};
use crate::cancel_error::CancelError;
use crate::cancelled::Cancelled;
use crate::forward::Forward;
use crate::handle::TaskHandle;
use crate::kept_waker::ToKeep;
use crate::lock::lock;
use crate::outcome::Outcome;
use crate::reaper;
use crate::report;
use crate::several::{Machine, Over, Several};

/// Who waits for several children, and hands its own cancellation on to them.
pub(crate) struct Waiting<T, E: CancelError> {
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
    E: CancelError + Send,
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

impl<T, E: CancelError> Waiting<T, E> {
    fn cells(&self) -> impl Iterator<Item = CellRef> {
        (0..self.block.count()).map(|place| CellRef::new(Arc::clone(&self.block), place))
    }

    /// Where it was begun.
    pub(crate) fn location(&self) -> &'static Location<'static> {
        self.forward.location()
    }

    pub(crate) fn handles(&self) -> Vec<TaskHandle> {
        self.cells().map(TaskHandle::new).collect()
    }

    pub(crate) fn several(&self) -> &Arc<Several<T, E>> {
        &self.several
    }

    /// Drops outcomes that nobody takes, and reports the errors among them.
    pub(crate) fn give_up(&self, outcomes: Vec<Option<Outcome<T, E>>>) {
        self.drop_each(outcomes, report::unread);
    }

    /// Drops outcomes of which nobody has to hear.
    pub(crate) fn pass_over(&self, outcomes: Vec<Option<Outcome<T, E>>>) {
        self.drop_each(outcomes, |_, _| {});
    }

    /// A destructor that panics does not go before what is to be returned.
    fn drop_each(
        &self,
        outcomes: Vec<Option<Outcome<T, E>>>,
        look: impl Fn(&CellRef, &Outcome<T, E>),
    ) {
        for (place, outcome) in (0..).zip(outcomes) {
            // A cancellation is this crate's.
            if let Some(outcome) = outcome.filter(|outcome| !outcome.is_cancelled()) {
                let cell = CellRef::new(Arc::clone(&self.block), place);
                look(&cell, &outcome);
                report::guard_destructor(&cell, outcome);
            }
        }
    }

    /// It ends by the caller's cancellation.
    pub(crate) fn ends_cancelled(&mut self) {
        self.forward.answered();
    }

    /// It ends otherwise. The children have made the best of what one of them has seen, and so does
    /// who waits.
    pub(crate) fn ends_otherwise(&mut self) {
        let cells = &*self.several.cells;
        self.forward
            .renew_unless(|handed_on| handed_on.is_seen_by(cells));
    }

    /// It ends as one child did. A race was decided before the caller was cancelled, and that was no
    /// child's to answer: the next cancel point tells.
    pub(crate) fn ends_by_child(&mut self) {
        let is_race = matches!(lock(&self.several.state).machine, Machine::Race(..));
        if is_race {
            self.forward.renew_unless(|_| false);
        } else {
            self.ends_otherwise();
        }
    }

    /// # Panics
    /// It is over: its outcomes were given.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End<T, E>> {
        assert!(
            !self.is_over,
            "a {} was polled after it was over",
            self.what
        );
        if let Some(end) = self.poll_over(cx) {
            return Poll::Ready(end);
        }
        let location = self.location();
        while let Some(taken) = self.forward.take(cx) {
            taken.handed_on = Some(self.several.hand_on(&taken.cancelled, location));
        }
        // Asking may have ended it: a race that leaves its losers alone.
        match self.poll_over(cx) {
            Some(end) => Poll::Ready(end),
            None => Poll::Pending,
        }
    }

    fn poll_over(&mut self, cx: &mut Context<'_>) -> Option<End<T, E>> {
        let mut waker = ToKeep::new(cx);
        let (mut state, over) = loop {
            let mut state = lock(&self.several.state);
            if let Some(over) = state.over.clone() {
                break (state, over);
            }
            if waker.put(&mut state.waker) {
                return None;
            }
            drop(state);
            waker.prepare();
        };
        self.is_over = true;
        let handed_on = state.cancelled.clone();
        Some(End {
            over,
            outcomes: std::mem::take(&mut state.outcomes),
            // The caller's own goes before that of a handle.
            cancelled: handed_on.map(|other| self.forward.mine().unwrap_or(other)),
        })
    }
}

impl<T, E: CancelError> Drop for Waiting<T, E> {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let (was_over, outcomes) = self.several.abandon();
        if !was_over {
            reaper::adopt(&self.cells().collect::<Vec<_>>(), Some(self.what));
        }
        self.give_up(outcomes);
    }
}

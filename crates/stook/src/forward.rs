//! What waits for children and hands the caller's cancellation on to them.
//!
//! A request of the caller that was handed on is the children's to answer, by their cancellation or by
//! what they do instead, once one of them has seen it. What none has seen is due again when the wait is
//! over, and so is all when the wait is dropped before its end.

use std::panic::Location;
use std::sync::Arc;
use std::task::Context;

use crate::cancelled::Cancelled;
use crate::cell::Cell;
use crate::context;
use crate::point::Point;
use crate::record::Record;

/// The cancellations of the caller that one wait has taken to hand them on, until they are answered.
#[derive(Debug)]
pub(crate) struct Forward {
    point: Point,
    first: Option<Taken>,
    /// Those after it, one of each scope: a scope goes on firing, and is handed on once.
    later: Vec<Taken>,
}

/// A cancellation of the caller.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) cancelled: Cancelled,
    /// What the children were asked for it.
    pub(crate) handed_on: Option<HandedOn>,
}

/// A request of children, on behalf of who waits for them.
#[derive(Debug)]
pub(crate) struct HandedOn {
    pub(crate) record: Arc<Record>,
    /// How many have accepted it.
    pub(crate) accepted: usize,
}

impl HandedOn {
    /// Whether it was delivered to one of the children.
    pub(crate) fn is_seen_by<'cells>(&self, cells: impl IntoIterator<Item = &'cells Cell>) -> bool {
        let cells = cells.into_iter();
        self.accepted > cells.filter(|cell| cell.has_not_seen(&self.record)).count()
    }
}

impl Forward {
    pub(crate) fn new(location: &'static Location<'static>) -> Self {
        Self {
            point: Point::new(location),
            first: None,
            later: Vec::new(),
        }
    }

    pub(crate) fn location(&self) -> &'static Location<'static> {
        self.point.location()
    }

    /// Takes a cancellation of the caller that was not taken before; with none, has the caller polled
    /// when one comes. Called until there is none.
    pub(crate) fn take(&mut self, cx: &Context<'_>) -> Option<&mut Taken> {
        let cancelled = if self.first.is_none() {
            self.point.check_or_park(cx)?
        } else {
            self.another(cx)?
        };
        let taken = Taken {
            cancelled,
            handed_on: None,
        };
        match &mut self.first {
            first @ None => Some(first.insert(taken)),
            Some(_) => {
                self.later.push(taken);
                self.later.last_mut()
            }
        }
    }

    /// One after the first.
    fn another(&mut self, cx: &Context<'_>) -> Option<Cancelled> {
        let found = Point::check().filter(|cancelled| !self.has_same(cancelled));
        found.or_else(|| {
            let meanwhile = self.point.park(cx)?;
            (!self.has_same(&meanwhile)).then_some(meanwhile)
        })
    }

    fn taken(&self) -> impl Iterator<Item = &Taken> {
        self.first.iter().chain(&self.later)
    }

    /// A task delivers every request of it once, a scope its only one again and again.
    fn has_same(&self, cancelled: &Cancelled) -> bool {
        self.taken().any(|taken| taken.cancelled.is_same(cancelled))
    }

    /// The caller's cancellation: that of the task if there was one, for no scope takes it; or else the
    /// first that was handed on.
    pub(crate) fn mine(&self) -> Option<Cancelled> {
        let first = self.first.as_ref()?;
        let task = context::task_id();
        let of_task = |taken: &&Taken| Some(taken.cancelled.target()) == task;
        let mine = self.taken().find(of_task).unwrap_or(first);
        Some(mine.cancelled.clone())
    }

    /// The caller is told of its cancellation.
    pub(crate) fn answered(&mut self) {
        self.first = None;
        self.later.clear();
    }

    /// The wait is over otherwise: what no child has seen is the caller's again.
    pub(crate) fn renew_unless(&mut self, is_seen: impl Fn(&HandedOn) -> bool) {
        // Mostly there is none, and then there is no later one.
        if self.first.is_none() {
            return;
        }
        for taken in self.first.take().into_iter().chain(self.later.drain(..)) {
            if !taken.handed_on.as_ref().is_some_and(&is_seen) {
                renew(Some(&taken.cancelled));
            }
        }
    }
}

impl Drop for Forward {
    fn drop(&mut self) {
        self.renew_unless(|_| false);
    }
}

/// Of two cancellations from outside that came to parts of one wait, what it returns: that of the task,
/// for no scope takes it, and it is told once; or else the first.
pub(crate) fn foremost(first: Cancelled, later: Cancelled) -> Cancelled {
    let task = context::task_id();
    let is_of_task = |cancelled: &Cancelled| Some(cancelled.target()) == task;
    if is_of_task(&later) && !is_of_task(&first) {
        later
    } else {
        first
    }
}

/// Requests of the task that were taken and are not returned stand again, and are delivered at its
/// next cancel point. A scope goes on delivering its own.
pub(crate) fn renew(taken: Option<&Cancelled>) {
    let Some(cancelled) = taken else { return };
    if let Some(cell) = context::task().filter(|cell| cell.id() == cancelled.target()) {
        for record in [cancelled.record()].into_iter().chain(cancelled.others()) {
            cell.renew(Arc::clone(record));
        }
    }
}

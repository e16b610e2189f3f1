//! Who is told when a task has ended.

use std::fmt;
use std::sync::Arc;
use std::task::Waker;

use crate::cell::Cell;
use crate::outcome::Ended;
use crate::report;

/// Who is told when a task has ended.
pub(crate) enum Watcher {
    /// Who joins it.
    Wake(Waker),
    /// What waits for several; with the task's place among them.
    Child(Arc<dyn WatchChildren>, usize),
    /// A function of the user's.
    Call(Callback),
}

type Callback = Box<dyn FnOnce(&Arc<Cell>) + Send>;

/// What waits for several tasks.
pub(crate) trait WatchChildren: Send + Sync {
    /// The task in this place has ended. Runs where the task has ended, with no lock held.
    fn child_done(&self, place: usize, ended: Ended);
}

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Wake(_) => "Wake",
            Self::Child(..) => "Child",
            Self::Call(_) => "Call",
        })
    }
}

impl Watcher {
    pub(crate) fn tell(self, cell: &Arc<Cell>, ended: Ended) {
        match self {
            Self::Wake(waker) => waker.wake(),
            Self::Child(parent, place) => parent.child_done(place, ended),
            Self::Call(function) => report::guard_callback(cell, || function(cell)),
        }
    }
}

/// The watchers of one task, in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Watchers {
    list: Vec<(u64, Watcher)>,
    next: u64,
}

impl Watchers {
    pub(crate) fn add(&mut self, watcher: Watcher) -> u64 {
        let key = self.next;
        self.next += 1;
        if self.list.capacity() == 0 {
            self.list.reserve_exact(1);
        }
        self.list.push((key, watcher));
        key
    }

    /// Puts a waker in the place of another; returns what is to be dropped.
    pub(crate) fn replace(&mut self, key: u64, waker: &Waker) -> Option<Watcher> {
        let (_, kept) = self.list.iter_mut().find(|(other, _)| *other == key)?;
        match kept {
            Watcher::Wake(old) if old.will_wake(waker) => None,
            _ => Some(std::mem::replace(kept, Watcher::Wake(waker.clone()))),
        }
    }

    pub(crate) fn remove(&mut self, key: u64) -> Option<Watcher> {
        let index = self.list.iter().position(|(other, _)| *other == key)?;
        Some(self.list.remove(index).1)
    }

    pub(crate) fn tell(self, cell: &Arc<Cell>, ended: Ended) {
        for (_, watcher) in self.list {
            watcher.tell(cell, ended);
        }
    }
}

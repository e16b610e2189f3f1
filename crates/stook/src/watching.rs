//! Watches several tasks: until it is dropped, or until all have ended.

use std::sync::{Arc, Mutex};

use stook_kernel::{ReturnWhen, Wait, WaitAction};

use crate::block::CellRef;
use crate::lock::lock;
use crate::outcome::Ended;
use crate::record::Record;
use crate::watcher::{WatchChildren, WatchKey, Watcher};

/// Watches several tasks that belong to others.
pub(crate) struct Watching<C: AsRef<CellRef>> {
    kept: Vec<(C, WatchKey)>,
}

impl<C: AsRef<CellRef>> Watching<C> {
    /// Has the parent told of each, in its place. Those that have ended are told of at once, in order.
    pub(crate) fn new(parent: &Arc<dyn WatchChildren>, cells: impl IntoIterator<Item = C>) -> Self {
        let cells = cells.into_iter();
        let mut kept = Vec::with_capacity(cells.size_hint().0);
        for (place, cell) in (0..).zip(cells) {
            let watcher = Watcher::Child(Arc::clone(parent), place);
            match cell.as_ref().watch(watcher) {
                Ok(key) => kept.push((cell, key)),
                Err((_, ended)) => parent.child_done(place, ended),
            }
        }
        Self { kept }
    }

    /// Asks those that have not ended to cancel, if there are any, and stops watching.
    pub(crate) fn ask(mut self, record: impl FnOnce() -> Arc<Record>) {
        let kept = std::mem::take(&mut self.kept);
        let mut left = kept
            .iter()
            .filter(|(cell, _)| cell.as_ref().ended().is_none());
        let Some(first) = left.next() else { return };
        let record = record();
        for (cell, key) in std::iter::once(first).chain(left) {
            cell.as_ref().request_and_unwatch(Arc::clone(&record), *key);
        }
    }

    /// Those that had not ended when the watch began.
    pub(crate) fn cells(&self) -> impl Iterator<Item = &CellRef> {
        self.kept.iter().map(|(cell, _)| cell.as_ref())
    }
}

impl<C: AsRef<CellRef>> Drop for Watching<C> {
    fn drop(&mut self) {
        for (cell, key) in &self.kept {
            let cell = cell.as_ref();
            if cell.ended().is_none() {
                cell.unwatch(*key);
            }
        }
    }
}

/// Calls the function when all of these have ended; at once, when they have.
pub(crate) fn after_all(cells: Vec<CellRef>, then: impl FnOnce() + Send + 'static) {
    if cells.is_empty() {
        return then();
    }
    let machine = Wait::new(cells.len(), ReturnWhen::AllCompleted);
    let after = Arc::new(AfterAll(Mutex::new((machine, Some(Box::new(then))))));
    for (place, cell) in (0..).zip(cells) {
        let watcher = Watcher::Child(Arc::clone(&after) as _, place);
        if let Err((_, ended)) = cell.watch(watcher) {
            after.child_done(place, ended);
        }
    }
}

type Then = Box<dyn FnOnce() + Send>;

/// What is to be done when several have ended.
struct AfterAll(Mutex<(Wait, Option<Then>)>);

impl WatchChildren for AfterAll {
    fn child_done(&self, _place: u32, ended: Ended) {
        let then = {
            let mut state = lock(&self.0);
            match state.0.child_done(ended.for_kernel()) {
                WaitAction::KeepWaiting => None,
                WaitAction::Release => state.1.take(),
            }
        };
        if let Some(then) = then {
            then();
        }
    }
}

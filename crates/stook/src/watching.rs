//! Watches several tasks that belong to others, and stops when it is dropped.

use std::sync::Arc;

use crate::block::CellRef;
use crate::record::Record;
use crate::watcher::{WatchChildren, Watcher};

/// Watches several tasks that belong to others.
pub(crate) struct Watching<C: AsRef<CellRef>> {
    kept: Vec<(C, u32)>,
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

    /// Asks those that have not ended to cancel, and stops watching.
    pub(crate) fn ask(mut self, record: &Arc<Record>) {
        for (cell, key) in std::mem::take(&mut self.kept) {
            let cell = cell.as_ref();
            if cell.ended().is_none() {
                cell.request_and_unwatch(Arc::clone(record), key);
            }
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

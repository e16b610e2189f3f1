//! Watches several tasks that belong to others, and stops when it is dropped.

use std::sync::Arc;

use crate::cell::Cell;
use crate::watcher::{WatchChildren, Watcher};

/// Watches several tasks that belong to others.
pub(crate) struct Watching {
    kept: Vec<(Arc<Cell>, u64)>,
}

impl Watching {
    /// Has the parent told of each, in its place. Those that have ended are told of at once, in order.
    pub(crate) fn new<'cells>(
        parent: &Arc<dyn WatchChildren>,
        cells: impl IntoIterator<Item = &'cells Arc<Cell>>,
    ) -> Self {
        let mut kept = Vec::new();
        for (place, cell) in cells.into_iter().enumerate() {
            match cell.watch(Watcher::Child(Arc::clone(parent), place)) {
                Ok(key) => kept.push((Arc::clone(cell), key)),
                Err((_, ended)) => parent.child_done(place, ended),
            }
        }
        Self { kept }
    }

    /// Those that had not ended when the watch began.
    pub(crate) fn cells(&self) -> impl Iterator<Item = &Arc<Cell>> {
        self.kept.iter().map(|(cell, _)| cell)
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        for (cell, key) in &self.kept {
            if cell.ended().is_none() {
                cell.unwatch(*key);
            }
        }
    }
}

//! The tasks of one group or gather: one entry in the registry for all of them.

use std::sync::{Arc, Mutex};

use crate::about::Home;
use crate::cell::Cell;
use crate::lock::lock;
use crate::record::Who;
use crate::registry::{Membership, Registry};
use crate::slab::Slab;

/// The tasks of one group or gather.
#[derive(Debug)]
pub(crate) struct Family {
    cells: Mutex<Slab<Arc<Cell>>>,
    /// Tasks that were cancelled before their first step: what one that is stuck may be waiting for.
    never_started: Mutex<Vec<Who>>,
    registry: Arc<Registry>,
    membership: Membership,
}

/// How many are remembered.
const MOST: usize = 32;

impl Family {
    pub(crate) fn new(registry: Arc<Registry>) -> Arc<Self> {
        let family = Arc::new(Self {
            cells: Mutex::new(Slab::new()),
            never_started: Mutex::default(),
            registry,
            membership: Membership::default(),
        });
        family.registry.enter_family(&family, &family.membership);
        family
    }

    pub(crate) fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// Takes one in; the place to take it out by.
    pub(crate) fn add(&self, cell: &Arc<Cell>) -> usize {
        lock(&self.cells).insert(Arc::clone(cell))
    }

    /// Takes many in, for good.
    pub(crate) fn add_all(&self, new: &[Arc<Cell>]) {
        let mut cells = lock(&self.cells);
        for cell in new {
            cells.insert(Arc::clone(cell));
        }
    }

    pub(crate) fn remove(&self, place: usize) {
        let removed = lock(&self.cells).remove(place);
        drop(removed);
    }

    /// All that were not taken out.
    pub(crate) fn cells(&self) -> Vec<Arc<Cell>> {
        lock(&self.cells).iter().cloned().collect()
    }

    /// Those that have not ended.
    pub(crate) fn unfinished(&self) -> Vec<Arc<Cell>> {
        let cells = lock(&self.cells);
        cells
            .iter()
            .filter(|cell| cell.ended().is_none())
            .cloned()
            .collect()
    }

    pub(crate) fn len(&self) -> usize {
        lock(&self.cells).len()
    }

    /// One of them was cancelled before its first step.
    pub(crate) fn never_started(&self, who: Who) {
        let mut never_started = lock(&self.never_started);
        if never_started.len() < MOST {
            never_started.push(who);
        }
    }
}

impl Drop for Family {
    fn drop(&mut self) {
        self.membership.leave(&self.registry);
    }
}

/// Those of the same family that were cancelled before their first step.
pub(crate) fn never_started_beside(cell: &Cell) -> Vec<Who> {
    match cell.about().map(|about| &about.home) {
        Some(Home::Group(family)) => lock(&family.never_started).clone(),
        _ => Vec::new(),
    }
}

//! Which tasks of a group never started: what a task that is stuck may be waiting for.

use std::sync::Mutex;

use crate::cell::Cell;
use crate::lock::lock;
use crate::record::Who;

/// What the tasks of one group know of each other.
#[derive(Debug, Default)]
pub(crate) struct Kin {
    never_started: Mutex<Vec<Who>>,
}

/// How many are remembered.
const MOST: usize = 32;

impl Kin {
    /// A task was cancelled before its first step.
    pub(crate) fn never_started(&self, who: Who) {
        let mut never_started = lock(&self.never_started);
        if never_started.len() < MOST {
            never_started.push(who);
        }
    }
}

/// The tasks of the same group that were cancelled before their first step.
pub(crate) fn never_started_beside(cell: &Cell) -> Vec<Who> {
    let kin = cell.about().and_then(|about| about.kin.as_ref());
    kin.map_or_else(Vec::new, |kin| lock(&kin.never_started).clone())
}

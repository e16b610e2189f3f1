//! The tasks of one group: one entry in the registry for all of them.

use std::sync::Arc;
use std::task::Waker;

use stook_kernel::{SpawnRefused, TaskGroup as Machine};
use tokio::runtime::Id;

use crate::block::CellRef;
use crate::group::GroupClosed;
use crate::group::brood::Room;
use crate::record::Who;
use crate::registry::{Listed, Membership};
use crate::slab::Slab;
use crate::sync::{Mutex, lock};

/// The tasks of one group, and all of the group that does not depend on its error.
pub(crate) struct Family {
    pub(crate) members: Mutex<Members>,
    pub(crate) runtime: Id,
    membership: Membership,
}

/// What changes with each task that comes or goes, behind one lock.
pub(crate) struct Members {
    pub(crate) machine: Machine,
    pub(crate) cells: Slab<CellRef>,
    /// Where the next one may find room. It keeps the group, and is emptied when that ends.
    pub(crate) room: Option<Room>,
    /// Of who waits for them.
    pub(crate) waker: Option<Waker>,
    /// The group was dropped half-way: nobody reads the errors.
    pub(crate) is_abandoned: bool,
    /// Tasks that were cancelled before their first step: what one that is stuck may be waiting for.
    never_started: Vec<Who>,
}

/// How many are remembered.
const MOST: usize = 32;

impl Family {
    /// None yet.
    pub(crate) fn new(machine: Machine, runtime: Id) -> Arc<Self> {
        let family = Arc::new(Self {
            members: Mutex::new(Members {
                machine,
                cells: Slab::new(),
                room: None,
                waker: None,
                is_abandoned: false,
                never_started: Vec::new(),
            }),
            runtime,
            membership: Membership::default(),
        });
        let weak = Arc::downgrade(&family);
        family.membership.enter(weak);
        family
    }

    /// Those that have not ended.
    pub(crate) fn unfinished(&self) -> Vec<CellRef> {
        let members = lock(&self.members);
        let cells = members.cells.iter();
        cells
            .filter(|cell| cell.ended().is_none())
            .cloned()
            .collect()
    }

    pub(crate) fn len(&self) -> usize {
        lock(&self.members).cells.len()
    }
}

impl Members {
    /// Counts a new one, if it is to be taken in; whether it must not begin.
    pub(crate) fn admits(&mut self) -> Result<bool, GroupClosed> {
        let is_closing = match self.machine.spawn() {
            Ok(()) => false,
            Err(SpawnRefused::ShuttingDown) => true,
            Err(SpawnRefused::Finished | SpawnRefused::NotEntered) => return Err(GroupClosed),
        };
        self.machine.added();
        Ok(is_closing)
    }

    /// One of them was cancelled before its first step.
    pub(crate) fn never_started(&mut self, who: Who) {
        if self.never_started.len() < MOST {
            self.never_started.push(who);
        }
    }
}

impl Drop for Family {
    fn drop(&mut self) {
        self.membership.leave();
    }
}

impl Listed for Family {
    fn runtime(&self) -> Id {
        self.runtime
    }

    fn cells(self: Arc<Self>) -> Vec<CellRef> {
        lock(&self.members).cells.iter().cloned().collect()
    }

    fn never_started_beside(&self, cell: &CellRef) -> Vec<Who> {
        let members = lock(&self.members);
        if members.cells.iter().any(|member| member == cell) {
            members.never_started.clone()
        } else {
            Vec::new()
        }
    }
}

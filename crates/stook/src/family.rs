//! The tasks of one group: one entry in the registry for all of them.

use std::panic::Location;
use std::sync::Arc;
use std::task::Waker;

use stook_kernel::{SpawnRefused, TaskGroup as Machine};
use tokio::runtime::Id;

use crate::block::{Block, CellRef};
use crate::group::GroupClosed;
use crate::record::Who;
use crate::registry::{Listed, Membership};
use crate::scope::node::{HasScope, ScopeNode};
use crate::slab::Slab;
use crate::sync::{Mutex, lock};

/// The tasks of one group, and all of the group that does not depend on its error.
pub(crate) struct Family {
    pub(crate) members: Mutex<Members>,
    pub(crate) runtime: Id,
    /// The scope of the body.
    pub(crate) body: ScopeNode,
    membership: Membership,
}

/// What changes with each task that comes or goes, behind one lock.
pub(crate) struct Members {
    pub(crate) machine: Machine,
    /// Those that have not ended, and those that lie in one block with such.
    blocks: Slab<Siblings, 3>,
    /// The block where the next one may find room. It keeps the group, and is closed when that ends.
    room: Option<usize>,
    /// Of who waits for them.
    pub(crate) waker: Option<Waker>,
    /// There are errors, or a panic.
    pub(crate) has_errors: bool,
    /// The group was dropped half-way: nobody reads the errors.
    pub(crate) is_abandoned: bool,
    /// Tasks that were cancelled before their first step: what one that is stuck may be waiting for.
    never_started: Vec<Who>,
}

/// Those in one block.
pub(crate) struct Siblings {
    pub(crate) block: Arc<dyn Block>,
    /// How many places in it are taken.
    pub(crate) born: usize,
    /// How many of them have not ended.
    left: usize,
}

/// How many are remembered.
const MOST: usize = 32;

impl Family {
    /// None yet, in a group that is entered here.
    pub(crate) fn new(
        machine: Machine,
        runtime: Id,
        location: &'static Location<'static>,
    ) -> Arc<Self> {
        let family = Arc::new(Self {
            members: Mutex::new(Members {
                machine,
                blocks: Slab::new(),
                room: None,
                waker: None,
                has_errors: false,
                is_abandoned: false,
                never_started: Vec::new(),
            }),
            runtime,
            body: ScopeNode::new(location),
            membership: Membership::default(),
        });
        let weak = Arc::downgrade(&family);
        family.membership.enter(weak);
        family
    }

    /// Those that have not ended.
    pub(crate) fn unfinished(&self) -> Vec<CellRef> {
        lock(&self.members).unfinished().collect()
    }

    pub(crate) fn len(&self) -> usize {
        lock(&self.members).machine.marks().tasks
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

    /// Those that have not ended.
    fn unfinished(&self) -> impl Iterator<Item = CellRef> {
        self.blocks.iter().flat_map(Siblings::unfinished)
    }

    /// The place that the next block gets.
    pub(crate) fn next_place(&self) -> usize {
        self.blocks.next_place()
    }

    /// Takes in a block, with one in it; its place.
    pub(crate) fn enter(&mut self, block: Arc<dyn Block>) -> usize {
        self.blocks.insert(Siblings {
            block,
            born: 1,
            left: 1,
        })
    }

    /// The block where one more may find room.
    pub(crate) fn room(&mut self) -> Option<&mut Siblings> {
        self.blocks.get_mut(self.room?)
    }

    pub(crate) fn open_room(&mut self, place: usize) {
        self.room = Some(place);
    }

    /// Nobody finds room there any more; what is to be dropped when nothing is locked.
    #[must_use]
    pub(crate) fn close_room(&mut self) -> Option<Arc<dyn Block>> {
        let place = self.room.take()?;
        self.remove_if_empty(place)
    }

    /// One of those in the block in this place has ended; what is to be dropped when nothing is locked.
    #[must_use]
    pub(crate) fn one_left(&mut self, place: usize) -> Option<Arc<dyn Block>> {
        if let Some(siblings) = self.blocks.get_mut(place) {
            siblings.left -= 1;
        }
        if self.room == Some(place) {
            return None;
        }
        self.remove_if_empty(place)
    }

    fn remove_if_empty(&mut self, place: usize) -> Option<Arc<dyn Block>> {
        if self.blocks.get_mut(place)?.left > 0 {
            return None;
        }
        let siblings = self.blocks.remove(place)?;
        Some(siblings.block)
    }

    /// One of them was cancelled before its first step.
    pub(crate) fn never_started(&mut self, who: Who) {
        if self.never_started.len() < MOST {
            self.never_started.push(who);
        }
    }
}

impl Siblings {
    /// There is one more; its place in the block, which has room.
    pub(crate) fn one_more(&mut self) -> usize {
        let place = self.born;
        self.born += 1;
        self.left += 1;
        place
    }

    fn unfinished(&self) -> impl Iterator<Item = CellRef> {
        (0..self.born)
            .filter(|place| self.block.cell(*place).ended().is_none())
            .map(|place| CellRef::new(Arc::clone(&self.block), place))
    }
}

impl Drop for Family {
    fn drop(&mut self) {
        self.membership.leave();
    }
}

impl HasScope for Family {
    fn scope(&self) -> &ScopeNode {
        &self.body
    }
}

impl Listed for Family {
    fn runtime(&self) -> Id {
        self.runtime
    }

    fn cells(self: Arc<Self>) -> Vec<CellRef> {
        self.unfinished()
    }

    fn never_started_beside(&self, cell: &CellRef) -> Vec<Who> {
        let members = lock(&self.members);
        if members.unfinished().any(|member| member == *cell) {
            members.never_started.clone()
        } else {
            Vec::new()
        }
    }
}

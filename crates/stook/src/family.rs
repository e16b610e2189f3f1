//! The tasks of one group: one entry in the registry for all of them.

use std::cell::RefCell;
use std::panic::Location;
use std::sync::Arc;
use std::task::Waker;

use stook_kernel::{
    BodyEnd, ExitActions, ExitRule, SpawnRefused, TaskGroup as Machine, TaskGroupExit,
};
use tokio::runtime::Id;

use crate::block::{Block, CellRef};
use crate::context;
use crate::group::GroupClosed;
use crate::group::running::Running;
use crate::record::Who;
use crate::registry::{Listed, Membership};
use crate::scope::node::{ScopeNode, ScopeRef};
use crate::scope::within::Inside;
use crate::slab::Slab;
use crate::sync::lock;

/// The tasks of one group, and all of the group that does not depend on its error, in the scope of its
/// body.
pub(crate) type Family = ScopeNode<Members>;

/// What changes with each task that comes or goes.
pub(crate) struct Members {
    pub(crate) machine: Machine,
    runtime: Id,
    /// Those that have not ended, and those that lie in one block with such.
    blocks: Slab<Siblings, 3>,
    /// The block where the next one may find room. It keeps the group, and is closed when that ends.
    room: Option<usize>,
    /// One whose tasks have all ended, while the body runs: who makes the next one gives its memory back,
    /// and not the thread that has ended them, which would meet it in the allocator.
    ended: Option<Arc<dyn Block>>,
    /// Of who waits for them.
    pub(crate) waker: Option<Waker>,
    /// There are errors, or a panic.
    pub(crate) has_errors: bool,
    /// The group was dropped half-way: nobody reads the errors.
    pub(crate) is_abandoned: bool,
    /// Tasks that were cancelled before their first step: what one that is stuck may be waiting for.
    never_started: Vec<Who>,
    membership: Membership,
}

/// Those in one block.
pub(crate) struct Siblings {
    pub(crate) block: Arc<dyn Block>,
    /// How many places in it are taken.
    born: u32,
    /// How many places it counts as running until they have ended, taken or not.
    counted: u32,
    /// Of how many the machine knows that they have ended.
    told: u32,
    /// How many places there are. Where there is one, its task tells the group itself.
    places: u32,
}

/// Blocks that are to be dropped when nothing is locked.
pub(crate) type ToDrop = [Option<Arc<dyn Block>>; 2];

/// How many are remembered.
const MOST: usize = 32;

/// How many families a thread keeps for groups to come. The models begin anew each time.
const KEPT: usize = if cfg!(stook_loom) { 0 } else { 16 };

thread_local! {
    /// Of groups that are over: to take one of them neither allocates nor enters it in the registry.
    static SPARE: RefCell<Vec<(Arc<Family>, ScopeRef)>> = const { RefCell::new(Vec::new()) };
}

impl Family {
    /// None yet, in a group that is entered here, and its body.
    pub(crate) fn enter(
        machine: Machine,
        runtime: Id,
        location: &'static Location<'static>,
    ) -> (Arc<Self>, Inside) {
        let spare = SPARE.try_with(|spare| spare.borrow_mut().pop());
        let (family, scope) = spare.ok().flatten().unwrap_or_else(|| {
            let family = Self::registered(machine, runtime, location);
            let scope = ScopeRef::of(Arc::clone(&family) as _);
            (family, scope)
        });
        let inside = Inside::at(context::current(), |cell, outer| {
            let mut state = lock(&family.state);
            state.enter_again(location, cell, outer);
            state.more.machine = machine;
            state.more.runtime = runtime;
            Some(scope)
        });
        (family, inside)
    }

    fn registered(
        machine: Machine,
        runtime: Id,
        location: &'static Location<'static>,
    ) -> Arc<Self> {
        let members = Members {
            machine,
            runtime,
            blocks: Slab::new(),
            room: None,
            ended: None,
            waker: None,
            has_errors: false,
            is_abandoned: false,
            never_started: Vec::new(),
            membership: Membership::default(),
        };
        let family = Arc::new(Self::new(location, false, members));
        let weak = Arc::downgrade(&family);
        lock(&family.state).more.membership.enter(weak);
        family
    }

    /// The group is [over](Members::over), and nobody has its handle any more: another may have it. One
    /// that was cancelled is not kept, since its number is in the hands of others.
    pub(crate) fn keep(self: Arc<Self>, scope: ScopeRef) {
        if self.is_fired() || Arc::strong_count(&self) > 2 {
            return;
        }
        let _ = SPARE.try_with(|spare| {
            // What is not kept is dropped by who called.
            if let Ok(mut spare) = spare.try_borrow_mut() {
                if spare.len() < KEPT {
                    spare.push((self, scope));
                }
            }
        });
    }

    /// Those that have not ended.
    pub(crate) fn unfinished(&self) -> Vec<CellRef> {
        lock(&self.state).more.unfinished().collect()
    }

    /// How many have not ended. A task that was joined has, though it may not be counted off yet.
    pub(crate) fn len(&self) -> usize {
        let members = &lock(&self.state).more;
        members.blocks.iter().map(Siblings::unfinished_count).sum()
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

    /// How many a new block for so many counts as running from the beginning.
    pub(crate) fn to_come(&self, count: usize) -> u32 {
        if self.machine.marks().exiting {
            1
        } else {
            count as u32
        }
    }

    /// Takes in a block for so many, with one in it; its place.
    pub(crate) fn enter(&mut self, block: Arc<dyn Block>, count: usize) -> usize {
        let counted = self.to_come(count);
        self.blocks.insert(Siblings {
            block,
            born: 1,
            counted,
            told: 0,
            places: count as u32,
        })
    }

    /// The body has ended: who spawns from now on counts each, for the last that ends is the end.
    pub(crate) fn exit(
        &mut self,
        end: BodyEnd,
        is_base_error: bool,
    ) -> (TaskGroupExit, ExitActions) {
        self.close_places();
        let rule = ExitRule::UncancelLast;
        self.machine.exit(end, is_base_error, rule)
    }

    /// One whose tasks have all ended, to be dropped when nothing is locked. It keeps the group: it is
    /// taken out when the body has ended, and there is none from then on.
    #[must_use]
    pub(crate) fn take_ended(&mut self) -> Option<Arc<dyn Block>> {
        self.ended.take()
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
    pub(crate) fn close_room(&mut self) -> ToDrop {
        [self.take_room(), self.take_ended()]
    }

    fn take_room(&mut self) -> Option<Arc<dyn Block>> {
        let place = self.room.take()?;
        let room = self.blocks.get_mut(place)?;
        room.close_places();
        if room.left() > 0 {
            return None;
        }
        tell(&mut self.machine, room);
        let siblings = self.blocks.remove(place)?;
        Some(siblings.block)
    }

    /// Places that are not taken by now do not count as running any more.
    fn close_places(&mut self) {
        let Some(place) = self.room else { return };
        let Some(room) = self.blocks.get_mut(place) else {
            return;
        };
        if room.close_places() {
            tell(&mut self.machine, room);
        }
    }

    /// Nobody in the task's block, which is in this place, was left when it ended: what is to be dropped,
    /// and who is to be woken, when nothing is locked.
    #[must_use]
    pub(crate) fn none_left(
        &mut self,
        place: usize,
        task: &CellRef,
    ) -> (Option<Arc<dyn Block>>, Option<Waker>) {
        let Some(siblings) = self.blocks.get_mut(place) else {
            return (None, None);
        };
        // There may be one more by now; or that has ended, too, and has told of this.
        if !task.is_in(&siblings.block) || !siblings.is_over() {
            return (None, None);
        }
        let wake = if tell(&mut self.machine, siblings) {
            self.waker.take()
        } else {
            None
        };
        if self.room == Some(place) {
            return (None, wake);
        }
        let mut block = self.blocks.remove(place).map(|siblings| siblings.block);
        if !self.machine.marks().exiting {
            std::mem::swap(&mut self.ended, &mut block);
        }
        (block, wake)
    }

    /// Nobody is left, and nobody comes any more. What is to be dropped when nothing is locked.
    #[must_use]
    pub(crate) fn over(&mut self) -> ToDrop {
        let room = self.close_room();
        self.blocks.begin_again();
        self.never_started.clear();
        self.has_errors = false;
        room
    }

    /// One of them was cancelled before its first step.
    pub(crate) fn never_started(&mut self, who: Who) {
        if self.never_started.len() < MOST {
            self.never_started.push(who);
        }
    }
}

/// Tells the machine that all in this block have ended; whether nobody is left in any.
fn tell(machine: &mut Machine, siblings: &mut Siblings) -> bool {
    let untold = siblings.tell();
    (0..untold).fold(false, |_, _| machine.child_left(true))
}

impl Siblings {
    /// There is one more; its place in the block, which has room.
    pub(crate) fn one_more(&mut self) -> usize {
        let place = self.born;
        self.born += 1;
        if self.born > self.counted {
            self.counted = self.born;
            if let Some(running) = self.running() {
                running.one_more();
            }
        }
        place as usize
    }

    fn running(&self) -> Option<&Running> {
        if self.places == 1 {
            return None;
        }
        self.block.running()
    }

    pub(crate) fn has_places(&self) -> bool {
        self.born < self.places
    }

    /// Those that are not taken do not count as running any more; whether nobody is left by that.
    fn close_places(&mut self) -> bool {
        let free = self.counted - self.born;
        if free == 0 {
            return false;
        }
        self.counted = self.born;
        let running = self.running();
        running.is_some_and(|running| running.take_back(free))
    }

    /// How many have not counted themselves off.
    fn left(&self) -> usize {
        let left = match self.running() {
            Some(running) => running.count() - (self.counted - self.born),
            None => self.born - self.told,
        };
        left as usize
    }

    /// Whether nobody is left; to be asked by one that has ended.
    fn is_over(&self) -> bool {
        let running = self.running();
        running.is_none_or(|running| running.count() == 0)
    }

    /// The machine is told that all have ended: how many it did not know of.
    fn tell(&mut self) -> u32 {
        let untold = self.born - self.told;
        self.told = self.born;
        untold
    }

    /// How many have no outcome yet: those alone may that are not counted off.
    fn unfinished_count(&self) -> usize {
        let mut count = 0;
        if self.left() > 0 {
            let born = 0..self.born as usize;
            self.block.each(born, &mut |_, cell| {
                count += usize::from(cell.ended().is_none());
            });
        }
        count
    }

    fn unfinished(&self) -> impl Iterator<Item = CellRef> {
        (0..self.born as usize)
            .filter(|place| self.block.cell(*place).ended().is_none())
            .map(|place| CellRef::new(Arc::clone(&self.block), place))
    }
}

impl Drop for Members {
    fn drop(&mut self) {
        self.membership.leave();
    }
}

impl Listed for Family {
    fn runtime(&self) -> Id {
        lock(&self.state).more.runtime
    }

    fn cells(self: Arc<Self>) -> Vec<CellRef> {
        self.unfinished()
    }

    fn never_started_beside(&self, cell: &CellRef) -> Vec<Who> {
        let members = &lock(&self.state).more;
        if members.unfinished().any(|member| member == *cell) {
            members.never_started.clone()
        } else {
            Vec::new()
        }
    }
}

//! The block of several tasks that are spawned in one loop, and belong to nothing together.
//!
//! Those of one type, from one line, at one time share a block, what is known of them from the
//! beginning, and their entry in the registry. Only the thread that spawns them looks for room there.

use std::any::Any;
use std::cell::Cell as PlainCell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use tokio::runtime::Id;

use crate::about::About;
use crate::block::{Block, CellRef};
use crate::block_watchers::BlockWatchers;
use crate::cancel_error::CancelError;
use crate::cell::Cell;
use crate::children::{Children, room_after};
use crate::outcome::Outcome;
use crate::registry::{Listed, Membership};
use crate::slot::Slot;
use crate::task_future::Settle;

/// The block of several tasks.
pub(crate) struct Batch<T, E> {
    about: About,
    membership: Membership,
    /// How many places are taken. Changed by the thread alone that has room here.
    taken: AtomicUsize,
    children: Children<T, E>,
}

/// A block, and a task's place in it.
pub(crate) type Place<T, E> = (Arc<Batch<T, E>>, usize);

thread_local! {
    /// The block where the next task of this thread may find room. It is not kept.
    static ROOM: PlainCell<Option<Weak<dyn Block>>> = const { PlainCell::new(None) };
}

/// A place for a new task, in a block with others like it.
pub(crate) fn take_room<T, E>(about: About) -> Place<T, E>
where
    T: Send + 'static,
    E: Send + 'static,
{
    let room = ROOM.try_with(PlainCell::take).ok().flatten();
    let batch = room.as_ref().and_then(|room| like::<T, E>(room, &about));
    let count = match batch {
        None => 1,
        Some(batch) => match batch.take() {
            Some(place) => {
                let _ = ROOM.try_with(|kept| kept.set(room));
                return (batch, place);
            }
            None => room_after::<T, E>(batch.children.count()),
        },
    };
    let batch = Batch::registered(about, count);
    let room: Weak<Batch<T, E>> = Arc::downgrade(&batch);
    let _ = ROOM.try_with(|kept| kept.set(Some(room)));
    (batch, 0)
}

/// The block, if a task like this may lie in it.
fn like<T, E>(room: &Weak<dyn Block>, about: &About) -> Option<Arc<Batch<T, E>>>
where
    T: Send + 'static,
    E: Send + 'static,
{
    let block = room.upgrade()?;
    if block.about().is_some_and(|other| other.is_like(about)) {
        block.into_any().downcast().ok()
    } else {
        None
    }
}

impl<T, E> Batch<T, E>
where
    T: Send + 'static,
    E: Send + 'static,
{
    /// With its first place taken.
    fn registered(about: About, count: usize) -> Arc<Self> {
        let batch = Arc::new(Self {
            about,
            membership: Membership::default(),
            taken: AtomicUsize::new(1),
            children: Children::new(count),
        });
        let weak = Arc::downgrade(&batch);
        batch.membership.enter(weak);
        batch
    }

    /// One more place, where there is one.
    fn take(&self) -> Option<usize> {
        let place = self.taken.load(Ordering::Relaxed);
        if place == self.children.count() {
            return None;
        }
        // Who lists them finds a task that is as it was made.
        self.taken.store(place + 1, Ordering::Release);
        Some(place)
    }
}

impl<T, E> Drop for Batch<T, E> {
    fn drop(&mut self) {
        self.membership.leave();
    }
}

/// The slot in the block of this cell.
pub(crate) fn slot_of<T, E>(cell: &CellRef) -> Option<&Slot<T, E>>
where
    T: Send + 'static,
    E: Send + 'static,
{
    let batch = cell.block::<Batch<T, E>>()?;
    Some(&batch.children.get(cell.place()).slot)
}

impl<T, E> Block for Batch<T, E>
where
    T: Send + 'static,
    E: Send + 'static,
{
    fn cell(&self, place: usize) -> &Cell {
        &self.children.get(place).cell
    }

    fn count(&self) -> usize {
        self.taken.load(Ordering::Acquire)
    }

    fn about(&self) -> Option<&About> {
        Some(&self.about)
    }

    fn watchers(&self) -> Option<&BlockWatchers> {
        Some(&self.children.watchers)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

impl<T, E> Listed for Batch<T, E>
where
    T: Send + 'static,
    E: Send + 'static,
{
    fn runtime(&self) -> Id {
        self.about.runtime
    }

    fn cells(self: Arc<Self>) -> Vec<CellRef> {
        (0..self.count())
            .filter(|place| self.cell(*place).ended().is_none())
            .map(|place| CellRef::new(Arc::clone(&self) as _, place))
            .collect()
    }
}

/// The outcome of the task in this place goes to its slot there.
pub(crate) struct InBatch(pub(crate) usize);

impl<T, E> Settle<T, E> for InBatch
where
    T: Send + 'static,
    E: CancelError + Send,
{
    fn place(&self) -> usize {
        self.0
    }

    fn settle(&self, cell: &CellRef, outcome: Outcome<T, E>) {
        match slot_of::<T, E>(cell) {
            Some(slot) => slot.settle(cell, outcome, false),
            None => unreachable!("the task was made with the block"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{Cancelled, OrCancel, Task, builder, spawn, tree};

    /// All from one line.
    fn spawned() -> Task<()> {
        spawn(std::future::pending().or_cancel())
    }

    fn batch_of(task: &Task<()>) -> Arc<Batch<(), Cancelled>> {
        task.cell().clone().into_block().expect("it lies in one")
    }

    #[tokio::test(start_paused = true)]
    async fn tasks_of_one_loop_share_blocks_each_with_twice_the_room() {
        let tasks: Vec<_> = (0..5).map(|_| spawned()).collect();
        let places = tasks.iter().map(|task| task.cell().place());
        assert_eq!(places.collect::<Vec<_>>(), [0, 0, 1, 2, 0]);
        assert!(Arc::ptr_eq(&batch_of(&tasks[1]), &batch_of(&tasks[3])));
        assert_eq!(
            tree().roots.len(),
            5,
            "places that are not taken are no tasks"
        );

        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(spawned().cell().place(), 0, "it is younger than they");
        let named = || {
            builder()
                .name("one")
                .spawn(std::future::pending().or_cancel())
        };
        assert_eq!(
            [named(), named()].map(|task: Task<()>| task.cell().place()),
            [0, 0]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_block_with_room_goes_with_its_last_task_and_handle() {
        let _first = spawned();
        let mut task = spawned();
        let batch = Arc::downgrade(&batch_of(&task));
        assert!(task.cancel_and_join().await.is_ok());
        assert_eq!(tree().roots.len(), 1, "what has ended is not listed");
        assert_eq!(batch.strong_count(), 1);
        drop(task);
        assert_eq!(batch.strong_count(), 0);
        assert_eq!(spawned().cell().place(), 0);
    }
}

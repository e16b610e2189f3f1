//! The block of several children of one group.
//!
//! Most groups have many children that are spawned in one loop. Those of one type, from one line, in
//! one step, share a block and what is known of them from the beginning. The first block is small, and
//! each after it has twice the room: half of what is allocated is used, and what one child keeps of
//! others that have ended is no more than one block.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::about::About;
use crate::block::{Block, CellRef};
use crate::cancel_error::CancelError;
use crate::cell::Cell;
use crate::group::{Group, Shared};
use crate::id::TaskId;
use crate::outcome::Outcome;
use crate::slot::Slot;
use crate::task_future::Settle;

/// The block of several children of one group.
pub(super) struct Brood<T, E> {
    group: Arc<Group<E>>,
    about: About,
    children: Box<[Child<T, E>]>,
}

struct Child<T, E> {
    cell: Cell,
    slot: Slot<T, Shared<E>>,
    /// Its place among the members, set before it is spawned.
    member: AtomicUsize,
}

/// How many children the first block has room for.
const FEWEST: usize = 2;
/// And each at the most.
const MOST: usize = 32;

/// The block that the next child may get a place in.
pub(crate) struct Room {
    block: Arc<dyn Block>,
    next: usize,
}

impl Room {
    /// A place for one more child like this, and what is to be dropped when nothing is locked.
    pub(super) fn take<T, E>(
        room: &mut Option<Self>,
        group: &Arc<Group<E>>,
        about: About,
    ) -> (Arc<Brood<T, E>>, usize, Option<Self>)
    where
        T: Send + 'static,
        E: Send + Sync + 'static,
    {
        let mut count = FEWEST;
        if let Some(room) = room {
            let is_full = room.next == room.block.count();
            let alike = room
                .block
                .about()
                .is_some_and(|other| other.is_like(&about));
            let is_of_type = room.block.as_any().is::<Brood<T, E>>();
            if alike && is_of_type {
                if !is_full {
                    if let Ok(brood) = Arc::clone(&room.block).into_any().downcast() {
                        room.next += 1;
                        return (brood, room.next - 1, None);
                    }
                }
                count = (2 * room.block.count()).min(MOST);
            }
        }
        let brood = Brood::new(group, about, count);
        let old = room.replace(Self {
            block: Arc::clone(&brood) as _,
            next: 1,
        });
        (brood, 0, old)
    }
}

impl<T, E> Brood<T, E> {
    pub(super) fn new(group: &Arc<Group<E>>, about: About, count: usize) -> Arc<Self> {
        let child = |id| Child {
            cell: Cell::of_task(id),
            slot: Slot::new(true),
            member: AtomicUsize::new(0),
        };
        Arc::new(Self {
            group: Arc::clone(group),
            children: TaskId::next_many(count).map(child).collect(),
            about,
        })
    }

    /// The child in this place is a member by that one.
    pub(super) fn note_member(&self, place: usize, member: usize) {
        self.children[place].member.store(member, Ordering::Relaxed);
    }
}

/// The slot in the block of this cell.
pub(super) fn slot_of<T, E>(cell: &CellRef) -> Option<&Slot<T, Shared<E>>>
where
    T: Send + 'static,
    E: Send + Sync + 'static,
{
    let brood = cell.block::<Brood<T, E>>()?;
    Some(&brood.children[cell.place()].slot)
}

impl<T, E> Block for Brood<T, E>
where
    T: Send + 'static,
    E: Send + Sync + 'static,
{
    fn cell(&self, place: usize) -> &Cell {
        &self.children[place].cell
    }

    fn count(&self) -> usize {
        self.children.len()
    }

    fn about(&self) -> Option<&About> {
        Some(&self.about)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

/// The outcome of the child in this place goes to its slot, and its error to the group as well.
pub(super) struct ToBrood(pub(super) usize);

impl<T, E> Settle<T, E> for ToBrood
where
    T: Send + 'static,
    E: CancelError + Send + Sync,
{
    fn place(&self) -> usize {
        self.0
    }

    fn settle(&self, cell: &CellRef, outcome: Outcome<T, E>) {
        let Some(brood) = cell.block::<Brood<T, E>>() else {
            unreachable!("the task was made with the block");
        };
        let child = &brood.children[self.0];
        let member = child.member.load(Ordering::Relaxed);
        brood.group.settle(member, cell, &child.slot, outcome);
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::sync::Weak;

    use tokio::task::yield_now;

    use super::*;
    use crate::group::{TaskGroup, task_group};
    use crate::{Cancelled, OrCancel};

    async fn body(group: TaskGroup<Cancelled>) -> Result<Weak<Group<Cancelled>>, Cancelled> {
        for _ in 0..5 {
            drop(group.spawn(std::future::pending::<()>().or_cancel()));
        }
        Ok(Arc::downgrade(&group.0))
    }

    #[tokio::test]
    async fn the_room_that_is_left_does_not_keep_the_group() {
        let end = task_group(async |group| {
            let weak = body(group.clone()).await?;
            group.cancel();
            Ok(weak)
        });
        assert!(end.await.unwrap().upgrade().is_none());
    }

    #[tokio::test]
    async fn nor_where_it_is_dropped_half_way() {
        let (tell, told) = std::sync::mpsc::channel();
        let mut group = Box::pin(task_group(async |group| {
            tell.send(body(group).await?).unwrap();
            std::future::pending::<()>().await;
            Ok(())
        }));
        assert!(
            std::future::poll_fn(|cx| std::task::Poll::Ready(group.as_mut().poll(cx)))
                .await
                .is_pending()
        );
        drop(group);
        for _ in 0..10 {
            yield_now().await;
        }
        assert!(told.recv().unwrap().upgrade().is_none());
    }
}

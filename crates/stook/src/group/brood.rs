//! The block of several children of one group.
//!
//! Most groups have many children that are spawned in one loop. Those of one type, from one line, at
//! one time, share a block and what is known of them from the beginning.

use std::sync::Arc;

use crate::about::About;
use crate::block::{Block, CellRef};
use crate::block_watchers::BlockWatchers;
use crate::cancel_error::CancelError;
use crate::cell::Cell;
use crate::children::{Child, Children, room_after};
use crate::family::{Members, ToDrop};
use crate::group::running::Running;
use crate::group::{Group, Shared};
use crate::outcome::Outcome;
use crate::task_future::Settle;

/// The block of several children of one group.
pub(super) struct Brood<T, E> {
    group: Arc<Group<E>>,
    about: About,
    /// Its place among the members.
    member: usize,
    running: Running,
    children: Children<T, Shared<E>>,
}

/// A block, and a child's place in it.
pub(super) type Place<T, E> = (Arc<Brood<T, E>>, usize);

/// A place for one more child like this, and what is to be dropped when nothing is locked.
pub(super) fn take_room<T, E>(
    members: &mut Members,
    group: &Arc<Group<E>>,
    about: About,
) -> (Place<T, E>, ToDrop)
where
    T: Send + 'static,
    E: Send + Sync + 'static,
{
    let mut count = 1;
    if let Some(room) = members.room() {
        let alike = room
            .block
            .about()
            .is_some_and(|other| other.is_like(&about));
        if alike && room.block.as_any().is::<Brood<T, E>>() {
            if room.has_places() {
                if let Ok(brood) = Arc::clone(&room.block).into_any().downcast() {
                    return ((brood, room.one_more()), [None, None]);
                }
            }
            count = room_after::<T, E>(room.block.count());
        }
    }
    let old = members.close_room();
    let brood = enter(members, group, about, count);
    members.open_room(brood.member);
    ((brood, 0), old)
}

/// A new block among the members, with its first child.
pub(super) fn enter<T, E>(
    members: &mut Members,
    group: &Arc<Group<E>>,
    about: About,
    count: usize,
) -> Arc<Brood<T, E>>
where
    T: Send + 'static,
    E: Send + Sync + 'static,
{
    let brood = Arc::new(Brood {
        group: Arc::clone(group),
        about,
        member: members.next_place(),
        running: Running::new(members.to_come(count)),
        children: Children::new(count),
    });
    members.enter(Arc::clone(&brood) as _, count);
    brood
}

/// The place of this cell, with the slot beside it.
pub(super) fn child_of<T, E>(cell: &CellRef) -> Option<&Child<T, Shared<E>>>
where
    T: Send + 'static,
    E: Send + Sync + 'static,
{
    let brood = cell.block::<Brood<T, E>>()?;
    Some(brood.children.get(cell.place()))
}

impl<T, E> Block for Brood<T, E>
where
    T: Send + 'static,
    E: Send + Sync + 'static,
{
    fn cell(&self, place: usize) -> &Cell {
        &self.children.get(place).cell
    }

    fn count(&self) -> usize {
        self.children.count()
    }

    fn about(&self) -> Option<&About> {
        Some(&self.about)
    }

    fn watchers(&self) -> Option<&BlockWatchers> {
        Some(&self.children.watchers)
    }

    fn running(&self) -> Option<&Running> {
        // One alone tells the group itself.
        (self.children.count() > 1).then_some(&self.running)
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
        let Child { cell: own, slot } = brood.children.get(self.0);
        let member = (brood.member, brood.running());
        brood.group.settle(member, cell, own, slot, outcome);
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::sync::Weak;

    use tokio::task::yield_now;

    use super::*;
    use crate::group::{TaskGroup, task_group};
    use crate::sync::lock;
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
    async fn nor_where_all_have_ended_before_the_body() {
        let end = task_group(async |group| {
            let weak = body(group.clone()).await?;
            for cell in group.0.family.unfinished() {
                cell.abort();
            }
            while !group.is_empty() {
                yield_now().await;
            }
            Ok(weak)
        });
        assert!(end.await.unwrap().upgrade().is_none());
    }

    #[tokio::test]
    async fn nor_does_a_block_whose_tasks_have_ended() {
        let end = task_group(async |group| {
            let weak = body(group.clone()).await?;
            group.cancel();
            while !group.is_empty() {
                yield_now().await;
            }
            assert!(lock(&group.0.family.state).more.take_ended().is_some());
            let again = group.spawn(std::future::ready(Ok(())));
            assert!(again.is_ok(), "it is open");
            Ok(weak)
        });
        assert!(end.await.unwrap().upgrade().is_none());
    }

    #[tokio::test]
    async fn nor_does_an_error_that_comes_when_it_was_dropped() {
        let mut weak = Weak::new();
        {
            let group = task_group(async |group: TaskGroup<std::io::Error>| {
                weak = Arc::downgrade(&group.0);
                drop(group.spawn(async {
                    drop(std::future::pending::<()>().or_cancel().await);
                    Err::<(), _>(std::io::Error::other("late"))
                }));
                // So that the task has begun.
                yield_now().await;
                std::future::pending::<()>().await;
                Ok(())
            });
            let mut group = Box::pin(group);
            for _ in 0..3 {
                let polled = futures_util::FutureExt::now_or_never(group.as_mut());
                assert!(polled.is_none());
                yield_now().await;
            }
        }
        for _ in 0..10 {
            yield_now().await;
        }
        assert!(weak.upgrade().is_none());
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

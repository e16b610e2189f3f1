//! The block of several tasks that are spawned in one loop, and belong to nothing together.
//!
//! Those of one type, from one line, at one time share a block, what is known of them from the
//! beginning, and their entry in the registry. Only the thread that spawns them looks for room there.

use std::cell::Cell as PlainCell;
use std::panic::Location;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use tokio::runtime::Id;

use crate::about::{About, Kin, is_one_line};
use crate::block::{Block, CellRef};
use crate::block_watchers::BlockWatchers;
use crate::cancel_error::CancelError;
use crate::cell::Cell;
use crate::children::{Child, Children, room_after, room_for};
use crate::context;
use crate::outcome::Outcome;
use crate::registry::{Listed, Membership};
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

/// Where the next task of a loop may find room.
struct Room {
    /// It is not kept.
    block: Weak<dyn Block>,
    location: &'static Location<'static>,
    /// How many the loop has spawned.
    born: usize,
}

thread_local! {
    /// That of this thread.
    static ROOM: PlainCell<Option<Room>> = const { PlainCell::new(None) };
    /// Loops of this thread that are over, each in the place of its line: how many each has spawned.
    static OVER: [PlainCell<Option<Over>>; 8] = const { [const { PlainCell::new(None) }; 8] };
}

type Over = (&'static Location<'static>, usize);

/// A place for a new task, in a block with others like it. When its loop was run before, the first
/// block has room for as many as it spawned then.
pub(crate) fn take_room<T, E>(kin: Kin) -> Place<T, E>
where
    T: Send + 'static,
    E: Send + 'static,
{
    let room = ROOM.try_with(PlainCell::take).ok().flatten();
    let (count, born) = match room {
        None => (expected(kin.location), 1),
        Some(mut room) => match like::<T, E>(&room.block, &kin) {
            None => {
                loop_is_over((room.location, room.born));
                (expected(kin.location), 1)
            }
            Some(batch) => {
                room.born += 1;
                match batch.take() {
                    Some(place) => {
                        let _ = ROOM.try_with(|kept| kept.set(Some(room)));
                        return (batch, place);
                    }
                    None => (room_after::<T, E>(batch.children.count()), room.born),
                }
            }
        },
    };
    let about = kin.born(context::now());
    let batch = Batch::registered(about, room_for::<T, E>(count));
    let room = Room {
        block: Arc::<Batch<T, E>>::downgrade(&batch),
        location: batch.about.location,
        born,
    };
    let _ = ROOM.try_with(|kept| kept.set(Some(room)));
    (batch, 0)
}

/// The block, if a task like this may lie in it.
fn like<T, E>(room: &Weak<dyn Block>, kin: &Kin) -> Option<Arc<Batch<T, E>>>
where
    T: Send + 'static,
    E: Send + 'static,
{
    let block = room.upgrade()?;
    let about = block.about()?;
    if !about.is_kin(kin) {
        return None;
    }
    let batch: Arc<Batch<T, E>> = block.into_any().downcast().ok()?;
    // While the last has not begun, who spawns has most often not waited. To see that takes less than
    // to read the clock.
    let is_at_once = batch.last_has_not_begun() || batch.about.is_of_time(context::now());
    is_at_once.then_some(batch)
}

/// Where what is known of a loop is kept. Another may have the same place.
fn place_of(location: &'static Location<'static>) -> usize {
    // Copies of a location have their line in common, and not their address.
    location.line() as usize % 8
}

fn loop_is_over(over: Over) {
    let _ = OVER.try_with(|kept| kept[place_of(over.0)].set(Some(over)));
}

/// How many a loop at this line is expected to spawn.
fn expected(location: &'static Location<'static>) -> usize {
    let kept = OVER.try_with(|kept| kept[place_of(location)].get());
    match kept {
        Ok(Some((other, born))) if is_one_line(other, location) => born,
        _ => 1,
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

    /// Whether the last that was spawned here has not made its first step.
    fn last_has_not_begun(&self) -> bool {
        let last = self.taken.load(Ordering::Relaxed) - 1;
        let cell = &self.children.get(last).cell;
        !cell.is_started() && cell.ended().is_none()
    }
}

impl<T, E> Drop for Batch<T, E> {
    fn drop(&mut self) {
        self.membership.leave();
    }
}

/// The place of this cell, with the slot beside it.
pub(crate) fn child_of<T, E>(cell: &CellRef) -> Option<&Child<T, E>>
where
    T: Send + 'static,
    E: Send + 'static,
{
    let batch = cell.block::<Batch<T, E>>()?;
    Some(batch.children.get(cell.place()))
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
        match child_of::<T, E>(cell) {
            Some(child) => child.slot.settle(cell, &child.cell, outcome, false),
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
    async fn one_that_is_spawned_within_a_moment_has_room_beside_one_that_has_begun() {
        let _tasks = [(); 2].map(|()| spawned());
        tokio::task::yield_now().await;
        assert_eq!(spawned().cell().place(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_ended_before_it_began_says_nothing_of_the_time() {
        let mut tasks = [(); 2].map(|()| spawned());
        assert!(tasks[1].cancel_and_join().await.is_ok());
        assert!(!tasks[1].cell().is_started());
        tokio::time::advance(Duration::from_millis(5)).await;
        let late = spawned();
        assert_eq!(late.cell().place(), 0);
        assert_eq!(batch_of(&late).about.born, tokio::time::Instant::now());
    }

    #[tokio::test(start_paused = true)]
    async fn a_loop_that_is_run_again_has_room_for_as_many_as_before() {
        let run = |count: usize| {
            let tasks: Vec<_> = (0..count).map(|_| spawned()).collect();
            tasks
                .iter()
                .map(|task| task.cell().place())
                .collect::<Vec<_>>()
        };
        assert_eq!(run(5), [0, 0, 1, 2, 0]);
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(run(6), [0, 1, 2, 3, 4, 0]);
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(run(1), [0]);
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(run(3), [0, 0, 1]);
    }

    #[test]
    fn what_is_known_of_a_loop_is_known_of_its_line_alone() {
        #[track_caller]
        fn line() -> &'static Location<'static> {
            Location::caller()
        }
        let one = line();
        let others = [
            line(), // Of these one has the same place.
            line(), //
            line(), //
            line(), //
            line(), //
            line(), //
            line(), //
            line(), //
        ];
        let mut lost = 0;
        for other in others {
            loop_is_over((one, 5));
            assert_eq!((expected(one), expected(other)), (5, 1));
            loop_is_over((other, 3));
            let is_lost = place_of(one) == place_of(other);
            lost += usize::from(is_lost);
            assert_eq!(expected(one), if is_lost { 1 } else { 5 });
            assert_eq!(expected(other), 3);
        }
        assert_eq!(lost, 1, "few loops have the same place");
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_is_as_old_as_one_before_it_that_has_not_begun() {
        let spawn_after = |milliseconds| {
            let clock = tokio::time::advance(Duration::from_millis(milliseconds));
            // Not awaited: the tasks do not run.
            let _pending = futures_util::FutureExt::now_or_never(clock);
            spawned()
        };
        let tasks = [0, 5, 5].map(spawn_after);
        let born = |task: &Task<()>| batch_of(task).about.born;
        assert_eq!(born(&tasks[1]), born(&tasks[2]));
        tokio::task::yield_now().await;
        assert_eq!(born(&spawn_after(5)), tokio::time::Instant::now());
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

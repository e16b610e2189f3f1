//! Watches several tasks: until it is dropped, or until all have ended.

use std::cell::LazyCell;
use std::sync::{Arc, Mutex};

use stook_kernel::{ReturnWhen, Wait, WaitAction};

use crate::block::CellRef;
use crate::block_watchers::{MOST_PLACES, Places};
use crate::cell::Cell;
use crate::lock::lock;
use crate::outcome::Ended;
use crate::record::Record;
use crate::watcher::{WatchChildren, WatchKey, Watcher};

/// Watches several tasks that belong to others.
pub(crate) struct Watching<C: AsRef<CellRef>> {
    /// Most wait for what lies in one block: this takes no allocation.
    first: Option<Kept<C>>,
    others: Vec<Kept<C>>,
}

/// What is watched as one, in the order in which it was given.
enum Kept<C> {
    /// A task alone, which had not ended.
    One(C, WatchKey),
    /// Several.
    Run(Run<C>),
}

/// Several tasks that lie one after another in a block, which keeps who watches them.
struct Run<C> {
    first: C,
    count: usize,
    key: WatchKey,
}

impl<C: AsRef<CellRef>> Watching<C> {
    /// Has the parent told of each, in its place. Those that have ended are told of at once, in order.
    pub(crate) fn new<'a, W, I>(parent: &Arc<W>, cells: I) -> Self
    where
        W: WatchChildren + 'static,
        I: IntoIterator<Item = &'a CellRef, IntoIter: Clone>,
        C: From<&'a CellRef>,
    {
        let mut cells = cells.into_iter();
        let mut watching = Self {
            first: None,
            others: Vec::new(),
        };
        let mut child = 0;
        loop {
            let run = cells.clone();
            let count = skip_run(&mut cells);
            match run.clone().next() {
                None => return watching,
                Some(first) if count > 1 && watching.watch_run(parent, child, first, count) => {}
                Some(_) => watching.watch_each(parent, child, run.take(count)),
            }
            child += count as u32;
        }
    }

    fn watch_each<'a, W>(
        &mut self,
        parent: &Arc<W>,
        child: u32,
        cells: impl Iterator<Item = &'a CellRef>,
    ) where
        W: WatchChildren + 'static,
        C: From<&'a CellRef>,
    {
        for (child, cell) in (child..).zip(cells) {
            match cell.watch(Watcher::Child(Arc::clone(parent) as _, child)) {
                Ok(key) => self.keep(Kept::One(cell.into(), key)),
                Err((_, ended)) => parent.child_done(child, ended),
            }
        }
    }

    /// Watches so many in the block of the first, if that keeps who watches several. It does not while
    /// somebody is to be told of one of them alone: who came first is told first.
    fn watch_run<'a, W>(
        &mut self,
        parent: &Arc<W>,
        child: u32,
        first: &'a CellRef,
        count: usize,
    ) -> bool
    where
        W: WatchChildren + 'static,
        C: From<&'a CellRef>,
    {
        let (block, places) = first.run(count);
        let Some(watchers) = block.watchers() else {
            return false;
        };
        let mut is_free = true;
        block.each(places.clone(), &mut |_, cell| {
            is_free &= !cell.has_watchers();
        });
        if !is_free {
            return false;
        }
        let (key, ended) = watchers.watch(block, places.clone(), Arc::clone(parent) as _, child);
        let first = first.into();
        self.keep(Kept::Run(Run { first, count, key }));
        for (child, place) in (child..).zip(places) {
            if ended & 1 << place != 0 {
                if let Some(ended) = block.cell(place).ended() {
                    parent.child_done(child, ended);
                }
            }
        }
        true
    }

    fn keep(&mut self, kept: Kept<C>) {
        if self.first.is_none() {
            self.first = Some(kept);
        } else {
            self.others.push(kept);
        }
    }

    fn kept(&self) -> impl Iterator<Item = &Kept<C>> {
        self.first.iter().chain(&self.others)
    }

    /// Asks those that have not ended to cancel, if there are any, and stops watching.
    pub(crate) fn ask(mut self, record: impl FnOnce() -> Arc<Record>) {
        let record = LazyCell::new(record);
        let others = std::mem::take(&mut self.others);
        for kept in self.first.take().into_iter().chain(others) {
            match kept {
                Kept::One(cell, key) => {
                    let cell: &Cell = cell.as_ref();
                    if cell.ended().is_none() {
                        cell.request_and_unwatch(Arc::clone(&record), key);
                    }
                }
                Kept::Run(run) => {
                    let left = run.unwatch();
                    run.each(|place, cell| {
                        if left & 1 << place != 0 && cell.ended().is_none() {
                            cell.request(Arc::clone(&record));
                        }
                    });
                }
            }
        }
    }

    /// They, but for some that had ended when the watch began.
    pub(crate) fn cells(&self) -> Vec<CellRef> {
        let mut cells = Vec::new();
        for kept in self.kept() {
            match kept {
                Kept::One(cell, _) => cells.push(cell.as_ref().clone()),
                Kept::Run(run) => {
                    let first = run.first.as_ref();
                    cells.extend(first.run(run.count).1.map(|place| first.beside(place)));
                }
            }
        }
        cells
    }
}

/// Passes by those that lie one after another in the block of the next; how many they are.
fn skip_run<'a>(cells: &mut (impl Iterator<Item = &'a CellRef> + Clone)) -> usize {
    let Some(mut last) = cells.next() else {
        return 0;
    };
    for count in 1..MOST_PLACES {
        let before = cells.clone();
        match cells.next() {
            Some(cell) if cell.is_next_to(last) => last = cell,
            _ => {
                *cells = before;
                return count;
            }
        }
    }
    MOST_PLACES
}

impl<C: AsRef<CellRef>> Run<C> {
    /// The places of those that it was not told of.
    fn unwatch(&self) -> Places {
        let watchers = self.first.as_ref().run(self.count).0.watchers();
        watchers.map_or(0, |watchers| watchers.unwatch(self.key))
    }

    fn each(&self, mut look: impl FnMut(usize, &Cell)) {
        let (block, places) = self.first.as_ref().run(self.count);
        block.each(places, &mut look);
    }
}

impl<C: AsRef<CellRef>> Drop for Watching<C> {
    fn drop(&mut self) {
        for kept in self.kept() {
            match kept {
                Kept::One(cell, key) => {
                    let cell: &Cell = cell.as_ref();
                    if cell.ended().is_none() {
                        cell.unwatch(*key);
                    }
                }
                Kept::Run(run) => {
                    run.unwatch();
                }
            }
        }
    }
}

/// Calls the function when all of these have ended; at once, when they have.
pub(crate) fn after_all(cells: Vec<CellRef>, then: impl FnOnce() + Send + 'static) {
    if cells.is_empty() {
        return then();
    }
    let machine = Wait::new(cells.len(), ReturnWhen::AllCompleted);
    let after = Arc::new(AfterAll(Mutex::new((machine, Some(Box::new(then))))));
    for (place, cell) in (0..).zip(cells) {
        let watcher = Watcher::Child(Arc::clone(&after) as _, place);
        if let Err((_, ended)) = cell.watch(watcher) {
            after.child_done(place, ended);
        }
    }
}

type Then = Box<dyn FnOnce() + Send>;

/// What is to be done when several have ended.
struct AfterAll(Mutex<(Wait, Option<Then>)>);

impl WatchChildren for AfterAll {
    fn child_done(&self, _place: u32, ended: Ended) {
        let then = {
            let mut state = lock(&self.0);
            match state.0.child_done(ended.for_kernel()) {
                WaitAction::KeepWaiting => None,
                WaitAction::Release => state.1.take(),
            }
        };
        if let Some(then) = then {
            then();
        }
    }
}

#[cfg(all(test, not(stook_loom)))]
mod tests {
    use super::*;
    use crate::{Cancelled, Task, spawn};

    #[derive(Default)]
    struct Told(Mutex<Vec<(u32, Ended)>>);

    impl Told {
        fn places(&self) -> Vec<u32> {
            lock(&self.0).iter().map(|(place, _)| *place).collect()
        }
    }

    impl WatchChildren for Told {
        fn child_done(&self, place: u32, ended: Ended) {
            lock(&self.0).push((place, ended));
        }
    }

    /// From one line, so that they lie in few blocks; each ends when it is asked to.
    fn spawned(count: usize) -> Vec<Task<()>> {
        (0..count)
            .map(|_| spawn(crate::OrCancel::or_cancel(std::future::pending())))
            .collect()
    }

    fn watch<'a>(told: &Arc<Told>, tasks: &'a [Task<()>]) -> Watching<&'a CellRef> {
        Watching::new(told, tasks.iter().map(Task::cell))
    }

    async fn end(tasks: &mut [Task<()>]) -> Result<(), Cancelled> {
        for task in tasks {
            assert!(task.cancel_and_join().await?.is_cancelled());
        }
        Ok(())
    }

    #[tokio::test]
    async fn those_of_one_loop_are_watched_in_few_places() -> Result<(), Cancelled> {
        let told = Arc::new(Told::default());
        let mut tasks = spawned(100);
        let watching = watch(&told, &tasks);
        assert!(watching.kept().count() < 10);
        assert_eq!(watching.cells().len(), 100);
        drop(watching);

        end(&mut tasks[3..5]).await?;
        assert!(told.places().is_empty(), "it has left");
        let others = Arc::new(Told::default());
        {
            let _watching = watch(&told, &tasks);
            let _others = watch(&others, &tasks[40..]);
            assert_eq!(told.places(), [3, 4], "they have ended before");
        }
        Ok(())
    }

    #[tokio::test]
    async fn each_is_told_of_once_in_its_place_among_those_given() -> Result<(), Cancelled> {
        let (told, others) = (Arc::new(Told::default()), Arc::new(Told::default()));
        let mut tasks = spawned(80);
        let cells: Vec<_> = tasks.iter().map(|task| task.cell().clone()).collect();
        let _told: Watching<&CellRef> = Watching::new(&told, &cells);
        // In another order, and some twice.
        let given = cells[30..].iter().chain(&cells[..40]);
        let _others: Watching<&CellRef> = Watching::new(&others, given);
        end(&mut tasks).await?;
        assert_eq!(told.places(), (0..80).collect::<Vec<_>>());
        let mut places = others.places();
        places.sort_unstable();
        assert_eq!(places, (0..90).collect::<Vec<_>>());
        Ok(())
    }

    #[tokio::test]
    async fn those_that_do_not_lie_one_after_another_are_watched_where_they_lie()
    -> Result<(), Cancelled> {
        // The first is alone in its block, the next three share one.
        let mut tasks = spawned(4);
        let cells: Vec<_> = tasks.iter().map(|task| task.cell().clone()).collect();
        for order in [[3, 2, 1], [0, 2, 3], [1, 3, 2]] {
            let given = order.map(|place| &cells[place]);
            let watching: Watching<&CellRef> = Watching::new(&Arc::<Told>::default(), given);
            let watched = watching.cells();
            assert!(watched.iter().eq(given), "{order:?}");
        }
        end(&mut tasks).await
    }

    #[tokio::test]
    async fn what_is_to_be_done_after_all_waits_for_none_that_has_ended() -> Result<(), Cancelled> {
        let mut tasks = spawned(2);
        let called = Arc::new(Told::default());
        let after_both = |tasks: &[Task<()>], number| {
            let told = Arc::clone(&called);
            let cells = tasks.iter().map(|task| task.cell().clone()).collect();
            after_all(cells, move || told.child_done(number, Ended::Ok));
        };
        after_both(&tasks, 0);
        end(&mut tasks[..1]).await?;
        assert_eq!(called.places(), []);
        end(&mut tasks[1..]).await?;
        assert_eq!(called.places(), [0]);
        after_both(&tasks, 1);
        assert_eq!(called.places(), [0, 1], "at once");
        Ok(())
    }

    #[tokio::test]
    async fn who_came_first_is_told_first() -> Result<(), Cancelled> {
        let told = Arc::new(Told::default());
        let mut tasks = spawned(16);
        let seen_by = |name: &'static str, seen: &Arc<Told>| {
            let (told, seen) = (Arc::clone(&told), Arc::clone(seen));
            move |_: &crate::TaskHandle| {
                let is_told = !told.places().is_empty();
                assert_eq!(is_told, name == "after");
                seen.child_done(0, Ended::Ok);
            }
        };
        let seen = Arc::new(Told::default());
        tasks[8].on_done(seen_by("before", &seen));
        let cells: Vec<_> = tasks.iter().map(|task| task.cell().clone()).collect();
        let _watching: Watching<&CellRef> = Watching::new(&told, &cells);
        tasks[8].on_done(seen_by("after", &seen));
        end(&mut tasks[8..9]).await?;
        assert_eq!((told.places().len(), seen.places().len()), (1, 2));
        Ok(())
    }

    #[tokio::test]
    async fn those_that_are_left_are_asked() -> Result<(), Cancelled> {
        let told = Arc::new(Told::default());
        let mut tasks = spawned(40);
        let cells: Vec<_> = tasks.iter().map(|task| task.cell().clone()).collect();
        let watching: Watching<&CellRef> = Watching::new(&told, &cells);
        end(&mut tasks[20..30]).await?;
        watching.ask(|| {
            Record::new(
                crate::CancelKind::LostRace,
                None,
                std::panic::Location::caller(),
                None,
            )
        });
        for (place, task) in tasks.iter().enumerate() {
            assert_eq!(task.cancelling(), 1);
            assert_eq!(task.is_done(), (20..30).contains(&place));
        }
        end(&mut tasks[..20]).await?;
        assert_eq!(told.places().len(), 10, "it does not watch any more");
        Ok(())
    }
}

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
    kept: Vec<Kept<C>>,
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
    pub(crate) fn new<'a, I>(parent: &Arc<dyn WatchChildren>, cells: I) -> Self
    where
        I: IntoIterator<Item = &'a CellRef, IntoIter: Clone>,
        C: From<&'a CellRef>,
    {
        let mut cells = cells.into_iter();
        // What was spawned in one loop, and is waited for in its order, lies in few blocks.
        let blocks = 1 + cells.size_hint().0 / MOST_PLACES;
        let mut watching = Self {
            kept: Vec::with_capacity(blocks),
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

    fn watch_each<'a>(
        &mut self,
        parent: &Arc<dyn WatchChildren>,
        child: u32,
        cells: impl Iterator<Item = &'a CellRef>,
    ) where
        C: From<&'a CellRef>,
    {
        for (child, cell) in (child..).zip(cells) {
            match cell.watch(Watcher::Child(Arc::clone(parent), child)) {
                Ok(key) => self.kept.push(Kept::One(cell.into(), key)),
                Err((_, ended)) => parent.child_done(child, ended),
            }
        }
    }

    /// Watches so many in the block of the first, if that keeps who watches several. It does not while
    /// somebody is to be told of one of them alone: who came first is told first.
    fn watch_run<'a>(
        &mut self,
        parent: &Arc<dyn WatchChildren>,
        child: u32,
        first: &'a CellRef,
        count: usize,
    ) -> bool
    where
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
        let (key, ended) = watchers.watch(block, places.clone(), Arc::clone(parent), child);
        let first = first.into();
        self.kept.push(Kept::Run(Run { first, count, key }));
        for (child, place) in (child..).zip(places) {
            if ended & 1 << place != 0 {
                if let Some(ended) = block.cell(place).ended() {
                    parent.child_done(child, ended);
                }
            }
        }
        true
    }

    /// Asks those that have not ended to cancel, if there are any, and stops watching.
    pub(crate) fn ask(mut self, record: impl FnOnce() -> Arc<Record>) {
        let record = LazyCell::new(record);
        for kept in std::mem::take(&mut self.kept) {
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
        for kept in &self.kept {
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
        for kept in &self.kept {
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

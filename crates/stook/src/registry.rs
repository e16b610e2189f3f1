//! The tasks that have not ended, for the tree.
//!
//! One for the process, so that spawning touches nothing that counts references; what is in it knows
//! its runtime.

use std::cell::Cell as PlainCell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};

use tokio::runtime::{Handle, Id};

use crate::block::CellRef;
use crate::context;
use crate::lock::lock;
use crate::record::Who;
use crate::slab::Slab;

/// Tasks that are in the registry together.
pub(crate) trait Listed: Send + Sync {
    fn runtime(&self) -> Id;

    /// They; some may have ended.
    fn cells(self: Arc<Self>) -> Vec<CellRef>;

    /// Who was cancelled before its first step in the group of this one, if that is here.
    fn never_started_beside(&self, _cell: &CellRef) -> Vec<Who> {
        Vec::new()
    }
}

/// On cache lines of its own.
#[repr(align(128))]
struct Shard(Mutex<Slab<Weak<dyn Listed>>>);

/// So that threads seldom meet.
const SHARDS: usize = 16;

static REGISTRY: [Shard; SHARDS] = [const { Shard(Mutex::new(Slab::new())) }; SHARDS];

thread_local! {
    /// Where this thread enters what it spawns.
    static SHARD: PlainCell<Option<usize>> = const { PlainCell::new(None) };
}

fn shard() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let kept = SHARD.try_with(PlainCell::get).ok().flatten();
    kept.unwrap_or_else(|| {
        let shard = NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS;
        let _ = SHARD.try_with(|kept| kept.set(Some(shard)));
        shard
    })
}

/// The runtime of the current task, or else the current one.
///
/// # Panics
/// Outside a runtime, as `tokio::spawn` does.
#[track_caller]
pub(crate) fn runtime() -> Id {
    or_current(context::inherited().1)
}

/// That which was inherited, or else the current one.
///
/// # Panics
/// As [`runtime`] does.
#[track_caller]
pub(crate) fn or_current(runtime: Option<Id>) -> Id {
    match runtime {
        Some(runtime) => runtime,
        // No closure: a panic is at the line of the program.
        None => current_runtime(),
    }
}

/// # Panics
/// Outside a runtime, as `tokio::spawn` does.
#[track_caller]
pub(crate) fn current_runtime() -> Id {
    Handle::current().id()
}

/// What there is of a runtime.
pub(crate) fn of(runtime: Id) -> Vec<Arc<dyn Listed>> {
    let mut all: Vec<Arc<dyn Listed>> = Vec::new();
    for shard in &REGISTRY {
        all.extend(lock(&shard.0).iter().filter_map(Weak::upgrade));
    }
    // Not before: to drop one may take it out of the registry.
    all.retain(|listed| listed.runtime() == runtime);
    all
}

/// The tasks of the current runtime, in no order; some may have ended. None outside a runtime.
pub(crate) fn tasks() -> Vec<CellRef> {
    let Ok(handle) = Handle::try_current() else {
        return Vec::new();
    };
    cells_of(handle.id(), of(handle.id()))
}

/// Of what was found for a runtime the tasks there: another group on another runtime may have a family
/// by now.
fn cells_of(runtime: Id, all: Vec<Arc<dyn Listed>>) -> Vec<CellRef> {
    let cells = all.into_iter().flat_map(Listed::cells);
    cells
        .filter(|cell| cell.about().is_some_and(|about| about.runtime == runtime))
        .collect()
}

/// The place of something in the registry.
#[derive(Debug)]
pub(crate) struct Membership(AtomicUsize);

const NOWHERE: usize = usize::MAX;

impl Default for Membership {
    fn default() -> Self {
        Self(AtomicUsize::new(NOWHERE))
    }
}

impl Membership {
    pub(crate) fn enter(&self, entry: Weak<dyn Listed>) {
        let shard = shard();
        let place = lock(&REGISTRY[shard].0).insert(entry);
        self.0.store(place * SHARDS + shard, Ordering::Release);
    }

    /// Nothing is kept any more.
    pub(crate) fn leave(&self) {
        // Once: the place may be another's by then.
        let place = self.0.load(Ordering::Acquire);
        if place != NOWHERE {
            self.0.store(NOWHERE, Ordering::Release);
            let removed = lock(&REGISTRY[place % SHARDS].0).remove(place / SHARDS);
            drop(removed);
        }
    }
}

#[cfg(all(test, not(stook_loom)))]
mod tests {
    use super::*;
    use crate::{Cancelled, TaskGroup, checkpoint, task_group};

    /// Whether there is an entry for this, which is gone: nothing else has its address yet.
    fn is_entered(gone: &Weak<dyn Listed>) -> bool {
        let is_same = |entry: &Weak<dyn Listed>| std::ptr::addr_eq(entry.as_ptr(), gone.as_ptr());
        let mut shards = REGISTRY.iter();
        shards.any(|shard| lock(&shard.0).iter().any(is_same))
    }

    #[tokio::test]
    async fn what_is_gone_has_no_entry() {
        let alone = crate::spawn(checkpoint());
        let gather = crate::gather([checkpoint()]);
        let mut entered = Vec::new();
        let group = task_group(async |group: TaskGroup<Cancelled>| {
            let all = of(current_runtime());
            entered = all.iter().map(Arc::downgrade).collect();
            // A family that was cancelled is not used again.
            group.cancel();
            Ok(())
        });
        group.await.expect("no error");
        assert_eq!(entered.len(), 3);
        assert_eq!(entered.iter().filter(|entry| is_entered(entry)).count(), 2);
        alone.await.expect("not cancelled");
        gather.await.expect("not cancelled");
        while entered.iter().any(|entry| entry.strong_count() > 0) {
            tokio::task::yield_now().await;
        }
        assert!(!entered.iter().any(is_entered));
    }

    #[test]
    fn a_family_that_another_runtime_has_by_now_lists_none_of_its_tasks_here() {
        let [one, other] = [(); 2].map(|()| {
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            runtime.expect("a runtime")
        });
        // One that is over, and is kept by this thread.
        let first = one.block_on(task_group(async |group: TaskGroup<Cancelled>| {
            drop(group.spawn(checkpoint()));
            Ok(())
        }));
        first.expect("no error");
        let one = one.handle().id();
        let found = of(one);
        assert_eq!(found.len(), 1);
        let second = other.block_on(task_group(async |group: TaskGroup<Cancelled>| {
            drop(group.spawn(checkpoint()));
            assert_eq!(found[0].runtime(), current_runtime(), "it was taken again");
            assert_eq!(cells_of(current_runtime(), found.clone()).len(), 1);
            assert!(cells_of(one, found.clone()).is_empty());
            Ok(())
        }));
        second.expect("no error");
    }
}

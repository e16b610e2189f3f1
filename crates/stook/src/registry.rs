//! The tasks of one runtime that have not ended, for the tree.

use std::collections::HashMap;
use std::panic::Location;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};

use tokio::runtime::{Handle, Id};
use tokio::time::Instant;

use crate::about::{About, Home};
use crate::cell::Cell;
use crate::context;
use crate::family::Family;
use crate::id::TaskId;
use crate::lock::lock;
use crate::slab::Slab;

/// The tasks of one runtime that have not ended.
#[derive(Debug)]
pub(crate) struct Registry {
    shards: [Mutex<Slab<Entry>>; SHARDS],
    next: AtomicUsize,
}

/// So that threads seldom meet.
const SHARDS: usize = 8;

static REGISTRIES: Mutex<Option<HashMap<Id, Weak<Registry>>>> = Mutex::new(None);

impl Registry {
    /// That of the current task, or else of the current runtime.
    ///
    /// # Panics
    /// Outside a runtime, as `tokio::spawn` does.
    #[track_caller]
    pub(crate) fn current() -> Arc<Self> {
        let inherited = context::with(|place| {
            let about = place.cell.as_ref()?.about()?;
            Some(Arc::clone(about.home.registry()))
        });
        inherited.unwrap_or_else(|| Self::of_runtime(Handle::current().id()))
    }

    /// That of the current runtime, where there is one and it has had tasks.
    pub(crate) fn of_current_runtime() -> Option<Arc<Self>> {
        let id = Handle::try_current().ok()?.id();
        lock(&REGISTRIES).as_ref()?.get(&id)?.upgrade()
    }

    fn of_runtime(id: Id) -> Arc<Self> {
        let mut registries = lock(&REGISTRIES);
        let registries = registries.get_or_insert_with(HashMap::new);
        if let Some(registry) = registries.get(&id).and_then(Weak::upgrade) {
            return registry;
        }
        registries.retain(|_, registry| registry.strong_count() > 0);
        let registry = Arc::new(Self {
            shards: [const { Mutex::new(Slab::new()) }; SHARDS],
            next: AtomicUsize::new(0),
        });
        registries.insert(id, Arc::downgrade(&registry));
        registry
    }

    /// Makes the cell of a new task and keeps it until the task has ended.
    pub(crate) fn new_cell(
        self: &Arc<Self>,
        name: Option<Arc<str>>,
        location: &'static Location<'static>,
        parent: Option<TaskId>,
    ) -> Arc<Cell> {
        let cell = Cell::new(About {
            parent,
            name,
            location,
            born: Instant::now(),
            home: Home::Alone(Arc::clone(self), Membership::default()),
        });
        if let Some(About {
            home: Home::Alone(_, membership),
            ..
        }) = cell.about()
        {
            self.enter(Entry::Task(Arc::downgrade(&cell)), membership);
        }
        cell
    }

    pub(crate) fn enter_family(&self, family: &Arc<Family>, membership: &Membership) {
        self.enter(Entry::Family(Arc::downgrade(family)), membership);
    }

    fn enter(&self, entry: Entry, membership: &Membership) {
        let shard = self.next.fetch_add(1, Ordering::Relaxed) % SHARDS;
        let place = lock(&self.shards[shard]).insert(entry);
        membership
            .0
            .store(place * SHARDS + shard, Ordering::Release);
    }

    /// The tasks, in no order; some may have ended.
    pub(crate) fn tasks(&self) -> Vec<Arc<Cell>> {
        let mut tasks = Vec::new();
        let mut families = Vec::new();
        for shard in &self.shards {
            for entry in lock(shard).iter() {
                match entry {
                    Entry::Task(cell) => tasks.extend(cell.upgrade()),
                    Entry::Family(family) => families.extend(family.upgrade()),
                }
            }
        }
        for family in families {
            tasks.extend(family.cells());
        }
        tasks
    }
}

/// What is kept of tasks that have not ended.
#[derive(Debug)]
enum Entry {
    Task(Weak<Cell>),
    Family(Weak<Family>),
}

/// The place of a task or a family in its registry.
#[derive(Debug)]
pub(crate) struct Membership(AtomicUsize);

const NOWHERE: usize = usize::MAX;

impl Default for Membership {
    fn default() -> Self {
        Self(AtomicUsize::new(NOWHERE))
    }
}

impl Membership {
    /// Nothing is kept any more.
    pub(crate) fn leave(&self, registry: &Registry) {
        // Once: the place may be another's by then.
        let place = self.0.load(Ordering::Acquire);
        if place != NOWHERE {
            self.0.store(NOWHERE, Ordering::Release);
            let removed = lock(&registry.shards[place % SHARDS]).remove(place / SHARDS);
            drop(removed);
        }
    }
}

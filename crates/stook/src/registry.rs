//! The tasks of one runtime that have not ended, for the tree.

use std::collections::HashMap;
use std::panic::Location;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};

use tokio::runtime::{Handle, Id};
use tokio::time::Instant;

use crate::cell::{About, Cell};
use crate::context;
use crate::group::kin::Kin;
use crate::id::TaskId;
use crate::lock::lock;
use crate::slab::Slab;

/// The tasks of one runtime that have not ended.
#[derive(Debug)]
pub(crate) struct Registry {
    shards: [Mutex<Slab<Weak<Cell>>>; SHARDS],
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
            Some(Arc::clone(&about.membership.registry))
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
        self: Arc<Self>,
        name: Option<Arc<str>>,
        location: &'static Location<'static>,
        parent: Option<TaskId>,
        kin: Option<Arc<Kin>>,
    ) -> Arc<Cell> {
        let shard = self.next.fetch_add(1, Ordering::Relaxed) % SHARDS;
        let cell = Cell::new(About {
            parent,
            kin,
            name,
            location,
            born: Instant::now(),
            membership: Membership {
                registry: Arc::clone(&self),
                shard,
                place: OnceLock::new(),
            },
        });
        let place = lock(&self.shards[shard]).insert(Arc::downgrade(&cell));
        if let Some(about) = cell.about() {
            let _ = about.membership.place.set(place);
        }
        cell
    }

    /// The tasks that have not ended, in no order.
    pub(crate) fn tasks(&self) -> Vec<Arc<Cell>> {
        let mut tasks = Vec::new();
        for shard in &self.shards {
            tasks.extend(lock(shard).iter().filter_map(Weak::upgrade));
        }
        tasks
    }
}

/// The place of a task in its registry.
#[derive(Debug)]
pub(crate) struct Membership {
    registry: Arc<Registry>,
    shard: usize,
    place: OnceLock<usize>,
}

impl Membership {
    /// The task has ended.
    pub(crate) fn leave(&self) {
        if let Some(place) = self.place.get() {
            let removed = lock(&self.registry.shards[self.shard]).remove(*place);
            drop(removed);
        }
    }
}

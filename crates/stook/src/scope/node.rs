//! One scope, as cancel points and who cancels it see it.
//!
//! A scope that has fired goes on being delivered to every cancel point inside, until it is left. It
//! is found from the inside: each scope knows the next one outward in its task.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use crate::block::CellRef;
use crate::cancelled::Cancelled;
use crate::id::TaskId;
use crate::lock::lock;
use crate::record::Record;

/// One scope.
#[derive(Debug)]
pub(crate) struct ScopeNode {
    id: TaskId,
    /// It hides what is outward of it.
    shields: AtomicBool,
    fired: AtomicBool,
    state: Mutex<NodeState>,
}

#[derive(Debug, Default)]
struct NodeState {
    /// The task it is in, once it was polled.
    cell: Option<CellRef>,
    outer: Option<Arc<ScopeNode>>,
    record: Option<Arc<Record>>,
    is_left: bool,
}

/// What there is outward of a cancel point.
pub(crate) struct Seen {
    /// The outermost scope that has fired.
    pub(crate) fired: Option<Arc<ScopeNode>>,
    /// There is a shield, and what is outward of it was not looked at.
    pub(crate) is_shielded: bool,
}

impl ScopeNode {
    pub(crate) fn new() -> Arc<Self> {
        Self::with(false)
    }

    /// A scope that hides what is outward of it.
    pub(crate) fn shield() -> Arc<Self> {
        Self::with(true)
    }

    fn with(shields: bool) -> Arc<Self> {
        Arc::new(Self {
            id: TaskId::next(),
            shields: AtomicBool::new(shields),
            fired: AtomicBool::new(false),
            state: Mutex::default(),
        })
    }

    pub(crate) fn id(&self) -> TaskId {
        self.id
    }

    pub(crate) fn outer(&self) -> Option<Arc<Self>> {
        lock(&self.state).outer.clone()
    }

    pub(crate) fn is_fired(&self) -> bool {
        self.fired.load(Ordering::Acquire)
    }

    /// From the innermost scope outward, up to the first shield.
    pub(crate) fn look_outward(innermost: Option<&Arc<Self>>) -> Seen {
        let mut fired = None;
        let mut next = innermost.cloned();
        while let Some(node) = next {
            if node.shields.load(Ordering::Acquire) {
                return Seen {
                    fired,
                    is_shielded: true,
                };
            }
            next = node.outer();
            if node.is_fired() {
                fired = Some(node);
            }
        }
        Seen {
            fired,
            is_shielded: false,
        }
    }

    /// The cancellation that it delivers.
    pub(crate) fn cancelled(&self) -> Option<Cancelled> {
        let record = lock(&self.state).record.clone()?;
        Some(Cancelled::new(self.id, record))
    }

    /// Fires, and wakes what waits inside; `false` when it has fired before or was left.
    pub(crate) fn fire(&self, record: Arc<Record>) -> bool {
        let cell = {
            let mut state = lock(&self.state);
            if state.is_left || self.is_fired() {
                return false;
            }
            state.record = Some(record);
            self.fired.store(true, Ordering::Release);
            // Under the lock, so that it is counted before it is left.
            if let Some(cell) = &state.cell {
                cell.scope_fired();
            }
            state.cell.clone()
        };
        if let Some(cell) = cell {
            cell.wake();
        }
        true
    }

    /// The shield is taken away: what was hidden is delivered from now on.
    pub(crate) fn lower_shield(&self) {
        self.shields.store(false, Ordering::Release);
        let cell = lock(&self.state).cell.clone();
        if let Some(cell) = cell.filter(|cell| cell.is_triggered()) {
            cell.wake();
        }
    }

    /// It is polled here from now on.
    pub(crate) fn settle(&self, cell: CellRef, outer: Option<Arc<Self>>) {
        let replaced = {
            let mut state = lock(&self.state);
            let replaced = state.cell.replace(cell.clone());
            if self.is_fired() {
                if let Some(replaced) = &replaced {
                    replaced.scope_left();
                }
                cell.scope_fired();
            }
            (replaced, std::mem::replace(&mut state.outer, outer))
        };
        // Whoever polls it now looks at it; there is nobody to wake.
        drop(replaced);
    }

    /// It is left, and fires no more.
    pub(crate) fn leave(&self) {
        let left = {
            let mut state = lock(&self.state);
            if state.is_left {
                return;
            }
            state.is_left = true;
            if let Some(cell) = state.cell.as_ref().filter(|_| self.is_fired()) {
                cell.scope_left();
            }
            (state.outer.take(), state.cell.take())
        };
        drop(left);
    }
}

//! One scope, as cancel points and who cancels it see it.
//!
//! A scope that has fired goes on being delivered to every cancel point inside, until it is left. It
//! is found from the inside: each scope knows the next one outward in its task.

use std::panic::Location;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tokio::runtime::{Handle, Id};

use crate::block::CellRef;
use crate::cancelled::Cancelled;
use crate::id::TaskId;
use crate::lock::lock;
use crate::record::Record;
use crate::scope::fired;

/// One scope.
#[derive(Debug)]
pub(crate) struct ScopeNode {
    id: TaskId,
    /// Where it was entered.
    location: &'static Location<'static>,
    /// It hides what is outward of it.
    shields: AtomicBool,
    fired: AtomicBool,
    /// A cancel point inside has seen that it has fired.
    heard: AtomicBool,
    state: Mutex<NodeState>,
}

#[derive(Debug, Default)]
struct NodeState {
    /// The task it is in, once it was polled.
    cell: Option<CellRef>,
    /// Outside tasks: the runtime that it is polled on.
    runtime: Option<Id>,
    outer: Option<Arc<ScopeNode>>,
    record: Option<Arc<Record>>,
    is_left: bool,
}

/// What there is outward of a cancel point.
pub(crate) struct Seen {
    /// The outermost scope that has fired.
    pub(crate) fired: Option<Arc<ScopeNode>>,
    /// Where the innermost shield was entered: what is outward of it was not looked at.
    pub(crate) shield: Option<&'static Location<'static>>,
}

impl ScopeNode {
    pub(crate) fn new(location: &'static Location<'static>) -> Arc<Self> {
        Self::with(location, false)
    }

    /// A scope that hides what is outward of it.
    pub(crate) fn shield(location: &'static Location<'static>) -> Arc<Self> {
        Self::with(location, true)
    }

    fn with(location: &'static Location<'static>, shields: bool) -> Arc<Self> {
        Arc::new(Self {
            id: TaskId::next(),
            location,
            shields: AtomicBool::new(shields),
            fired: AtomicBool::new(false),
            heard: AtomicBool::new(false),
            state: Mutex::default(),
        })
    }

    pub(crate) fn id(&self) -> TaskId {
        self.id
    }

    pub(crate) fn location(&self) -> &'static Location<'static> {
        self.location
    }

    pub(crate) fn outer(&self) -> Option<Arc<Self>> {
        lock(&self.state).outer.clone()
    }

    pub(crate) fn is_fired(&self) -> bool {
        self.fired.load(Ordering::Acquire)
    }

    /// Whether a cancel point inside has seen that it has fired.
    pub(crate) fn is_heard(&self) -> bool {
        self.heard.load(Ordering::Acquire)
    }

    pub(crate) fn record(&self) -> Option<Arc<Record>> {
        lock(&self.state).record.clone()
    }

    /// What it is in, while it is entered.
    pub(crate) fn cell(&self) -> Option<CellRef> {
        lock(&self.state).cell.clone()
    }

    /// The runtime that it is polled on, while it is entered and where one is known.
    pub(crate) fn runtime(&self) -> Option<Id> {
        let state = lock(&self.state);
        let of_task = state.cell.as_ref().and_then(CellRef::about);
        of_task.map_or(state.runtime, |about| Some(about.runtime))
    }

    /// From the innermost scope outward, up to the first shield.
    pub(crate) fn look_outward(innermost: Option<&Arc<Self>>) -> Seen {
        let mut fired = None;
        let mut next = innermost.cloned();
        while let Some(node) = next {
            if node.shields.load(Ordering::Acquire) {
                return Seen {
                    fired,
                    shield: Some(node.location),
                };
            }
            next = node.outer();
            if node.is_fired() {
                node.heard.store(true, Ordering::Release);
                fired = Some(node);
            }
        }
        Seen {
            fired,
            shield: None,
        }
    }

    /// The cancellation that it delivers.
    pub(crate) fn cancelled(&self) -> Option<Cancelled> {
        let record = self.record()?;
        Some(Cancelled::new(self.id, record))
    }

    /// Fires, and wakes what waits inside; `false` when it has fired before or was left.
    pub(crate) fn fire(self: &Arc<Self>, record: Arc<Record>) -> bool {
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
                fired::enter(cell.id(), self);
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
        let Some(cell) = self.cell() else { return };
        cell.shield_left();
        if cell.is_triggered() {
            cell.wake();
        }
    }

    /// It is polled here from now on.
    pub(crate) fn settle(self: &Arc<Self>, cell: CellRef, outer: Option<Arc<Self>>) {
        let runtime = if cell.is_task() {
            None
        } else {
            Handle::try_current().ok().map(|handle| handle.id())
        };
        let replaced = {
            let mut state = lock(&self.state);
            state.runtime = runtime;
            let replaced = state.cell.replace(cell.clone());
            if self.is_fired() {
                if let Some(replaced) = &replaced {
                    replaced.scope_left();
                    fired::leave(replaced.id(), self);
                }
                cell.scope_fired();
                fired::enter(cell.id(), self);
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
            if let Some(cell) = &state.cell {
                if self.is_fired() {
                    cell.scope_left();
                    fired::leave(cell.id(), self);
                } else if self.shields.load(Ordering::Acquire) {
                    cell.shield_left();
                }
            }
            (state.outer.take(), state.cell.take())
        };
        drop(left);
    }
}

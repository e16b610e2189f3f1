//! One scope, as cancel points and who cancels it see it.
//!
//! A scope that has fired goes on being delivered to every cancel point inside, until it is left. It
//! is found from the inside: each scope knows the next one outward in its task.

use std::fmt;
use std::ops::Deref;
use std::panic::Location;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use tokio::runtime::{Handle, Id};

use crate::block::CellRef;
use crate::cancelled::Cancelled;
use crate::id::TaskId;
use crate::record::Record;
use crate::scope::fired;
use crate::sync::{Mutex, lock};

/// One scope, and what else lies behind its lock: of a group its tasks, of others nothing.
pub(crate) struct ScopeNode<M: ?Sized = dyn Send> {
    id: TaskId,
    /// It hides what is outward of it.
    shields: AtomicBool,
    fired: AtomicBool,
    /// A cancel point inside has seen that it has fired.
    heard: AtomicBool,
    pub(crate) state: Mutex<NodeState<M>>,
}

/// What the lock of a scope guards.
pub(crate) struct NodeState<M: ?Sized = dyn Send> {
    /// Where it was entered.
    location: &'static Location<'static>,
    /// The task it is in, once it was polled.
    cell: Option<CellRef>,
    /// Outside tasks: the runtime that it is polled on.
    runtime: Option<Id>,
    outer: Option<ScopeRef>,
    record: Option<Arc<Record>>,
    is_left: bool,
    pub(crate) more: M,
}

/// Where a scope was: to be dropped when nothing is locked.
pub(crate) type Left = (Option<ScopeRef>, Option<CellRef>);

/// A reference to a scope, which keeps it.
#[derive(Clone)]
pub(crate) struct ScopeRef(Arc<ScopeNode>);

impl ScopeRef {
    /// To a scope of its own, which is entered here.
    pub(crate) fn new(location: &'static Location<'static>) -> Self {
        Self::of(Arc::new(ScopeNode::new(location, false, ())))
    }

    /// To one that hides what is outward of it.
    pub(crate) fn shield(location: &'static Location<'static>) -> Self {
        Self::of(Arc::new(ScopeNode::new(location, true, ())))
    }

    pub(crate) fn of(node: Arc<ScopeNode>) -> Self {
        Self(node)
    }

    /// The same, which does not keep it.
    pub(super) fn downgrade(&self) -> Weak<ScopeNode> {
        Arc::downgrade(&self.0)
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
                fired::enter(cell.id(), self);
            }
            state.cell.clone()
        };
        if let Some(cell) = cell {
            cell.wake();
        }
        true
    }

    /// It is polled here from now on.
    pub(crate) fn settle(&self, cell: CellRef, outer: Option<Self>) {
        let replaced = {
            let mut state = lock(&self.state);
            if self.is_fired() {
                if let Some(left) = &state.cell {
                    left.scope_left();
                    fired::leave(left.id(), self.id);
                }
                cell.scope_fired();
                fired::enter(cell.id(), self);
            }
            state.settle(cell, outer)
        };
        // Whoever polls it now looks at it; there is nobody to wake.
        drop(replaced);
    }
}

impl Deref for ScopeRef {
    type Target = ScopeNode;

    fn deref(&self) -> &ScopeNode {
        &self.0
    }
}

impl fmt::Debug for ScopeRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopeRef")
            .field("id", &self.id)
            .field("is_fired", &self.is_fired())
            .finish_non_exhaustive()
    }
}

impl<M: ?Sized> NodeState<M> {
    fn settle(&mut self, cell: CellRef, outer: Option<ScopeRef>) -> Left {
        self.runtime = if cell.is_task() {
            None
        } else {
            Handle::try_current().ok().map(|handle| handle.id())
        };
        let outer = std::mem::replace(&mut self.outer, outer);
        (outer, self.cell.replace(cell))
    }

    /// Entered once more, by another: it has not fired, and was left.
    pub(crate) fn enter_again(
        &mut self,
        location: &'static Location<'static>,
        cell: CellRef,
        outer: Option<ScopeRef>,
    ) {
        self.location = location;
        self.is_left = false;
        let nothing = self.settle(cell, outer);
        debug_assert!(matches!(nothing, (None, None)), "it was left");
    }
}

/// What there is outward of a cancel point.
pub(crate) struct Seen {
    /// The outermost scope that has fired.
    pub(crate) fired: Option<ScopeRef>,
    /// Where the innermost shield was entered: what is outward of it was not looked at.
    pub(crate) shield: Option<&'static Location<'static>>,
}

impl<M> ScopeNode<M> {
    /// One that is entered here.
    pub(crate) fn new(location: &'static Location<'static>, shields: bool, more: M) -> Self {
        Self {
            id: TaskId::next(),
            shields: AtomicBool::new(shields),
            fired: AtomicBool::new(false),
            heard: AtomicBool::new(false),
            state: Mutex::new(NodeState {
                location,
                cell: None,
                runtime: None,
                outer: None,
                record: None,
                is_left: false,
                more,
            }),
        }
    }
}

impl<M: ?Sized> ScopeNode<M> {
    pub(crate) fn id(&self) -> TaskId {
        self.id
    }

    pub(crate) fn is_fired(&self) -> bool {
        self.fired.load(Ordering::Acquire)
    }

    /// It is left, and fires no more. With the lock held.
    pub(crate) fn leave_locked(&self, state: &mut NodeState<M>) -> Left {
        if state.is_left {
            return (None, None);
        }
        state.is_left = true;
        if let Some(cell) = &state.cell {
            if self.is_fired() {
                cell.scope_left();
                fired::leave(cell.id(), self.id);
            } else if self.shields.load(Ordering::Acquire) {
                cell.shield_left();
            }
        }
        (state.outer.take(), state.cell.take())
    }
}

impl ScopeNode {
    pub(crate) fn location(&self) -> &'static Location<'static> {
        lock(&self.state).location
    }

    pub(crate) fn outer(&self) -> Option<ScopeRef> {
        lock(&self.state).outer.clone()
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
    pub(crate) fn look_outward(innermost: Option<&ScopeRef>) -> Seen {
        let mut fired = None;
        let mut next = innermost.cloned();
        while let Some(node) = next {
            if node.shields.load(Ordering::Acquire) {
                return Seen {
                    fired,
                    shield: Some(node.location()),
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

    /// The shield is taken away: what was hidden is delivered from now on.
    pub(crate) fn lower_shield(&self) {
        self.shields.store(false, Ordering::Release);
        let Some(cell) = self.cell() else { return };
        cell.shield_left();
        if cell.is_triggered() {
            cell.wake();
        }
    }

    /// It is left, and fires no more.
    pub(crate) fn leave(&self) {
        let left = self.leave_locked(&mut lock(&self.state));
        drop(left);
    }
}

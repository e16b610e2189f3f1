//! What the lock of a cell guards: the requests of the task, its wakers, and who watches it.

use std::panic::Location;
use std::sync::Arc;
use std::task::Waker;

use stook_kernel::{CancelRequests, Received, Retrieval};

use crate::record::Record;
use crate::report;
use crate::slab::Slab;
use crate::watcher::Watchers;

/// What the lock of a cell guards.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    pub(crate) requests: CancelRequests,
    pub(crate) received: Received,
    /// Of its error, where it has one.
    pub(crate) retrieval: Retrieval,
    /// Somebody was to be woken before the task had a waker here.
    pub(crate) is_wake_due: bool,
    /// How many scopes in this cell have fired and were not left yet.
    pub(crate) fired: u32,
    /// The task's own, while it waits.
    pub(crate) waker: Option<Waker>,
    /// Of the last request, delivered or not.
    pub(crate) last: Option<Arc<Record>>,
    /// What few tasks have.
    rare: Option<Box<Rare>>,
    /// Where the task waits, as of its last step.
    pub(crate) waiting: Option<&'static Location<'static>>,
    pub(crate) watchers: Watchers,
}

#[derive(Debug)]
pub(crate) struct Rare {
    /// Of the requests that were not delivered yet, without the last.
    pub(crate) earlier: Vec<Arc<Record>>,
    /// Of cancel points that are polled with another waker than the task's. They are foreign: under the
    /// lock it is references to them that are counted.
    pub(crate) wakers: Slab<Arc<Waker>>,
    /// Where the shield was entered that has kept a cancellation from a cancel point.
    pub(crate) shield: Option<&'static Location<'static>>,
}

impl Asked {
    pub(crate) fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_with(|| {
            Box::new(Rare {
                earlier: Vec::new(),
                wakers: Slab::new(),
                shield: None,
            })
        })
    }

    /// Of the requests that were not delivered yet, without the last.
    pub(crate) fn take_earlier(&mut self) -> Option<Vec<Arc<Record>>> {
        let rare = self.rare.as_mut()?;
        Some(std::mem::take(&mut rare.earlier))
    }

    pub(crate) fn shield(&self) -> Option<&'static Location<'static>> {
        self.rare.as_ref()?.shield
    }

    pub(crate) fn forget_shield(&mut self) {
        if let Some(rare) = &mut self.rare {
            rare.shield = None;
        }
    }

    /// The records of the requests that are due.
    pub(crate) fn undelivered(&self) -> impl Iterator<Item = &Arc<Record>> {
        let earlier = self.rare.iter().flat_map(|rare| &rare.earlier);
        earlier.chain(&self.last)
    }

    pub(crate) fn other_wakers(&self) -> Option<Vec<Arc<Waker>>> {
        let rare = self.rare.as_ref()?;
        Some(rare.wakers.iter().cloned().collect())
    }
}

/// Taken out under the lock, to be woken without it.
pub(crate) struct Wakers {
    pub(crate) own: Option<Waker>,
    pub(crate) others: Option<Vec<Arc<Waker>>>,
}

impl Wakers {
    pub(crate) fn wake(self) {
        // tokio's, unlike the others.
        if let Some(own) = self.own {
            own.wake();
        }
        if let Some(others) = self.others {
            wake_all(&others);
        }
    }
}

#[cold]
fn wake_all(wakers: &[Arc<Waker>]) {
    for waker in wakers {
        report::wake_by_ref(waker);
    }
}

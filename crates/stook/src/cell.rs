//! What is shared of one task: one atomic word, its requests, and who is told when it has ended.
//!
//! The value is not here: see `slot.rs`. So a cell is the same for every task and may be anywhere,
//! on other threads too. A scope outside tasks has one as well, for what its cancel points look at.
//!
//! Invariants:
//! 1. `TRIGGERED` is set whenever a request is due or a scope in this cell has fired: a cancel point
//!    that finds it clear need not lock anything.
//! 2. Who changes `asked` and then wakes, and who registers a waker and then looks at `asked`, do so
//!    under its lock: no request is missed.
//! 3. No waker is woken and no watcher told while a lock is held.

use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Waker;

use stook_kernel::{AwaitedRecord, CancelRequests, Delivery, Keep, Received, WithdrawRule};

use crate::about::{About, Home};
use crate::cancelled::Cancelled;
use crate::id::TaskId;
use crate::outcome::Ended;
use crate::record::{Record, Who};
use crate::scope::node::ScopeNode;
use crate::slab::Slab;
use crate::sync::{AtomicU32, Mutex, lock};
use crate::watcher::{Watcher, Watchers};

const STARTED: u32 = 1;
const TRIGGERED: u32 = 2;
/// Nobody holds a handle on it any more, though somebody was to wait for it.
const ORPHAN: u32 = 4;
/// Somebody is to be told when it ends.
const WATCHED: u32 = 8;
/// It has waited, and its waker is kept.
const PARKED: u32 = 16;
/// Where `Ended` stands in the word; zero while the task runs.
const ENDED_SHIFT: u32 = 8;

/// What is shared of one task.
#[derive(Debug)]
pub(crate) struct Cell {
    id: TaskId,
    word: AtomicU32,
    asked: Mutex<Asked>,
    watchers: Mutex<Watchers>,
    /// `None` for the cell of a scope outside tasks.
    about: Option<About>,
    #[cfg(feature = "tracing")]
    span: Option<crate::span::Span>,
}

#[derive(Debug, Default)]
struct Asked {
    requests: CancelRequests,
    received: Received,
    /// The task's own, once it has waited.
    waker: Option<Waker>,
    /// How many scopes in this cell have fired and were not left yet.
    fired: u32,
    /// Of the first request that was not delivered yet.
    first: Option<Arc<Record>>,
    /// Of the last request, delivered or not.
    last: Option<Arc<Record>>,
    /// What few tasks have.
    rare: Option<Box<Rare>>,
    /// Where the task waits, as of its last step.
    waiting: Option<&'static Location<'static>>,
}

#[derive(Debug)]
struct Rare {
    /// Of the requests after the first that were not delivered yet.
    more: Vec<Arc<Record>>,
    /// Of cancel points that are polled with another waker than the task's.
    wakers: Slab<Waker>,
}

impl Asked {
    fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_with(|| {
            Box::new(Rare {
                more: Vec::new(),
                wakers: Slab::new(),
            })
        })
    }
}

/// Taken out under the lock, to be woken without it.
struct Wakers {
    own: Option<Waker>,
    others: Vec<Waker>,
}

impl Asked {
    fn wakers(&self) -> Wakers {
        let others = self
            .rare
            .as_ref()
            .map(|rare| rare.wakers.iter().cloned().collect());
        Wakers {
            own: self.waker.clone(),
            others: others.unwrap_or_default(),
        }
    }
}

impl Wakers {
    fn wake(self) {
        // A task that has not waited yet is polled anyhow, or being polled.
        for waker in self.own.into_iter().chain(self.others) {
            waker.wake();
        }
    }
}

impl Cell {
    pub(crate) fn new(about: About) -> Arc<Self> {
        Self::with(Some(about))
    }

    /// For a scope outside tasks.
    pub(crate) fn of_scope() -> Arc<Self> {
        Self::with(None)
    }

    fn with(about: Option<About>) -> Arc<Self> {
        let id = TaskId::next();
        Arc::new(Self {
            id,
            #[cfg(feature = "tracing")]
            span: about
                .as_ref()
                .map(|about| crate::span::Span::new(id, about.name.as_deref(), about.location)),
            word: AtomicU32::new(0),
            asked: Mutex::new(Asked::default()),
            watchers: Mutex::new(Watchers::default()),
            about,
        })
    }

    pub(crate) fn id(&self) -> TaskId {
        self.id
    }

    #[cfg(feature = "tracing")]
    pub(crate) fn span(&self) -> Option<crate::span::Span> {
        self.span.clone()
    }

    pub(crate) fn about(&self) -> Option<&About> {
        self.about.as_ref()
    }

    pub(crate) fn is_task(&self) -> bool {
        self.about.is_some()
    }

    pub(crate) fn who(&self) -> Who {
        Who {
            id: self.id,
            name: self.about.as_ref().and_then(|about| about.name.clone()),
        }
    }

    // The word.

    pub(crate) fn is_started(&self) -> bool {
        self.word.load(Ordering::Acquire) & STARTED != 0
    }

    pub(crate) fn is_orphan(&self) -> bool {
        self.word.load(Ordering::Acquire) & ORPHAN != 0
    }

    pub(crate) fn ended(&self) -> Option<Ended> {
        Self::ended_of(self.word.load(Ordering::Acquire))
    }

    fn ended_of(word: u32) -> Option<Ended> {
        match word >> ENDED_SHIFT {
            1 => Some(Ended::Ok),
            2 => Some(Ended::Err),
            3 => Some(Ended::Cancelled),
            4 => Some(Ended::Panicked),
            5 => Some(Ended::Aborted),
            _ => None,
        }
    }

    /// Nobody waits for it any more.
    pub(crate) fn orphan(&self) {
        self.word.fetch_or(ORPHAN, Ordering::AcqRel);
    }

    // Requests.

    /// Asks the task to cancel; `false` when it has ended.
    pub(crate) fn request(&self, record: Arc<Record>) -> bool {
        let wakers = {
            let mut asked = lock(&self.asked);
            if self.ended().is_some() {
                return false;
            }
            // It is never suspended on something that the machine could hand the request to: what
            // forwards (an awaited task, a gather) takes the due request itself when it is polled.
            let _at_next_step = asked.requests.request(false);
            let keep = asked.received.request();
            asked.last = Some(Arc::clone(&record));
            match keep {
                Keep::Append if asked.first.is_none() => asked.first = Some(record),
                Keep::Append => asked.rare().more.push(record),
                Keep::ReplaceLast => {
                    asked.rare().more.pop();
                    asked.rare().more.push(record);
                }
            }
            self.word.fetch_or(TRIGGERED, Ordering::AcqRel);
            asked.wakers()
        };
        wakers.wake();
        true
    }

    pub(crate) fn cancelling(&self) -> u32 {
        lock(&self.asked).requests.pending()
    }

    pub(crate) fn uncancel(&self) -> u32 {
        let mut asked = lock(&self.asked);
        let left = asked.requests.withdraw(WithdrawRule::ClearDueAtZero);
        if !asked.requests.is_due() {
            let _lost = asked.received.resumed();
            asked.first = None;
            if let Some(rare) = &mut asked.rare {
                rare.more.clear();
            }
        }
        self.settle_trigger(&asked);
        left
    }

    /// The record of the last request, delivered or not; and whether it is due still.
    pub(crate) fn last_request(&self) -> (Option<Arc<Record>>, bool) {
        let asked = lock(&self.asked);
        (asked.last.clone(), asked.requests.is_due())
    }

    pub(crate) fn waiting(&self) -> Option<&'static Location<'static>> {
        lock(&self.asked).waiting
    }

    pub(crate) fn note_waiting(&self, location: Option<&'static Location<'static>>) {
        lock(&self.asked).waiting = location;
    }

    /// Whether a cancel point has to look closer. One load.
    pub(crate) fn is_triggered(&self) -> bool {
        self.word.load(Ordering::Acquire) & TRIGGERED != 0
    }

    /// What a cancel point in this scope of the task returns, if anything.
    ///
    /// A due request of the task goes before scopes, and is delivered once; of scopes that have
    /// fired the outermost goes first, and goes on being delivered.
    pub(crate) fn deliver(&self, innermost: Option<&Arc<ScopeNode>>) -> Option<Cancelled> {
        let seen = ScopeNode::look_outward(innermost);
        if !seen.is_shielded {
            if let Some(cancelled) = self.take_due() {
                return Some(cancelled);
            }
        }
        seen.fired.and_then(|node| node.cancelled())
    }

    fn take_due(&self) -> Option<Cancelled> {
        let mut asked = lock(&self.asked);
        if !asked.requests.take_due() {
            return None;
        }
        // The cancellation is the task's own: nothing that it awaited was cancelled.
        let delivery = asked.received.raised(AwaitedRecord::NoRecord);
        debug_assert_eq!(delivery, Delivery::Own);
        let first = asked.first.take();
        let more = asked
            .rare
            .as_mut()
            .map(|rare| std::mem::take(&mut rare.more));
        self.settle_trigger(&asked);
        drop(asked);
        first.map(|first| Cancelled::new(self.id, first, more.unwrap_or_default()))
    }

    fn settle_trigger(&self, asked: &Asked) {
        if !asked.requests.is_due() && asked.fired == 0 {
            self.word.fetch_and(!TRIGGERED, Ordering::AcqRel);
        }
    }

    /// A scope in this cell has fired. Who says so [wakes](Self::wake), once it holds no lock.
    pub(crate) fn scope_fired(&self) {
        let mut asked = lock(&self.asked);
        asked.fired += 1;
        self.word.fetch_or(TRIGGERED, Ordering::AcqRel);
    }

    /// A scope that had fired is left.
    pub(crate) fn scope_left(&self) {
        let mut asked = lock(&self.asked);
        asked.fired = asked.fired.saturating_sub(1);
        self.settle_trigger(&asked);
    }

    // Wakers.

    /// Keeps the waker of a cancel point in a sub-executor, or outside tasks; the place to forget it by.
    pub(crate) fn register(&self, waker: &Waker) -> usize {
        lock(&self.asked).rare().wakers.insert(waker.clone())
    }

    pub(crate) fn reregister(&self, place: usize, waker: &Waker) {
        let mut asked = lock(&self.asked);
        if let Some(kept) = asked.rare().wakers.get_mut(place) {
            kept.clone_from(waker);
        }
    }

    pub(crate) fn unregister(&self, place: usize) {
        let removed = lock(&self.asked).rare().wakers.remove(place);
        drop(removed);
    }

    /// Has the task and all its cancel points polled.
    pub(crate) fn wake(&self) {
        let wakers = lock(&self.asked).wakers();
        wakers.wake();
    }

    // The task's life.

    /// Begins the first step; a request that came before is delivered, and the task never starts.
    pub(crate) fn start(&self) -> Option<Cancelled> {
        let before = self.word.fetch_or(STARTED, Ordering::AcqRel);
        if before & TRIGGERED == 0 {
            return None;
        }
        let cancelled = self.take_due()?;
        self.word.fetch_and(!STARTED, Ordering::AcqRel);
        Some(cancelled)
    }

    /// The task waits, for the first time: keeps its waker.
    pub(crate) fn park(&self, waker: &Waker) {
        lock(&self.asked).waker = Some(waker.clone());
        let before = self.word.fetch_or(PARKED, Ordering::AcqRel);
        // A request that came before found nobody to wake. Once, so it does not spin.
        if before & TRIGGERED != 0 {
            waker.wake_by_ref();
        }
    }

    /// Records how the task ended, and tells who watches. Called once, by what tokio runs.
    pub(crate) fn finish(self: &Arc<Self>, ended: Ended) {
        if let Some(About {
            home: Home::Alone(registry, membership),
            ..
        }) = &self.about
        {
            membership.leave(registry);
        }
        let before = self
            .word
            .fetch_or((ended as u32) << ENDED_SHIFT, Ordering::AcqRel);
        debug_assert!(Self::ended_of(before).is_none(), "a task ends once");
        if before & PARKED != 0 {
            let waker = lock(&self.asked).waker.take();
            drop(waker);
        }
        if before & WATCHED != 0 {
            let watchers = std::mem::take(&mut *lock(&self.watchers));
            watchers.tell(self, ended);
        }
    }

    /// Has the watcher told when the task ends; `Err` with it when the task has ended.
    pub(crate) fn watch(&self, watcher: Watcher) -> Result<u64, (Watcher, Ended)> {
        let mut watchers = lock(&self.watchers);
        // Who ends the task after this takes the lock, and finds the watcher.
        let before = self.word.fetch_or(WATCHED, Ordering::AcqRel);
        match Self::ended_of(before) {
            Some(ended) => Err((watcher, ended)),
            None => Ok(watchers.add(watcher)),
        }
    }

    /// Has the waker woken when the task ends, in the place of the one kept by this key before.
    pub(crate) fn rewatch(&self, key: u64, waker: &Waker) {
        let replaced = lock(&self.watchers).replace(key, waker);
        drop(replaced);
    }

    pub(crate) fn unwatch(&self, key: u64) {
        let removed = lock(&self.watchers).remove(key);
        drop(removed);
    }
}

//! What is shared of one task: one atomic word, its requests, and who is told when it has ended.
//!
//! The value is not here: see `slot.rs`. So a cell is the same for every task and may be anywhere,
//! on other threads too. A scope outside tasks has one as well, for what its cancel points look at.
//! Cells lie in blocks: see `block.rs`.
//!
//! Invariants:
//! 1. `TRIGGERED` is set whenever a request is due or a scope in this cell has fired: a cancel point
//!    that finds it clear need not lock anything.
//! 2. Who asks and then wakes, and who registers a waker and then looks, do so under the lock: no
//!    request is missed.
//! 3. No waker is woken and no watcher told while a lock is held. Nor is one cloned or dropped, but for
//!    the task's own, which is tokio's: that may be foreign code.
//! 4. What two may change at once is in the word. What only the task changes, or who holds the lock,
//!    is stored beside it: that is a third of the price.

use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Waker;

use stook_kernel::{AwaitedRecord, Delivery, Keep, WithdrawRule};

use crate::about::About;
use crate::asked::{Asked, Wakers};
use crate::block::{Block, CellRef};
use crate::cancelled::Cancelled;
use crate::id::TaskId;
use crate::outcome::Ended;
use crate::record::Record;
use crate::scope::node::{ScopeNode, ScopeRef};
use crate::sync::{AtomicBool, AtomicU8, AtomicU32, Mutex, lock};
use crate::watcher::{WatchKey, Watcher, Watchers};

/// Nobody holds a handle on it any more, though somebody was to wait for it.
const ORPHAN: u32 = 1;
/// Somebody is to be told when it ends.
const WATCHED: u32 = 2;
/// Nobody will read its outcome.
const ABANDONED: u32 = 4;
/// Its handle asks it to cancel when it is dropped.
const CANCEL_ON_DROP: u32 = 8;
/// It is to be dropped where it waits.
const ABORTED: u32 = 16;
/// Somebody who waits for several in its block is to be told when it ends.
const WATCHED_IN_BLOCK: u32 = 32;
/// Where `Ended` stands in the word; zero while the task runs.
const ENDED_SHIFT: u32 = 8;

/// Of the marks: a cancel point has to look closer.
const TRIGGERED: u8 = 1;
/// The task's waker is kept. Cleared by a request, which takes it.
const PARKED: u8 = 2;
/// There are watchers.
const HAS_WATCHERS: u8 = 4;

/// What is shared of one task.
#[derive(Debug)]
pub(crate) struct Cell {
    id: TaskId,
    word: AtomicU32,
    /// Changed with the lock held.
    marks: AtomicU8,
    /// Set by the task.
    is_started: AtomicBool,
    /// Set by who has taken the outcome.
    is_taken: AtomicBool,
    is_task: bool,
    asked: Mutex<Asked>,
    /// Since the task was spawned.
    #[cfg(feature = "tracing")]
    span: std::sync::OnceLock<crate::span::Span>,
}

/// What is to be done when a task has ended.
pub(crate) struct Finished {
    /// They are to be told.
    pub(crate) watchers: Watchers,
    /// Before them, those who wait for several in its block.
    pub(crate) is_watched_in_block: bool,
    /// Nobody will read the outcome.
    pub(crate) is_abandoned: bool,
}

impl Cell {
    pub(crate) fn of_task(id: TaskId) -> Self {
        Self::new(id, true)
    }

    /// For a scope outside tasks.
    pub(crate) fn of_scope() -> CellRef {
        CellRef::new(Arc::new(Self::new(TaskId::next(), false)), 0)
    }

    fn new(id: TaskId, is_task: bool) -> Self {
        Self {
            id,
            #[cfg(feature = "tracing")]
            span: std::sync::OnceLock::new(),
            word: AtomicU32::new(0),
            marks: AtomicU8::new(0),
            is_started: AtomicBool::new(false),
            is_taken: AtomicBool::new(false),
            is_task,
            asked: Mutex::new(Asked::default()),
        }
    }

    pub(crate) fn id(&self) -> TaskId {
        self.id
    }

    #[cfg(feature = "tracing")]
    pub(crate) fn span(&self) -> Option<&crate::span::Span> {
        self.span.get()
    }

    /// The task is to be spawned. The program's subscriber is told: no lock may be held.
    #[cfg(feature = "tracing")]
    pub(crate) fn open_span(&self, about: &About) {
        let name = about.name.as_deref();
        self.span
            .get_or_init(|| crate::span::Span::new(self.id, name, about.location));
    }

    pub(crate) fn is_task(&self) -> bool {
        self.is_task
    }

    // The word.

    pub(crate) fn is_started(&self) -> bool {
        self.is_started.load(Ordering::Acquire)
    }

    pub(crate) fn is_orphan(&self) -> bool {
        self.word.load(Ordering::Acquire) & ORPHAN != 0
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        self.word.load(Ordering::Acquire) & ABANDONED != 0
    }

    pub(crate) fn is_cancelled_on_drop(&self) -> bool {
        self.word.load(Ordering::Acquire) & CANCEL_ON_DROP != 0
    }

    pub(crate) fn cancel_on_drop(&self) {
        self.word.fetch_or(CANCEL_ON_DROP, Ordering::AcqRel);
    }

    pub(crate) fn is_aborted(&self) -> bool {
        self.word.load(Ordering::Acquire) & ABORTED != 0
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

    /// Nobody will read its outcome; whether it has ended, so that the outcome is there.
    pub(crate) fn abandon(&self) -> bool {
        if self.ended().is_some() {
            return true;
        }
        let before = self.word.fetch_or(ABANDONED, Ordering::AcqRel);
        Self::ended_of(before).is_some()
    }

    /// Its outcome was taken, and nothing is to be done about it any more.
    pub(crate) fn is_taken(&self) -> bool {
        self.is_taken.load(Ordering::Acquire)
    }

    pub(crate) fn note_taken(&self) {
        self.is_taken.store(true, Ordering::Release);
    }

    /// It has failed, and somebody is to read the error.
    pub(crate) fn raised(&self) {
        lock(&self.asked).retrieval.raised();
    }

    /// Whether nobody has read the error; asked once.
    pub(crate) fn take_unread(&self) -> bool {
        lock(&self.asked).retrieval.take_unread()
    }

    // Requests.

    /// Asks the task to cancel; `false` when it has ended.
    pub(crate) fn request(&self, record: Arc<Record>) -> bool {
        self.request_and(record, |_| None)
    }

    /// The same by who [watches](Self::watch) it, and stops watching.
    pub(crate) fn request_and_unwatch(&self, record: Arc<Record>, key: WatchKey) -> bool {
        self.request_and(record, |asked| self.remove_watcher(asked, key))
    }

    fn request_and(
        &self,
        record: Arc<Record>,
        unwatch: impl FnOnce(&mut Asked) -> Option<Watcher>,
    ) -> bool {
        let unwatched;
        let wakers = {
            let mut asked = lock(&self.asked);
            unwatched = unwatch(&mut asked);
            if self.ended().is_some() {
                return false;
            }
            // It is never suspended on something that the machine could hand the request to: what
            // forwards (an awaited task, a gather) takes the due request itself when it is polled.
            let _at_next_step = asked.requests.request(false);
            self.keep(&mut asked, record)
        };
        drop(unwatched);
        wakers.wake();
        self.show_request();
        true
    }

    /// [Asks](Self::request) the task while something else is locked: who is to be woken after that.
    pub(crate) fn request_silently(&self, record: Arc<Record>) -> Option<Wakers> {
        let mut asked = lock(&self.asked);
        if self.ended().is_some() {
            return None;
        }
        let _at_next_step = asked.requests.request(false);
        Some(self.keep(&mut asked, record))
    }

    /// A request that was taken to be handed on, and that nobody took, is due again; unless it was
    /// taken back meanwhile. By the task itself, which has not ended.
    pub(crate) fn renew(&self, record: Arc<Record>) {
        let wakers = {
            let mut asked = lock(&self.asked);
            if asked.requests.pending() == 0 {
                return;
            }
            asked.requests.forward_refused();
            self.keep(&mut asked, record)
        };
        wakers.wake();
    }

    /// Keeps the record of a request that is due; who is to be woken.
    fn keep(&self, asked: &mut Asked, record: Arc<Record>) -> Wakers {
        let is_first = asked.received.pending() == 0;
        let keep = asked.received.request();
        let before = asked.last.replace(record);
        if let (Keep::Append, false, Some(before)) = (keep, is_first, before) {
            asked.rare().earlier.push(before);
        }
        // It is polled now, and gives its waker again if it goes on waiting.
        let own = asked.waker.take();
        asked.is_wake_due |= own.is_none();
        self.mark(asked, PARKED, false);
        self.mark(asked, TRIGGERED, true);
        let others = asked.other_wakers();
        Wakers { own, others }
    }

    /// Whether this request of the task was not delivered yet; once it has ended, whether it never was.
    pub(crate) fn has_not_seen(&self, record: &Arc<Record>) -> bool {
        let asked = lock(&self.asked);
        asked.requests.is_due() && asked.undelivered().any(|kept| Arc::ptr_eq(kept, record))
    }

    pub(crate) fn cancelling(&self) -> u32 {
        lock(&self.asked).requests.pending()
    }

    pub(crate) fn uncancel(&self) -> u32 {
        let mut asked = lock(&self.asked);
        let left = asked.requests.withdraw(WithdrawRule::ClearDueAtZero);
        if !asked.requests.is_due() {
            let _lost = asked.received.resumed();
            drop(asked.take_earlier());
        }
        self.settle_trigger(&asked);
        drop(asked);
        self.show_state();
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

    /// Whether a cancel point has to look closer. One load.
    pub(crate) fn is_triggered(&self) -> bool {
        self.is_marked(TRIGGERED)
    }

    /// What a cancel point in this scope of the task returns, if anything.
    ///
    /// A due request of the task goes before scopes, and is delivered once; of scopes that have
    /// fired the outermost goes first, and goes on being delivered.
    pub(crate) fn deliver(&self, innermost: Option<&ScopeRef>) -> Option<Cancelled> {
        let seen = ScopeNode::look_outward(innermost);
        if seen.shield.is_none() {
            if let Some(cancelled) = self.take_due() {
                return Some(cancelled);
            }
        }
        let cancelled = seen.fired.and_then(|node| node.cancelled());
        if let (None, Some(shield)) = (&cancelled, seen.shield) {
            lock(&self.asked).rare().shield = Some(shield);
        }
        cancelled
    }

    /// Where the shield was entered that keeps a cancellation from the cancel point it waits at, if
    /// one does.
    pub(crate) fn shield(&self) -> Option<&'static Location<'static>> {
        lock(&self.asked).shield().filter(|_| self.is_triggered())
    }

    /// A shield is left, or taken away.
    pub(crate) fn shield_left(&self) {
        lock(&self.asked).forget_shield();
    }

    /// The request of the task that is due. Drops nothing of the program's.
    pub(crate) fn take_due(&self) -> Option<Cancelled> {
        let mut asked = lock(&self.asked);
        if !asked.requests.take_due() {
            return None;
        }
        // The cancellation is the task's own: nothing that it awaited was cancelled.
        let delivery = asked.received.raised(AwaitedRecord::NoRecord);
        debug_assert_eq!(delivery, Delivery::Own);
        let earlier = asked.take_earlier();
        let last = asked.last.clone();
        self.settle_trigger(&asked);
        drop(asked);
        let last = last?;
        Some(match earlier {
            None => Cancelled::new(self.id, last),
            Some(earlier) => Cancelled::of_requests(self.id, earlier, last),
        })
    }

    fn settle_trigger(&self, asked: &Asked) {
        if !asked.requests.is_due() && asked.fired == 0 {
            self.mark(asked, TRIGGERED, false);
        }
    }

    fn is_marked(&self, any: u8) -> bool {
        self.marks.load(Ordering::Acquire) & any != 0
    }

    /// With the lock held: nobody else changes the marks, so it takes no atomic exchange.
    fn mark(&self, _locked: &Asked, mark: u8, is_set: bool) {
        let before = self.marks.load(Ordering::Relaxed);
        let after = if is_set {
            before | mark
        } else {
            before & !mark
        };
        self.marks.store(after, Ordering::Release);
    }

    pub(crate) fn is_in_fired_scope(&self) -> bool {
        lock(&self.asked).fired > 0
    }

    /// A scope in this cell has fired. Who says so [wakes](Self::wake), once it holds no lock.
    pub(crate) fn scope_fired(&self) {
        let mut asked = lock(&self.asked);
        asked.fired += 1;
        self.mark(&asked, TRIGGERED, true);
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
        let waker = Arc::new(waker.clone());
        lock(&self.asked).rare().wakers.insert(waker)
    }

    /// Whether another waker was there before.
    pub(crate) fn reregister(&self, place: usize, waker: &Waker) -> bool {
        let is_other = |asked: &mut Asked| {
            let kept = asked.rare().wakers.get_mut(place);
            kept.is_some_and(|kept| !kept.will_wake(waker))
        };
        if !is_other(&mut lock(&self.asked)) {
            return false;
        }
        let waker = Arc::new(waker.clone());
        let replaced = {
            let mut asked = lock(&self.asked);
            let kept = asked.rare().wakers.get_mut(place);
            kept.map(|kept| std::mem::replace(kept, waker))
        };
        replaced.is_some()
    }

    pub(crate) fn unregister(&self, place: usize) {
        let removed = lock(&self.asked).rare().wakers.remove(place);
        drop(removed);
    }

    /// Has the task and all its cancel points polled.
    pub(crate) fn wake(&self) {
        let wakers = {
            let mut asked = lock(&self.asked);
            let own = asked.waker.clone();
            asked.is_wake_due |= own.is_none();
            let others = asked.other_wakers();
            Wakers { own, others }
        };
        wakers.wake();
    }

    /// Has the task dropped where it waits, when it is polled next; no effect when it has ended.
    pub(crate) fn abort(&self) {
        if self.ended().is_none() {
            self.word.fetch_or(ABORTED, Ordering::AcqRel);
            self.wake();
        }
    }

    // The task's life.

    /// Begins the first step; a request that came before is delivered, and the task never starts.
    pub(crate) fn start(&self) -> Option<Cancelled> {
        if self.is_triggered() {
            if let Some(cancelled) = self.take_due() {
                return Some(cancelled);
            }
        }
        self.is_started.store(true, Ordering::Release);
        self.show_state();
        None
    }

    /// The task waits, here: keeps its waker, where it does not yet.
    pub(crate) fn park(&self, waiting: Option<&'static Location<'static>>, waker: &Waker) {
        self.show_waiting(waiting);
        let is_wake_due = {
            let mut asked = lock(&self.asked);
            asked.waiting = waiting;
            if asked.waker.is_some() {
                return;
            }
            asked.waker = Some(waker.clone());
            self.mark(&asked, PARKED, true);
            std::mem::take(&mut asked.is_wake_due)
        };
        // A request that came before found nobody to wake. Once, so it does not spin.
        if is_wake_due {
            waker.wake_by_ref();
        }
    }

    /// Records how the task ended; who watches is to be told.
    pub(crate) fn finish(&self, ended: Ended) -> Finished {
        let before = self
            .word
            .fetch_or((ended as u32) << ENDED_SHIFT, Ordering::AcqRel);
        debug_assert!(Self::ended_of(before).is_none(), "a task ends once");
        self.show_state();
        let mut watchers = Watchers::None;
        // Who has stopped watching leaves nothing to be told, and no reason to lock.
        let reasons = if before & WATCHED != 0 {
            HAS_WATCHERS | PARKED
        } else {
            PARKED
        };
        if self.is_marked(reasons) {
            let waker = {
                let mut asked = lock(&self.asked);
                watchers = std::mem::take(&mut asked.watchers);
                asked.waker.take()
            };
            drop(waker);
        }
        Finished {
            watchers,
            is_watched_in_block: before & WATCHED_IN_BLOCK != 0,
            is_abandoned: before & ABANDONED != 0,
        }
    }

    /// Has the watcher told when the task ends; `Err` with it when the task has ended.
    pub(crate) fn watch(&self, watcher: Watcher) -> Result<WatchKey, (Watcher, Ended)> {
        let mut asked = lock(&self.asked);
        // Who ends the task after the next line sees this, takes the lock and finds the watcher.
        self.mark(&asked, HAS_WATCHERS, true);
        let before = self.word.fetch_or(WATCHED, Ordering::AcqRel);
        match Self::ended_of(before) {
            Some(ended) => Err((watcher, ended)),
            None => Ok(asked.watchers.add(watcher)),
        }
    }

    /// Somebody has come to wait for several in its block; `false` when the task has ended. With the
    /// lock held under which it is looked for when it ends.
    pub(crate) fn mark_watched_in_block(&self) -> bool {
        let before = self.word.fetch_or(WATCHED_IN_BLOCK, Ordering::AcqRel);
        Self::ended_of(before).is_none()
    }

    /// Whether somebody is to be told who came for this task alone.
    pub(crate) fn has_watchers(&self) -> bool {
        self.is_marked(HAS_WATCHERS)
    }

    /// Has the waker woken when the task ends, in the place of the one kept by this key before.
    pub(crate) fn rewatch(&self, key: WatchKey, waker: &Waker) {
        if lock(&self.asked).watchers.is_waker(key, waker) {
            return;
        }
        let waker = Watcher::Wake(waker.clone());
        let replaced = lock(&self.asked).watchers.replace(key, waker);
        drop(replaced);
    }

    pub(crate) fn unwatch(&self, key: WatchKey) {
        let removed = self.remove_watcher(&mut lock(&self.asked), key);
        drop(removed);
    }

    fn remove_watcher(&self, asked: &mut Asked, key: WatchKey) -> Option<Watcher> {
        let removed = asked.watchers.remove(key);
        self.mark(asked, HAS_WATCHERS, !asked.watchers.is_empty());
        removed
    }
}

/// Of a scope outside tasks.
impl Block for Cell {
    fn cell(&self, _place: usize) -> &Cell {
        self
    }

    fn about(&self) -> Option<&About> {
        None
    }
}

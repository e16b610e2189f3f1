//! What is to run at a time.
//!
//! The heap moves its entries exactly as `heapq` does and compares times alone, so that timers
//! due at the same moment run in the order in which asyncio would run them.
//!
//! # Source
//! `BaseEventLoop._run_once`, CPython 3.13 `asyncio/base_events.py`; `heapq.py`.

use slotmap::{DefaultKey, SlotMap};

use crate::ffi::cell::PlainCell;
use crate::ffi::{Held, Traverse, Visitor};
use crate::ready::Ready;

/// What a timer does when it is due.
#[derive(Debug)]
pub(crate) enum Alarm {
    /// Runs a timer handle.
    Run(Held),
    /// Ends a sleep: gives `future` the result `value`.
    Release { future: Held, value: Held },
}

impl Traverse for Alarm {
    fn traverse(&self, visitor: &mut Visitor) {
        match self {
            Alarm::Run(handle) => visitor.visit(handle),
            Alarm::Release { future, value } => {
                visitor.visit(future);
                visitor.visit(value);
            }
        }
    }
}

impl From<Alarm> for Ready {
    fn from(alarm: Alarm) -> Self {
        match alarm {
            Alarm::Run(handle) => Ready::Run(handle),
            Alarm::Release { future, value } => Ready::Release { future, value },
        }
    }
}

/// A timer that was set; stale once it is due or swept away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimerKey(DefaultKey);

#[derive(Clone, Copy, Debug)]
struct Entry {
    when: f64,
    key: DefaultKey,
}

#[derive(Debug, Default)]
struct Heap {
    entries: Vec<Entry>,
    /// What each timer does; `None` once it is cancelled.
    alarms: SlotMap<DefaultKey, Option<Alarm>>,
    cancelled: usize,
}

impl Traverse for Heap {
    fn traverse(&self, visitor: &mut Visitor) {
        self.alarms
            .values()
            .flatten()
            .for_each(|alarm| visitor.visit(alarm));
    }
}

/// More timers than this, more than half of them cancelled, are swept at once.
const SWEEP_ABOVE: usize = 100;

/// The timers of one loop.
#[derive(Debug, Default)]
pub(crate) struct Timers(PlainCell<Heap>);

impl Traverse for Timers {
    fn traverse(&self, visitor: &mut Visitor) {
        visitor.visit(&self.0);
    }

    fn clear(&self) {
        drop(self.take());
    }
}

impl Timers {
    /// Sets a timer for `when`, in seconds of the loop's clock.
    pub(crate) fn set(&self, when: f64, alarm: Alarm) -> TimerKey {
        self.0.with(|heap| {
            let key = heap.alarms.insert(Some(alarm));
            heap.entries.push(Entry { when, key });
            let last = heap.entries.len() - 1;
            sift_towards_root(&mut heap.entries, 0, last);
            TimerKey(key)
        })
    }

    /// Cancels a timer; its place in the heap is given back later.
    pub(crate) fn cancel(&self, key: TimerKey) {
        let alarm = self.0.with(|heap| {
            let alarm = heap.alarms.get_mut(key.0)?.take();
            heap.cancelled += usize::from(alarm.is_some());
            alarm
        });
        drop(alarm);
    }

    /// Whether no timer is set, cancelled ones included.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.with(|heap| heap.entries.is_empty())
    }

    /// Gives back the places of cancelled timers: of all when they are many, else of those that
    /// would be next.
    pub(crate) fn sweep(&self) {
        self.0.with(|heap| {
            let count = heap.entries.len();
            if count > SWEEP_ABOVE && heap.cancelled * 2 > count {
                let Heap {
                    entries,
                    alarms,
                    cancelled,
                } = heap;
                entries.retain(|entry| {
                    let is_set = alarms.get(entry.key).is_some_and(Option::is_some);
                    if !is_set {
                        alarms.remove(entry.key);
                    }
                    is_set
                });
                heapify(entries);
                *cancelled = 0;
                return;
            }
            while let Some(first) = heap.entries.first() {
                if heap.alarms.get(first.key).is_some_and(Option::is_some) {
                    break;
                }
                heap.cancelled = heap.cancelled.saturating_sub(1);
                let entry = pop(&mut heap.entries);
                heap.alarms.remove(entry.key);
            }
        });
    }

    /// When the next timer is due; sweep first.
    pub(crate) fn next(&self) -> Option<f64> {
        self.0
            .with(|heap| heap.entries.first().map(|entry| entry.when))
    }

    /// Takes the next timer out if it is due before `end`; the inner `None` is a cancelled one.
    pub(crate) fn pop_due(&self, end: f64) -> Option<Option<Alarm>> {
        self.0.with(|heap| {
            // Written as asyncio's test is, so that a time that is no number behaves the same.
            let first = heap.entries.first()?;
            if first.when >= end {
                return None;
            }
            let entry = pop(&mut heap.entries);
            // A cancelled timer that comes due goes on being counted as cancelled: asyncio's
            // count does, and when it sweeps decides the order of timers due together.
            Some(heap.alarms.remove(entry.key).flatten())
        })
    }

    /// How many timers are set, cancelled ones included, and how many of them are cancelled.
    pub(crate) fn counts(&self) -> (usize, usize) {
        self.0.with(|heap| (heap.entries.len(), heap.cancelled))
    }

    /// Takes all timers out.
    pub(crate) fn take(&self) -> Vec<Alarm> {
        self.0.with(|heap| {
            let alarms = std::mem::take(&mut heap.alarms);
            heap.entries.clear();
            heap.cancelled = 0;
            alarms.into_iter().filter_map(|(_, alarm)| alarm).collect()
        })
    }

    /// The handles of the timers that are set, in the order of the heap.
    pub(crate) fn for_each_handle(&self, mut action: impl FnMut(&Held)) {
        self.0.with(|heap| {
            for entry in &heap.entries {
                if let Some(Some(Alarm::Run(handle))) = heap.alarms.get(entry.key) {
                    action(handle);
                }
            }
        });
    }
}

fn pop(entries: &mut Vec<Entry>) -> Entry {
    let last = entries.len() - 1;
    entries.swap(0, last);
    let first = entries.remove(last);
    if !entries.is_empty() {
        sift_towards_leaves(entries, 0);
    }
    first
}

fn heapify(entries: &mut [Entry]) {
    for position in (0..entries.len() / 2).rev() {
        sift_towards_leaves(entries, position);
    }
}

/// Lifts the entry at `position` until its parent is not later; `heapq._siftdown`.
fn sift_towards_root(entries: &mut [Entry], start: usize, mut position: usize) {
    let entry = entries[position];
    while position > start {
        let parent = (position - 1) / 2;
        if entry.when < entries[parent].when {
            entries[position] = entries[parent];
            position = parent;
        } else {
            break;
        }
    }
    entries[position] = entry;
}

/// Moves the hole at `position` down to a leaf along the earlier children, puts the entry there
/// and lifts it again; `heapq._siftup`.
fn sift_towards_leaves(entries: &mut [Entry], start: usize) {
    let end = entries.len();
    let entry = entries[start];
    let mut position = start;
    let mut child = 2 * position + 1;
    while child < end {
        let right = child + 1;
        // `heapq` takes the right child unless the left one is strictly earlier.
        if right < end {
            let left_is_earlier = entries[child].when < entries[right].when;
            child = if left_is_earlier { child } else { right };
        }
        entries[position] = entries[child];
        position = child;
        child = 2 * position + 1;
    }
    entries[position] = entry;
    sift_towards_root(entries, start, position);
}

//! What is to run at a time.
//!
//! The heap moves its entries exactly as `heapq` does and compares times alone, so that timers
//! due at the same moment run in the order in which asyncio would run them.
//!
//! # Source
//! `BaseEventLoop._run_once`, CPython 3.13 `asyncio/base_events.py`; `heapq.py`.

use crate::ffi::cell::PlainCell;
use crate::ffi::{Held, Track, Traverse, Untracked, Visitor};
use crate::places::{Places, Timer};
use crate::ready::{Ready, SharedTimeout};

/// What a timer does when it is due.
#[derive(Debug)]
pub(crate) enum Alarm {
    /// Runs a timer handle that was made while the loop runs.
    RunNew(Untracked),
    /// Runs another timer handle.
    Run(Held),
    /// Ends a sleep: gives `future` the result `value`.
    Release { future: Held, value: Held },
    /// The time of a `wait_for` in `task` has come.
    Expire { task: Held, timeout: SharedTimeout },
}

impl Traverse for Alarm {
    fn traverse(&self, visitor: &mut Visitor) {
        match self {
            Alarm::RunNew(new) => visitor.visit(new.held()),
            Alarm::Run(held) | Alarm::Expire { task: held, .. } => visitor.visit(held),
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
            Alarm::RunNew(handle) => Ready::RunNew(handle),
            Alarm::Run(handle) => Ready::Run(handle),
            Alarm::Release { future, value } => Ready::Release { future, value },
            Alarm::Expire { task, timeout } => Ready::Expire { task, timeout },
        }
    }
}

/// A timer that was set; stale once it is due or swept away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimerKey {
    place: usize,
    /// No two timers have the same: a place is used again.
    number: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    when: f64,
    place: usize,
}

#[derive(Debug, Default)]
struct Heap {
    entries: Vec<Entry>,
    places: Places<Alarm>,
    set_so_far: u64,
    cancelled: usize,
    /// Timers set with what the collector does not track; those that are gone by now among them.
    untracked: Vec<TimerKey>,
}

impl Traverse for Heap {
    fn traverse(&self, visitor: &mut Visitor) {
        self.places.alarms().for_each(|alarm| visitor.visit(alarm));
    }
}

/// The list of untracked timers is not looked through before it has so many.
const FEWEST_UNTRACKED: usize = 1024;

impl Heap {
    /// Notes a timer whose handle is not tracked. The list is looked through when it is full, and
    /// keeps at least as much room as it then has entries.
    fn note_untracked(&mut self, key: TimerKey) {
        if self.untracked.len() == self.untracked.capacity() {
            self.forget_untracked();
            let left = self.untracked.len();
            self.untracked.reserve(left.max(FEWEST_UNTRACKED));
        }
        self.untracked.push(key);
    }

    /// Takes those that are gone off the list of untracked timers.
    fn forget_untracked(&mut self) {
        let Heap {
            untracked, places, ..
        } = self;
        untracked.retain(|key| is_set(places, *key));
    }
}

/// Whether a timer is still to come.
fn is_set(places: &Places<Alarm>, key: TimerKey) -> bool {
    let timer = places.get(key.place);
    timer.is_some_and(|timer| timer.number == key.number && timer.alarm.is_some())
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

impl Track for Timers {
    fn track(&self) {
        self.0.with(|heap| {
            for key in std::mem::take(&mut heap.untracked) {
                if let Some(timer) = heap.places.get(key.place)
                    && let Some(Alarm::RunNew(handle)) = &timer.alarm
                {
                    handle.track();
                }
            }
        });
    }
}

impl Timers {
    /// Sets a timer for `when`, in seconds of the loop's clock.
    pub(crate) fn set(&self, when: f64, alarm: Alarm) -> TimerKey {
        self.0.with(|heap| {
            let is_untracked = matches!(alarm, Alarm::RunNew(_));
            let number = heap.set_so_far;
            heap.set_so_far += 1;
            let place = heap.places.insert(Timer {
                number,
                alarm: Some(alarm),
            });
            heap.entries.push(Entry { when, place });
            let last = heap.entries.len() - 1;
            sift_towards_root(&mut heap.entries, 0, last);
            let key = TimerKey { place, number };
            if is_untracked {
                heap.note_untracked(key);
            }
            key
        })
    }

    /// Cancels a timer, and gives back what it would have done; its place in the heap is given back
    /// later.
    pub(crate) fn cancel(&self, key: TimerKey) -> Option<Alarm> {
        self.0.with(|heap| {
            let timer = heap.places.get_mut(key.place)?;
            if timer.number != key.number {
                return None;
            }
            let alarm = timer.alarm.take();
            heap.cancelled += usize::from(alarm.is_some());
            alarm
        })
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
                    entries, places, ..
                } = heap;
                entries.retain(|entry| {
                    let is_set = places.is_set(entry.place);
                    if !is_set {
                        places.remove(entry.place);
                    }
                    is_set
                });
                heapify(entries);
                heap.cancelled = 0;
                return;
            }
            while let Some(first) = heap.entries.first() {
                if heap.places.is_set(first.place) {
                    break;
                }
                heap.cancelled = heap.cancelled.saturating_sub(1);
                let entry = pop(&mut heap.entries);
                heap.places.remove(entry.place);
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
            Some(
                heap.places
                    .remove(entry.place)
                    .and_then(|timer| timer.alarm),
            )
        })
    }

    /// How many timers are set, cancelled ones included, and how many of them are cancelled.
    pub(crate) fn counts(&self) -> (usize, usize) {
        self.0.with(|heap| (heap.entries.len(), heap.cancelled))
    }

    /// Takes all timers out.
    pub(crate) fn take(&self) -> Vec<Alarm> {
        let timers = self.0.with(|heap| {
            heap.entries = Vec::new();
            heap.cancelled = 0;
            std::mem::take(&mut heap.places)
        });
        timers.into_alarms().collect()
    }

    /// Gives back memory beyond that for `timers`, where it is much more than there are.
    #[inline]
    pub(crate) fn shrink_to(&self, timers: usize) {
        self.0.with(|heap| {
            if heap.places.capacity() > timers {
                heap.places.shrink_to(timers);
                heap.entries.shrink_to(timers);
            }
            if heap.untracked.len() / 2 > heap.entries.len().max(timers) {
                heap.forget_untracked();
                heap.untracked.shrink_to(timers);
            }
        });
    }

    /// Every timer in the order of the heap: when it is due, and what it then does unless it was
    /// cancelled.
    pub(crate) fn for_each(&self, mut action: impl FnMut(f64, Option<&Alarm>)) {
        self.0.with(|heap| {
            for entry in &heap.entries {
                let timer = heap.places.get(entry.place);
                action(entry.when, timer.and_then(|timer| timer.alarm.as_ref()));
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

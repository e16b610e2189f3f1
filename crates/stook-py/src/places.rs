//! Where the timers of a loop are kept, by number of place.
//!
//! Unlike a slab's, the memory of a burst of timers can be given back while some are still set.

use crate::free_places::FreePlaces;

/// One timer.
#[derive(Debug)]
pub(crate) struct Timer<A> {
    /// No two timers have the same.
    pub(crate) number: u64,
    /// What it does; `None` once it is cancelled.
    pub(crate) alarm: Option<A>,
}

/// The timers by their places. The lowest free place is used first, so that the others can be given
/// back once those who had them are gone.
#[derive(Debug)]
pub(crate) struct Places<A> {
    /// The last one is taken.
    timers: Vec<Option<Timer<A>>>,
    /// Places that became free; some may be gone, behind the last one that is taken.
    free: FreePlaces,
}

impl<A> Default for Places<A> {
    fn default() -> Self {
        Places {
            timers: Vec::new(),
            free: FreePlaces::default(),
        }
    }
}

impl<A> Places<A> {
    /// Puts a timer in and returns its place.
    pub(crate) fn insert(&mut self, timer: Timer<A>) -> usize {
        if let Some(place) = self.free.take_lowest() {
            if let Some(free @ None) = self.timers.get_mut(place) {
                *free = Some(timer);
                return place;
            }
            // Where the first is gone, so are those behind it.
            self.free.clear();
        }
        self.timers.push(Some(timer));
        self.timers.len() - 1
    }

    /// The timer at a place.
    pub(crate) fn get(&self, place: usize) -> Option<&Timer<A>> {
        self.timers.get(place)?.as_ref()
    }

    /// The timer at a place, to be changed.
    pub(crate) fn get_mut(&mut self, place: usize) -> Option<&mut Timer<A>> {
        self.timers.get_mut(place)?.as_mut()
    }

    /// Takes a timer out; its place is free.
    pub(crate) fn remove(&mut self, place: usize) -> Option<Timer<A>> {
        let timer = self.timers.get_mut(place)?.take()?;
        if place + 1 < self.timers.len() {
            self.free.insert(place);
        } else {
            while matches!(self.timers.last(), Some(None)) {
                self.timers.pop();
            }
        }
        Some(timer)
    }

    /// Whether there is a timer at a place, not cancelled.
    pub(crate) fn is_set(&self, place: usize) -> bool {
        self.get(place).is_some_and(|timer| timer.alarm.is_some())
    }

    /// Gives back memory behind the last place that is taken, but not that of the first `kept`.
    pub(crate) fn shrink_to(&mut self, kept: usize) {
        let end = self.timers.len();
        if self.timers.capacity() / 2 > end {
            self.timers.shrink_to(kept);
            self.free.clear();
            let places = self.timers.iter().enumerate();
            let free = places.filter_map(|(place, timer)| timer.is_none().then_some(place));
            free.for_each(|place| self.free.insert(place));
            self.free.shrink_to(kept.max(end));
        }
    }

    /// How many timers there is memory for.
    #[inline]
    pub(crate) fn capacity(&self) -> usize {
        self.timers.capacity()
    }

    /// What the timers do.
    pub(crate) fn alarms(&self) -> impl Iterator<Item = &A> {
        let timers = self.timers.iter().flatten();
        timers.filter_map(|timer| timer.alarm.as_ref())
    }

    /// What the timers do, taken out.
    pub(crate) fn into_alarms(self) -> impl Iterator<Item = A> {
        let timers = self.timers.into_iter().flatten();
        timers.filter_map(|timer| timer.alarm)
    }
}

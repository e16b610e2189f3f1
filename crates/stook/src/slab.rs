//! A vector with holes: whoever puts something in takes it out again by its place.

/// A vector with holes that are filled again.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    entries: Vec<Entry<T>>,
    /// The first hole, `entries.len()` when there is none.
    hole: usize,
    filled: usize,
}

#[derive(Debug)]
enum Entry<T> {
    Filled(T),
    /// The next hole.
    Hole(usize),
}

/// So many places are given back when all are empty.
const MANY: usize = if cfg!(miri) { 64 } else { 1 << 16 };

impl<T> Slab<T> {
    pub(crate) const fn new() -> Self {
        Self {
            entries: Vec::new(),
            hole: 0,
            filled: 0,
        }
    }

    /// The place that the next value gets.
    pub(crate) fn next_place(&self) -> usize {
        self.hole
    }

    pub(crate) fn insert(&mut self, value: T) -> usize {
        let place = self.hole;
        match self.entries.get_mut(place) {
            None => {
                self.entries.push(Entry::Filled(value));
                self.hole = self.entries.len();
            }
            Some(entry) => {
                if let Entry::Hole(next) = *entry {
                    self.hole = next;
                }
                *entry = Entry::Filled(value);
            }
        }
        self.filled += 1;
        place
    }

    pub(crate) fn remove(&mut self, place: usize) -> Option<T> {
        let entry = self.entries.get_mut(place)?;
        if matches!(entry, Entry::Hole(_)) {
            return None;
        }
        let removed = std::mem::replace(entry, Entry::Hole(self.hole));
        self.hole = place;
        self.filled -= 1;
        if self.filled == 0 && self.entries.len() >= MANY {
            *self = Self::new();
        }
        match removed {
            Entry::Filled(value) => Some(value),
            Entry::Hole(_) => None,
        }
    }

    pub(crate) fn get_mut(&mut self, place: usize) -> Option<&mut T> {
        match self.entries.get_mut(place)? {
            Entry::Filled(value) => Some(value),
            Entry::Hole(_) => None,
        }
    }

    /// In the order of the places.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::Filled(value) => Some(value),
            Entry::Hole(_) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_filled_again_and_nothing_is_taken_twice() {
        let mut slab = Slab::new();
        let places: Vec<_> = (0..4).map(|value| slab.insert(value)).collect();
        assert_eq!(slab.remove(places[1]), Some(1));
        assert_eq!(slab.remove(places[1]), None);
        assert_eq!(slab.remove(places[2]), Some(2));
        assert_eq!(slab.insert(20), places[2]);
        assert_eq!(slab.insert(10), places[1]);
        assert_eq!(slab.insert(4), 4);
        assert_eq!(slab.iter().copied().collect::<Vec<_>>(), [0, 10, 20, 3, 4]);
        assert_eq!((slab.filled, slab.get_mut(9)), (5, None));
    }

    #[test]
    fn what_many_took_is_given_back_when_all_are_gone() {
        let mut slab = Slab::new();
        for value in 0..MANY {
            assert_eq!(slab.insert(value), value);
        }
        for value in (0..MANY).rev() {
            assert_eq!(slab.remove(value), Some(value));
        }
        assert_eq!((slab.entries.capacity(), slab.insert(7)), (0, 0));
    }
}

//! A vector with holes: whoever puts something in takes it out again by its place.

/// A vector with holes that are filled again. So many are kept without allocating.
#[derive(Debug)]
pub(crate) struct Slab<T, const INLINE: usize = 0> {
    first: [Entry<T>; INLINE],
    others: Vec<Entry<T>>,
    /// How many places there are, filled or not.
    places: usize,
    /// The first hole, `places` when there is none.
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

impl<T, const INLINE: usize> Slab<T, INLINE> {
    pub(crate) const fn new() -> Self {
        Self {
            first: [const { Entry::Hole(0) }; INLINE],
            others: Vec::new(),
            places: 0,
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
        let filled = Entry::Filled(value);
        if place == self.places {
            match self.first.get_mut(place) {
                Some(entry) => *entry = filled,
                None => self.others.push(filled),
            }
            self.places += 1;
            self.hole = self.places;
        } else if let Some(entry) = self.entry(place) {
            if let Entry::Hole(next) = std::mem::replace(entry, filled) {
                self.hole = next;
            }
        }
        self.filled += 1;
        place
    }

    pub(crate) fn remove(&mut self, place: usize) -> Option<T> {
        let hole = self.hole;
        let entry = self.entry(place)?;
        if matches!(entry, Entry::Hole(_)) {
            return None;
        }
        let removed = std::mem::replace(entry, Entry::Hole(hole));
        self.hole = place;
        self.filled -= 1;
        if self.filled == 0 && self.places >= MANY {
            *self = Self::new();
        }
        match removed {
            Entry::Filled(value) => Some(value),
            Entry::Hole(_) => None,
        }
    }

    /// All were taken out: begins again with the first place, and gives back what was allocated.
    pub(crate) fn begin_again(&mut self) {
        debug_assert_eq!(self.filled, 0);
        if self.others.capacity() > 0 {
            self.others = Vec::new();
        }
        self.places = 0;
        self.hole = 0;
    }

    fn entry(&mut self, place: usize) -> Option<&mut Entry<T>> {
        match place.checked_sub(INLINE) {
            None => self.first.get_mut(place),
            Some(other) => self.others.get_mut(other),
        }
    }

    pub(crate) fn get_mut(&mut self, place: usize) -> Option<&mut T> {
        match self.entry(place)? {
            Entry::Filled(value) => Some(value),
            Entry::Hole(_) => None,
        }
    }

    /// In the order of the places.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        let entries = self.first.iter().chain(&self.others);
        entries.filter_map(|entry| match entry {
            Entry::Filled(value) => Some(value),
            Entry::Hole(_) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holes_are_filled_again<const INLINE: usize>() {
        let mut slab: Slab<i32, INLINE> = Slab::new();
        let places: Vec<_> = (0..4).map(|value| slab.insert(value)).collect();
        assert_eq!(slab.remove(places[1]), Some(1));
        assert_eq!(slab.remove(places[1]), None);
        assert_eq!(slab.remove(places[2]), Some(2));
        assert_eq!(slab.next_place(), places[2]);
        assert_eq!(slab.insert(20), places[2]);
        assert_eq!(slab.insert(10), places[1]);
        assert_eq!((slab.next_place(), slab.insert(4)), (4, 4));
        assert_eq!(slab.iter().copied().collect::<Vec<_>>(), [0, 10, 20, 3, 4]);
        assert_eq!((slab.filled, slab.get_mut(9)), (5, None));
    }

    #[test]
    fn holes_are_filled_again_and_nothing_is_taken_twice() {
        holes_are_filled_again::<0>();
        holes_are_filled_again::<2>();
        holes_are_filled_again::<8>();
    }

    #[test]
    fn one_that_begins_again_fills_its_places_in_order() {
        let mut slab: Slab<i32, 2> = Slab::new();
        for _ in 0..2 {
            let places: Vec<_> = (0..4).map(|value| slab.insert(value)).collect();
            assert_eq!(places, [0, 1, 2, 3]);
            for place in [1, 3, 0, 2] {
                slab.remove(place);
            }
            slab.begin_again();
        }
        assert_eq!(slab.others.capacity(), 0);
    }

    #[test]
    fn what_many_took_is_given_back_when_all_are_gone() {
        let mut slab: Slab<usize, 1> = Slab::new();
        for value in 0..MANY {
            assert_eq!(slab.insert(value), value);
        }
        for value in (0..MANY).rev() {
            assert_eq!(slab.remove(value), Some(value));
        }
        assert_eq!((slab.others.capacity(), slab.insert(7)), (0, 0));
    }
}

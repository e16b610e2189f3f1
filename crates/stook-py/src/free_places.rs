//! Which places are free; the lowest is taken first.

/// In so many levels: a word of the highest stands for 64³ places.
const LEVELS: usize = 3;
const BITS: usize = u64::BITS as usize;

/// Numbers of places, as bits: of each place in the lowest level, and in each level above, of each word
/// below, whether any bit of it is set.
#[derive(Debug, Default)]
pub(crate) struct FreePlaces([Vec<u64>; LEVELS]);

impl FreePlaces {
    /// The place is free.
    #[inline]
    pub(crate) fn insert(&mut self, place: usize) {
        let mut index = place;
        for level in &mut self.0 {
            let word = index / BITS;
            if word >= level.len() {
                level.resize(word + 1, 0);
            }
            let before = level[word];
            level[word] = before | 1 << (index % BITS);
            if before != 0 {
                return;
            }
            index = word;
        }
    }

    /// Takes the lowest.
    #[inline]
    pub(crate) fn take_lowest(&mut self) -> Option<usize> {
        let [.., highest] = &self.0;
        let first = highest.iter().position(|word| *word != 0)?;
        let place = self.0.iter().rev().fold(first, |word, level| {
            word * BITS + level[word].trailing_zeros() as usize
        });
        let mut index = place;
        for level in &mut self.0 {
            let word = index / BITS;
            level[word] &= !(1 << (index % BITS));
            if level[word] != 0 {
                break;
            }
            index = word;
        }
        Some(place)
    }

    /// None is free any more.
    pub(crate) fn clear(&mut self) {
        self.0.iter_mut().for_each(Vec::clear);
    }

    /// Gives back the memory that is not needed for so many places.
    pub(crate) fn shrink_to(&mut self, places: usize) {
        let mut words = places;
        for level in &mut self.0 {
            words = words.div_ceil(BITS);
            level.shrink_to(words);
        }
    }
}

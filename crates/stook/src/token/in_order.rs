//! What is registered at a token, in the order of its keys.

use stook_kernel::TokenKey;

/// Values by keys that only grow. What is taken out leaves a hole, and the holes are closed when they
/// are the most: each operation takes logarithmic time, and telling all is a walk.
#[derive(Debug)]
pub(super) struct InOrder<V> {
    entries: Vec<(TokenKey, Option<V>)>,
    holes: usize,
}

impl<V> InOrder<V> {
    pub(super) const fn new() -> Self {
        Self {
            entries: Vec::new(),
            holes: 0,
        }
    }

    /// The key is greater than those before.
    pub(super) fn push(&mut self, key: TokenKey, value: V) {
        debug_assert!(self.entries.last().is_none_or(|(last, _)| *last < key));
        self.entries.push((key, Some(value)));
    }

    pub(super) fn get_mut(&mut self, key: TokenKey) -> Option<&mut V> {
        let index = self.index(key)?;
        self.entries[index].1.as_mut()
    }

    pub(super) fn remove(&mut self, key: TokenKey) -> Option<V> {
        let index = self.index(key)?;
        let value = self.entries[index].1.take()?;
        self.holes += 1;
        if self.holes * 2 > self.entries.len() {
            self.entries.retain(|(_, value)| value.is_some());
            self.holes = 0;
        }
        Some(value)
    }

    fn index(&self, key: TokenKey) -> Option<usize> {
        self.entries
            .binary_search_by_key(&key, |(key, _)| *key)
            .ok()
    }

    #[cfg(all(test, feature = "tokio-util"))]
    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.entries.iter().filter_map(|(_, value)| value.as_ref())
    }

    /// All that are there, in the order of their keys.
    pub(super) fn into_values(self) -> impl Iterator<Item = V> {
        self.entries.into_iter().filter_map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use stook_kernel::{Registered, TokenSource};

    use super::*;

    #[test]
    fn what_is_left_is_in_the_order_of_its_keys() {
        let mut source = TokenSource::new();
        let mut kept = InOrder::new();
        let keys: Vec<TokenKey> = (0..10)
            .map(|value| match source.register() {
                Registered::Keep(key) => {
                    kept.push(key, value);
                    key
                }
                _ => panic!("it has not fired"),
            })
            .collect();
        for index in [0, 2, 9, 5, 3, 7, 1] {
            assert_eq!(kept.remove(keys[index]), Some(index));
            assert_eq!(kept.remove(keys[index]), None);
        }
        assert_eq!(kept.get_mut(keys[6]), Some(&mut 6));
        assert!(kept.entries.len() < 6, "the holes are closed");
        assert_eq!(kept.into_values().collect::<Vec<_>>(), [4, 6, 8]);
    }
}

//! Who is told when a task has ended.

use std::fmt;
use std::sync::Arc;
use std::task::Waker;

use crate::block::CellRef;
use crate::outcome::Ended;
use crate::report;

/// Who is told when a task has ended.
pub(crate) enum Watcher {
    /// Who joins it.
    Wake(Waker),
    /// What waits for several; with the task's place among them.
    Child(Arc<dyn WatchChildren>, u32),
    /// A function of the user's.
    Call(Callback),
}

type Callback = Box<dyn FnOnce(&CellRef) + Send>;

/// What waits for several tasks.
pub(crate) trait WatchChildren: Send + Sync {
    /// The task in this place has ended. Runs where the task has ended, with no lock held.
    fn child_done(&self, place: u32, ended: Ended);
}

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Wake(_) => "Wake",
            Self::Child(..) => "Child",
            Self::Call(_) => "Call",
        })
    }
}

impl Watcher {
    pub(crate) fn tell(self, cell: &CellRef, ended: Ended) {
        match self {
            Self::Wake(waker) => report::wake(waker),
            Self::Child(parent, place) => parent.child_done(place, ended),
            Self::Call(function) => report::guard_callback(cell, || function(cell)),
        }
    }
}

/// The watchers of one task, in the order in which they came. Most tasks have one at the most.
///
/// A key is given again once what had it is gone.
#[derive(Debug, Default)]
pub(crate) enum Watchers<W = Watcher> {
    #[default]
    None,
    /// By the key 0.
    One(W),
    /// Boxed, so that a task that has one takes less.
    Many(Box<Many<W>>),
}

/// With their keys.
#[derive(Debug)]
pub(crate) struct Many<W>(Vec<(WatchKey, W)>);

/// What a watcher is found by. So wide that they never come to an end, while the last goes and another
/// comes.
pub(crate) type WatchKey = u64;

impl<W> Watchers<W> {
    /// The key to find it by, among those that are there.
    pub(crate) fn add(&mut self, watcher: W) -> WatchKey {
        match self {
            Self::None => {
                *self = Self::One(watcher);
                0
            }
            Self::One(..) => {
                let mut many = Vec::with_capacity(4);
                if let Self::One(first) = std::mem::take(self) {
                    many.push((0, first));
                }
                *self = Self::Many(Box::new(Many(many)));
                self.add(watcher)
            }
            Self::Many(many) => {
                let Many(many) = &mut **many;
                let key = many.last().map_or(0, |(last, _)| last + 1);
                many.push((key, watcher));
                key
            }
        }
    }

    fn get_mut(&mut self, key: WatchKey) -> Option<&mut W> {
        match self {
            Self::One(kept) if key == 0 => Some(kept),
            Self::Many(many) => {
                let mut many = many.0.iter_mut();
                Some(&mut many.find(|(other, _)| *other == key)?.1)
            }
            _ => None,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::None => true,
            Self::One(_) => false,
            Self::Many(many) => many.0.is_empty(),
        }
    }

    pub(crate) fn remove(&mut self, key: WatchKey) -> Option<W> {
        match self {
            Self::One(_) if key == 0 => match std::mem::take(self) {
                Self::One(watcher) => Some(watcher),
                _ => None,
            },
            Self::Many(many) => {
                let Many(many) = &mut **many;
                let index = many.iter().position(|(other, _)| *other == key)?;
                Some(many.remove(index).1)
            }
            _ => None,
        }
    }

    /// In the order in which they came.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut W> {
        let (one, many) = match self {
            Self::None => (None, None),
            Self::One(one) => (Some(one), None),
            Self::Many(many) => (None, Some(&mut many.0)),
        };
        let many = many.into_iter().flatten().map(|(_, kept)| kept);
        one.into_iter().chain(many)
    }
}

impl Watchers {
    /// Whether the one by this key is a waker like this.
    pub(crate) fn is_waker(&mut self, key: WatchKey, waker: &Waker) -> bool {
        matches!(self.get_mut(key), Some(Watcher::Wake(kept)) if kept.will_wake(waker))
    }

    /// Puts one in the place of another, if that is there; returns what is to be dropped.
    pub(crate) fn replace(&mut self, key: WatchKey, watcher: Watcher) -> Watcher {
        match self.get_mut(key) {
            Some(kept) => std::mem::replace(kept, watcher),
            None => watcher,
        }
    }

    pub(crate) fn tell(self, cell: &CellRef, ended: Ended) {
        match self {
            Self::None => {}
            Self::One(watcher) => watcher.tell(cell, ended),
            Self::Many(many) => {
                for (_, watcher) in many.0 {
                    watcher.tell(cell, ended);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::mem::size_of;

    use super::*;

    #[test]
    fn watchers_take_no_more_than_one_of_them() {
        assert_eq!(size_of::<Watchers>(), size_of::<Watcher>());
    }
}

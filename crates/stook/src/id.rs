//! Numbers of tasks and scopes: one counter for both, so that a cancellation names its target by one.
//!
//! Each thread takes many at a time: to count on together is an atomic exchange, and a cache line for
//! which threads wait. So those that one thread gives grow, and those of several are in no order.

use std::cell::Cell;
use std::fmt;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};

/// The number of a task, unique in the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(NonZeroU64);

static NEXT: AtomicU64 = AtomicU64::new(1);

/// How many a thread takes at a time.
const MANY: u64 = 64;

thread_local! {
    /// Those that this thread may give: from the first to before the second.
    static MINE: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
}

/// So many in a row; the first.
fn take(count: u64) -> u64 {
    let (first, end) = MINE.try_with(Cell::get).unwrap_or_default();
    if count <= end - first {
        let _ = MINE.try_with(|mine| mine.set((first + count, end)));
        return first;
    }
    // What is left is given to nobody: numbers do not come to an end.
    let first = NEXT.fetch_add(count + MANY, Ordering::Relaxed);
    let next = first + count;
    let _ = MINE.try_with(|mine| mine.set((next, next + MANY)));
    first
}

impl TaskId {
    pub(crate) const FIRST: Self = Self(NonZeroU64::MIN);
    pub(crate) const LAST: Self = Self(NonZeroU64::MAX);

    pub(crate) fn next() -> Self {
        Self::of_number(take(1))
    }

    /// So many in a row.
    pub(crate) fn next_many(count: usize) -> impl Iterator<Item = Self> {
        let count = count as u64;
        let first = take(count);
        (first..first + count).map(Self::of_number)
    }

    fn of_number(number: u64) -> Self {
        Self(NonZeroU64::new(number).unwrap_or(NonZeroU64::MIN))
    }

    /// The number.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let task = stook::spawn(stook::checkpoint());
    /// assert_eq!(task.id().number().to_string(), task.id().to_string());
    /// # }
    /// ```
    pub fn number(self) -> u64 {
        self.0.get()
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_one_thread_grow_and_those_of_several_differ() {
        let given = || {
            let mut ids: Vec<_> = (0..MANY + 3).map(|_| TaskId::next()).collect();
            ids.extend(TaskId::next_many(MANY as usize + 2));
            ids.extend(TaskId::next_many(2));
            ids.push(TaskId::next());
            assert!(ids.is_sorted_by(|one, next| one < next));
            ids
        };
        let mut all = std::thread::scope(|threads| {
            let other = threads.spawn(given);
            let mut all = given();
            all.extend(other.join().unwrap());
            all
        });
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}

//! Numbers of tasks and scopes: one counter for both, so that a cancellation names its target by one.

use std::fmt;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};

/// The number of a task, unique in the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(NonZeroU64);

static NEXT: AtomicU64 = AtomicU64::new(1);

impl TaskId {
    pub(crate) const FIRST: Self = Self(NonZeroU64::MIN);
    pub(crate) const LAST: Self = Self(NonZeroU64::MAX);

    pub(crate) fn next() -> Self {
        Self::of_number(NEXT.fetch_add(1, Ordering::Relaxed))
    }

    /// So many in a row.
    pub(crate) fn next_many(count: usize) -> impl Iterator<Item = Self> {
        let count = count as u64;
        let first = NEXT.fetch_add(count, Ordering::Relaxed);
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

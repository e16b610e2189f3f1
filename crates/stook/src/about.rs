//! What is known of a task from the beginning.

use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Id;
use tokio::time::Instant;

use crate::id::TaskId;

/// Tasks that are spawned within this time can be of one time.
const AT_ONCE: Duration = Duration::from_millis(1);

/// What is known of a task from the beginning. The tasks of a gather share it.
#[derive(Debug)]
pub(crate) struct About {
    pub(crate) parent: Option<TaskId>,
    pub(crate) name: Option<Arc<str>>,
    pub(crate) location: &'static Location<'static>,
    pub(crate) born: Instant,
    /// The runtime that it was spawned on.
    pub(crate) runtime: Id,
}

impl About {
    /// Whether another task, which is born now, has nothing to tell it from this one but its number.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        std::ptr::eq(self.location, other.location)
            && self.parent == other.parent
            && self.runtime == other.runtime
            && self.is_as_old(other)
            && self.name.is_none()
            && other.name.is_none()
    }

    fn is_as_old(&self, other: &Self) -> bool {
        // In one step they are, and that is faster to see.
        self.born == other.born || other.born < self.born + AT_ONCE
    }
}

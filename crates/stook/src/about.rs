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
        self.is_of(
            other.parent,
            other.location,
            other.runtime,
            other.name.as_ref(),
        ) && self.is_of_time(other.born)
    }

    /// Whether a task like this, which is born now, is one of the same loop, if it is born at one time.
    pub(crate) fn is_kin(&self, kin: &Kin) -> bool {
        self.is_of(kin.parent, kin.location, kin.runtime, kin.name.as_ref())
    }

    fn is_of(
        &self,
        parent: Option<TaskId>,
        location: &'static Location<'static>,
        runtime: Id,
        name: Option<&Arc<str>>,
    ) -> bool {
        is_one_line(self.location, location)
            && self.parent == parent
            && self.runtime == runtime
            && self.name.is_none()
            && name.is_none()
    }

    /// Whether one that is born now is born at one time with this.
    pub(crate) fn is_of_time(&self, now: Instant) -> bool {
        // In one step they are, and that is faster to see.
        self.born == now || now < self.born + AT_ONCE
    }
}

/// What is known of a task before it is known when it is born.
pub(crate) struct Kin {
    pub(crate) parent: Option<TaskId>,
    pub(crate) name: Option<Arc<str>>,
    pub(crate) location: &'static Location<'static>,
    pub(crate) runtime: Id,
}

impl Kin {
    pub(crate) fn born(self, born: Instant) -> About {
        About {
            parent: self.parent,
            name: self.name,
            location: self.location,
            born,
            runtime: self.runtime,
        }
    }
}

pub(crate) fn is_one_line(
    one: &'static Location<'static>,
    other: &'static Location<'static>,
) -> bool {
    // In one loop it is one location as a rule. There may be copies of it, and Miri makes one a call.
    std::ptr::eq(one, other) || one.line() == other.line() && is_copy(one, other)
}

#[cold]
fn is_copy(one: &Location<'_>, other: &Location<'_>) -> bool {
    one == other
}

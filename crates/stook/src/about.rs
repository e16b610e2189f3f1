//! What is known of a task from the beginning, and where it is known.

use std::panic::Location;
use std::sync::Arc;

use tokio::time::Instant;

use crate::family::Family;
use crate::id::TaskId;
use crate::registry::{Membership, Registry};

/// What is known of a task from the beginning.
#[derive(Debug)]
pub(crate) struct About {
    pub(crate) parent: Option<TaskId>,
    pub(crate) name: Option<Arc<str>>,
    pub(crate) location: &'static Location<'static>,
    pub(crate) born: Instant,
    pub(crate) home: Home,
}

/// Where a task is known.
#[derive(Debug)]
pub(crate) enum Home {
    /// In the registry, by itself.
    Alone(Arc<Registry>, Membership),
    /// In the registry, with others that know each other by the place of their family.
    Gathered(Arc<Registry>),
    /// In the family of its group.
    Group(Arc<Family>),
}

impl Home {
    pub(crate) fn registry(&self) -> &Arc<Registry> {
        match self {
            Self::Alone(registry, _) | Self::Gathered(registry) => registry,
            Self::Group(family) => family.registry(),
        }
    }
}

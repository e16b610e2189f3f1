//! The span of a task, while it is polled: feature `tracing`.

#[cfg(feature = "tracing")]
use std::panic::Location;

#[cfg(feature = "tracing")]
use crate::id::TaskId;

/// The span of a task: its number, name, and the line that spawned it.
#[cfg(feature = "tracing")]
#[derive(Clone, Debug)]
pub(crate) struct Span(tracing::Span);

#[cfg(feature = "tracing")]
impl Span {
    pub(crate) fn new(id: TaskId, name: Option<&str>, location: &Location<'_>) -> Self {
        let (file, line) = (location.file(), location.line());
        Self(tracing::debug_span!(target: "stook", "task", id = id.number(), name, file, line))
    }

    /// The span is the current one while this is held.
    pub(crate) fn enter(&self) -> impl Drop + '_ {
        self.0.enter()
    }
}

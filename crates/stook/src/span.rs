//! The span of a task: feature `tracing`.
//!
//! Its fields follow the task as it goes on. The program's subscriber is foreign code: no lock may be
//! held where it is told of something.

use std::panic::Location;

use crate::cell::Cell;

/// Without the feature, nothing is told to anybody.
#[cfg(not(feature = "tracing"))]
impl Cell {
    pub(crate) fn show_state(&self) {}

    pub(crate) fn show_request(&self) {}

    pub(crate) fn show_waiting(&self, _location: Option<&'static Location<'static>>) {}
}

#[cfg(feature = "tracing")]
pub(crate) use with_tracing::Span;

#[cfg(feature = "tracing")]
mod with_tracing {
    use std::panic::{self, AssertUnwindSafe};
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tracing::field::Empty;

    use super::{Cell, Location};
    use crate::id::TaskId;
    use crate::report::tree::{TaskState, place};

    /// The span of a task: its number, name, the line that spawned it, how far it is, why it was asked
    /// to cancel, and where it waits.
    #[derive(Debug)]
    pub(crate) struct Span {
        span: tracing::Span,
        /// The address of the line that was told last; zero before the task has waited.
        waits_at: AtomicUsize,
    }

    /// What is told of an await that is no cancel point: its line is not known.
    const BARE: &str = "a bare await";
    /// Its place among addresses.
    const BARE_AT: usize = 1;

    impl Span {
        pub(crate) fn new(id: TaskId, name: Option<&str>, location: &Location<'_>) -> Self {
            let span = tracing::debug_span!(
                target: "stook",
                "task",
                id = id.number(),
                name,
                file = location.file(),
                line = location.line(),
                state = TaskState::Created.word(),
                reason = Empty,
                waiting = Empty,
            );
            Self {
                span,
                waits_at: AtomicUsize::new(0),
            }
        }

        /// For who enters it.
        pub(crate) fn of_tracing(&self) -> tracing::Span {
            self.span.clone()
        }

        fn record(&self, field: &str, value: &str) {
            let record = AssertUnwindSafe(|| {
                self.span.record(field, value);
            });
            // A subscriber that panics must not keep a task from its end; there is nobody to tell.
            drop(panic::catch_unwind(record));
        }
    }

    impl Cell {
        /// Has the span say how far the task is.
        pub(crate) fn show_state(&self) {
            let Some(span) = self.span() else { return };
            let mut state = TaskState::of(self);
            loop {
                span.record("state", state.word());
                // Another thread may have said how it is now before this one said how it was.
                let now = TaskState::of(self);
                if now == state {
                    return;
                }
                state = now;
            }
        }

        /// Has it say why the task was asked to cancel; with no reason given, who asked and where.
        pub(crate) fn show_request(&self) {
            let Some(span) = self.span() else { return };
            if let (Some(record), _) = self.last_request() {
                match record.reason() {
                    Some(reason) => span.record("reason", reason),
                    None => span.record("reason", &record.to_string()),
                }
            }
            self.show_state();
        }

        /// Has it say where the task waits now; `None` at a bare await.
        pub(crate) fn show_waiting(&self, location: Option<&'static Location<'static>>) {
            let Some(span) = self.span() else { return };
            let address = location.map_or(BARE_AT, |location| std::ptr::from_ref(location).addr());
            if span.waits_at.swap(address, Ordering::Relaxed) == address {
                return;
            }
            match location {
                Some(location) => span.record("waiting", &place(location)),
                None => span.record("waiting", BARE),
            }
        }
    }
}

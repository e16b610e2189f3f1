//! Scopes: parts of a task that are cancelled on their own, or hidden from cancellation.
//!
//! A scope that has fired cancels every cancel point in it until it is left, and takes only its own
//! cancellation: one of the task, or of a scope around it, goes through. Scopes work outside the tasks
//! of this crate, too.
//!
//! # Source
//! `CancelScope` in Trio 0.27; `Timeout` in CPython 3.13 `asyncio/timeouts.py`.

mod cancel_scope;
pub(crate) mod deadline;
pub(crate) mod fired;
pub(crate) mod node;
mod shield;
mod timeout;
pub(crate) mod within;

pub use cancel_scope::{Scope, scope};
pub use shield::{shield, shield_for, with_cleanup};
pub use timeout::{Elapsed, move_on_after, timeout, timeout_at};

//! What is shown of a scope that was cancelled and is not left.

use std::fmt;
use std::time::Duration;

use crate::report::tree::place;
use crate::scope::node::ScopeNode;

/// What is known of a scope that was cancelled and was not left yet: a timeout whose time has come, say.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ScopeInfo {
    /// Its number.
    pub id: u64,
    /// The call of [`timeout`](crate::timeout), [`scope`](crate::scope()) or the like: `file:line`.
    pub entered: String,
    /// What kind of request cancelled it, by its [word](crate::CancelKind::word).
    pub kind: &'static str,
    /// The reason, if one was given.
    pub reason: Option<String>,
    /// How long ago it was cancelled, by tokio's clock.
    pub age: Duration,
    /// Whether a cancel point in it has been reached since, outside of shields. What awaits there now
    /// cleans up, or has passed over the error.
    pub is_heard: bool,
}

impl ScopeInfo {
    /// `None` if it was not cancelled.
    pub(crate) fn of(node: &ScopeNode) -> Option<Self> {
        let record = node.record()?;
        Some(Self {
            id: node.id().number(),
            entered: place(node.location()),
            kind: record.kind().word(),
            reason: record.reason().map(str::to_owned),
            age: record.when().elapsed(),
            is_heard: node.is_heard(),
        })
    }
}

/// `the scope entered at src/main.rs:7, cancelled 2s ago (timeout)`.
impl fmt::Display for ScopeInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (entered, age, kind) = (&self.entered, self.age, self.kind);
        write!(
            f,
            "the scope entered at {entered}, cancelled {age:?} ago ({kind}"
        )?;
        if let Some(reason) = &self.reason {
            write!(f, ": {reason}")?;
        }
        f.write_str(")")
    }
}

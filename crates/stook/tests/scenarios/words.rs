//! How ends, values and errors are written in observations, by both faces alike.

use std::fmt;

use stook::{CancelError, Cancelled, GroupError, NoSuccess, Outcome, Shared};

use crate::file::Value;

/// The errors of scenarios.
#[derive(Clone, Debug)]
pub(crate) enum Fail {
    /// What the step `raise` gives.
    Failure(String),
    Cancelled(Cancelled),
    /// A child was cancelled, and the step is one that tells so.
    ChildCancelled,
    Timeout,
    /// Of a group, or of several of whom none has succeeded.
    Group(Vec<String>),
}

impl fmt::Display for Fail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failure(text) => f.write_str(text),
            Self::Cancelled(_) => f.write_str("cancelled"),
            Self::ChildCancelled => f.write_str("child cancelled"),
            Self::Timeout => f.write_str("timeout"),
            Self::Group(errors) => write!(f, "group [{}]", errors.join(", ")),
        }
    }
}

impl From<Cancelled> for Fail {
    fn from(cancelled: Cancelled) -> Self {
        Self::Cancelled(cancelled)
    }
}

impl CancelError for Fail {
    fn as_cancelled(&self) -> Option<&Cancelled> {
        match self {
            Self::Cancelled(cancelled) => Some(cancelled),
            _ => None,
        }
    }
}

impl From<GroupError<Fail>> for Fail {
    fn from(error: GroupError<Self>) -> Self {
        match error.cancelled {
            Some(cancelled) => Self::Cancelled(cancelled),
            None => Self::Group(error.errors.iter().map(ToString::to_string).collect()),
        }
    }
}

impl From<NoSuccess<Value, Fail>> for Fail {
    fn from(error: NoSuccess<Value, Self>) -> Self {
        match error.cancelled {
            Some(cancelled) => Self::Cancelled(cancelled),
            None => Self::Group(error.outcomes.into_iter().map(failed).collect()),
        }
    }
}

impl From<Shared<Fail>> for Fail {
    fn from(shared: Shared<Self>) -> Self {
        (*shared).clone()
    }
}

fn failed(outcome: Outcome<Value, Fail>) -> String {
    match outcome {
        Outcome::Err(error) => error.to_string(),
        _ => Fail::ChildCancelled.to_string(),
    }
}

impl Fail {
    /// Whether it is a cancellation of the current task or of a block around the current step.
    pub(crate) fn is_mine(&self) -> bool {
        self.as_cancelled().is_some_and(Cancelled::is_mine)
    }

    /// Whether it is a cancellation, of whomever.
    pub(crate) fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled(_) | Self::ChildCancelled)
    }

    /// That of a step that tells a child's cancellation from the task's own.
    pub(crate) fn telling(self) -> Self {
        match self {
            Self::Cancelled(cancelled) if !cancelled.is_mine() => Self::ChildCancelled,
            other => other,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing"),
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => f.write_str(text),
            Self::List(values) => {
                let texts: Vec<_> = values.iter().map(ToString::to_string).collect();
                write!(f, "[{}]", texts.join(", "))
            }
        }
    }
}

/// The text of a task's having returned this.
pub(crate) fn returned(value: &Value) -> String {
    match value {
        Value::Nothing => "returned".to_owned(),
        value => format!("returned {value}"),
    }
}

/// The text of how a task has ended, and its value, for who collects them.
pub(crate) fn ended<E: fmt::Display>(outcome: &Outcome<Value, E>) -> String {
    match outcome {
        Outcome::Ok(value) => returned(value),
        Outcome::Err(error) => format!("raised {error}"),
        Outcome::Cancelled(_) => "cancelled".to_owned(),
        Outcome::Panicked(panic) => format!("panicked: {panic:?}"),
        Outcome::Aborted => "aborted".to_owned(),
    }
}

/// An outcome as one of a list.
pub(crate) fn collected(outcome: Outcome<Value, Fail>) -> Value {
    match outcome {
        Outcome::Ok(value) => value,
        Outcome::Err(error) => Value::Text(error.to_string()),
        other => Value::Text(ended(&other)),
    }
}

//! What the examples about errors have in common: tasks of which every second one fails.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use stook::{CancelError, Cancelled};

/// Why a flaky task has failed.
pub(crate) enum Failure {
    /// It crashed.
    Value,
    /// It was cancelled.
    Cancelled(Cancelled),
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value => f.write_str("ValueError()"),
            Self::Cancelled(cancelled) => cancelled.fmt(f),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl Error for Failure {}

impl From<Cancelled> for Failure {
    fn from(cancelled: Cancelled) -> Self {
        Self::Cancelled(cancelled)
    }
}

impl CancelError for Failure {
    fn as_cancelled(&self) -> Option<&Cancelled> {
        match self {
            Self::Cancelled(cancelled) => Some(cancelled),
            Self::Value => None,
        }
    }
}

/// Takes its number of seconds, and fails if that is odd.
pub(crate) async fn flaky(number: u64) -> Result<(), Failure> {
    stook::sleep(Duration::from_secs(number)).await?;
    if number % 2 == 0 {
        println!("{number} ok");
        Ok(())
    } else {
        println!("{number} crashed!");
        Err(Failure::Value)
    }
}

//! How a task ended.

use std::panic::Location;

use crate::cancel_error::CancelError;
use crate::cancelled::Cancelled;
use crate::panicked::Panic;

/// How a task ended.
///
/// # Source
/// `JoinHandle` of tokio 1.47, which has the first, the fourth and the last; the others are those of
/// `Task` in CPython 3.13.
#[derive(Debug)]
#[must_use = "it may be an error, which counts as read"]
pub enum Outcome<T, E> {
    /// It returned a value.
    Ok(T),
    /// It returned an error: its own, or the cancellation of somebody else.
    Err(E),
    /// It returned its own cancellation, or was cancelled before its first step.
    Cancelled(Cancelled),
    /// It panicked.
    Panicked(Panic),
    /// It was aborted, or its runtime was shut down: dropped where it waited.
    Aborted,
}

/// How a task ended, without the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Ended {
    Ok = 1,
    Err = 2,
    Cancelled = 3,
    Panicked = 4,
    Aborted = 5,
}

impl Ended {
    /// In the kernel's words: a panic is an error that was raised, an abort a cancellation.
    pub(crate) fn for_kernel(self) -> stook_kernel::Outcome {
        match self {
            Self::Ok => stook_kernel::Outcome::Returned,
            Self::Err | Self::Panicked => stook_kernel::Outcome::Raised,
            Self::Cancelled | Self::Aborted => stook_kernel::Outcome::Cancelled,
        }
    }
}

impl<T, E> Outcome<T, E> {
    pub(crate) fn ended(&self) -> Ended {
        match self {
            Self::Ok(_) => Ended::Ok,
            Self::Err(_) => Ended::Err,
            Self::Cancelled(_) => Ended::Cancelled,
            Self::Panicked(_) => Ended::Panicked,
            Self::Aborted => Ended::Aborted,
        }
    }

    pub(crate) fn map_err<F>(self, map: impl FnOnce(E) -> F) -> Outcome<T, F> {
        match self {
            Self::Ok(value) => Outcome::Ok(value),
            Self::Err(error) => Outcome::Err(map(error)),
            Self::Cancelled(cancelled) => Outcome::Cancelled(cancelled),
            Self::Panicked(panic) => Outcome::Panicked(panic),
            Self::Aborted => Outcome::Aborted,
        }
    }

    /// The value, where there is one.
    ///
    /// # Examples
    /// ```
    /// use stook::{Cancelled, Outcome};
    /// assert_eq!(Outcome::<_, Cancelled>::Ok(7).ok(), Some(7));
    /// assert_eq!(Outcome::<u32, Cancelled>::Aborted.ok(), None);
    /// ```
    pub fn ok(self) -> Option<T> {
        match self {
            Self::Ok(value) => Some(value),
            _ => None,
        }
    }

    /// The error, where there is one. A cancellation, a panic and an abort are none.
    ///
    /// # Examples
    /// ```
    /// use std::io;
    /// use stook::Outcome;
    /// let failed = Outcome::<u32, _>::Err(io::Error::other("out of paper"));
    /// assert_eq!(failed.err().unwrap().to_string(), "out of paper");
    /// assert!(Outcome::<u32, io::Error>::Aborted.err().is_none());
    /// ```
    pub fn err(self) -> Option<E> {
        match self {
            Self::Err(error) => Some(error),
            _ => None,
        }
    }

    /// Whether the task returned a value.
    ///
    /// # Examples
    /// ```
    /// use stook::{Cancelled, Outcome};
    /// assert!(Outcome::<_, Cancelled>::Ok(7).is_ok());
    /// ```
    pub fn is_ok(&self) -> bool {
        matches!(self, Self::Ok(_))
    }

    /// Whether the task failed, by an error or a panic.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), stook::Cancelled> {
    /// use std::io;
    /// let mut failing = stook::spawn(async { Err::<(), _>(io::Error::other("no paper")) });
    /// assert!(failing.join().await?.is_error());
    /// # Ok(()) }
    /// ```
    pub fn is_error(&self) -> bool {
        matches!(self, Self::Err(_) | Self::Panicked(_))
    }

    /// Whether the task was cancelled or aborted.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), stook::Cancelled> {
    /// let mut task = stook::spawn(stook::checkpoint());
    /// task.cancel();
    /// assert!(task.join().await?.is_cancelled());
    /// # Ok(()) }
    /// ```
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled(_) | Self::Aborted)
    }
}

impl<T, E: CancelError> Outcome<T, E> {
    /// What `task.await` gives: a cancelled or aborted task is an error, a panic goes on.
    ///
    /// # Errors
    /// The task's error; or its cancellation, which is not the caller's.
    ///
    /// # Panics
    /// The task panicked: with the same payload.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), stook::Cancelled> {
    /// let mut task = stook::spawn(async { Ok::<_, stook::Cancelled>(7) });
    /// assert_eq!(task.join().await?.into_result()?, 7);
    /// # Ok(()) }
    /// ```
    #[track_caller]
    pub fn into_result(self) -> Result<T, E> {
        self.into_result_at(Location::caller())
    }

    /// The same, for who awaits it there.
    pub(crate) fn into_result_at(self, location: &'static Location<'static>) -> Result<T, E> {
        match self {
            Self::Ok(value) => Ok(value),
            Self::Err(error) => Err(error),
            Self::Cancelled(cancelled) => Err(cancelled.into()),
            Self::Panicked(panic) => panic.resume(),
            Self::Aborted => Err(Cancelled::of_aborted(location).into()),
        }
    }
}

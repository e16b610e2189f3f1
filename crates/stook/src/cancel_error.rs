//! Errors that a cancellation fits into.

use std::error::Error;
use std::fmt;
use std::io;

use crate::cancelled::Cancelled;
use crate::scope::Elapsed;

/// An error type that a [`Cancelled`] fits into, and can be found in again.
///
/// Here are those of `Cancelled` itself, [`io::Error`], boxed errors and (feature `anyhow`)
/// `anyhow::Error`. In these it is found wherever `?` may have put it on its way: among the
/// [sources](Error::source) of the error, and inside an `io::Error`. For an enum of your own, write
/// both ways, or have feature `derive` do it:
///
/// # Examples
/// ```
/// use stook::{CancelError, Cancelled};
///
/// #[derive(Debug)]
/// enum Failure {
///     Disk(std::io::Error),
///     Cancelled(Cancelled),
/// }
///
/// impl From<Cancelled> for Failure {
///     fn from(cancelled: Cancelled) -> Self {
///         Failure::Cancelled(cancelled)
///     }
/// }
///
/// impl CancelError for Failure {
///     fn as_cancelled(&self) -> Option<&Cancelled> {
///         match self {
///             Failure::Cancelled(cancelled) => Some(cancelled),
///             Failure::Disk(_) => None,
///         }
///     }
/// }
/// ```
pub trait CancelError: From<Cancelled> + fmt::Debug + 'static {
    /// The cancellation that this error is, if it is one.
    ///
    /// # Examples
    /// ```
    /// use stook::CancelError;
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), stook::Cancelled> {
    /// let end = stook::scope(async |scope| {
    ///     scope.cancel_with("enough");
    ///     stook::checkpoint().await.map_err(std::io::Error::from)
    /// });
    /// assert!(end.await.unwrap().is_none(), "the scope has found its cancellation in the error");
    /// assert!(std::io::Error::other("no paper").as_cancelled().is_none());
    /// # Ok(()) }
    /// ```
    fn as_cancelled(&self) -> Option<&Cancelled>;
}

impl CancelError for Cancelled {
    fn as_cancelled(&self) -> Option<&Cancelled> {
        Some(self)
    }
}

/// Its kind is [`io::ErrorKind::Other`], not `Interrupted`: that one is often tried again.
impl From<Cancelled> for io::Error {
    fn from(cancelled: Cancelled) -> Self {
        io::Error::other(cancelled)
    }
}

/// Its kind is [`io::ErrorKind::TimedOut`], as with tokio's.
impl From<Elapsed> for io::Error {
    fn from(elapsed: Elapsed) -> Self {
        io::Error::new(io::ErrorKind::TimedOut, elapsed)
    }
}

impl CancelError for io::Error {
    fn as_cancelled(&self) -> Option<&Cancelled> {
        among_sources(self)
    }
}

impl CancelError for Box<dyn Error + Send + Sync> {
    fn as_cancelled(&self) -> Option<&Cancelled> {
        among_sources(&**self)
    }
}

impl CancelError for Box<dyn Error> {
    fn as_cancelled(&self) -> Option<&Cancelled> {
        among_sources(&**self)
    }
}

#[cfg(feature = "anyhow")]
impl CancelError for anyhow::Error {
    fn as_cancelled(&self) -> Option<&Cancelled> {
        // A context that is one is found by this alone.
        self.downcast_ref().or_else(|| among_sources(&**self))
    }
}

/// The error itself, or what it comes from.
fn among_sources<'error>(error: &'error (dyn Error + 'static)) -> Option<&'error Cancelled> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(cancelled) = error.downcast_ref() {
            return Some(cancelled);
        }
        next = match error.downcast_ref::<io::Error>() {
            // Its source is the source of what is inside.
            Some(outer) => outer.get_ref().map(|inner| inner as &(dyn Error + 'static)),
            None => error.source(),
        };
    }
    None
}

//! The errors of groups.

use std::error::Error;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use crate::cancel_error::CancelError;
use crate::cancelled::Cancelled;

/// An error of a group's task. The group and the handle of the task have the same one.
pub struct Shared<E>(Arc<E>);

impl<E> Shared<E> {
    pub(crate) fn new(error: E) -> Self {
        Self(Arc::new(error))
    }

    /// The error itself, when nobody else has it any more.
    ///
    /// # Errors
    /// Somebody else has it: the handle of the task, or the group's error.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// use std::io;
    /// let group = stook::task_group(async |group: stook::TaskGroup<io::Error>| {
    ///     drop(group.spawn(async { Err::<(), _>(io::Error::other("no paper")) }));
    ///     Ok(())
    /// });
    /// let shared = group.await.unwrap_err().errors.remove(0);
    /// let error: io::Error = shared.try_unwrap().unwrap();
    /// assert_eq!(error.to_string(), "no paper");
    /// # }
    /// ```
    pub fn try_unwrap(self) -> Result<E, Self> {
        Arc::try_unwrap(self.0).map_err(Self)
    }
}

impl<E> Clone for Shared<E> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<E> Deref for Shared<E> {
    type Target = E;

    fn deref(&self) -> &E {
        &self.0
    }
}

impl<E: fmt::Debug> fmt::Debug for Shared<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<E: fmt::Display> fmt::Display for Shared<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<E: Error> Error for Shared<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

impl<E: CancelError> From<Cancelled> for Shared<E> {
    fn from(cancelled: Cancelled) -> Self {
        Self::new(cancelled.into())
    }
}

impl<E: CancelError> CancelError for Shared<E> {
    fn as_cancelled(&self) -> Option<&Cancelled> {
        self.0.as_cancelled()
    }
}

/// Why a group has not returned what its body did.
///
/// # Source
/// `BaseExceptionGroup`, CPython 3.13.
#[derive(Debug)]
#[non_exhaustive]
pub struct GroupError<E> {
    /// The errors of its tasks in the order in which they came, and then that of its body.
    pub errors: Vec<Shared<E>>,
    /// With no errors: the cancellation that ended it.
    pub cancelled: Option<Cancelled>,
}

impl<E> GroupError<E> {
    pub(crate) fn cancelled(cancelled: Cancelled) -> Self {
        Self {
            errors: Vec::new(),
            cancelled: Some(cancelled),
        }
    }
}

impl<E: fmt::Debug> fmt::Display for GroupError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(cancelled) = &self.cancelled {
            return cancelled.fmt(f);
        }
        match self.errors.len() {
            1 => f.write_str("1 error in a task group: ")?,
            several => write!(f, "{several} errors in a task group: ")?,
        }
        f.debug_list().entries(&self.errors).finish()
    }
}

impl<E: fmt::Debug> Error for GroupError<E> {
    /// The cancellation that ended the group; none of its tasks' errors is more the cause than others.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cancelled.as_ref().map(|cancelled| cancelled as _)
    }
}

impl<E> From<Cancelled> for GroupError<E> {
    fn from(cancelled: Cancelled) -> Self {
        Self::cancelled(cancelled)
    }
}

impl<E: fmt::Debug + 'static> CancelError for GroupError<E> {
    fn as_cancelled(&self) -> Option<&Cancelled> {
        self.cancelled.as_ref()
    }
}

/// A group takes no task any more: its body and all its tasks have ended. The future was dropped.
///
/// # Source
/// `RuntimeError("TaskGroup ... is finished")`, CPython 3.13.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupClosed;

impl fmt::Display for GroupClosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the task group is finished")
    }
}

impl Error for GroupClosed {}

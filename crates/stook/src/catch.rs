//! Catches panics: of a future that is polled, and of other code of the program's.

use std::future::Future;
use std::panic::{self, AssertUnwindSafe};
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::panicked::Panic;

/// Calls something of the program's and catches its panic. What it changes is not looked at after
/// that.
pub(crate) fn caught<R>(call: impl FnOnce() -> R) -> Result<R, Panic> {
    panic::catch_unwind(AssertUnwindSafe(call)).map_err(Panic::new)
}

pin_project! {
    /// Polls a future, drops it when it has ended, and catches a panic of either: the first, if both do.
    /// After that it is not to be polled again.
    pub(crate) struct Catch<F> {
        // `None` once it has ended.
        #[pin]
        future: Option<F>,
    }
}

impl<F> Catch<F> {
    pub(crate) fn new(future: F) -> Self {
        Self {
            future: Some(future),
        }
    }
}

impl<F: Future> Future for Catch<F> {
    type Output = Result<F::Output, Panic>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut future = self.project().future;
        let polled = caught(|| match future.as_mut().as_pin_mut() {
            Some(future) => future.poll(cx),
            None => Poll::Pending,
        });
        let end = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(output)) => Ok(output),
            Err(panic) => Err(panic),
        };
        let dropped = caught(|| future.set(None));
        Poll::Ready(end.and_then(|output| dropped.map(|()| output)))
    }
}

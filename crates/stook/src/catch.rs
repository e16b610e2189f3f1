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
    /// Polls a future and catches its panic. After that it is not to be polled again.
    pub(crate) struct Catch<F> {
        #[pin]
        future: F,
    }
}

impl<F> Catch<F> {
    pub(crate) fn new(future: F) -> Self {
        Self { future }
    }
}

impl<F: Future> Future for Catch<F> {
    type Output = Result<F::Output, Panic>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let future = self.project().future;
        match caught(|| future.poll(cx)) {
            Ok(polled) => polled.map(Ok),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    }
}

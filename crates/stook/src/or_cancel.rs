//! `.or_cancel()`: makes any future a cancel point.

use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::cancelled::Cancelled;
use crate::point::Point;

/// Makes any future a cancel point.
pub trait OrCancel: Future + Sized {
    /// Waits for this future, or for a cancellation of the current task or scope.
    ///
    /// A bare `.await` is never interrupted, so that clean-up is safe without further care. This is
    /// how to say that it may be.
    ///
    /// Outside tasks and scopes of this crate nothing can cancel it.
    ///
    /// # Errors
    /// The cancellation. One that is there from the start keeps the future from being polled at all;
    /// one that comes when the future is ready does not take its result: the next cancel point
    /// returns it.
    ///
    /// # Cancel safety
    /// When it returns an error the future is dropped where it waited: use futures for which their
    /// own documentation says that it is safe.
    ///
    /// # Examples
    /// ```
    /// use std::future::pending;
    /// use stook::{OrCancel, Outcome};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), stook::Cancelled> {
    /// let mut task = stook::spawn(async {
    ///     pending::<()>().or_cancel().await?;
    ///     Ok::<_, stook::Cancelled>(())
    /// });
    /// task.cancel_with("closing time");
    /// let outcome = task.join().await?;
    /// assert!(matches!(outcome, Outcome::Cancelled(why) if why.reason() == Some("closing time")));
    /// # Ok(()) }
    /// ```
    ///
    /// # Source
    /// A checkpoint of Trio 0.27; that a bare await is none is ours.
    #[track_caller]
    fn or_cancel(self) -> OrCancelled<Self> {
        OrCancelled::at(self, Location::caller())
    }
}

impl<F: Future> OrCancel for F {}

pin_project! {
    /// The future of [`OrCancel::or_cancel`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless awaited"]
    pub struct OrCancelled<F> {
        #[pin]
        future: F,
        point: Point,
        is_begun: bool,
    }
}

impl<F> OrCancelled<F> {
    pub(crate) fn at(future: F, location: &'static Location<'static>) -> Self {
        Self {
            future,
            point: Point::new(location),
            is_begun: false,
        }
    }
}

impl<F: Future> Future for OrCancelled<F> {
    type Output = Result<F::Output, Cancelled>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if !*this.is_begun {
            *this.is_begun = true;
            if let Some(cancelled) = Point::check() {
                return Poll::Ready(Err(cancelled));
            }
        }
        if let Poll::Ready(output) = this.future.poll(cx) {
            return Poll::Ready(Ok(output));
        }
        match this.point.check_or_park(cx) {
            Some(cancelled) => Poll::Ready(Err(cancelled)),
            None => Poll::Pending,
        }
    }
}

//! Waits for a token.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use stook_kernel::TokenKey;

use crate::token::CancellationToken;
use crate::token::node::{Kept, Node};

/// The future of [`CancellationToken::cancelled`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct WaitForCancellation {
    node: Arc<Node>,
    /// Of its waker, while that is registered.
    key: Option<TokenKey>,
}

impl CancellationToken {
    /// Waits until the token is cancelled; at once, when it was.
    ///
    /// It is no cancel point by itself: `token.cancelled().or_cancel()` is.
    ///
    /// # Cancel safety
    /// It can be dropped at any time.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let token = stook::CancellationToken::new();
    /// tokio::spawn({
    ///     let token = token.clone();
    ///     async move { token.cancel() }
    /// });
    /// token.cancelled().await;
    /// # }
    /// ```
    ///
    /// # Source
    /// `CancellationToken::cancelled_owned` of tokio-util 0.7.
    pub fn cancelled(&self) -> WaitForCancellation {
        WaitForCancellation {
            node: Arc::clone(&self.0),
            key: None,
        }
    }

    /// Polls the future until it is ready or the token is cancelled; `None` when that comes first, or
    /// has come before: then it is not begun.
    ///
    /// # Cancel safety
    /// When the token is cancelled the future is dropped where it waits.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), stook::Cancelled> {
    /// use std::time::Duration;
    /// let token = stook::CancellationToken::new();
    /// token.cancel_after(Duration::from_secs(1));
    /// let slow = tokio::time::sleep(Duration::from_secs(60));
    /// assert_eq!(token.run_until_cancelled(slow).await, None);
    /// # Ok(()) }
    /// ```
    ///
    /// # Source
    /// `CancellationToken::run_until_cancelled` of tokio-util 0.7.
    pub fn run_until_cancelled<F: Future>(
        &self,
        future: F,
    ) -> impl Future<Output = Option<F::Output>> {
        RunUntil {
            future,
            cancelled: self.cancelled(),
        }
    }
}

impl Future for WaitForCancellation {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.node.is_fired() {
            // It was told, or is about to be, to no harm: it need not be taken out.
            self.key = None;
            return Poll::Ready(());
        }
        if let Some(key) = self.key {
            if self.node.replace_waker(key, cx.waker()) {
                return Poll::Pending;
            }
            // It has fired meanwhile.
            self.key = None;
            return Poll::Ready(());
        }
        // When it has fired meanwhile this wakes, and the next poll is ready.
        self.key = self.node.register(Kept::Wake(cx.waker().clone()));
        Poll::Pending
    }
}

impl Drop for WaitForCancellation {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.node.unregister(key);
        }
    }
}

pin_project! {
    struct RunUntil<F> {
        #[pin]
        future: F,
        #[pin]
        cancelled: WaitForCancellation,
    }
}

impl<F: Future> Future for RunUntil<F> {
    type Output = Option<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if this.cancelled.poll(cx).is_ready() {
            return Poll::Ready(None);
        }
        this.future.poll(cx).map(Some)
    }
}

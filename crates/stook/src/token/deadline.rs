//! Tokens that are cancelled when their time has come.

use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use crate::record::CancelKind;
use crate::token::CancellationToken;

impl CancellationToken {
    /// Cancels the token after this long, with kind [`CancelKind::Timeout`]; several deadlines are as
    /// good as the first. What is too long for the clock never comes.
    ///
    /// It keeps neither the token nor the runtime: when all copies of the token are dropped, the
    /// deadline is, too.
    ///
    /// # Panics
    /// Outside a runtime with time.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), stook::Cancelled> {
    /// use std::time::Duration;
    /// let token = stook::CancellationToken::new();
    /// token.cancel_after(Duration::from_secs(1));
    /// token.cancelled().await;
    /// assert_eq!(token.record().unwrap().kind(), stook::CancelKind::Timeout);
    /// # Ok(()) }
    /// ```
    ///
    /// # Source
    /// `CancellationTokenSource.CancelAfter` of .NET 8.0.
    #[track_caller]
    pub fn cancel_after(&self, duration: Duration) {
        self.cancel_when(tokio::time::sleep(duration), Location::caller());
    }

    /// Cancels the token at that time; see [`cancel_after`](Self::cancel_after).
    ///
    /// # Panics
    /// Outside a runtime with time.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), stook::Cancelled> {
    /// use std::time::Duration;
    /// use tokio::time::Instant;
    /// let token = stook::CancellationToken::new();
    /// let deadline = Instant::now() + Duration::from_secs(1);
    /// token.cancel_at(deadline);
    /// token.cancelled().await;
    /// assert_eq!(Instant::now(), deadline);
    /// # Ok(()) }
    /// ```
    #[track_caller]
    pub fn cancel_at(&self, deadline: Instant) {
        self.cancel_when(tokio::time::sleep_until(deadline), Location::caller());
    }

    fn cancel_when(&self, time: Sleep, location: &'static Location<'static>) {
        let node = Arc::downgrade(&self.0);
        let waiting = tokio::spawn(async move {
            time.await;
            if let Some(node) = node.upgrade() {
                Self(node).fire(CancelKind::Timeout, None, location);
            }
        });
        self.0.add_helper(waiting.abort_handle());
    }
}

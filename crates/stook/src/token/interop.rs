//! From and to tokio-util's token.
#![cfg(feature = "tokio-util")]

use std::panic::Location;
use std::sync::Arc;

use crate::record::CancelKind;
use crate::token::CancellationToken;

impl CancellationToken {
    /// A token that is cancelled when this one of tokio-util is. It watches it from a task of the
    /// current runtime, for as long as a copy of the new token is there.
    ///
    /// # Panics
    /// Outside a runtime.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let theirs = tokio_util::sync::CancellationToken::new();
    /// let ours = stook::CancellationToken::from_tokio_util(&theirs);
    /// theirs.cancel();
    /// ours.cancelled().await;
    /// # }
    /// ```
    #[track_caller]
    pub fn from_tokio_util(foreign: &tokio_util::sync::CancellationToken) -> Self {
        let token = Self::new();
        let location = Location::caller();
        if foreign.is_cancelled() {
            token.fire(CancelKind::Token, None, location);
            return token;
        }
        let node = Arc::downgrade(&token.0);
        let foreign = foreign.clone();
        let waiting = tokio::spawn(async move {
            foreign.cancelled().await;
            if let Some(node) = node.upgrade() {
                Self(node).fire(CancelKind::Token, None, location);
            }
        });
        token.0.add_helper(waiting.abort_handle());
        token
    }

    /// A token of tokio-util that is cancelled with this one, while a copy of this one is there. Cancelled
    /// on its own, it cancels nobody else; once it is dropped, nothing is left of it here.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let ours = stook::CancellationToken::new();
    /// let theirs = ours.to_tokio_util();
    /// ours.cancel();
    /// theirs.cancelled().await;
    /// # }
    /// ```
    pub fn to_tokio_util(&self) -> tokio_util::sync::CancellationToken {
        let parent = self.0.foreign.get_or_init(|| {
            let foreign = tokio_util::sync::CancellationToken::new();
            let copy = foreign.clone();
            self.on_cancel(move |_| copy.cancel()).keep();
            foreign
        });
        parent.child_token()
    }
}

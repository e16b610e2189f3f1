//! A part of a task that a token cancels.

use std::future::Future;
use std::panic::Location;
use std::sync::Arc;

use crate::cancel_error::CancelError;
use crate::scope::deadline::{ScopeEnd, Scoped};
use crate::scope::node::ScopeRef;
use crate::token::CancellationToken;
use crate::token::node::{Kept, Place};

impl CancellationToken {
    /// Runs the future in a scope that this token cancels: `None` when it returned that cancellation.
    ///
    /// Once the token is cancelled, every cancel point in the future returns it. One that is cancelled
    /// before does not let the future begin.
    ///
    /// # Errors
    /// Those of the future: a cancellation of the task, or of a scope around, goes through.
    ///
    /// # Cancel safety
    /// Dropped, it drops the future.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), stook::Cancelled> {
    /// use std::time::Duration;
    /// let token = stook::CancellationToken::new();
    /// token.cancel_after(Duration::from_secs(1));
    /// assert_eq!(token.scope(stook::sleep(Duration::from_secs(60))).await?, None);
    /// # Ok(()) }
    /// ```
    ///
    /// # Source
    /// `async with token` of the Python face; `trio.CancelScope`, Trio 0.27.
    #[track_caller]
    pub fn scope<F, T, E>(&self, future: F) -> impl Future<Output = Result<Option<T>, E>>
    where
        F: Future<Output = Result<T, E>>,
        E: CancelError,
    {
        let node = Arc::clone(&self.0);
        let location = Location::caller();
        async move {
            if node.is_fired() {
                return Ok(None);
            }
            let scope = ScopeRef::new(location);
            let key = node.register(Kept::Scope(scope.clone()));
            let _place = key.map(|key| Place::new(&node, key));
            match Scoped::new(scope, None, future, location).await {
                ScopeEnd::Body(result) => result.map(Some),
                ScopeEnd::Cancelled(_) => Ok(None),
            }
        }
    }
}

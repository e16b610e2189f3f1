//! A scope that somebody cancels.

use std::future::Future;
use std::panic::Location;

use crate::cancel_error::CancelError;
use crate::record::{CancelKind, Reason, Record};
use crate::scope::deadline::{ScopeEnd, Scoped};
use crate::scope::node::ScopeRef;

/// A handle on a scope, for who cancels it. Copies are cheap, and may go to other threads.
#[derive(Clone, Debug)]
pub struct Scope(ScopeRef);

/// Runs what the function gives in a scope of its own, which its handle cancels: `None` when it
/// returned the cancellation of this scope.
///
/// Once cancelled, every cancel point in the scope returns [`Cancelled`](crate::Cancelled), until the
/// scope is left.
///
/// # Errors
/// Those of the future: a cancellation of the task, or of a scope around, goes through.
///
/// # Cancel safety
/// Dropped, it drops the future.
///
/// # Examples
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), stook::Cancelled> {
/// let end = stook::scope(async |scope| {
///     scope.cancel_with("enough");
///     stook::checkpoint().await?;
///     Ok::<_, stook::Cancelled>("not reached")
/// });
/// assert_eq!(end.await?, None);
/// # Ok(()) }
/// ```
///
/// # Source
/// `trio.CancelScope`, Trio 0.27.
#[track_caller]
pub fn scope<F, Fut, T, E>(body: F) -> impl Future<Output = Result<Option<T>, E>>
where
    F: FnOnce(Scope) -> Fut,
    Fut: Future<Output = Result<T, E>>,
    E: CancelError,
{
    let location = Location::caller();
    let node = ScopeRef::new(location);
    let future = body(Scope(node.clone()));
    let scoped = Scoped::new(node, None, future, location);
    async move {
        match scoped.await {
            ScopeEnd::Body(result) => result.map(Some),
            ScopeEnd::Cancelled(_) => Ok(None),
        }
    }
}

impl Scope {
    /// Cancels it; `false` when it was cancelled before, or left.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), stook::Cancelled> {
    /// let end = stook::scope(async |scope| {
    ///     assert!(scope.cancel());
    ///     assert!(!scope.cancel());
    ///     stook::checkpoint().await
    /// });
    /// assert_eq!(end.await?, None);
    /// # Ok(()) }
    /// ```
    #[track_caller]
    pub fn cancel(&self) -> bool {
        self.fire(None, Location::caller())
    }

    /// Cancels it, and says why.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), stook::Cancelled> {
    /// let end = stook::scope(async |scope| {
    ///     scope.cancel_with("enough");
    ///     let cancelled = stook::checkpoint().await.unwrap_err();
    ///     assert_eq!(cancelled.reason(), Some("enough"));
    ///     Err::<(), _>(cancelled)
    /// });
    /// assert_eq!(end.await?, None);
    /// # Ok(()) }
    /// ```
    #[track_caller]
    pub fn cancel_with(&self, reason: impl Into<Reason>) -> bool {
        self.fire(Some(reason.into()), Location::caller())
    }

    fn fire(&self, reason: Option<Reason>, location: &'static Location<'static>) -> bool {
        let record = Record::new(CancelKind::Explicit, reason, location, None);
        self.0.fire(record)
    }

    /// Whether it was cancelled while it was entered.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), stook::Cancelled> {
    /// let end = stook::scope(async |scope| {
    ///     assert!(!scope.is_cancelled());
    ///     scope.cancel();
    ///     Ok::<_, stook::Cancelled>(scope.is_cancelled())
    /// });
    /// assert_eq!(end.await?, Some(true));
    /// # Ok(()) }
    /// ```
    pub fn is_cancelled(&self) -> bool {
        self.0.is_fired()
    }
}

//! Scopes with a deadline.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use crate::cancel_error::CancelError;
use crate::record::Record;
use crate::scope::deadline::{ScopeEnd, Scoped};
use crate::scope::node::ScopeRef;

/// The time of a [`timeout`] has come.
#[derive(Clone, Debug)]
pub struct Elapsed(Arc<Record>);

impl Elapsed {
    /// The record of the timeout: where it was set.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), stook::Cancelled> {
    /// use std::time::Duration;
    /// let line = line!() + 1;
    /// let end = stook::timeout(Duration::from_secs(1), stook::sleep(Duration::from_secs(60))).await;
    /// assert_eq!(end.unwrap_err().record().location().line(), line);
    /// # Ok(()) }
    /// ```
    pub fn record(&self) -> &Arc<Record> {
        &self.0
    }
}

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let location = self.0.location();
        write!(
            f,
            "timed out, as set at {}:{}",
            location.file(),
            location.line()
        )
    }
}

impl Error for Elapsed {}

/// Runs the future, and cancels it after this long.
///
/// From then on every cancel point in the future returns [`Cancelled`](crate::Cancelled), and it is
/// waited for until it returns: it may await to clean up, in a [`shield`](crate::shield) or at bare
/// `.await`s, which are no cancel points. The future is begun in any case; with a duration of zero
/// its first cancel point returns. What is too long for the clock never comes.
///
/// # Errors
/// [`Elapsed`] when the future returned the cancellation of this timeout. What else it returns, a
/// result or a cancellation of the task or of a scope around, is the inner result.
///
/// # Panics
/// Outside a runtime with time.
///
/// # Cancel safety
/// Dropped, it drops the future.
///
/// # Examples
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
/// use std::time::Duration;
/// let slow = stook::sleep(Duration::from_secs(60));
/// assert!(stook::timeout(Duration::from_secs(1), slow).await.is_err());
///
/// let quick = async { Ok::<_, stook::Cancelled>("in time") };
/// assert_eq!(stook::timeout(Duration::from_secs(1), quick).await.unwrap().unwrap(), "in time");
/// # }
/// ```
///
/// # Source
/// `asyncio.timeout`, CPython 3.13; the shape is that of `timeout` of tokio 1.47, which drops its
/// future.
#[track_caller]
pub fn timeout<F, T, E>(
    duration: Duration,
    future: F,
) -> impl Future<Output = Result<Result<T, E>, Elapsed>>
where
    F: Future<Output = Result<T, E>>,
    E: CancelError,
{
    until(tokio::time::sleep(duration), future, Location::caller())
}

/// Runs the future, and cancels it at that time; see [`timeout`].
///
/// # Errors
/// As [`timeout`].
///
/// # Panics
/// Outside a runtime with time.
///
/// # Cancel safety
/// Dropped, it drops the future.
///
/// # Examples
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
/// use std::time::Duration;
/// use tokio::time::Instant;
/// let deadline = Instant::now() + Duration::from_secs(1);
/// for seconds in [0, 60] {
///     let end = stook::timeout_at(deadline, stook::sleep(Duration::from_secs(seconds))).await;
///     assert_eq!(end.is_err(), seconds > 1);
/// }
/// # }
/// ```
#[track_caller]
pub fn timeout_at<F, T, E>(
    deadline: Instant,
    future: F,
) -> impl Future<Output = Result<Result<T, E>, Elapsed>>
where
    F: Future<Output = Result<T, E>>,
    E: CancelError,
{
    until(
        tokio::time::sleep_until(deadline),
        future,
        Location::caller(),
    )
}

fn until<F, T, E>(
    deadline: Sleep,
    future: F,
    location: &'static Location<'static>,
) -> impl Future<Output = Result<Result<T, E>, Elapsed>>
where
    F: Future<Output = Result<T, E>>,
    E: CancelError,
{
    let scoped = Scoped::new(ScopeRef::new(location), Some(deadline), future, location);
    async move {
        match scoped.await {
            ScopeEnd::Body(result) => Ok(result),
            ScopeEnd::Cancelled(record) => Err(Elapsed(record)),
        }
    }
}

/// Runs the future, cancels it after this long, and goes on: `None` when it returned the
/// cancellation of this scope. See [`timeout`], which has it as an error.
///
/// # Errors
/// Those of the future.
///
/// # Panics
/// Outside a runtime with time.
///
/// # Cancel safety
/// Dropped, it drops the future.
///
/// # Examples
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), stook::Cancelled> {
/// use std::time::Duration;
/// let slow = stook::sleep(Duration::from_secs(60));
/// assert_eq!(stook::move_on_after(Duration::from_secs(1), slow).await?, None);
/// # Ok(()) }
/// ```
///
/// # Source
/// `trio.move_on_after`, Trio 0.27.
#[track_caller]
pub fn move_on_after<F, T, E>(
    duration: Duration,
    future: F,
) -> impl Future<Output = Result<Option<T>, E>>
where
    F: Future<Output = Result<T, E>>,
    E: CancelError,
{
    let location = Location::caller();
    let deadline = tokio::time::sleep(duration);
    let scoped = Scoped::new(ScopeRef::new(location), Some(deadline), future, location);
    async move {
        match scoped.await {
            ScopeEnd::Body(result) => result.map(Some),
            ScopeEnd::Cancelled(_) => Ok(None),
        }
    }
}

//! Cancel points that wait for time to pass, and the one that waits for nothing.

use std::future::Future;
use std::panic::Location;
use std::time::Duration;

use tokio::time::Instant;

use crate::cancelled::Cancelled;
use crate::or_cancel::OrCancelled;

/// Waits for this long, by tokio's clock. A cancel point.
///
/// As tokio's timers do, it waits for a whole millisecond: zero takes up to one. To let others run and
/// go on, see [`checkpoint`]. What is too long for the clock takes some thirty years.
///
/// # Errors
/// The caller was cancelled.
///
/// # Panics
/// Outside a runtime with time: when it is called, or when it is awaited, as the version of tokio has
/// it.
///
/// # Cancel safety
/// It can be dropped at any time.
///
/// # Examples
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), stook::Cancelled> {
/// stook::sleep(std::time::Duration::from_secs(5)).await?;
/// # Ok(()) }
/// ```
///
/// # Source
/// `asyncio.sleep`, CPython 3.13; `sleep` of tokio 1.47.
#[track_caller]
pub fn sleep(duration: Duration) -> OrCancelled<tokio::time::Sleep> {
    OrCancelled::at(tokio::time::sleep(duration), Location::caller())
}

/// Waits until then. A cancel point; see [`sleep`].
///
/// # Errors
/// The caller was cancelled.
///
/// # Panics
/// As [`sleep`].
///
/// # Cancel safety
/// It can be dropped at any time.
///
/// # Examples
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), stook::Cancelled> {
/// use std::time::Duration;
/// use tokio::time::Instant;
/// let noon = Instant::now() + Duration::from_secs(3600);
/// stook::sleep_until(noon).await?;
/// assert!(Instant::now() >= noon);
/// # Ok(()) }
/// ```
#[track_caller]
pub fn sleep_until(deadline: Instant) -> OrCancelled<tokio::time::Sleep> {
    OrCancelled::at(tokio::time::sleep_until(deadline), Location::caller())
}

/// Lets others run, once. A cancel point, for work that never waits.
///
/// # Errors
/// The caller was cancelled, before or meanwhile.
///
/// # Cancel safety
/// It can be dropped at any time.
///
/// # Examples
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), stook::Cancelled> {
/// for _page in 0..3 {
///     // … work …
///     stook::checkpoint().await?;
/// }
/// # Ok(()) }
/// ```
///
/// # Source
/// `trio.lowlevel.checkpoint`, Trio 0.27; `asyncio.sleep(0)`, CPython 3.13.
#[track_caller]
pub fn checkpoint() -> impl Future<Output = Result<(), Cancelled>> + Send + Sync {
    let yielding = OrCancelled::at(tokio::task::yield_now(), Location::caller());
    async move {
        yielding.await?;
        match crate::point::Point::check() {
            Some(cancelled) => Err(cancelled),
            None => Ok(()),
        }
    }
}

/// Ticks every period, the first time at once. [`tick`](Interval::tick) is a cancel point.
///
/// # Panics
/// The period is zero, as with [`tokio::time::interval`]; or outside a runtime.
///
/// # Examples
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), stook::Cancelled> {
/// use std::time::Duration;
/// let mut interval = stook::interval(Duration::from_secs(2));
/// let first = interval.tick().await?;
/// assert_eq!(interval.tick().await? - first, Duration::from_secs(2));
/// # Ok(()) }
/// ```
///
/// # Source
/// `interval` of tokio 1.47.
#[track_caller]
pub fn interval(period: Duration) -> Interval {
    Interval(tokio::time::interval(period))
}

/// Ticks every period; see [`interval`].
#[derive(Debug)]
pub struct Interval(tokio::time::Interval);

/// For one that begins later, or whose [`MissedTickBehavior`](tokio::time::MissedTickBehavior) is another.
///
/// # Examples
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), stook::Cancelled> {
/// use std::time::Duration;
/// use tokio::time::{Instant, MissedTickBehavior, interval_at};
/// let begin = Instant::now() + Duration::from_secs(5);
/// let mut interval = interval_at(begin, Duration::from_secs(2));
/// interval.set_missed_tick_behavior(MissedTickBehavior::Skip);
/// let mut interval = stook::Interval::from(interval);
/// assert_eq!(interval.tick().await?, begin);
/// # Ok(()) }
/// ```
impl From<tokio::time::Interval> for Interval {
    fn from(interval: tokio::time::Interval) -> Self {
        Self(interval)
    }
}

impl Interval {
    /// Waits for the next tick. A cancel point.
    ///
    /// # Errors
    /// The caller was cancelled.
    ///
    /// # Cancel safety
    /// No tick is lost when it is dropped.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), stook::Cancelled> {
    /// use std::time::Duration;
    /// let mut interval = stook::interval(Duration::from_secs(2));
    /// let first = interval.tick().await?;
    /// assert_eq!(interval.tick().await? - first, Duration::from_secs(2));
    /// # Ok(()) }
    /// ```
    #[track_caller]
    pub fn tick(&mut self) -> impl Future<Output = Result<Instant, Cancelled>> {
        OrCancelled::at(self.0.tick(), Location::caller())
    }
}

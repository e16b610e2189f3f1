//! What cancellation does not reach, for a while.

use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep};

use crate::catch::Catch;
use crate::scope::node::ScopeRef;
use crate::scope::within::Within;

/// Runs the future where no cancellation from outside reaches it: of the task, of scopes and groups
/// around. They wait for the next cancel point after it.
///
/// Scopes inside it work as ever. Aborting the task, or dropping this, still drops the future.
///
/// # Cancel safety
/// Dropped, it drops the future.
///
/// # Examples
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), stook::Cancelled> {
/// use std::time::Duration;
/// let mut task = stook::spawn(async {
///     stook::shield(stook::sleep(Duration::from_secs(1))).await?;
///     Ok::<_, stook::Cancelled>("slept")
/// });
/// tokio::task::yield_now().await;
/// task.cancel();
/// assert_eq!(task.join().await?.ok(), Some("slept"));
/// # Ok(()) }
/// ```
///
/// # Source
/// `CancelScope(shield=True)`, Trio 0.27. `asyncio.shield` of CPython 3.13 lets go of who waits; so
/// does [`Task::join`](crate::Task::join).
#[track_caller]
pub fn shield<F: Future>(future: F) -> impl Future<Output = F::Output> {
    Within::new(ScopeRef::shield(Location::caller()), future)
}

/// Runs the future as [`shield`] does, but for this long only, from this call on: after that, what was
/// hidden is delivered to its cancel points. A limit for clean-up. What a shield around this one hides
/// stays hidden.
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
/// let mut task = stook::spawn(async {
///     stook::shield_for(Duration::from_secs(1), stook::sleep(Duration::from_secs(60))).await
/// });
/// tokio::task::yield_now().await;
/// task.cancel();
/// assert!(task.join().await?.is_cancelled());
/// # Ok(()) }
/// ```
///
/// # Source
/// `move_on_after` with `shield=True`, Trio 0.27.
#[track_caller]
pub fn shield_for<F: Future>(duration: Duration, future: F) -> impl Future<Output = F::Output> {
    let scope = ScopeRef::shield(Location::caller());
    ShieldFor {
        within: Within::new(scope.clone(), future),
        limit: tokio::time::sleep(duration),
        scope,
        is_begun: false,
        is_lowered: false,
    }
}

pin_project! {
    struct ShieldFor<F> {
        #[pin]
        within: Within<F>,
        #[pin]
        limit: Sleep,
        scope: ScopeRef,
        is_begun: bool,
        is_lowered: bool,
    }
}

impl<F: Future> Future for ShieldFor<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        // What is over from the start does not wait for the tick of the timer.
        let is_over =
            !std::mem::replace(this.is_begun, true) && this.limit.deadline() <= Instant::now();
        if !*this.is_lowered && (is_over || this.limit.poll(cx).is_ready()) {
            *this.is_lowered = true;
            this.scope.lower_shield();
        }
        this.within.poll(cx)
    }
}

/// Runs the first future, and then the second in a [`shield`], however the first ended: by a result,
/// an error, a cancellation or a panic, of its destructor too.
///
/// What limits the second has to be in it, as [`move_on_after`](crate::move_on_after) in an `async`
/// block is.
///
/// # Panics
/// The first future panicked: with the same payload, after the second one has ended. Or the second did,
/// and then what the first gave, a panic too, is lost.
///
/// # Cancel safety
/// Dropped, it drops both, and what the first gave, a cancellation too: when a task is aborted, nothing
/// that awaits can be run.
///
/// # Examples
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), stook::Cancelled> {
/// let (say, said) = tokio::sync::oneshot::channel();
/// let mut task = stook::spawn(stook::with_cleanup(
///     async { stook::OrCancel::or_cancel(std::future::pending::<()>()).await },
///     async { say.send("tidied up").unwrap() },
/// ));
/// tokio::task::yield_now().await;
/// task.cancel();
/// assert!(task.join().await?.is_cancelled());
/// assert_eq!(said.await, Ok("tidied up"));
/// # Ok(()) }
/// ```
///
/// # Source
/// `try`/`finally` with an `await` in it, which CPython 3.13 cancels in its turn.
#[track_caller]
pub fn with_cleanup<F: Future>(
    future: F,
    cleanup: impl Future<Output = ()>,
) -> impl Future<Output = F::Output> {
    let shielded = shield(cleanup);
    async move {
        let end = Catch::new(future).await;
        shielded.await;
        match end {
            Ok(output) => output,
            Err(panic) => panic.resume(),
        }
    }
}

//! The error that a cancel point returns.

use std::error::Error;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use crate::id::TaskId;
use crate::record::{CancelKind, Record};

/// A cancellation: what a cancel point returns in the place of its result.
///
/// Pass it on with `?` once everything is tidied up. It knows whom it is meant for: a task that
/// returns a `Cancelled` meant for itself ends as [`Outcome::Cancelled`](crate::Outcome::Cancelled);
/// one that returns its child's has failed with an error like any other. So does a scope: it takes
/// its own, and lets all others through.
///
/// # Source
/// `asyncio.CancelledError`, CPython 3.13; that a scope knows its own, `CancelScope` in Trio 0.27.
#[derive(Clone)]
pub struct Cancelled(Delivery);

/// One delivery to one task or scope.
#[derive(Clone)]
enum Delivery {
    One(TaskId, Arc<Record>),
    /// Of several requests at once, which is rare.
    Several(Arc<Requests>),
}

struct Requests {
    target: TaskId,
    first: Arc<Record>,
    others: Vec<Arc<Record>>,
}

impl Cancelled {
    pub(crate) fn new(target: TaskId, record: Arc<Record>) -> Self {
        Self(Delivery::One(target, record))
    }

    /// That of several requests of one task: the last one, and those before it.
    pub(crate) fn of_requests(
        target: TaskId,
        mut earlier: Vec<Arc<Record>>,
        last: Arc<Record>,
    ) -> Self {
        if earlier.is_empty() {
            return Self::new(target, last);
        }
        let first = earlier.remove(0);
        earlier.push(last);
        Self(Delivery::Several(Arc::new(Requests {
            target,
            first,
            others: earlier,
        })))
    }

    /// The cancellation of a task that was aborted, for who awaits it here.
    pub(crate) fn of_aborted(location: &'static Location<'static>) -> Self {
        let reason = Some("the task was aborted".into());
        let record = Record::new(CancelKind::Explicit, reason, location, None);
        Self::new(TaskId::next(), record)
    }

    /// Whom it is meant for: a task or a scope.
    pub(crate) fn target(&self) -> TaskId {
        match &self.0 {
            Delivery::One(target, _) => *target,
            Delivery::Several(requests) => requests.target,
        }
    }

    /// Whether both are deliveries of one request to one task or scope. A task is told of each request
    /// once, a scope goes on.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.target() == other.target() && Arc::ptr_eq(self.record(), other.record())
    }

    /// The record of the request: who asked, why, from which line.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), stook::Cancelled> {
    /// use stook::Outcome;
    /// let mut task = stook::spawn(async { stook::checkpoint().await });
    /// task.cancel_with("closing time");
    /// let Outcome::Cancelled(cancelled) = task.join().await? else { panic!() };
    /// assert!(cancelled.record().to_string().ends_with("(closing time)"));
    /// # Ok(()) }
    /// ```
    pub fn record(&self) -> &Arc<Record> {
        match &self.0 {
            Delivery::One(_, record) => record,
            Delivery::Several(requests) => &requests.first,
        }
    }

    /// Records of requests that came before the first of them was delivered: at most 7.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), stook::Cancelled> {
    /// use stook::Outcome;
    /// let mut task = stook::spawn(async { stook::checkpoint().await });
    /// task.cancel_with("closing time");
    /// task.cancel_with("fire alarm");
    /// let Outcome::Cancelled(cancelled) = task.join().await? else { panic!() };
    /// assert_eq!(cancelled.reason(), Some("closing time"));
    /// assert_eq!(cancelled.others()[0].reason(), Some("fire alarm"));
    /// # Ok(()) }
    /// ```
    pub fn others(&self) -> &[Arc<Record>] {
        match &self.0 {
            Delivery::One(..) => &[],
            Delivery::Several(requests) => &requests.others,
        }
    }

    /// What kind of request it was.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), stook::Cancelled> {
    /// use std::time::Duration;
    /// use stook::CancelKind;
    /// let body = async {
    ///     let cancelled = stook::sleep(Duration::from_secs(60)).await.unwrap_err();
    ///     assert_eq!(cancelled.kind(), CancelKind::Timeout);
    ///     Err::<(), _>(cancelled)
    /// };
    /// assert!(stook::timeout(Duration::from_secs(1), body).await.is_err());
    /// # Ok(()) }
    /// ```
    pub fn kind(&self) -> CancelKind {
        self.record().kind()
    }

    /// The reason that was given, if any.
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
    pub fn reason(&self) -> Option<&str> {
        self.record().reason()
    }

    /// Whether it is meant for the current task, or for a scope or group around the current line of
    /// it: "was it me, or my child?" Outside tasks and scopes it is nobody's.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let parent = stook::spawn(async {
    ///     let mut child = stook::spawn(async { stook::checkpoint().await });
    ///     child.cancel();
    ///     match child.join().await? {
    ///         stook::Outcome::Cancelled(cancelled) => assert!(!cancelled.is_mine()),
    ///         other => panic!("{other:?}"),
    ///     }
    ///     Ok::<_, stook::Cancelled>(())
    /// });
    /// parent.await.unwrap();
    /// # }
    /// ```
    pub fn is_mine(&self) -> bool {
        crate::context::is_mine(self.target())
    }
}

impl fmt::Debug for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cancelled({})", self.record())
    }
}

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cancelled: {}", self.record())
    }
}

impl Error for Cancelled {}

//! The record of one cancel request: who asked, why, from which line, and what it follows from.
//!
//! One request makes one record, shared by all that it reaches. How long a chain gets is the
//! kernel's to decide.

use std::borrow::Cow;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;

pub use stook_kernel::CancelKind;
use stook_kernel::{ChainDepth, Follows};
use tokio::time::Instant;

use crate::context;
use crate::id::TaskId;

/// Why somebody asked: a text for people.
pub type Reason = Cow<'static, str>;

/// Which task asked for a cancellation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    /// Its id.
    pub id: TaskId,
    /// Its name, where it has one.
    pub name: Option<Arc<str>>,
}

/// The record of one cancel request.
#[derive(Debug)]
pub struct Record {
    kind: CancelKind,
    who: Option<Who>,
    reason: Option<Reason>,
    location: &'static Location<'static>,
    when: Instant,
    cause: Option<Arc<Record>>,
    depth: ChainDepth,
}

impl Record {
    /// A record of a request that is made here and now, by the current task if there is one.
    pub(crate) fn new(
        kind: CancelKind,
        reason: Option<Reason>,
        location: &'static Location<'static>,
        cause: Option<&Arc<Self>>,
    ) -> Arc<Self> {
        Self::by(context::who(), kind, reason, location, cause)
    }

    /// The same, of a request that follows from what somebody else did, or nobody.
    pub(crate) fn by(
        who: Option<Who>,
        kind: CancelKind,
        reason: Option<Reason>,
        location: &'static Location<'static>,
        cause: Option<&Arc<Self>>,
    ) -> Arc<Self> {
        let (cause, depth) = match cause {
            None => (None, ChainDepth::FIRST),
            Some(cause) => match cause.depth.follow() {
                Follows::Cause(depth) => (Some(Arc::clone(cause)), depth),
                Follows::First(depth) => (Some(Arc::clone(cause.first())), depth),
            },
        };
        Arc::new(Self {
            kind,
            who,
            reason,
            location,
            when: Instant::now(),
            cause,
            depth,
        })
    }

    fn first(self: &Arc<Self>) -> &Arc<Self> {
        let mut record = self;
        while let Some(cause) = &record.cause {
            record = cause;
        }
        record
    }

    /// What kind of request it was.
    ///
    /// # Examples
    /// ```
    /// use stook::{CancelKind, CancellationToken};
    /// let token = CancellationToken::new();
    /// token.cancel();
    /// assert_eq!(token.record().unwrap().kind(), CancelKind::Token);
    /// ```
    pub fn kind(&self) -> CancelKind {
        self.kind
    }

    /// The task that asked: of a failed sibling, that one; of a lost race, the one that waits for it.
    /// `None` when it was asked outside the tasks of this crate, and of a timeout.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let token = stook::CancellationToken::new();
    /// let fires = token.clone();
    /// let task = stook::builder().name("guard").spawn(async move {
    ///     fires.cancel();
    ///     Ok::<_, stook::Cancelled>(())
    /// });
    /// let id = task.id();
    /// task.await.unwrap();
    /// let record = token.record().unwrap();
    /// let who = record.who().unwrap();
    /// assert_eq!((who.id, who.name.as_deref()), (id, Some("guard")));
    /// # }
    /// ```
    pub fn who(&self) -> Option<&Who> {
        self.who.as_ref()
    }

    /// The reason that was given, or that of the request that this one follows from.
    ///
    /// # Examples
    /// ```
    /// let token = stook::CancellationToken::new();
    /// token.cancel_with("closing time");
    /// assert_eq!(token.record().unwrap().reason(), Some("closing time"));
    /// ```
    pub fn reason(&self) -> Option<&str> {
        self.chain().find_map(|record| record.reason.as_deref())
    }

    /// The line that asked. Of a timeout, where it was set.
    ///
    /// # Examples
    /// ```
    /// let token = stook::CancellationToken::new();
    /// let line = line!() + 1;
    /// token.cancel();
    /// assert_eq!(token.record().unwrap().location().line(), line);
    /// ```
    pub fn location(&self) -> &'static Location<'static> {
        self.location
    }

    /// When it was asked, by tokio's clock.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), stook::Cancelled> {
    /// use std::time::Duration;
    /// let token = stook::CancellationToken::new();
    /// token.cancel();
    /// stook::sleep(Duration::from_secs(2)).await?;
    /// assert_eq!(token.record().unwrap().when().elapsed(), Duration::from_secs(2));
    /// # Ok(()) }
    /// ```
    pub fn when(&self) -> Instant {
        self.when
    }

    /// The record that this one follows from.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), stook::Cancelled> {
    /// use stook::{CancelKind, OrCancel};
    /// let mut parent = stook::spawn(async {
    ///     let child = async {
    ///         let cancelled = std::future::pending::<()>().or_cancel().await.unwrap_err();
    ///         assert_eq!(cancelled.kind(), CancelKind::Group);
    ///         let cause = cancelled.record().cause().unwrap();
    ///         assert_eq!(cause.kind(), CancelKind::Explicit);
    ///         Err::<(), _>(cancelled)
    ///     };
    ///     stook::gather([child]).await
    /// });
    /// tokio::task::yield_now().await;
    /// parent.cancel();
    /// assert!(parent.join().await?.is_cancelled());
    /// # Ok(()) }
    /// ```
    pub fn cause(&self) -> Option<&Arc<Self>> {
        self.cause.as_ref()
    }

    /// This record, what it follows from, and so on to the first. At most 32: of a longer chain
    /// those between are left out.
    ///
    /// # Examples
    /// ```
    /// use stook::CancellationToken;
    /// let token = CancellationToken::new();
    /// token.cancel_with("closing time");
    /// let record = token.record().unwrap();
    /// assert_eq!(record.chain().count(), 1);
    /// assert_eq!(record.chain().last().unwrap().reason(), Some("closing time"));
    /// ```
    pub fn chain(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |record| record.cause.as_deref())
    }
}

/// `timeout at src/main.rs:7, because explicit by 3 "main" at src/main.rs:9 (enough)`.
impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, record) in self.chain().enumerate() {
            if index > 0 {
                f.write_str(", because ")?;
            }
            f.write_str(record.kind.word())?;
            if let Some(who) = &record.who {
                write!(f, " by {}", who.id)?;
                if let Some(name) = &who.name {
                    write!(f, " {name:?}")?;
                }
            }
            write!(
                f,
                " at {}:{}",
                record.location.file(),
                record.location.line()
            )?;
            if let Some(reason) = &record.reason {
                write!(f, " ({reason})")?;
            }
        }
        Ok(())
    }
}

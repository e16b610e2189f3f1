//! Cancellation tokens: one word for many tasks, however deep inside.
//!
//! The kernel's `TokenSource`, `AllFired` and `Firing` decide: who fires with whom, and who is told in
//! which order. All tokens that follow have fired before anybody is told.

mod combine;
mod deadline;
mod in_order;
mod interop;
#[cfg(all(test, stook_loom))]
mod loom_models;
mod node;
mod scope;
mod wait;

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

pub use combine::{when_all, when_any};
pub use wait::WaitForCancellation;

use crate::block::CellRef;
use crate::cancel_error::CancelError;
use crate::handle::TaskHandle;
use crate::record::{CancelKind, Reason, Record};
use crate::task::Task;
use crate::token::node::{Callback, Kept, Node, Place};
use crate::watcher::Watcher;

/// A cancellation token: whoever has it can cancel it, once, and all that it was given to hear of it.
///
/// Copies are the same token. A [`child`](Self::child) is cancelled with it, and can be cancelled on
/// its own.
///
/// # Examples
/// ```
/// use stook::CancellationToken;
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), stook::Cancelled> {
/// let server = CancellationToken::new();
/// let request = server.child();
/// let mut task = stook::spawn(async { stook::OrCancel::or_cancel(std::future::pending::<()>()).await });
/// request.attach(&task);
///
/// server.cancel_with("maintenance");
/// assert_eq!(request.reason().as_deref(), Some("maintenance"));
/// assert!(task.join().await?.is_cancelled());
/// # Ok(()) }
/// ```
///
/// # Source
/// `CancellationToken` of tokio-util 0.7; `CancellationTokenSource` of .NET 8.0, for what it says of
/// reasons, callbacks and links.
#[derive(Clone)]
pub struct CancellationToken(Arc<Node>);

impl CancellationToken {
    /// A token that nobody has cancelled.
    ///
    /// # Examples
    /// ```
    /// use stook::CancellationToken;
    /// let token = CancellationToken::new();
    /// assert!(!token.is_cancelled());
    /// ```
    pub fn new() -> Self {
        Self(Node::new(Vec::new(), false))
    }

    /// A token that is cancelled with this one, with its reason, and can be cancelled on its own.
    ///
    /// # Examples
    /// ```
    /// use stook::CancellationToken;
    /// let server = CancellationToken::new();
    /// let (one, other) = (server.child(), server.child());
    /// one.cancel_with("hung up");
    /// assert!(!server.is_cancelled() && !other.is_cancelled());
    /// server.cancel_with("maintenance");
    /// assert_eq!(other.reason().as_deref(), Some("maintenance"));
    /// ```
    pub fn child(&self) -> Self {
        Self::any_of([self])
    }

    /// A token that is cancelled when the first of these is, with its reason. Of none, it is cancelled
    /// by itself only.
    ///
    /// # Examples
    /// ```
    /// use stook::CancellationToken;
    /// let (shutdown, hung_up) = (CancellationToken::new(), CancellationToken::new());
    /// let either = CancellationToken::any_of([&shutdown, &hung_up]);
    /// hung_up.cancel_with("bored");
    /// assert_eq!(either.reason().as_deref(), Some("bored"));
    /// assert!(!shutdown.is_cancelled());
    /// ```
    pub fn any_of<'tokens>(tokens: impl IntoIterator<Item = &'tokens Self>) -> Self {
        let parents = tokens.into_iter().map(|token| Arc::clone(&token.0));
        Self(Node::new(parents.collect(), false))
    }

    /// A token that is cancelled when the last of these is, with its reason; one that is given twice
    /// counts once. Of none, it is cancelled by itself only.
    ///
    /// # Examples
    /// ```
    /// use stook::CancellationToken;
    /// let clients = [CancellationToken::new(), CancellationToken::new()];
    /// let nobody_is_left = CancellationToken::all_of(&clients);
    /// clients[0].cancel();
    /// assert!(!nobody_is_left.is_cancelled());
    /// clients[1].cancel_with("the last one");
    /// assert_eq!(nobody_is_left.reason().as_deref(), Some("the last one"));
    /// ```
    pub fn all_of<'tokens>(tokens: impl IntoIterator<Item = &'tokens Self>) -> Self {
        let mut parents: Vec<Arc<Node>> = Vec::new();
        for token in tokens {
            if !parents.iter().any(|parent| Arc::ptr_eq(parent, &token.0)) {
                parents.push(Arc::clone(&token.0));
            }
        }
        Self(Node::new(parents, true))
    }

    /// Cancels it, and all that follow it; `false` when it was cancelled before.
    ///
    /// May be called from any thread. Callbacks run inside this call, tasks are asked to cancel, and
    /// who waits is woken: at this token first, then at those that follow, in the order in which they
    /// came.
    ///
    /// # Examples
    /// ```
    /// use stook::CancellationToken;
    /// let token = CancellationToken::new();
    /// assert!(token.cancel());
    /// assert!(token.is_cancelled());
    /// assert!(!token.cancel());
    /// ```
    #[track_caller]
    pub fn cancel(&self) -> bool {
        self.fire(CancelKind::Token, None, Location::caller())
    }

    /// Cancels it, and says why.
    ///
    /// # Examples
    /// ```
    /// use stook::CancellationToken;
    /// let token = CancellationToken::new();
    /// token.cancel_with("closing time");
    /// token.cancel_with("too late");
    /// assert_eq!(token.reason().as_deref(), Some("closing time"));
    /// ```
    #[track_caller]
    pub fn cancel_with(&self, reason: impl Into<Reason>) -> bool {
        self.fire(CancelKind::Token, Some(reason.into()), Location::caller())
    }

    fn fire(
        &self,
        kind: CancelKind,
        reason: Option<Reason>,
        location: &'static Location<'static>,
    ) -> bool {
        // Not for nothing: a record takes the time.
        !self.is_cancelled() && self.0.fire(&Record::new(kind, reason, location, None))
    }

    /// Whether it was cancelled. One load.
    ///
    /// # Examples
    /// ```
    /// use stook::CancellationToken;
    /// let token = CancellationToken::new();
    /// let mut rounds = 0;
    /// while !token.is_cancelled() {
    ///     rounds += 1;
    ///     if rounds == 3 {
    ///         token.cancel();
    ///     }
    /// }
    /// assert_eq!(rounds, 3);
    /// ```
    pub fn is_cancelled(&self) -> bool {
        self.0.is_fired()
    }

    /// The reason that was given, once it is cancelled.
    ///
    /// # Examples
    /// ```
    /// use stook::CancellationToken;
    /// let token = CancellationToken::new();
    /// assert_eq!(token.reason(), None);
    /// token.cancel_with(format!("signal {}", 15));
    /// assert_eq!(token.reason().as_deref(), Some("signal 15"));
    /// ```
    pub fn reason(&self) -> Option<Reason> {
        let reason = self.record()?.reason()?.to_owned();
        Some(reason.into())
    }

    /// The record of the request, once it is cancelled.
    ///
    /// # Examples
    /// ```
    /// use stook::CancellationToken;
    /// let token = CancellationToken::new();
    /// assert!(token.record().is_none());
    /// token.cancel();
    /// assert_eq!(token.record().unwrap().kind(), stook::CancelKind::Token);
    /// ```
    pub fn record(&self) -> Option<Arc<Record>> {
        self.0.record()
    }

    /// Has the function called when the token is cancelled, inside [`cancel`](Self::cancel); at once,
    /// when it was. Not any more once the registration is dropped, by another callback of the same
    /// token perhaps; one that is being called by another thread is not waited for.
    ///
    /// A panic of it is reported, and stops no other.
    ///
    /// # Examples
    /// ```
    /// use stook::CancellationToken;
    /// let token = CancellationToken::new();
    /// let (tell, told) = std::sync::mpsc::channel();
    /// let _registration = token.on_cancel(move |token| tell.send(token.reason()).unwrap());
    /// token.cancel_with("closing time");
    /// assert_eq!(told.recv().unwrap().as_deref(), Some("closing time"));
    /// ```
    ///
    /// # Source
    /// `CancellationToken.Register` of .NET 8.0.
    pub fn on_cancel(&self, function: impl FnOnce(&Self) + Send + 'static) -> Registration {
        let callback = Callback::new(move |node| function(&Self(Arc::clone(node))));
        let key = self.0.register(Kept::Call(callback.clone()));
        Registration {
            kept: key.map(|key| (callback, Place::new(&self.0, key))),
        }
    }

    /// Asks the task to cancel when the token is cancelled; at once, when it was. Not any more when
    /// the task has ended.
    ///
    /// The task is asked once, as [`Task::cancel`] does. For a part of it see [`scope`](Self::scope).
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), stook::Cancelled> {
    /// use stook::CancellationToken;
    /// let token = CancellationToken::new();
    /// let mut task = stook::spawn(stook::OrCancel::or_cancel(std::future::pending::<()>()));
    /// token.attach(&task);
    /// token.cancel_with("closing time");
    /// assert!(task.join().await?.is_cancelled());
    /// # Ok(()) }
    /// ```
    pub fn attach<T, E: CancelError>(&self, task: &Task<T, E>) {
        self.attach_cell(task.cell());
    }

    /// The same, for who has only a handle.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), stook::Cancelled> {
    /// use stook::CancellationToken;
    /// let token = CancellationToken::new();
    /// let gathered = stook::gather([stook::OrCancel::or_cancel(std::future::pending::<()>())]);
    /// token.attach_handle(&gathered.handles()[0]);
    /// token.cancel();
    /// assert!(gathered.await.is_err());
    /// # Ok(()) }
    /// ```
    pub fn attach_handle(&self, task: &TaskHandle) {
        self.attach_cell(task.cell());
    }

    fn attach_cell(&self, cell: &CellRef) {
        let Some(key) = self.0.register(Kept::Task(cell.clone())) else {
            return;
        };
        // The task keeps the token until it ends, and takes itself out then.
        let place = Place::new(&self.0, key);
        let forget = Watcher::Call(Box::new(move |_| drop(place)));
        if let Err((watcher, _)) = cell.watch(forget) {
            drop(watcher);
        }
    }

    /// Cancels the token when it is dropped.
    ///
    /// # Examples
    /// ```
    /// use stook::CancellationToken;
    /// let token = CancellationToken::new();
    /// let guard = token.clone().drop_guard();
    /// drop(guard);
    /// assert!(token.is_cancelled());
    /// ```
    ///
    /// # Source
    /// `CancellationToken::drop_guard` of tokio-util 0.7.
    #[track_caller]
    pub fn drop_guard(self) -> DropGuard {
        DropGuard {
            token: Some(self),
            location: Location::caller(),
        }
    }
}

impl Default for CancellationToken {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for CancellationToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancellationToken")
            .field("is_cancelled", &self.is_cancelled())
            .finish_non_exhaustive()
    }
}

/// A callback of a token, until it is dropped; see [`CancellationToken::on_cancel`].
#[must_use = "dropped, the callback is forgotten"]
#[derive(Debug)]
pub struct Registration {
    /// `None` when it was called at once.
    kept: Option<(Callback, Place)>,
}

impl Registration {
    /// Has the callback stay for as long as the token is there.
    ///
    /// # Examples
    /// ```
    /// use stook::CancellationToken;
    /// let token = CancellationToken::new();
    /// let (tell, told) = std::sync::mpsc::channel();
    /// token.on_cancel(move |_| tell.send(()).unwrap()).keep();
    /// token.cancel();
    /// assert_eq!(told.recv(), Ok(()));
    /// ```
    pub fn keep(mut self) {
        if let Some((_callback, place)) = self.kept.take() {
            place.leave_there();
        }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        if let Some((callback, _place)) = &self.kept {
            callback.forget();
        }
    }
}

/// Cancels a token when it is dropped; see [`CancellationToken::drop_guard`].
#[must_use = "dropped, it cancels the token"]
#[derive(Debug)]
pub struct DropGuard {
    token: Option<CancellationToken>,
    location: &'static Location<'static>,
}

impl DropGuard {
    /// Gives the token back, and does not cancel it.
    ///
    /// # Examples
    /// ```
    /// use stook::CancellationToken;
    /// let token = CancellationToken::new();
    /// let token = token.drop_guard().disarm();
    /// assert!(!token.is_cancelled());
    /// ```
    pub fn disarm(mut self) -> CancellationToken {
        self.token.take().unwrap_or_default()
    }
}

impl Drop for DropGuard {
    fn drop(&mut self) {
        if let Some(token) = self.token.take() {
            token.fire(CancelKind::Token, None, self.location);
        }
    }
}

//! What nobody is there to be told of: one hook for all of it.
//!
//! Does not decide anything: what is reported has happened.

pub(crate) mod scope_info;
pub(crate) mod stuck;
pub(crate) mod tree;

use std::fmt;
use std::panic::Location;
use std::sync::{Arc, Mutex};
use std::task::Waker;

use crate::block::CellRef;
use crate::cancel_error::CancelError;
use crate::catch::caught;
use crate::context;
use crate::lock::lock;
use crate::outcome::Outcome;
use crate::panicked::Panic;
use crate::record::Who;
use crate::report::scope_info::ScopeInfo;
use crate::report::tree::TaskInfo;

/// What nobody is there to be told of.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Report {
    /// A task failed, and its handle was dropped before anybody read the error. Once a task.
    UnreadError {
        /// The task.
        task: TaskInfo,
        /// The error, as its `Debug` shows it.
        error: String,
    },
    /// The body of a task group returned an error or panicked, and that came to nobody: a panic of one
    /// of the group's tasks went before it, or the group was dropped while it waited for them.
    UnreadBody {
        /// The group, `file:line`.
        group: String,
        /// The task that it is in; `None` outside the tasks of this crate.
        task: Option<TaskInfo>,
        /// The error, as its `Debug` shows it.
        error: String,
    },
    /// A child of a [`local_scope`](crate::local_scope), or its body, returned an error, and it came to
    /// nobody: another panicked, or the scope was dropped while it waited for others.
    UnreadInScope {
        /// The scope, `file:line`.
        scope: String,
        /// The task that it is in; `None` outside the tasks of this crate.
        task: Option<TaskInfo>,
        /// The error, as its `Debug` shows it.
        error: String,
    },
    /// A task was asked to cancel some time ago and has reached no cancel point since, but in
    /// [shields](TaskInfo::shielded); see [`watch_cancels`](crate::watch_cancels). Once a request.
    StuckCancel {
        /// The task. [`TaskInfo::waiting`] is the cancel point that it was at last, if any.
        task: TaskInfo,
        /// Tasks of the same group that were cancelled before their first step: perhaps it waits for
        /// something that one of them was to do.
        never_started: Vec<Who>,
    },
    /// A scope was cancelled some time ago, and no cancel point in it has been reached since: a timeout
    /// whose future sits at a bare `.await`, say; see [`watch_cancels`](crate::watch_cancels). Once a
    /// scope.
    StuckScope {
        /// The scope.
        scope: ScopeInfo,
        /// The task that it is in; `None` outside the tasks of this crate.
        task: Option<TaskInfo>,
        /// The shield in it, `file:line`, that it waits in and that keeps the cancellation from it.
        shielded: Option<String>,
    },
    /// Something that waits for several tasks was dropped half-way, by a `select!` perhaps. They
    /// were asked to cancel, and stay in the tree until they have ended.
    DroppedHalfway {
        /// What was dropped: `gather`, `task_group`, `race`, …
        what: &'static str,
        /// Its tasks that have not ended.
        tasks: Vec<TaskInfo>,
    },
    /// A callback panicked. Others are called nonetheless.
    CallbackPanicked {
        /// The task that it was registered at; `None` for a callback of a token.
        task: Option<TaskInfo>,
        /// The message of the panic.
        message: String,
    },
    /// The waker of who waits panicked, one of another executor than tokio's. Others are woken
    /// nonetheless.
    WakerPanicked {
        /// The message of the panic.
        message: String,
    },
    /// The destructor of a task's future panicked after the task had ended, or that of a result that
    /// comes to nobody. What the task returns is kept.
    DestructorPanicked {
        /// The task.
        task: TaskInfo,
        /// The message of the panic.
        message: String,
    },
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnreadError { task, error } => {
                write!(f, "the error of {task} was never read: {error}")
            }
            Self::UnreadBody { group, task, error } => {
                write!(f, "the error of the body of the group at {group}")?;
                if let Some(task) = task {
                    f.write_str(" in ")?;
                    task.write_who(f)?;
                }
                write!(f, " came to nobody: {error}")
            }
            Self::UnreadInScope { scope, task, error } => {
                write!(f, "an error in the local scope at {scope}")?;
                if let Some(task) = task {
                    f.write_str(" in ")?;
                    task.write_who(f)?;
                }
                write!(f, " came to nobody: {error}")
            }
            Self::StuckCancel {
                task,
                never_started,
            } => {
                write!(f, "{task} was asked to cancel and reaches no cancel point")?;
                if !never_started.is_empty() {
                    f.write_str("; cancelled before their first step:")?;
                }
                for who in never_started {
                    match &who.name {
                        Some(name) => write!(f, " {name}")?,
                        None => write!(f, " task {}", who.id)?,
                    }
                }
                Ok(())
            }
            Self::StuckScope {
                scope,
                task,
                shielded,
            } => {
                write!(f, "{scope} reaches no cancel point")?;
                if let Some(task) = task {
                    f.write_str(", in ")?;
                    task.write_who(f)?;
                }
                match shielded {
                    Some(shielded) => write!(f, "; shielded at {shielded}"),
                    None => Ok(()),
                }
            }
            Self::DroppedHalfway { what, tasks } => {
                write!(f, "{what} was dropped half-way with {} task", tasks.len())?;
                f.write_str(if tasks.len() == 1 { "" } else { "s" })
            }
            Self::CallbackPanicked {
                task: Some(task),
                message,
            } => write!(f, "a callback of {task} panicked: {message}"),
            Self::CallbackPanicked {
                task: None,
                message,
            } => write!(f, "a callback of a token panicked: {message}"),
            Self::WakerPanicked { message } => write!(f, "a waker panicked: {message}"),
            Self::DestructorPanicked { task, message } => {
                write!(f, "a destructor of {task} panicked: {message}")
            }
        }
    }
}

type Hook = Arc<dyn Fn(&Report) + Send + Sync>;

static HOOK: Mutex<Option<Hook>> = Mutex::new(None);

/// Sets what is called with every report, in the place of what was set before.
///
/// Without a hook a report is a line of standard error (feature `tracing`: a warning event). The hook
/// is called where the thing happened, with no lock held; a panic of it is passed over.
///
/// # Examples
/// ```
/// use std::sync::{Arc, Mutex};
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let seen = Arc::new(Mutex::new(Vec::new()));
/// let log = Arc::clone(&seen);
/// stook::set_report_hook(move |report| log.lock().unwrap().push(report.to_string()));
///
/// let task = stook::builder().name("fails").spawn(async {
///     Err::<(), _>(std::io::Error::other("no paper"))
/// });
/// tokio::task::yield_now().await;
/// drop(task);
/// assert!(seen.lock().unwrap()[0].contains("no paper"));
/// # }
/// ```
///
/// # Source
/// `loop.set_exception_handler`, CPython 3.13.
pub fn set_report_hook(hook: impl Fn(&Report) + Send + Sync + 'static) {
    let replaced = lock(&HOOK).replace(Arc::new(hook));
    drop(replaced);
}

/// Takes the hook away again: reports go to standard error.
///
/// # Examples
/// ```
/// stook::set_report_hook(|report| panic!("{report}"));
/// stook::take_report_hook();
/// ```
pub fn take_report_hook() {
    let removed = lock(&HOOK).take();
    drop(removed);
}

fn report(report: &Report) {
    let hook = lock(&HOOK).clone();
    match hook {
        // There is nobody else to tell that the hook has panicked, too.
        Some(hook) => drop(caught(|| hook(report))),
        None => by_default(report),
    }
}

#[cfg(feature = "tracing")]
fn by_default(report: &Report) {
    tracing::warn!(target: "stook", "{report}");
}

#[cfg(not(feature = "tracing"))]
fn by_default(report: &Report) {
    use std::io::Write;
    // Standard error may be closed.
    drop(writeln!(std::io::stderr(), "stook: {report}"));
}

/// Nobody will read how a task has ended. A cancellation that was not its own, and that it passed on,
/// is no error of which anybody has to hear.
pub(crate) fn unread<T, E: CancelError>(cell: &CellRef, outcome: &Outcome<T, E>) {
    match outcome {
        Outcome::Err(error) => unread_failure(cell, Ok(error)),
        Outcome::Panicked(panic) => unread_failure::<E>(cell, Err(panic)),
        _ => {}
    }
}

/// The same of an error or a panic. An error that cannot be shown is reported with what panicked.
pub(crate) fn unread_failure<E: CancelError>(cell: &CellRef, failure: Result<&E, &Panic>) {
    if let Some(error) = shown_failure(failure) {
        let task = TaskInfo::of(cell);
        report(&Report::UnreadError { task, error });
    }
}

/// The same of the body of a group, in the current task.
pub(crate) fn unread_body<E: CancelError>(location: &Location<'_>, failure: Result<&E, &Panic>) {
    if let Some(error) = shown_failure(failure) {
        report(&Report::UnreadBody {
            group: tree::place(location),
            task: context::task().as_ref().map(TaskInfo::of),
            error,
        });
    }
}

/// The same of what is in a local scope.
pub(crate) fn unread_in_scope<E: CancelError>(location: &Location<'_>, error: &E) {
    if let Some(error) = shown(error) {
        report(&Report::UnreadInScope {
            scope: tree::place(location),
            task: context::task().as_ref().map(TaskInfo::of),
            error,
        });
    }
}

/// How an error or a panic is reported, if it is no cancellation.
fn shown_failure<E: CancelError>(failure: Result<&E, &Panic>) -> Option<String> {
    match failure {
        Ok(error) => shown(error),
        Err(panic) => Some(format!("{panic:?}")),
    }
}

/// How an error is reported, if it is no cancellation.
fn shown<E: CancelError>(error: &E) -> Option<String> {
    let shown = caught(|| error.as_cancelled().is_none().then(|| format!("{error:?}")));
    shown.unwrap_or_else(|panic| Some(format!("{panic:?}")))
}

pub(crate) fn destructor_panicked(cell: &CellRef, panic: &Panic) {
    report(&Report::DestructorPanicked {
        task: TaskInfo::of(cell),
        message: panic.message().to_owned(),
    });
}

pub(crate) fn stuck_cancel(cell: &CellRef, never_started: Vec<Who>) {
    let task = TaskInfo::of(cell);
    report(&Report::StuckCancel {
        task,
        never_started,
    });
}

pub(crate) fn stuck_scope(scope: ScopeInfo, cell: Option<&CellRef>) {
    let task = cell.filter(|cell| cell.is_task()).map(TaskInfo::of);
    report(&Report::StuckScope {
        scope,
        task,
        shielded: cell.and_then(|cell| cell.shield()).map(tree::place),
    });
}

pub(crate) fn dropped_halfway(what: &'static str, cells: &[CellRef]) {
    let tasks = cells.iter().map(TaskInfo::of).collect();
    report(&Report::DroppedHalfway { what, tasks });
}

/// Calls a function of the user's, and reports its panic.
pub(crate) fn guard_callback(cell: &CellRef, call: impl FnOnce()) {
    guard(Some(cell), call);
}

/// The same for a callback of a token.
pub(crate) fn guard_token_callback(call: impl FnOnce()) {
    guard(None, call);
}

/// Wakes who waits, and reports a panic of the waker: it may be foreign code.
pub(crate) fn wake(waker: Waker) {
    guard_waker(|| waker.wake());
}

/// The same by a reference.
pub(crate) fn wake_by_ref(waker: &Waker) {
    guard_waker(|| waker.wake_by_ref());
}

fn guard_waker(wake: impl FnOnce()) {
    if let Err(panic) = caught(wake) {
        let message = panic.message().to_owned();
        report(&Report::WakerPanicked { message });
    }
}

/// Drops something of a task that has ended, and reports a panic of that.
pub(crate) fn guard_destructor<T>(cell: &CellRef, value: T) {
    let mut value = Some(value);
    // In its place: to be moved costs more than most destructors do.
    if let Err(panic) = caught(|| value = None) {
        destructor_panicked(cell, &panic);
    }
}

/// Drops something that comes to nobody, and reports a panic of that where a task runs: it would go
/// before what is to be returned.
pub(crate) fn guard_destructor_here<T>(value: T) {
    match context::task() {
        Some(cell) => guard_destructor(&cell, value),
        None => drop(caught(|| drop(value))),
    }
}

fn guard(cell: Option<&CellRef>, call: impl FnOnce()) {
    if let Err(panic) = caught(call) {
        report(&Report::CallbackPanicked {
            task: cell.map(TaskInfo::of),
            message: panic.message().to_owned(),
        });
    }
}

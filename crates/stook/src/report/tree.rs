//! The tree of tasks: who was spawned by whom, where each waits, and since when.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::panic::Location;
use std::time::Duration;

use crate::block::CellRef;
use crate::cell::Cell;
use crate::id::TaskId;
use crate::outcome::Ended;
use crate::registry;
use crate::report::scope_info::ScopeInfo;
use crate::scope::fired;

/// How far a task is. Serialised, it is its [word](Self::word).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename_all = "lowercase")
)]
#[non_exhaustive]
pub enum TaskState {
    /// It has not made its first step.
    Created,
    /// It runs, or waits.
    Running,
    /// It was asked to cancel, and goes on.
    Cancelling,
    /// It has returned a value.
    Ok,
    /// It has returned an error.
    Err,
    /// It was cancelled.
    Cancelled,
    /// It has panicked.
    Panicked,
    /// It was aborted.
    Aborted,
}

impl TaskState {
    pub(crate) fn of(cell: &Cell) -> Self {
        match cell.ended() {
            Some(Ended::Ok) => Self::Ok,
            Some(Ended::Err) => Self::Err,
            Some(Ended::Cancelled) => Self::Cancelled,
            Some(Ended::Panicked) => Self::Panicked,
            Some(Ended::Aborted) => Self::Aborted,
            None if cell.cancelling() > 0 => Self::Cancelling,
            None if cell.is_started() => Self::Running,
            None => Self::Created,
        }
    }

    /// The word for it, in lower case.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(stook::TaskState::Cancelling.word(), "cancelling");
    /// ```
    pub const fn word(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Running => "running",
            Self::Cancelling => "cancelling",
            Self::Ok => "ok",
            Self::Err => "err",
            Self::Cancelled => "cancelled",
            Self::Panicked => "panicked",
            Self::Aborted => "aborted",
        }
    }

    /// Whether the task has ended.
    ///
    /// # Examples
    /// ```
    /// use stook::TaskState;
    /// assert!(TaskState::Aborted.is_done());
    /// assert!(!TaskState::Cancelling.is_done());
    /// ```
    pub fn is_done(self) -> bool {
        !matches!(self, Self::Created | Self::Running | Self::Cancelling)
    }
}

/// What is known of one task.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct TaskInfo {
    /// Its number.
    pub id: u64,
    /// The task that spawned it, if one did.
    pub parent: Option<u64>,
    /// Its name, if it was given one.
    pub name: Option<String>,
    /// Where it was spawned: `file:line`.
    pub spawned: String,
    /// The cancel point that it waits at, as of its last step: `file:line`. `None` while it waits at
    /// a bare `.await`, or has not begun.
    pub waiting: Option<String>,
    /// How far it is.
    pub state: TaskState,
    /// The reason of the last request to cancel it.
    pub reason: Option<String>,
    /// The scopes in it that were cancelled and were not left yet, the outer ones first.
    pub cancelled_scopes: Vec<ScopeInfo>,
    /// The shield, `file:line`, that it waits in and that keeps one of these cancellations, or its own,
    /// from it. Only where it waits at a cancel point.
    pub shielded: Option<String>,
    /// Whether what waited for it was dropped.
    pub is_orphan: bool,
    /// How long ago it was spawned, by tokio's clock. Of those that a task spawns in one step, or
    /// that are spawned from one line within a millisecond, as of the first.
    pub age: Duration,
}

impl TaskInfo {
    pub(crate) fn of(cell: &CellRef) -> Self {
        let about = cell.about();
        let (last, _) = cell.last_request();
        Self {
            id: cell.id().number(),
            parent: about.and_then(|about| about.parent).map(TaskId::number),
            name: about.and_then(|about| about.name.as_deref().map(str::to_owned)),
            spawned: about.map_or_else(String::new, |about| place(about.location)),
            waiting: cell.waiting().map(place),
            state: TaskState::of(cell),
            reason: last.and_then(|record| record.reason().map(str::to_owned)),
            cancelled_scopes: cancelled_scopes(cell),
            shielded: cell.shield().map(place),
            is_orphan: cell.is_orphan(),
            age: about.map_or(Duration::ZERO, |about| about.born.elapsed()),
        }
    }

    /// `task 3 "main"`.
    pub(crate) fn write_who(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task {}", self.id)?;
        match &self.name {
            Some(name) => write!(f, " {name:?}"),
            None => Ok(()),
        }
    }
}

fn cancelled_scopes(cell: &CellRef) -> Vec<ScopeInfo> {
    if !cell.is_in_fired_scope() {
        return Vec::new();
    }
    let nodes = fired::in_cell(cell.id());
    nodes
        .iter()
        .filter_map(|node| ScopeInfo::of(node))
        .collect()
}

pub(crate) fn place(location: &Location<'_>) -> String {
    format!("{}:{}", location.file(), location.line())
}

/// `task 3 "main" (running, spawned at src/main.rs:7, waits at src/main.rs:9, 2s old)`.
impl fmt::Display for TaskInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_who(f)?;
        write!(f, " ({}, spawned at {}", self.state.word(), self.spawned)?;
        if let Some(waiting) = &self.waiting {
            write!(f, ", waits at {waiting}")?;
        }
        if let Some(reason) = &self.reason {
            write!(f, ", asked to cancel: {reason}")?;
        }
        for scope in &self.cancelled_scopes {
            write!(f, ", in {scope}")?;
        }
        if let Some(shielded) = &self.shielded {
            write!(f, ", shielded at {shielded}")?;
        }
        if self.is_orphan {
            f.write_str(", nobody waits for it")?;
        }
        write!(f, ", {:?} old)", self.age)
    }
}

/// The tasks of a runtime that have not ended, each below the one that spawned it.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Tree {
    /// Those whose parent is none of ours, or has ended; in the order in which they were spawned, but
    /// for those of one loop, which may come before what was spawned between them.
    pub roots: Vec<Branch>,
}

/// A task and those that it spawned.
///
/// Chains may be long: it is copied and dropped without recursion, and its `Debug` shows how many
/// children there are. To serialise it takes as much stack as it is deep.
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Branch {
    /// The task.
    pub task: TaskInfo,
    /// In the same order.
    pub children: Vec<Branch>,
}

/// The tasks of the current runtime that have not ended.
///
/// Those that nobody holds a handle on are there, too, until they end. Outside a runtime it is empty.
///
/// A task belongs to the runtime of the one that spawned it, below which it is shown, even where that
/// has [entered](tokio::runtime::Handle::enter) another for it: cut in two, neither tree would say who
/// waits for whom. What is spawned outside of tasks belongs to the runtime that it runs on.
///
/// # Examples
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let mut task = stook::builder().name("sleeper").spawn(async {
///     stook::sleep(std::time::Duration::from_secs(3600)).await
/// });
/// tokio::task::yield_now().await;
/// let tree = stook::tree();
/// assert_eq!(tree.roots[0].task.name.as_deref(), Some("sleeper"));
/// println!("{tree}");
///
/// task.cancel();
/// assert!(task.join().await.unwrap().is_cancelled());
/// assert!(stook::tree().is_empty());
/// # }
/// ```
///
/// # Source
/// `asyncio.all_tasks`, CPython 3.13; `trio.lowlevel.Task.child_nurseries`, Trio 0.27.
pub fn tree() -> Tree {
    let mut cells = registry::tasks();
    cells.retain(|cell| cell.ended().is_none());
    // Threads give numbers of their own.
    cells.sort_by_cached_key(|cell| (cell.about().map(|about| about.born), cell.id()));
    Tree {
        roots: branches(cells.iter().map(TaskInfo::of).collect()),
    }
}

/// Each task below its parent, if that is there.
fn branches(tasks: Vec<TaskInfo>) -> Vec<Branch> {
    let known: HashSet<u64> = tasks.iter().map(|task| task.id).collect();
    let mut families: HashMap<Option<u64>, Vec<TaskInfo>> = HashMap::new();
    for task in tasks {
        let parent = task.parent.filter(|parent| known.contains(parent));
        families.entry(parent).or_default().push(task);
    }
    let mut children_of = |parent| families.remove(&parent).unwrap_or_default();
    let mut left = children_of(None);
    left.reverse();
    let mut flat = Vec::new();
    while let Some(task) = left.pop() {
        let children = children_of(Some(task.id));
        flat.push((task, children.len()));
        left.extend(children.into_iter().rev());
    }
    built(flat)
}

/// Of tasks with the numbers of their children, each before these: a chain may be long.
fn built(mut flat: Vec<(TaskInfo, usize)>) -> Vec<Branch> {
    let mut built: Vec<Branch> = Vec::new();
    while let Some((task, count)) = flat.pop() {
        let mut children = built.split_off(built.len() - count);
        children.reverse();
        built.push(Branch { task, children });
    }
    built.reverse();
    built
}

impl Clone for Branch {
    fn clone(&self) -> Self {
        let (mut flat, mut left) = (Vec::new(), vec![self]);
        while let Some(branch) = left.pop() {
            flat.push((branch.task.clone(), branch.children.len()));
            left.extend(branch.children.iter().rev());
        }
        match built(flat).pop() {
            Some(copy) => copy,
            None => unreachable!("there is the branch itself"),
        }
    }
}

impl Drop for Branch {
    fn drop(&mut self) {
        let mut left = std::mem::take(&mut self.children);
        while let Some(mut branch) = left.pop() {
            left.append(&mut branch.children);
        }
    }
}

impl fmt::Debug for Branch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Branch")
            .field("task", &self.task)
            .field("children", &self.children.len())
            .finish()
    }
}

impl Tree {
    /// Whether there is no task.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), stook::Cancelled> {
    /// let task = stook::spawn(stook::checkpoint());
    /// assert!(!stook::tree().is_empty());
    /// task.await?;
    /// assert!(stook::tree().is_empty());
    /// # Ok(()) }
    /// ```
    pub fn is_empty(&self) -> bool {
        self.roots.is_empty()
    }

    /// All tasks, each before those that it spawned.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let _tasks = ["reader", "writer"].map(|name| stook::builder().name(name).spawn(stook::checkpoint()));
    /// let tree = stook::tree();
    /// let names: Vec<_> = tree.tasks().filter_map(|task| task.name.as_deref()).collect();
    /// assert_eq!(names, ["reader", "writer"]);
    /// # }
    /// ```
    pub fn tasks(&self) -> impl Iterator<Item = &TaskInfo> {
        let mut left: Vec<&Branch> = self.roots.iter().rev().collect();
        std::iter::from_fn(move || {
            let branch = left.pop()?;
            left.extend(branch.children.iter().rev());
            Some(&branch.task)
        })
    }
}

/// How many levels are indented: those below look like the last.
const INDENTED: usize = 100;

/// One line a task, indented below the one that spawned it.
impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut left: Vec<(usize, &Branch)> =
            self.roots.iter().rev().map(|root| (0, root)).collect();
        while let Some((depth, branch)) = left.pop() {
            writeln!(
                f,
                "{:indent$}{}",
                "",
                branch.task,
                indent = 2 * depth.min(INDENTED)
            )?;
            left.extend(branch.children.iter().rev().map(|child| (depth + 1, child)));
        }
        Ok(())
    }
}

//! Tasks that await each other in a circle: refused where it closes; and a loop in which nothing can
//! go on.
//!
//! What a report says, and whether a loop that waits is really stuck, is decided in `stook._deadlock`.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::ffi::intern;
use pyo3::prelude::*;
use pyo3::types::PyList;
use stook_kernel::{AwaitWalk, WalkStep};

use crate::clock;
use crate::errors::Imported;
use crate::ffi::{Fallible, Ref, call, refs};
use crate::loop_core::{self, LoopState};
use crate::task::TaskState;

static REFUSAL: Imported = Imported::new("stook._deadlock", "refusal");
static NEVER_BEGAN: Imported = Imported::new("stook._deadlock", "never_began");
static LOOK_AT: Imported = Imported::new("stook._deadlock", "look_at");
static LOOK_AT_PARTS: Imported = Imported::new("stook._stuck_parts", "look_at");

/// Whether an await that closes a circle is refused.
static REFUSES: AtomicBool = AtomicBool::new(true);
/// Whether loops in which nothing can go on are looked for.
static WATCHES: AtomicBool = AtomicBool::new(true);

/// Sets whether an await that closes a circle is refused.
pub(crate) fn set_refusing(on: bool) {
    REFUSES.store(on, Ordering::Relaxed);
}

fn is_refusing() -> bool {
    REFUSES.load(Ordering::Relaxed)
}

/// Sets whether loops in which nothing can go on are looked for.
pub(crate) fn set_watching(on: bool) {
    WATCHES.store(on, Ordering::Relaxed);
}

/// Whether they are.
pub(crate) fn is_watching() -> bool {
    WATCHES.load(Ordering::Relaxed)
}

/// The exception for a task that is about to await `first`, if that would close a circle of tasks that
/// await each other.
///
/// DIFFERENCE: an await by which tasks would await each other in a circle raises `stook.DeadlockError`,
/// a `RuntimeError`, in the task that closes it, as an await of oneself does in asyncio; there, those
/// wait for ever. `stook.refuse_deadlocks(False)` has them wait. Circles of more than 65 tasks are not
/// refused.
///
/// # Errors
/// What making the exception raises.
#[inline]
pub(crate) fn refusal<'py>(
    this: &Ref<'py, TaskState>,
    first: Option<&Ref<'py, TaskState>>,
) -> Fallible<Option<Bound<'py, PyAny>>> {
    match first {
        Some(first) if first.awaited.is_some() && is_refusing() && closes(this, first) => {
            explain(this, first)
        }
        _ => Ok(None),
    }
}

/// Whether the awaits that begin with `first` lead to `this`. That is asked at each await of a task, so
/// no references are taken on the way.
#[inline]
fn closes<'py>(this: &Ref<'py, TaskState>, first: &Ref<'py, TaskState>) -> bool {
    let who_awaits = this.as_any().as_ptr() as usize;
    let mut walk = AwaitWalk::new();
    let mut last = WalkStep::Follow;
    refs::follow(
        first,
        |task| &task.awaited,
        |task| {
            last = walk.reached(task == who_awaits);
            last == WalkStep::Follow
        },
    );
    last == WalkStep::Closes
}

/// The task that a task awaits, if it awaits one.
fn awaited_task<'py>(task: &Ref<'py, TaskState>) -> Option<Ref<'py, TaskState>> {
    let awaited = task.awaited.get(task.py())?;
    Ref::<TaskState>::cast(&awaited).cloned()
}

#[cold]
fn explain<'py>(
    this: &Ref<'py, TaskState>,
    first: &Ref<'py, TaskState>,
) -> Fallible<Option<Bound<'py, PyAny>>> {
    let py = this.py();
    let circle = PyList::new(py, [this.as_any()])?;
    let mut at = Some(first.clone());
    while let Some(task) = at.filter(|task| !task.as_any().is(this.as_any())) {
        circle.append(task.as_any())?;
        at = awaited_task(&task);
    }
    Ok(Some(REFUSAL.get(py)?.call1((circle,))?))
}

/// The task is to be told of a request to cancel: it is remembered, if it has not begun. A report may
/// have to name it: another one may wait for what it was to do.
#[cold]
pub(crate) fn remember_if_not_begun(this: &Ref<'_, TaskState>) {
    let py = this.py();
    let Some(coroutine) = this.coroutine.get(py).filter(|_| is_watching()) else {
        return;
    };
    let event_loop = this.future.event_loop(py);
    if event_loop.as_ref().and_then(loop_core::native).is_none() {
        return;
    }
    let remembered = (|| -> Fallible<()> {
        let suspended = call::optional_attribute(&coroutine, intern!(py, "cr_suspended"))?;
        if suspended.is_some_and(|suspended| !suspended.is_truthy().unwrap_or(true)) {
            NEVER_BEGAN.get(py)?.call1((this.as_any(),))?;
        }
        Ok(())
    })();
    if let Err(raised) = remembered {
        raised.write_unraisable(this.as_any());
    }
}

/// For how long a loop has been waiting for ever when it is looked at first, in milliseconds.
const UNTIL_FIRST_LOOK: i32 = 400;
/// How long it is from one look to the next: other threads may have ended meanwhile. In milliseconds.
const UNTIL_NEXT_LOOK: i32 = 800;

/// One wait for events that nothing but an event ends.
#[derive(Debug, Default)]
pub(crate) struct EndlessWait {
    was_looked_at: Cell<bool>,
}

impl EndlessWait {
    /// For how many milliseconds to wait before the loop is looked at.
    pub(crate) fn until_look(&self) -> i32 {
        if self.was_looked_at.get() {
            UNTIL_NEXT_LOOK
        } else {
            UNTIL_FIRST_LOOK
        }
    }

    /// The loop has waited so long: asks whether it can go on, and reports it.
    ///
    /// Whether it is not to be looked at again.
    ///
    /// # Errors
    /// What the program has asked for in that case.
    pub(crate) fn look(&self, event_loop: &Bound<'_, PyAny>) -> Fallible<bool> {
        let is_first = !self.was_looked_at.replace(true);
        let look = LOOK_AT.get(event_loop.py())?;
        let is_told = look.call1((event_loop, is_first))?;
        Ok(is_told.is_truthy()?)
    }
}

/// Looks at a loop in which something can go on for tasks that cannot, and reports them.
///
/// # Errors
/// What looking raises.
#[cold]
pub(crate) fn look_at_parts(this: &Ref<'_, LoopState>) -> Fallible<()> {
    let look = LOOK_AT_PARTS.get(this.py())?;
    let began = clock::monotonic_seconds();
    let found = look.call1((this.as_any(),))?;
    let is_new = found.is_truthy()?;
    this.part_looks
        .looked(began, clock::monotonic_seconds(), is_new);
    Ok(())
}

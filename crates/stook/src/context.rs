//! Where the running code is: in which task, and in which scope of it.
//!
//! A thread-local that tasks and scopes set while they are polled and put back afterwards, a panic
//! included. Outside of them there is nothing, and cancel points are inert.

use std::cell::{Cell as PlainCell, RefCell};
use std::mem;
use std::panic::Location;
use std::task::Waker;

use tokio::runtime::Id;
use tokio::time::Instant;

use crate::block::CellRef;
use crate::cell::Cell;
use crate::id::TaskId;
use crate::kept_tasks;
use crate::record::Who;
use crate::scope::node::ScopeRef;

/// A task, or the outermost scope outside tasks, and the innermost scope in it.
#[derive(Clone, Default)]
pub(crate) struct Place {
    pub(crate) cell: Option<CellRef>,
    pub(crate) scope: Option<ScopeRef>,
}

impl Place {
    pub(crate) fn of_task(cell: CellRef) -> Self {
        Self {
            cell: Some(cell),
            scope: None,
        }
    }

    /// The task, where it is one of ours.
    pub(crate) fn task_id(&self) -> Option<TaskId> {
        let cell = self.cell.as_ref().filter(|cell| cell.is_task())?;
        Some(cell.id())
    }
}

thread_local! {
    static PLACE: RefCell<Place> = const { RefCell::new(Place { cell: None, scope: None }) };
    /// What the task that is being polled is woken by.
    static WAKER: PlainCell<WakerId> = const { PlainCell::new((0, 0)) };
    /// The cancel point that returned `Pending` last.
    static WAITING: PlainCell<Option<&'static Location<'static>>> = const { PlainCell::new(None) };
    /// When it was that the running code first asked, since the current place is the current one.
    static NOW: PlainCell<Option<Instant>> = const { PlainCell::new(None) };
}

/// A waker, to be compared and not to be used: its data and its functions.
type WakerId = (usize, usize);

fn id_of(waker: &Waker) -> WakerId {
    (
        waker.data().addr(),
        std::ptr::from_ref(waker.vtable()).addr(),
    )
}

/// Whether this waker has the task polled that is being polled now, so that it need not be kept.
pub(crate) fn is_task_woken_by(waker: &Waker) -> bool {
    WAKER.try_with(PlainCell::get) == Ok(id_of(waker))
}

/// The time in which a task is polled.
pub(crate) struct Polled<'place> {
    _entered: Entered<'place>,
    before: WakerId,
}

impl<'place> Polled<'place> {
    pub(crate) fn new(place: &'place mut Place, waker: &Waker) -> Self {
        let before = WAKER.try_with(|current| current.replace(id_of(waker)));
        Self {
            _entered: Entered::new(place),
            before: before.unwrap_or_default(),
        }
    }
}

impl Drop for Polled<'_> {
    fn drop(&mut self) {
        let _ = WAKER.try_with(|current| current.set(self.before));
    }
}

/// The time in which a place is the current one. Lends it to the thread-local, and takes it back.
pub(crate) struct Entered<'place> {
    place: &'place mut Place,
    /// The cell stays what it was.
    is_scope: bool,
}

impl<'place> Entered<'place> {
    pub(crate) fn new(place: &'place mut Place) -> Self {
        Self::with(place, false)
    }

    /// One without a cell is a scope in the current one.
    pub(crate) fn scope(place: &'place mut Place) -> Self {
        let is_scope = place.cell.is_none();
        Self::with(place, is_scope)
    }

    fn with(place: &'place mut Place, is_scope: bool) -> Self {
        swap(place, is_scope);
        Self { place, is_scope }
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        swap(self.place, self.is_scope);
    }
}

fn swap(place: &mut Place, is_scope: bool) {
    let _ = NOW.try_with(|now| now.set(None));
    kept_tasks::step_is_over();
    // While a thread ends there is no current place; what is polled then is inert.
    let _ = PLACE.try_with(|current| {
        let current = &mut *current.borrow_mut();
        if is_scope {
            mem::swap(&mut current.scope, &mut place.scope);
        } else {
            mem::swap(current, place);
        }
    });
}

/// Looks at the current place. The closure must not poll, wake or drop anything foreign.
pub(crate) fn with<R: Default>(look: impl FnOnce(&Place) -> R) -> R {
    PLACE
        .try_with(|current| look(&current.borrow()))
        .unwrap_or_default()
}

/// A copy of the current place.
pub(crate) fn current() -> Place {
    PLACE
        .try_with(|current| current.borrow().clone())
        .unwrap_or_default()
}

/// The current task, where it is one of ours.
pub(crate) fn task() -> Option<CellRef> {
    with(|place| place.cell.as_ref().filter(|cell| cell.is_task()).cloned())
}

/// Whether there is a task, or a scope outside tasks.
pub(crate) fn is_inside() -> bool {
    with(|place| place.cell.is_some())
}

pub(crate) fn task_id() -> Option<TaskId> {
    with(Place::task_id)
}

/// What a new task has from the current one, or from the scope around the current line: its parent,
/// and its runtime.
pub(crate) fn inherited() -> (Option<TaskId>, Option<Id>) {
    with(|place| {
        let Some(kept) = &place.cell else {
            return (None, None);
        };
        let cell: &Cell = kept;
        let parent = cell.is_task().then(|| cell.id());
        (parent, kept.about().map(|about| about.runtime))
    })
}

pub(crate) fn who() -> Option<Who> {
    task().map(|cell| cell.who())
}

/// Whether the target is the current task or a scope around the current line.
pub(crate) fn is_mine(target: TaskId) -> bool {
    let place = current();
    if place.cell.as_ref().is_some_and(|cell| cell.id() == target) {
        return true;
    }
    let mut scope = place.scope;
    while let Some(node) = scope {
        if node.id() == target {
            return true;
        }
        scope = node.outer();
    }
    false
}

/// The time, for the ages of tasks. Many are spawned in one step: in a task or scope the clock is
/// read once for as long as the code runs without being polled again.
pub(crate) fn now() -> Instant {
    let kept = NOW.try_with(PlainCell::get).ok().flatten();
    kept.unwrap_or_else(|| {
        let now = Instant::now();
        if is_inside() {
            let _ = NOW.try_with(|kept| kept.set(Some(now)));
        }
        now
    })
}

pub(crate) fn note_waiting(location: &'static Location<'static>) {
    let _ = WAITING.try_with(|waiting| waiting.set(Some(location)));
}

pub(crate) fn take_waiting() -> Option<&'static Location<'static>> {
    WAITING.try_with(PlainCell::take).ok().flatten()
}

//! Children of something that was dropped half-way: asked to cancel, and seen until they have ended.

use std::cell::RefCell;
use std::panic::Location;
use std::sync::Arc;

use crate::block::CellRef;
use crate::context;
use crate::record::{CancelKind, Record};
use crate::report;

/// Asks the tasks that have not ended to cancel, and marks them as nobody's. They run on, in the tree,
/// until they end; `what` was dropped, if that is to be reported.
///
/// Where the future of a task that never begins is dropped they are [left](left_to) to that task.
#[track_caller]
pub(crate) fn adopt(cells: &[CellRef], what: Option<&'static str>) {
    let left: Vec<CellRef> = cells
        .iter()
        .filter(|cell| cell.ended().is_none())
        .cloned()
        .collect();
    if left.is_empty() || (what.is_some() && leave(&left)) {
        return;
    }
    let reason = Some("what waited for it was dropped".into());
    let record = Record::new(
        CancelKind::ParentCancelled,
        reason,
        Location::caller(),
        None,
    );
    for cell in &left {
        cell.orphan();
        cell.request(Arc::clone(&record));
    }
    if let Some(what) = what {
        report::dropped_halfway(what, &left);
    }
}

/// What a task that never begins is left.
struct Estate {
    heir: CellRef,
    /// The cancellation that keeps it from beginning.
    cause: Arc<Record>,
    left: Vec<CellRef>,
}

thread_local! {
    static ESTATE: RefCell<Option<Estate>> = const { RefCell::new(None) };
}

/// Drops the future of a task that never begins, with `drop`. The tasks for which it would have waited
/// from its first step on are asked to cancel as if it had begun, and returned.
pub(crate) fn left_to<R>(
    heir: &CellRef,
    cause: &Arc<Record>,
    drop: impl FnOnce() -> R,
) -> (R, Vec<CellRef>) {
    let exchange = |estate| ESTATE.try_with(|kept| kept.replace(estate)).ok().flatten();
    let outer = exchange(Some(Estate {
        heir: heir.clone(),
        cause: Arc::clone(cause),
        left: Vec::new(),
    }));
    let dropped = drop();
    let estate = exchange(outer);
    (dropped, estate.map_or_else(Vec::new, |estate| estate.left))
}

/// Leaves these to the current task, if it is about to end without having begun.
fn leave(cells: &[CellRef]) -> bool {
    let current = context::task_id();
    let inherited = ESTATE.try_with(|kept| {
        let mut kept = kept.borrow_mut();
        // A destructor may have others polled.
        let estate = kept
            .as_mut()
            .filter(|estate| Some(estate.heir.id()) == current)?;
        estate.left.extend_from_slice(cells);
        let location = estate.heir.about()?.location;
        let kind = CancelKind::ParentCancelled;
        Some(Record::new(kind, None, location, Some(&estate.cause)))
    });
    let Ok(Some(record)) = inherited else {
        return false;
    };
    for cell in cells {
        cell.request(Arc::clone(&record));
    }
    true
}

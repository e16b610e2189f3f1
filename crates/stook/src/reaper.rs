//! Children of something that was dropped half-way: asked to cancel, and seen until they have ended.

use std::panic::Location;
use std::sync::Arc;

use crate::block::CellRef;
use crate::record::{CancelKind, Record};
use crate::report;

/// Asks the tasks that have not ended to cancel, and marks them as nobody's. They run on, in the tree,
/// until they end; `what` was dropped, if that is to be reported.
#[track_caller]
pub(crate) fn adopt(cells: &[CellRef], what: Option<&'static str>) {
    let left: Vec<CellRef> = cells
        .iter()
        .filter(|cell| cell.ended().is_none())
        .cloned()
        .collect();
    if left.is_empty() {
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

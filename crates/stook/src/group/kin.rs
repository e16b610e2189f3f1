//! Which tasks of a group never started: what a task that is stuck may be waiting for.

use crate::id::TaskId;
use crate::record::Who;

pub(crate) fn never_started_beside(_task: TaskId) -> Vec<Who> {
    Vec::new()
}

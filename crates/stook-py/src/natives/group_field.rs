//! The attributes of a `TaskGroup`.
//!
//! # Source
//! `TaskGroup.__init__`, CPython 3.11 to 3.13 `asyncio/taskgroups.py`.

use crate::ffi::layout::Field;

pub(super) const ENTERED: Field = Field::new(0, "_entered");
pub(super) const EXITING: Field = Field::new(1, "_exiting");
pub(super) const ABORTING: Field = Field::new(2, "_aborting");
pub(super) const LOOP: Field = Field::new(3, "_loop");
pub(super) const PARENT_TASK: Field = Field::new(4, "_parent_task");
pub(super) const PARENT_CANCEL_REQUESTED: Field = Field::new(5, "_parent_cancel_requested");
pub(super) const TASKS: Field = Field::new(6, "_tasks");
pub(super) const ERRORS: Field = Field::new(7, "_errors");
pub(super) const BASE_ERROR: Field = Field::new(8, "_base_error");
pub(super) const ON_COMPLETED: Field = Field::new(9, "_on_completed_fut");

/// All of them.
pub(super) const ALL: &[Field] = &[
    ENTERED,
    EXITING,
    ABORTING,
    LOOP,
    PARENT_TASK,
    PARENT_CANCEL_REQUESTED,
    TASKS,
    ERRORS,
    BASE_ERROR,
    ON_COMPLETED,
];

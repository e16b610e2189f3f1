//! The tasks of a group, where everybody can see them.

use crate::ffi::intern;
use pyo3::prelude::*;
use pyo3::types::PySet;

use crate::ffi::{Fallible, call};

/// What a group keeps its tasks in: a set, or what somebody has put in its place.
pub(super) struct Children<'py>(pub(super) Bound<'py, PyAny>);

impl<'py> Children<'py> {
    fn set(&self) -> Option<&Bound<'py, PySet>> {
        self.0.cast_exact().ok()
    }

    /// How many there are; of what is no set, none or one.
    ///
    /// # Errors
    /// What asking raises.
    pub(super) fn count(&self) -> Fallible<usize> {
        match self.set() {
            Some(set) => Ok(set.len()),
            None => Ok(usize::from(self.0.is_truthy()?)),
        }
    }

    /// `children.add(task)`
    ///
    /// # Errors
    /// What that raises.
    pub(super) fn add(&self, task: &Bound<'py, PyAny>) -> Fallible<()> {
        match self.set() {
            Some(set) => Ok(set.add(task)?),
            None => call::method1(&self.0, intern!(task.py(), "add"), task).map(drop),
        }
    }

    /// `children.discard(task)`
    ///
    /// # Errors
    /// What that raises.
    pub(super) fn discard(&self, task: &Bound<'py, PyAny>) -> Fallible<()> {
        match self.set() {
            Some(set) => Ok(set.discard(task).map(drop)?),
            None => call::method1(&self.0, intern!(task.py(), "discard"), task).map(drop),
        }
    }
}

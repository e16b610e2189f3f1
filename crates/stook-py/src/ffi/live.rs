//! A set of objects that does not keep them alive.
//!
//! Cheaper than a `WeakSet` by the weak reference, its callback and the set's entry: a member
//! leaves by its own state, which holds the [`Membership`].

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use pyo3::ffi;
use pyo3::prelude::*;
use slab::Slab;

use super::class::Class;
use super::refs::Ref;

type Members = Rc<RefCell<Slab<*mut ffi::PyObject>>>;

/// Objects that are alive, in no particular order.
#[derive(Debug, Default)]
pub(crate) struct LiveSet(Members);

/// A place in the state of an object for its membership of one set.
#[derive(Default)]
pub(crate) struct MembershipCell(Cell<Option<Membership>>);

impl std::fmt::Debug for MembershipCell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MembershipCell")
    }
}

/// What ties a member to its set.
#[derive(Debug)]
struct Membership {
    members: Members,
    key: usize,
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.members.borrow_mut().try_remove(self.key);
    }
}

impl MembershipCell {
    /// Leaves the set.
    pub(crate) fn leave(&self) {
        drop(self.0.take());
    }
}

impl LiveSet {
    /// Makes `object` a member until it leaves or dies; `place` is where its state keeps that.
    pub(crate) fn insert<T: Class>(
        &self,
        object: &Ref<'_, T>,
        place: impl for<'a> FnOnce(&'a T) -> &'a MembershipCell,
    ) {
        let key = self.0.borrow_mut().insert(object.as_any().as_ptr());
        let membership = Membership {
            members: Rc::clone(&self.0),
            key,
        };
        // S13: the membership lives in the state of the object, so it leaves the set before the
        // object's memory is given back.
        drop(place(object).0.replace(Some(membership)));
    }

    /// Gives back the memory of a set that was large once and has no members any more.
    pub(crate) fn shrink_if_empty(&self) {
        let mut members = self.0.borrow_mut();
        if members.is_empty() {
            // In one step, however many places there are.
            members.clear();
            members.shrink_to_fit();
        }
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// The members that are alive.
    pub(crate) fn list<'py>(&self, py: Python<'py>) -> Vec<Bound<'py, PyAny>> {
        self.0
            .borrow()
            .iter()
            .map(|(_, member)| *member)
            // SAFETY: S13, the memory is there; an object on its way out counts no references.
            .filter(|member| unsafe { ffi::Py_REFCNT(*member) } > 0)
            // SAFETY: S2, it is alive.
            .map(|member| unsafe { Bound::from_borrowed_ptr(py, member) })
            .collect()
    }
}

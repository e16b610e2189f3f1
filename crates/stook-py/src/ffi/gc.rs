//! Taking part in the cycle collector.

use std::cell::{Cell, OnceCell};
use std::ffi::{c_int, c_void};

use pyo3::ffi;

use super::cell::{HeldCell, ListCell, PlainCell, QueueCell};
use super::refs::Held;

/// Shows the collector the references that an object owns.
pub(crate) struct Visitor {
    visit: ffi::visitproc,
    argument: *mut c_void,
    answer: c_int,
}

impl std::fmt::Debug for Visitor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Visitor({})", self.answer)
    }
}

impl Visitor {
    pub(super) fn new(visit: ffi::visitproc, argument: *mut c_void) -> Self {
        Visitor {
            visit,
            argument,
            answer: 0,
        }
    }

    pub(super) fn answer(&self) -> c_int {
        self.answer
    }

    pub(super) fn object(&mut self, object: *mut ffi::PyObject) {
        if self.answer == 0 && !object.is_null() {
            // SAFETY: S7, the collector gave the function and its argument; it runs no Python.
            self.answer = unsafe { (self.visit)(object, self.argument) };
        }
    }

    /// Shows everything that `owner` owns.
    pub(crate) fn visit(&mut self, owner: &impl Traverse) {
        owner.traverse(self);
    }
}

/// What owns references says which.
///
/// `traverse` neither makes nor releases references (S7).
pub(crate) trait Traverse {
    /// Shows each owned reference to the collector, once.
    fn traverse(&self, visitor: &mut Visitor);

    /// Releases what may be part of a cycle.
    fn clear(&self) {}
}

impl Traverse for Held {
    fn traverse(&self, visitor: &mut Visitor) {
        visitor.object(self.as_ptr());
    }
}

impl Traverse for HeldCell {
    fn traverse(&self, visitor: &mut Visitor) {
        if let Some(held) = self.peek() {
            visitor.visit(held);
        }
    }

    fn clear(&self) {
        HeldCell::clear(self);
    }
}

impl<E: Traverse> Traverse for ListCell<E> {
    fn traverse(&self, visitor: &mut Visitor) {
        self.peek().iter().for_each(|entry| visitor.visit(entry));
    }

    fn clear(&self) {
        drop(self.take());
    }
}

impl<E: Traverse> Traverse for QueueCell<E> {
    fn traverse(&self, visitor: &mut Visitor) {
        self.peek().for_each(|entry| visitor.visit(entry));
    }

    fn clear(&self) {
        drop(self.take());
    }
}

impl<D: Traverse> Traverse for PlainCell<D> {
    fn traverse(&self, visitor: &mut Visitor) {
        if let Some(data) = self.peek() {
            visitor.visit(data);
        }
    }
}

impl<E: Traverse> Traverse for Cell<Option<E>> {
    fn traverse(&self, visitor: &mut Visitor) {
        // SAFETY: S7, nothing runs that could change the cell while it is looked at.
        if let Some(entry) = unsafe { &*self.as_ptr() } {
            visitor.visit(entry);
        }
    }

    fn clear(&self) {
        drop(self.take());
    }
}

impl<E: Traverse> Traverse for OnceCell<Box<E>> {
    fn traverse(&self, visitor: &mut Visitor) {
        if let Some(inner) = self.get() {
            visitor.visit(inner.as_ref());
        }
    }

    fn clear(&self) {
        if let Some(inner) = self.get() {
            inner.clear();
        }
    }
}

impl<E: Traverse, const N: usize> Traverse for [E; N] {
    fn traverse(&self, visitor: &mut Visitor) {
        self.iter().for_each(|entry| visitor.visit(entry));
    }

    fn clear(&self) {
        self.iter().for_each(E::clear);
    }
}

/// Implements [`Traverse`] for a struct by naming the fields that own references.
macro_rules! traverse {
    ($state:ty: $($field:ident),* $(,)?) => {
        impl $crate::ffi::Traverse for $state {
            fn traverse(&self, visitor: &mut $crate::ffi::Visitor) {
                $(visitor.visit(&self.$field);)*
                let _ = visitor;
            }

            fn clear(&self) {
                $($crate::ffi::Traverse::clear(&self.$field);)*
            }
        }
    };
}
pub(crate) use traverse;

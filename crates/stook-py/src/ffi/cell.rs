//! Cells for the state of Python objects.
//!
//! State is reached only through shared references (S6): each cell changes in one step that
//! runs no foreign code, and what it held is released after that step. So no Python code, run
//! by a release, a comparison or a call, ever meets a container in the middle of a change.

use std::cell::{Cell, UnsafeCell};
use std::collections::VecDeque;
use std::mem::ManuallyDrop;

use pyo3::prelude::*;

use super::refs::Held;

/// A place for one reference, or none.
#[derive(Default)]
pub(crate) struct HeldCell(Cell<Option<Held>>);

impl HeldCell {
    /// An empty one.
    pub(crate) const fn new() -> Self {
        HeldCell(Cell::new(None))
    }

    /// One that holds `object`.
    #[inline]
    pub(crate) fn of(object: impl Into<Held>) -> Self {
        HeldCell(Cell::new(Some(object.into())))
    }

    /// One that holds `object`, or nothing.
    #[inline]
    pub(crate) fn of_any(object: Option<Bound<'_, PyAny>>) -> Self {
        HeldCell(Cell::new(object.map(Held::from)))
    }

    /// A new reference to what is held.
    pub(crate) fn get<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.peek().map(|held| held.bind(py).clone())
    }

    /// A new reference to what is held, or `None`, the Python object.
    pub(crate) fn get_or_none<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        self.get(py).unwrap_or_else(|| py.None().into_bound(py))
    }

    /// Puts `object` in, and then releases what was there.
    pub(crate) fn set(&self, object: impl Into<Held>) {
        drop(self.0.replace(Some(object.into())));
    }

    /// Puts `object`, or nothing, in, and then releases what was there.
    pub(crate) fn set_or_clear(&self, object: Option<Bound<'_, PyAny>>) {
        drop(self.0.replace(object.map(Held::from)));
    }

    /// Takes out what is held.
    pub(crate) fn take<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.0.take().map(|held| held.into_bound(py))
    }

    /// Releases what is held.
    pub(crate) fn clear(&self) {
        drop(self.0.take());
    }

    /// Whether there is a reference.
    pub(crate) fn is_some(&self) -> bool {
        self.peek().is_some()
    }

    /// Whether `object` is what is held.
    pub(crate) fn holds(&self, object: &Bound<'_, PyAny>) -> bool {
        self.peek().is_some_and(|held| held.is(object))
    }

    /// Whether there is a reference, and what it refers to is as `is_so` says, which runs nothing foreign.
    #[inline]
    pub(crate) fn is_some_and<'py>(
        &self,
        py: Python<'py>,
        is_so: impl FnOnce(&Bound<'py, PyAny>) -> bool,
    ) -> bool {
        self.peek().is_some_and(|held| is_so(held.bind(py)))
    }

    /// What is held, for as long as nothing foreign can run.
    pub(super) fn peek(&self) -> Option<&Held> {
        // SAFETY: S6, every caller in this folder is done with the reference before any code
        // that could replace it runs.
        unsafe { (*self.0.as_ptr()).as_ref() }
    }
}

impl std::fmt::Debug for HeldCell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.peek().fmt(f)
    }
}

/// A list that is changed through a shared reference.
pub(crate) struct ListCell<E>(UnsafeCell<Vec<E>>);

impl<E> Default for ListCell<E> {
    fn default() -> Self {
        ListCell(UnsafeCell::new(Vec::new()))
    }
}

impl<E> ListCell<E> {
    /// Appends.
    pub(crate) fn push(&self, entry: E) {
        // SAFETY: S6, `push` runs no foreign code.
        unsafe { (*self.0.get()).push(entry) };
    }

    /// Takes the last one out.
    pub(crate) fn pop(&self) -> Option<E> {
        // SAFETY: S6, `pop` runs no foreign code.
        unsafe { (*self.0.get()).pop() }
    }

    /// Takes everything out.
    pub(crate) fn take(&self) -> Vec<E> {
        self.replace(Vec::new())
    }

    /// Puts a list in and takes the former one out.
    pub(crate) fn replace(&self, list: Vec<E>) -> Vec<E> {
        // SAFETY: S6, a swap runs no foreign code.
        unsafe { std::mem::replace(&mut *self.0.get(), list) }
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        // SAFETY: S6, reading a number runs no foreign code.
        unsafe { (*self.0.get()).len() }
    }

    pub(super) fn peek(&self) -> &[E] {
        // SAFETY: S6, every caller in this folder is done with the slice before foreign code runs.
        unsafe { &*self.0.get() }
    }
}

impl<E> std::fmt::Debug for ListCell<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ListCell({})", self.len())
    }
}

/// A queue that is changed through a shared reference.
///
/// Its entries are dropped by hand. So growing, which may unwind, needs no way to drop the new one, and
/// the compiler writes it to its place from registers, not by way of the stack.
pub(crate) struct QueueCell<E>(UnsafeCell<VecDeque<ManuallyDrop<E>>>);

impl<E> Default for QueueCell<E> {
    fn default() -> Self {
        QueueCell(UnsafeCell::new(VecDeque::new()))
    }
}

impl<E> QueueCell<E> {
    /// Appends.
    #[inline]
    pub(crate) fn push_back(&self, entry: E) {
        // SAFETY: S6, `push_back` runs no foreign code.
        unsafe { (*self.0.get()).push_back(ManuallyDrop::new(entry)) };
    }

    /// Takes the first entry.
    #[inline]
    pub(crate) fn pop_front(&self) -> Option<E> {
        // SAFETY: S6, `pop_front` moves the entry out and runs no foreign code.
        unsafe { (*self.0.get()).pop_front() }.map(ManuallyDrop::into_inner)
    }

    /// Takes everything out.
    pub(crate) fn take(&self) -> Vec<E> {
        // SAFETY: S6, a swap runs no foreign code.
        let queue = unsafe { std::mem::take(&mut *self.0.get()) };
        queue.into_iter().map(ManuallyDrop::into_inner).collect()
    }

    /// Gives back memory beyond that for `entries`.
    #[inline]
    pub(crate) fn shrink_to(&self, entries: usize) {
        // SAFETY: S6, nothing else refers to the queue, and moving entries runs no foreign code.
        let queue = unsafe { &mut *self.0.get() };
        if queue.capacity() > entries {
            queue.shrink_to(entries);
        }
    }

    /// How many entries there are.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        // SAFETY: S6, reading a number runs no foreign code.
        unsafe { (*self.0.get()).len() }
    }

    /// Whether there is no entry.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The entries, in order.
    pub(super) fn peek(&self) -> impl Iterator<Item = &E> {
        // SAFETY: S6, every caller in this folder is done with it before foreign code runs.
        let queue = unsafe { &*self.0.get() };
        queue.iter().map(|entry| &**entry)
    }
}

impl<E> Drop for QueueCell<E> {
    fn drop(&mut self) {
        drop(self.take());
    }
}

impl<E> std::fmt::Debug for QueueCell<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "QueueCell({})", self.len())
    }
}

/// Data of our own, changed by a closure.
///
/// For containers of plain data and of references that the closure does not release: the type
/// that owns one gives its own narrow methods and keeps to that (S6).
pub(crate) struct PlainCell<D>(UnsafeCell<D>, Cell<bool>);

impl<D: Default> Default for PlainCell<D> {
    fn default() -> Self {
        PlainCell(UnsafeCell::new(D::default()), Cell::new(false))
    }
}

impl<D> PlainCell<D> {
    /// Changes the data.
    ///
    /// # Panics
    /// When a change is begun inside another: then foreign code ran in it, a bug of ours.
    #[inline]
    pub(crate) fn with<R>(&self, change: impl FnOnce(&mut D) -> R) -> R {
        assert!(!self.1.replace(true), "a cell was entered twice");
        // SAFETY: S6, the mark above makes the access exclusive.
        let answer = change(unsafe { &mut *self.0.get() });
        self.1.set(false);
        answer
    }

    pub(super) fn peek(&self) -> Option<&D> {
        // SAFETY: S6, not inside a change, and nothing foreign runs while it is looked at.
        (!self.1.get()).then(|| unsafe { &*self.0.get() })
    }
}

impl<D> std::fmt::Debug for PlainCell<D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PlainCell")
    }
}

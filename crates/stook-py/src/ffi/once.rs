//! What is made once and kept.
//!
//! Another thread may fork whenever this one lets go of the interpreter. PyO3's `PyOnceLock` does that
//! before it fills a cell, and takes the interpreter again inside: in the child that cell would be being
//! filled for ever. Here a value is made first, by whoever needs it, and then stored with the
//! interpreter held from beginning to end: nobody waits, and nobody forks meanwhile. Of two that were
//! made at the same time, the first one that is stored is kept.

use std::sync::OnceLock;

use pyo3::prelude::*;

/// A place for a value.
#[derive(Debug)]
pub(crate) struct Once<T>(OnceLock<T>);

impl<T> Once<T> {
    /// One without a value.
    pub(crate) const fn new() -> Self {
        Once(OnceLock::new())
    }

    /// The value, if there is one.
    #[inline]
    pub(crate) fn get(&self, _py: Python<'_>) -> Option<&T> {
        self.0.get()
    }

    /// The value; made now if there is none.
    #[inline]
    pub(crate) fn get_or_init(&self, py: Python<'_>, make: impl FnOnce() -> T) -> &T {
        match self.get(py) {
            Some(kept) => kept,
            None => self.keep(make()),
        }
    }

    /// The same.
    ///
    /// # Errors
    /// What making it gives; then there is none.
    #[inline]
    pub(crate) fn get_or_try_init<E>(
        &self,
        py: Python<'_>,
        make: impl FnOnce() -> Result<T, E>,
    ) -> Result<&T, E> {
        match self.get(py) {
            Some(kept) => Ok(kept),
            None => Ok(self.keep(make()?)),
        }
    }

    #[cold]
    fn keep(&self, made: T) -> &T {
        self.0.get_or_init(|| made)
    }
}

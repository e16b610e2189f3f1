//! The context of a task or a handle: a copy of the one in which it was made.
//!
//! A thousand tasks made in one step have copies of one context, and few of them ever change
//! theirs. So they have one copy in common, in which nothing runs: each runs in a copy that is lent
//! to it. After the run it gives it back, and the next one gets it if nobody has changed or seen it. A
//! context that has been seen or changed is its owner's own from then on, and so is that of a second
//! run which is not the last: whoever runs often is not to borrow each time.

use std::cell::Cell;

use pyo3::prelude::*;

use crate::ffi::gc::traverse;
use crate::ffi::{Fallible, HeldCell, context, error};

/// Whose the context is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Whose {
    /// The owner's alone, as far as we know.
    #[default]
    Own,
    /// Others may have it too: nothing may run in it, and nobody may see it.
    Common,
    /// The same, after a first run in a copy.
    CommonStill,
    /// Lent to the owner, who runs in it.
    Lent,
}

impl Whose {
    #[inline]
    fn is_common(self) -> bool {
        matches!(self, Whose::Common | Whose::CommonStill)
    }
}

/// The context of one task or handle.
#[derive(Debug, Default)]
pub(crate) struct OwnContext {
    context: HeldCell,
    whose: Cell<Whose>,
}

traverse!(OwnContext: context);

impl Drop for OwnContext {
    #[inline]
    fn drop(&mut self) {
        context::let_go(&self.context);
    }
}

impl OwnContext {
    /// A copy of the current context, and whether it is one that others may have too.
    ///
    /// That is so where the loop runs: one more step is to follow then, at whose end it is let go.
    ///
    /// # Errors
    /// `MemoryError`.
    #[inline]
    pub(crate) fn copy_for<'py>(
        py: Python<'py>,
        loop_runs: bool,
    ) -> Fallible<(Bound<'py, PyAny>, bool)> {
        if loop_runs {
            context::copy_current_for_many(py)
        } else {
            Ok((context::copy_current(py)?, false))
        }
    }

    /// This context, which others may have too.
    #[inline]
    pub(crate) fn of(context: Bound<'_, PyAny>, is_common: bool) -> Self {
        let whose = if is_common { Whose::Common } else { Whose::Own };
        OwnContext {
            context: HeldCell::of(context),
            whose: Cell::new(whose),
        }
    }

    /// Makes it a copy of the current context, as of [`OwnContext::copy_for`].
    ///
    /// # Errors
    /// `MemoryError`.
    #[inline]
    pub(crate) fn copy_current(&self, py: Python<'_>, loop_runs: bool) -> Fallible<()> {
        let (copy, is_common) = Self::copy_for(py, loop_runs)?;
        self.whose
            .set(if is_common { Whose::Common } else { Whose::Own });
        self.context.set(copy);
        Ok(())
    }

    /// Makes it `given`.
    pub(crate) fn set(&self, given: Bound<'_, PyAny>) {
        self.whose.set(Whose::Own);
        self.context.set(given);
    }

    /// The context, to be seen by anybody; `None` where it was not set.
    ///
    /// # Errors
    /// `MemoryError`.
    pub(crate) fn get<'py>(&self, py: Python<'py>) -> Fallible<Option<Bound<'py, PyAny>>> {
        if self.whose.get().is_common()
            && let Some(common) = self.context.get(py)
        {
            let copy = context::copy(&common)?;
            // Making it may have run a collection, and so any code.
            if self.whose.get().is_common() {
                self.context.set(copy);
            }
        }
        self.whose.set(Whose::Own);
        Ok(self.context.get(py))
    }

    /// The same, and `None` the Python object where it was not set.
    ///
    /// # Errors
    /// `MemoryError`.
    pub(crate) fn get_or_none<'py>(&self, py: Python<'py>) -> Fallible<Bound<'py, PyAny>> {
        let context = self.get(py)?;
        Ok(context.unwrap_or_else(|| py.None().into_bound(py)))
    }

    /// Runs `body` in the context; `is_over` says whether it was the last run. `spare` keeps the
    /// copy that is lent.
    ///
    /// # Errors
    /// Those of `body`; `RuntimeError` when the context is entered already; `MemoryError`.
    #[inline]
    pub(crate) fn run<R>(
        &self,
        py: Python<'_>,
        spare: &HeldCell,
        body: impl FnOnce() -> Fallible<R>,
        is_over: impl FnOnce() -> bool,
    ) -> Fallible<R> {
        if self.whose.get().is_common() {
            return self.run_in_copy(py, spare, body, is_over);
        }
        match self.context.get(py) {
            Some(own) => context::run(&own, body),
            None => body(),
        }
    }

    fn run_in_copy<R>(
        &self,
        py: Python<'_>,
        spare: &HeldCell,
        body: impl FnOnce() -> Fallible<R>,
        is_over: impl FnOnce() -> bool,
    ) -> Fallible<R> {
        let Some(common) = self.context.take(py) else {
            return body();
        };
        if context::is_the_only_reference(&common) {
            self.set(common.clone());
            return context::run(&common, body);
        }
        // It stays in its place: what is released and made here may run any code, who asks for it.
        self.context.set(common.clone());
        let lent = match spare.take(py) {
            Some(lent) if context::are_alike(&lent, &common) => lent,
            other => {
                drop(other);
                context::copy(&common)?
            }
        };
        if !self.whose.get().is_common() {
            return self.run(py, spare, body, is_over);
        }
        self.context.set(lent.clone());
        let is_first = self.whose.replace(Whose::Lent) == Whose::Common;
        let ran = context::run(&lent, body);
        let take_back = || {
            drop(self.context.take(py));
            if self.whose.get() == Whose::Lent
                && (is_first || is_over())
                && context::is_the_only_reference(&lent)
                && context::are_alike(&lent, &common)
            {
                let have_others = !context::is_the_only_reference(&common);
                self.whose.set(Whose::CommonStill);
                self.context.set(common);
                if have_others {
                    spare.set(lent);
                }
            } else {
                self.whose.set(Whose::Own);
                self.context.set(lent);
            }
            Ok(())
        };
        match ran {
            Ok(value) => take_back().map(|()| value),
            Err(raised) => Err(error::finally(py, raised, take_back)),
        }
    }
}

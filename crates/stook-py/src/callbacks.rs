//! What a future does when it is done.

use std::cell::{Cell, OnceCell};

use crate::ffi::intern;
use pyo3::prelude::*;

use crate::errors::Imported;
use crate::ffi::{Held, ListCell, Traverse, Visitor};

static RELEASE_WAITER: Imported = Imported::new("asyncio.tasks", "_release_waiter");
static PARTIAL: Imported = Imported::new("functools", "partial");

/// What this file looks up when the module is made.
pub(crate) const IMPORTS: &[&Imported] = &[&RELEASE_WAITER, &PARTIAL];

/// One thing to do when a future is done.
#[derive(Debug)]
pub(crate) enum Callback {
    /// Calls `function(future)` in `context`.
    Call { function: Held, context: Held },
    /// Wakes the task that awaits the future.
    Wake(Held),
    /// Tells a gather or a wait that a child is done.
    Settle(Held),
    /// Hands the end on to the outer future of a shield.
    Forward(Held),
    /// Takes back what the inner future of a shield would hand on.
    Withdraw(Held),
}

/// The method of `waiter` that is told of a child, as Python code would call it.
///
/// # Errors
/// `AttributeError` when it has none.
pub(crate) fn settling_method<'py>(waiter: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = waiter.py();
    if let Some(method) = waiter.getattr_opt(intern!(py, "_done_callback"))? {
        return Ok(method);
    }
    if let Some(method) = waiter.getattr_opt(intern!(py, "_on_task_done"))? {
        return Ok(method);
    }
    // A future that the end of another releases.
    PARTIAL.get(py)?.call1((RELEASE_WAITER.get(py)?, waiter))
}

impl Traverse for Callback {
    fn traverse(&self, visitor: &mut Visitor) {
        match self {
            Callback::Call { function, context } => {
                visitor.visit(function);
                visitor.visit(context);
            }
            Callback::Wake(task) => visitor.visit(task),
            Callback::Settle(waiter) => visitor.visit(waiter),
            Callback::Forward(outer) => visitor.visit(outer),
            Callback::Withdraw(inner) => visitor.visit(inner),
        }
    }
}

/// The callbacks of a future: most have one.
#[derive(Default)]
pub(crate) struct Callbacks {
    first: Cell<Option<Callback>>,
    rest: OnceCell<Box<ListCell<Callback>>>,
    count: Cell<u32>,
}

impl std::fmt::Debug for Callbacks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Callbacks({})", self.count.get())
    }
}

impl Traverse for Callbacks {
    fn traverse(&self, visitor: &mut Visitor) {
        visitor.visit(&self.first);
        visitor.visit(&self.rest);
    }

    fn clear(&self) {
        drop(self.take());
    }
}

impl Callbacks {
    /// Appends.
    #[inline]
    pub(crate) fn push(&self, callback: Callback) {
        self.push_made(|| callback);
    }

    /// Appends the wake-up of `task`.
    #[inline]
    pub(crate) fn push_wake(&self, task: Held) {
        self.push_made(|| Callback::Wake(task));
    }

    /// Appends what `make` makes, at its place.
    #[inline]
    fn push_made(&self, make: impl FnOnce() -> Callback) {
        let count = self.count.get();
        self.count.set(count + 1);
        if count == 0 {
            drop(self.first.replace(Some(make())));
        } else {
            self.rest.get_or_init(Box::default).push(make());
        }
    }

    /// Whether there are none.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.count.get() == 0
    }

    /// Whether there is more than one.
    #[inline]
    pub(crate) fn has_others(&self) -> bool {
        self.count.get() > 1
    }

    /// Takes all out: the first, then the others.
    #[inline]
    pub(crate) fn take(&self) -> (Option<Callback>, Vec<Callback>) {
        self.count.set(0);
        (
            self.first.take(),
            self.rest.get().map_or_else(Vec::new, |rest| rest.take()),
        )
    }

    /// Takes the task out that is woken, if there is nothing else to do.
    #[inline]
    pub(crate) fn take_only_wake(&self) -> Option<Held> {
        if self.count.get() != 1 {
            return None;
        }
        match self.first.take() {
            Some(Callback::Wake(task)) => {
                self.count.set(0);
                Some(task)
            }
            other => {
                drop(self.first.replace(other)); // the place is empty
                None
            }
        }
    }

    /// Puts back what was taken, before anything that was added meanwhile.
    pub(crate) fn put_back(&self, callbacks: Vec<Callback>) {
        let (first, rest) = self.take();
        for callback in callbacks.into_iter().chain(first).chain(rest) {
            self.push(callback);
        }
    }

    /// Whoever is woken or told, and the functions that are called.
    pub(crate) fn who_is_told<'py>(
        &self,
        py: Python<'py>,
    ) -> (Vec<Bound<'py, PyAny>>, Vec<Bound<'py, PyAny>>) {
        let (mut waiting, mut functions) = (Vec::new(), Vec::new());
        if self.is_empty() {
            return (waiting, functions);
        }
        let (first, rest) = self.take();
        let all: Vec<Callback> = first.into_iter().chain(rest).collect();
        for callback in &all {
            match callback {
                Callback::Wake(held) | Callback::Settle(held) => {
                    waiting.push(held.bind(py).clone());
                }
                Callback::Call { function, .. } => functions.push(function.bind(py).clone()),
                Callback::Forward(_) | Callback::Withdraw(_) => {}
            }
        }
        self.put_back(all);
        (waiting, functions)
    }

    /// Removes the callbacks of `waiter`, a gather or a wait.
    pub(crate) fn remove_waiter(&self, waiter: &Bound<'_, PyAny>) {
        self.retain(|callback| !matches!(callback, Callback::Settle(held) if held.is(waiter)));
    }

    /// Removes what hands the end on to `outer`.
    pub(crate) fn remove_forward(&self, outer: &Bound<'_, PyAny>) {
        self.retain(|callback| !matches!(callback, Callback::Forward(held) if held.is(outer)));
    }

    /// Removes the wake-up of `task`.
    pub(crate) fn remove_wake(&self, task: &Bound<'_, PyAny>) {
        self.retain(|callback| !matches!(callback, Callback::Wake(held) if held.is(task)));
    }

    /// Takes the callback out, if it is the only one and calls this very `function`.
    #[inline]
    pub(crate) fn take_only(&self, function: &Bound<'_, PyAny>) -> Option<Callback> {
        if self.count.get() != 1 {
            return None;
        }
        let only = self.first.take();
        if matches!(&only, Some(Callback::Call { function: held, .. }) if held.is(function)) {
            self.count.set(0);
            return only;
        }
        drop(self.first.replace(only)); // the place is empty
        None
    }

    /// Removes the callbacks that Python code added and that are one of `functions`.
    pub(crate) fn remove_calls(&self, functions: &[Bound<'_, PyAny>]) {
        self.retain(|callback| {
            !matches!(callback, Callback::Call { function, .. }
                if functions.iter().any(|removed| function.is(removed)))
        });
    }

    /// Keeps what `keep`, which runs no foreign code, says; releases the rest afterwards.
    fn retain(&self, keep: impl Fn(&Callback) -> bool) {
        if self.is_empty() {
            return;
        }
        let (first, rest) = self.take();
        if rest.is_empty() {
            match first {
                Some(callback) if keep(&callback) => self.push(callback),
                removed => drop(removed),
            }
            return;
        }
        let (kept, removed): (Vec<_>, Vec<_>) = first.into_iter().chain(rest).partition(keep);
        self.put_back(kept);
        drop(removed);
    }
}

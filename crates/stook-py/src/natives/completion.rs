//! The coroutine that waits for the next future of an `as_completed`.
//!
//! # Source
//! `_wait_for_one`, `_AsCompletedIterator.__anext__`, CPython 3.11 to 3.13 `asyncio/tasks.py`;
//! `Queue.get`, `asyncio/queues.py`.

use std::cell::Cell;

use crate::ffi::intern;
use pyo3::exceptions::{PyRuntimeError, PyStopAsyncIteration, PyTimeoutError};
use pyo3::prelude::*;

use super::completions::{self, CompletionsState};
use super::ended::{self, EndedState};
use crate::awaiting::Awaiting;
use crate::coroutine::{self, Common, Coroutine, Identity};
use crate::errors::Imported;
use crate::ffi::class::WeakReferences;
use crate::ffi::coro::Resumed;
use crate::ffi::gc::traverse;
use crate::ffi::{Class, Fallible, HeldCell, Ref, TypeSlot, call, compat, error};
use crate::future;

/// What the coroutine returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Gives {
    /// What the future ended with.
    #[default]
    Result,
    /// The future.
    Future,
}

static WAIT_FOR_ONE: Imported = Imported::new(
    "asyncio.tasks",
    if compat::SINCE_3_13 {
        "_AsCompletedIterator._wait_for_one"
    } else {
        "as_completed.<locals>._wait_for_one"
    },
);
static NEXT: Imported = Imported::new("asyncio.tasks", "_AsCompletedIterator.__anext__");

static RESULT: Identity = Identity {
    name: "_wait_for_one",
    qualname: WAIT_FOR_ONE.place().1,
    original: &WAIT_FOR_ONE,
};
static FUTURE: Identity = Identity {
    name: "__anext__",
    qualname: "_AsCompletedIterator.__anext__",
    original: &NEXT,
};

/// Looks up what is needed where `as_completed` is as we know it; elsewhere it is not used.
pub(super) fn capture(py: Python<'_>) {
    let _ = WAIT_FOR_ONE.get(py);
    if compat::SINCE_3_13 {
        let _ = NEXT.get(py);
    }
}

/// The state of the coroutine.
#[derive(Debug, Default)]
pub(super) struct CompletionState {
    common: Common,
    /// What has ended.
    ended: HeldCell,
    /// The iterator whose method it is, in 3.13.
    iterator: HeldCell,
    /// The future that it waits for until something has ended.
    getter: HeldCell,
    awaiting: Awaiting,
    gives: Cell<Gives>,
}

traverse!(CompletionState: common, ended, iterator, getter, awaiting);

impl Class for CompletionState {
    type Extras = WeakReferences;

    const KEPT: usize = 64;

    fn slot() -> &'static TypeSlot {
        static SLOT: TypeSlot = TypeSlot::new();
        &SLOT
    }

    fn is_at_rest(&self) -> bool {
        self.common.is_closed()
    }
}

/// A coroutine that waits for the next future of `completions`.
///
/// # Errors
/// `MemoryError`, and what looking at the stack raises where origins are tracked.
pub(super) fn new<'py>(
    completions: &Ref<'py, CompletionsState>,
    gives: Gives,
) -> Fallible<Bound<'py, PyAny>> {
    let py = completions.py();
    coroutine::make(py, |state: &CompletionState| {
        state.ended.set(completions.ended(py));
        if completions::IS_ITERATOR {
            state.iterator.set(completions.as_any().clone());
        }
        state.gives.set(gives);
    })
}

impl Coroutine for CompletionState {
    fn common(&self) -> &Common {
        &self.common
    }

    fn identity(&self) -> &Identity {
        match self.gives.get() {
            Gives::Result => &RESULT,
            Gives::Future => &FUTURE,
        }
    }

    fn advance<'py>(
        this: &Ref<'py, Self>,
        thrown: Option<Bound<'py, PyAny>>,
        begins: bool,
    ) -> Fallible<Resumed<'py>> {
        let py = this.py();
        let queue = this.ended.get_or_none(py);
        let Some(queue) = Ref::<EndedState>::cast(&queue) else {
            return Err(PyRuntimeError::new_err("nothing to wait for").into());
        };
        let advanced = if begins {
            if this.gives.get() == Gives::Future && !asks(this) {
                Err(PyStopAsyncIteration::new_err(()).into())
            } else {
                take(this, queue)
            }
        } else {
            match this.awaiting.resume(py, thrown) {
                Ok(Resumed::Yielded(yielded)) => return Ok(Resumed::Yielded(yielded)),
                Ok(Resumed::Returned(_)) => take(this, queue),
                Err(raised) => Err(error::finally(py, raised, || {
                    ended::leave(queue, &this.getter.get_or_none(py))
                })),
            }
        };
        if !matches!(advanced, Ok(Resumed::Yielded(_))) {
            let ended = advanced.map_err(|raised| raised.take(py));
            this.getter.clear();
            this.ended.clear();
            this.iterator.clear();
            return ended.map_err(error::again);
        }
        advanced
    }

    fn awaited<'py>(this: &Ref<'py, Self>) -> Option<Bound<'py, PyAny>> {
        this.awaiting.shown(this.py())
    }
}

/// Counts one more that is asked for; `false` when there is none.
fn asks(this: &Ref<'_, CompletionState>) -> bool {
    let iterator = this.iterator.get_or_none(this.py());
    Ref::<CompletionsState>::cast(&iterator).is_some_and(|iterator| iterator.ask())
}

/// Takes the first of what ended, or waits until there is one.
fn take<'py>(
    this: &Ref<'py, CompletionState>,
    queue: &Ref<'py, EndedState>,
) -> Fallible<Resumed<'py>> {
    let py = this.py();
    let Some(ended) = queue.pop(py) else {
        let getter = ended::join(queue)?;
        this.getter.set(getter.clone());
        return this.awaiting.begin(&getter);
    };
    if ended.is_none() {
        return Err(PyTimeoutError::new_err(()).into());
    }
    if this.gives.get() == Gives::Future {
        return Ok(Resumed::Returned(ended));
    }
    let result = match future::plain(&ended) {
        Some(plain) => future::result(plain)?,
        None => call::method0(&ended, intern!(py, "result"))?,
    };
    Ok(Resumed::Returned(result))
}

/// Makes the class.
///
/// # Errors
/// What making a class raises.
pub(super) fn build(py: Python<'_>) -> Fallible<()> {
    coroutine::build::<CompletionState>(py, c"stook.coroutine", [])
}

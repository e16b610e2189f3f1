//! The coroutine of a native method: what it does, stage by stage, is its `Routine`.

use std::cell::Cell;

use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::awaiting::Awaiting;
use crate::coroutine::{self, Common, Coroutine, Identity};
use crate::errors;
use crate::ffi::class::WeakReferences;
use crate::ffi::coro::Resumed;
use crate::ffi::gc::traverse;
use crate::ffi::{Args, Class, Fallible, HeldCell, Ref, TypeSlot, error};
use crate::loop_core;

/// What a native coroutine method does.
pub(crate) struct Routine {
    /// The method that it stands for.
    pub(crate) identity: Identity,
    /// Begins, in stage 0, or goes on; `thrown` is raised where it waits.
    pub(crate) advance: Advance,
}

type Advance = for<'py> fn(
    &Ref<'py, RoutineState>,
    thrown: Option<Bound<'py, PyAny>>,
) -> Fallible<Resumed<'py>>;

/// The most arguments that a routine takes, after the object.
const MOST_ARGUMENTS: usize = 3;

/// The stage of one that runs the coroutine of the method it stands for: no loop of ours runs.
const DELEGATED: u8 = u8::MAX;

/// The state of such a coroutine.
#[derive(Default)]
pub(crate) struct RoutineState {
    common: Common,
    routine: Cell<Option<&'static Routine>>,
    subject: HeldCell,
    arguments: [HeldCell; MOST_ARGUMENTS],
    count: Cell<u8>,
    stage: Cell<u8>,
    /// The future it waits for, where it has to know.
    pub(super) future: HeldCell,
    /// What it keeps from one stage to another.
    pub(super) kept: HeldCell,
    pub(super) awaiting: Awaiting,
}

impl std::fmt::Debug for RoutineState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RoutineState({})", self.identity().qualname)
    }
}

traverse!(RoutineState: common, subject, arguments, future, kept, awaiting);

impl Class for RoutineState {
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

/// A coroutine that runs `routine` for the first of `given`, with the others as its arguments.
///
/// # Errors
/// `MemoryError`, and what looking at the stack raises where origins are tracked.
pub(crate) fn new<'py, const N: usize>(
    routine: &'static Routine,
    given: [Bound<'py, PyAny>; N],
) -> Fallible<Bound<'py, PyAny>> {
    coroutine::make(given[0].py(), |state: &RoutineState| {
        state.fill(routine, given);
    })
}

impl RoutineState {
    #[inline]
    fn fill<const N: usize>(&self, routine: &'static Routine, given: [Bound<'_, PyAny>; N]) {
        const { assert!(N >= 1 && N <= MOST_ARGUMENTS + 1) };
        self.routine.set(Some(routine));
        self.count.set((N - 1) as u8);
        for (index, object) in given.into_iter().enumerate() {
            match index {
                0 => self.subject.set(object),
                // Nothing stands for `None`.
                _ if object.is_none() => {}
                _ => self.arguments[index - 1].set(object),
            }
        }
    }

    /// How far it has come; 0 is the beginning.
    pub(super) fn stage(&self) -> u8 {
        self.stage.get()
    }

    /// Sets how far it has come.
    pub(super) fn set_stage(&self, stage: u8) {
        self.stage.set(stage);
    }

    /// The object whose method it is.
    pub(super) fn subject<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        self.subject.get_or_none(py)
    }

    /// An argument.
    pub(super) fn argument<'py>(&self, py: Python<'py>, index: usize) -> Bound<'py, PyAny> {
        self.arguments[index].get_or_none(py)
    }

    fn let_go(&self) {
        self.subject.clear();
        self.arguments.iter().for_each(HeldCell::clear);
        self.future.clear();
        self.kept.clear();
    }
}

static NONE: Identity = Identity {
    name: "coroutine",
    qualname: "coroutine",
    original: &errors::CANCELLED_ERROR,
};

impl Coroutine for RoutineState {
    fn common(&self) -> &Common {
        &self.common
    }

    fn identity(&self) -> &Identity {
        self.routine
            .get()
            .map_or(&NONE, |routine| &routine.identity)
    }

    fn advance<'py>(
        this: &Ref<'py, Self>,
        thrown: Option<Bound<'py, PyAny>>,
        begins: bool,
    ) -> Fallible<Resumed<'py>> {
        let Some(routine) = this.routine.get() else {
            return Err(errors::runtime_error("a coroutine without a routine"));
        };
        let py = this.py();
        let resumed = if this.stage.get() == DELEGATED {
            this.awaiting.resume(py, thrown)
        } else if begins && !loop_core::runs_plain(py) {
            delegate(this)
        } else {
            (routine.advance)(this, thrown)
        };
        match resumed {
            Ok(Resumed::Yielded(yielded)) => Ok(Resumed::Yielded(yielded)),
            Ok(Resumed::Returned(value)) => {
                this.let_go();
                Ok(Resumed::Returned(value))
            }
            Err(raised) => {
                let exception = raised.take(py);
                this.let_go();
                Err(error::again(exception))
            }
        }
    }

    fn awaited<'py>(this: &Ref<'py, Self>) -> Option<Bound<'py, PyAny>> {
        this.awaiting.shown(this.py())
    }
}

/// Runs the coroutine of the method that this one stands for, from its beginning.
///
/// # Errors
/// What it raises.
pub(super) fn delegate<'py>(this: &Ref<'py, RoutineState>) -> Fallible<Resumed<'py>> {
    let py = this.py();
    let count = usize::from(this.count.get());
    let given: Vec<_> = [this.subject(py)]
        .into_iter()
        .chain((0..count).map(|index| this.argument(py, index)))
        .collect();
    let original = this.identity().original.get(py)?;
    let coroutine = original.call1(PyTuple::new(py, given)?)?;
    this.set_stage(DELEGATED);
    this.awaiting.run(&coroutine)
}

/// Does the work of a coroutine method: makes the coroutine where it is ours to run, and calls the
/// method that `routine` stands for where it is not.
///
/// # Errors
/// What the other method raises.
#[inline]
pub(crate) fn call<'py, const N: usize>(
    routine: &'static Routine,
    args: &Args<'_, 'py>,
    is_ours: impl FnOnce(&Bound<'py, PyAny>) -> Fallible<bool>,
) -> Fallible<Bound<'py, PyAny>> {
    let py = args.py();
    if loop_core::runs_plain(py)
        && let Some(given) = args.exactly::<N>()
        // What is wrong with it, the coroutine of the method says when it runs.
        && is_ours(&given[0]).unwrap_or_else(|raised| {
            raised.clear(py);
            false
        })
    {
        return coroutine::make_undebugged(py, |state: &RoutineState| state.fill(routine, given));
    }
    args.forward(routine.identity.original.get(py)?)
}

/// Makes the class.
///
/// # Errors
/// What making a class raises.
pub(crate) fn build(py: Python<'_>) -> Fallible<()> {
    coroutine::build::<RoutineState>(py, c"stook.coroutine", [])
}

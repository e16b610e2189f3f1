//! Steps and wake-ups as Python callables, for loops and futures that are not ours, and for
//! debug mode, where every callback goes through a handle.

use crate::ffi::once::Once;
use pyo3::prelude::*;

use crate::ffi::gc::traverse;
use crate::ffi::method::BoundDefinition;
use crate::ffi::{
    Args, Builder, Class, Fallible, GetSet, HeldCell, Method, NoExtras, Ref, Signature, TypeSlot,
};
use crate::step;
use crate::task::TaskState;

/// The state of the callable that runs one step.
#[derive(Debug, Default)]
struct StepState {
    task: HeldCell,
    exception: HeldCell,
}

traverse!(StepState: task, exception);

impl Class for StepState {
    type Extras = NoExtras;

    fn slot() -> &'static TypeSlot {
        static SLOT: TypeSlot = TypeSlot::new();
        &SLOT
    }
}

/// A callable that runs the task's next step.
pub(crate) fn step_as_python<'py>(
    task: &Ref<'py, TaskState>,
    exception: Option<Bound<'py, PyAny>>,
) -> Fallible<Bound<'py, PyAny>> {
    let state = StepState::default();
    state.task.set(task.as_any().clone());
    state.exception.set_or_clear(exception);
    Ok(Ref::allocate(task.py(), state)?.into_any())
}

fn run<'py>(this: &Ref<'py, StepState>, args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    const SIGNATURE: Signature<0> = Signature::python("function", [], 0, 0);
    let py = this.py();
    let [] = args.parse(&SIGNATURE)?;
    if let Some(task) = this.task.get(py)
        && let Some(task) = Ref::<TaskState>::cast(&task)
    {
        step::step(task, this.exception.get(py))?;
    }
    Ok(py.None().into_bound(py))
}

/// The task's `_wakeup`, bound: `wakeup(future)`.
pub(crate) fn as_python<'py>(
    task: &Bound<'py, PyAny>,
) -> Fallible<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
    static WAKEUP: Once<&'static BoundDefinition> = Once::new();
    let py = task.py();
    let definition = WAKEUP.get_or_init(py, || {
        Method::<TaskState>::one(c"task_wakeup", c"The awaited future is done.", wake).leak()
    });
    match Ref::<TaskState>::cast(task) {
        Some(task) => Ok((
            Method::<TaskState>::bind(definition, task)?,
            task.context.get_or_none(py)?,
        )),
        None => Err(crate::errors::runtime_error("only a task can be woken")),
    }
}

fn wake<'py>(
    task: &Ref<'py, TaskState>,
    awaited: &Bound<'py, PyAny>,
) -> Fallible<Bound<'py, PyAny>> {
    step::wake(task, awaited)?;
    Ok(task.py().None().into_bound(task.py()))
}

/// Makes the class.
///
/// # Errors
/// What making a class raises.
pub(crate) fn build(py: Python<'_>) -> Fallible<()> {
    Builder::<StepState>::new(c"stook.TaskStepMethWrapper")
        .callable(run)
        .attributes([GetSet::read(c"__self__", |this: &Ref<'_, StepState>| {
            Ok(this.task.get_or_none(this.py()))
        })])
        .build(py)?;
    Ok(())
}

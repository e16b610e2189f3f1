//! Leaving a `TaskGroup`: waiting for its tasks, and how the block ends.
//!
//! The kernel's `TaskGroupExit` decides.
//!
//! # Source
//! `TaskGroup.__aexit__`, CPython 3.11 to 3.13 `asyncio/taskgroups.py`.

use std::cell::Cell;

use crate::ffi::intern;
use pyo3::prelude::*;
use pyo3::types::PyList;
use stook_kernel::{ChildrenGone, ExitEnd, TaskGroupExit};

use super::task_group::{self, GROUP, machine, set_mark};
use super::{Native, block, group_field as field, tasks};
use crate::asking;
use crate::awaiting::Awaiting;
use crate::coroutine::{self, Common, Coroutine, Identity};
use crate::errors::{self, Imported};
use crate::ffi::class::WeakReferences;
use crate::ffi::coro::Resumed;
use crate::ffi::gc::traverse;
use crate::ffi::{Args, Class, Fallible, HeldCell, Raised, Ref, TypeSlot, call, error};
use crate::future;
use crate::loop_core::{self, LoopState};
use crate::reference::reference;
use crate::set_at::SetAt;

static EXIT: Imported = Imported::new("asyncio.taskgroups", "TaskGroup.__aexit__");
static EXCEPTION_GROUP: Imported = Imported::new("builtins", "BaseExceptionGroup");

/// The method.
pub(super) const NATIVES: &[Native] = &[Native {
    original: &EXIT,
    body: exit,
}];

static IDENTITY: Identity = Identity {
    name: "__aexit__",
    qualname: "TaskGroup.__aexit__",
    original: &EXIT,
};

/// The state of a `TaskGroup.__aexit__` coroutine.
#[derive(Debug, Default)]
pub(crate) struct GroupExitState {
    common: Common,
    group: HeldCell,
    class: HeldCell,
    exception: HeldCell,
    traceback: HeldCell,
    /// The cancellation to be raised where there are no errors.
    cancellation: HeldCell,
    awaiting: Awaiting,
    progress: Cell<Option<TaskGroupExit>>,
    /// Where the block is.
    from: SetAt,
}

traverse!(
    GroupExitState: common, group, class, exception, traceback, cancellation, awaiting
);

impl Class for GroupExitState {
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

/// `group.__aexit__(et, exc, tb)`
fn exit<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    let py = args.py();
    if loop_core::running_plain(py).is_some()
        && let Some([group, class, exception, traceback]) = args.exactly::<4>()
        && task_group::is_group(&group)?
    {
        return coroutine::make_undebugged(py, |state: &GroupExitState| {
            state.group.set(group);
            // Nothing stands for `None`.
            let places = [&state.class, &state.exception, &state.traceback];
            for (place, given) in places.into_iter().zip([class, exception, traceback]) {
                place.set_or_clear((!given.is_none()).then_some(given));
            }
        });
    }
    args.forward(EXIT.get(py)?)
}

impl Coroutine for GroupExitState {
    fn common(&self) -> &Common {
        &self.common
    }

    fn identity(&self) -> &Identity {
        &IDENTITY
    }

    fn advance<'py>(
        this: &Ref<'py, Self>,
        thrown: Option<Bound<'py, PyAny>>,
        begins: bool,
    ) -> Fallible<Resumed<'py>> {
        let py = this.py();
        let resumed = if begins {
            begin(this)
        } else {
            let resumed = this.awaiting.resume(py, thrown);
            match this.progress.get() {
                Some(progress) => go_on(this, progress, resumed),
                None => resumed,
            }
        };
        match resumed {
            Ok(Resumed::Yielded(yielded)) => Ok(Resumed::Yielded(yielded)),
            ended => {
                let ended = ended.map_err(|raised| raised.take(py));
                if this.progress.get().is_some() && reference(py)?.group_lets_go {
                    let_go(&this.group.get_or_none(py))?;
                }
                for cell in [
                    &this.group,
                    &this.class,
                    &this.exception,
                    &this.traceback,
                    &this.cancellation,
                ] {
                    cell.clear();
                }
                ended.map_err(error::again)
            }
        }
    }

    fn awaited<'py>(this: &Ref<'py, Self>) -> Option<Bound<'py, PyAny>> {
        this.awaiting.shown(this.py())
    }
}

/// Runs asyncio's own coroutine: there is no loop of ours, or the block did not end as blocks do.
fn delegate<'py>(this: &Ref<'py, GroupExitState>) -> Fallible<Resumed<'py>> {
    let py = this.py();
    let coroutine = EXIT.get(py)?.call1((
        this.group.get_or_none(py),
        this.class.get_or_none(py),
        this.exception.get_or_none(py),
        this.traceback.get_or_none(py),
    ))?;
    this.awaiting.run(&coroutine)
}

fn begin<'py>(this: &Ref<'py, GroupExitState>) -> Fallible<Resumed<'py>> {
    let py = this.py();
    let group = this.group.get_or_none(py);
    if loop_core::running_plain(py).is_none() {
        return delegate(this);
    }
    let exception = this.exception.get_or_none(py);
    let Some(body) = block::body_end(&this.class.get_or_none(py), &exception)? else {
        return delegate(this);
    };
    let mut state = machine(&group)?;
    let is_base = body.is_exception() && task_group::is_base_error(&group, &exception)?;
    let (mut progress, actions) = state.exit(body, is_base, reference(py)?.group_exits);
    set_mark(&group, field::EXITING)?;
    if actions.keep_base_error {
        task_group::keep_base_error(&group, &exception)?;
    }
    this.cancellation.set(exception);
    if actions.uncancel {
        progress.uncancelled(uncancel_parent(&group)?);
    }
    this.from.set(asking::here(py)?);
    if actions.abort {
        request_abort(this, &group)?;
    }
    wait(this, &group, progress)
}

fn parent<'py>(group: &Bound<'py, PyAny>) -> Fallible<Bound<'py, PyAny>> {
    GROUP.read(group, field::PARENT_TASK)
}

fn uncancel_parent(group: &Bound<'_, PyAny>) -> Fallible<u32> {
    tasks::uncancel(&parent(group)?)
}

/// Waits until there is no task.
fn wait<'py>(
    this: &Ref<'py, GroupExitState>,
    group: &Bound<'py, PyAny>,
    progress: TaskGroupExit,
) -> Fallible<Resumed<'py>> {
    let py = this.py();
    this.progress.set(Some(progress));
    if task_group::children(group)?.count()? == 0 {
        return end(this, group, progress);
    }
    let mut waiter = GROUP.read(group, field::ON_COMPLETED)?;
    if waiter.is_none() {
        let event_loop = GROUP.read(group, field::LOOP)?;
        waiter = match Ref::<LoopState>::cast(&event_loop) {
            Some(native) => future::create(native)?.into_any(),
            None => call::method0(&event_loop, intern!(py, "create_future"))?,
        };
        GROUP.write(group, field::ON_COMPLETED, &waiter)?;
    }
    let resumed = this.awaiting.begin(&waiter);
    go_on(this, progress, resumed)
}

fn go_on<'py>(
    this: &Ref<'py, GroupExitState>,
    mut progress: TaskGroupExit,
    resumed: Fallible<Resumed<'py>>,
) -> Fallible<Resumed<'py>> {
    let py = this.py();
    let group = this.group.get_or_none(py);
    match resumed {
        Ok(Resumed::Yielded(yielded)) => return Ok(Resumed::Yielded(yielded)),
        Ok(Resumed::Returned(_)) => {}
        Err(raised) => {
            let exception = raised.take(py);
            if !error::is_a(&exception, errors::CANCELLED_ERROR.get(py)?) {
                return Err(error::again(exception));
            }
            interrupt(this, &group, &mut progress, exception)?;
        }
    }
    GROUP.write(&group, field::ON_COMPLETED, &py.None().into_bound(py))?;
    wait(this, &group, progress)
}

/// The wait was cancelled.
fn interrupt<'py>(
    this: &Ref<'py, GroupExitState>,
    group: &Bound<'py, PyAny>,
    progress: &mut TaskGroupExit,
    cancellation: Bound<'py, PyAny>,
) -> Fallible<()> {
    let mut state = machine(group)?;
    if progress.interrupted(&mut state) {
        this.cancellation.set(cancellation);
        request_abort(this, group)?;
    }
    Ok(())
}

/// Asks the tasks of the group to cancel, because the block has ended or the wait was cancelled.
fn request_abort<'py>(this: &Ref<'py, GroupExitState>, group: &Bound<'py, PyAny>) -> Fallible<()> {
    let py = this.py();
    let exception = this.cancellation.get(py).filter(|ended| !ended.is_none());
    let record = asking::by_end(py, exception.as_ref(), this.from.place(py))?.record(py)?;
    asking::handing(&record, Some(group), || task_group::request_abort(group))
}

/// No task is left.
fn end<'py>(
    this: &Ref<'py, GroupExitState>,
    group: &Bound<'py, PyAny>,
    mut progress: TaskGroupExit,
) -> Fallible<Resumed<'py>> {
    let py = this.py();
    let has_base_error = !GROUP.is_none(group, field::BASE_ERROR)?;
    match progress.children_gone(&machine(group)?, has_base_error) {
        ChildrenGone::Nothing => {}
        ChildrenGone::RaiseBaseError => {
            return Err(error::raise(&GROUP.read(group, field::BASE_ERROR)?));
        }
        ChildrenGone::Uncancel => progress.uncancelled(uncancel_parent(group)?),
    }
    let kept = GROUP.read(group, field::ERRORS)?;
    let has_errors = match kept.cast_exact::<PyList>() {
        Ok(list) => !list.is_empty(),
        Err(_) => kept.is_truthy()?,
    };
    match progress.end(usize::from(has_errors)) {
        ExitEnd::Return => Ok(Resumed::Returned(py.None().into_bound(py))),
        ExitEnd::PropagateCancellation => Err(error::raise(&this.cancellation.get_or_none(py))),
        ExitEnd::RaiseGroup {
            add_body,
            renew_request,
        } => {
            if add_body {
                let exception = this.exception.get_or_none(py);
                call::method1(&kept, intern!(py, "append"), &exception)?;
            }
            if renew_request {
                let parent = parent(group)?;
                if tasks::cancelling(&parent)? != 0 {
                    tasks::uncancel(&parent)?;
                    tasks::cancel_again(&parent)?;
                }
            }
            Err(raise_group(group, &kept)?)
        }
    }
}

/// Raises the errors as a group, from nothing, and lets go of them.
fn raise_group<'py>(group: &Bound<'py, PyAny>, kept: &Bound<'py, PyAny>) -> Fallible<Raised> {
    let py = group.py();
    let made = EXCEPTION_GROUP
        .get(py)?
        .call1((intern!(py, "unhandled errors in a TaskGroup"), kept));
    GROUP.write(group, field::ERRORS, &py.None().into_bound(py))?;
    let made = made?;
    error::set_cause(&made, None);
    Ok(error::raise(&made))
}

/// What the group need not keep alive once its block is left.
fn let_go(group: &Bound<'_, PyAny>) -> Fallible<()> {
    let py = group.py();
    let none = py.None().into_bound(py);
    GROUP.write_all(
        group,
        [field::PARENT_TASK, field::ERRORS, field::BASE_ERROR].map(|reference| (reference, &none)),
    )
}

/// Makes the class.
///
/// # Errors
/// What making a class raises.
pub(crate) fn build(py: Python<'_>) -> Fallible<()> {
    coroutine::build::<GroupExitState>(py, c"stook.coroutine", [])
}

//! `TaskGroup`: entering it, its tasks, and what becomes of the group when one is done.
//!
//! The kernel's `TaskGroup` decides; its marks are the instance's attributes.
//!
//! # Source
//! `TaskGroup`, CPython 3.11 to 3.13 `asyncio/taskgroups.py`.

use crate::ffi::intern;
use pyo3::exceptions::PyAttributeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use stook_kernel::{AfterError, CancelKind, ChildDone, Outcome, TaskGroup, TaskGroupMarks};

use super::children::Children;
use super::group_field as field;
use super::routine::{self, Routine, RoutineState};
use super::stock_class::StockClass;
use super::{Native, tasks};
use crate::asking::{self, Handed};
use crate::callbacks::Callback;
use crate::coroutine::Identity;
use crate::ensure;
use crate::errors::Imported;
use crate::ffi::coro::Resumed;
use crate::ffi::layout::Field;
use crate::ffi::{Args, Fallible, Held, Ref, Signature, call};
use crate::future;
use crate::future_class::python_bool;
use crate::loop_core::{self, LoopState};
use crate::record::Request;
use crate::reference::reference;
use crate::task::{self, Options, TaskState};

/// The class.
pub(super) static GROUP: StockClass =
    StockClass::new("asyncio.taskgroups", "TaskGroup", &[]).with_fields(field::ALL);
static ENTER: Imported = Imported::new("asyncio.taskgroups", "TaskGroup.__aenter__");
static CREATE_TASK: Imported = Imported::new("asyncio.taskgroups", "TaskGroup.create_task");
static ON_TASK_DONE: Imported = Imported::new("asyncio.taskgroups", "TaskGroup._on_task_done");
static ABORT: Imported = Imported::new("asyncio.taskgroups", "TaskGroup._abort");

/// The methods.
pub(super) const NATIVES: &[Native] = &[
    Native {
        original: &ENTER,
        body: enter,
    },
    Native {
        original: &CREATE_TASK,
        body: create_task,
    },
    Native {
        original: &ON_TASK_DONE,
        body: on_task_done,
    },
    Native {
        original: &ABORT,
        body: abort_method,
    },
];

static ENTERING: Routine = Routine {
    identity: Identity {
        name: "__aenter__",
        qualname: "TaskGroup.__aenter__",
        original: &ENTER,
    },
    advance: advance_entering,
};

/// Whether `object` is a group whose methods are ours.
pub(super) fn is_group(object: &Bound<'_, PyAny>) -> Fallible<bool> {
    GROUP.is_class_of(object)
}

/// Sets a mark to `True`.
pub(super) fn set_mark(group: &Bound<'_, PyAny>, mark: Field) -> Fallible<()> {
    GROUP.write(group, mark, &python_bool(group.py(), true))
}

/// The group's tasks.
pub(super) fn children<'py>(group: &Bound<'py, PyAny>) -> Fallible<Children<'py>> {
    Ok(Children(GROUP.read(group, field::TASKS)?))
}

/// The kernel's group with the marks that `group` has.
pub(super) fn machine(group: &Bound<'_, PyAny>) -> Fallible<TaskGroup> {
    let marks = [
        field::ENTERED,
        field::EXITING,
        field::ABORTING,
        field::PARENT_CANCEL_REQUESTED,
    ];
    if let Some([entered, exiting, aborting, parent_cancel_requested]) =
        GROUP.truths(group, marks)?
    {
        return Ok(TaskGroup::from_marks(TaskGroupMarks {
            entered,
            exiting,
            aborting,
            parent_cancel_requested,
            // Only joining depends on it.
            tasks: 0,
        }));
    }
    machine_by_name(group)
}

/// The same where an attribute is missing, or is neither `True` nor `False`.
#[cold]
fn machine_by_name(group: &Bound<'_, PyAny>) -> Fallible<TaskGroup> {
    let py = group.py();
    let has = |mark| is_marked(group, mark);
    // These two asyncio reads when a task joins, and at no other time.
    let if_there = |mark, otherwise| match is_marked(group, mark) {
        Err(raised) if raised.matches(py.get_type::<PyAttributeError>().as_any()) => {
            raised.clear(py);
            Ok(otherwise)
        }
        known => known,
    };
    Ok(TaskGroup::from_marks(TaskGroupMarks {
        entered: if_there(field::ENTERED, true)?,
        exiting: if_there(field::EXITING, false)?,
        aborting: has(field::ABORTING)?,
        parent_cancel_requested: has(field::PARENT_CANCEL_REQUESTED)?,
        // Only joining depends on it.
        tasks: 0,
    }))
}

/// `bool(group.mark)`
fn is_marked(group: &Bound<'_, PyAny>, mark: Field) -> Fallible<bool> {
    Ok(GROUP.read(group, mark)?.is_truthy()?)
}

fn enter<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    routine::call::<1>(&ENTERING, args, is_group)
}

fn advance_entering<'py>(
    this: &Ref<'py, RoutineState>,
    _thrown: Option<Bound<'py, PyAny>>,
) -> Fallible<Resumed<'py>> {
    let py = this.py();
    let group = this.subject(py);
    let Some(running) = loop_core::running_plain(py) else {
        return routine::delegate(this);
    };
    let has_loop = !GROUP.is_none(&group, field::LOOP)?;
    let parent = tasks::current(&running)?;
    // One that is missing is told of by this.
    GROUP.is_none(&group, field::ENTERED)?;
    let is_entered = machine(&group)?.enter().is_err();
    let Some(parent) = parent.filter(|_| !is_entered && !has_loop) else {
        // asyncio has its words for each of these.
        return routine::delegate(this);
    };
    GROUP.write_all(
        &group,
        [
            (field::LOOP, running.as_any()),
            (field::PARENT_TASK, &parent),
            (field::ENTERED, &python_bool(py, true)),
        ],
    )?;
    Ok(Resumed::Returned(group))
}

/// The tasks of `group`, if it takes another one and belongs to `running`.
fn spawning<'py>(
    group: &Bound<'py, PyAny>,
    running: &Ref<'py, LoopState>,
) -> Fallible<Option<Children<'py>>> {
    let marks = [field::ENTERED, field::EXITING, field::ABORTING];
    let [entered, exiting, aborting] = match GROUP.truths(group, marks)? {
        Some(truths) => truths,
        None => {
            let [entered, exiting, aborting] = marks.map(|mark| is_marked(group, mark));
            [entered?, exiting?, aborting?]
        }
    };
    let children = children(group)?;
    let machine = TaskGroup::from_marks(TaskGroupMarks {
        entered,
        exiting,
        aborting,
        tasks: if exiting { children.count()? } else { 0 },
        // Joining does not depend on it.
        parent_cancel_requested: false,
    });
    let belongs = GROUP.read(group, field::LOOP)?.is(running.as_any());
    Ok((belongs && machine.spawn().is_ok()).then_some(children))
}

/// `group.create_task(coro, *, name=None, context=None)`
fn create_task<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    const SIGNATURE: Signature<4> = Signature::python(
        "TaskGroup.create_task",
        ["self", "coro", "name", "context"],
        2,
        2,
    );
    let py = args.py();
    if let Some(running) = loop_core::running_plain(py)
        && let Ok([Some(group), Some(coroutine), name, context]) =
            args.parse(&SIGNATURE).map_err(|raised| raised.clear(py))
        && GROUP.plain(&group)?.is_some()
        && let Some(children) = spawning(&group, &running).unwrap_or_else(|raised| {
            // What is wrong with the group, asyncio has its words for.
            raised.clear(py);
            None
        })
        && ensure::spawns_natively(running.as_any()).is_some()
    {
        let name = name.filter(|name| !name.is_none());
        let passes_name = reference(py)?.group_passes_name;
        // Where the name is set afterwards, the task has taken a number before.
        let (early, late) = if passes_name {
            (name, None)
        } else {
            (None, name)
        };
        let options = Options {
            name: early,
            context,
            eager_start: false,
        };
        let task = task::spawn(&running, &coroutine, options)?;
        if let Some(name) = late {
            task.set_name(&name)?;
        }
        children.add(task.as_any())?;
        future::add_callback(task::as_future(&task), Callback::Settle(Held::new(&group)))?;
        return Ok(task.into_any());
    }
    args.forward(CREATE_TASK.get(py)?)
}

fn on_task_done<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    let py = args.py();
    if loop_core::running_plain(py).is_some()
        && let Some([group, task]) = args.exactly::<2>()
        && is_group(&group)?
    {
        settle(&group, &task)?;
        return Ok(py.None().into_bound(py));
    }
    args.forward(ON_TASK_DONE.get(py)?)
}

/// `group._on_task_done(task)`
///
/// # Errors
/// What a task whose methods are not ours raises.
pub(super) fn settle<'py>(group: &Bound<'py, PyAny>, task: &Bound<'py, PyAny>) -> Fallible<()> {
    let py = group.py();
    let original = || ON_TASK_DONE.get(py)?.call1((group, task)).map(drop);
    let own = Ref::<TaskState>::cast_exact(task).filter(|own| task::as_future(own).is_done());
    let Some(own) = own else {
        return Ok(original()?);
    };
    let children = children(group)?;
    children.discard(task)?;
    release_parent(group, &children)?;
    let future = task::as_future(own);
    if future.outcome() != Outcome::Raised {
        return Ok(());
    }
    let Some(exception) = future::exception(future)? else {
        return Ok(());
    };
    let known = (|| -> Fallible<_> {
        let parent = GROUP.read(group, field::PARENT_TASK)?;
        let is_done = tasks::is_done(&parent)?;
        Ok((machine(group)?, parent, is_done))
    })();
    let (mut machine, parent, parent_is_done) = match known {
        Ok(known) => known,
        Err(raised) => {
            // asyncio keeps the error of the task before it finds what is wrong with the group.
            raised.clear(py);
            return Ok(original()?);
        }
    };
    let done = machine.child_done(
        Outcome::Raised,
        is_base_error(group, &exception)?,
        parent_is_done,
    );
    let ChildDone::KeepError {
        as_base_error,
        then,
    } = done
    else {
        return Ok(());
    };
    let errors = GROUP.read(group, field::ERRORS)?;
    call::method1(&errors, intern!(py, "append"), &exception)?;
    if as_base_error {
        keep_base_error(group, &exception)?;
    }
    match then {
        AfterError::Nothing => Ok(()),
        AfterError::ReportOrphan => report_orphan(group, task, &parent, &exception),
        AfterError::Abort => {
            let record = asking::by_failure(task, None)?.record(py)?;
            asking::handing(&record, Some(group), || request_abort(group))?;
            set_mark(group, field::PARENT_CANCEL_REQUESTED)?;
            tasks::cancel_with(&parent, &record)
        }
    }
}

/// Wakes the parent if it waits and there is no task left.
fn release_parent(group: &Bound<'_, PyAny>, children: &Children<'_>) -> Fallible<()> {
    let py = group.py();
    if GROUP.is_none(group, field::ON_COMPLETED)? || children.count()? != 0 {
        return Ok(());
    }
    let waiter = GROUP.read(group, field::ON_COMPLETED)?;
    match future::plain(&waiter) {
        Some(plain) if plain.is_done() => Ok(()),
        Some(plain) => future::set_result(plain, python_bool(py, true)),
        None => {
            if !tasks::is_done(&waiter)? {
                let name = intern!(py, "set_result");
                call::method1(&waiter, name, &python_bool(py, true))?;
            }
            Ok(())
        }
    }
}

/// Whether an exception ends the program rather than the task: the group's own method says.
///
/// # Errors
/// What the method raises.
pub(super) fn is_base_error(
    group: &Bound<'_, PyAny>,
    exception: &Bound<'_, PyAny>,
) -> Fallible<bool> {
    let name = intern!(group.py(), "_is_base_error");
    Ok(call::method1(group, name, exception)?.is_truthy()?)
}

/// Keeps `exception` as the one to be raised, unless there is one.
pub(super) fn keep_base_error(
    group: &Bound<'_, PyAny>,
    exception: &Bound<'_, PyAny>,
) -> Fallible<()> {
    if GROUP.is_none(group, field::BASE_ERROR)? {
        GROUP.write(group, field::BASE_ERROR, exception)?;
    }
    Ok(())
}

fn report_orphan(
    group: &Bound<'_, PyAny>,
    task: &Bound<'_, PyAny>,
    parent: &Bound<'_, PyAny>,
    exception: &Bound<'_, PyAny>,
) -> Fallible<()> {
    let py = group.py();
    let details = PyDict::new(py);
    let message = format!(
        "Task {} has errored out but its parent task {} is already completed",
        task.repr()?,
        parent.str()?
    );
    details.set_item(intern!(py, "message"), message)?;
    details.set_item(intern!(py, "exception"), exception)?;
    details.set_item(intern!(py, "task"), task)?;
    let event_loop = GROUP.read(group, field::LOOP)?;
    loop_core::call_exception_handler(&event_loop, details.as_any())
}

fn abort_method<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    let py = args.py();
    if loop_core::running_plain(py).is_some()
        && let Some([group]) = args.exactly::<1>()
        && is_group(&group)?
    {
        abort(&group)?;
        return Ok(py.None().into_bound(py));
    }
    args.forward(ABORT.get(py)?)
}

/// Calls `group._abort()`, which may be somebody's own.
///
/// # Errors
/// What it raises.
pub(super) fn request_abort(group: &Bound<'_, PyAny>) -> Fallible<()> {
    call::method0(group, intern!(group.py(), "_abort")).map(drop)
}

/// Asks every task that is not done to cancel.
fn abort(group: &Bound<'_, PyAny>) -> Fallible<()> {
    let py = group.py();
    set_mark(group, field::ABORTING)?;
    // One for all of them.
    let mut record = match asking::handed(group) {
        Some(Handed::Final(record)) => Some(record),
        Some(Handed::Cause(_)) | None => None,
    };
    for task in children(group)?.0.try_iter()? {
        let task = task?;
        if tasks::is_done(&task)? {
            continue;
        }
        let record = match &record {
            Some(record) => record,
            None => record.insert(why_aborted(group)?.record(py)?),
        };
        asking::cancel_with(&task, None, record)?;
    }
    Ok(())
}

/// Why the tasks of `group` are asked to cancel: one of them, or the block, has failed, or the task
/// of the block was cancelled.
fn why_aborted<'py>(group: &Bound<'py, PyAny>) -> Fallible<Request<'py>> {
    let py = group.py();
    let request = asking::request(py)?;
    let errors = GROUP.read(group, field::ERRORS)?;
    let failed = errors.is_truthy()?;
    if !failed {
        let kind = match &request.cause {
            Some(_) => CancelKind::ParentCancelled,
            None => CancelKind::SiblingFailed,
        };
        return Ok(Request { kind, ..request });
    }
    let mut request = Request {
        kind: CancelKind::SiblingFailed,
        cause: None,
        ..request
    };
    if let Some(place) = asking::raised_at(&errors.get_item(0)?)? {
        request.origin = Some(place);
    }
    Ok(request)
}

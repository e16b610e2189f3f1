//! `timeout`, `timeout_at` and `Timeout`.
//!
//! The kernel's `Timeout` decides; its phase is the instance's `_state`.
//!
//! # Source
//! `Timeout`, CPython 3.11 to 3.13 `asyncio/timeouts.py`.

use crate::ffi::intern;
use crate::ffi::once::Once;
use pyo3::exceptions::PyTimeoutError;
use pyo3::prelude::*;
use pyo3::types::PyFloat;
use stook_kernel::{
    BodyEnd, CancelKind, ConvertRule, Timeout, TimeoutEnd, TimeoutExit, TimeoutPhase,
};

use super::routine::{self, Routine, RoutineState};
use super::stock_class::StockClass;
use super::{Native, block, tasks};
use crate::asking;
use crate::coroutine::Identity;
use crate::errors::{self, Imported};
use crate::ffi::coro::Resumed;
use crate::ffi::{Args, Fallible, Ref, Rest, call, error, instance, number};
use crate::function;
use crate::handle::{self, TimerHandleState};
use crate::loop_core::{self, LoopState};
use crate::reference::reference;
use crate::scheduling;

/// The attributes of a `Timeout`, in the order in which it gets them.
mod field {
    use crate::ffi::layout::Field;

    pub(super) const STATE: Field = Field::new(0, "_state");
    pub(super) const TIMEOUT_HANDLER: Field = Field::new(1, "_timeout_handler");
    pub(super) const TASK: Field = Field::new(2, "_task");
    pub(super) const WHEN: Field = Field::new(3, "_when");
    /// This one later, and not in every version.
    pub(super) const CANCELLING: Field = Field::new(4, "_cancelling");

    /// All of them.
    pub(super) const ALL: &[Field] = &[STATE, TIMEOUT_HANDLER, TASK, WHEN, CANCELLING];
}

/// The class.
///
/// DIFFERENCE: a `reschedule` that a program puts on one instance of `Timeout` is not called when
/// that is entered. In the class, or in a subclass, it is.
pub(super) static TIMEOUT: StockClass =
    StockClass::with_number("asyncio.timeouts", "Timeout", &["_cancelling"])
        .with_fields(field::ALL);
static FROM_DELAY: Imported = Imported::new("asyncio.timeouts", "timeout");
static ENTER: Imported = Imported::new("asyncio.timeouts", "Timeout.__aenter__");
static EXIT: Imported = Imported::new("asyncio.timeouts", "Timeout.__aexit__");
static RESCHEDULE: Imported = Imported::new("asyncio.timeouts", "Timeout.reschedule");
static ON_TIMEOUT: Imported = Imported::new("asyncio.timeouts", "Timeout._on_timeout");
static MARK: Imported = Imported::new("asyncio.timeouts", "Timeout._insert_timeout_error");
static EXCEPTION_GROUP: Imported = Imported::new("builtins", "ExceptionGroup");

static CREATED: Imported = Imported::new("asyncio.timeouts", "_State.CREATED");
static ENTERED: Imported = Imported::new("asyncio.timeouts", "_State.ENTERED");
static EXPIRING: Imported = Imported::new("asyncio.timeouts", "_State.EXPIRING");
static EXPIRED: Imported = Imported::new("asyncio.timeouts", "_State.EXPIRED");
static EXITED: Imported = Imported::new("asyncio.timeouts", "_State.EXITED");

/// What this file looks up when the module is made.
pub(super) const IMPORTS: &[&Imported] = &[&CREATED, &ENTERED, &EXPIRING, &EXPIRED, &EXITED];

/// The functions.
pub(super) const NATIVES: &[Native] = &[
    Native {
        original: &FROM_DELAY,
        body: from_delay,
    },
    Native {
        original: &ENTER,
        body: enter,
    },
    Native {
        original: &EXIT,
        body: exit,
    },
    Native {
        original: &RESCHEDULE,
        body: reschedule,
    },
    Native {
        original: &ON_TIMEOUT,
        body: on_timeout,
    },
];

static ENTERING: Routine = Routine {
    identity: Identity {
        name: "__aenter__",
        qualname: "Timeout.__aenter__",
        original: &ENTER,
    },
    advance: advance_entering,
};

static EXITING: Routine = Routine {
    identity: Identity {
        name: "__aexit__",
        qualname: "Timeout.__aexit__",
        original: &EXIT,
    },
    advance: advance_exiting,
};

fn enter<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    routine::call::<1>(&ENTERING, args, |timeout| TIMEOUT.is_class_of(timeout))
}

fn exit<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    routine::call::<4>(&EXITING, args, |timeout| TIMEOUT.is_class_of(timeout))
}

/// `timeout(delay)`
fn from_delay<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    let py = args.py();
    let original = FROM_DELAY.get(py)?;
    let (Some(running), Some([delay])) = (loop_core::running_plain(py), args.exactly::<1>()) else {
        return args.forward(original);
    };
    if !is_as_it_was(py)? {
        return args.forward(original);
    }
    let when = if delay.is_none() {
        delay
    } else {
        match number::plain(&delay) {
            Some(seconds) => PyFloat::new(py, loop_core::time(&running)? + seconds).into_any(),
            None => return args.forward(original),
        }
    };
    make(&when)
}

/// Whether no program has replaced methods of `Timeout`.
///
/// # Errors
/// What importing raises.
pub(super) fn is_as_it_was(py: Python<'_>) -> Fallible<bool> {
    TIMEOUT.is_unchanged(py)
}

/// `Timeout(when)`
fn make<'py>(when: &Bound<'py, PyAny>) -> Fallible<Bound<'py, PyAny>> {
    let py = when.py();
    let none = py.None().into_bound(py);
    let created = CREATED.get(py)?.clone();
    // As the fields are: its state, its timer, its task, when.
    TIMEOUT.new_with(py, [created, none.clone(), none, when.clone()])
}

/// Whether `callback` is what a timeout has called when its time has come.
pub(crate) fn is_expiry(callback: &Bound<'_, PyAny>) -> bool {
    instance::method_parts(callback).is_some_and(|(_, function)| {
        ON_TIMEOUT
            .get(callback.py())
            .is_ok_and(|known| function.is(known) || function::stands_for(&function, known))
    })
}

/// The method that a timer of `wait_for` stands for, of a timeout of `task`.
///
/// # Errors
/// `MemoryError`.
pub(super) fn expiry_as_python<'py>(
    task: &Bound<'py, PyAny>,
    phase: TimeoutPhase,
) -> Fallible<Bound<'py, PyAny>> {
    let py = task.py();
    let timeout = make(&py.None().into_bound(py))?;
    set_phase(&timeout, phase)?;
    TIMEOUT.write(&timeout, field::TASK, task)?;
    Ok(timeout.getattr(intern!(py, "_on_timeout"))?)
}

const PHASES: [(&Imported, TimeoutPhase); 5] = [
    (&ENTERED, TimeoutPhase::Active),
    (&CREATED, TimeoutPhase::Created),
    (&EXPIRING, TimeoutPhase::Expiring),
    (&EXPIRED, TimeoutPhase::Expired),
    (&EXITED, TimeoutPhase::Finished),
];

/// How far `timeout` is; `None` when somebody gave it a state of his own.
fn phase(timeout: &Bound<'_, PyAny>) -> Fallible<Option<TimeoutPhase>> {
    let py = timeout.py();
    let state = TIMEOUT.read(timeout, field::STATE)?;
    for (member, phase) in PHASES {
        if state.is(member.get(py)?) {
            return Ok(Some(phase));
        }
    }
    Ok(None)
}

fn set_phase(timeout: &Bound<'_, PyAny>, phase: TimeoutPhase) -> Fallible<()> {
    TIMEOUT.write(timeout, field::STATE, state_of(timeout.py(), phase)?)
}

/// The `_State` of a timeout that is so far.
fn state_of(py: Python<'_>, phase: TimeoutPhase) -> Fallible<&Bound<'_, PyAny>> {
    let member = match phase {
        TimeoutPhase::Created => &CREATED,
        TimeoutPhase::Active => &ENTERED,
        TimeoutPhase::Expiring => &EXPIRING,
        TimeoutPhase::Expired => &EXPIRED,
        TimeoutPhase::Finished => &EXITED,
    };
    Ok(member.get(py)?)
}

fn machine(timeout: &Bound<'_, PyAny>) -> Fallible<Option<Timeout>> {
    Ok(phase(timeout)?.map(Timeout::from_phase))
}

fn task_of<'py>(timeout: &Bound<'py, PyAny>) -> Fallible<Bound<'py, PyAny>> {
    TIMEOUT.read(timeout, field::TASK)
}

fn advance_entering<'py>(
    this: &Ref<'py, RoutineState>,
    _thrown: Option<Bound<'py, PyAny>>,
) -> Fallible<Resumed<'py>> {
    let py = this.py();
    let timeout = this.subject(py);
    let Some(running) = loop_core::running_plain(py) else {
        return routine::delegate(this);
    };
    let Some(mut machine) = machine(&timeout)? else {
        return routine::delegate(this);
    };
    let rules = reference(py)?;
    if machine.enter(rules.timeout_enters).is_err() {
        return Err(errors::runtime_error("Timeout has already been entered"));
    }
    let Some(task) = tasks::current(&running)? else {
        // How much is done before that is noticed differs.
        return routine::delegate(this);
    };
    let state = state_of(py, machine.phase())?;
    TIMEOUT.write_all(&timeout, [(field::STATE, state), (field::TASK, &task)])?;
    if rules.timeout_converts != ConvertRule::NoneLeft {
        let requests = tasks::cancelling(&task)?;
        TIMEOUT.write(
            &timeout,
            field::CANCELLING,
            requests.into_pyobject(py).map_err(PyErr::from)?.as_any(),
        )?;
    }
    let when = TIMEOUT.read(&timeout, field::WHEN)?;
    match number::plain(&when) {
        None if !when.is_none() => drop(RESCHEDULE.get(py)?.call1((&timeout, when))?),
        seconds => set_timer(&timeout, &when, seconds, &running)?,
    }
    Ok(Resumed::Returned(timeout))
}

/// `timeout.reschedule(when)`
fn reschedule<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    let py = args.py();
    if let Some(running) = loop_core::running_plain(py)
        && let Some([timeout, when]) = args.exactly::<2>()
        && TIMEOUT.is_class_of(&timeout)?
        && let Some(machine) = machine(&timeout)?
        && machine.reschedule().is_ok()
        && set_deadline(&timeout, &when, &running)?
    {
        return Ok(py.None().into_bound(py));
    }
    args.forward(RESCHEDULE.get(py)?)
}

/// Sets the timer of an active timeout; `false` where `when` is no plain number: nothing was done.
fn set_deadline<'py>(
    timeout: &Bound<'py, PyAny>,
    when: &Bound<'py, PyAny>,
    running: &Ref<'py, LoopState>,
) -> Fallible<bool> {
    let seconds = number::plain(when);
    if seconds.is_none() && !when.is_none() {
        return Ok(false);
    }
    TIMEOUT.write(timeout, field::WHEN, when)?;
    set_timer(timeout, when, seconds, running).map(|()| true)
}

/// Sets the timer of an active timeout for `when`, which is `seconds` of the loop's clock; none where it
/// is `None`.
fn set_timer<'py>(
    timeout: &Bound<'py, PyAny>,
    when: &Bound<'py, PyAny>,
    seconds: Option<f64>,
    running: &Ref<'py, LoopState>,
) -> Fallible<()> {
    let py = timeout.py();
    stop_timer(timeout)?;
    let timer = match seconds {
        None => py.None().into_bound(py),
        Some(seconds) => {
            if seconds <= loop_core::time(running)? {
                let callback = timeout.getattr(intern!(py, "_on_timeout"))?;
                let handle = scheduling::soon(running, &callback, Rest::Nothing, None)?;
                handle.set_from(asking::here(py)?)?;
                handle.into_any()
            } else {
                let timer = timer(timeout, (when.clone(), seconds), running)?;
                timer.set_from(asking::here(py)?);
                timer.into_any()
            }
        }
    };
    TIMEOUT.write(timeout, field::TIMEOUT_HANDLER, &timer)
}

/// The handle of a timer that calls `timeout._on_timeout`.
fn timer<'py>(
    timeout: &Bound<'py, PyAny>,
    when: (Bound<'py, PyAny>, f64),
    running: &Ref<'py, LoopState>,
) -> Fallible<Ref<'py, TimerHandleState>> {
    /// The method as it was found in the class while that was as it should be.
    static FUNCTION: Once<Py<PyAny>> = Once::new();
    let py = timeout.py();
    let name = intern!(py, "_on_timeout");
    if TIMEOUT.plain(timeout)?.is_some() {
        let function =
            FUNCTION.get_or_try_init(py, || timeout.get_type().getattr(name).map(Bound::unbind))?;
        return scheduling::method_at(running, when, function.bind(py), timeout);
    }
    let callback = timeout.getattr(name)?;
    scheduling::at(running, when, &callback, Rest::Nothing, None)
}

/// Cancels the timer, if there is one.
fn stop_timer(timeout: &Bound<'_, PyAny>) -> Fallible<()> {
    if TIMEOUT.is_none(timeout, field::TIMEOUT_HANDLER)? {
        return Ok(());
    }
    handle::cancel_any(&TIMEOUT.read(timeout, field::TIMEOUT_HANDLER)?)
}

/// `timeout._on_timeout()`
fn on_timeout<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    let py = args.py();
    if let Some([timeout]) = args.exactly::<1>()
        && TIMEOUT.is_class_of(&timeout)?
        && let Some(mut machine) = machine(&timeout)?
        && machine.expire().is_ok()
    {
        tasks::cancel(&task_of(&timeout)?, CancelKind::Timeout)?;
        set_phase(&timeout, machine.phase())?;
        let none = py.None().into_bound(py);
        TIMEOUT.write(&timeout, field::TIMEOUT_HANDLER, &none)?;
        return Ok(none);
    }
    args.forward(ON_TIMEOUT.get(py)?)
}

fn advance_exiting<'py>(
    this: &Ref<'py, RoutineState>,
    _thrown: Option<Bound<'py, PyAny>>,
) -> Fallible<Resumed<'py>> {
    let py = this.py();
    let timeout = this.subject(py);
    let none = py.None().into_bound(py);
    let Some(mut machine) = machine(&timeout)? else {
        return routine::delegate(this);
    };
    let Ok(action) = machine.exit() else {
        return routine::delegate(this);
    };
    let mut ended = None;
    if action == TimeoutExit::Uncancel {
        let body = block::body_end(&this.argument(py, 0), &this.argument(py, 1))?;
        let (Some(body), Some(at_entry)) = (body, at_entry(&timeout)?) else {
            return routine::delegate(this);
        };
        ended = Some((body, at_entry));
    }
    let state = (field::STATE, state_of(py, machine.phase())?);
    let timer = TIMEOUT.read(&timeout, field::TIMEOUT_HANDLER)?;
    if timer.is_none() {
        TIMEOUT.write_all(&timeout, [state])?;
    } else {
        let alarm = match Ref::<TimerHandleState>::cast(&timer) {
            Some(own) => handle::cancel_keeping(own)?,
            None => handle::cancel_any(&timer).map(|()| None)?,
        };
        TIMEOUT.write_all(&timeout, [(field::TIMEOUT_HANDLER, &none), state])?;
        drop(timer);
        drop(alarm);
    }
    if let Some((body, at_entry)) = ended {
        let left = tasks::uncancel(&task_of(&timeout)?)?;
        if let Some(error) = convert(&machine, left, at_entry, body, &this.argument(py, 1))? {
            return Err(error::raise(&error));
        }
    }
    Ok(Resumed::Returned(none))
}

/// How many requests the task had at the beginning, where this matters; `None` when somebody has
/// made something else of the number.
fn at_entry(timeout: &Bound<'_, PyAny>) -> Fallible<Option<u32>> {
    let py = timeout.py();
    if reference(py)?.timeout_converts == ConvertRule::NoneLeft {
        return Ok(Some(0));
    }
    let requests = TIMEOUT
        .of(timeout)?
        .get_if_any(intern!(py, "_cancelling"))?;
    Ok(requests.and_then(|requests| error::or_none(py, requests.extract())))
}

/// What becomes of `exception`, with which the body of an expired timeout ended: the `TimeoutError`
/// to be raised in the place of the timeout's own cancellation.
///
/// # Errors
/// What marking contexts raises.
pub(super) fn convert<'py>(
    machine: &Timeout,
    left: u32,
    at_entry: u32,
    body: BodyEnd,
    exception: &Bound<'py, PyAny>,
) -> Fallible<Option<Bound<'py, PyAny>>> {
    let py = exception.py();
    let rule = reference(py)?.timeout_converts;
    match machine.uncancelled(left, at_entry, body, rule) {
        TimeoutEnd::Nothing => Ok(None),
        TimeoutEnd::RaiseTimeout => {
            let raised = call::call0(py.get_type::<PyTimeoutError>().as_any())?;
            if rule != ConvertRule::NoneLeft && !exception.is_none() {
                error::set_cause(&raised, Some(exception));
            }
            Ok(Some(raised))
        }
        TimeoutEnd::MarkContexts => mark_contexts(exception).map(|()| None),
    }
}

fn mark_contexts(exception: &Bound<'_, PyAny>) -> Fallible<()> {
    let py = exception.py();
    if exception.is_none() {
        return Ok(());
    }
    let mark = MARK.get(py)?;
    call::call1(mark, exception)?;
    if exception.is_instance(EXCEPTION_GROUP.get(py)?)? {
        for member in exception.getattr(intern!(py, "exceptions"))?.try_iter()? {
            call::call1(mark, &member?)?;
        }
    }
    Ok(())
}

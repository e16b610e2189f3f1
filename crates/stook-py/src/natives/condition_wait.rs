//! `Condition.wait` and `Condition.wait_for`.
//!
//! # Source
//! `Condition`, CPython 3.11 to 3.13 `asyncio/locks.py`.

use crate::ffi::intern;
use crate::ffi::once::Once;
use pyo3::prelude::*;

use super::Native;
use super::bound_loop;
use super::condition::Condition;
use super::deque;
use super::lock;
use super::routine::{self, Routine, RoutineState};
use super::waiters;
use crate::cancellations;
use crate::coroutine::Identity;
use crate::errors::{self, CANCELLED_ERROR, Imported};
use crate::ffi::coro::Resumed;
use crate::ffi::{Args, Fallible, Raised, Ref, call, error};
use crate::future_class::python_bool;
use crate::reference;

static WAIT: Imported = Imported::new("asyncio.locks", "Condition.wait");
static WAIT_FOR: Imported = Imported::new("asyncio.locks", "Condition.wait_for");

/// The methods.
pub(super) const NATIVES: &[Native] = &[
    Native {
        original: &WAIT,
        body: wait,
    },
    Native {
        original: &WAIT_FOR,
        body: wait_for,
    },
];

static WAITING: Routine = Routine {
    identity: Identity {
        name: "wait",
        qualname: "Condition.wait",
        original: &WAIT,
    },
    advance,
};

static WAITING_FOR: Routine = Routine {
    identity: Identity {
        name: "wait_for",
        qualname: "Condition.wait_for",
        original: &WAIT_FOR,
    },
    advance: advance_for,
};

/// Waits to be notified.
const WAITS: u8 = 1;
/// Waits for the lock.
const REACQUIRES: u8 = 2;

/// Whether a wait that ends in an error notifies another waiter. Such a version makes the future
/// before it releases the lock, and raises the cancellation that it was last told of, where others
/// raise a new one.
fn passes_on(py: Python<'_>) -> Fallible<bool> {
    static ANSWER: Once<bool> = Once::new();
    Ok(*ANSWER.get_or_try_init(py, || {
        reference::names(WAIT.get(py)?, "co_names", "_notify", true)
    })?)
}

fn wait<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    routine::call::<1>(&WAITING, args, is_ours)
}

fn wait_for<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    routine::call::<2>(&WAITING_FOR, args, is_ours)
}

fn is_ours(object: &Bound<'_, PyAny>) -> Fallible<bool> {
    Ok(Condition::plain(object)?.is_some())
}

/// `condition.wait()`
pub(super) fn waiting<'py>(condition: &Bound<'py, PyAny>) -> Fallible<Bound<'py, PyAny>> {
    if is_ours(condition)? {
        routine::new(&WAITING, [condition.clone()])
    } else {
        call::method0(condition, intern!(condition.py(), "wait"))
    }
}

/// The routine of `wait`. What it ends with once it has the lock again is in `kept`: an error, or
/// nothing; a cancellation that came meanwhile is in `future`, where the future was.
fn advance<'py>(
    this: &Ref<'py, RoutineState>,
    thrown: Option<Bound<'py, PyAny>>,
) -> Fallible<Resumed<'py>> {
    let py = this.py();
    let condition = Condition::of(&this.subject(py))?;
    match this.stage() {
        0 => begin(this, &condition),
        WAITS => waited(this, &condition, this.awaiting.resume(py, thrown)),
        _ => reacquired(this, &condition, this.awaiting.resume(py, thrown)),
    }
}

fn begin<'py>(this: &Ref<'py, RoutineState>, condition: &Condition<'py>) -> Fallible<Resumed<'py>> {
    if !lock::is_locked(&condition.lock)? {
        return Err(errors::runtime_error("cannot wait on un-acquired lock"));
    }
    this.set_stage(WAITS);
    let future = if passes_on(this.py())? {
        let future = bound_loop::create_future(&condition.own)?;
        lock::release_natively(&condition.lock)?;
        Ok(future)
    } else {
        lock::release_natively(&condition.lock)?;
        bound_loop::create_future(&condition.own)
    };
    let joined = future.and_then(|future| {
        deque::append(&waiters::of(&condition.own)?, &future)?;
        Ok(future)
    });
    match joined {
        Ok(future) => {
            this.future.set(future.clone());
            waited(this, condition, this.awaiting.begin(&future))
        }
        Err(raised) => {
            this.kept.set(raised.take(this.py()));
            reacquire(this, condition)
        }
    }
}

fn waited<'py>(
    this: &Ref<'py, RoutineState>,
    condition: &Condition<'py>,
    resumed: Fallible<Resumed<'py>>,
) -> Fallible<Resumed<'py>> {
    let py = this.py();
    let leave = || waiters::leave(&condition.own, &this.future);
    let left = match resumed {
        Ok(Resumed::Yielded(yielded)) => return Ok(Resumed::Yielded(yielded)),
        Ok(Resumed::Returned(_)) => leave(),
        Err(raised) => Err(error::finally(py, raised, leave)),
    };
    if let Err(raised) = left {
        this.kept.set(raised.take(py));
    }
    this.future.clear();
    reacquire(this, condition)
}

fn reacquire<'py>(
    this: &Ref<'py, RoutineState>,
    condition: &Condition<'py>,
) -> Fallible<Resumed<'py>> {
    this.set_stage(REACQUIRES);
    let taken = (|| {
        if lock::take(&condition.lock)? {
            return Ok(Resumed::Returned(python_bool(this.py(), true)));
        }
        this.awaiting.run(&lock::acquiring(&condition.lock)?)
    })();
    reacquired(this, condition, taken)
}

fn reacquired<'py>(
    this: &Ref<'py, RoutineState>,
    condition: &Condition<'py>,
    resumed: Fallible<Resumed<'py>>,
) -> Fallible<Resumed<'py>> {
    let py = this.py();
    match resumed {
        Ok(Resumed::Yielded(yielded)) => Ok(Resumed::Yielded(yielded)),
        Ok(Resumed::Returned(_)) => end(this, condition),
        Err(raised) => {
            let raised = match this.kept.get(py) {
                Some(handled) => error::while_handling(py, raised, &handled),
                None => raised,
            };
            if !raised.matches(CANCELLED_ERROR.get(py)?) {
                return Err(fail(this, condition, raised)?);
            }
            this.future.set(raised.take(py));
            reacquire(this, condition)
        }
    }
}

/// It has the lock again.
fn end<'py>(this: &Ref<'py, RoutineState>, condition: &Condition<'py>) -> Fallible<Resumed<'py>> {
    let py = this.py();
    let handled = this.kept.take(py);
    let raised = match (this.future.take(py), &handled) {
        (Some(cancellation), _) => {
            let cancellation = if passes_on(py)? {
                cancellation
            } else {
                let anew = errors::new_cancelled_error(py, None)?;
                if let Some(record) = cancellations::attached(&cancellation)? {
                    cancellations::attach(&anew, record.as_any())?;
                }
                anew
            };
            let raised = error::raise(&cancellation);
            match &handled {
                Some(handled) => error::while_handling(py, raised, handled),
                None => raised,
            }
        }
        (None, Some(exception)) => error::again(exception.clone()),
        (None, None) => return Ok(Resumed::Returned(python_bool(py, true))),
    };
    Err(fail(this, condition, raised)?)
}

fn fail(
    this: &Ref<'_, RoutineState>,
    condition: &Condition<'_>,
    raised: Raised,
) -> Fallible<Raised> {
    let py = this.py();
    if !passes_on(py)? {
        return Ok(raised);
    }
    Ok(error::finally(py, raised, || condition.wake(1)))
}

/// The routine of `wait_for`.
fn advance_for<'py>(
    this: &Ref<'py, RoutineState>,
    thrown: Option<Bound<'py, PyAny>>,
) -> Fallible<Resumed<'py>> {
    let py = this.py();
    let mut resumed = match this.stage() {
        0 => Resumed::Returned(py.None().into_bound(py)),
        _ => this.awaiting.resume(py, thrown)?,
    };
    this.set_stage(WAITS);
    loop {
        if let Resumed::Yielded(yielded) = resumed {
            return Ok(Resumed::Yielded(yielded));
        }
        let result = call::call0(&this.argument(py, 0))?;
        if result.is_truthy()? {
            return Ok(Resumed::Returned(result));
        }
        resumed = this.awaiting.run(&waiting(&this.subject(py))?)?;
    }
}

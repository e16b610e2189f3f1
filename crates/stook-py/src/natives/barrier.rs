//! `Barrier`, on a condition whose methods are ours.
//!
//! # Source
//! `Barrier`, CPython 3.11 to 3.13 `asyncio/locks.py`.

use crate::ffi::intern;
use pyo3::prelude::*;

use super::Native;
use super::condition::Condition;
use super::condition_wait;
use super::lock;
use super::number;
use super::routine::{self, Routine, RoutineState};
use super::stock_class::{Instance, StockClass};
use crate::coroutine::Identity;
use crate::errors::Imported;
use crate::ffi::coro::Resumed;
use crate::ffi::{Args, Fallible, Raised, Ref, error};

pub(super) static BARRIER: StockClass =
    StockClass::with_number("asyncio.locks", "Barrier", &["_loop"]);
static WAIT: Imported = Imported::new("asyncio.locks", "Barrier.wait");
static ENTER: Imported = Imported::new("asyncio.locks", "Barrier.__aenter__");
static FILLING: Imported = Imported::new("asyncio.locks", "_BarrierState.FILLING");
static DRAINING: Imported = Imported::new("asyncio.locks", "_BarrierState.DRAINING");
static RESETTING: Imported = Imported::new("asyncio.locks", "_BarrierState.RESETTING");
static BROKEN: Imported = Imported::new("asyncio.locks", "_BarrierState.BROKEN");
static BROKEN_ERROR: Imported = Imported::new("asyncio.exceptions", "BrokenBarrierError");

/// What this file looks up when the module is made.
pub(super) const IMPORTS: &[&Imported] = &[&FILLING, &DRAINING, &RESETTING, &BROKEN, &BROKEN_ERROR];

/// The methods.
pub(super) const NATIVES: &[Native] = &[
    Native {
        original: &WAIT,
        body: wait,
    },
    Native {
        original: &ENTER,
        body: enter,
    },
];

static WAITING: Routine = Routine {
    identity: Identity {
        name: "wait",
        qualname: "Barrier.wait",
        original: &WAIT,
    },
    advance,
};

static ENTERING: Routine = Routine {
    identity: Identity {
        name: "__aenter__",
        qualname: "Barrier.__aenter__",
        original: &ENTER,
    },
    advance,
};

/// Waits for the condition's lock.
const ENTERS: u8 = 1;
/// Waits until the barrier is drained or reset.
const BLOCKED: u8 = 2;
/// Waits for the others.
const WAITS: u8 = 3;

fn wait<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    routine::call::<1>(&WAITING, args, is_ours)
}

fn enter<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    routine::call::<1>(&ENTERING, args, is_ours)
}

fn is_ours(object: &Bound<'_, PyAny>) -> Fallible<bool> {
    let Some(barrier) = BARRIER.plain(object)? else {
        return Ok(false);
    };
    let condition = barrier.get(intern!(object.py(), "_cond"))?;
    Ok(Condition::plain(&condition)?.is_some()
        && number::is_plain(&barrier.get(intern!(object.py(), "_count"))?))
}

/// A barrier and its condition.
struct Barrier<'py> {
    own: Instance<'py>,
    condition: Condition<'py>,
}

impl<'py> Barrier<'py> {
    fn of(object: &Bound<'py, PyAny>) -> Fallible<Self> {
        let own = BARRIER.of(object)?;
        let condition = Condition::of(&own.get(intern!(object.py(), "_cond"))?)?;
        Ok(Barrier { own, condition })
    }

    fn py(&self) -> Python<'py> {
        self.own.py()
    }

    fn is(&self, states: &[&Imported]) -> Fallible<bool> {
        let state = self.own.get(intern!(self.py(), "_state"))?;
        for known in states {
            if state.is(known.get(self.py())?) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn become_state(&self, state: &Imported) -> Fallible<()> {
        let name = intern!(self.py(), "_state");
        self.own.set(name, state.get(self.py())?)
    }

    fn count(&self) -> Fallible<Bound<'py, PyAny>> {
        self.own.get(intern!(self.py(), "_count"))
    }

    fn change_count(&self, difference: i64) -> Fallible<Bound<'py, PyAny>> {
        let changed = number::add(&self.count()?, difference)?;
        self.own.set(intern!(self.py(), "_count"), &changed)?;
        Ok(changed)
    }

    fn broken(&self, message: &str) -> Raised {
        match BROKEN_ERROR
            .get(self.py())
            .and_then(|class| class.call1((message,)))
        {
            Ok(exception) => error::raise(&exception),
            Err(error) => error.into(),
        }
    }

    /// One task less is in it; the last one lets those in who wait for it to be drained.
    fn leave(&self) -> Fallible<()> {
        let left = self.change_count(-1)?;
        if !number::is_zero(&left)? {
            return Ok(());
        }
        if self.is(&[&RESETTING, &DRAINING])? {
            self.become_state(&FILLING)?;
        }
        self.condition.notify(None)
    }

    fn release(&self) -> Fallible<()> {
        lock::release_natively(&self.condition.lock)
    }
}

fn advance<'py>(
    this: &Ref<'py, RoutineState>,
    thrown: Option<Bound<'py, PyAny>>,
) -> Fallible<Resumed<'py>> {
    let py = this.py();
    let barrier = Barrier::of(&this.subject(py))?;
    match this.stage() {
        0 => {
            if lock::take(&barrier.condition.lock)? {
                return inside(this, &barrier, block(this, &barrier));
            }
            this.set_stage(ENTERS);
            let acquiring = lock::acquiring(&barrier.condition.lock)?;
            entered(this, &barrier, this.awaiting.run(&acquiring)?)
        }
        ENTERS => entered(this, &barrier, this.awaiting.resume(py, thrown)?),
        BLOCKED => {
            let resumed = this.awaiting.resume(py, thrown);
            let resumed = resumed.and_then(|resumed| match resumed {
                Resumed::Yielded(yielded) => Ok(Resumed::Yielded(yielded)),
                Resumed::Returned(_) => block(this, &barrier),
            });
            inside(this, &barrier, resumed)
        }
        _ => {
            let resumed = this.awaiting.resume(py, thrown);
            let resumed = resumed.and_then(|resumed| match resumed {
                Resumed::Yielded(yielded) => Ok(Resumed::Yielded(yielded)),
                Resumed::Returned(_) => wait_for_others(this, &barrier),
            });
            let resumed = counted(this, &barrier, resumed);
            inside(this, &barrier, resumed)
        }
    }
}

fn entered<'py>(
    this: &Ref<'py, RoutineState>,
    barrier: &Barrier<'py>,
    resumed: Resumed<'py>,
) -> Fallible<Resumed<'py>> {
    match resumed {
        Resumed::Yielded(yielded) => Ok(Resumed::Yielded(yielded)),
        Resumed::Returned(_) => inside(this, barrier, block(this, barrier)),
    }
}

/// Releases the condition's lock, unless the wait goes on.
fn inside<'py>(
    this: &Ref<'py, RoutineState>,
    barrier: &Barrier<'py>,
    resumed: Fallible<Resumed<'py>>,
) -> Fallible<Resumed<'py>> {
    match resumed {
        Ok(Resumed::Yielded(yielded)) => Ok(Resumed::Yielded(yielded)),
        Ok(Resumed::Returned(index)) => {
            barrier.release()?;
            Ok(Resumed::Returned(index))
        }
        Err(raised) => Err(error::finally(this.py(), raised, || barrier.release())),
    }
}

/// Goes in, once those who were in it before are out.
fn block<'py>(this: &Ref<'py, RoutineState>, barrier: &Barrier<'py>) -> Fallible<Resumed<'py>> {
    this.set_stage(BLOCKED);
    while barrier.is(&[&DRAINING, &RESETTING])? {
        if let Resumed::Yielded(yielded) = begin_wait(this, barrier)? {
            return Ok(Resumed::Yielded(yielded));
        }
    }
    if barrier.is(&[&BROKEN])? {
        return Err(barrier.broken("Barrier aborted"));
    }
    let index = barrier.count()?;
    this.kept.set(index);
    let count = barrier.change_count(1)?;
    let parties = barrier.own.get(intern!(barrier.py(), "_parties"))?;
    this.set_stage(WAITS);
    let resumed = (|| {
        if !count.eq(parties)? {
            return wait_for_others(this, barrier);
        }
        barrier.become_state(&DRAINING)?;
        barrier.condition.notify(None)?;
        Ok(Resumed::Returned(this.kept.get_or_none(this.py())))
    })();
    counted(this, barrier, resumed)
}

fn wait_for_others<'py>(
    this: &Ref<'py, RoutineState>,
    barrier: &Barrier<'py>,
) -> Fallible<Resumed<'py>> {
    while barrier.is(&[&FILLING])? {
        if let Resumed::Yielded(yielded) = begin_wait(this, barrier)? {
            return Ok(Resumed::Yielded(yielded));
        }
    }
    if barrier.is(&[&BROKEN, &RESETTING])? {
        return Err(barrier.broken("Abort or reset of barrier"));
    }
    Ok(Resumed::Returned(this.kept.get_or_none(this.py())))
}

/// Counts the task out, unless its wait goes on.
fn counted<'py>(
    this: &Ref<'py, RoutineState>,
    barrier: &Barrier<'py>,
    resumed: Fallible<Resumed<'py>>,
) -> Fallible<Resumed<'py>> {
    match resumed {
        Ok(Resumed::Yielded(yielded)) => Ok(Resumed::Yielded(yielded)),
        Ok(Resumed::Returned(index)) => {
            barrier.leave()?;
            Ok(Resumed::Returned(index))
        }
        Err(raised) => Err(error::finally(this.py(), raised, || barrier.leave())),
    }
}

fn begin_wait<'py>(
    this: &Ref<'py, RoutineState>,
    barrier: &Barrier<'py>,
) -> Fallible<Resumed<'py>> {
    let condition = &barrier.condition.own.object;
    this.awaiting.run(&condition_wait::waiting(condition)?)
}

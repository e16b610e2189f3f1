//! `Queue`, `PriorityQueue` and `LifoQueue`: what waits.
//!
//! # Source
//! `Queue`, CPython 3.11 to 3.13 `asyncio/queues.py`.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::Native;
use super::bound_loop;
use super::deque;
use super::queue::{self, Queue};
use super::routine::{self, Routine, RoutineState};
use super::waiters;
use crate::coroutine::Identity;
use crate::errors::Imported;
use crate::ffi::coro::Resumed;
use crate::ffi::{Args, Fallible, Ref, call, error, intern};

static GET: Imported = Imported::new("asyncio.queues", "Queue.get");
static PUT: Imported = Imported::new("asyncio.queues", "Queue.put");
static JOIN: Imported = Imported::new("asyncio.queues", "Queue.join");

/// The methods.
pub(super) const NATIVES: &[Native] = &[
    Native {
        original: &GET,
        body: get,
    },
    Native {
        original: &PUT,
        body: put,
    },
    Native {
        original: &JOIN,
        body: join,
    },
];

static GETTING: Routine = Routine {
    identity: Identity {
        name: "get",
        qualname: "Queue.get",
        original: &GET,
    },
    advance: advance_getting,
};

static PUTTING: Routine = Routine {
    identity: Identity {
        name: "put",
        qualname: "Queue.put",
        original: &PUT,
    },
    advance: advance_putting,
};

static JOINING: Routine = Routine {
    identity: Identity {
        name: "join",
        qualname: "Queue.join",
        original: &JOIN,
    },
    advance: advance_joining,
};

fn is_ours(object: &Bound<'_, PyAny>) -> Fallible<bool> {
    Ok(Queue::plain(object)?.is_some())
}

fn get<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    routine::call::<1>(&GETTING, args, is_ours)
}

fn put<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    routine::call::<2>(&PUTTING, args, is_ours)
}

fn join<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    routine::call::<1>(&JOINING, args, is_ours)
}

/// For what an item, or a place for one, is waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    /// Getting an item.
    Get,
    /// Putting one.
    Put,
}

impl Side {
    /// Whether nothing can be got or put now.
    fn has_to_wait(self, queue: &Queue<'_>) -> Fallible<bool> {
        match self {
            Side::Get => queue.is_empty(),
            Side::Put => queue.is_full(),
        }
    }

    /// The futures of those who wait.
    fn waiters<'py>(self, queue: &Queue<'py>) -> Fallible<Bound<'py, PyAny>> {
        match self {
            Side::Get => queue.getters(),
            Side::Put => queue.putters(),
        }
    }
}

fn advance_getting<'py>(
    this: &Ref<'py, RoutineState>,
    thrown: Option<Bound<'py, PyAny>>,
) -> Fallible<Resumed<'py>> {
    let subject = this.subject(this.py());
    let plain = Queue::plain(&subject)?;
    if let Some(yielded) = wait(this, Side::Get, plain.as_ref(), thrown)? {
        return Ok(Resumed::Yielded(yielded));
    }
    let item = match plain {
        Some(queue) => queue.get_nowait()?,
        None => call::method0(&subject, intern!(subject.py(), "get_nowait"))?,
    };
    Ok(Resumed::Returned(item))
}

fn advance_putting<'py>(
    this: &Ref<'py, RoutineState>,
    thrown: Option<Bound<'py, PyAny>>,
) -> Fallible<Resumed<'py>> {
    let py = this.py();
    let subject = this.subject(py);
    let plain = Queue::plain(&subject)?;
    if let Some(yielded) = wait(this, Side::Put, plain.as_ref(), thrown)? {
        return Ok(Resumed::Yielded(yielded));
    }
    let item = this.argument(py, 0);
    let answer = match plain {
        Some(queue) => {
            queue.put_nowait(&item)?;
            py.None().into_bound(py)
        }
        None => call::method1(&subject, intern!(py, "put_nowait"), &item)?,
    };
    Ok(Resumed::Returned(answer))
}

/// Waits until an item can be got, or put; answers what is yielded as long as it waits.
fn wait<'py>(
    this: &Ref<'py, RoutineState>,
    side: Side,
    plain: Option<&Queue<'py>>,
    thrown: Option<Bound<'py, PyAny>>,
) -> Fallible<Option<Bound<'py, PyAny>>> {
    let py = this.py();
    let changed;
    let queue = match plain {
        Some(queue) => queue,
        None => {
            changed = Queue::of(&this.subject(py))?;
            &changed
        }
    };
    let mut resumed = match this.stage() {
        0 => None,
        _ => Some(this.awaiting.resume(py, thrown)),
    };
    this.set_stage(1);
    loop {
        match resumed {
            None | Some(Ok(Resumed::Returned(_))) => {}
            Some(Ok(Resumed::Yielded(yielded))) => return Ok(Some(yielded)),
            Some(Err(raised)) => {
                let future = this.future.get_or_none(py);
                return Err(error::finally(py, raised, || give_up(side, queue, &future)));
            }
        }
        if !side.has_to_wait(queue)? {
            return Ok(None);
        }
        if queue.is_shut_down()? {
            return Err(queue::shut_down(py));
        }
        let future = bound_loop::create_future(&queue.own)?;
        deque::append(&side.waiters(queue)?, &future)?;
        this.future.set(future.clone());
        resumed = Some(this.awaiting.begin(&future));
    }
}

/// The wait ended in an error: whoever was to be woken instead is woken.
fn give_up<'py>(side: Side, queue: &Queue<'py>, future: &Bound<'py, PyAny>) -> Fallible<()> {
    waiters::cancel(future)?;
    let others = side.waiters(queue)?;
    if let Err(raised) = deque::remove(&others, future) {
        if !raised.matches(queue.py().get_type::<PyValueError>().as_any()) {
            return Err(raised);
        }
        // Who woke it has taken it out.
        raised.clear(queue.py());
    }
    if !side.has_to_wait(queue)? && !waiters::is_cancelled(future)? {
        queue::wake_next(&others)?;
    }
    Ok(())
}

fn advance_joining<'py>(
    this: &Ref<'py, RoutineState>,
    thrown: Option<Bound<'py, PyAny>>,
) -> Fallible<Resumed<'py>> {
    let py = this.py();
    let resumed = if this.stage() == 0 {
        let queue = Queue::of(&this.subject(py))?;
        if !queue.has_unfinished()? {
            return Ok(Resumed::Returned(py.None().into_bound(py)));
        }
        this.set_stage(1);
        let waiting = call::method0(&queue.finished()?, intern!(py, "wait"))?;
        this.awaiting.run(&waiting)?
    } else {
        this.awaiting.resume(py, thrown)?
    };
    Ok(match resumed {
        Resumed::Yielded(yielded) => Resumed::Yielded(yielded),
        Resumed::Returned(_) => Resumed::Returned(py.None().into_bound(py)),
    })
}

//! `Queue`, `PriorityQueue` and `LifoQueue`: what does not wait.
//!
//! # Source
//! `Queue`, `PriorityQueue`, `LifoQueue`, CPython 3.11 to 3.13 `asyncio/queues.py`.

use crate::ffi::once::Once;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyInt, PyList};

use super::Native;
use super::deque;
use super::event;
use super::number;
use super::stock_class::{Instance, StockClass};
use super::waiters;
use crate::errors::Imported;
use crate::ffi::{Args, Fallible, Raised, call, error, intern};
use crate::loop_core;
use crate::reference;

pub(super) static QUEUE: StockClass = StockClass::new("asyncio.queues", "Queue", &["_loop"]);
pub(super) static PRIORITY: StockClass =
    StockClass::new("asyncio.queues", "PriorityQueue", &["_loop"]);
pub(super) static LIFO: StockClass = StockClass::new("asyncio.queues", "LifoQueue", &["_loop"]);
static GET_NOWAIT: Imported = Imported::new("asyncio.queues", "Queue.get_nowait");
static PUT_NOWAIT: Imported = Imported::new("asyncio.queues", "Queue.put_nowait");
static TASK_DONE: Imported = Imported::new("asyncio.queues", "Queue.task_done");
static QUEUE_EMPTY: Imported = Imported::new("asyncio.queues", "QueueEmpty");
static QUEUE_FULL: Imported = Imported::new("asyncio.queues", "QueueFull");
static MODULE: Imported = Imported::new("asyncio.queues", "__dict__");
/// The default arguments of `PriorityQueue`'s two: the functions of `heapq`.
static PUSH: Imported = Imported::new("asyncio.queues", "PriorityQueue._put.__defaults__");
static POP: Imported = Imported::new("asyncio.queues", "PriorityQueue._get.__defaults__");

/// What this file looks up when the module is made.
pub(super) const IMPORTS: &[&Imported] = &[&QUEUE_EMPTY, &QUEUE_FULL, &MODULE, &PUSH, &POP];

/// The methods.
pub(super) const NATIVES: &[Native] = &[
    Native {
        original: &GET_NOWAIT,
        body: get_nowait,
    },
    Native {
        original: &PUT_NOWAIT,
        body: put_nowait,
    },
    Native {
        original: &TASK_DONE,
        body: task_done,
    },
];

/// In which order a queue gives its items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The first first.
    Queue,
    /// The smallest first.
    Priority,
    /// The last first.
    Lifo,
}

/// A queue whose methods are ours.
pub(super) struct Queue<'py> {
    pub(super) own: Instance<'py>,
    /// Its items: a deque of a `Queue`, a list of the others.
    items: Bound<'py, PyAny>,
    kind: Kind,
}

impl<'py> Queue<'py> {
    /// The queue, if its methods are ours and its items are in what asyncio put there.
    #[inline]
    pub(super) fn plain(object: &Bound<'py, PyAny>) -> Fallible<Option<Self>> {
        if let Some(own) = QUEUE.plain(object)? {
            return Self::usual(Kind::Queue, own);
        }
        Self::plain_of_other_order(object)
    }

    #[inline(never)]
    fn plain_of_other_order(object: &Bound<'py, PyAny>) -> Fallible<Option<Self>> {
        for (kind, class) in [(Kind::Priority, &PRIORITY), (Kind::Lifo, &LIFO)] {
            if let Some(own) = class.plain(object)? {
                return Self::usual(kind, own);
            }
        }
        Ok(None)
    }

    #[inline(always)]
    fn usual(kind: Kind, own: Instance<'py>) -> Fallible<Option<Self>> {
        let items = own.get(intern!(own.py(), "_queue"))?;
        let is_usual = match kind {
            Kind::Queue => deque::is_exact(&items)?,
            Kind::Priority | Kind::Lifo => items.is_exact_instance_of::<PyList>(),
        };
        Ok(is_usual.then_some(Queue { own, items, kind }))
    }

    /// The queue that a routine waits for, whatever it is now: to be asked, not to be changed.
    pub(super) fn of(object: &Bound<'py, PyAny>) -> Fallible<Self> {
        let mut class = &QUEUE;
        for other in [&PRIORITY, &LIFO] {
            if other.is_exact(object)? {
                class = other;
            }
        }
        let own = class.of(object)?;
        let items = own.get(intern!(object.py(), "_queue"))?;
        Ok(Queue {
            own,
            items,
            kind: Kind::Queue,
        })
    }

    pub(super) fn py(&self) -> Python<'py> {
        self.own.py()
    }

    /// `queue.empty()`
    #[inline]
    pub(super) fn is_empty(&self) -> Fallible<bool> {
        Ok(deque::len(&self.items)? == 0)
    }

    /// `queue.full()`
    #[inline]
    pub(super) fn is_full(&self) -> Fallible<bool> {
        let most = self.own.get(intern!(self.py(), "_maxsize"))?;
        if number::is_own_zero(&most) {
            return Ok(false);
        }
        if most.is_exact_instance_of::<PyInt>()
            && let Some(most) = error::or_none(self.py(), most.extract::<i64>())
        {
            return Ok(most > 0 && deque::len(&self.items)? as i64 >= most);
        }
        Ok(!most.le(0)? && most.le(deque::len(&self.items)?)?)
    }

    /// Whether it was shut down, which before 3.13 it never is.
    #[inline]
    pub(super) fn is_shut_down(&self) -> Fallible<bool> {
        if !knows_shutdown(self.py())? {
            return Ok(false);
        }
        self.own.is_true(intern!(self.py(), "_is_shutdown"))
    }

    fn take(&self) -> Fallible<Bound<'py, PyAny>> {
        let py = self.py();
        match self.kind {
            Kind::Queue => deque::popleft(&self.items),
            Kind::Priority => {
                let pop = call::item(POP.get(py)?, 0)?;
                call::call1(&pop, &self.items)
            }
            Kind::Lifo => call::method0(&self.items, intern!(py, "pop")),
        }
    }

    fn add(&self, item: &Bound<'py, PyAny>) -> Fallible<()> {
        let py = self.py();
        match self.kind {
            Kind::Queue => deque::append(&self.items, item),
            Kind::Priority => {
                let push = call::item(PUSH.get(py)?, 0)?;
                call::call2(&push, &self.items, item).map(drop)
            }
            Kind::Lifo => call::method1(&self.items, intern!(py, "append"), item).map(drop),
        }
    }

    fn unfinished(&self) -> Fallible<Bound<'py, PyAny>> {
        self.own.get(intern!(self.py(), "_unfinished_tasks"))
    }

    /// Whether items were put that nobody has called `task_done` for.
    pub(super) fn has_unfinished(&self) -> Fallible<bool> {
        number::is_positive(&self.unfinished()?)
    }

    fn change_unfinished(&self, difference: i64) -> Fallible<Bound<'py, PyAny>> {
        let changed = number::add(&self.unfinished()?, difference)?;
        self.own
            .set(intern!(self.py(), "_unfinished_tasks"), &changed)?;
        Ok(changed)
    }

    /// The event that is set while there are no unfinished items.
    pub(super) fn finished(&self) -> Fallible<Bound<'py, PyAny>> {
        self.own.get(intern!(self.py(), "_finished"))
    }

    /// Those who wait for an item.
    pub(super) fn getters(&self) -> Fallible<Bound<'py, PyAny>> {
        self.own.get(intern!(self.py(), "_getters"))
    }

    /// Those who wait for a free place.
    pub(super) fn putters(&self) -> Fallible<Bound<'py, PyAny>> {
        self.own.get(intern!(self.py(), "_putters"))
    }

    /// `queue.get_nowait()`
    pub(super) fn get_nowait(&self) -> Fallible<Bound<'py, PyAny>> {
        let py = self.py();
        if self.is_empty()? {
            if self.is_shut_down()? {
                return Err(shut_down(py));
            }
            return Err(raise(QUEUE_EMPTY.get(py)?));
        }
        let item = self.take()?;
        wake_next(&self.putters()?)?;
        Ok(item)
    }

    /// `queue.put_nowait(item)`
    pub(super) fn put_nowait(&self, item: &Bound<'py, PyAny>) -> Fallible<()> {
        let py = self.py();
        if self.is_shut_down()? {
            return Err(shut_down(py));
        }
        if self.is_full()? {
            return Err(raise(QUEUE_FULL.get(py)?));
        }
        self.add(item)?;
        self.change_unfinished(1)?;
        event::clear_any(&self.finished()?)?;
        wake_next(&self.getters()?)
    }
}

/// Whether queues can be shut down.
fn knows_shutdown(py: Python<'_>) -> Fallible<bool> {
    static ANSWER: Once<bool> = Once::new();
    match ANSWER.get(py) {
        Some(answer) => Ok(*answer),
        None => Ok(*ANSWER.get_or_try_init(py, || {
            reference::names(PUT_NOWAIT.get(py)?, "co_names", "_is_shutdown", true)
        })?),
    }
}

/// Raises `QueueShutDown`.
pub(super) fn shut_down(py: Python<'_>) -> Raised {
    match MODULE
        .get(py)
        .and_then(|names| names.get_item("QueueShutDown"))
    {
        Ok(class) => raise(&class),
        Err(error) => error.into(),
    }
}

fn raise(class: &Bound<'_, PyAny>) -> Raised {
    match call::call0(class) {
        Ok(exception) => error::raise(&exception),
        Err(raised) => raised,
    }
}

/// Wakes the first of `waiters` that is not done; those before it leave.
pub(super) fn wake_next(waiters: &Bound<'_, PyAny>) -> Fallible<()> {
    let py = waiters.py();
    while !deque::is_empty(waiters)? {
        let waiter = deque::popleft(waiters)?;
        if !waiters::is_done(&waiter)? {
            return waiters::set_result(&waiter, py.None().into_bound(py));
        }
    }
    Ok(())
}

fn get_nowait<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    let py = args.py();
    if loop_core::runs_plain(py)
        && let Some([object]) = args.exactly::<1>()
        && let Some(queue) = Queue::plain(&object)?
    {
        return queue.get_nowait();
    }
    args.forward(GET_NOWAIT.get(py)?)
}

fn put_nowait<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    let py = args.py();
    if loop_core::runs_plain(py)
        && let Some([object, item]) = args.exactly::<2>()
        && let Some(queue) = Queue::plain(&object)?
    {
        queue.put_nowait(&item)?;
        return Ok(py.None().into_bound(py));
    }
    args.forward(PUT_NOWAIT.get(py)?)
}

fn task_done<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    let py = args.py();
    if loop_core::runs_plain(py)
        && let Some([object]) = args.exactly::<1>()
        && let Ok(Some(queue)) = Queue::plain(&object).map_err(|raised| raised.clear(py))
        && let Ok(before) = queue.unfinished().map_err(|raised| raised.clear(py))
        && number::is_plain(&before)
    {
        if !number::is_positive(&before)? {
            let message = "task_done() called too many times";
            return Err(PyValueError::new_err(message).into());
        }
        let unfinished = queue.change_unfinished(-1)?;
        if number::is_zero(&unfinished)? {
            event::set_any(&queue.finished()?)?;
        }
        return Ok(py.None().into_bound(py));
    }
    args.forward(TASK_DONE.get(py)?)
}

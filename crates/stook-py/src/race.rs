//! `race`, `first_success`, `detect_cancel`, and a gather that stops when one fails: a coroutine that
//! waits until one of several decides, deals with the others, and waits for their end.
//!
//! The kernel's `Race` decides; this file keeps the futures. It works on any loop.

mod calls;
mod ended;

use std::cell::Cell;

use crate::ffi::intern;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};
use stook_kernel::{AfterRace, CancelKind, Decider, Losers, Race, RaceAction};

pub(crate) use self::calls::{detect_cancel, first_success, gather, race};

use self::ended::{end, outcome};
use crate::asking;
use crate::awaiting::Awaiting;
use crate::callbacks::Callback;
use crate::coroutine::{self, Common, Coroutine, Identity};
use crate::current;
use crate::errors::{self, Imported};
use crate::ffi::class::WeakReferences;
use crate::ffi::coro::Resumed;
use crate::ffi::gc::traverse;
use crate::ffi::{Class, Fallible, Held, HeldCell, Method, Raised, Ref, TypeSlot, call, error};
use crate::future;
use crate::held_up;
use crate::loop_core;
use crate::participants;
use crate::record::RecordState;
use crate::step;

static RACE: Imported = Imported::new("stook._first", "race");
static FIRST_SUCCESS: Imported = Imported::new("stook._first", "first_success");
static GATHER: Imported = Imported::new("stook._first", "gather_cancelling");
static DETECT: Imported = Imported::new("stook._first", "detect_cancel");

/// What the coroutine is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Shape {
    /// `race`: the first that ends.
    #[default]
    Race,
    /// `first_success`: the first that succeeds.
    FirstSuccess,
    /// `gather` with `on_error="cancel"`: all, unless one fails.
    Gather,
    /// `detect_cancel`: one, which is left alone.
    Detect,
}

impl Shape {
    const fn decider(self) -> Decider {
        match self {
            Shape::Race | Shape::Detect => Decider::First,
            Shape::FirstSuccess => Decider::Success,
            Shape::Gather => Decider::Failure,
        }
    }

    fn identity(self) -> &'static Identity {
        static OF_RACE: Identity = Identity {
            name: "race",
            qualname: "race",
            original: &RACE,
        };
        static OF_FIRST_SUCCESS: Identity = Identity {
            name: "first_success",
            qualname: "first_success",
            original: &FIRST_SUCCESS,
        };
        static OF_GATHER: Identity = Identity {
            name: "gather",
            qualname: "gather",
            original: &GATHER,
        };
        static OF_DETECT: Identity = Identity {
            name: "detect_cancel",
            qualname: "detect_cancel",
            original: &DETECT,
        };
        match self {
            Shape::Race => &OF_RACE,
            Shape::FirstSuccess => &OF_FIRST_SUCCESS,
            Shape::Gather => &OF_GATHER,
            Shape::Detect => &OF_DETECT,
        }
    }
}

/// The state of such a coroutine.
#[derive(Debug, Default)]
pub(crate) struct RaceState {
    common: Common,
    shape: Cell<Shape>,
    losers: Cell<Losers>,
    /// What was given, a tuple; then the futures of these, a list.
    given: HeldCell,
    /// Each of the futures once, in order: a list.
    children: HeldCell,
    /// The one that decided.
    decider: HeldCell,
    machine: Cell<Option<Race>>,
    waiter: HeldCell,
    awaiting: Awaiting,
    /// The cancellation of who waits, to be raised at the end.
    cancellation: HeldCell,
    /// What children call that are not ours.
    callback: HeldCell,
    /// The task that waits.
    task: HeldCell,
}

traverse!(
    RaceState: common, given, children, decider, waiter, awaiting, cancellation, callback, task
);

impl Class for RaceState {
    type Extras = WeakReferences;

    fn slot() -> &'static TypeSlot {
        static SLOT: TypeSlot = TypeSlot::new();
        &SLOT
    }

    fn is_at_rest(&self) -> bool {
        self.common.is_closed()
    }
}

impl RaceState {
    /// The task that waits, if it does so until every child has ended: as it is, or once it is asked
    /// to cancel.
    pub(crate) fn held_task<'py>(
        &self,
        py: Python<'py>,
        is_asked: bool,
    ) -> Option<Bound<'py, PyAny>> {
        let holds = self
            .machine
            .get()
            .is_some_and(|machine| machine.holds(is_asked));
        holds.then(|| self.task.get(py)).flatten()
    }
}

impl Coroutine for RaceState {
    fn common(&self) -> &Common {
        &self.common
    }

    fn identity(&self) -> &Identity {
        self.shape.get().identity()
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
            go_on(this, resumed)
        };
        match resumed {
            Ok(Resumed::Yielded(yielded)) => Ok(Resumed::Yielded(yielded)),
            Ok(ended) => {
                withdraw(this)?;
                Ok(ended)
            }
            Err(raised) => Err(error::finally(py, raised, || {
                let asked = ask_those_left(this);
                withdraw(this)?;
                asked
            })),
        }
    }

    fn awaited<'py>(this: &Ref<'py, Self>) -> Option<Bound<'py, PyAny>> {
        this.awaiting.shown(this.py())
    }

    fn abandon(this: &Ref<'_, Self>) -> Fallible<()> {
        // Its children keep it: it is lost with them, and there is nobody to ask.
        this.awaiting.abandon();
        withdraw(this)
    }
}

fn list<'py>(cell: &HeldCell, py: Python<'py>) -> Fallible<Bound<'py, PyList>> {
    match cell.get(py).map(|list| list.cast_into::<PyList>()) {
        Some(Ok(list)) => Ok(list),
        _ => Ok(PyList::empty(py)),
    }
}

fn begin<'py>(this: &Ref<'py, RaceState>) -> Fallible<Resumed<'py>> {
    let py = this.py();
    let event_loop = loop_core::require_running_loop(py)?;
    let given = this.given.get_or_none(py);
    let given = given.cast::<PyTuple>().map_err(PyErr::from)?;
    let participants = participants::ensure_all(given, &event_loop)?;
    let (futures, children) = (participants.futures, participants.different);
    let machine = Race::new(
        children.len(),
        this.shape.get().decider(),
        this.losers.get(),
    );
    this.given.set(futures);
    this.children.set(children.clone());
    this.machine.set(Some(machine));
    if children.is_empty() {
        return end(this).map(Resumed::Returned);
    }
    let mut is_decided = false;
    for child in &children {
        if participants::is_done(&child)? {
            is_decided |= count(this, &child)? != RaceAction::KeepWaiting;
        } else {
            tell(this, &child)?;
        }
    }
    if is_decided {
        return follow(this, Race::resumed);
    }
    wait(this)
}

/// Asks `child` to tell us when it is done.
fn tell<'py>(this: &Ref<'py, RaceState>, child: &Bound<'py, PyAny>) -> Fallible<()> {
    if let Some(plain) = future::plain(child) {
        return future::add_callback(plain, Callback::Settle(Held::new(this.as_any())));
    }
    let py = this.py();
    let callback = match this.callback.get(py) {
        Some(callback) => callback,
        None => {
            let callback = this.as_any().getattr(intern!(py, "_done_callback"))?;
            this.callback.set(callback.clone());
            callback
        }
    };
    call::method1(child, intern!(py, "add_done_callback"), &callback).map(drop)
}

fn count<'py>(this: &Ref<'py, RaceState>, child: &Bound<'py, PyAny>) -> Fallible<RaceAction> {
    let Some(mut machine) = this.machine.get() else {
        return Ok(RaceAction::KeepWaiting);
    };
    let action = machine.child_done(outcome(child)?);
    this.machine.set(Some(machine));
    if action == RaceAction::Decide {
        this.decider.set(child.clone());
    }
    Ok(action)
}

/// Counts `child`, which is done, and releases who waits if that is enough.
///
/// # Errors
/// What a future whose methods are not ours raises.
pub(crate) fn settle<'py>(this: &Ref<'py, RaceState>, child: &Bound<'py, PyAny>) -> Fallible<()> {
    if count(this, child)? == RaceAction::KeepWaiting {
        return Ok(());
    }
    let py = this.py();
    let waiter = this.waiter.get_or_none(py);
    if waiter.is_none() || participants::is_done(&waiter)? {
        return Ok(());
    }
    let none = py.None().into_bound(py);
    match future::plain(&waiter) {
        Some(plain) => future::set_result(plain, none),
        None => call::method1(&waiter, intern!(py, "set_result"), &none).map(drop),
    }
}

/// Waits until it is released.
fn wait<'py>(this: &Ref<'py, RaceState>) -> Fallible<Resumed<'py>> {
    let py = this.py();
    let event_loop = loop_core::require_running_loop(py)?;
    let native = loop_core::native(&event_loop).filter(|native| native.has_plain_timers());
    let waiter = match native {
        Some(native) => future::create(native)?.into_any(),
        None => call::method0(&event_loop, intern!(py, "create_future"))?,
    };
    this.waiter.set(waiter.clone());
    this.task.set_or_clear(current::get(&event_loop)?);
    let resumed = this.awaiting.begin(&waiter);
    go_on(this, resumed)
}

fn go_on<'py>(
    this: &Ref<'py, RaceState>,
    resumed: Fallible<Resumed<'py>>,
) -> Fallible<Resumed<'py>> {
    let py = this.py();
    match resumed {
        Ok(Resumed::Yielded(yielded)) => Ok(Resumed::Yielded(yielded)),
        Ok(Resumed::Returned(_)) => follow(this, Race::resumed),
        Err(raised) => {
            let exception = raised.take(py);
            if !error::is_a(&exception, errors::CANCELLED_ERROR.get(py)?) {
                return Err(error::again(exception));
            }
            if !this.cancellation.is_some() {
                this.cancellation.set(exception);
            }
            follow(this, Race::interrupted)
        }
    }
}

/// Does what the machine says of what happened.
fn follow<'py>(
    this: &Ref<'py, RaceState>,
    event: fn(&mut Race) -> AfterRace,
) -> Fallible<Resumed<'py>> {
    let Some(mut machine) = this.machine.get() else {
        return Err(errors::runtime_error("a race that has not begun"));
    };
    let then = event(&mut machine);
    this.machine.set(Some(machine));
    match then {
        AfterRace::Wait => wait_on(this),
        AfterRace::CancelAndWait => {
            cancel_rest(this).map_err(|raised| behind_cancellation(this, raised))?;
            wait_on(this)
        }
        AfterRace::Finish => end(this).map(Resumed::Returned),
    }
}

/// Waits on, but not for those that wait for the end of the current task.
fn wait_on<'py>(this: &Ref<'py, RaceState>) -> Fallible<Resumed<'py>> {
    let py = this.py();
    let Some(mut machine) = this.machine.get() else {
        return wait(this);
    };
    let Some(are_asked) = machine.asked() else {
        return wait(this);
    };
    let event_loop = loop_core::require_running_loop(py)?;
    let Some(current) = current::get(&event_loop)? else {
        return wait(this);
    };
    let held_up = held_up::by(&current, are_asked)?;
    if held_up.is_empty() {
        return wait(this);
    }
    let kept = PyList::empty(py);
    let mut let_go = 0;
    for child in &list(&this.children, py)? {
        if held_up.contains(&child) && !participants::is_done(&child)? {
            forget(this, &child)?;
            let_go += 1;
        } else {
            kept.append(&child)?;
        }
    }
    this.children.set(kept);
    let then = machine.let_go(let_go);
    this.machine.set(Some(machine));
    match then {
        AfterRace::Finish => end(this).map(Resumed::Returned),
        AfterRace::Wait | AfterRace::CancelAndWait => wait(this),
    }
}

/// Asks every child that is not done to cancel.
fn cancel_rest(this: &Ref<'_, RaceState>) -> Fallible<()> {
    let children: Vec<_> = list(&this.children, this.py())?.iter().collect();
    participants::cancel_each(&children, || why_cancelled(this))
}

/// What is raised in place of the cancellation of who waits has that for its context.
fn behind_cancellation(this: &Ref<'_, RaceState>, raised: Raised) -> Raised {
    let py = this.py();
    let exception = raised.take(py);
    if let Some(cancellation) = this.cancellation.get(py) {
        error::chain_behind(&exception, &cancellation);
    }
    error::again(exception)
}

/// Asks the children to cancel that would be waited for, if nobody waits any more: the coroutine was
/// closed, or something was thrown into it. On a loop that is closed nothing runs.
fn ask_those_left(this: &Ref<'_, RaceState>) -> Fallible<()> {
    let py = this.py();
    let Some(mut machine) = this.machine.get() else {
        return Ok(());
    };
    let asks = machine.abandon();
    this.machine.set(Some(machine));
    let children: Vec<_> = list(&this.children, py)?.iter().collect();
    let Some(first) = children.first().filter(|_| asks) else {
        return Ok(());
    };
    let event_loop = step::loop_of(first)?;
    if call::method0(&event_loop, intern!(py, "is_closed"))?.is_truthy()? {
        return Ok(());
    }
    participants::cancel_each(&children, || {
        asking::request_for(py, CancelKind::ParentCancelled)?.record(py)
    })
}

fn why_cancelled<'py>(this: &Ref<'py, RaceState>) -> Fallible<Ref<'py, RecordState>> {
    let py = this.py();
    let request = if this.cancellation.is_some() {
        asking::request_for(py, CancelKind::ParentCancelled)?
    } else if this.shape.get() == Shape::Gather {
        asking::by_failure(&this.decider.get_or_none(py), asking::here(py)?)?
    } else {
        asking::request_for(py, CancelKind::LostRace)?
    };
    request.record(py)
}

/// Takes back what the children were asked for, and lets go of them.
fn withdraw(this: &Ref<'_, RaceState>) -> Fallible<()> {
    for child in &list(&this.children, this.py())? {
        forget(this, &child)?;
    }
    this.callback.clear();
    for cell in [
        &this.given,
        &this.children,
        &this.decider,
        &this.waiter,
        &this.cancellation,
        &this.task,
    ] {
        cell.clear();
    }
    Ok(())
}

/// Takes back what `child` was asked for.
fn forget<'py>(this: &Ref<'py, RaceState>, child: &Bound<'py, PyAny>) -> Fallible<()> {
    let py = this.py();
    match (future::plain(child), this.callback.get(py)) {
        (Some(plain), _) => plain.callbacks.remove_waiter(this.as_any()),
        (None, Some(callback)) => {
            call::method1(child, intern!(py, "remove_done_callback"), &callback)?;
        }
        (None, None) => {}
    }
    Ok(())
}

fn on_completion<'py>(
    this: &Ref<'py, RaceState>,
    child: &Bound<'py, PyAny>,
) -> Fallible<Bound<'py, PyAny>> {
    settle(this, child)?;
    Ok(this.py().None().into_bound(this.py()))
}

/// Makes the class.
///
/// # Errors
/// What making a class raises.
pub(crate) fn build(py: Python<'_>) -> Fallible<()> {
    let own = Method::one(c"_done_callback", c"A child is done.", on_completion);
    coroutine::build::<RaceState>(py, c"stook.coroutine", [own])
}

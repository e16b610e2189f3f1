//! The state of a source of cancellation, which its tokens share.
//!
//! What is to be told is kept in a dict, by its key; telling it is for what is in Python. A follower
//! keeps those that it follows alive. These keep it alive only while something is registered at it:
//! else who has neither its source nor a token of it could not miss it.

use std::cell::Cell;

use crate::ffi::intern;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyInt, PyList, PyTuple};
use stook_kernel::{
    Fired, Firing, FiringStep, Followed, Registered, TokenKey, TokenPhase, TokenSource,
};

use crate::errors::Imported;
use crate::ffi::call;
use crate::ffi::class::WeakReferences;
use crate::ffi::gc::traverse;
use crate::ffi::{Args, Builder, Class, Fallible, GetSet, HeldCell, Method, Ref, TypeSlot, error};
use crate::future_class::python_bool;

/// The state of a source.
#[derive(Debug, Default)]
pub(crate) struct TokenState {
    source: Cell<TokenSource>,
    reason: HeldCell,
    record: HeldCell,
    /// Key → what is registered.
    registered: HeldCell,
    /// Key → a weak reference to a follower.
    followers: HeldCell,
    /// Key → a follower at which something is registered.
    kept: HeldCell,
    /// Pairs: one that is followed, and the key there.
    followed: HeldCell,
    /// So many followers, dead ones included, are looked through for dead ones.
    look_through_at: Cell<usize>,
}

traverse!(TokenState: reason, record, registered, followers, kept, followed);

impl Class for TokenState {
    type Extras = WeakReferences;

    fn slot() -> &'static TypeSlot {
        static SLOT: TypeSlot = TypeSlot::new();
        &SLOT
    }
}

static WEAK_REFERENCE: Imported = Imported::new("weakref", "ref");

/// What this file looks up when the module is made.
pub(crate) const IMPORTS: &[&Imported] = &[&WEAK_REFERENCE];

/// The fewest followers that are looked through for dead ones.
const FEW: usize = 16;

fn none(py: Python<'_>) -> Bound<'_, PyAny> {
    py.None().into_bound(py)
}

fn dict_in<'py>(py: Python<'py>, cell: &HeldCell) -> Option<Bound<'py, PyDict>> {
    cell.get(py)?.cast_into().ok()
}

/// The dict in `cell`. It is made before anything is decided: making one may collect, and so run
/// Python.
fn ready_dict<'py>(py: Python<'py>, cell: &HeldCell) -> Bound<'py, PyDict> {
    if let Some(dict) = dict_in(py, cell) {
        return dict;
    }
    let dict = PyDict::new(py);
    // Whoever ran meanwhile may have made it.
    if let Some(earlier) = dict_in(py, cell) {
        return earlier;
    }
    cell.set(dict.clone().into_any());
    dict
}

fn number<'py>(py: Python<'py>, key: TokenKey) -> Bound<'py, PyAny> {
    PyInt::new(py, key.number()).into_any()
}

/// One that is followed, and the key of the follower there.
type Place<'py> = (Ref<'py, TokenState>, Bound<'py, PyAny>);

impl TokenState {
    /// One transition.
    fn decide<R>(&self, transition: impl FnOnce(&mut TokenSource) -> R) -> R {
        let mut source = self.source.get();
        let answer = transition(&mut source);
        self.source.set(source);
        answer
    }

    fn is(&self, phase: TokenPhase) -> bool {
        self.source.get().phase() == phase
    }

    /// What it follows.
    fn places<'py>(&self, py: Python<'py>) -> Vec<Place<'py>> {
        let followed = self.followed.get(py);
        let followed = followed
            .as_ref()
            .and_then(|list| list.cast::<PyList>().ok());
        let pairs = followed.into_iter().flatten();
        pairs
            .filter_map(|pair| {
                let (source, key): (Bound<'py, PyAny>, Bound<'py, PyAny>) =
                    error::or_none(py, pair.extract())?;
                Some((Ref::<TokenState>::cast(&source)?.clone(), key))
            })
            .collect()
    }

    /// Follows nobody any more.
    fn leave(&self, py: Python<'_>) {
        let places = self.places(py);
        self.followed.clear();
        for (source, key) in places {
            for cell in [&source.followers, &source.kept] {
                take_out(dict_in(py, cell).as_ref(), &key);
            }
        }
    }

    fn followers<'py>(&self, py: Python<'py>) -> Vec<Ref<'py, TokenState>> {
        pairs(dict_in(py, &self.followers).as_ref())
            .iter()
            .filter_map(|(_, weak)| Ref::cast(&alive(weak)?).cloned())
            .collect()
    }

    /// Forgets the followers that are gone, once there may be as many of them as others.
    fn look_through(&self, followers: &Bound<'_, PyDict>) {
        if followers.len() < self.look_through_at.get().max(FEW) {
            return;
        }
        for (key, weak) in pairs(Some(followers)) {
            if alive(&weak).is_none() {
                take_out(Some(followers), &key);
            }
        }
        self.look_through_at.set(2 * followers.len());
    }
}

/// What a weak reference leads to.
fn alive<'py>(weak: &Bound<'py, PyAny>) -> Option<Bound<'py, PyAny>> {
    call::call0(weak)
        .map_err(|raised| raised.clear(weak.py()))
        .ok()
        .filter(|object| !object.is_none())
}

/// What is in a dict, in order.
fn pairs<'py>(dict: Option<&Bound<'py, PyDict>>) -> Vec<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
    dict.into_iter().flatten().collect()
}

/// Takes what is at `key`, a number, out of a dict; whether it was there.
fn take_out(dict: Option<&Bound<'_, PyDict>>, key: &Bound<'_, PyAny>) -> bool {
    dict.is_some_and(|dict| error::or_none(key.py(), dict.del_item(key)).is_some())
}

/// `fire(reason, record)`: the states that have fired by it, in the order in which what is registered
/// at them is to be told; None if it had fired before or is closed.
fn fire<'py>(this: &Ref<'py, TokenState>, args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    let py = this.py();
    let Some([reason, record]) = args.exactly::<2>() else {
        return Err(PyTypeError::new_err("fire() takes a reason and a record").into());
    };
    let order = PyList::empty(py);
    match this.decide(TokenSource::fire) {
        Fired::First => {}
        Fired::Again | Fired::Refused => return Ok(none(py)),
    }
    let mut marked = vec![this.clone()];
    this.reason.set(reason.clone());
    this.record.set(record.clone());
    let mut firing = Firing::new();
    loop {
        match firing.next() {
            FiringStep::MarkFollowers(number) => {
                for follower in marked[number].followers(py) {
                    if follower.decide(TokenSource::fire) == Fired::First {
                        follower.reason.set(reason.clone());
                        follower.record.set(record.clone());
                        marked.push(follower);
                        firing.marked();
                    }
                }
            }
            FiringStep::Tell(number) => order.append(marked[number].as_any())?,
            FiringStep::Over => break,
        }
    }
    for source in &marked {
        source.leave(py);
    }
    Ok(order.into_any())
}

/// `register(entry)`: its key, if it is kept; None if it is to be told now, when this has fired, or
/// never.
fn register<'py>(
    this: &Ref<'py, TokenState>,
    entry: &Bound<'py, PyAny>,
) -> Fallible<Bound<'py, PyAny>> {
    let py = this.py();
    let registered = ready_dict(py, &this.registered);
    let key = match this.decide(TokenSource::register) {
        Registered::Keep(key) => number(py, key),
        Registered::TellNow | Registered::Never => return Ok(none(py)),
    };
    registered.set_item(&key, entry)?;
    if registered.len() == 1 {
        for (source, place) in this.places(py) {
            ready_dict(py, &source.kept).set_item(place, this.as_any())?;
        }
    }
    Ok(key)
}

/// `unregister(key)`: whether it was there, and so has not been told.
fn unregister<'py>(
    this: &Ref<'py, TokenState>,
    key: &Bound<'py, PyAny>,
) -> Fallible<Bound<'py, PyAny>> {
    let py = this.py();
    let registered = dict_in(py, &this.registered);
    let was_there = take_out(registered.as_ref(), key);
    if was_there && registered.is_some_and(|registered| registered.is_empty()) {
        for (source, place) in this.places(py) {
            take_out(dict_in(py, &source.kept).as_ref(), &place);
        }
    }
    Ok(python_bool(py, was_there))
}

/// `registered()`: pairs of key and what is registered, in the order of the keys.
fn registered<'py>(this: &Ref<'py, TokenState>) -> Fallible<Bound<'py, PyAny>> {
    let py = this.py();
    let registered = pairs(dict_in(py, &this.registered).as_ref());
    Ok(PyList::new(py, registered)?.into_any())
}

/// `follow(other)`: whether it has fired by that.
fn follow<'py>(
    this: &Ref<'py, TokenState>,
    other: &Bound<'py, PyAny>,
) -> Fallible<Bound<'py, PyAny>> {
    let py = this.py();
    let Some(other) = Ref::<TokenState>::cast(other) else {
        return Err(PyTypeError::new_err("follow() takes a state").into());
    };
    let followers = ready_dict(py, &other.followers);
    ready_dict(py, &other.kept);
    if !this.followed.is_some() {
        this.followed.set(PyList::empty(py).into_any());
    }
    let weak = WEAK_REFERENCE.get(py)?.call1((this.as_any(),))?;
    other.look_through(&followers);
    let phase = other.source.get().phase();
    match this.decide(|source| source.follow(phase)) {
        Followed::Join => {
            if let Registered::Keep(key) = other.decide(TokenSource::register) {
                let key = number(py, key);
                followers.set_item(&key, weak)?;
                if let Some(followed) = this.followed.get(py) {
                    let place = PyTuple::new(py, [other.as_any().clone(), key])?;
                    followed
                        .cast::<PyList>()
                        .map_err(PyErr::from)?
                        .append(place)?;
                }
            }
        }
        Followed::FireNow => {
            this.reason.set_or_clear(other.reason.get(py));
            this.record.set_or_clear(other.record.get(py));
            this.leave(py);
            return Ok(python_bool(py, true));
        }
        Followed::Pass => {}
    }
    Ok(python_bool(py, false))
}

/// `close()`
fn close<'py>(this: &Ref<'py, TokenState>) -> Fallible<Bound<'py, PyAny>> {
    let py = this.py();
    if this.decide(TokenSource::close) {
        this.leave(py);
        for cell in [&this.registered, &this.followers, &this.kept] {
            cell.clear();
        }
    }
    Ok(none(py))
}

fn is_fired<'py>(this: &Ref<'py, TokenState>) -> Fallible<Bound<'py, PyAny>> {
    Ok(python_bool(this.py(), this.is(TokenPhase::Fired)))
}

fn is_closed<'py>(this: &Ref<'py, TokenState>) -> Fallible<Bound<'py, PyAny>> {
    Ok(python_bool(this.py(), this.is(TokenPhase::Closed)))
}

fn reason<'py>(this: &Ref<'py, TokenState>) -> Fallible<Bound<'py, PyAny>> {
    Ok(this.reason.get_or_none(this.py()))
}

fn record<'py>(this: &Ref<'py, TokenState>) -> Fallible<Bound<'py, PyAny>> {
    Ok(this.record.get_or_none(this.py()))
}

/// For tests: what it keeps in memory of others.
fn size<'py>(this: &Ref<'py, TokenState>) -> Fallible<Bound<'py, PyAny>> {
    let py = this.py();
    let size: usize = [&this.registered, &this.followers, &this.kept]
        .into_iter()
        .filter_map(|cell| dict_in(py, cell))
        .map(|dict| dict.len())
        .sum();
    Ok(PyInt::new(py, size).into_any())
}

/// Makes the class.
///
/// # Errors
/// What making a class raises.
pub(crate) fn build(module: &Bound<'_, PyModule>) -> Fallible<()> {
    let class = Builder::<TokenState>::new(c"stook._core._TokenState")
        .doc(c"What a source of cancellation and its tokens share.")
        .instantiable()
        .methods([
            Method::positional(
                c"fire",
                c"fire($self, reason, record, /)\n--\n\nReturn the states that fire by this, in order; None if it had fired or is closed.",
                fire,
            ),
            Method::one(
                c"register",
                c"register($self, entry, /)\n--\n\nReturn the key by which it is kept, if it is.",
                register,
            ),
            Method::one(
                c"unregister",
                c"unregister($self, key, /)\n--\n\nReturn whether it was kept until now.",
                unregister,
            ),
            Method::none(
                c"registered",
                c"registered($self)\n--\n\nReturn pairs of key and what is kept, in order.",
                registered,
            ),
            Method::one(
                c"follow",
                c"follow($self, other, /)\n--\n\nFire when other does; return whether it has.",
                follow,
            ),
            Method::none(
                c"close",
                c"close($self)\n--\n\nKeep nothing, and fire no more.",
                close,
            ),
        ])
        .attributes([
            GetSet::read(c"is_fired", is_fired),
            GetSet::read(c"is_closed", is_closed),
            GetSet::read(c"reason", reason),
            GetSet::read(c"record", record),
            GetSet::read(c"size", size),
        ])
        .build(module.py())?;
    module.add(intern!(module.py(), "_TokenState"), class)?;
    Ok(())
}

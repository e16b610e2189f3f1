//! `Cancellation`: the record of one cancel request.
//!
//! It says who asked, why, and from which line, and what it follows from. It keeps neither a task nor
//! a frame alive: of who asked it has the name, of the line the code and how far it is.

use std::cell::Cell;
use std::mem::ManuallyDrop;

use crate::ffi::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyFloat, PyString, PyTuple};
use stook_kernel::{CancelKind, ChainDepth, Follows};

use crate::errors::Imported;
use crate::ffi::class::WeakReferences;
use crate::ffi::gc::traverse;
use crate::ffi::origin::{self, Origin};
use crate::ffi::{Builder, Class, Fallible, GetSet, HeldCell, Method, Ref, TypeSlot};
use crate::set_at::SetAt;

/// The state of a `Cancellation`.
#[derive(Debug, Default)]
pub(crate) struct RecordState {
    kind: Cell<CancelKind>,
    depth: Cell<ChainDepth>,
    code: HeldCell,
    offset: Cell<i32>,
    who: HeldCell,
    /// What the name of who asked is made of, where it has not got one.
    who_number: Cell<u64>,
    who_id: Cell<usize>,
    reason: HeldCell,
    /// The place is where who was asked waited: nobody knows where a timeout was set.
    waited_there: Cell<bool>,
    /// Seconds of the monotonic clock, some milliseconds coarse.
    when: Cell<f64>,
    cause: HeldCell,
    /// Between it and its cause some are left out.
    leaves_out: Cell<bool>,
    /// Somebody tells it of another task.
    is_of_child: Cell<bool>,
    others: HeldCell,
    /// Where it was raised, if it did not end the task that was asked.
    swallowed: SetAt,
}

traverse!(RecordState: code, who, reason, cause, others);

impl Class for RecordState {
    type Extras = WeakReferences;

    fn slot() -> &'static TypeSlot {
        static SLOT: TypeSlot = TypeSlot::new();
        &SLOT
    }
}

thread_local! {
    /// The record that was made last, where it can be in no cycle. Never released at the end of a
    /// thread: that may be after the interpreter's own end.
    static LAST: ManuallyDrop<HeldCell> = const { ManuallyDrop::new(HeldCell::new()) };
}

/// Who asks: a task.
#[derive(Debug)]
pub(crate) struct Who<'py> {
    /// Its name, where it has one.
    pub(crate) name: Option<Bound<'py, PyAny>>,
    /// What its name is made of otherwise.
    pub(crate) number: u64,
    /// Its address, which is its `id()`.
    pub(crate) id: usize,
}

/// What is known when a request is made.
#[derive(Debug, Default)]
pub(crate) struct Request<'py> {
    pub(crate) kind: CancelKind,
    pub(crate) who: Option<Who<'py>>,
    pub(crate) origin: Option<Origin<'py>>,
    /// The place is where who is asked waits.
    pub(crate) waited_there: bool,
    pub(crate) reason: Option<Bound<'py, PyAny>>,
    /// The record of the request that it follows from.
    pub(crate) cause: Option<Ref<'py, RecordState>>,
    pub(crate) when: f64,
}

impl<'py> Request<'py> {
    /// Makes the record.
    ///
    /// # Errors
    /// `MemoryError`.
    pub(crate) fn record(self, py: Python<'py>) -> Fallible<Ref<'py, RecordState>> {
        let last = LAST.with(|last| last.get(py));
        if let Some(last) = last.as_ref().and_then(Ref::cast)
            && self.is_as(last)
        {
            return Ok(last.clone());
        }
        let record = self.new_record(py)?;
        if !record.is_tracked() {
            LAST.with(|last| last.set(record.as_any().clone()));
        }
        Ok(record)
    }

    /// Whether nothing tells this request from the one that `record` is of: one statement that asks
    /// many.
    fn is_as(&self, record: &RecordState) -> bool {
        let is_same = |cell: &HeldCell, object: Option<&Bound<'_, PyAny>>| match object {
            Some(object) => cell.holds(object),
            None => !cell.is_some(),
        };
        let place = self.origin.as_ref();
        let reason = self.reason.as_ref().filter(|reason| !reason.is_none());
        record.kind.get() == self.kind
            && record.waited_there.get() == self.waited_there
            && record.when.get().to_bits() == self.when.to_bits()
            && self
                .who
                .as_ref()
                .map_or(record.who_id.get() == 0, |who| record.is_by(who))
            && record.offset.get() == place.map_or(0, |place| place.offset)
            && is_same(&record.code, place.map(|place| &place.code))
            && is_same(&record.reason, reason)
            && is_same(&record.cause, self.cause.as_ref().map(Ref::as_any))
    }

    fn new_record(self, py: Python<'py>) -> Fallible<Ref<'py, RecordState>> {
        let state = RecordState::default();
        state.kind.set(self.kind);
        state.when.set(self.when);
        state.waited_there.set(self.waited_there);
        let mut may_be_in_a_cycle = false;
        if let Some(who) = self.who {
            state.who.set_or_clear(who.name);
            state.who_number.set(who.number);
            state.who_id.set(who.id);
        }
        if let Some(origin) = self.origin {
            state.offset.set(origin.offset);
            state.code.set(origin.code);
        }
        if let Some(reason) = self.reason.filter(|reason| !reason.is_none()) {
            may_be_in_a_cycle = !reason.is_exact_instance_of::<PyString>();
            state.reason.set(reason);
        }
        if let Some(cause) = self.cause {
            let cause = match cause.depth.get().follow() {
                Follows::Cause(depth) => {
                    state.depth.set(depth);
                    cause
                }
                Follows::First(depth) => {
                    state.depth.set(depth);
                    state.leaves_out.set(true);
                    first(&cause)
                }
            };
            may_be_in_a_cycle |= cause.is_tracked();
            state.cause.set(cause.into_any());
        }
        if may_be_in_a_cycle {
            Ref::allocate(py, state)
        } else {
            Ref::allocate_atomic(py, state)
        }
    }
}

/// The first record of the chain that ends in `record`.
fn first<'py>(record: &Ref<'py, RecordState>) -> Ref<'py, RecordState> {
    let mut first = record.clone();
    while let Some(cause) = cause(&first) {
        first = cause;
    }
    first
}

/// The record that `record` follows from.
pub(crate) fn cause<'py>(record: &Ref<'py, RecordState>) -> Option<Ref<'py, RecordState>> {
    let cause = record.cause.get(record.py())?;
    Ref::cast(&cause).cloned()
}

/// Whether `record` is of the same request as `other`: it is that, or says the same, but for what it
/// met and where it was swallowed.
pub(crate) fn is_of_request<'py>(
    record: &Ref<'py, RecordState>,
    other: &Bound<'py, PyAny>,
) -> bool {
    is_alike(record, other, Times::All)
}

/// Which times of two records have to be the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Times {
    All,
    /// Not when it was passed on, which may be later for one of the ways in which it came.
    First,
}

fn is_alike<'py>(record: &Ref<'py, RecordState>, other: &Bound<'py, PyAny>, times: Times) -> bool {
    if record.as_any().is(other) {
        return true;
    }
    let Some(other) = Ref::<RecordState>::cast(other) else {
        return false;
    };
    let py = record.py();
    let is_same = |of: fn(&RecordState) -> &HeldCell| match of(other).get(py) {
        Some(held) => of(record).holds(&held),
        None => !of(record).is_some(),
    };
    let was_passed_on = record.cause.is_some();
    ((was_passed_on && times == Times::First)
        || record.when.get().to_bits() == other.when.get().to_bits())
        && record.kind.get() == other.kind.get()
        && record.who_id.get() == other.who_id.get()
        && record.who_number.get() == other.who_number.get()
        && record.offset.get() == other.offset.get()
        && is_same(|state| &state.code)
        && is_same(|state| &state.reason)
        && match (cause(record), cause(other)) {
            (Some(one), Some(other)) => is_alike(&one, other.as_any(), times),
            (None, None) => true,
            _ => false,
        }
}

/// Whether `record` is `other` or follows from it. Where some are left out, `other` is taken for one of
/// these if it has begun with the same request.
pub(crate) fn leads_to<'py>(record: &Ref<'py, RecordState>, other: &Bound<'py, PyAny>) -> bool {
    let mut at = record.clone();
    let mut leaves_out = false;
    loop {
        if is_of_request(&at, other) {
            return true;
        }
        leaves_out |= at.leaves_out.get();
        match cause(&at) {
            Some(cause) => at = cause,
            None => break,
        }
    }
    leaves_out
        && Ref::<RecordState>::cast(other)
            .is_some_and(|other| first(other).as_any().is(at.as_any()))
}

/// Whether `record` follows from `other`, and is of another request.
pub(crate) fn follows_from<'py>(record: &Ref<'py, RecordState>, other: &Bound<'py, PyAny>) -> bool {
    !is_of_request(record, other) && leads_to(record, other)
}

/// Which of `own` `record` is or follows from, the nearest.
pub(crate) fn nearest<'py>(
    record: &Ref<'py, RecordState>,
    own: &[Bound<'py, PyAny>],
) -> Option<usize> {
    let mut at = Some(record.clone());
    while let Some(link) = at {
        if let Some(index) = own.iter().position(|own| is_of_request(&link, own)) {
            return Some(index);
        }
        at = cause(&link);
    }
    // Of what is left out the beginning is known.
    own.iter().position(|own| leads_to(record, own))
}

/// The same record, met by those of `met` that are of other requests.
///
/// # Errors
/// `MemoryError`.
pub(crate) fn with_others<'py>(
    record: Ref<'py, RecordState>,
    met: Vec<Bound<'py, PyAny>>,
) -> Fallible<Ref<'py, RecordState>> {
    let mut others: Vec<Bound<'py, PyAny>> = Vec::new();
    for other in met {
        // One request may have come in several ways, by blocks of one token say.
        let is_of_same = |known| is_alike(known, &other, Times::First);
        if !is_of_same(&record) && !others.iter().filter_map(Ref::cast).any(is_of_same) {
            others.push(other);
        }
    }
    if others.is_empty() {
        return Ok(record);
    }
    let state = copy(&record);
    state.others.set(PyTuple::new(record.py(), others)?);
    Ref::allocate(record.py(), state)
}

/// The record of a cancellation that a task raises in the place of its own, of which `own` is: that,
/// where both are of one request.
///
/// # Errors
/// `MemoryError`.
pub(crate) fn beside_own<'py>(
    record: Ref<'py, RecordState>,
    own: &Ref<'py, RecordState>,
) -> Fallible<Ref<'py, RecordState>> {
    if is_of_request(&record, own.as_any()) {
        let state = copy(own);
        state.is_of_child.set(false);
        return Ref::allocate(own.py(), state);
    }
    let mut met = vec![own.clone().into_any()];
    if let Some(others) = record.others.get(own.py()) {
        for other in others.try_iter()? {
            met.push(other?);
        }
    }
    with_others(record, met)
}

/// The same record, as what awaited the task that it ended tells of it: no other task's own.
///
/// # Errors
/// `MemoryError`.
pub(crate) fn of_child<'py>(record: &Ref<'py, RecordState>) -> Fallible<Ref<'py, RecordState>> {
    let state = copy(record);
    state.is_of_child.set(true);
    if record.is_tracked() {
        Ref::allocate(record.py(), state)
    } else {
        Ref::allocate_atomic(record.py(), state)
    }
}

/// The same record, of a task that it did not end after it was raised there.
///
/// # Errors
/// `MemoryError`.
pub(crate) fn swallowed_at<'py>(
    record: &Ref<'py, RecordState>,
    place: Origin<'py>,
) -> Fallible<Ref<'py, RecordState>> {
    let state = copy(record);
    state.swallowed.set(Some(place));
    if record.is_tracked() {
        Ref::allocate(record.py(), state)
    } else {
        Ref::allocate_atomic(record.py(), state)
    }
}

fn copy(record: &Ref<'_, RecordState>) -> RecordState {
    let py = record.py();
    let state = RecordState::default();
    state.kind.set(record.kind.get());
    state.depth.set(record.depth.get());
    state.offset.set(record.offset.get());
    state.who_number.set(record.who_number.get());
    state.who_id.set(record.who_id.get());
    state.when.set(record.when.get());
    state.waited_there.set(record.waited_there.get());
    state.code.set_or_clear(record.code.get(py));
    state.who.set_or_clear(record.who.get(py));
    state.reason.set_or_clear(record.reason.get(py));
    state.cause.set_or_clear(record.cause.get(py));
    state.leaves_out.set(record.leaves_out.get());
    state.is_of_child.set(record.is_of_child.get());
    state.others.set_or_clear(record.others.get(py));
    state.swallowed.set(record.swallowed.place(py));
    state
}

impl RecordState {
    /// When it was asked, in seconds of the monotonic clock.
    pub(crate) fn when(&self) -> f64 {
        self.when.get()
    }

    /// Whether this one asked. Another task may have the address of one that is gone, and not its
    /// number or its name.
    fn is_by(&self, who: &Who<'_>) -> bool {
        self.who_id.get() == who.id
            && self.who_number.get() == who.number
            && match &who.name {
                Some(name) => self.who.holds(name),
                // It has got one since, made of the number.
                None => true,
            }
    }

    /// Who asked, but for a name that nobody has asked for yet.
    pub(crate) fn who<'py>(&self, py: Python<'py>) -> Option<Who<'py>> {
        let id = self.who_id.get();
        (id != 0).then(|| Who {
            name: self.who.get(py),
            number: self.who_number.get(),
            id,
        })
    }

    /// Whether somebody tells it of another task.
    pub(crate) fn is_of_child(&self) -> bool {
        self.is_of_child.get()
    }

    /// Why, in one word.
    pub(crate) fn kind(&self) -> CancelKind {
        self.kind.get()
    }

    /// Whether the place is where who was asked waited.
    pub(crate) fn waited_there(&self) -> bool {
        self.waited_there.get()
    }

    /// Why, if that was said.
    pub(crate) fn reason<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.reason.get(py)
    }

    /// From where.
    pub(crate) fn origin<'py>(&self, py: Python<'py>) -> Option<Origin<'py>> {
        let code = self.code.get(py)?;
        Some(Origin {
            code,
            offset: self.offset.get(),
        })
    }
}

/// The kinds, in no order.
const KINDS: [CancelKind; 11] = [
    CancelKind::Explicit,
    CancelKind::Timeout,
    CancelKind::SiblingFailed,
    CancelKind::ParentCancelled,
    CancelKind::Group,
    CancelKind::Token,
    CancelKind::LostRace,
    CancelKind::Shutdown,
    CancelKind::Interrupt,
    CancelKind::Remote,
    CancelKind::Unknown,
];

/// The kind that is called so.
pub(crate) fn kind_called(text: &str) -> Option<CancelKind> {
    KINDS.into_iter().find(|kind| kind.word() == text)
}

fn kind<'py>(this: &Ref<'py, RecordState>) -> Fallible<Bound<'py, PyAny>> {
    Ok(PyString::intern(this.py(), this.kind.get().word()).into_any())
}

static REQUESTER: Imported = Imported::new("stook._cancellation", "Requester");
static PLACE: Imported = Imported::new("stook._cancellation", "Place");
static SHOWN: Imported = Imported::new("stook._cancellation", "shown");
static EXPLAIN: Imported = Imported::new("stook._cancellation", "explain");

/// Looks up now what records are shown with: while the interpreter ends nothing can be imported.
///
/// # Errors
/// What importing raises.
pub(crate) fn look_up(py: Python<'_>) -> Fallible<()> {
    for name in [&REQUESTER, &PLACE, &SHOWN, &EXPLAIN] {
        name.get(py)?;
    }
    Ok(())
}

fn who<'py>(this: &Ref<'py, RecordState>) -> Fallible<Bound<'py, PyAny>> {
    let py = this.py();
    if this.who_id.get() == 0 {
        return Ok(py.None().into_bound(py));
    }
    let name = this.who.get(py).unwrap_or_else(|| {
        let name = format!("Task-{}", this.who_number.get());
        let name = PyString::new(py, &name).into_any();
        this.who.set(name.clone());
        name
    });
    Ok(REQUESTER.get(py)?.call1((name, this.who_id.get()))?)
}

fn place<'py>(this: &Ref<'py, RecordState>) -> Fallible<Bound<'py, PyAny>> {
    let py = this.py();
    match this.origin(py) {
        Some(place) => as_place(&place),
        None => Ok(py.None().into_bound(py)),
    }
}

/// A place as Python has it.
///
/// # Errors
/// What looking at its code raises.
pub(crate) fn as_place<'py>(place: &Origin<'py>) -> Fallible<Bound<'py, PyAny>> {
    let code = &place.code;
    let py = code.py();
    let line = origin::line(code, place.offset);
    let file = code.getattr(intern!(py, "co_filename"))?;
    let function = code.getattr(intern!(py, "co_qualname"))?;
    Ok(PLACE.get(py)?.call1((file, line, function))?)
}

fn reason<'py>(this: &Ref<'py, RecordState>) -> Fallible<Bound<'py, PyAny>> {
    Ok(this.reason.get_or_none(this.py()))
}

fn when<'py>(this: &Ref<'py, RecordState>) -> Fallible<Bound<'py, PyAny>> {
    Ok(PyFloat::new(this.py(), this.when.get()).into_any())
}

fn cause_or_none<'py>(this: &Ref<'py, RecordState>) -> Fallible<Bound<'py, PyAny>> {
    Ok(this.cause.get_or_none(this.py()))
}

fn chain<'py>(this: &Ref<'py, RecordState>) -> Fallible<Bound<'py, PyAny>> {
    let mut all = vec![this.as_any().clone()];
    let mut at = this.clone();
    while let Some(cause) = cause(&at) {
        all.push(cause.as_any().clone());
        at = cause;
    }
    Ok(PyTuple::new(this.py(), all)?.into_any())
}

fn others<'py>(this: &Ref<'py, RecordState>) -> Fallible<Bound<'py, PyAny>> {
    let py = this.py();
    Ok(this
        .others
        .get(py)
        .unwrap_or_else(|| PyTuple::empty(py).into_any()))
}

fn swallowed<'py>(this: &Ref<'py, RecordState>) -> Fallible<Bound<'py, PyAny>> {
    let py = this.py();
    match this.swallowed.place(py) {
        Some(place) => as_place(&place),
        None => Ok(py.None().into_bound(py)),
    }
}

/// The records that `record` was met by.
pub(crate) fn met<'py>(record: &Ref<'py, RecordState>) -> Option<Bound<'py, PyAny>> {
    record.others.get(record.py())
}

/// Whether the place is where who was asked waited.
fn waited_there<'py>(this: &Ref<'py, RecordState>) -> Fallible<Bound<'py, PyAny>> {
    Ok(PyBool::new(this.py(), this.waited_there.get())
        .to_owned()
        .into_any())
}

fn leaves_out<'py>(this: &Ref<'py, RecordState>) -> Fallible<Bound<'py, PyAny>> {
    Ok(PyBool::new(this.py(), this.leaves_out.get())
        .to_owned()
        .into_any())
}

fn explain<'py>(this: &Ref<'py, RecordState>) -> Fallible<Bound<'py, PyAny>> {
    Ok(EXPLAIN.get(this.py())?.call1((this.as_any(),))?)
}

fn repr<'py>(this: &Ref<'py, RecordState>) -> Fallible<Bound<'py, PyAny>> {
    let py = this.py();
    let mut text = format!("<Cancellation {}", this.kind.get().word());
    let who = who(this)?;
    if !who.is_none() {
        text += &format!(" by {}", who.getattr(intern!(py, "name"))?.repr()?);
    }
    let place = place(this)?;
    if !place.is_none() {
        text += &format!(
            " at {}:{}",
            place.getattr(intern!(py, "file"))?,
            place.getattr(intern!(py, "line"))?
        );
    }
    if let Some(reason) = this.reason.get(py) {
        text += &format!(" reason={}", SHOWN.get(py)?.call1((reason,))?);
    }
    text.push('>');
    Ok(PyString::new(py, &text).into_any())
}

/// An exception may be pickled or copied with its record; elsewhere that means nothing.
fn reduce<'py>(this: &Ref<'py, RecordState>) -> Fallible<Bound<'py, PyAny>> {
    let py = this.py();
    let nothing = py.None().into_bound(py).get_type();
    Ok(PyTuple::new(py, [nothing.into_any(), PyTuple::empty(py).into_any()])?.into_any())
}

/// Makes the class, whose method `is_mine` is given.
///
/// # Errors
/// What making a class raises.
pub(crate) fn build(module: &Bound<'_, PyModule>, is_mine: Method<RecordState>) -> Fallible<()> {
    let class = Builder::<RecordState>::new(c"stook.Cancellation")
        .doc(c"Who asked for a cancellation, why, and from which line.")
        .repr(repr)
        .methods([
            is_mine,
            Method::none(
                c"explain",
                c"explain($self)\n--\n\nSay it in a paragraph.",
                explain,
            ),
            Method::none(c"__reduce__", c"Pickle as None.", reduce),
        ])
        .attributes([
            GetSet::read(c"kind", kind),
            GetSet::read(c"who", who),
            GetSet::read(c"where", place),
            GetSet::read(c"reason", reason),
            GetSet::read(c"when", when),
            GetSet::read(c"cause", cause_or_none),
            GetSet::read(c"chain", chain),
            GetSet::read(c"others", others),
            GetSet::read(c"_waited_there", waited_there),
            GetSet::read(c"_leaves_out", leaves_out),
            GetSet::read(c"swallowed", swallowed),
        ])
        .build(module.py())?;
    module.add(intern!(module.py(), "Cancellation"), class)?;
    Ok(())
}

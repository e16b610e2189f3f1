//! What a task or another future knows of its cancellation: the records of the requests it has
//! received, and which of them it was told of last.
//!
//! The kernel's `Received` decides; this file keeps the records.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::ffi::intern;
use pyo3::exceptions::PyBaseException;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use stook_kernel::{
    AwaitedRecord, CancelKind, Delivery, Keep, Received, Standing, TaskEnd, Withdrawn,
};

use crate::ffi::gc::traverse;
use crate::ffi::origin::Origin;
use crate::ffi::{Fallible, Held, HeldCell, ListCell, Ref, beside, call};
use crate::record::{self, RecordState};

/// Of one task or other future.
#[derive(Debug, Default)]
pub(crate) struct Cancellations {
    machine: Cell<Received>,
    /// The first request that was not raised yet, and those after it.
    first: HeldCell,
    rest: ListCell<Held>,
    /// The record of what was raised last, or of what ended the future.
    told: HeldCell,
    /// The task's own first request among what was raised last.
    own: HeldCell,
    /// Those before it, oldest first; as many as the task can receive at once, at the most.
    earlier: ListCell<Held>,
    delivery: Cell<Delivery>,
    /// The address of the exception that is being raised; 0 between steps.
    raising: Cell<usize>,
    standing: Cell<Standing>,
    /// The requests that the task has survived, oldest first, each with the place.
    survived: ListCell<Survivor>,
    /// In which round of its loop's the task was marked last: see `task/catching_up.rs`.
    round: Cell<u64>,
    /// When the oldest request was made that is to be raised, or that the task has survived.
    asked_since: Cell<f64>,
}

/// How many requests tasks have received.
static RECEIVED: AtomicU64 = AtomicU64::new(0);

/// Counts requests whose records nobody keeps.
pub(crate) fn count(requests: u64) {
    RECEIVED.fetch_add(requests, Ordering::Relaxed);
}

/// How many requests tasks have received, in the whole process.
pub(crate) fn received() -> u64 {
    RECEIVED.load(Ordering::Relaxed)
}

/// A request that a task has survived.
#[derive(Debug)]
struct Survivor {
    record: Held,
    /// Where it was raised.
    code: Held,
    offset: i32,
}

traverse!(Survivor: record, code);
traverse!(Cancellations: first, rest, told, own, earlier, survived);

impl Cancellations {
    /// A request was received.
    pub(crate) fn receive(&self, record: &Ref<'_, RecordState>) {
        RECEIVED.fetch_add(1, Ordering::Relaxed);
        if !self.is_disregarded() {
            self.asked_since.set(record.when());
        }
        let mut machine = self.machine.get();
        let keep = machine.request();
        let is_first = machine.pending() == 1;
        self.machine.set(machine);
        if is_first {
            self.first.set(record.as_any().clone());
            return;
        }
        if keep == Keep::ReplaceLast {
            drop(self.rest.pop());
        }
        self.rest.push(Held::new(record.as_any()));
    }

    /// The request that the next one may take the place of.
    pub(crate) fn newest<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        let held = self.rest.pop()?;
        let newest = held.bind(py).clone();
        self.rest.push(held);
        Some(newest)
    }

    /// In which round the task was marked last.
    pub(crate) fn round(&self) -> u64 {
        self.round.get()
    }

    /// The task is marked in this round.
    pub(crate) fn set_round(&self, round: u64) {
        self.round.set(round);
    }

    /// The future itself was cancelled, by this request.
    pub(crate) fn end(&self, record: &Ref<'_, RecordState>) {
        self.told.set(record.as_any().clone());
        self.delivery.set(Delivery::Own);
    }

    /// What ends the future is none of what it was told of.
    pub(crate) fn forget(&self) {
        self.told.clear();
        self.delivery.set(Delivery::Unknown);
    }

    /// The requests that were not raised yet, taken out.
    fn take_received<'py>(&self, py: Python<'py>) -> Vec<Bound<'py, PyAny>> {
        let rest = self.rest.take();
        self.first
            .take(py)
            .into_iter()
            .chain(rest.into_iter().map(|held| held.into_bound(py)))
            .collect()
    }

    /// How the record of what was awaited relates to the task, which has received `own`; and which of
    /// these is the nearest that it follows from, else the first. `stands` says whether one that was
    /// raised before has not been taken back.
    fn relation<'py>(
        &self,
        py: Python<'py>,
        own: &[Bound<'py, PyAny>],
        awaited: Option<&Ref<'py, RecordState>>,
        stands: bool,
    ) -> (AwaitedRecord, usize) {
        let Some(awaited) = awaited else {
            return (AwaitedRecord::NoRecord, 0);
        };
        if let Some(index) = record::nearest(awaited, own) {
            return (AwaitedRecord::FollowsFromOwn, index);
        }
        let raised_before = self.own.get(py);
        // One that is the same came of the same statement, or token, and not of this task's request.
        let follows = |own| record::follows_from(awaited, &own);
        if own.is_empty() && stands && raised_before.is_some_and(follows) {
            (AwaitedRecord::FollowsFromOwn, 0)
        } else {
            (AwaitedRecord::Foreign, 0)
        }
    }

    /// The task has taken another record for its own.
    pub(crate) fn tell(&self, record: &Ref<'_, RecordState>) {
        if !self.told.holds(record.as_any()) {
            self.told.set(record.as_any().clone());
            self.delivery.set(Delivery::Awaited);
        }
    }

    /// A step raises `exception`, a cancellation; `awaited` is the record of what was awaited, and
    /// `stands` says whether requests are counted.
    ///
    /// # Errors
    /// `MemoryError`.
    pub(crate) fn raise<'py>(
        &self,
        exception: &Bound<'py, PyAny>,
        awaited: Option<Ref<'py, RecordState>>,
        stands: bool,
    ) -> Fallible<()> {
        self.raising.set(exception.as_ptr() as usize);
        self.take_up(exception.py(), awaited, stands)?;
        if let Some(told) = self.told.get(exception.py()) {
            // Whoever holds the exception later may ask it.
            attach(exception, &told)?;
        }
        Ok(())
    }

    /// The task deals with the requests that it has received, or is told of what it awaited.
    ///
    /// # Errors
    /// `MemoryError`.
    pub(crate) fn take_up<'py>(
        &self,
        py: Python<'py>,
        awaited: Option<Ref<'py, RecordState>>,
        stands: bool,
    ) -> Fallible<()> {
        let mut machine = self.machine.get();
        if self.rest.len() == 0 && machine.pending() == 1 && awaited.is_none() {
            // As a rule there is one.
            self.delivery.set(machine.raised(AwaitedRecord::NoRecord));
            self.machine.set(machine);
            self.count_raised(1);
            if let Some(only) = self.first.take(py) {
                self.told.set(only.clone());
                self.set_own(py, &only);
            }
            return Ok(());
        }
        let mut own = self.take_received(py);
        let (relation, index) = self.relation(py, &own, awaited.as_ref(), stands);
        let delivery = machine.raised(relation);
        self.machine.set(machine);
        self.count_raised(own.len());
        self.delivery.set(delivery);
        for (at, received) in own.iter().enumerate() {
            if at == index {
                self.set_own(py, received);
            } else {
                self.remember(Held::new(received));
            }
        }
        let told = match delivery {
            Delivery::Unknown => None,
            // Empty only where the collector has emptied it.
            Delivery::Own if own.is_empty() => None,
            Delivery::Own => Ref::cast(&own.remove(index)).cloned(),
            Delivery::Awaited | Delivery::AwaitedForOwn | Delivery::AwaitedAndOwn => awaited,
        };
        let told = match told {
            Some(told) if !own.is_empty() => Some(record::with_others(told, own)?),
            told => told,
        };
        self.told.set_or_clear(told.map(Ref::into_any));
        Ok(())
    }

    /// The step raises so many of the task's own requests.
    fn count_raised(&self, requests: usize) {
        let mut standing = self.standing.get();
        standing.raised(u8::try_from(requests).unwrap_or(Standing::MOST));
        self.standing.set(standing);
    }

    /// Whether the step that goes on has raised requests that stand.
    #[inline]
    pub(crate) fn has_raised(&self) -> bool {
        self.standing.get().fresh() > 0
    }

    /// The task has not ended by what the step has raised, which got as far as `place`; so many
    /// requests are counted.
    pub(crate) fn survive(&self, place: &Origin<'_>, counted: u32) {
        let py = place.code.py();
        let mut standing = self.standing.get();
        let survived = standing.survived(counted);
        self.standing.set(standing);
        let keep = |record: &Bound<'_, PyAny>| {
            self.survived.push(Survivor {
                record: Held::new(record),
                code: Held::new(&place.code),
                offset: place.offset,
            });
        };
        if survived.forgotten > 0 {
            let mut kept = self.survived.take();
            let forgotten = kept.len().min(usize::from(survived.forgotten));
            let forgotten: Vec<_> = kept.drain(..forgotten).collect();
            drop(self.survived.replace(kept));
            drop(forgotten);
        }
        if survived.new == 1 {
            // As a rule there is one.
            if let Some(own) = self.own.get(py) {
                keep(&own);
            }
            return;
        }
        let own = self.raised(py);
        let new = own.len().saturating_sub(usize::from(survived.new));
        own[new..].iter().for_each(keep);
    }

    /// What becomes of the requests that the step has raised is not known.
    pub(crate) fn pass_over(&self) {
        self.count_raised(0);
    }

    /// Somebody takes a request back.
    pub(crate) fn withdraw(&self, py: Python<'_>) {
        let mut standing = self.standing.get();
        if standing.fresh() == 0 && standing.kept() == 0 {
            return;
        }
        let mut kept = self.survived.take();
        let of_block = kept
            .iter()
            .rposition(|survivor| is_of_block(survivor.record.bind(py)));
        let is_fresh_of_block = self.own.get(py).is_some_and(|own| is_of_block(&own));
        let taken = match standing.withdraw(of_block.is_some() && !is_fresh_of_block) {
            Withdrawn::Kept if !kept.is_empty() => {
                Some(kept.remove(of_block.unwrap_or(kept.len() - 1)))
            }
            Withdrawn::Kept | Withdrawn::Fresh | Withdrawn::Nothing => None,
        };
        self.standing.set(standing);
        drop(self.survived.replace(kept));
        drop(taken);
    }

    /// The requests that the task has swallowed, which ends so; what it was told is the first of them
    /// then.
    ///
    /// # Errors
    /// What `end` raises, `MemoryError`.
    pub(crate) fn swallowed<'py>(
        &self,
        py: Python<'py>,
        end: impl FnOnce() -> Fallible<TaskEnd>,
    ) -> Fallible<Vec<Bound<'py, PyAny>>> {
        if self.survived.len() == 0 || !self.standing.get().has_swallowed(end()?) {
            return Ok(Vec::new());
        }
        let mut swallowed = Vec::new();
        for survivor in self.survived.take() {
            let place = Origin {
                code: survivor.code.into_bound(py),
                offset: survivor.offset,
            };
            if let Some(record) = Ref::<RecordState>::cast(survivor.record.bind(py)) {
                swallowed.push(record::swallowed_at(record, place)?.into_any());
            }
        }
        drop(self.take_received(py));
        self.told.set_or_clear(swallowed.first().cloned());
        Ok(swallowed)
    }

    /// Whether a request was made that was not raised yet, or that the task has survived. What
    /// asyncio's own code has caught does not count: up to CPython 3.12 a group does not take all back
    /// that it asks its own task for.
    fn is_disregarded(&self) -> bool {
        self.machine.get().pending() > 0 || self.survived.len() > 0
    }

    /// When the oldest request was made that was not raised yet, or that the task has survived, in
    /// seconds of the monotonic clock.
    pub(crate) fn disregarded_since(&self) -> Option<f64> {
        self.is_disregarded().then(|| self.asked_since.get())
    }

    /// Where the task has survived requests that stand, oldest first.
    ///
    /// # Errors
    /// What looking at code raises.
    pub(crate) fn survived_at<'py>(&self, py: Python<'py>) -> Fallible<Vec<Bound<'py, PyAny>>> {
        let survived = self.survived.take();
        let places = survived.iter().map(|survivor| Origin {
            code: survivor.code.bind(py).clone(),
            offset: survivor.offset,
        });
        let places: Vec<_> = places.collect();
        drop(self.survived.replace(survived));
        places.iter().map(record::as_place).collect()
    }

    /// A request is raised; those before are remembered.
    fn set_own<'py>(&self, py: Python<'py>, record: &Bound<'py, PyAny>) {
        let before = self.own.take(py);
        self.own.set(record.clone());
        if let Some(before) = before {
            self.remember(Held::from(before));
        }
    }

    /// Keeps a request among the earlier ones.
    fn remember(&self, record: Held) {
        self.earlier.push(record);
        if self.earlier.len() > usize::from(Received::MOST) {
            let mut earlier = self.earlier.take();
            let oldest = earlier.remove(0);
            drop(self.earlier.replace(earlier));
            drop(oldest);
        }
    }

    /// The requests that were raised, oldest first.
    fn raised<'py>(&self, py: Python<'py>) -> Vec<Bound<'py, PyAny>> {
        let earlier = self.earlier.take();
        let mut raised: Vec<_> = earlier.iter().map(|held| held.bind(py).clone()).collect();
        drop(self.earlier.replace(earlier));
        raised.extend(self.own.get(py));
        raised
    }

    /// The requests that were raised or are to be.
    fn own<'py>(&self, py: Python<'py>) -> Vec<Bound<'py, PyAny>> {
        let mut own = self.raised(py);
        own.extend(self.first.get(py));
        own
    }

    /// A step raises no cancellation.
    pub(crate) fn resume(&self, py: Python<'_>) {
        let mut machine = self.machine.get();
        if machine.resumed() {
            // What the task awaited took them, and ended otherwise.
            drop(self.take_received(py));
        }
        self.machine.set(machine);
    }

    /// The step is over.
    pub(crate) fn step_ended(&self) {
        self.raising.set(0);
    }

    /// Whether a step is going on that raises a cancellation.
    pub(crate) fn is_raising(&self) -> bool {
        self.raising.get() != 0
    }

    /// The record of what was raised last or, before it is raised, of the first request.
    pub(crate) fn latest<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.first.get(py).or_else(|| self.told.get(py))
    }

    /// The newest request of the task's own that is not the failure of a group's task, else what it
    /// was told last: what a group asks again when it has ended.
    pub(crate) fn to_repeat<'py>(&self, py: Python<'py>) -> Option<Ref<'py, RecordState>> {
        let own = self.own(py).into_iter().rev();
        own.filter_map(|own| Ref::<RecordState>::cast(&own).cloned())
            .find(|own| own.kind() != CancelKind::SiblingFailed)
            .or_else(|| self.told(py))
    }

    /// The first request that was not raised yet.
    pub(crate) fn next<'py>(&self, py: Python<'py>) -> Option<Ref<'py, RecordState>> {
        let first = self.first.get(py)?;
        Ref::cast(&first).cloned()
    }

    /// The record of what was raised last.
    pub(crate) fn told<'py>(&self, py: Python<'py>) -> Option<Ref<'py, RecordState>> {
        let told = self.told.get(py)?;
        Ref::cast(&told).cloned()
    }

    /// Whether what the task was told of last is a request of its own, which it had received or which
    /// what it awaited followed from.
    pub(crate) fn is_told_of_own(&self) -> bool {
        self.delivery.get().is_mine()
    }

    /// That, where it is so.
    pub(crate) fn told_of_own<'py>(&self, py: Python<'py>) -> Option<Ref<'py, RecordState>> {
        self.told(py).filter(|_| self.is_told_of_own())
    }

    /// Whether `record` is of a request that was made of this task.
    pub(crate) fn is_own(&self, record: &Ref<'_, RecordState>) -> bool {
        is_among(record, &self.own(record.py()))
    }

    /// Whether `record`, or one that it met, is of a request that was made of this task, or follows
    /// from one while that `stands`.
    pub(crate) fn has_received<'py>(&self, record: &Ref<'py, RecordState>, stands: bool) -> bool {
        let py = record.py();
        if self.told.holds(record.as_any()) {
            return self.is_told_of_own();
        }
        let own = self.own(py);
        let is_own = |record: &Ref<'py, RecordState>| {
            is_among(record, &own)
                || stands && own.iter().any(|own| record::follows_from(record, own))
        };
        let met = record::met(record);
        let met = met.as_ref().and_then(|met| met.cast::<PyTuple>().ok());
        is_own(record)
            || met.is_some_and(|met| {
                met.iter()
                    .any(|other| Ref::cast(&other).is_some_and(is_own))
            })
    }
}

fn is_among<'py>(record: &Ref<'py, RecordState>, own: &[Bound<'py, PyAny>]) -> bool {
    !record.is_of_child() && own.iter().any(|own| record::is_of_request(record, own))
}

/// Whether this is the record of what a block asks its own task for, and takes back.
fn is_of_block(record: &Bound<'_, PyAny>) -> bool {
    Ref::<RecordState>::cast(record).is_some_and(|record| {
        matches!(
            record.kind(),
            CancelKind::Timeout | CancelKind::SiblingFailed | CancelKind::Token
        )
    })
}

/// Lets `exception` be asked for its record wherever it goes: the one that it was raised with last.
///
/// # Errors
/// What setting an attribute raises, where CPython has no better place for it.
#[inline]
pub(crate) fn attach<'py>(
    exception: &Bound<'py, PyAny>,
    record: &Bound<'py, PyAny>,
) -> Fallible<()> {
    if beside::put(exception, record) {
        return Ok(());
    }
    attach_otherwise(exception, record)
}

#[cold]
fn attach_otherwise<'py>(
    exception: &Bound<'py, PyAny>,
    record: &Bound<'py, PyAny>,
) -> Fallible<()> {
    if exception.is_instance_of::<PyBaseException>() {
        exception.setattr(intern!(exception.py(), "_stook_cancellation"), record)?;
    }
    Ok(())
}

/// The record that was attached to `exception`.
///
/// # Errors
/// What looking at it raises.
pub(crate) fn attached<'py>(
    exception: &Bound<'py, PyAny>,
) -> Fallible<Option<Ref<'py, RecordState>>> {
    if let Some(beside) = beside::get(exception)
        && let Some(record) = Ref::<RecordState>::cast(&beside)
    {
        return Ok(Some(record.clone()));
    }
    let name = intern!(exception.py(), "_stook_cancellation");
    let record = call::optional_attribute(exception, name)?;
    Ok(record.as_ref().and_then(Ref::cast).cloned())
}

/// So many exceptions are looked at that lead to one.
pub(crate) const LONGEST: usize = 32;

/// The record that was attached to `exception`, or to one that it came from.
///
/// # Errors
/// As [`attached`].
pub(crate) fn leading_to<'py>(
    exception: &Bound<'py, PyAny>,
) -> Fallible<Option<Ref<'py, RecordState>>> {
    let mut at = Some(exception.clone());
    for _ in 0..LONGEST {
        let Some(exception) = at else { break };
        if let Some(record) = attached(&exception)? {
            return Ok(Some(record));
        }
        at = came_from(&exception)?;
    }
    Ok(None)
}

/// The exception that `exception` came from.
///
/// # Errors
/// What looking at it raises.
pub(crate) fn came_from<'py>(exception: &Bound<'py, PyAny>) -> Fallible<Option<Bound<'py, PyAny>>> {
    let py = exception.py();
    for name in [intern!(py, "__cause__"), intern!(py, "__context__")] {
        let other = exception.getattr(name)?;
        if !other.is_none() {
            return Ok(Some(other));
        }
    }
    Ok(None)
}

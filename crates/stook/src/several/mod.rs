//! Several children that end one by one, and who waits for them: what `gather`, `race` and
//! `first_success` share.
//!
//! The kernel decides; here are the outcomes, the cells and the waker. The children are spawned when
//! the handle is made and run whether or not it is awaited.
//!
//! Invariants:
//! 1. All cells exist before the first child is spawned: a child that must not begin, because another
//!    one has failed meanwhile, is cancelled before its first step.
//! 2. Nothing foreign runs while the state is locked: what is to be asked, woken or dropped is taken
//!    out first.

mod waiting;

use std::future::{Future, IntoFuture};
use std::panic::Location;
use std::sync::{Arc, Mutex};
use std::task::Waker;

use stook_kernel::{AfterRace, Gather, GatherAction, Race, RaceAction};
use tokio::runtime::Id;

pub(crate) use waiting::Waiting;

use crate::about::About;
use crate::asked::Wakers;
use crate::block::{Block, CellRef};
use crate::cancel_error::CancelError;
use crate::cancelled::Cancelled;
use crate::cell::Cell;
use crate::context;
use crate::forward::HandedOn;
use crate::id::TaskId;
use crate::kept_tasks::KeptTasks;
use crate::lock::lock;
use crate::outcome::Outcome;
use crate::record::{CancelKind, Reason, Record, Who};
use crate::registry::{self, Listed, Membership};
use crate::report;
use crate::task_future::{Settle, TaskFuture};
use crate::watching::after_all;

/// The futures that these are turned into: of tasks, such as wait at the line of the program.
#[track_caller]
pub(crate) fn into_futures<I>(given: I) -> Vec<<I::Item as IntoFuture>::IntoFuture>
where
    I: IntoIterator,
    I::Item: IntoFuture,
{
    let given = given.into_iter();
    let mut futures = Vec::with_capacity(given.size_hint().0);
    // No closure: that would be called from elsewhere.
    for one in given {
        futures.push(one.into_future());
    }
    futures
}

/// What decides.
#[derive(Debug)]
pub(crate) enum Machine {
    Gather(Gather),
    /// With the kind of the requests that the others get.
    Race(Race, CancelKind),
}

/// How it is over.
#[derive(Clone, Debug)]
pub(crate) enum Over {
    /// All have ended: their outcomes.
    All,
    /// All have ended, and it was cancelled.
    AllCancelled,
    /// By this child.
    Child(usize),
    /// None has decided.
    Nobody,
}

/// Several children that end one by one, and all that is shared of them: their cells lie here.
pub(crate) struct Several<T, E> {
    cells: Box<[Cell]>,
    about: About,
    /// Of a race: the task that made it.
    owner: Option<Who>,
    membership: Membership,
    state: Mutex<State<T, E>>,
}

#[derive(Debug)]
struct State<T, E> {
    machine: Machine,
    outcomes: Vec<Option<Outcome<T, E>>>,
    decided: Option<usize>,
    over: Option<Over>,
    /// The cancellation by which it was asked to cancel, if it was.
    cancelled: Option<Cancelled>,
    waker: Option<Waker>,
    /// There is nobody to wait for it any more.
    is_abandoned: bool,
}

/// What is to be done once the state is not locked any more.
struct Todo<T, E> {
    /// The others are asked to cancel.
    ask: Option<CancelKind>,
    wake: Option<Waker>,
    /// What nobody waits for, to be dropped.
    left: Option<Outcome<T, E>>,
    /// It is to be reported before, where it is an error.
    is_unread: bool,
}

impl<T, E> Several<T, E>
where
    T: Send + 'static,
    E: CancelError + Send,
{
    /// Spawns the futures as children.
    ///
    /// # Panics
    /// Outside a runtime.
    #[track_caller]
    pub(crate) fn spawn<F>(machine: impl FnOnce(usize) -> Machine, futures: Vec<F>) -> Arc<Self>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        let several = Self::new(machine(futures.len()), futures.len());
        // Of a race, most wait until it is over.
        let keeps = matches!(lock(&several.state).machine, Machine::Gather(_));
        let mut kept = KeptTasks::default();
        for (place, future) in futures.into_iter().enumerate() {
            let task = TaskFuture::new(Arc::clone(&several), future, ToSeveral(place));
            // It ends by the requests that it gets, never by an abort.
            if keeps {
                kept.spawn(task, several.about.runtime);
            } else {
                drop(tokio::spawn(task));
            }
        }
        several
    }

    #[track_caller]
    fn new(machine: Machine, count: usize) -> Arc<Self> {
        let about = About {
            parent: context::task_id(),
            name: None,
            location: Location::caller(),
            born: context::now(),
            runtime: registry::runtime(),
        };
        let owner = match machine {
            Machine::Race(_, CancelKind::LostRace) => context::who(),
            _ => None,
        };
        let ids = TaskId::next_many(count);
        let several = Arc::new(Self {
            cells: ids.map(Cell::of_task).collect(),
            about,
            owner,
            membership: Membership::default(),
            state: Mutex::new(State {
                machine,
                outcomes: (0..count).map(|_| None).collect(),
                decided: None,
                over: None,
                cancelled: None,
                waker: None,
                is_abandoned: false,
            }),
        });
        let weak = Arc::downgrade(&several);
        several.membership.enter(weak);
        several
    }
}

impl<T, E> Several<T, E> {
    pub(crate) fn is_over(&self) -> bool {
        lock(&self.state).over.is_some()
    }

    /// Asks the children that have not ended to cancel; whether any accepted.
    pub(crate) fn cancel(
        &self,
        reason: Option<Reason>,
        location: &'static Location<'static>,
    ) -> bool {
        let asked = Record::new(CancelKind::Explicit, reason, location, None);
        let record = Record::new(self.kind_of_interrupt(), None, location, Some(&asked));
        // It is not the cancellation of whoever waits.
        let cancelled = Cancelled::new(TaskId::next(), Arc::clone(&record));
        self.interrupt(cancelled, &record) > 0
    }

    /// The same for a cancellation of whoever waits.
    pub(crate) fn hand_on(
        &self,
        cancelled: &Cancelled,
        location: &'static Location<'static>,
    ) -> HandedOn {
        let cause = Some(cancelled.record());
        let record = Record::new(self.kind_of_interrupt(), None, location, cause);
        let accepted = self.interrupt(cancelled.clone(), &record);
        HandedOn { record, accepted }
    }

    /// To the children of a gather it is the gather that was cancelled, whoever asked.
    fn kind_of_interrupt(&self) -> CancelKind {
        match lock(&self.state).machine {
            Machine::Gather(_) => CancelKind::Group,
            Machine::Race(..) => CancelKind::ParentCancelled,
        }
    }

    /// How many children have accepted the request. Where all have ended it is as good as over, though
    /// the last, on another thread, is still to say so: then nothing changes.
    fn interrupt(&self, cancelled: Cancelled, record: &Arc<Record>) -> usize {
        let (asked, waker) = {
            let mut state = lock(&self.state);
            if state.over.is_some() {
                return 0;
            }
            let asked = match &mut state.machine {
                Machine::Gather(gather) => {
                    // With the state locked: once one has accepted it, it is cancelled before another
                    // can end.
                    let Some(asked) = self.ask_first(record) else {
                        return 0;
                    };
                    let _accepted = gather.request_cancel(true);
                    Some(asked)
                }
                Machine::Race(race, _) => {
                    let mut interrupted = *race;
                    let after = interrupted.interrupted();
                    let asked = match after {
                        AfterRace::CancelAndWait => match self.ask_first(record) {
                            None => return 0,
                            asked => asked,
                        },
                        _ if self.cells.iter().all(|cell| cell.ended().is_some()) => return 0,
                        AfterRace::Wait | AfterRace::Finish => None,
                    };
                    *race = interrupted;
                    if after == AfterRace::Finish {
                        state.finish_race();
                    }
                    asked
                }
            };
            state.cancelled.get_or_insert(cancelled);
            (asked, state.take_waker_if_over())
        };
        let mut accepted = 0;
        if let Some((place, wakers)) = asked {
            wakers.wake();
            accepted = 1 + Self::ask_these(&self.cells[place + 1..], record);
        }
        if let Some(waker) = waker {
            report::wake(waker);
        }
        accepted
    }

    /// Asks the first that accepts: its place, and who is to be woken once nothing is locked.
    fn ask_first(&self, record: &Arc<Record>) -> Option<(usize, Wakers)> {
        let running = |(_, cell): &(_, &Cell)| cell.ended().is_none();
        let mut cells = self.cells.iter().enumerate().filter(running);
        cells.find_map(|(place, cell)| {
            let wakers = cell.request_silently(Arc::clone(record))?;
            Some((place, wakers))
        })
    }

    /// Asks those that have not ended to cancel; how many accepted.
    fn ask(&self, record: &Arc<Record>) -> usize {
        Self::ask_these(&self.cells, record)
    }

    fn ask_these(cells: &[Cell], record: &Arc<Record>) -> usize {
        let running = cells.iter().filter(|cell| cell.ended().is_none());
        running
            .filter(|cell| cell.request(Arc::clone(record)))
            .count()
    }

    /// Nobody waits any more: whether it was over, and the outcomes that nobody will read.
    fn abandon(&self) -> (bool, Vec<Option<Outcome<T, E>>>) {
        let (was_over, outcomes, waker) = {
            let mut state = lock(&self.state);
            let was_over = state.over.is_some();
            state.is_abandoned |= !was_over;
            let outcomes = std::mem::take(&mut state.outcomes);
            (was_over, outcomes, state.waker.take())
        };
        drop(waker);
        (was_over, outcomes)
    }
}

impl<T, E> State<T, E> {
    fn take_waker_if_over(&mut self) -> Option<Waker> {
        if self.over.is_some() {
            self.waker.take()
        } else {
            None
        }
    }

    /// The race is over; it was not before.
    fn finish_race(&mut self) {
        self.over = Some(self.decided.map_or(Over::Nobody, Over::Child));
    }
}

impl<T, E: CancelError> Several<T, E> {
    fn child_done(&self, cell: &CellRef, outcome: Outcome<T, E>) {
        // Before who waits goes on: it finds no child that runs still.
        cell.finish(outcome.ended());
        let todo = lock(&self.state).child_done(cell.place(), outcome);
        if let Some(waker) = todo.wake {
            report::wake(waker);
        }
        if let Some(kind) = todo.ask {
            let who = match kind {
                CancelKind::LostRace => self.owner.clone(),
                _ => Some(cell.who()),
            };
            self.ask(&Record::by(who, kind, None, self.about.location, None));
        }
        if let Some(left) = todo.left {
            if todo.is_unread {
                report::unread(cell, &left);
            }
            report::guard_destructor(cell, left);
        }
    }
}

impl<T, E> State<T, E> {
    fn child_done(&mut self, place: usize, outcome: Outcome<T, E>) -> Todo<T, E> {
        let kind = outcome.ended().for_kernel();
        let was_over = self.over.is_some();
        let mut keeps = true;
        let mut ask = None;
        match &mut self.machine {
            Machine::Gather(gather) => match gather.child_done(was_over, kind) {
                GatherAction::Nothing => {}
                GatherAction::MarkRetrieved => keeps = false,
                GatherAction::FailWithChild | GatherAction::CancelWithChild => {
                    self.over = Some(Over::Child(place));
                }
                GatherAction::Collect => self.over = Some(Over::All),
                GatherAction::CollectCancelled => self.over = Some(Over::AllCancelled),
            },
            Machine::Race(race, others) => {
                let others = *others;
                match race.child_done(kind) {
                    RaceAction::KeepWaiting => {}
                    RaceAction::Decide => {
                        self.decided = Some(place);
                        // The handle is eager: who waits need not be there for the others to be
                        // dealt with.
                        match race.resumed() {
                            AfterRace::CancelAndWait => ask = Some(others),
                            AfterRace::Wait => {}
                            AfterRace::Finish => self.finish_race(),
                        }
                    }
                    RaceAction::Release => {
                        // No child is left.
                        let _finish = race.resumed();
                        self.finish_race();
                    }
                }
            }
        }
        let wake = self.take_waker_if_over();
        // A loser that was left alone has nobody any more.
        let is_left = was_over && matches!(self.machine, Machine::Race(..));
        let is_unread = self.is_abandoned || is_left;
        let left = match self.outcomes.get_mut(place) {
            Some(kept) if keeps && !is_unread => {
                *kept = Some(outcome);
                None
            }
            // Or they were taken: who waits has gone on.
            _ => Some(outcome),
        };
        Todo {
            ask,
            wake,
            left,
            is_unread,
        }
    }
}

impl<T, E> Block for Several<T, E>
where
    T: Send + 'static,
    E: Send + 'static,
{
    fn cell(&self, place: usize) -> &Cell {
        &self.cells[place]
    }

    fn count(&self) -> usize {
        self.cells.len()
    }

    fn about(&self) -> Option<&About> {
        Some(&self.about)
    }
}

impl<T, E> Listed for Several<T, E>
where
    T: Send + 'static,
    E: Send + 'static,
{
    fn runtime(&self) -> Id {
        self.about.runtime
    }

    fn cells(self: Arc<Self>) -> Vec<CellRef> {
        let block: Arc<dyn Block> = self;
        (0..block.count())
            .map(|place| CellRef::new(Arc::clone(&block), place))
            .collect()
    }
}

impl<T, E> Drop for Several<T, E> {
    fn drop(&mut self) {
        self.membership.leave();
    }
}

/// The outcome of one child goes to its place among the others.
struct ToSeveral(usize);

impl<T, E> Settle<T, E> for ToSeveral
where
    T: Send + 'static,
    E: CancelError + Send,
{
    const WAITS_FOR_LEFT: bool = true;

    fn place(&self) -> usize {
        self.0
    }

    fn settle(&self, cell: &CellRef, outcome: Outcome<T, E>) {
        match cell.block::<Several<T, E>>() {
            Some(several) => several.child_done(cell, outcome),
            None => unreachable!("its cell lies there"),
        }
    }

    /// It was given handles on these: who waits for it waits for them.
    fn settle_never_started(&self, cell: CellRef, cancelled: Cancelled, left: Vec<CellRef>) {
        let place = self.0;
        after_all(left, move || {
            let outcome: Outcome<T, E> = Outcome::Cancelled(cancelled);
            Self(place).settle(&cell, outcome);
        });
    }
}

#[cfg(all(test, not(stook_loom)))]
mod tests {
    use super::*;

    /// The last child has ended, and has not said so yet.
    async fn last_has_ended(machine: Machine) -> Arc<Several<u64, Cancelled>> {
        let several = Several::new(machine, 1);
        several.cells[0].finish(crate::outcome::Ended::Ok);
        several
    }

    #[tokio::test]
    async fn a_request_after_the_last_child_has_ended_changes_nothing() {
        use stook_kernel::{Decider, Losers};
        for machine in [
            Machine::Gather(Gather::new(1, true)),
            Machine::Race(
                Race::new(1, Decider::First, Losers::Cancel),
                CancelKind::LostRace,
            ),
            Machine::Race(
                Race::new(1, Decider::First, Losers::Leave),
                CancelKind::LostRace,
            ),
        ] {
            let several = last_has_ended(machine).await;
            assert!(!several.cancel(None, Location::caller()));
            let mine = Record::new(CancelKind::Explicit, None, Location::caller(), None);
            let mine = Cancelled::new(TaskId::next(), mine);
            assert_eq!(several.hand_on(&mine, Location::caller()).accepted, 0);
            let todo = lock(&several.state).child_done(0, Outcome::Ok(7));
            assert!(todo.left.is_none());
            let state = lock(&several.state);
            assert!(state.cancelled.is_none());
            assert!(matches!(state.over, Some(Over::All | Over::Child(0))));
            assert!(matches!(state.outcomes[0], Some(Outcome::Ok(7))));
        }
    }
}

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

use std::future::Future;
use std::panic::Location;
use std::sync::{Arc, Mutex};
use std::task::Waker;

use stook_kernel::{AfterRace, Gather, GatherAction, Race, RaceAction};
use tokio::time::Instant;

pub(crate) use waiting::Waiting;

use crate::about::{About, Home};
use crate::cancel_error::CancelError;
use crate::cancelled::Cancelled;
use crate::cell::Cell;
use crate::context;
use crate::family::Family;
use crate::handle::TaskHandle;
use crate::id::TaskId;
use crate::lock::lock;
use crate::outcome::Outcome;
use crate::reaper;
use crate::record::{CancelKind, Reason, Record};
use crate::registry::Registry;
use crate::report;
use crate::task_future::{Settle, TaskFuture};

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

/// Several children that end one by one.
#[derive(Debug)]
pub(crate) struct Several<T, E> {
    state: Mutex<State<T, E>>,
    family: Arc<Family>,
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
    unread: Option<Outcome<T, E>>,
}

impl<T, E> Several<T, E> {
    fn new(machine: Machine, count: usize) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                machine,
                outcomes: (0..count).map(|_| None).collect(),
                decided: None,
                over: None,
                cancelled: None,
                waker: None,
                is_abandoned: false,
            }),
            family: Family::new(Registry::current()),
        })
    }

    /// Spawns the futures as children.
    ///
    /// # Panics
    /// Outside a runtime.
    #[track_caller]
    pub(crate) fn spawn<F>(machine: impl FnOnce(usize) -> Machine, futures: Vec<F>) -> Arc<Self>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: CancelError + Send,
    {
        let count = futures.len();
        let several = Self::new(machine(count), count);
        let family = &several.family;
        let (parent, location, born) = (context::task_id(), Location::caller(), Instant::now());
        let new_cell = |_| {
            Cell::new(About {
                parent,
                name: None,
                location,
                born,
                // Not the family: it keeps its cells for as long as it is there.
                home: Home::Gathered(Arc::clone(family.registry())),
            })
        };
        let cells: Vec<Arc<Cell>> = (0..count).map(new_cell).collect();
        family.add_all(&cells);
        for (place, (future, cell)) in futures.into_iter().zip(cells).enumerate() {
            let sink = ToSeveral(Arc::clone(&several), place);
            // It ends by the requests that it gets, never by an abort.
            drop(tokio::spawn(TaskFuture::new(cell, future, sink)));
        }
        several
    }

    pub(crate) fn cells(&self) -> Vec<Arc<Cell>> {
        self.family.cells()
    }

    pub(crate) fn handles(&self) -> Vec<TaskHandle> {
        self.cells().into_iter().map(TaskHandle::new).collect()
    }

    pub(crate) fn is_over(&self) -> bool {
        lock(&self.state).over.is_some()
    }

    /// Asks the children that have not ended to cancel; whether any accepted.
    pub(crate) fn cancel(
        &self,
        reason: Option<Reason>,
        location: &'static Location<'static>,
    ) -> bool {
        let record = Record::new(CancelKind::Group, reason, location, None);
        // It is not the cancellation of whoever waits.
        let cancelled = Cancelled::new(TaskId::next(), Arc::clone(&record), Vec::new());
        self.interrupt(cancelled, &record)
    }

    /// The same for a cancellation of whoever waits.
    pub(crate) fn hand_on(&self, cancelled: Cancelled, location: &'static Location<'static>) {
        let cause = Some(cancelled.record());
        let record = Record::new(CancelKind::ParentCancelled, None, location, cause);
        self.interrupt(cancelled, &record);
    }

    fn interrupt(&self, cancelled: Cancelled, record: &Arc<Record>) -> bool {
        let asks = {
            let mut state = lock(&self.state);
            if state.over.is_some() {
                return false;
            }
            state.cancelled.get_or_insert(cancelled);
            match &mut state.machine {
                Machine::Gather(_) => true,
                Machine::Race(race, _) => match race.interrupted() {
                    AfterRace::CancelAndWait => true,
                    AfterRace::Wait => false,
                    AfterRace::Finish => {
                        state.finish_race();
                        false
                    }
                },
            }
        };
        let mut any = false;
        if asks {
            for cell in self.family.unfinished() {
                any |= cell.request(Arc::clone(record));
            }
        }
        let waker = {
            let mut state = lock(&self.state);
            if let Machine::Gather(gather) = &mut state.machine {
                let _accepted = gather.request_cancel(any);
            }
            state.take_waker_if_over()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        any
    }

    /// Nobody waits any more: the children are asked to cancel, and go on being seen.
    pub(crate) fn abandon(&self, what: &'static str) {
        let outcomes = {
            let mut state = lock(&self.state);
            state.is_abandoned = true;
            state.waker = None;
            std::mem::take(&mut state.outcomes)
        };
        reaper::adopt(&self.family.unfinished(), Some(what));
        drop(outcomes);
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

    fn finish_race(&mut self) {
        let over = self.decided.map_or(Over::Nobody, Over::Child);
        self.over.get_or_insert(over);
    }
}

impl<T, E: CancelError> Several<T, E> {
    fn child_done(&self, place: usize, cell: &Arc<Cell>, outcome: Outcome<T, E>) {
        let ended = outcome.ended();
        let todo = lock(&self.state).child_done(place, outcome);
        // Before who waits goes on: it finds no child that runs still.
        cell.finish(ended);
        if let Some(waker) = todo.wake {
            waker.wake();
        }
        if let Some(kind) = todo.ask {
            let about = cell.about();
            let location = about.map_or_else(Location::caller, |about| about.location);
            let record = Record::new(kind, None, location, None);
            for cell in self.family.unfinished() {
                cell.request(Arc::clone(&record));
            }
        }
        match todo.unread {
            Some(Outcome::Err(error)) => report::unread_error(cell, format!("{error:?}")),
            Some(Outcome::Panicked(panic)) => report::unread_error(cell, format!("{panic:?}")),
            _ => {}
        }
    }
}

impl<T, E> State<T, E> {
    fn child_done(&mut self, place: usize, outcome: Outcome<T, E>) -> Todo<T, E> {
        let kind = outcome.ended().for_kernel();
        let mut keeps = true;
        let mut ask = None;
        match &mut self.machine {
            Machine::Gather(gather) => match gather.child_done(self.over.is_some(), kind) {
                GatherAction::Nothing => keeps = self.over.is_none(),
                GatherAction::MarkRetrieved => keeps = false,
                GatherAction::FailWithChild | GatherAction::CancelWithChild => {
                    self.over = Some(Over::Child(place));
                }
                GatherAction::Collect => self.over = Some(Over::All),
                GatherAction::CollectCancelled => self.over = Some(Over::AllCancelled),
            },
            Machine::Race(race, others) => {
                let others = *others;
                let action = race.child_done(kind);
                if action == RaceAction::Decide {
                    self.decided = Some(place);
                }
                if action != RaceAction::KeepWaiting {
                    // The handle is eager: who waits need not be there for the others to be dealt
                    // with.
                    match race.resumed() {
                        AfterRace::CancelAndWait => ask = Some(others),
                        AfterRace::Wait => {}
                        AfterRace::Finish => self.finish_race(),
                    }
                }
            }
        }
        let wake = self.take_waker_if_over();
        let unread = if self.is_abandoned {
            Some(outcome)
        } else {
            if keeps {
                self.outcomes[place] = Some(outcome);
            }
            None
        };
        Todo { ask, wake, unread }
    }
}

/// The outcome of one child goes to its place among the others.
struct ToSeveral<T, E>(Arc<Several<T, E>>, usize);

impl<T, E: CancelError> Settle<T, E> for ToSeveral<T, E> {
    fn settle(self, cell: &Arc<Cell>, outcome: Outcome<T, E>) {
        self.0.child_done(self.1, cell, outcome);
    }
}

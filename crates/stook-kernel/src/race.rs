//! One race: when the first of several decides, and what becomes of the others.
//!
//! Children end one by one. One of them decides: the first to end, the first to succeed, or, where
//! all are wanted, the first to fail. Who waits is then released, and when it is resumed it deals with
//! the others.
//!
//! Phases: `Deciding`, `Decided` (who waits is released and not resumed yet), `Ending` (the others
//! are waited for), `Over`. `left` is how many have not ended; what a row says of it is after the
//! child of that row was counted.
//!
//! | event                          | Deciding                        | Decided       | Ending                     | Over          |
//! |--------------------------------|---------------------------------|---------------|----------------------------|---------------|
//! | `child_done`, which decides    | Decided, `Decide`               | `KeepWaiting` | as below                   | `KeepWaiting` |
//! | `child_done`, left = 0         | Decided, `Release`              | `KeepWaiting` | `Release`                  | `KeepWaiting` |
//! | `child_done`, left > 0         | `KeepWaiting`                   | `KeepWaiting` | `KeepWaiting`              | `KeepWaiting` |
//! | `resumed`, left = 0            | `Wait`                          | Over, `Finish`| Over, `Finish`             | `Finish`      |
//! | `resumed`, left > 0, `Leave`   | `Wait`                          | Over, `Finish`| (does not happen) `Wait`   | `Finish`      |
//! | `resumed`, left > 0, `Cancel`  | `Wait`                          | Ending, `CancelAndWait` | `Wait`           | `Finish`      |
//! | `resumed`, left > 0, `Await`   | `Wait`                          | Ending, `Wait`| `Wait`                     | `Finish`      |
//! | `interrupted`, left = 0        | Over, `Finish`                  | Over, `Finish`| Over, `Finish`             | `Finish`      |
//! | `interrupted`, `Leave`         | Over, `Finish`                  | Over, `Finish`| Over, `Finish`             | `Finish`      |
//! | `interrupted`, not asked yet   | Ending, `CancelAndWait`         | Ending, `CancelAndWait` | `CancelAndWait`  | `Finish`      |
//! | `interrupted`, asked           | –                               | –             | `Wait`                     | `Finish`      |
//! | `let_go`, then left = 0        | `Wait`                          | `Wait`        | Over, `Finish`             | `Finish`      |
//! | `let_go`, then left > 0        | `Wait`                          | `Wait`        | `Wait`                     | `Finish`      |
//! | `abandon`, `Leave`             | Over, no                        | Over, no      | (does not happen)          | no            |
//! | `abandon`, else                | Over, yes                       | Over, yes     | Over, yes if not asked     | no            |
//! | `holds`                        | if asked to cancel; not `Leave` | not `Leave`   | yes                        | no            |
//!
//! Whether the others were asked to cancel is part of `Ending`. `let_go` is of children that wait for
//! the end of who waits: if each waited for the other, neither would end. `holds` is how that is
//! told: whether who waits goes on until all have ended, if it is asked to cancel or as it is.
//!
//! # Source
//! None in asyncio. That the losers have ended when a race is over is as in a nursery of Trio that is
//! cancelled by its first child; that a second cancellation does not end the wait for them is as in
//! `TaskGroup.__aexit__`, CPython 3.13 `asyncio/taskgroups.py`.

use crate::outcome::Outcome;

/// Which child decides a race.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Decider {
    /// The first that ends, however it does.
    #[default]
    First,
    /// The first that returns; when none does, the race has failed.
    Success,
    /// The first that does not return; when all do, the race has succeeded.
    Failure,
}

/// What becomes of the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Losers {
    /// They are asked to cancel, and waited for.
    #[default]
    Cancel,
    /// They are waited for.
    Await,
    /// Nothing.
    Leave,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Deciding,
    Decided,
    Ending {
        asked: bool,
    },
    Over,
}

/// The progress of one race.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Race {
    decider: Decider,
    losers: Losers,
    left: usize,
    phase: Phase,
}

/// What the caller of [`Race::child_done`] has to do.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RaceAction {
    /// Nothing.
    KeepWaiting,
    /// Remember this child, which decides, and release who waits.
    Decide,
    /// Release who waits.
    Release,
}

/// What who waits has to do.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterRace {
    /// Ask every child that has not ended to cancel, and wait on.
    CancelAndWait,
    /// Wait on.
    Wait,
    /// The race is over: return or raise.
    Finish,
}

impl Race {
    /// A race of so many children, none of which has ended.
    pub const fn new(children: usize, decider: Decider, losers: Losers) -> Self {
        Self {
            decider,
            losers,
            left: children,
            phase: Phase::Deciding,
        }
    }

    /// Counts a child that has ended.
    pub const fn child_done(&mut self, outcome: Outcome) -> RaceAction {
        self.left = self.left.saturating_sub(1);
        let decides = match self.decider {
            Decider::First => true,
            Decider::Success => matches!(outcome, Outcome::Returned),
            Decider::Failure => !matches!(outcome, Outcome::Returned),
        };
        match self.phase {
            Phase::Deciding if decides => {
                self.phase = Phase::Decided;
                RaceAction::Decide
            }
            Phase::Deciding if self.left == 0 => {
                self.phase = Phase::Decided;
                RaceAction::Release
            }
            Phase::Ending { .. } if self.left == 0 => RaceAction::Release,
            _ => RaceAction::KeepWaiting,
        }
    }

    /// Who waits was released, and is resumed.
    pub const fn resumed(&mut self) -> AfterRace {
        match self.phase {
            Phase::Over => AfterRace::Finish,
            Phase::Deciding => AfterRace::Wait,
            Phase::Decided | Phase::Ending { .. } if self.left == 0 => self.end(),
            Phase::Ending { .. } => AfterRace::Wait,
            Phase::Decided => match self.losers {
                Losers::Leave => self.end(),
                Losers::Cancel => {
                    self.phase = Phase::Ending { asked: true };
                    AfterRace::CancelAndWait
                }
                Losers::Await => {
                    self.phase = Phase::Ending { asked: false };
                    AfterRace::Wait
                }
            },
        }
    }

    /// Who waits was cancelled.
    pub const fn interrupted(&mut self) -> AfterRace {
        match self.phase {
            Phase::Over => AfterRace::Finish,
            _ if self.left == 0 || matches!(self.losers, Losers::Leave) => self.end(),
            Phase::Ending { asked: true } => AfterRace::Wait,
            _ => {
                self.phase = Phase::Ending { asked: true };
                AfterRace::CancelAndWait
            }
        }
    }

    /// So many of those left are no longer waited for.
    pub const fn let_go(&mut self, children: usize) -> AfterRace {
        match self.phase {
            Phase::Over => AfterRace::Finish,
            Phase::Deciding | Phase::Decided => AfterRace::Wait,
            Phase::Ending { .. } => {
                self.left = self.left.saturating_sub(children);
                if self.left == 0 {
                    return self.end();
                }
                AfterRace::Wait
            }
        }
    }

    /// Nobody waits any more; whether the others are to be asked to cancel.
    pub const fn abandon(&mut self) -> bool {
        let asks = match self.phase {
            Phase::Over => false,
            Phase::Deciding | Phase::Decided => !matches!(self.losers, Losers::Leave),
            Phase::Ending { asked } => !asked,
        };
        self.phase = Phase::Over;
        asks
    }

    /// Whether who waits goes on until every child has ended: as it is, or once it is asked to
    /// cancel.
    pub const fn holds(&self, is_asked: bool) -> bool {
        match self.phase {
            Phase::Over => false,
            Phase::Deciding => is_asked && !matches!(self.losers, Losers::Leave),
            Phase::Decided => !matches!(self.losers, Losers::Leave),
            Phase::Ending { .. } => true,
        }
    }

    /// Whether the others, which are waited for, were asked to cancel; `None` while they are not
    /// waited for.
    pub const fn asked(&self) -> Option<bool> {
        match self.phase {
            Phase::Ending { asked } => Some(asked),
            _ => None,
        }
    }

    const fn end(&mut self) -> AfterRace {
        self.phase = Phase::Over;
        AfterRace::Finish
    }

    /// How many children have not ended.
    pub const fn left(&self) -> usize {
        self.left
    }
}

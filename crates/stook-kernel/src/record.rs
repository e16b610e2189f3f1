//! Where cancellations come from: their kinds, how long a chain of them gets, and whose they are.
//!
//! A face keeps a record of each cancel request: who asked, why, from which line. What a record
//! follows from, and which of them a task is told of when a cancellation is raised in it, is decided
//! here. Records are the face's; a machine knows only how many there are.
//!
//! `Received`, the requests of one task, has `p` that are not raised yet:
//!
//! | event                       | p = 0            | 0 < p < `MOST`              | p = `MOST`              |
//! |-----------------------------|------------------|-----------------------------|-------------------------|
//! | `request`                   | 1, `Append`      | p+1, `Append`               | p, `ReplaceLast`        |
//! | `raised(NoRecord)`          | `Unknown`        | 0, `Own`                    | 0, `Own`                |
//! | `raised(FollowsFromOwn)`    | `AwaitedForOwn`  | 0, `Own`                    | 0, `Own`                |
//! | `raised(Foreign)`           | `Awaited`        | 0, `AwaitedAndOwn`          | 0, `AwaitedAndOwn`      |
//! | `resumed`                   | `false`          | 0, `true`                   | 0, `true`               |
//!
//! `resumed` says whether requests were lost: what the task awaited took them and ended otherwise. A
//! request that is due ([`CancelRequests`](crate::CancelRequests)) is not lost by that: a step that
//! has one raises it.
//!
//! # Source
//! None in asyncio, which keeps the message of a request and nothing else. Which of several requests
//! is raised is as in `Task.cancel` and `__step`, CPython 3.13 `asyncio/tasks.py`: the awaited
//! object's own cancellation, if it has one, and what was due goes with it.

/// Why something is to be cancelled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CancelKind {
    /// Somebody asked for it.
    #[default]
    Explicit,
    /// A deadline has passed.
    Timeout,
    /// Another task of the group failed, or the group's own body did.
    SiblingFailed,
    /// Who waits for it was cancelled.
    ParentCancelled,
    /// What it was gathered in was cancelled.
    Group,
    /// A token was cancelled.
    Token,
    /// Another one was first.
    LostRace,
    /// The loop is to end.
    Shutdown,
    /// The user interrupted the program.
    Interrupt,
    /// Somebody outside the program asked for it.
    Remote,
    /// Nobody kept a record.
    Unknown,
}

impl CancelKind {
    /// The word for it, which is the same in both faces.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Explicit => "explicit",
            Self::Timeout => "timeout",
            Self::SiblingFailed => "sibling failed",
            Self::ParentCancelled => "parent cancelled",
            Self::Group => "group",
            Self::Token => "token",
            Self::LostRace => "lost race",
            Self::Shutdown => "shutdown",
            Self::Interrupt => "interrupt",
            Self::Remote => "remote",
            Self::Unknown => "unknown",
        }
    }
}

/// How far a record is from the one that began its chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChainDepth(u8);

/// What a new record follows from.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follows {
    /// From its cause.
    Cause(ChainDepth),
    /// The chain is as long as it gets: from the first record of it, and those between are left out.
    First(ChainDepth),
}

impl ChainDepth {
    /// A record that follows from nothing.
    pub const FIRST: Self = Self(0);
    /// The depth of the last record that a chain takes.
    pub const MOST: Self = Self(31);

    /// Where a record belongs that a record of this depth causes.
    pub const fn follow(self) -> Follows {
        if self.0 < Self::MOST.0 {
            Follows::Cause(Self(self.0 + 1))
        } else {
            Follows::First(Self(1))
        }
    }

    /// How many records there are before it in its chain.
    pub const fn number(self) -> u8 {
        self.0
    }
}

/// The requests that one task has received and that were not raised in it yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Received {
    pending: u8,
}

/// Where the record of a request goes.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Behind the others.
    Append,
    /// In the place of the last one: there are as many as are kept.
    ReplaceLast,
}

/// What is known of the cancellation that a step raises, from the object that the task awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AwaitedRecord {
    /// Nothing: it was only asked on the task's behalf, or nobody kept a record.
    NoRecord,
    /// Its record follows from one that the task received.
    FollowsFromOwn,
    /// Its record has nothing to do with the task.
    Foreign,
}

/// Which records a task is told of.
#[must_use]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Delivery {
    /// None is known.
    #[default]
    Unknown,
    /// Those of its own requests: the one that the cancellation follows from or, where that is not
    /// known, the first; and the others beside it.
    Own,
    /// That of what it awaited.
    Awaited,
    /// That of what it awaited, which follows from a request of the task's own, raised before.
    AwaitedForOwn,
    /// That of what it awaited, and beside it those of its own requests.
    AwaitedAndOwn,
}

impl Delivery {
    /// Whether the task itself was asked to cancel.
    pub const fn is_mine(self) -> bool {
        matches!(self, Self::Own | Self::AwaitedForOwn | Self::AwaitedAndOwn)
    }
}

impl Received {
    /// How many records are kept at the most.
    pub const MOST: u8 = 8;

    /// None yet.
    pub const fn new() -> Self {
        Self { pending: 0 }
    }

    /// Counts a request.
    pub const fn request(&mut self) -> Keep {
        if self.pending < Self::MOST {
            self.pending += 1;
            Keep::Append
        } else {
            Keep::ReplaceLast
        }
    }

    /// A step raises a cancellation: which records are its.
    pub const fn raised(&mut self, awaited: AwaitedRecord) -> Delivery {
        let has_own = self.pending > 0;
        self.pending = 0;
        match (awaited, has_own) {
            (AwaitedRecord::NoRecord, false) => Delivery::Unknown,
            (AwaitedRecord::NoRecord | AwaitedRecord::FollowsFromOwn, true) => Delivery::Own,
            (AwaitedRecord::FollowsFromOwn, false) => Delivery::AwaitedForOwn,
            (AwaitedRecord::Foreign, false) => Delivery::Awaited,
            (AwaitedRecord::Foreign, true) => Delivery::AwaitedAndOwn,
        }
    }

    /// A step raises no cancellation; whether requests were lost.
    #[must_use]
    pub const fn resumed(&mut self) -> bool {
        let lost = self.pending > 0;
        self.pending = 0;
        lost
    }

    /// How many requests were not raised yet.
    pub const fn pending(&self) -> u8 {
        self.pending
    }
}

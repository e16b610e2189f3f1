//! The decisions of task control, as pure state machines.
//!
//! How a cancel request travels, when a gather is settled and with what, when a wait is over, how a
//! task group and a timeout end, who hears of a token, who waits for whom: both faces of stook (asyncio and tokio) ask
//! the machines of this crate, so that they cannot disagree. A face reports an event, receives an
//! action, and performs it with its own futures, queues and values:
//!
//! ```
//! use stook_kernel::{Gather, GatherAction, Outcome};
//!
//! let mut gather = Gather::new(2, false);
//! assert_eq!(gather.child_done(false, Outcome::Returned), GatherAction::Nothing);
//! assert_eq!(gather.child_done(false, Outcome::Returned), GatherAction::Collect);
//! ```
//!
//! What is not here: results and exceptions, callback lists, queues, wakers, names, messages,
//! clocks, threads. They differ between the faces by nature.
//!
//! # Architecture Invariants
//!
//! Each says what is absent.
//!
//! 1. A transition never acts. It takes `&mut self` and plain data and returns a `#[must_use]`
//!    action (or nothing, where there is nothing to decide).
//! 2. There is no clock. A deadline arrives as an event: "it has passed".
//! 3. No foreign code runs inside a transition, `Drop` included: dropping a Python object can run
//!    Python. Machines hold counts, marks and small `Copy` keys, never values.
//! 4. No panic. Misuse is an error value; every transition is defined in every state.
//! 5. No transition outside the table. Each file's header lists states, events and outcomes and
//!    cites CPython; `tests/it/table.rs` walks states × events against it.

#![no_std]
#![forbid(unsafe_code)]

pub mod await_walk;
pub mod block;
pub mod cancel;
pub mod future;
pub mod gather;
pub mod outcome;
pub mod race;
pub mod record;
pub mod standing;
pub mod task_group;
pub mod task_group_exit;
pub mod timeout;
pub mod token;
pub mod wait;
pub mod wait_graph;

pub use crate::await_walk::{AwaitWalk, LONGEST_WALK, WalkStep};
pub use crate::block::{BodyEnd, EnterRefused};
pub use crate::cancel::{CancelRequests, Requested, Suspended, WithdrawRule};
pub use crate::future::{FutureState, InvalidState, MarkRefused, Retrieval};
pub use crate::gather::{Gather, GatherAction};
pub use crate::outcome::Outcome;
pub use crate::race::{AfterRace, Decider, Losers, Race, RaceAction};
pub use crate::record::{AwaitedRecord, CancelKind, ChainDepth, Delivery, Follows, Keep, Received};
pub use crate::standing::{Standing, Survived, TaskEnd, Withdrawn};
pub use crate::task_group::{AfterError, ChildDone, SpawnRefused, TaskGroup, TaskGroupMarks};
pub use crate::task_group_exit::{ChildrenGone, ExitActions, ExitEnd, ExitRule, TaskGroupExit};
pub use crate::timeout::{
    ConvertRule, EnterRule, OutOfPhase, RescheduleRefused, Timeout, TimeoutEnd, TimeoutExit,
    TimeoutPhase,
};
pub use crate::token::{
    AllFired, Fired, Firing, FiringStep, Followed, Registered, TokenKey, TokenPhase, TokenSource,
};
pub use crate::wait::{ReturnWhen, Wait, WaitAction};
pub use crate::wait_graph::{Edge, Malformed, Needs, Node, WaitGraph};

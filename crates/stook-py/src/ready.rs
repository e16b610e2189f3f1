//! What is ready to run, in the order in which it became ready.

use std::cell::Cell;
use std::rc::Rc;

use stook_kernel::Timeout;

use crate::ffi::origin::Origin;
use crate::ffi::{Held, QueueCell, Track, Traverse, Untracked, Visitor};
use crate::set_at::SetAt;

/// A timeout that its block and its timer have in common: the timer keeps the task alive, but not
/// the coroutine that waits.
pub(crate) type SharedTimeout = Rc<Deadline>;

/// A timeout, and where it was set.
#[derive(Debug)]
pub(crate) struct Deadline {
    machine: Cell<Timeout>,
    /// The place.
    pub(crate) set_at: SetAt,
}

impl Deadline {
    /// One that was set at this place.
    pub(crate) fn new(machine: Timeout, place: Option<Origin<'_>>) -> Self {
        let set_at = SetAt::default();
        set_at.set(place);
        Deadline {
            machine: Cell::new(machine),
            set_at,
        }
    }

    /// The machine.
    pub(crate) fn get(&self) -> Timeout {
        self.machine.get()
    }

    /// Sets the machine.
    pub(crate) fn set(&self, machine: Timeout) {
        self.machine.set(machine);
    }
}

/// One thing to run in a turn of the loop.
#[derive(Debug)]
pub(crate) enum Ready {
    /// The first step of a task that was made while the loop runs.
    Start { task: Untracked },
    /// Another task's first step, or one after a bare `yield`.
    Step { task: Held },
    /// A task's step that raises `exception` in its coroutine.
    Throw { task: Held, exception: Held },
    /// The future that `task` awaits is done.
    Wake { task: Held, awaited: Held },
    /// `child` is done, and `waiter`, a gather or a wait, counts it.
    Settle { waiter: Held, child: Held },
    /// `inner` is done and hands its end on to `outer`.
    Forward { outer: Held, inner: Held },
    /// `outer` is done: `inner` need not hand its end on.
    Withdraw { inner: Held, outer: Held },
    /// A future's callback: `function(future)` in `context`.
    Call {
        function: Held,
        future: Held,
        context: Held,
    },
    /// `future.set_result(value)` unless it is done: the end of a sleep.
    Release { future: Held, value: Held },
    /// The time of a `wait_for` in `task` has come.
    Expire { task: Held, timeout: SharedTimeout },
    /// A handle that was made while the loop runs.
    RunNew(Untracked),
    /// Another handle.
    Run(Held),
}

impl Ready {
    /// The handle, if that is what is to run.
    pub(crate) fn handle(&self) -> Option<&Held> {
        match self {
            Ready::RunNew(handle) => Some(handle.held()),
            Ready::Run(handle) => Some(handle),
            _ => None,
        }
    }
}

impl Traverse for Ready {
    fn traverse(&self, visitor: &mut Visitor) {
        match self {
            Ready::Start { task: new } | Ready::RunNew(new) => visitor.visit(new.held()),
            Ready::Step { task } => visitor.visit(task),
            Ready::Throw { task, exception } => {
                visitor.visit(task);
                visitor.visit(exception);
            }
            Ready::Wake { task, awaited } => {
                visitor.visit(task);
                visitor.visit(awaited);
            }
            Ready::Settle { waiter, child } => {
                visitor.visit(waiter);
                visitor.visit(child);
            }
            Ready::Forward { outer, inner } | Ready::Withdraw { inner, outer } => {
                visitor.visit(outer);
                visitor.visit(inner);
            }
            Ready::Call {
                function,
                future,
                context,
            } => {
                visitor.visit(function);
                visitor.visit(future);
                visitor.visit(context);
            }
            Ready::Release { future, value } => {
                visitor.visit(future);
                visitor.visit(value);
            }
            Ready::Expire { task: held, .. } | Ready::Run(held) => visitor.visit(held),
        }
    }
}

impl Track for Ready {
    fn track(&self) {
        if let Ready::Start { task: new } | Ready::RunNew(new) = self {
            new.track();
        }
    }
}

/// The queue of what is ready.
pub(crate) type ReadyQueue = QueueCell<Ready>;

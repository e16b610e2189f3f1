//! A task that waits for futures, perhaps not forever.

use std::collections::VecDeque;

use stook_kernel::{CancelRequests, Requested, ReturnWhen, Wait, WaitAction};

use super::child::{self, Children};
use super::{World, letter};

pub(super) struct WaitWorld {
    machine: Wait,
    requests: CancelRequests,
    children: Children,
    task: Task,
    /// There is a timer, and it has neither fired nor been stopped.
    timer: bool,
    deadline_passed: bool,
    ready: VecDeque<Entry>,
}

#[derive(Debug, PartialEq)]
enum Task {
    Waiting,
    Returned { done: String },
    Cancelled,
}

#[derive(Clone, Copy, Debug)]
enum Entry {
    ChildDone(usize),
    Timer,
    /// The waiter is done, and the task has its step; whether the waiter was cancelled.
    Wake {
        cancelled: bool,
    },
}

impl WaitWorld {
    pub(super) fn new(when: &str, patience: &str, kinds: &str) -> Self {
        let when = match when {
            "first" => ReturnWhen::FirstCompleted,
            "exception" => ReturnWhen::FirstException,
            "all" => ReturnWhen::AllCompleted,
            _ => panic!("nobody waits for {when}"),
        };
        let children = child::children(kinds);
        Self {
            machine: Wait::new(children.len(), when),
            requests: CancelRequests::new(),
            children,
            task: Task::Waiting,
            timer: patience == "deadline",
            deadline_passed: false,
            ready: VecDeque::new(),
        }
    }

    fn turn(&mut self) {
        // Timers come after what is ready already.
        if self.timer && self.deadline_passed {
            self.ready.push_back(Entry::Timer);
        }
        for entry in std::mem::take(&mut self.ready) {
            match entry {
                Entry::ChildDone(child) => self.child_done(child),
                Entry::Timer if self.timer => {
                    self.timer = false;
                    let action = self.machine.timed_out();
                    self.act(action);
                }
                Entry::Timer => {}
                Entry::Wake { cancelled } => self.step(cancelled),
            }
        }
    }

    fn child_done(&mut self, child: usize) {
        if self.machine.examines_next_child() {
            self.children[child].read();
        }
        let action = self.machine.child_done(self.children[child].outcome());
        self.act(action);
    }

    fn act(&mut self, action: WaitAction) {
        if action == WaitAction::Release {
            self.timer = false;
            self.ready.push_back(Entry::Wake { cancelled: false });
        }
    }

    /// The wait's only step after its first: it raises, or looks who is done.
    fn step(&mut self, cancelled: bool) {
        self.timer = false;
        let due = self.requests.take_due();
        self.task = if due || cancelled {
            Task::Cancelled
        } else {
            let done = (0..self.children.len())
                .filter(|&child| self.children[child].is_done())
                .map(|child| child.to_string());
            Task::Returned {
                done: done.collect(),
            }
        };
    }

    fn cancel(&mut self) -> bool {
        if self.task != Task::Waiting {
            return false;
        }
        match self.requests.request(true) {
            Requested::AtNextStep => panic!("it waits"),
            Requested::ForwardToAwaited if self.machine.cancelled() => {
                self.ready.push_back(Entry::Wake { cancelled: true });
            }
            Requested::ForwardToAwaited => self.requests.forward_refused(),
        }
        true
    }
}

impl World for WaitWorld {
    fn perform(&mut self, operation: &str) -> String {
        match operation {
            "x" => return letter(self.cancel()),
            "o" => self.deadline_passed = true,
            "t" => self.turn(),
            _ => panic!("a wait does not know {operation}"),
        }
        String::new()
    }

    fn child_ended(&mut self, child: usize) {
        // After its step the task has taken its callbacks back.
        if self.task == Task::Waiting {
            self.ready.push_back(Entry::ChildDone(child));
        }
    }

    fn children(&mut self) -> &mut Children {
        &mut self.children
    }

    fn observe(&mut self) -> String {
        let task = match &self.task {
            Task::Waiting => "-/",
            Task::Returned { done } => &format!("R/{done}"),
            Task::Cancelled => "C/",
        };
        let children = &self.children;
        format!(
            "{task}/{}/{}",
            child::seen(children),
            child::marks(children)
        )
    }
}

//! A task that follows a script while it is asked to cancel.

use stook_kernel::{CancelRequests, FutureState, Outcome, Requested, Suspended};

use super::child::{self, Children};
use super::{Version, World, letter};

pub(super) struct TaskWorld {
    version: Version,
    requests: CancelRequests,
    children: Children,
    script: Vec<Word>,
    /// How the task ends if nothing ends it before.
    last: Outcome,
    /// The word the task is at; `None` before its first step.
    at: Option<usize>,
    waits_for: Option<usize>,
    state: FutureState,
    outcome: Option<Outcome>,
    /// The one entry of the ready queue a task can have: how the step resumes it.
    ready: Option<Outcome>,
    /// What the words came to during this operation.
    log: String,
}

#[derive(Clone, Copy, Debug)]
struct Word {
    letter: char,
    /// What it raises is swallowed.
    swallows: bool,
}

impl TaskWorld {
    pub(super) fn new(script: &str, kinds: &str, version: Version) -> Self {
        let (words, last) = script.split_at(script.len() - 1);
        let mut parsed: Vec<Word> = Vec::new();
        for letter in words.chars() {
            match (letter, parsed.last_mut()) {
                ('!', Some(word)) => word.swallows = true,
                _ => parsed.push(Word {
                    letter,
                    swallows: false,
                }),
            }
        }
        Self {
            version,
            requests: CancelRequests::new(),
            children: child::children(kinds),
            script: parsed,
            last: if last == "^" {
                Outcome::Raised
            } else {
                Outcome::Returned
            },
            at: None,
            waits_for: None,
            state: FutureState::Pending,
            outcome: None,
            ready: Some(Outcome::Returned),
            log: String::new(),
        }
    }

    /// Resumes the coroutine with what the awaited object gave, or with the due cancellation.
    fn step(&mut self, resumed_by: Outcome) {
        let due = self.requests.take_due();
        let resumed_by = if due { Outcome::Cancelled } else { resumed_by };
        self.waits_for = None;
        let Some(at) = self.at else {
            // Thrown into a coroutine that has not started, an error ends it.
            self.at = Some(0);
            return match resumed_by {
                Outcome::Returned => self.follow(0),
                thrown => self.end(thrown),
            };
        };
        if self.done_with(at, resumed_by) {
            self.follow(at + 1);
        }
    }

    /// Does words of the script until one suspends, or the task ends.
    fn follow(&mut self, from: usize) {
        for at in from..self.script.len() {
            self.at = Some(at);
            let came_to = match self.script[at].letter {
                'y' => {
                    self.ready = Some(Outcome::Returned);
                    return;
                }
                'k' => {
                    assert_eq!(self.requests.request(false), Requested::AtNextStep);
                    Outcome::Returned
                }
                'u' => {
                    self.requests.withdraw(self.version.withdraw_rule);
                    Outcome::Returned
                }
                digit => {
                    let child = digit.to_digit(10).expect("a word of the script") as usize;
                    if !self.children[child].is_done() {
                        self.suspend(child);
                        return;
                    }
                    self.children[child].outcome()
                }
            };
            if !self.done_with(at, came_to) {
                return;
            }
        }
        match self.last {
            Outcome::Returned => {
                let outcome = self.requests.returned();
                self.end(outcome);
            }
            thrown => self.end(thrown),
        }
    }

    /// Logs what a word came to; whether the script goes on.
    fn done_with(&mut self, at: usize, came_to: Outcome) -> bool {
        let word = self.script[at];
        self.log.push(word.letter);
        match came_to {
            Outcome::Returned => return true,
            Outcome::Raised => self.log.push('E'),
            Outcome::Cancelled => self.log.push('C'),
        }
        if !word.swallows {
            self.end(came_to);
        }
        word.swallows
    }

    fn suspend(&mut self, child: usize) {
        self.waits_for = Some(child);
        match self.requests.suspended() {
            Suspended::Wait => {}
            Suspended::ForwardDue => {
                if self.cancel_child(child) {
                    self.requests.due_accepted();
                }
            }
        }
    }

    fn end(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Cancelled => assert!(self.state.cancel()),
            _ => assert_eq!(self.state.finish(), Ok(())),
        }
        self.outcome = Some(outcome);
    }

    fn cancel(&mut self) -> bool {
        if self.state.is_done() {
            return false;
        }
        match (
            self.requests.request(self.waits_for.is_some()),
            self.waits_for,
        ) {
            (Requested::ForwardToAwaited, Some(child)) => {
                if !self.cancel_child(child) {
                    self.requests.forward_refused();
                }
            }
            (Requested::AtNextStep, None) => {}
            (requested, waits_for) => panic!("{requested:?} while waiting for {waits_for:?}"),
        }
        true
    }

    fn cancel_child(&mut self, child: usize) -> bool {
        let asked = self.children[child].cancel("");
        if asked.ended {
            self.child_ended(child);
        }
        asked.accepted
    }
}

impl World for TaskWorld {
    fn perform(&mut self, operation: &str) -> String {
        match operation {
            "x" => return letter(self.cancel()),
            "u" => {
                return self
                    .requests
                    .withdraw(self.version.withdraw_rule)
                    .to_string();
            }
            "t" => {
                if let Some(resumed_by) = self.ready.take() {
                    self.step(resumed_by);
                }
            }
            _ => panic!("a task does not know {operation}"),
        }
        String::new()
    }

    fn child_ended(&mut self, child: usize) {
        if self.waits_for == Some(child) {
            self.ready = Some(self.children[child].outcome());
        }
    }

    fn children(&mut self) -> &mut Children {
        &mut self.children
    }

    fn observe(&mut self) -> String {
        let task = match self.outcome {
            None => '-',
            Some(Outcome::Returned) => 'R',
            Some(Outcome::Raised) => 'E',
            Some(Outcome::Cancelled) => 'C',
        };
        let due = if self.requests.is_due() { "due" } else { "" };
        let children = child::seen(&self.children);
        let log = std::mem::take(&mut self.log);
        format!("{task}/{}{due}/{log}/{children}", self.requests.pending())
    }
}

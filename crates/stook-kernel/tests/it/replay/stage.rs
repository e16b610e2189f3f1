//! A task that follows a script in and around a block, and what it waits for.

use std::collections::VecDeque;

use stook_kernel::{
    BodyEnd, CancelRequests, FutureState, InvalidState, Outcome, Requested, Suspended,
};

use super::child::{self, Children};
use super::{Version, letter};

/// The task, its children and the ready queue.
pub(super) struct Stage {
    pub(super) version: Version,
    pub(super) requests: CancelRequests,
    pub(super) children: Children,
    pub(super) ready: VecDeque<Entry>,
    /// What the task did during this operation.
    pub(super) log: String,
    /// Who is told when a child is done, in order.
    callbacks: Vec<Vec<Callback>>,
    script: Vec<Word>,
    /// How the body ends by itself.
    last: CameTo,
    /// The word the task is at; `None` before its first step.
    at: Option<usize>,
    waits_for: Option<Awaited>,
    /// The future that nobody else has: the script's own, or the one a group waits for.
    own: FutureState,
    outcome: Option<Outcome>,
}

/// What is in the ready queue.
#[derive(Clone, Debug)]
pub(super) enum Entry {
    /// The task is resumed with what it waited for.
    Step(CameTo),
    /// The group is told that a child is done.
    ChildDone(usize),
    /// The timer of this number fires.
    Timer(usize),
}

/// What a word, a body or a block came to.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum CameTo {
    Returned,
    Raised(Error),
    Cancelled,
    /// A cancellation error of a derived class.
    Derived,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Error {
    pub(super) name: String,
    /// It ends the program.
    pub(super) is_base: bool,
    /// It was raised while a cancellation error was handled.
    pub(super) follows_cancellation: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Callback {
    Group,
    Task,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Awaited {
    Child(usize),
    Own,
}

#[derive(Clone, Copy, Debug)]
struct Word {
    letter: char,
    /// `!`, `?` or nothing: what is done about what it raises.
    handling: Option<char>,
}

impl Stage {
    pub(super) fn new(script: &str, kinds: &str, version: Version) -> Self {
        let mut letters: Vec<char> = script.chars().collect();
        let last = match letters.pop() {
            Some('.') => CameTo::Returned,
            Some('^') => CameTo::Raised(Error::named("b")),
            Some('B') => CameTo::Raised(Error {
                is_base: true,
                ..Error::named("b")
            }),
            Some('C') => CameTo::Cancelled,
            Some('S') => CameTo::Derived,
            last => panic!("no body ends with {last:?}"),
        };
        let mut words: Vec<Word> = Vec::new();
        for letter in letters {
            match (letter, words.last_mut()) {
                ('!' | '?', Some(word)) => word.handling = Some(letter),
                _ => words.push(Word {
                    letter,
                    handling: None,
                }),
            }
        }
        Self {
            version,
            requests: CancelRequests::new(),
            children: child::children(kinds),
            ready: VecDeque::from([Entry::Step(CameTo::Returned)]),
            log: String::new(),
            callbacks: kinds.chars().map(|_| Vec::new()).collect(),
            script: words,
            last,
            at: None,
            waits_for: None,
            own: FutureState::Pending,
            outcome: None,
        }
    }

    /// Begins a step of the task: what it is resumed with.
    pub(super) fn begin_step(&mut self, with: CameTo) -> CameTo {
        self.waits_for = None;
        if self.requests.take_due() {
            CameTo::Cancelled
        } else {
            with
        }
    }

    /// Goes on with the script until it suspends (`None`) or has come to something.
    ///
    /// `perform` does the words that belong to the block.
    pub(super) fn follow(
        &mut self,
        with: CameTo,
        mut perform: impl FnMut(&mut Self, char) -> CameTo,
    ) -> Option<CameTo> {
        let mut next = 0;
        if let Some(at) = self.at {
            if let Some(end) = self.done_with(at, with) {
                return Some(end);
            }
            next = at + 1;
        } else if with != CameTo::Returned {
            // Thrown into a coroutine that has not started, an error ends it.
            return Some(with);
        }
        for at in next..self.script.len() {
            self.at = Some(at);
            let came_to = match self.script[at].letter {
                'y' => {
                    self.ready.push_back(Entry::Step(CameTo::Returned));
                    return None;
                }
                'g' => {
                    self.wait_for_own();
                    return None;
                }
                'k' => {
                    assert_eq!(self.requests.request(false), Requested::AtNextStep);
                    CameTo::Returned
                }
                'u' => {
                    self.requests.withdraw(self.version.withdraw_rule);
                    CameTo::Returned
                }
                word => match word.to_digit(10) {
                    None => perform(self, word),
                    Some(digit) => {
                        let child = digit as usize;
                        if !self.children[child].is_done() {
                            self.callbacks[child].push(Callback::Task);
                            self.suspend(Awaited::Child(child));
                            return None;
                        }
                        self.child_came_to(child)
                    }
                },
            };
            if let Some(end) = self.done_with(at, came_to) {
                return Some(end);
            }
        }
        Some(self.last.clone())
    }

    /// Logs what a word came to; what the body comes to by it, if it goes no further.
    fn done_with(&mut self, at: usize, came_to: CameTo) -> Option<CameTo> {
        let Word { letter, handling } = self.script[at];
        if letter != '|' {
            self.log.push(letter);
        }
        match came_to {
            CameTo::Returned => return None,
            CameTo::Raised(_) => self.log.push('E'),
            CameTo::Cancelled | CameTo::Derived => self.log.push('C'),
        }
        match handling {
            Some('!') => None,
            Some('?') => Some(CameTo::Raised(Error {
                follows_cancellation: came_to == CameTo::Cancelled,
                ..Error::named("b")
            })),
            _ => Some(came_to),
        }
    }

    /// Has the task wait for a new future that nobody else has.
    pub(super) fn wait_for_own(&mut self) {
        self.own = FutureState::Pending;
        self.suspend(Awaited::Own);
    }

    /// Gives that future its result, if the task waits for it.
    pub(super) fn release_own(&mut self) -> Result<(), InvalidState> {
        self.own.finish()?;
        self.ready.push_back(Entry::Step(CameTo::Returned));
        Ok(())
    }

    fn suspend(&mut self, awaited: Awaited) {
        self.waits_for = Some(awaited);
        match self.requests.suspended() {
            Suspended::Wait => {}
            Suspended::ForwardDue => {
                if self.cancel_awaited(awaited) {
                    self.requests.due_accepted();
                }
            }
        }
    }

    /// Ends the task, as what its coroutine came to.
    pub(super) fn end(&mut self, came_to: &CameTo) {
        self.outcome = Some(match came_to {
            CameTo::Returned => self.requests.returned(),
            CameTo::Raised(_) => Outcome::Raised,
            CameTo::Cancelled | CameTo::Derived => Outcome::Cancelled,
        });
    }

    /// Asks the task to cancel.
    pub(super) fn cancel(&mut self) -> bool {
        if self.outcome.is_some() {
            return false;
        }
        match (
            self.requests.request(self.waits_for.is_some()),
            self.waits_for,
        ) {
            (Requested::ForwardToAwaited, Some(awaited)) => {
                if !self.cancel_awaited(awaited) {
                    self.requests.forward_refused();
                }
            }
            (Requested::AtNextStep, None) => {}
            (requested, waits_for) => panic!("{requested:?} while waiting for {waits_for:?}"),
        }
        true
    }

    fn cancel_awaited(&mut self, awaited: Awaited) -> bool {
        match awaited {
            Awaited::Child(child) => self.cancel_child(child),
            Awaited::Own => {
                let cancelled = self.own.cancel();
                if cancelled {
                    self.ready.push_back(Entry::Step(CameTo::Cancelled));
                }
                cancelled
            }
        }
    }

    pub(super) fn cancel_child(&mut self, child: usize) -> bool {
        let asked = self.children[child].cancel("");
        if asked.ended {
            self.child_ended(child);
        }
        asked.accepted
    }

    /// Has the group told when the child is done; at the next turn, if it is.
    pub(super) fn tell_group(&mut self, child: usize) {
        self.callbacks[child].push(Callback::Group);
        if self.children[child].is_done() {
            self.child_ended(child);
        }
    }

    /// Makes a done child's callbacks ready.
    pub(super) fn child_ended(&mut self, child: usize) {
        for callback in std::mem::take(&mut self.callbacks[child]) {
            self.ready.push_back(match callback {
                Callback::Group => Entry::ChildDone(child),
                Callback::Task => Entry::Step(self.child_came_to(child)),
            });
        }
    }

    fn child_came_to(&self, child: usize) -> CameTo {
        let child = &self.children[child];
        match child.outcome() {
            Outcome::Returned => CameTo::Returned,
            Outcome::Cancelled => CameTo::Cancelled,
            Outcome::Raised => CameTo::Raised(Error::of(child.error())),
        }
    }

    /// Performs an operation that every block's program has; what it returned.
    pub(super) fn perform(&mut self, operation: &str) -> String {
        match operation {
            "x" => letter(self.cancel()),
            "u" => self
                .requests
                .withdraw(self.version.withdraw_rule)
                .to_string(),
            _ => panic!("no block knows {operation}"),
        }
    }

    /// All that can be seen, with what is seen of the block.
    pub(super) fn observe(&mut self, block: &str) -> String {
        let task = match self.outcome {
            None => '-',
            Some(Outcome::Returned) => 'R',
            Some(Outcome::Raised) => 'E',
            Some(Outcome::Cancelled) => 'C',
        };
        let due = if self.requests.is_due() { "due" } else { "" };
        let children = child::seen(&self.children);
        let log = std::mem::take(&mut self.log);
        format!(
            "{task}/{}{due}/{log}/{block}/{children}",
            self.requests.pending()
        )
    }
}

impl CameTo {
    /// What a block is told of it.
    pub(super) fn body_end(&self) -> BodyEnd {
        match self {
            Self::Returned => BodyEnd::Returned,
            Self::Raised(_) => BodyEnd::Raised,
            Self::Cancelled => BodyEnd::Cancelled,
            Self::Derived => BodyEnd::CancelledSubclass,
        }
    }
}

impl Error {
    pub(super) fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ..Self::default()
        }
    }

    /// A child's error; one that it had from the beginning says nothing.
    pub(super) fn of((message, is_base): (&str, bool)) -> Self {
        Self {
            is_base,
            ..Self::named(if message.is_empty() { "D" } else { message })
        }
    }
}

//! The children of a replayed program: futures, of plain and of unwilling kinds.

use stook_kernel::{FutureState, Outcome, Retrieval};

pub(super) type Children = Vec<Child>;

/// One future.
#[derive(Debug)]
pub(super) struct Child {
    kind: Kind,
    state: FutureState,
    outcome: Option<Outcome>,
    mark: Retrieval,
    /// What the exception or the cancellation says.
    message: String,
    /// Its exception is one that ends the program.
    base_error: bool,
}

/// What `cancel()` does to a child that is pending.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Plain,
    /// Accepts, and goes on.
    Stubborn,
    Refusing,
    /// Refuses once, then accepts, and goes on.
    Wavering {
        asked: bool,
    },
}

/// Whether a request to cancel changed something, and whether it was accepted.
pub(super) struct Asked {
    pub(super) ended: bool,
    pub(super) accepted: bool,
}

/// Makes a child for every letter.
pub(super) fn children(kinds: &str) -> Children {
    kinds.chars().map(Child::new).collect()
}

/// The states of all children, or their marks.
pub(super) fn seen(children: &Children) -> String {
    children.iter().map(Child::seen).collect()
}

/// The never-retrieved marks of all children.
pub(super) fn marks(children: &Children) -> String {
    children
        .iter()
        .map(|child| if child.mark.is_unread() { '1' } else { '0' })
        .collect()
}

impl Child {
    fn new(letter: char) -> Self {
        let kind = match letter {
            's' => Kind::Stubborn,
            'n' => Kind::Refusing,
            'a' => Kind::Wavering { asked: false },
            _ => Kind::Plain,
        };
        let mut child = Self {
            kind,
            state: FutureState::Pending,
            outcome: None,
            mark: Retrieval::new(),
            message: String::new(),
            base_error: false,
        };
        match letter {
            'd' => assert_eq!(child.end("r", ""), ""),
            'D' => assert_eq!(child.end("e", ""), ""),
            _ => {}
        }
        child
    }

    /// Ends the child as the letter says, whatever its kind; what came of it.
    pub(super) fn end(&mut self, letter: &str, number: &str) -> String {
        let outcome = match letter {
            "r" => Outcome::Returned,
            "e" | "i" => Outcome::Raised,
            "c" => return super::letter(self.end_cancelled(&format!("m{number}"))),
            _ => panic!("no child ends by {letter}"),
        };
        if self.state.finish().is_err() {
            return "I".to_owned();
        }
        self.outcome = Some(outcome);
        if outcome.is_error() {
            self.mark.raised();
            self.base_error = letter == "i";
            number.clone_into(&mut self.message);
        }
        String::new()
    }

    /// Asks the child to cancel.
    pub(super) fn cancel(&mut self, message: &str) -> Asked {
        match self.kind {
            Kind::Plain => {
                let ended = self.end_cancelled(message);
                Asked {
                    ended,
                    accepted: ended,
                }
            }
            Kind::Stubborn => Asked {
                ended: false,
                accepted: !self.is_done(),
            },
            Kind::Wavering { asked } => {
                self.kind = Kind::Wavering { asked: true };
                Asked {
                    ended: false,
                    accepted: asked && !self.is_done(),
                }
            }
            Kind::Refusing => Asked {
                ended: false,
                accepted: false,
            },
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.state.is_done()
    }

    /// How a done child ended.
    pub(super) fn outcome(&self) -> Outcome {
        self.outcome.expect("only done children are asked")
    }

    /// What its exception says, and whether it is one that ends the program.
    pub(super) fn error(&self) -> (&str, bool) {
        (&self.message, self.base_error)
    }

    /// Looks at the result or the exception of a child that is not cancelled.
    pub(super) fn read(&mut self) {
        if !self.outcome().is_cancelled() {
            self.mark.read();
        }
    }

    /// The result or the exception, as a gather's list shows it.
    pub(super) fn result(&self) -> String {
        match self.outcome() {
            Outcome::Returned => "R".to_owned(),
            Outcome::Raised => format!("E{}", self.message),
            Outcome::Cancelled => self.cancellation(),
        }
    }

    /// The cancellation error it makes; one that is not cancelled makes it without a message.
    pub(super) fn cancellation(&self) -> String {
        if self.outcome().is_cancelled() {
            format!("C{}", self.message)
        } else {
            "C".to_owned()
        }
    }

    pub(super) fn seen(&self) -> char {
        let letter = match self.outcome {
            None => '-',
            Some(Outcome::Returned) => 'R',
            Some(Outcome::Raised) => 'E',
            Some(Outcome::Cancelled) => 'C',
        };
        let state = match letter {
            '-' => FutureState::Pending,
            'C' => FutureState::Cancelled,
            _ => FutureState::Finished,
        };
        assert_eq!(self.state, state);
        letter
    }

    fn end_cancelled(&mut self, message: &str) -> bool {
        self.mark.read();
        let ended = self.state.cancel();
        if ended {
            self.outcome = Some(Outcome::Cancelled);
            message.clone_into(&mut self.message);
        }
        ended
    }
}

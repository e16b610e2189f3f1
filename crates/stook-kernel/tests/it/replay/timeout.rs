//! A task in a timeout.

use stook_kernel::{RescheduleRefused, Timeout, TimeoutEnd, TimeoutExit, TimeoutPhase};

use super::child::Children;
use super::stage::{CameTo, Entry, Error, Stage};
use super::{Version, World};

pub(super) struct TimeoutWorld {
    stage: Stage,
    block: Block,
}

/// The machine, and what a face keeps beside it. Times are in the recorder's unit.
struct Block {
    machine: Timeout,
    now: i64,
    /// The deadline.
    when: Option<i64>,
    /// The timer that is set, and the time it waits for; `None` when it is ready.
    timer: Option<(usize, Option<i64>)>,
    timers_made: usize,
    /// Requests of the task when it entered.
    at_entry: u32,
}

/// How far `o` moves the time, in the unit of the deadlines.
const FAR: i64 = 10;

impl TimeoutWorld {
    pub(super) fn new(script: &str, deadline: &str, kinds: &str, version: Version) -> Self {
        let when = match deadline {
            "never" => None,
            "later" => Some(1),
            "past" => Some(-1),
            _ => panic!("no deadline is {deadline}"),
        };
        Self {
            stage: Stage::new(script, kinds, version),
            block: Block {
                machine: Timeout::new(),
                now: 0,
                when,
                timer: None,
                timers_made: 0,
                at_entry: 0,
            },
        }
    }

    fn turn(&mut self) {
        let Self { stage, block } = self;
        // Timers come after what is ready already.
        if let Some((number, Some(time))) = block.timer {
            if time <= block.now {
                block.timer = Some((number, None));
                stage.ready.push_back(Entry::Timer(number));
            }
        }
        for entry in std::mem::take(&mut stage.ready) {
            match entry {
                Entry::ChildDone(child) => panic!("nobody asked about child {child}"),
                Entry::Timer(number) if block.timer == Some((number, None)) => {
                    assert_eq!(block.machine.expire(), Ok(()));
                    assert!(stage.cancel());
                    block.timer = None;
                }
                Entry::Timer(_) => {}
                Entry::Step(with) => {
                    let with = stage.begin_step(with);
                    let came_to = stage.follow(with, |stage, word| block.perform(stage, word));
                    let Some(came_to) = came_to else {
                        continue;
                    };
                    if block.machine.phase() == TimeoutPhase::Created {
                        stage.end(&came_to);
                    } else {
                        let ended = block.leave(stage, &came_to);
                        stage.log.push_str(ended);
                        stage.end(&CameTo::Returned);
                    }
                }
            }
        }
    }
}

impl Block {
    /// Does a word of the script.
    fn perform(&mut self, stage: &mut Stage, word: char) -> CameTo {
        let done = match word {
            '|' | 'n' => self.enter(stage),
            _ => self.reschedule(stage, word).is_ok(),
        };
        if done {
            CameTo::Returned
        } else {
            CameTo::Raised(Error::named("R"))
        }
    }

    fn enter(&mut self, stage: &mut Stage) -> bool {
        if self.machine.enter(stage.version.enter_rule).is_err() {
            return false;
        }
        self.at_entry = stage.requests.pending();
        assert_eq!(self.set_timer(stage, self.when), Ok(()));
        true
    }

    /// Moves the deadline as the letter says.
    fn reschedule(&mut self, stage: &mut Stage, letter: char) -> Result<(), RescheduleRefused> {
        let when = match letter {
            'm' => Some(self.now + 1),
            'p' => Some(self.now - 1),
            'n' => None,
            _ => panic!("no deadline moves by {letter}"),
        };
        self.set_timer(stage, when)
    }

    fn set_timer(&mut self, stage: &mut Stage, when: Option<i64>) -> Result<(), RescheduleRefused> {
        self.machine.reschedule()?;
        self.when = when;
        self.timer = when.map(|time| {
            self.timers_made += 1;
            let number = self.timers_made;
            if time > self.now {
                return (number, Some(time));
            }
            stage.ready.push_back(Entry::Timer(number));
            (number, None)
        });
        Ok(())
    }

    /// The body has ended; how the block ends, in letters.
    fn leave(&mut self, stage: &mut Stage, body: &CameTo) -> &'static str {
        let version = stage.version;
        self.timer = None;
        let end = match self.machine.exit().expect("it was entered") {
            TimeoutExit::Nothing => TimeoutEnd::Nothing,
            TimeoutExit::Uncancel => {
                let left = stage.requests.withdraw(version.withdraw_rule);
                self.machine
                    .uncancelled(left, self.at_entry, body.body_end(), version.convert_rule)
            }
        };
        match (end, body) {
            (TimeoutEnd::RaiseTimeout, _) => ">T",
            (TimeoutEnd::MarkContexts, CameTo::Raised(error)) if error.follows_cancellation => {
                ">EM"
            }
            (_, CameTo::Raised(_)) => ">E",
            (_, CameTo::Cancelled) => ">C",
            (_, CameTo::Derived) => ">S",
            (_, CameTo::Returned) => ">R",
        }
    }
}

impl World for TimeoutWorld {
    fn perform(&mut self, operation: &str) -> String {
        match operation {
            "t" => self.turn(),
            "o" => self.block.now += FAR,
            "m" | "p" | "n" => {
                let letter = operation.chars().next().expect("it has a letter");
                return match self.block.reschedule(&mut self.stage, letter) {
                    Ok(()) => "",
                    Err(RescheduleRefused::NotEntered) => "N",
                    Err(RescheduleRefused::CannotChange(phase)) => phase.name(),
                }
                .to_owned();
            }
            _ => return self.stage.perform(operation),
        }
        String::new()
    }

    fn child_ended(&mut self, child: usize) {
        self.stage.child_ended(child);
    }

    fn children(&mut self) -> &mut Children {
        &mut self.stage.children
    }

    fn observe(&mut self) -> String {
        let machine = self.block.machine;
        let expired = if machine.is_expired() { "!" } else { "" };
        self.stage
            .observe(&format!("{}{expired}", machine.phase().name()))
    }
}

//! `TaskGroup` and `TaskGroupExit` against the history of one group.

use stook_kernel::{
    AfterError, BodyEnd, ChildDone, ChildrenGone, ExitEnd, ExitRule, Outcome, SpawnRefused,
    TaskGroup, TaskGroupExit,
};

use super::possible_histories;

/// What can happen to an entered group.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    /// Somebody makes a task in it.
    Spawn,
    /// Somebody makes a task in it that is done at once, having raised.
    SpawnFailing,
    /// One of its children ends.
    ChildEnds(Outcome),
    /// One of its children ends with a base error.
    ChildEndsProgram,
    /// Somebody else asks the parent to cancel; while it waits for the children, the wait ends.
    ParentAsked,
    /// The body ends.
    BodyEnds(BodyEnd),
    /// The body ends with a base error.
    BodyEndsProgram,
    /// The parent is abandoned and done, its children are not.
    ParentGone,
}

const EVENTS: [Event; 13] = [
    Event::Spawn,
    Event::SpawnFailing,
    Event::ChildEnds(Outcome::Returned),
    Event::ChildEnds(Outcome::Raised),
    Event::ChildEnds(Outcome::Cancelled),
    Event::ChildEndsProgram,
    Event::ParentAsked,
    Event::BodyEnds(BodyEnd::Returned),
    Event::BodyEnds(BodyEnd::Raised),
    Event::BodyEnds(BodyEnd::Cancelled),
    Event::BodyEnds(BodyEnd::CancelledSubclass),
    Event::BodyEndsProgram,
    Event::ParentGone,
];

/// How a block ended, all told.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Ending {
    BaseError,
    Cancellation,
    /// A group with the errors of so many children, and perhaps the body's.
    Errors(usize, bool),
    Nothing,
}

#[test]
fn a_group_ends_as_its_history_says() {
    for rule in [ExitRule::UncancelFirst, ExitRule::UncancelLast] {
        let mut ended = [0; 4];
        possible_histories(&EVENTS, 6, &may_follow, &mut |history| {
            let mut face = Face::new(rule);
            for (index, &event) in history.iter().enumerate() {
                face.perform(event, &history[..index]);
                let so_far = &history[..=index];
                let marks = face.group.marks();
                let told = (marks.exiting, marks.aborting, marks.tasks);
                let expected = (body(so_far).is_some(), aborts(so_far), children(so_far));
                assert_eq!(told, expected, "{so_far:?}, {rule:?}");
                assert_eq!(marks.parent_cancel_requested, asks(so_far), "{so_far:?}");
            }
            assert_eq!(face.ending.is_some(), is_over(history), "{history:?}");
            let Some(told) = face.ending else {
                return;
            };
            assert_eq!(told, ending(history, rule), "{history:?}, {rule:?}");
            assert_eq!(face.requests, left(history, rule), "{history:?}, {rule:?}");
            assert_eq!(face.group.spawn(), Err(SpawnRefused::Finished));
            ended[match told {
                Ending::BaseError => 0,
                Ending::Cancellation => 1,
                Ending::Errors(..) => 2,
                Ending::Nothing => 3,
            }] += 1;
        });
        assert!(ended.iter().all(|&count| count > 100), "{ended:?}");
    }
}

/// The machines, and what a face keeps beside them.
struct Face {
    rule: ExitRule,
    group: TaskGroup,
    exit: Option<TaskGroupExit>,
    base_error: bool,
    errors: usize,
    /// Requests of the parent that stand.
    requests: u32,
    ending: Option<Ending>,
}

impl Face {
    fn new(rule: ExitRule) -> Self {
        let mut group = TaskGroup::new();
        assert_eq!(group.enter(), Ok(()));
        Self {
            rule,
            group,
            exit: None,
            base_error: false,
            errors: 0,
            requests: 0,
            ending: None,
        }
    }

    /// Sends the event as a face does, and checks the answers.
    fn perform(&mut self, event: Event, before: &[Event]) {
        match event {
            Event::Spawn | Event::SpawnFailing => {
                let expected = if aborts(before) {
                    Err(SpawnRefused::ShuttingDown)
                } else {
                    Ok(())
                };
                assert_eq!(self.group.spawn(), expected, "after {before:?}");
                if expected.is_ok() && event == Event::Spawn {
                    self.group.added();
                } else if expected.is_ok() {
                    self.child_done(false, Outcome::Raised, false, before);
                }
            }
            Event::ChildEnds(outcome) => self.child_done(true, outcome, false, before),
            Event::ChildEndsProgram => self.child_done(true, Outcome::Raised, true, before),
            Event::ParentAsked => {
                self.requests += 1;
                if let Some(exit) = &mut self.exit {
                    let begins = exit.interrupted(&mut self.group);
                    assert_eq!(begins, !aborts(before), "after {before:?}");
                }
            }
            Event::BodyEnds(body) => self.body_ends(body, false),
            Event::BodyEndsProgram => self.body_ends(BodyEnd::Raised, true),
            Event::ParentGone => {}
        }
        let gone = [before, &[event]].concat().contains(&Event::ParentGone);
        if self.group.marks().tasks == 0 && self.ending.is_none() && !gone {
            self.ending = self.exit.map(|exit| self.end(exit));
        }
    }

    fn child_done(&mut self, counted: bool, child: Outcome, base: bool, before: &[Event]) {
        let none_left = children(before) == usize::from(counted);
        assert_eq!(
            self.group.child_left(counted),
            none_left,
            "after {before:?}"
        );
        let parent_gone = before.contains(&Event::ParentGone);
        let told = self.group.child_done(child, base, parent_gone);
        if child != Outcome::Raised {
            assert_eq!(told, ChildDone::Nothing);
            return;
        }
        let then = match (parent_gone, aborts(before)) {
            (true, _) => AfterError::ReportOrphan,
            (false, true) => AfterError::Nothing,
            (false, false) => AfterError::Abort,
        };
        let as_base_error = base;
        assert_eq!(
            told,
            ChildDone::KeepError {
                as_base_error,
                then
            },
            "after {before:?}"
        );
        self.errors += 1;
        self.base_error |= base;
        self.requests += u32::from(then == AfterError::Abort);
    }

    fn body_ends(&mut self, body: BodyEnd, base: bool) {
        let (mut exit, actions) = self.group.exit(body, base, self.rule);
        self.base_error |= actions.keep_base_error;
        if actions.uncancel {
            self.uncancel(&mut exit);
        }
        self.exit = Some(exit);
    }

    fn end(&mut self, mut exit: TaskGroupExit) -> Ending {
        match exit.children_gone(&self.group, self.base_error) {
            ChildrenGone::RaiseBaseError => return Ending::BaseError,
            ChildrenGone::Uncancel => self.uncancel(&mut exit),
            ChildrenGone::Nothing => {}
        }
        match exit.end(self.errors) {
            ExitEnd::PropagateCancellation => Ending::Cancellation,
            ExitEnd::RaiseGroup {
                add_body,
                renew_request,
            } => {
                assert_eq!(renew_request, self.rule == ExitRule::UncancelLast);
                Ending::Errors(self.errors, add_body)
            }
            ExitEnd::Return => Ending::Nothing,
        }
    }

    fn uncancel(&mut self, exit: &mut TaskGroupExit) {
        assert!(self.requests > 0, "one of them is the group's");
        self.requests -= 1;
        exit.uncancelled(self.requests);
    }
}

fn may_follow(history: &[Event], event: Event) -> bool {
    let parent_gone = history.contains(&Event::ParentGone);
    match event {
        _ if is_over(history) => false,
        Event::Spawn | Event::SpawnFailing => children(history) < 2 && !parent_gone,
        Event::ChildEnds(_) | Event::ChildEndsProgram => children(history) > 0,
        Event::ParentAsked => !parent_gone,
        Event::BodyEnds(_) | Event::BodyEndsProgram => body(history).is_none(),
        Event::ParentGone => body(history).is_some() && !parent_gone,
    }
}

/// When the body ended.
fn body(history: &[Event]) -> Option<usize> {
    let ends = |event: &Event| matches!(event, Event::BodyEnds(_) | Event::BodyEndsProgram);
    history.iter().position(ends)
}

/// What made the group abort.
fn cause(history: &[Event]) -> Option<usize> {
    let parent_gone = |index: usize| history[..index].contains(&Event::ParentGone);
    (0..history.len()).find(|&index| match history[index] {
        Event::SpawnFailing => true,
        Event::ChildEnds(Outcome::Raised) | Event::ChildEndsProgram => !parent_gone(index),
        Event::BodyEnds(end) => end != BodyEnd::Returned,
        Event::BodyEndsProgram => true,
        Event::ParentAsked => body(&history[..index]).is_some(),
        _ => false,
    })
}

fn aborts(history: &[Event]) -> bool {
    cause(history).is_some()
}

/// Whether a child, and so the group, asked the parent to cancel.
fn asks(history: &[Event]) -> bool {
    cause(history).is_some_and(|index| {
        matches!(
            history[index],
            Event::SpawnFailing | Event::ChildEnds(_) | Event::ChildEndsProgram
        )
    })
}

/// How many children there are.
fn children(history: &[Event]) -> usize {
    let made = (0..history.len())
        .filter(|&index| history[index] == Event::Spawn && !aborts(&history[..index]));
    let ended = history
        .iter()
        .filter(|event| matches!(event, Event::ChildEnds(_) | Event::ChildEndsProgram));
    made.count() - ended.count()
}

/// Whether the block has ended.
fn is_over(history: &[Event]) -> bool {
    body(history).is_some() && children(history) == 0 && !history.contains(&Event::ParentGone)
}

/// How many errors of children were kept.
fn errors(history: &[Event]) -> usize {
    let fails = |index: &usize| match history[*index] {
        Event::ChildEnds(Outcome::Raised) | Event::ChildEndsProgram => true,
        Event::SpawnFailing => !aborts(&history[..*index]),
        _ => false,
    };
    (0..history.len()).filter(fails).count()
}

/// How many of others' requests there were.
fn asked(history: &[Event]) -> u32 {
    let asked = history.iter().filter(|&&event| event == Event::ParentAsked);
    u32::try_from(asked.count()).expect("a history is short")
}

/// Whether the group has taken its request back by the time the block ended.
fn takes_back(history: &[Event], rule: ExitRule) -> bool {
    let by = match rule {
        ExitRule::UncancelFirst => body(history).unwrap_or(0),
        ExitRule::UncancelLast if ends_program(history) => 0,
        ExitRule::UncancelLast => history.len(),
    };
    asks(&history[..by])
}

/// How many requests of the parent stand when the block has ended, but for those made again.
fn left(history: &[Event], rule: ExitRule) -> u32 {
    asked(history) + u32::from(asks(history)) - u32::from(takes_back(history, rule))
}

fn ends_program(history: &[Event]) -> bool {
    history.contains(&Event::ChildEndsProgram) || history.contains(&Event::BodyEndsProgram)
}

/// How the block ends, given a history that ends it.
fn ending(history: &[Event], rule: ExitRule) -> Ending {
    if ends_program(history) {
        return Ending::BaseError;
    }
    let at = body(history).expect("the block has ended");
    let (cancelled, failed) = match (history[at], rule) {
        (Event::BodyEnds(BodyEnd::Cancelled), _)
        | (Event::BodyEnds(BodyEnd::CancelledSubclass), ExitRule::UncancelLast) => (true, false),
        (Event::BodyEnds(BodyEnd::Returned), _) => (false, false),
        _ => (false, true),
    };
    let others = match rule {
        ExitRule::UncancelFirst => asked(&history[..at]),
        ExitRule::UncancelLast => asked(history),
    };
    let was_the_group_s = takes_back(history, rule) && others == 0;
    let interrupted = cause(history).is_some_and(|by| history[by] == Event::ParentAsked);
    let errors = errors(history);
    if errors == 0 && (interrupted || (cancelled && !was_the_group_s)) {
        Ending::Cancellation
    } else if errors > 0 || failed {
        Ending::Errors(errors, failed)
    } else {
        Ending::Nothing
    }
}

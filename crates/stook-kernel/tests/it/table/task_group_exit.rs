//! The table of `task_group_exit.rs`.
//!
//! The whole state is the group's marks and the exit's progress. The progress shows only in what
//! `end` answers, which is therefore what a state is told by here.

use stook_kernel::{
    BodyEnd, ChildrenGone, ExitActions, ExitEnd, ExitRule, TaskGroup, TaskGroupExit, TaskGroupMarks,
};

use BodyEnd::{Cancelled, CancelledSubclass, Raised, Returned};
use ExitEnd::{PropagateCancellation, RaiseGroup, Return};
use ExitRule::{UncancelFirst, UncancelLast};

use super::task_group::states;
use super::{Row, walk};

/// How the body ended, the rule, and whether a cancellation is to be propagated.
type State = (BodyEnd, ExitRule, bool);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    Uncancelled(u32),
    Interrupted { aborting: bool },
    ChildrenGone { base_error: bool, asked: bool },
    End(usize),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Answer {
    Nothing,
    /// Whether to abort, and whether the group is aborting afterwards.
    Interrupted(bool, bool),
    Gone(ChildrenGone),
    End(ExitEnd),
}

const BODIES: [BodyEnd; 4] = [Returned, Raised, Cancelled, CancelledSubclass];

const GROUP: ExitEnd = RaiseGroup {
    add_body: false,
    renew_request: false,
};
const AND_BODY: ExitEnd = RaiseGroup {
    add_body: true,
    renew_request: false,
};
const RENEW: ExitEnd = RaiseGroup {
    add_body: false,
    renew_request: true,
};
const AND_BODY_RENEW: ExitEnd = RaiseGroup {
    add_body: true,
    renew_request: true,
};

/// State: the answers of `end` without and with errors of children.
#[rustfmt::skip]
const ENDS: [(State, [ExitEnd; 2]); 16] = [
    ((Returned,          UncancelFirst, false), [Return,                GROUP]),
    ((Returned,          UncancelFirst, true),  [PropagateCancellation, GROUP]),
    ((Raised,            UncancelFirst, false), [AND_BODY,              AND_BODY]),
    ((Raised,            UncancelFirst, true),  [PropagateCancellation, AND_BODY]),
    ((Cancelled,         UncancelFirst, false), [Return,                GROUP]),
    ((Cancelled,         UncancelFirst, true),  [PropagateCancellation, GROUP]),
    ((CancelledSubclass, UncancelFirst, false), [AND_BODY,              AND_BODY]),
    ((CancelledSubclass, UncancelFirst, true),  [PropagateCancellation, AND_BODY]),

    ((Returned,          UncancelLast,  false), [Return,                RENEW]),
    ((Returned,          UncancelLast,  true),  [PropagateCancellation, RENEW]),
    ((Raised,            UncancelLast,  false), [AND_BODY_RENEW,        AND_BODY_RENEW]),
    ((Raised,            UncancelLast,  true),  [PropagateCancellation, AND_BODY_RENEW]),
    ((Cancelled,         UncancelLast,  false), [Return,                RENEW]),
    ((Cancelled,         UncancelLast,  true),  [PropagateCancellation, RENEW]),
    ((CancelledSubclass, UncancelLast,  false), [Return,                RENEW]),
    ((CancelledSubclass, UncancelLast,  true),  [PropagateCancellation, RENEW]),
];

/// Base error, parent asked: the answers under `UncancelFirst` and `UncancelLast`.
#[rustfmt::skip]
const GONE: [(bool, bool, [ChildrenGone; 2]); 4] = [
    (false, false, [ChildrenGone::Nothing,        ChildrenGone::Nothing]),
    (false, true,  [ChildrenGone::Nothing,        ChildrenGone::Uncancel]),
    (true,  false, [ChildrenGone::RaiseBaseError, ChildrenGone::RaiseBaseError]),
    (true,  true,  [ChildrenGone::RaiseBaseError, ChildrenGone::RaiseBaseError]),
];

/// Rule and body: whether a cancellation is to be propagated from the beginning.
const BEGINS: [(ExitRule, [bool; 4]); 2] = [
    (UncancelFirst, [false, false, true, false]),
    (UncancelLast, [false, false, true, true]),
];

#[test]
fn the_way_out_is_by_its_table() {
    let states = ENDS.map(|row| row.0);
    let mut events = vec![
        Event::Uncancelled(0),
        Event::Uncancelled(1),
        Event::Interrupted { aborting: false },
        Event::Interrupted { aborting: true },
        Event::End(0),
        Event::End(1),
        Event::End(2),
    ];
    events.extend(GONE.map(|(base_error, asked, _)| Event::ChildrenGone { base_error, asked }));

    let mut table: Vec<Row<State, Event, Answer>> = Vec::new();
    for (state, [without_errors, with_errors]) in ENDS {
        let (body, rule, _) = state;
        let propagates = (body, rule, true);
        table.extend([
            (state, events[0], (body, rule, false), Answer::Nothing),
            (state, events[1], state, Answer::Nothing),
            (
                state,
                events[2],
                propagates,
                Answer::Interrupted(true, true),
            ),
            (state, events[3], state, Answer::Interrupted(false, true)),
            (state, events[4], state, Answer::End(without_errors)),
            (state, events[5], state, Answer::End(with_errors)),
            (state, events[6], state, Answer::End(with_errors)),
        ]);
        for (base_error, asked, [first, last]) in GONE {
            let answer = if rule == UncancelFirst { first } else { last };
            let event = Event::ChildrenGone { base_error, asked };
            table.push((state, event, state, Answer::Gone(answer)));
        }
    }

    walk(&states, &events, &table, |state, event| {
        let mut exit = build(state);
        let answer = match event {
            Event::Uncancelled(left) => {
                exit.uncancelled(left);
                Answer::Nothing
            }
            Event::Interrupted { aborting } => {
                let mut group = TaskGroup::from_marks(TaskGroupMarks {
                    aborting,
                    ..TaskGroupMarks::default()
                });
                let abort = exit.interrupted(&mut group);
                Answer::Interrupted(abort, group.marks().aborting)
            }
            Event::ChildrenGone { base_error, asked } => {
                let group = TaskGroup::from_marks(TaskGroupMarks {
                    parent_cancel_requested: asked,
                    ..TaskGroupMarks::default()
                });
                Answer::Gone(exit.children_gone(&group, base_error))
            }
            Event::End(errors) => Answer::End(exit.end(errors)),
        };
        let found = states
            .into_iter()
            .find(|&found| build(found) == exit)
            .expect("one of the sixteen");
        (found, answer)
    });
}

#[test]
fn a_body_s_end_marks_the_group_and_says_what_comes_first() {
    for (rule, begins) in BEGINS {
        for (body, propagates) in BODIES.into_iter().zip(begins) {
            for before in states() {
                for is_base_error in [false, true] {
                    let mut group = TaskGroup::from_marks(before);
                    let (exit, actions) = group.exit(body, is_base_error, rule);
                    let fails = body != Returned;
                    let expected = ExitActions {
                        keep_base_error: fails && is_base_error,
                        uncancel: rule == UncancelFirst && before.parent_cancel_requested,
                        abort: fails && !before.aborting,
                    };
                    assert_eq!(actions, expected, "{body:?}, {rule:?}, {before:?}");
                    let after = TaskGroupMarks {
                        exiting: true,
                        aborting: fails || before.aborting,
                        ..before
                    };
                    assert_eq!(group.marks(), after, "{body:?}, {rule:?}");
                    assert_eq!(exit, build((body, rule, propagates)));
                }
            }
        }
    }
}

/// An exit in the given state, by the shortest way.
fn build((body, rule, propagates): State) -> TaskGroupExit {
    let (mut exit, _) = TaskGroup::new().exit(body, false, rule);
    if propagates {
        let _ = exit.interrupted(&mut TaskGroup::new());
    } else {
        exit.uncancelled(0);
    }
    exit
}

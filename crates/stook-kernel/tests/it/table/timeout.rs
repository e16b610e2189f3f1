//! The tables of `timeout.rs`.

use stook_kernel::{
    BodyEnd, ConvertRule, EnterRefused, EnterRule, OutOfPhase, RescheduleRefused, Timeout,
    TimeoutEnd, TimeoutExit, TimeoutPhase,
};

use TimeoutPhase::{Active, Created, Expired, Expiring, Finished};

use super::{Row, walk};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    Enter(EnterRule),
    Reschedule,
    Expire,
    Exit,
    Uncancelled,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Answer {
    Entered(Result<(), EnterRefused>),
    Rescheduled(Result<(), RescheduleRefused>),
    Expired(Result<(), OutOfPhase>),
    Left(Result<TimeoutExit, OutOfPhase>),
    End(TimeoutEnd),
}

const PHASES: [TimeoutPhase; 5] = [Created, Active, Expiring, Expired, Finished];

const ENTER: Event = Event::Enter(EnterRule::Once);
const ENTER_3_11_2: Event = Event::Enter(EnterRule::Unchecked);

const EVENTS: [Event; 6] = [
    ENTER,
    ENTER_3_11_2,
    Event::Reschedule,
    Event::Expire,
    Event::Exit,
    Event::Uncancelled,
];

const ENTERED: Answer = Answer::Entered(Ok(()));
const AGAIN: Answer = Answer::Entered(Err(EnterRefused));
const MOVED: Answer = Answer::Rescheduled(Ok(()));
const EXPIRES: Answer = Answer::Expired(Ok(()));
const NOT_NOW: Answer = Answer::Expired(Err(OutOfPhase));
const NOT_INSIDE: Answer = Answer::Left(Err(OutOfPhase));
const LEAVES: Answer = Answer::Left(Ok(TimeoutExit::Nothing));
const TAKES_BACK: Answer = Answer::Left(Ok(TimeoutExit::Uncancel));
const NO_END: Answer = Answer::End(TimeoutEnd::Nothing);
const TIMEOUT: Answer = Answer::End(TimeoutEnd::RaiseTimeout);

const fn stays(refused: RescheduleRefused) -> Answer {
    Answer::Rescheduled(Err(refused))
}

#[rustfmt::skip]
const TABLE: [Row<TimeoutPhase, Event, Answer>; 30] = [
    (Created,  ENTER,              Active,   ENTERED),
    (Active,   ENTER,              Active,   AGAIN),
    (Expiring, ENTER,              Expiring, AGAIN),
    (Expired,  ENTER,              Expired,  AGAIN),
    (Finished, ENTER,              Finished, AGAIN),

    (Created,  ENTER_3_11_2,       Active,   ENTERED),
    (Active,   ENTER_3_11_2,       Active,   ENTERED),
    (Expiring, ENTER_3_11_2,       Active,   ENTERED),
    (Expired,  ENTER_3_11_2,       Active,   ENTERED),
    (Finished, ENTER_3_11_2,       Active,   ENTERED),

    (Created,  Event::Reschedule,  Created,  stays(RescheduleRefused::NotEntered)),
    (Active,   Event::Reschedule,  Active,   MOVED),
    (Expiring, Event::Reschedule,  Expiring, stays(RescheduleRefused::CannotChange(Expiring))),
    (Expired,  Event::Reschedule,  Expired,  stays(RescheduleRefused::CannotChange(Expired))),
    (Finished, Event::Reschedule,  Finished, stays(RescheduleRefused::CannotChange(Finished))),

    (Created,  Event::Expire,      Created,  NOT_NOW),
    (Active,   Event::Expire,      Expiring, EXPIRES),
    (Expiring, Event::Expire,      Expiring, NOT_NOW),
    (Expired,  Event::Expire,      Expired,  NOT_NOW),
    (Finished, Event::Expire,      Finished, NOT_NOW),

    (Created,  Event::Exit,        Created,  NOT_INSIDE),
    (Active,   Event::Exit,        Finished, LEAVES),
    (Expiring, Event::Exit,        Expired,  TAKES_BACK),
    (Expired,  Event::Exit,        Expired,  NOT_INSIDE),
    (Finished, Event::Exit,        Finished, NOT_INSIDE),

    (Created,  Event::Uncancelled, Created,  NO_END),
    (Active,   Event::Uncancelled, Active,   NO_END),
    (Expiring, Event::Uncancelled, Expiring, NO_END),
    (Expired,  Event::Uncancelled, Expired,  TIMEOUT),
    (Finished, Event::Uncancelled, Finished, NO_END),
];

#[test]
fn a_timeout_is_entered_and_left_once_and_expires_only_in_between() {
    walk(&PHASES, &EVENTS, &TABLE, |phase, event| {
        let mut timeout = Timeout::from_phase(phase);
        let answer = match event {
            Event::Enter(rule) => Answer::Entered(timeout.enter(rule)),
            Event::Reschedule => Answer::Rescheduled(timeout.reschedule()),
            Event::Expire => Answer::Expired(timeout.expire()),
            Event::Exit => Answer::Left(timeout.exit()),
            Event::Uncancelled => {
                Answer::End(timeout.uncancelled(0, 0, BodyEnd::Cancelled, ConvertRule::NoneLeft))
            }
        };
        (timeout.phase(), answer)
    });
}

/// Requests left and requests at entry, how the body ended, and the answers under `NoneLeft`,
/// `NoneNew` and `NoneNewOrDerived`.
type Conversion = (u32, u32, BodyEnd, [TimeoutEnd; 3]);

const NO: TimeoutEnd = TimeoutEnd::Nothing;
const TO: TimeoutEnd = TimeoutEnd::RaiseTimeout;
const MARK: TimeoutEnd = TimeoutEnd::MarkContexts;

#[rustfmt::skip]
const CONVERSIONS: [Conversion; 20] = [
    (0, 0, BodyEnd::Returned,          [NO, NO, NO]),
    (0, 1, BodyEnd::Returned,          [NO, NO, NO]),
    (1, 0, BodyEnd::Returned,          [NO, NO, NO]),
    (1, 1, BodyEnd::Returned,          [NO, NO, NO]),
    (2, 1, BodyEnd::Returned,          [NO, NO, NO]),

    (0, 0, BodyEnd::Raised,            [NO, NO, MARK]),
    (0, 1, BodyEnd::Raised,            [NO, NO, MARK]),
    (1, 0, BodyEnd::Raised,            [NO, NO, NO]),
    (1, 1, BodyEnd::Raised,            [NO, NO, MARK]),
    (2, 1, BodyEnd::Raised,            [NO, NO, NO]),

    (0, 0, BodyEnd::Cancelled,         [TO, TO, TO]),
    (0, 1, BodyEnd::Cancelled,         [TO, TO, TO]),
    (1, 0, BodyEnd::Cancelled,         [NO, NO, NO]),
    (1, 1, BodyEnd::Cancelled,         [NO, TO, TO]),
    (2, 1, BodyEnd::Cancelled,         [NO, NO, NO]),

    (0, 0, BodyEnd::CancelledSubclass, [NO, NO, TO]),
    (0, 1, BodyEnd::CancelledSubclass, [NO, NO, TO]),
    (1, 0, BodyEnd::CancelledSubclass, [NO, NO, NO]),
    (1, 1, BodyEnd::CancelledSubclass, [NO, NO, TO]),
    (2, 1, BodyEnd::CancelledSubclass, [NO, NO, NO]),
];

#[test]
fn only_its_own_cancellation_becomes_a_timeout_error() {
    let rules = [
        ConvertRule::NoneLeft,
        ConvertRule::NoneNew,
        ConvertRule::NoneNewOrDerived,
    ];
    for (left, at_entry, body, ends) in CONVERSIONS {
        for (rule, end) in rules.into_iter().zip(ends) {
            for phase in PHASES {
                let expected = if phase == Expired { end } else { NO };
                assert_eq!(
                    Timeout::from_phase(phase).uncancelled(left, at_entry, body, rule),
                    expected,
                    "{phase:?}: {left} left, {at_entry} at entry, {body:?}, {rule:?}"
                );
            }
        }
    }
}

#[test]
fn phases_have_asyncio_s_names_and_two_of_them_are_expired() {
    let seen = PHASES.map(|phase| (phase.name(), Timeout::from_phase(phase).is_expired()));
    assert_eq!(
        seen,
        [
            ("created", false),
            ("active", false),
            ("expiring", true),
            ("expired", true),
            ("finished", false),
        ]
    );
    assert_eq!(Timeout::new().phase(), Created);
    assert_eq!(Timeout::default(), Timeout::new());
}

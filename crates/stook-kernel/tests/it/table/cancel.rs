//! The table of `cancel.rs`.

use stook_kernel::{CancelRequests, Outcome, Requested, Suspended, WithdrawRule};

use super::{Row, walk};

/// How many requests stand, and whether one is due.
type State = (u32, bool);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    Request { waiting: bool },
    RequestAgain(u32),
    ForwardRefused,
    TakeDue,
    Suspended,
    DueAccepted,
    Returned,
    Withdraw(WithdrawRule),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Answer {
    Nothing,
    Requested(Requested),
    Due(bool),
    Suspended(Suspended),
    Returned(Outcome),
    Left(u32),
}

const AT_NEXT_STEP: Answer = Answer::Requested(Requested::AtNextStep);
const FORWARD: Answer = Answer::Requested(Requested::ForwardToAwaited);
const WAIT: Answer = Answer::Suspended(Suspended::Wait);
const FORWARD_DUE: Answer = Answer::Suspended(Suspended::ForwardDue);
const RETURNED: Answer = Answer::Returned(Outcome::Returned);
const CANCELLED: Answer = Answer::Returned(Outcome::Cancelled);

const RUNNING: Event = Event::Request { waiting: false };
const WAITING: Event = Event::Request { waiting: true };
const AGAIN: Event = Event::RequestAgain(3);
const UNCANCEL: Event = Event::Withdraw(WithdrawRule::KeepDue);
const UNCANCEL_3_13: Event = Event::Withdraw(WithdrawRule::ClearDueAtZero);

const STATES: [State; 6] = [
    (0, false),
    (1, false),
    (2, false),
    (0, true),
    (1, true),
    (2, true),
];

const EVENTS: [Event; 10] = [
    RUNNING,
    WAITING,
    AGAIN,
    Event::ForwardRefused,
    Event::TakeDue,
    Event::Suspended,
    Event::DueAccepted,
    Event::Returned,
    UNCANCEL,
    UNCANCEL_3_13,
];

#[rustfmt::skip]
const TABLE: [Row<State, Event, Answer>; 60] = [
    ((0, false), RUNNING,               (1, true),  AT_NEXT_STEP),
    ((1, false), RUNNING,               (2, true),  AT_NEXT_STEP),
    ((2, false), RUNNING,               (3, true),  AT_NEXT_STEP),
    ((0, true),  RUNNING,               (1, true),  AT_NEXT_STEP),
    ((1, true),  RUNNING,               (2, true),  AT_NEXT_STEP),
    ((2, true),  RUNNING,               (3, true),  AT_NEXT_STEP),

    ((0, false), WAITING,               (1, false), FORWARD),
    ((1, false), WAITING,               (2, false), FORWARD),
    ((2, false), WAITING,               (3, false), FORWARD),
    ((0, true),  WAITING,               (1, true),  FORWARD),
    ((1, true),  WAITING,               (2, true),  FORWARD),
    ((2, true),  WAITING,               (3, true),  FORWARD),

    ((0, false), AGAIN,                 (3, false), Answer::Nothing),
    ((1, false), AGAIN,                 (4, false), Answer::Nothing),
    ((2, false), AGAIN,                 (5, false), Answer::Nothing),
    ((0, true),  AGAIN,                 (3, true),  Answer::Nothing),
    ((1, true),  AGAIN,                 (4, true),  Answer::Nothing),
    ((2, true),  AGAIN,                 (5, true),  Answer::Nothing),

    ((0, false), Event::ForwardRefused, (0, true),  Answer::Nothing),
    ((1, false), Event::ForwardRefused, (1, true),  Answer::Nothing),
    ((2, false), Event::ForwardRefused, (2, true),  Answer::Nothing),
    ((0, true),  Event::ForwardRefused, (0, true),  Answer::Nothing),
    ((1, true),  Event::ForwardRefused, (1, true),  Answer::Nothing),
    ((2, true),  Event::ForwardRefused, (2, true),  Answer::Nothing),

    ((0, false), Event::TakeDue,        (0, false), Answer::Due(false)),
    ((1, false), Event::TakeDue,        (1, false), Answer::Due(false)),
    ((2, false), Event::TakeDue,        (2, false), Answer::Due(false)),
    ((0, true),  Event::TakeDue,        (0, false), Answer::Due(true)),
    ((1, true),  Event::TakeDue,        (1, false), Answer::Due(true)),
    ((2, true),  Event::TakeDue,        (2, false), Answer::Due(true)),

    ((0, false), Event::Suspended,      (0, false), WAIT),
    ((1, false), Event::Suspended,      (1, false), WAIT),
    ((2, false), Event::Suspended,      (2, false), WAIT),
    ((0, true),  Event::Suspended,      (0, true),  FORWARD_DUE),
    ((1, true),  Event::Suspended,      (1, true),  FORWARD_DUE),
    ((2, true),  Event::Suspended,      (2, true),  FORWARD_DUE),

    ((0, false), Event::DueAccepted,    (0, false), Answer::Nothing),
    ((1, false), Event::DueAccepted,    (1, false), Answer::Nothing),
    ((2, false), Event::DueAccepted,    (2, false), Answer::Nothing),
    ((0, true),  Event::DueAccepted,    (0, false), Answer::Nothing),
    ((1, true),  Event::DueAccepted,    (1, false), Answer::Nothing),
    ((2, true),  Event::DueAccepted,    (2, false), Answer::Nothing),

    ((0, false), Event::Returned,       (0, false), RETURNED),
    ((1, false), Event::Returned,       (1, false), RETURNED),
    ((2, false), Event::Returned,       (2, false), RETURNED),
    ((0, true),  Event::Returned,       (0, false), CANCELLED),
    ((1, true),  Event::Returned,       (1, false), CANCELLED),
    ((2, true),  Event::Returned,       (2, false), CANCELLED),

    ((0, false), UNCANCEL,              (0, false), Answer::Left(0)),
    ((1, false), UNCANCEL,              (0, false), Answer::Left(0)),
    ((2, false), UNCANCEL,              (1, false), Answer::Left(1)),
    ((0, true),  UNCANCEL,              (0, true),  Answer::Left(0)),
    ((1, true),  UNCANCEL,              (0, true),  Answer::Left(0)),
    ((2, true),  UNCANCEL,              (1, true),  Answer::Left(1)),

    ((0, false), UNCANCEL_3_13,         (0, false), Answer::Left(0)),
    ((1, false), UNCANCEL_3_13,         (0, false), Answer::Left(0)),
    ((2, false), UNCANCEL_3_13,         (1, false), Answer::Left(1)),
    ((0, true),  UNCANCEL_3_13,         (0, true),  Answer::Left(0)),
    ((1, true),  UNCANCEL_3_13,         (0, false), Answer::Left(0)),
    ((2, true),  UNCANCEL_3_13,         (1, true),  Answer::Left(1)),
];

#[test]
fn a_request_is_forwarded_or_due_and_taken_once() {
    walk(&STATES, &EVENTS, &TABLE, |state, event| {
        let mut requests = build(state);
        let answer = match event {
            Event::Request { waiting } => Answer::Requested(requests.request(waiting)),
            Event::RequestAgain(times) => {
                requests.request_again(times);
                Answer::Nothing
            }
            Event::ForwardRefused => {
                requests.forward_refused();
                Answer::Nothing
            }
            Event::TakeDue => Answer::Due(requests.take_due()),
            Event::Suspended => Answer::Suspended(requests.suspended()),
            Event::DueAccepted => {
                requests.due_accepted();
                Answer::Nothing
            }
            Event::Returned => Answer::Returned(requests.returned()),
            Event::Withdraw(rule) => Answer::Left(requests.withdraw(rule)),
        };
        ((requests.pending(), requests.is_due()), answer)
    });
}

#[test]
fn a_task_begins_without_requests() {
    assert_eq!(
        (
            CancelRequests::new().pending(),
            CancelRequests::new().is_due()
        ),
        (0, false)
    );
    assert_eq!(CancelRequests::default(), CancelRequests::new());
}

#[test]
fn requests_at_once_count_as_those_one_after_the_other() {
    for accepts in [true, false] {
        let (mut one_by_one, mut at_once) = (build((1, false)), build((1, false)));
        for _ in 0..3 {
            assert_eq!(one_by_one.request(true), Requested::ForwardToAwaited);
            if !accepts {
                one_by_one.forward_refused();
            }
        }
        at_once.request_again(3);
        if !accepts {
            at_once.forward_refused();
        }
        assert_eq!(one_by_one, at_once);
    }
}

/// Requests in the given state; the two fields are all there is.
fn build((pending, due): State) -> CancelRequests {
    let mut requests = CancelRequests::new();
    for _ in 0..pending {
        assert_eq!(requests.request(true), Requested::ForwardToAwaited);
    }
    if due {
        requests.forward_refused();
    }
    assert_eq!((requests.pending(), requests.is_due()), (pending, due));
    requests
}

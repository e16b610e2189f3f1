//! The tables of `record.rs`.

use stook_kernel::{AwaitedRecord, ChainDepth, Delivery, Follows, Keep, Received};

use super::{Row, walk};

/// How many requests were not raised yet.
type State = u8;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    Request,
    Raised(AwaitedRecord),
    Resumed,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Answer {
    Keep(Keep),
    Delivery(Delivery),
    Lost(bool),
}

const STATES: [State; 4] = [0, 1, 7, 8];

const NO_RECORD: Event = Event::Raised(AwaitedRecord::NoRecord);
const FOLLOWS: Event = Event::Raised(AwaitedRecord::FollowsFromOwn);
const FOREIGN: Event = Event::Raised(AwaitedRecord::Foreign);

const EVENTS: [Event; 5] = [Event::Request, NO_RECORD, FOLLOWS, FOREIGN, Event::Resumed];

const APPEND: Answer = Answer::Keep(Keep::Append);
const REPLACE_LAST: Answer = Answer::Keep(Keep::ReplaceLast);
const OWN: Answer = Answer::Delivery(Delivery::Own);
const BOTH: Answer = Answer::Delivery(Delivery::AwaitedAndOwn);

const TABLE: &[Row<State, Event, Answer>] = &[
    (0, Event::Request, 1, APPEND),
    (1, Event::Request, 2, APPEND),
    (7, Event::Request, 8, APPEND),
    (8, Event::Request, 8, REPLACE_LAST),
    (0, NO_RECORD, 0, Answer::Delivery(Delivery::Unknown)),
    (1, NO_RECORD, 0, OWN),
    (7, NO_RECORD, 0, OWN),
    (8, NO_RECORD, 0, OWN),
    (0, FOLLOWS, 0, Answer::Delivery(Delivery::AwaitedForOwn)),
    (1, FOLLOWS, 0, OWN),
    (7, FOLLOWS, 0, OWN),
    (8, FOLLOWS, 0, OWN),
    (0, FOREIGN, 0, Answer::Delivery(Delivery::Awaited)),
    (1, FOREIGN, 0, BOTH),
    (7, FOREIGN, 0, BOTH),
    (8, FOREIGN, 0, BOTH),
    (0, Event::Resumed, 0, Answer::Lost(false)),
    (1, Event::Resumed, 0, Answer::Lost(true)),
    (7, Event::Resumed, 0, Answer::Lost(true)),
    (8, Event::Resumed, 0, Answer::Lost(true)),
];

#[test]
fn requests_received_follow_their_table() {
    walk(&STATES, &EVENTS, TABLE, |pending, event| {
        let mut received = Received::new();
        for _ in 0..pending {
            let _ = received.request();
        }
        let answer = match event {
            Event::Request => Answer::Keep(received.request()),
            Event::Raised(awaited) => Answer::Delivery(received.raised(awaited)),
            Event::Resumed => Answer::Lost(received.resumed()),
        };
        (received.pending(), answer)
    });
}

#[test]
fn a_cancellation_is_mine_when_i_was_asked() {
    let mine: Vec<_> = [
        Delivery::Unknown,
        Delivery::Own,
        Delivery::Awaited,
        Delivery::AwaitedForOwn,
        Delivery::AwaitedAndOwn,
    ]
    .into_iter()
    .map(Delivery::is_mine)
    .collect();
    assert_eq!(mine, [false, true, false, true, true]);
}

#[test]
fn a_chain_grows_to_its_length_and_begins_at_its_first_record_again() {
    let mut depth = ChainDepth::FIRST;
    let mut depths = Vec::new();
    for _ in 0..100 {
        depths.push(depth.number());
        depth = match depth.follow() {
            Follows::Cause(next) => next,
            Follows::First(next) => {
                assert_eq!(depth, ChainDepth::MOST);
                next
            }
        };
    }
    assert_eq!(depths[..32], (0..32).collect::<Vec<_>>()[..]);
    assert_eq!(depths[32], 1);
    assert_eq!(depths.iter().max(), Some(&31));
}

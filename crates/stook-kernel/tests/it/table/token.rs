//! The tables of `token.rs`.

use stook_kernel::{
    AllFired, Fired, Firing, FiringStep, Followed, Registered, TokenPhase, TokenSource,
};

use super::{Row, walk};

/// The phase, and how many keys were given.
type State = (TokenPhase, u64);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    Fire,
    Register,
    Follow(TokenPhase),
    Close,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Answer {
    Fired(Fired),
    Keep(u64),
    TellNow,
    Never,
    Followed(Followed),
    GivesUp(bool),
}

const LIVE: State = (TokenPhase::Live, 0);
const LATER: State = (TokenPhase::Live, 7);
const FIRED: State = (TokenPhase::Fired, 7);
const CLOSED: State = (TokenPhase::Closed, 7);

const STATES: [State; 4] = [LIVE, LATER, FIRED, CLOSED];

const JOIN: Event = Event::Follow(TokenPhase::Live);
const AFTER: Event = Event::Follow(TokenPhase::Fired);
const OF_CLOSED: Event = Event::Follow(TokenPhase::Closed);

const EVENTS: [Event; 6] = [
    Event::Fire,
    Event::Register,
    JOIN,
    AFTER,
    OF_CLOSED,
    Event::Close,
];

const PASS: Answer = Answer::Followed(Followed::Pass);
const FIRE_NOW: Answer = Answer::Followed(Followed::FireNow);

const TABLE: &[Row<State, Event, Answer>] = &[
    (
        LIVE,
        Event::Fire,
        (TokenPhase::Fired, 0),
        Answer::Fired(Fired::First),
    ),
    (LATER, Event::Fire, FIRED, Answer::Fired(Fired::First)),
    (FIRED, Event::Fire, FIRED, Answer::Fired(Fired::Again)),
    (CLOSED, Event::Fire, CLOSED, Answer::Fired(Fired::Refused)),
    (
        LIVE,
        Event::Register,
        (TokenPhase::Live, 1),
        Answer::Keep(0),
    ),
    (
        LATER,
        Event::Register,
        (TokenPhase::Live, 8),
        Answer::Keep(7),
    ),
    (FIRED, Event::Register, FIRED, Answer::TellNow),
    (CLOSED, Event::Register, CLOSED, Answer::Never),
    (LIVE, JOIN, LIVE, Answer::Followed(Followed::Join)),
    (LATER, JOIN, LATER, Answer::Followed(Followed::Join)),
    (FIRED, JOIN, FIRED, PASS),
    (CLOSED, JOIN, CLOSED, PASS),
    (LIVE, AFTER, (TokenPhase::Fired, 0), FIRE_NOW),
    (LATER, AFTER, FIRED, FIRE_NOW),
    (FIRED, AFTER, FIRED, PASS),
    (CLOSED, AFTER, CLOSED, PASS),
    (LIVE, OF_CLOSED, LIVE, PASS),
    (LATER, OF_CLOSED, LATER, PASS),
    (FIRED, OF_CLOSED, FIRED, PASS),
    (CLOSED, OF_CLOSED, CLOSED, PASS),
    (
        LIVE,
        Event::Close,
        (TokenPhase::Closed, 0),
        Answer::GivesUp(true),
    ),
    (LATER, Event::Close, CLOSED, Answer::GivesUp(true)),
    (FIRED, Event::Close, FIRED, Answer::GivesUp(false)),
    (CLOSED, Event::Close, CLOSED, Answer::GivesUp(false)),
];

#[test]
fn sources_follow_their_table() {
    walk(&STATES, &EVENTS, TABLE, |(phase, keys), event| {
        let mut source = TokenSource::new();
        for _ in 0..keys {
            let _ = source.register();
        }
        match phase {
            TokenPhase::Live => {}
            TokenPhase::Fired => assert_eq!(source.fire(), Fired::First),
            TokenPhase::Closed => assert!(source.close()),
        }
        let answer = match event {
            Event::Fire => Answer::Fired(source.fire()),
            Event::Register => match source.register() {
                Registered::Keep(key) => Answer::Keep(key.number()),
                Registered::TellNow => Answer::TellNow,
                Registered::Never => Answer::Never,
            },
            Event::Follow(other) => Answer::Followed(source.follow(other)),
            Event::Close => Answer::GivesUp(source.close()),
        };
        ((source.phase(), source.keys()), answer)
    });
}

/// Sources that are marked, were asked for followers, and were told.
type Progress = (usize, usize, usize);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Move {
    Next,
    Marked,
}

const PROGRESSES: [Progress; 6] = [
    (1, 0, 0),
    (2, 1, 0),
    (1, 1, 0),
    (2, 2, 1),
    (1, 1, 1),
    (2, 1, 1),
];

const FIRING: &[Row<Progress, Move, Option<FiringStep>>] = &[
    (
        (1, 0, 0),
        Move::Next,
        (1, 1, 0),
        Some(FiringStep::MarkFollowers(0)),
    ),
    (
        (2, 1, 0),
        Move::Next,
        (2, 2, 0),
        Some(FiringStep::MarkFollowers(1)),
    ),
    ((1, 1, 0), Move::Next, (1, 1, 1), Some(FiringStep::Tell(0))),
    ((2, 2, 1), Move::Next, (2, 2, 2), Some(FiringStep::Tell(1))),
    ((1, 1, 1), Move::Next, (1, 1, 1), Some(FiringStep::Over)),
    (
        (2, 1, 1),
        Move::Next,
        (2, 2, 1),
        Some(FiringStep::MarkFollowers(1)),
    ),
    ((1, 0, 0), Move::Marked, (2, 0, 0), None),
    ((2, 1, 0), Move::Marked, (3, 1, 0), None),
    ((1, 1, 0), Move::Marked, (2, 1, 0), None),
    ((2, 2, 1), Move::Marked, (3, 2, 1), None),
    ((1, 1, 1), Move::Marked, (2, 1, 1), None),
    ((2, 1, 1), Move::Marked, (3, 1, 1), None),
];

/// A firing that has come so far.
fn at((marked, looked_at, told): Progress) -> Firing {
    let mut firing = Firing::new();
    // What is marked after something was told is asked for followers then.
    let late = usize::from(looked_at < marked && told > 0);
    for _ in 1..marked - late {
        firing.marked();
    }
    for _ in 0..looked_at + told {
        let _ = firing.next();
    }
    for _ in 0..late {
        firing.marked();
    }
    assert_eq!(firing.progress(), (marked, looked_at, told));
    firing
}

#[test]
fn firings_follow_their_table() {
    walk(
        &PROGRESSES,
        &[Move::Next, Move::Marked],
        FIRING,
        |progress, event| {
            let mut firing = at(progress);
            let answer = match event {
                Move::Next => Some(firing.next()),
                Move::Marked => {
                    firing.marked();
                    None
                }
            };
            (firing.progress(), answer)
        },
    );
}

/// How many are missing, before and after one has fired, and the answer.
const ALL_FIRED: &[(usize, usize, bool)] = &[
    (0, 0, false),
    (1, 0, true),
    (2, 1, false),
    (usize::MAX, usize::MAX - 1, false),
];

#[test]
fn what_fires_with_the_last_follows_its_table() {
    for &(missing, left, answer) in ALL_FIRED {
        let mut all = AllFired::new(missing);
        assert_eq!(all.missing(), missing);
        assert_eq!((all.fired(), all.missing()), (answer, left), "{missing}");
    }
}

//! `Standing`, as in the header of `standing.rs`.

use stook_kernel::{Standing, Survived, TaskEnd, Withdrawn};

use super::walk;

/// Requests of this step, requests of earlier ones.
type Counts = (u8, u8);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    RaisedNone,
    RaisedTwo,
    RaisedTooMany,
    Survived,
    SurvivedOne,
    Withdraw,
    WithdrawKept,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Answer {
    None,
    Survived(Survived),
    Withdrawn(Withdrawn),
}

const fn survived(forgotten: u8, new: u8) -> Answer {
    Answer::Survived(Survived { forgotten, new })
}

/// As many as there may be.
const MANY: u32 = u32::MAX;

/// A machine with these counts.
fn standing((fresh, kept): Counts) -> Standing {
    let mut standing = Standing::new();
    standing.raised(kept);
    let survived = standing.survived(MANY);
    assert_eq!((survived.forgotten, survived.new), (0, kept));
    standing.raised(fresh);
    standing
}

#[test]
fn every_event_in_every_state() {
    use Answer::{None, Withdrawn as Took};
    use Event::{RaisedNone, RaisedTooMany, RaisedTwo, SurvivedOne, Withdraw, WithdrawKept};
    use Withdrawn::{Fresh, Kept, Nothing};
    let states = [(0, 0), (2, 0), (0, 3), (2, 3), (2, 8)];
    let events = [
        RaisedNone,
        RaisedTwo,
        RaisedTooMany,
        Event::Survived,
        SurvivedOne,
        Withdraw,
        WithdrawKept,
    ];
    walk(
        &states,
        &events,
        &[
            ((0, 0), RaisedNone, (0, 0), None),
            ((0, 0), RaisedTwo, (2, 0), None),
            ((0, 0), RaisedTooMany, (8, 0), None),
            ((0, 0), Event::Survived, (0, 0), survived(0, 0)),
            ((0, 0), SurvivedOne, (0, 0), survived(0, 0)),
            ((0, 0), Withdraw, (0, 0), Took(Nothing)),
            ((0, 0), WithdrawKept, (0, 0), Took(Nothing)),
            ((2, 0), RaisedNone, (0, 0), None),
            ((2, 0), RaisedTwo, (2, 0), None),
            ((2, 0), RaisedTooMany, (8, 0), None),
            ((2, 0), Event::Survived, (0, 2), survived(0, 2)),
            ((2, 0), SurvivedOne, (0, 1), survived(0, 1)),
            ((2, 0), Withdraw, (1, 0), Took(Fresh)),
            ((2, 0), WithdrawKept, (1, 0), Took(Fresh)),
            ((0, 3), RaisedNone, (0, 3), None),
            ((0, 3), RaisedTwo, (2, 3), None),
            ((0, 3), RaisedTooMany, (8, 3), None),
            ((0, 3), Event::Survived, (0, 3), survived(0, 0)),
            ((0, 3), SurvivedOne, (0, 3), survived(0, 0)),
            ((0, 3), Withdraw, (0, 2), Took(Kept)),
            ((0, 3), WithdrawKept, (0, 2), Took(Kept)),
            ((2, 3), RaisedNone, (0, 3), None),
            ((2, 3), RaisedTwo, (2, 3), None),
            ((2, 3), RaisedTooMany, (8, 3), None),
            ((2, 3), Event::Survived, (0, 5), survived(0, 2)),
            ((2, 3), SurvivedOne, (0, 3), survived(0, 0)),
            ((2, 3), Withdraw, (1, 3), Took(Fresh)),
            ((2, 3), WithdrawKept, (2, 2), Took(Kept)),
            ((2, 8), RaisedNone, (0, 8), None),
            ((2, 8), RaisedTwo, (2, 8), None),
            ((2, 8), RaisedTooMany, (8, 8), None),
            ((2, 8), Event::Survived, (0, 8), survived(2, 2)),
            ((2, 8), SurvivedOne, (0, 8), survived(0, 0)),
            ((2, 8), Withdraw, (1, 8), Took(Fresh)),
            ((2, 8), WithdrawKept, (2, 7), Took(Kept)),
        ],
        |state, event| {
            let mut standing = standing(state);
            let answer = match event {
                RaisedNone => {
                    standing.raised(0);
                    None
                }
                RaisedTwo => {
                    standing.raised(2);
                    None
                }
                RaisedTooMany => {
                    standing.raised(u8::MAX);
                    None
                }
                Event::Survived => Answer::Survived(standing.survived(MANY)),
                SurvivedOne => Answer::Survived(standing.survived(1)),
                Withdraw => Took(standing.withdraw(false)),
                WithdrawKept => Took(standing.withdraw(true)),
            };
            ((standing.fresh(), standing.kept()), answer)
        },
    );
}

#[test]
fn only_what_was_survived_is_swallowed_and_only_by_an_end_of_its_own() {
    let ends = [
        (TaskEnd::Cancelled, false),
        (TaskEnd::RaisedInAnswer, false),
        (TaskEnd::Raised, true),
        (TaskEnd::Returned, true),
    ];
    for (end, swallows) in ends {
        assert!(!standing((0, 0)).has_swallowed(end));
        assert!(!standing((1, 0)).has_swallowed(end));
        assert_eq!(standing((0, 1)).has_swallowed(end), swallows);
    }
}

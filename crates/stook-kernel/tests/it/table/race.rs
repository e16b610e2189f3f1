//! The table of `race.rs`.

use stook_kernel::{AfterRace, Decider, Losers, Outcome, Race, RaceAction};

/// How a race got to where it is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    Returned,
    Raised,
    Resumed,
    Interrupted,
    LetGo(usize),
    Abandon,
    Holds,
    HoldsOnceAsked,
    Asked,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Answer {
    Action(RaceAction),
    After(AfterRace),
    Says(bool),
    MaySay(Option<bool>),
}

const KEEP: Answer = Answer::Action(RaceAction::KeepWaiting);
const DECIDE: Answer = Answer::Action(RaceAction::Decide);
const RELEASE: Answer = Answer::Action(RaceAction::Release);
const CANCEL: Answer = Answer::After(AfterRace::CancelAndWait);
const WAIT: Answer = Answer::After(AfterRace::Wait);
const FINISH: Answer = Answer::After(AfterRace::Finish);
const YES: Answer = Answer::Says(true);
const NO: Answer = Answer::Says(false);

use Event::{Abandon, Asked, Holds, HoldsOnceAsked, Interrupted, LetGo, Raised, Resumed, Returned};

fn answers(children: usize, decider: Decider, losers: Losers, events: &[(Event, Answer, usize)]) {
    let mut race = Race::new(children, decider, losers);
    for (index, &(event, expected, left)) in events.iter().enumerate() {
        let answer = match event {
            Returned => Answer::Action(race.child_done(Outcome::Returned)),
            Raised => Answer::Action(race.child_done(Outcome::Raised)),
            Resumed => Answer::After(race.resumed()),
            Interrupted => Answer::After(race.interrupted()),
            LetGo(children) => Answer::After(race.let_go(children)),
            Abandon => Answer::Says(race.abandon()),
            Holds => Answer::Says(race.holds(false)),
            HoldsOnceAsked => Answer::Says(race.holds(true)),
            Asked => Answer::MaySay(race.asked()),
        };
        assert_eq!((answer, race.left()), (expected, left), "event {index}");
    }
}

#[test]
fn the_first_to_end_decides_and_the_others_end() {
    let events = [
        (Resumed, WAIT, 3),
        (Raised, DECIDE, 2),
        (Returned, KEEP, 1),
        (Resumed, CANCEL, 1),
        (Resumed, WAIT, 1),
        (Returned, RELEASE, 0),
        (Resumed, FINISH, 0),
        (Resumed, FINISH, 0),
        (Interrupted, FINISH, 0),
        (Returned, KEEP, 0),
    ];
    answers(3, Decider::First, Losers::Cancel, &events);
}

#[test]
fn losers_may_be_awaited_and_are_asked_when_who_waits_is_cancelled() {
    let events = [
        (Returned, DECIDE, 2),
        (Resumed, WAIT, 2),
        (Interrupted, CANCEL, 2),
        (Interrupted, WAIT, 2),
        (Returned, KEEP, 1),
        (Raised, RELEASE, 0),
        (Interrupted, FINISH, 0),
    ];
    answers(3, Decider::First, Losers::Await, &events);
}

#[test]
fn losers_may_be_left() {
    let events = [
        (Returned, DECIDE, 1),
        (Resumed, FINISH, 1),
        (Returned, KEEP, 0),
    ];
    answers(2, Decider::First, Losers::Leave, &events);
    answers(
        2,
        Decider::First,
        Losers::Leave,
        &[(Interrupted, FINISH, 2), (Returned, KEEP, 1)],
    );
}

#[test]
fn a_success_is_waited_for_and_none_is_an_end_too() {
    let one = [
        (Raised, KEEP, 1),
        (Returned, DECIDE, 0),
        (Resumed, FINISH, 0),
    ];
    answers(2, Decider::Success, Losers::Cancel, &one);
    let none = [
        (Raised, KEEP, 1),
        (Raised, RELEASE, 0),
        (Resumed, FINISH, 0),
    ];
    answers(2, Decider::Success, Losers::Cancel, &none);
}

#[test]
fn all_are_waited_for_unless_one_fails() {
    let all = [
        (Returned, KEEP, 1),
        (Returned, RELEASE, 0),
        (Resumed, FINISH, 0),
    ];
    answers(2, Decider::Failure, Losers::Cancel, &all);
    let one = [
        (Returned, KEEP, 2),
        (Raised, DECIDE, 1),
        (Resumed, CANCEL, 1),
        (Raised, RELEASE, 0),
        (Resumed, FINISH, 0),
    ];
    answers(3, Decider::Failure, Losers::Cancel, &one);
}

#[test]
fn who_is_cancelled_waits_for_the_end_of_all() {
    let events = [
        (Interrupted, CANCEL, 2),
        (Interrupted, WAIT, 2),
        (Raised, KEEP, 1),
        (Raised, RELEASE, 0),
        (Resumed, FINISH, 0),
    ];
    answers(2, Decider::First, Losers::Cancel, &events);
    let late = [
        (Returned, DECIDE, 1),
        (Interrupted, CANCEL, 1),
        (Raised, RELEASE, 0),
    ];
    answers(2, Decider::First, Losers::Cancel, &late);
    let at_the_end = [(Returned, DECIDE, 0), (Interrupted, FINISH, 0)];
    answers(1, Decider::First, Losers::Cancel, &at_the_end);
}

#[test]
fn what_waits_for_who_waits_is_let_go() {
    let all = [
        (LetGo(1), WAIT, 3),
        (Interrupted, CANCEL, 3),
        (LetGo(1), WAIT, 2),
        (Returned, KEEP, 1),
        (LetGo(1), FINISH, 0),
        (LetGo(1), FINISH, 0),
        (Returned, KEEP, 0),
    ];
    answers(3, Decider::First, Losers::Cancel, &all);
    let one = [
        (Returned, DECIDE, 2),
        (LetGo(1), WAIT, 2),
        (Resumed, WAIT, 2),
        (LetGo(1), WAIT, 1),
        (Raised, RELEASE, 0),
        (Resumed, FINISH, 0),
    ];
    answers(3, Decider::First, Losers::Await, &one);
}

#[test]
fn who_waits_holds_out_until_the_losers_have_ended() {
    let cancelled = [
        (Holds, NO, 2),
        (HoldsOnceAsked, YES, 2),
        (Interrupted, CANCEL, 2),
        (Holds, YES, 2),
        (Raised, KEEP, 1),
        (Raised, RELEASE, 0),
        (Resumed, FINISH, 0),
        (Holds, NO, 0),
        (HoldsOnceAsked, NO, 0),
    ];
    answers(2, Decider::First, Losers::Cancel, &cancelled);
    let decided = [(Returned, DECIDE, 1), (Holds, YES, 1), (Resumed, WAIT, 1)];
    answers(2, Decider::First, Losers::Await, &decided);
    let left = [
        (HoldsOnceAsked, NO, 2),
        (Returned, DECIDE, 1),
        (HoldsOnceAsked, NO, 1),
    ];
    answers(2, Decider::First, Losers::Leave, &left);
}

#[test]
fn whether_the_losers_were_asked_is_known_while_they_are_waited_for() {
    const UNKNOWN: Answer = Answer::MaySay(None);
    let awaited = [
        (Asked, UNKNOWN, 2),
        (Returned, DECIDE, 1),
        (Asked, UNKNOWN, 1),
        (Resumed, WAIT, 1),
        (Asked, Answer::MaySay(Some(false)), 1),
        (Interrupted, CANCEL, 1),
        (Asked, Answer::MaySay(Some(true)), 1),
        (Returned, RELEASE, 0),
        (Resumed, FINISH, 0),
        (Asked, UNKNOWN, 0),
    ];
    answers(2, Decider::First, Losers::Await, &awaited);
}

#[test]
fn what_is_abandoned_is_asked_once() {
    for losers in [Losers::Cancel, Losers::Await] {
        let begun = [(Abandon, YES, 2), (Abandon, NO, 2), (Resumed, FINISH, 2)];
        answers(2, Decider::First, losers, &begun);
        let decided = [(Returned, DECIDE, 1), (Abandon, YES, 1)];
        answers(2, Decider::First, losers, &decided);
        let asked = [(Interrupted, CANCEL, 2), (Abandon, NO, 2)];
        answers(2, Decider::First, losers, &asked);
    }
    let awaited = [(Returned, DECIDE, 1), (Resumed, WAIT, 1), (Abandon, YES, 1)];
    answers(2, Decider::First, Losers::Await, &awaited);
    answers(2, Decider::First, Losers::Leave, &[(Abandon, NO, 2)]);
    let over = [
        (Returned, DECIDE, 0),
        (Resumed, FINISH, 0),
        (Abandon, NO, 0),
    ];
    answers(1, Decider::First, Losers::Cancel, &over);
}

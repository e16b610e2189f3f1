//! `race.rs` against a model that looks at the whole history.

use stook_kernel::{AfterRace, Decider, Losers, Outcome, Race, RaceAction};

use super::possible_histories;

const CHILDREN: usize = 3;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    Child(Outcome),
    Resumed,
    Interrupted,
}

const EVENTS: [Event; 5] = [
    Event::Child(Outcome::Returned),
    Event::Child(Outcome::Raised),
    Event::Child(Outcome::Cancelled),
    Event::Resumed,
    Event::Interrupted,
];

fn decides(decider: Decider, event: &Event) -> bool {
    match (decider, event) {
        (Decider::First, Event::Child(_)) => true,
        (Decider::Success, Event::Child(outcome)) => *outcome == Outcome::Returned,
        (Decider::Failure, Event::Child(outcome)) => *outcome != Outcome::Returned,
        _ => false,
    }
}

fn ended(history: &[Event]) -> usize {
    let is_child = |event: &&Event| matches!(event, Event::Child(_));
    history.iter().filter(is_child).count()
}

/// Where the race was decided, or all had ended, or who waits was cancelled before.
fn turning_point(history: &[Event], decider: Decider) -> Option<usize> {
    (0..history.len()).find(|&index| {
        decides(decider, &history[index])
            || history[index] == Event::Interrupted
            || ended(&history[..=index]) == CHILDREN
    })
}

/// Whether the race was over before the last event of `history`.
fn was_over(history: &[Event], decider: Decider, losers: Losers) -> bool {
    (0..history.len().saturating_sub(1)).any(|index| {
        let before = &history[..=index];
        let looked = matches!(history[index], Event::Resumed | Event::Interrupted);
        let interrupted = history[index] == Event::Interrupted;
        let turned = turning_point(before, decider).is_some();
        looked && turned && (ended(before) == CHILDREN || losers == Losers::Leave)
            || interrupted && losers == Losers::Leave
    })
}

/// Whether the others were asked to cancel before the last event of `history`.
fn were_asked(history: &[Event], decider: Decider, losers: Losers) -> bool {
    (0..history.len().saturating_sub(1)).any(|index| {
        let before = &history[..=index];
        match history[index] {
            Event::Interrupted => true,
            Event::Resumed => turning_point(before, decider).is_some() && losers == Losers::Cancel,
            Event::Child(_) => false,
        }
    })
}

fn expected_after(history: &[Event], decider: Decider, losers: Losers) -> AfterRace {
    if was_over(history, decider, losers) {
        return AfterRace::Finish;
    }
    let interrupted = history.last() == Some(&Event::Interrupted);
    if turning_point(history, decider).is_none() {
        return AfterRace::Wait;
    }
    if ended(history) == CHILDREN || losers == Losers::Leave {
        return AfterRace::Finish;
    }
    let asks = interrupted || losers == Losers::Cancel;
    if asks && !were_asked(history, decider, losers) {
        AfterRace::CancelAndWait
    } else {
        AfterRace::Wait
    }
}

#[test]
fn every_history_of_three_children_ends_as_it_should() {
    let may_follow = |history: &[Event], event: Event| {
        !matches!(event, Event::Child(_)) || ended(history) < CHILDREN
    };
    for decider in [Decider::First, Decider::Success, Decider::Failure] {
        for losers in [Losers::Cancel, Losers::Await, Losers::Leave] {
            possible_histories(&EVENTS, 5, &may_follow, &mut |history| {
                let mut race = Race::new(CHILDREN, decider, losers);
                for index in 0..history.len() {
                    let so_far = &history[..=index];
                    match history[index] {
                        Event::Child(outcome) => {
                            let action = race.child_done(outcome);
                            let is_first = turning_point(so_far, decider) == Some(index);
                            let decides_now = is_first && decides(decider, &history[index]);
                            assert_eq!(action == RaceAction::Decide, decides_now, "{so_far:?}");
                        }
                        Event::Resumed => assert_eq!(
                            race.resumed(),
                            expected_after(so_far, decider, losers),
                            "{so_far:?}, {decider:?}, {losers:?}"
                        ),
                        Event::Interrupted => assert_eq!(
                            race.interrupted(),
                            expected_after(so_far, decider, losers),
                            "{so_far:?}, {decider:?}, {losers:?}"
                        ),
                    }
                    assert_eq!(race.left(), CHILDREN - ended(so_far));
                }
            });
        }
    }
}

//! The table of `wait.rs`.

use stook_kernel::{Outcome, ReturnWhen, Wait, WaitAction};

use ReturnWhen::{AllCompleted, FirstCompleted, FirstException};
use WaitAction::{KeepWaiting, Release};
use Waiter::{Cancelled, Released, Waiting};

use super::{Row, walk};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Waiter {
    Waiting,
    Released,
    Cancelled,
}

/// The waiter, and the children still out.
type State = (Waiter, usize);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    Child(Outcome),
    TimedOut,
    Cancelled,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Answer {
    Action(WaitAction),
    Accepted(bool),
}

const WAITERS: [Waiter; 3] = [Waiting, Released, Cancelled];

const CHILDREN: [Event; 3] = [
    Event::Child(Outcome::Returned),
    Event::Child(Outcome::Raised),
    Event::Child(Outcome::Cancelled),
];

const EVENTS: [Event; 5] = [
    CHILDREN[0],
    CHILDREN[1],
    CHILDREN[2],
    Event::TimedOut,
    Event::Cancelled,
];

/// While waiting, by children still out: the answers to a child that returned, raised, was
/// cancelled. With no child out nothing more can be reported; a report then is like the last.
type Enough = [(usize, [WaitAction; 3]); 4];

const ENOUGH_FOR_FIRST_COMPLETED: Enough = [
    (3, [Release, Release, Release]),
    (2, [Release, Release, Release]),
    (1, [Release, Release, Release]),
    (0, [Release, Release, Release]),
];

const ENOUGH_FOR_FIRST_EXCEPTION: Enough = [
    (3, [KeepWaiting, Release, KeepWaiting]),
    (2, [KeepWaiting, Release, KeepWaiting]),
    (1, [Release, Release, Release]),
    (0, [Release, Release, Release]),
];

const ENOUGH_FOR_ALL_COMPLETED: Enough = [
    (3, [KeepWaiting, KeepWaiting, KeepWaiting]),
    (2, [KeepWaiting, KeepWaiting, KeepWaiting]),
    (1, [Release, Release, Release]),
    (0, [Release, Release, Release]),
];

#[test]
fn the_first_child_ends_a_wait_for_the_first_completed() {
    walk_wait(FirstCompleted, ENOUGH_FOR_FIRST_COMPLETED);
}

#[test]
fn a_raising_or_the_last_child_ends_a_wait_for_the_first_exception() {
    walk_wait(FirstException, ENOUGH_FOR_FIRST_EXCEPTION);
}

#[test]
fn the_last_child_ends_a_wait_for_all_completed() {
    walk_wait(AllCompleted, ENOUGH_FOR_ALL_COMPLETED);
}

#[test]
fn only_first_exception_looks_at_children_and_not_at_the_last() {
    let looks = |when| [3, 2, 1, 0].map(|count| Wait::new(count, when).examines_next_child());
    assert_eq!(looks(FirstCompleted), [false, false, false, false]);
    assert_eq!(looks(FirstException), [true, true, false, false]);
    assert_eq!(looks(AllCompleted), [false, false, false, false]);
    assert_eq!(ReturnWhen::default(), AllCompleted);

    let mut cancelled = Wait::new(2, FirstException);
    assert!(cancelled.cancelled());
    assert!(
        cancelled.examines_next_child(),
        "it looks even after the end"
    );
}

/// Walks the rows that `enough` gives for a waiting waiter, and those that are the same for all.
fn walk_wait(when: ReturnWhen, enough: Enough) {
    let mut states: Vec<State> = Vec::new();
    let mut table: Vec<Row<State, Event, Answer>> = Vec::new();
    for (remaining, actions) in enough {
        states.extend(WAITERS.map(|waiter| (waiter, remaining)));
        let fewer = remaining.saturating_sub(1);
        for (event, action) in CHILDREN.into_iter().zip(actions) {
            let next = if action == Release { Released } else { Waiting };
            table.push((
                (Waiting, remaining),
                event,
                (next, fewer),
                Answer::Action(action),
            ));
        }
        for over in [Released, Cancelled] {
            for event in CHILDREN {
                let ignored = Answer::Action(KeepWaiting);
                table.push(((over, remaining), event, (over, fewer), ignored));
            }
        }
        table.extend([
            (
                (Waiting, remaining),
                Event::TimedOut,
                (Released, remaining),
                Answer::Action(Release),
            ),
            (
                (Waiting, remaining),
                Event::Cancelled,
                (Cancelled, remaining),
                ACCEPTED,
            ),
            (
                (Released, remaining),
                Event::TimedOut,
                (Released, remaining),
                IGNORED,
            ),
            (
                (Released, remaining),
                Event::Cancelled,
                (Released, remaining),
                REFUSED,
            ),
            (
                (Cancelled, remaining),
                Event::TimedOut,
                (Cancelled, remaining),
                IGNORED,
            ),
            (
                (Cancelled, remaining),
                Event::Cancelled,
                (Cancelled, remaining),
                REFUSED,
            ),
        ]);
    }

    walk(&states, &EVENTS, &table, |state, event| {
        let mut wait = build(when, state);
        let answer = match event {
            Event::Child(outcome) => Answer::Action(wait.child_done(outcome)),
            Event::TimedOut => Answer::Action(wait.timed_out()),
            Event::Cancelled => Answer::Accepted(wait.cancelled()),
        };
        let found = WAITERS
            .into_iter()
            .map(|waiter| (waiter, wait.remaining()))
            .find(|&found| build(when, found) == wait)
            .expect("one of the three");
        (found, answer)
    });
}

const ACCEPTED: Answer = Answer::Accepted(true);
const REFUSED: Answer = Answer::Accepted(false);
const IGNORED: Answer = Answer::Action(KeepWaiting);

/// A wait in the given state, by the shortest way.
fn build(when: ReturnWhen, (waiter, remaining): State) -> Wait {
    let mut wait = Wait::new(remaining, when);
    match waiter {
        Waiting => {}
        Released => assert_eq!(wait.timed_out(), Release),
        Cancelled => assert!(wait.cancelled()),
    }
    assert_eq!(
        (wait.is_waiting(), wait.remaining()),
        (waiter == Waiting, remaining)
    );
    wait
}

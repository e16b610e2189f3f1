//! `Wait` against the history of its children.

use stook_kernel::{Outcome, ReturnWhen, Wait, WaitAction};

use super::{OUTCOMES, histories};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    /// The next child ends.
    Child(Outcome),
    TimedOut,
    Cancelled,
}

#[test]
fn a_wait_ends_once_and_as_its_history_says() {
    let ends = OUTCOMES.map(Event::Child);
    let events = [ends.as_slice(), &[Event::TimedOut, Event::Cancelled]].concat();
    for children in 1..=3 {
        for when in [
            ReturnWhen::FirstCompleted,
            ReturnWhen::FirstException,
            ReturnWhen::AllCompleted,
        ] {
            let mut released = 0;
            histories(&events, 6, |history| {
                if ended(history).count() > children {
                    return;
                }
                let mut wait = Wait::new(children, when);
                for (index, &event) in history.iter().enumerate() {
                    let over_by = (0..=index).find(|&by| is_over(&history[..=by], children, when));
                    let now = over_by == Some(index);
                    let out = children - ended(&history[..index]).count();
                    let looks = when == ReturnWhen::FirstException && out > 1;
                    let told = match event {
                        Event::Child(outcome) => {
                            assert_eq!(wait.examines_next_child(), looks, "{history:?}");
                            wait.child_done(outcome) == WaitAction::Release
                        }
                        Event::TimedOut => wait.timed_out() == WaitAction::Release,
                        Event::Cancelled => wait.cancelled(),
                    };
                    let so_far = &history[..=index];
                    assert_eq!(told, now, "{children} children, {when:?}: {so_far:?}");
                    assert_eq!(wait.is_waiting(), over_by.is_none(), "{so_far:?}");
                    assert_eq!(
                        wait.remaining(),
                        children - ended(so_far).count(),
                        "{so_far:?}"
                    );
                    released += usize::from(now);
                }
            });
            assert!(released > 100, "histories that end no wait test nothing");
        }
    }
}

/// How the children ended, in order.
fn ended(history: &[Event]) -> impl Iterator<Item = Outcome> {
    history.iter().filter_map(|event| match event {
        Event::Child(outcome) => Some(*outcome),
        _ => None,
    })
}

/// Whether the history is enough to end the wait.
fn is_over(history: &[Event], children: usize, when: ReturnWhen) -> bool {
    let done = ended(history).count();
    let enough = match when {
        ReturnWhen::FirstCompleted => done >= 1,
        ReturnWhen::FirstException => ended(history).any(|outcome| outcome == Outcome::Raised),
        ReturnWhen::AllCompleted => false,
    };
    let cut_short = history
        .iter()
        .any(|event| !matches!(event, Event::Child(_)));
    enough || done == children || cut_short
}

//! All short histories, against naive models.
//!
//! A machine is told one event at a time and remembers little. A model here sees the whole history
//! at once, remembers everything, and says in one expression what each event must have been
//! answered: the two have no code and no idea in common. Histories are enumerated, not drawn: the
//! machines are small enough, and a failure is the shortest there is.

mod cancel;
mod gather;
mod race;
mod record;
mod task_group;
mod timeout;
mod token;
mod wait;
mod wait_graph;

use std::collections::VecDeque;

use stook_kernel::Outcome;

const OUTCOMES: [Outcome; 3] = [Outcome::Returned, Outcome::Raised, Outcome::Cancelled];

/// Calls `check` with every sequence of at most `longest` of the `events`, shorter ones first.
fn histories<Event: Copy>(events: &[Event], longest: usize, mut check: impl FnMut(&[Event])) {
    let mut of_this_length: Vec<Vec<Event>> = vec![Vec::new()];
    for length in 0..=longest {
        for history in &of_this_length {
            check(history);
        }
        if length < longest {
            of_this_length = of_this_length
                .iter()
                .flat_map(|history| {
                    events
                        .iter()
                        .map(move |&event| [history.as_slice(), &[event]].concat())
                })
                .collect();
        }
    }
}

/// Calls `check` with every sequence of at most `longest` of the `events` in which each event
/// `may_follow` those before it, shorter ones first.
fn possible_histories<Event: Copy>(
    events: &[Event],
    longest: usize,
    may_follow: &impl Fn(&[Event], Event) -> bool,
    check: &mut impl FnMut(&[Event]),
) {
    let mut unfinished = VecDeque::from([Vec::new()]);
    while let Some(history) = unfinished.pop_front() {
        check(&history);
        if history.len() < longest {
            let next = events.iter().filter(|&&event| may_follow(&history, event));
            unfinished.extend(next.map(|&event| [history.as_slice(), &[event]].concat()));
        }
    }
}

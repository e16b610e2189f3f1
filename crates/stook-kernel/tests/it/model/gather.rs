//! `Gather` against the history of its children.

use stook_kernel::{Gather, GatherAction, Outcome};

use super::{OUTCOMES, histories};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    /// The next child ends.
    Child(Outcome),
    /// The gather is cancelled; a child accepts and goes on, or none is left to.
    Cancel { accepted: bool },
}

#[test]
fn a_gather_is_settled_as_its_history_says() {
    let events = [
        OUTCOMES.map(Event::Child).as_slice(),
        &[
            Event::Cancel { accepted: true },
            Event::Cancel { accepted: false },
        ],
    ]
    .concat();
    for children in 1..=3 {
        for return_exceptions in [false, true] {
            let mut settled = 0;
            histories(&events, 6, |history| {
                if ended(history).count() > children {
                    return;
                }
                let mut gather = Gather::new(children, return_exceptions);
                for (index, &event) in history.iter().enumerate() {
                    let settled_by = (0..=index)
                        .find(|&by| settlement(&history[..=by], children, return_exceptions));
                    let settled_before = settled_by.is_some_and(|by| by < index);
                    let told = perform(&mut gather, event, settled_before);
                    let expected = match (event, settled_by) {
                        (Event::Cancel { .. }, _) => None,
                        (Event::Child(_), Some(by)) if by == index => {
                            Some(settling(&history[..=by], return_exceptions))
                        }
                        (Event::Child(Outcome::Cancelled), _) | (_, None) => {
                            Some(GatherAction::Nothing)
                        }
                        (Event::Child(_), Some(_)) => Some(GatherAction::MarkRetrieved),
                    };
                    assert_eq!(
                        told,
                        expected,
                        "{children} children: {:?}",
                        &history[..=index]
                    );
                    settled += usize::from(settled_by == Some(index));
                }
            });
            assert!(settled > 100, "histories that settle nothing test nothing");
        }
    }
}

/// Sends the event as a face does; the answer to a child's end.
fn perform(gather: &mut Gather, event: Event, settled: bool) -> Option<GatherAction> {
    match event {
        Event::Child(outcome) => Some(gather.child_done(settled, outcome)),
        // A settled gather refuses without asking anybody.
        Event::Cancel { .. } if settled => None,
        Event::Cancel { accepted } => {
            assert_eq!(gather.request_cancel(accepted), accepted);
            None
        }
    }
}

/// How the children ended, in order.
fn ended(history: &[Event]) -> impl Iterator<Item = Outcome> {
    history.iter().filter_map(|event| match event {
        Event::Child(outcome) => Some(*outcome),
        Event::Cancel { .. } => None,
    })
}

/// Whether the history is enough to settle the outer future.
fn settlement(history: &[Event], children: usize, return_exceptions: bool) -> bool {
    let failed = ended(history).any(|outcome| outcome != Outcome::Returned);
    ended(history).count() == children || (failed && !return_exceptions)
}

/// What settles it, given a history that has just become enough.
fn settling(history: &[Event], return_exceptions: bool) -> GatherAction {
    match ended(history).last() {
        Some(Outcome::Raised) if !return_exceptions => GatherAction::FailWithChild,
        Some(Outcome::Cancelled) if !return_exceptions => GatherAction::CancelWithChild,
        _ if history.contains(&Event::Cancel { accepted: true }) => GatherAction::CollectCancelled,
        _ => GatherAction::Collect,
    }
}

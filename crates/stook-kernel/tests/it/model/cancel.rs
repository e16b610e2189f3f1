//! `CancelRequests` against the history of one task.

use stook_kernel::{CancelRequests, Outcome, Requested, Suspended, WithdrawRule};

use super::histories;

/// What can happen to a task; the awaited object answers when it is asked.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    /// A request while the task runs or is in the ready queue.
    RequestedAwake,
    /// A request while it waits for an object that accepts, or refuses.
    RequestedAsleep { accepts: bool },
    /// A step begins.
    StepBegins,
    /// The step awaits an object that accepts, or refuses, if it is asked.
    StepAwaits { accepts: bool },
    /// The step returns, and the task with it.
    StepReturns,
    /// Somebody takes a request back.
    Withdrawn,
}

const EVENTS: [Event; 8] = [
    Event::RequestedAwake,
    Event::RequestedAsleep { accepts: true },
    Event::RequestedAsleep { accepts: false },
    Event::StepBegins,
    Event::StepAwaits { accepts: true },
    Event::StepAwaits { accepts: false },
    Event::StepReturns,
    Event::Withdrawn,
];

#[test]
fn requests_stand_and_are_due_as_their_history_says() {
    for rule in [WithdrawRule::KeepDue, WithdrawRule::ClearDueAtZero] {
        let mut count = 0;
        histories(&EVENTS, 5, |history| {
            let mut requests = CancelRequests::new();
            for (index, &event) in history.iter().enumerate() {
                let was_due = is_due(&history[..index], rule);
                perform(&mut requests, event, was_due, rule);
                let told = (requests.pending(), requests.is_due());
                let so_far = &history[..=index];
                assert_eq!(
                    told,
                    (standing(so_far), is_due(so_far, rule)),
                    "{so_far:?}, {rule:?}"
                );
            }
            count += 1;
        });
        assert_eq!(count, 8_usize.pow(6) / 7, "1 + 8 + … + 8⁵ histories");
    }
}

/// Sends the event as a face does, and checks the answers.
fn perform(requests: &mut CancelRequests, event: Event, was_due: bool, rule: WithdrawRule) {
    match event {
        Event::RequestedAwake => assert_eq!(requests.request(false), Requested::AtNextStep),
        Event::RequestedAsleep { accepts } => {
            assert_eq!(requests.request(true), Requested::ForwardToAwaited);
            if !accepts {
                requests.forward_refused();
            }
        }
        Event::StepBegins => assert_eq!(requests.take_due(), was_due),
        Event::StepAwaits { accepts } => match requests.suspended() {
            Suspended::Wait => assert!(!was_due),
            Suspended::ForwardDue => {
                assert!(was_due);
                if accepts {
                    requests.due_accepted();
                }
            }
        },
        Event::StepReturns => {
            let outcome = if was_due {
                Outcome::Cancelled
            } else {
                Outcome::Returned
            };
            assert_eq!(requests.returned(), outcome);
        }
        Event::Withdrawn => {
            let left = requests.withdraw(rule);
            assert_eq!(left, requests.pending());
        }
    }
}

/// Requests less withdrawals, where a withdrawal of nothing is none.
fn standing(history: &[Event]) -> u32 {
    let height = |part: &[Event]| {
        part.iter().fold(0_i64, |sum, event| match event {
            Event::RequestedAwake | Event::RequestedAsleep { .. } => sum + 1,
            Event::Withdrawn => sum - 1,
            _ => sum,
        })
    };
    // A walk that is not let below zero is as high as its end lies above its lowest point.
    let lowest = (0..=history.len())
        .map(|end| height(&history[..end]))
        .min()
        .unwrap_or(0);
    u32::try_from(height(history) - lowest).expect("the lowest point is not above the end")
}

/// Whether what happened last, of all that makes due or ends being due, made it due.
fn is_due(history: &[Event], rule: WithdrawRule) -> bool {
    let decides = |index: usize| match history[index] {
        Event::RequestedAwake | Event::RequestedAsleep { accepts: false } => Some(true),
        Event::StepBegins | Event::StepReturns | Event::StepAwaits { accepts: true } => Some(false),
        Event::Withdrawn if rule == WithdrawRule::ClearDueAtZero => {
            let took_the_last =
                standing(&history[..index]) == 1 && standing(&history[..=index]) == 0;
            took_the_last.then_some(false)
        }
        _ => None,
    };
    (0..history.len()).rev().find_map(decides).unwrap_or(false)
}

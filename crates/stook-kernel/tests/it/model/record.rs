//! `record.rs` against a model that remembers every request.

use stook_kernel::{AwaitedRecord, Delivery, Keep, Received};

use super::histories;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    Request,
    Raised(AwaitedRecord),
    Resumed,
}

const EVENTS: [Event; 5] = [
    Event::Request,
    Event::Raised(AwaitedRecord::NoRecord),
    Event::Raised(AwaitedRecord::FollowsFromOwn),
    Event::Raised(AwaitedRecord::Foreign),
    Event::Resumed,
];

/// The requests of a history that no step has seen yet.
fn unseen(history: &[Event]) -> usize {
    history
        .iter()
        .rev()
        .take_while(|event| **event == Event::Request)
        .count()
}

#[test]
fn who_is_told_of_what_depends_on_the_requests_since_the_last_step() {
    histories(&EVENTS, 6, |history| {
        let mut received = Received::new();
        for (index, &event) in history.iter().enumerate() {
            let waiting = unseen(&history[..index]);
            match event {
                Event::Request => assert_eq!(received.request(), Keep::Append),
                Event::Resumed => assert_eq!(received.resumed(), waiting > 0),
                Event::Raised(awaited) => {
                    let delivery = received.raised(awaited);
                    let tells_of_awaited = matches!(
                        delivery,
                        Delivery::Awaited | Delivery::AwaitedForOwn | Delivery::AwaitedAndOwn
                    );
                    let is_foreign = awaited == AwaitedRecord::Foreign;
                    let follows = awaited == AwaitedRecord::FollowsFromOwn;
                    assert_eq!(tells_of_awaited, is_foreign || (follows && waiting == 0));
                    assert_eq!(delivery.is_mine(), waiting > 0 || follows);
                }
            }
        }
        assert_eq!(usize::from(received.pending()), unseen(history));
    });
}

//! The table of `gather.rs`.

use stook_kernel::{Gather, GatherAction, Outcome};

use Exceptions::{Propagated, Returned};
use GatherAction::{
    CancelWithChild, Collect, CollectCancelled, FailWithChild, MarkRetrieved, Nothing,
};

use super::{Row, walk};

/// The children of every gather here.
const CHILDREN: usize = 2;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Exceptions {
    Propagated,
    Returned,
}

/// What becomes of exceptions, children finished, whether cancel is requested.
type State = (Exceptions, usize, bool);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    Child(Outer, Outcome),
    RequestCancel { any: bool },
    SetCancelRequested(bool),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Outer {
    Pending,
    Done,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Answer {
    Action(GatherAction),
    Accepted(bool),
    Set,
}

/// A child returned, raised, was cancelled while the outer future was pending.
const RETURNED: Event = Event::Child(Outer::Pending, Outcome::Returned);
const RAISED: Event = Event::Child(Outer::Pending, Outcome::Raised);
const CANCELLED: Event = Event::Child(Outer::Pending, Outcome::Cancelled);
/// The same with the outer future done.
const LATE_RETURNED: Event = Event::Child(Outer::Done, Outcome::Returned);
const LATE_RAISED: Event = Event::Child(Outer::Done, Outcome::Raised);
const LATE_CANCELLED: Event = Event::Child(Outer::Done, Outcome::Cancelled);
/// A child accepted the cancellation; none did.
const CANCEL: Event = Event::RequestCancel { any: true };
const CANCEL_IN_VAIN: Event = Event::RequestCancel { any: false };

/// A program says by hand that cancel is requested, or is not.
const SET: Event = Event::SetCancelRequested(true);
const UNSET: Event = Event::SetCancelRequested(false);

const EVENTS: [Event; 10] = [
    RETURNED,
    RAISED,
    CANCELLED,
    LATE_RETURNED,
    LATE_RAISED,
    LATE_CANCELLED,
    CANCEL,
    CANCEL_IN_VAIN,
    SET,
    UNSET,
];

/// In each state: the answers to the six ways a child ends, in the order of [`EVENTS`].
///
/// A third report of two children is misuse; it settles nothing that counting would.
#[rustfmt::skip]
const CHILD_DONE: [(State, [GatherAction; 6]); 12] = [
    ((Propagated, 0, false),
        [Nothing, FailWithChild, CancelWithChild, MarkRetrieved, MarkRetrieved, Nothing]),
    ((Propagated, 1, false),
        [Collect, FailWithChild, CancelWithChild, MarkRetrieved, MarkRetrieved, Nothing]),
    ((Propagated, 2, false),
        [Nothing, FailWithChild, CancelWithChild, MarkRetrieved, MarkRetrieved, Nothing]),
    ((Propagated, 0, true),
        [Nothing, FailWithChild, CancelWithChild, MarkRetrieved, MarkRetrieved, Nothing]),
    ((Propagated, 1, true),
        [CollectCancelled, FailWithChild, CancelWithChild, MarkRetrieved, MarkRetrieved, Nothing]),
    ((Propagated, 2, true),
        [Nothing, FailWithChild, CancelWithChild, MarkRetrieved, MarkRetrieved, Nothing]),
    ((Returned, 0, false),
        [Nothing, Nothing, Nothing, MarkRetrieved, MarkRetrieved, Nothing]),
    ((Returned, 1, false),
        [Collect, Collect, Collect, MarkRetrieved, MarkRetrieved, Nothing]),
    ((Returned, 2, false),
        [Nothing, Nothing, Nothing, MarkRetrieved, MarkRetrieved, Nothing]),
    ((Returned, 0, true),
        [Nothing, Nothing, Nothing, MarkRetrieved, MarkRetrieved, Nothing]),
    ((Returned, 1, true),
        [CollectCancelled, CollectCancelled, CollectCancelled, MarkRetrieved, MarkRetrieved,
         Nothing]),
    ((Returned, 2, true),
        [Nothing, Nothing, Nothing, MarkRetrieved, MarkRetrieved, Nothing]),
];

#[test]
fn the_outer_future_is_settled_by_a_failure_or_by_the_last_child() {
    let states = CHILD_DONE.map(|(state, _)| state);
    let mut table: Vec<Row<State, Event, Answer>> = Vec::new();
    for (state, actions) in CHILD_DONE {
        let (exceptions, finished, requested) = state;
        let counted = (exceptions, finished + 1, requested);
        for (event, action) in EVENTS.into_iter().zip(actions) {
            table.push((state, event, counted, Answer::Action(action)));
        }
        table.push((
            state,
            CANCEL,
            (exceptions, finished, true),
            Answer::Accepted(true),
        ));
        table.push((state, CANCEL_IN_VAIN, state, Answer::Accepted(false)));
        for (event, requested) in [(SET, true), (UNSET, false)] {
            let next = (exceptions, finished, requested);
            table.push((state, event, next, Answer::Set));
        }
    }

    walk(&states, &EVENTS, &table, |state, event| {
        let mut gather = build(state);
        let answer = match event {
            Event::Child(outer, outcome) => {
                Answer::Action(gather.child_done(outer == Outer::Done, outcome))
            }
            Event::RequestCancel { any } => Answer::Accepted(gather.request_cancel(any)),
            Event::SetCancelRequested(requested) => {
                gather.set_cancel_requested(requested);
                Answer::Set
            }
        };
        let next = (state.0, gather.finished(), gather.is_cancel_requested());
        assert_eq!(gather, build(next), "something else changed");
        (next, answer)
    });
}

/// A gather in the given state, by the shortest way.
fn build((exceptions, finished, requested): State) -> Gather {
    let mut gather = Gather::new(CHILDREN, exceptions == Returned);
    for _ in 0..finished {
        assert_eq!(gather.child_done(true, Outcome::Cancelled), Nothing);
    }
    if requested {
        assert!(gather.request_cancel(true));
    }
    let told = (
        gather.children(),
        gather.finished(),
        gather.is_cancel_requested(),
    );
    assert_eq!(told, (CHILDREN, finished, requested));
    gather
}

//! Every state × every event, against the tables in the headers of the machines' files.
//!
//! A table here is a list of literal rows. Each test also checks that the list is complete: a row
//! is looked up for every pair, and no row is left over.

mod await_walk;
mod cancel;
mod future;
mod gather;
mod race;
mod record;
mod standing;
mod task_group;
mod task_group_exit;
mod timeout;
mod token;
mod wait;
mod wait_graph;

use std::fmt::Debug;

/// One row: in this state, this event gives this state and this answer.
type Row<State, Event, Answer> = (State, Event, State, Answer);

/// Looks every state and event up in the table and compares with what the machine does.
///
/// `perform` builds a machine in the given state, sends it the event and tells the state and the
/// answer; it has to look at the whole state.
fn walk<State, Event, Answer>(
    states: &[State],
    events: &[Event],
    table: &[Row<State, Event, Answer>],
    perform: impl Fn(State, Event) -> (State, Answer),
) where
    State: Copy + Debug + PartialEq,
    Event: Copy + Debug + PartialEq,
    Answer: Copy + Debug + PartialEq,
{
    for &state in states {
        // Not the whole table for each event: Miri would take half an hour for the largest.
        let of_state: Vec<_> = table.iter().filter(|row| row.0 == state).collect();
        for &event in events {
            let rows: Vec<_> = of_state.iter().filter(|row| row.1 == event).collect();
            let [&&(_, _, next, answer)] = rows[..] else {
                panic!("{} rows for {state:?}, {event:?}", rows.len());
            };
            assert_eq!(
                perform(state, event),
                (next, answer),
                "in {state:?}, after {event:?}"
            );
        }
    }
    assert_eq!(
        table.len(),
        states.len() * events.len(),
        "rows of no known state or event"
    );
}

//! The table of `await_walk.rs`.

use stook_kernel::{AwaitWalk, LONGEST_WALK, WalkStep};

use super::{Row, walk};

const STATES: [u8; 4] = [LONGEST_WALK, 2, 1, 0];
const EVENTS: [bool; 2] = [true, false];

const TABLE: &[Row<u8, bool, WalkStep>] = &[
    (64, true, 64, WalkStep::Closes),
    (64, false, 63, WalkStep::Follow),
    (2, true, 2, WalkStep::Closes),
    (2, false, 1, WalkStep::Follow),
    (1, true, 1, WalkStep::Closes),
    (1, false, 0, WalkStep::Follow),
    (0, true, 0, WalkStep::Closes),
    (0, false, 0, WalkStep::GiveUp),
];

/// A walk that has so many hops left.
fn with_left(left: u8) -> AwaitWalk {
    let mut walk = AwaitWalk::new();
    while walk.left() > left {
        assert_eq!(walk.reached(false), WalkStep::Follow);
    }
    walk
}

#[test]
fn every_state_and_event_of_a_walk() {
    walk(&STATES, &EVENTS, TABLE, |left, is_who_awaits| {
        let mut walk = with_left(left);
        let step = walk.reached(is_who_awaits);
        (walk.left(), step)
    });
}

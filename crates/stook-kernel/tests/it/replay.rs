//! What CPython did in random programs, done again on the machines.
//!
//! `replay/record.py` ran the programs and explains their letters. A world here is what a face is:
//! it keeps children, a ready queue and the letters, and does what the machines say. All that is
//! seen after each operation has to be what was seen in CPython.

mod child;
mod gather;
mod group;
mod stage;
mod task;
mod timeout;
mod wait;

use stook_kernel::{ConvertRule, EnterRule, ExitRule, WithdrawRule};

use child::Children;

/// In what the recorded versions of CPython differ, as far as these programs can tell.
#[derive(Clone, Copy, Debug)]
struct Version {
    /// What `uncancel()` does to a request that is due.
    withdraw_rule: WithdrawRule,
    /// A child that is done before it is gathered, or made by a group, is reported at once.
    early_children_at_once: bool,
    /// When a group takes its request back.
    exit_rule: ExitRule,
    /// Whether a timeout can be entered again.
    enter_rule: EnterRule,
    /// Which cancellation becomes a timeout error.
    convert_rule: ConvertRule,
}

#[test]
fn programs_end_as_in_cpython_3_11_2() {
    let version = Version {
        withdraw_rule: WithdrawRule::KeepDue,
        early_children_at_once: false,
        exit_rule: ExitRule::UncancelFirst,
        enter_rule: EnterRule::Unchecked,
        convert_rule: ConvertRule::NoneLeft,
    };
    replay(
        include_str!("replay/cpython-3.11.2.txt"),
        "# CPython 3.11.2",
        version,
    );
}

#[test]
fn programs_end_as_in_cpython_3_11() {
    let version = Version {
        withdraw_rule: WithdrawRule::KeepDue,
        early_children_at_once: false,
        exit_rule: ExitRule::UncancelFirst,
        enter_rule: EnterRule::Once,
        convert_rule: ConvertRule::NoneNew,
    };
    replay(
        include_str!("replay/cpython-3.11.txt"),
        "# CPython 3.11.7",
        version,
    );
}

#[test]
fn programs_end_as_in_cpython_3_12() {
    let version = Version {
        withdraw_rule: WithdrawRule::KeepDue,
        early_children_at_once: true,
        exit_rule: ExitRule::UncancelFirst,
        enter_rule: EnterRule::Once,
        convert_rule: ConvertRule::NoneNew,
    };
    replay(
        include_str!("replay/cpython-3.12.txt"),
        "# CPython 3.12.",
        version,
    );
}

#[test]
fn programs_end_as_in_cpython_3_13() {
    let version = Version {
        withdraw_rule: WithdrawRule::ClearDueAtZero,
        early_children_at_once: true,
        exit_rule: ExitRule::UncancelLast,
        enter_rule: EnterRule::Once,
        convert_rule: ConvertRule::NoneNewOrDerived,
    };
    replay(
        include_str!("replay/cpython-3.13.txt"),
        "# CPython 3.13.",
        version,
    );
}

/// A small face: performs operations on machines, and shows what can be seen.
trait World {
    /// Performs an operation that is not a child's end; what it returned, in letters.
    fn perform(&mut self, operation: &str) -> String;
    /// Tells that a child has ended: its callbacks, if any, become ready.
    fn child_ended(&mut self, child: usize);
    fn children(&mut self) -> &mut Children;
    /// All that can be seen, in letters; what happened, since the last time.
    fn observe(&mut self) -> String;
}

/// Runs every program of a recording.
fn replay(recording: &str, header: &str, version: Version) {
    let mut lines = recording.lines();
    assert!(
        lines.next().is_some_and(|line| line.starts_with(header)),
        "another version's"
    );
    let mut programs = 0;
    for line in lines {
        let mut words = line.split(' ');
        let kind = words.next().expect("a line has words");
        let mut setting = || words.next().expect("a program has a setting");
        let mut world: Box<dyn World> = match kind {
            "gather" => Box::new(gather::GatherWorld::new(
                setting(),
                setting(),
                setting(),
                version,
            )),
            "wait" => Box::new(wait::WaitWorld::new(setting(), setting(), setting())),
            "task" => Box::new(task::TaskWorld::new(setting(), setting(), version)),
            "group" => Box::new(group::GroupWorld::new(setting(), setting(), version)),
            "timeout" => Box::new(timeout::TimeoutWorld::new(
                setting(),
                setting(),
                setting(),
                version,
            )),
            _ => panic!("nobody knows how to run {line}"),
        };
        for (position, word) in words.enumerate() {
            let (operation, recorded) = word.split_once('=').expect("operation=seen");
            let returned = perform(&mut *world, operation);
            let seen = format!("{returned}/{}", world.observe());
            assert_eq!(
                seen, recorded,
                "after operation {position}, {operation}, of\n{line}"
            );
        }
        programs += 1;
    }
    assert_eq!(programs, 750, "a recording has 150 programs of each kind");
}

/// Performs one operation: ends a child, or leaves it to the world.
fn perform(world: &mut dyn World, operation: &str) -> String {
    let Some(child) = operation
        .get(1..)
        .and_then(|digit| digit.parse::<usize>().ok())
    else {
        return match operation {
            "start" => String::new(),
            _ => world.perform(operation),
        };
    };
    let pending = !world.children()[child].is_done();
    let returned = world.children()[child].end(&operation[..1], &operation[1..]);
    if pending {
        world.child_ended(child);
    }
    returned
}

/// How Python's recorder writes a truth value.
fn letter(value: bool) -> String {
    if value { "T" } else { "F" }.to_owned()
}

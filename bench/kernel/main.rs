//! Takes each of the kernel's machines along its common path; `instructions.py` counts what that
//! takes.
//!
//! Each row is done three times: once to warm up, [`COUNT`] operations, and twice as many. What the
//! larger has beyond the smaller is what so many operations take. A call of `sched_yield` tells
//! callgrind where each begins. The names of the rows are printed, in order.
//!
//! A machine is taken through [`seen`] before each transition, so that its state is in memory, as it
//! is in a Python object, and nothing is decided beforehand.

#![forbid(unsafe_code)]

use std::hint::black_box;
use std::thread::yield_now;

use stook_kernel::{
    BodyEnd, CancelRequests, ConvertRule, EnterRule, ExitRule, FutureState, Gather, Outcome,
    Retrieval, ReturnWhen, TaskGroup, Timeout, Wait, WithdrawRule,
};

const COUNT: usize = 1_000;

/// How many children one operation of a row with children has.
const CHILDREN: usize = 10;

type Row = (&'static str, fn());

/// What one operation is.
const ROWS: [Row; 11] = [
    ("future/finish", finish_future),
    ("future/exception_read", read_exception),
    ("task/steps", steps),
    ("task/cancel", cancel_waiting),
    ("gather/of_10", gather),
    ("wait/all_of_10", wait_for_all),
    ("wait/first_of_10", wait_for_first),
    ("group/of_10", group),
    ("group/failing", failing_group),
    ("timeout/met", timeout_met),
    ("timeout/expired", timeout_expired),
];

fn main() {
    for (name, operation) in ROWS {
        repeat(operation, COUNT);
        for count in [COUNT, 2 * COUNT] {
            yield_now();
            repeat(operation, count);
        }
        yield_now();
        println!("{name}");
    }
}

fn repeat(operation: fn(), count: usize) {
    for _ in 0..black_box(count) {
        black_box(operation)();
    }
}

/// The answer, which the compiler has to have made.
fn told<T>(answer: T) {
    let _ = black_box(answer);
}

/// The machine, of which the compiler knows nothing from here on.
fn seen<T>(machine: &mut T) -> &mut T {
    black_box(machine)
}

/// A future gets its result, and somebody asks whether it is done.
fn finish_future() {
    let mut state = FutureState::default();
    told(seen(&mut state).finish());
    told(seen(&mut state).is_done());
}

/// A future gets an exception, which is read; it is dropped.
fn read_exception() {
    let (mut state, mut mark) = (FutureState::default(), Retrieval::new());
    told(seen(&mut state).finish());
    seen(&mut mark).raised();
    seen(&mut mark).read();
    told(seen(&mut mark).take_unread());
}

/// A task waits for a future, goes on and returns.
fn steps() {
    let (mut state, mut requests) = (FutureState::default(), CancelRequests::new());
    told(seen(&mut requests).take_due());
    told(seen(&mut requests).suspended());
    told(seen(&mut requests).take_due());
    told(seen(&mut requests).returned());
    told(seen(&mut state).finish());
}

/// A task that waits is cancelled, and takes the request back.
fn cancel_waiting() {
    let (mut state, mut requests) = (FutureState::default(), CancelRequests::new());
    told(seen(&mut requests).request(black_box(true)));
    told(seen(&mut requests).take_due());
    told(seen(&mut requests).withdraw(black_box(WithdrawRule::ClearDueAtZero)));
    told(seen(&mut state).cancel());
}

/// All children of a gather return.
fn gather() {
    let mut gather = Gather::new(black_box(CHILDREN), black_box(false));
    for _ in 0..CHILDREN {
        told(seen(&mut gather).child_done(black_box(false), black_box(Outcome::Returned)));
    }
}

/// Somebody waits for all children, and they return.
fn wait_for_all() {
    children_of(Wait::new(
        black_box(CHILDREN),
        black_box(ReturnWhen::AllCompleted),
    ));
}

/// Somebody waits for the first child, and all return.
fn wait_for_first() {
    children_of(Wait::new(
        black_box(CHILDREN),
        black_box(ReturnWhen::FirstCompleted),
    ));
}

fn children_of(mut wait: Wait) {
    for _ in 0..CHILDREN {
        told(seen(&mut wait).examines_next_child());
        told(seen(&mut wait).child_done(black_box(Outcome::Returned)));
    }
    told(seen(&mut wait).is_waiting());
}

/// A group's children return while it is left.
fn group() {
    let mut group = TaskGroup::new();
    fill(&mut group);
    let (mut exit, actions) = seen(&mut group).exit(black_box(BodyEnd::Returned), false, rule());
    told(actions);
    empty(&mut group, Outcome::Returned);
    told(seen(&mut exit).children_gone(seen(&mut group), black_box(false)));
    told(seen(&mut exit).end(black_box(0)));
}

/// A group's children raise, which ends the wait for them with errors.
fn failing_group() {
    let mut group = TaskGroup::new();
    fill(&mut group);
    let (mut exit, actions) = seen(&mut group).exit(black_box(BodyEnd::Returned), false, rule());
    told(actions);
    empty(&mut group, Outcome::Raised);
    told(seen(&mut exit).children_gone(seen(&mut group), black_box(false)));
    seen(&mut exit).uncancelled(black_box(0));
    told(seen(&mut exit).end(black_box(CHILDREN)));
}

fn fill(group: &mut TaskGroup) {
    told(seen(group).enter());
    for _ in 0..CHILDREN {
        told(seen(group).spawn());
        seen(group).added();
    }
}

fn empty(group: &mut TaskGroup, outcome: Outcome) {
    for _ in 0..CHILDREN {
        told(seen(group).child_left(black_box(true)));
        told(seen(group).child_done(black_box(outcome), black_box(false), black_box(false)));
    }
}

fn rule() -> ExitRule {
    black_box(ExitRule::UncancelLast)
}

/// A block is left in time.
fn timeout_met() {
    let mut timeout = Timeout::new();
    told(seen(&mut timeout).enter(black_box(EnterRule::Once)));
    told(seen(&mut timeout).reschedule());
    told(seen(&mut timeout).exit());
}

/// A block is cancelled by its timeout.
fn timeout_expired() {
    let mut timeout = Timeout::new();
    told(seen(&mut timeout).enter(black_box(EnterRule::Once)));
    told(seen(&mut timeout).reschedule());
    told(seen(&mut timeout).expire());
    told(seen(&mut timeout).exit());
    told(seen(&mut timeout).uncancelled(
        black_box(0),
        black_box(0),
        black_box(BodyEnd::Cancelled),
        black_box(ConvertRule::NoneNewOrDerived),
    ));
}

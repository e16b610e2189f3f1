//! Models of one group, for loom: all orders in which its end and its tasks can meet.
//!
//!     RUSTFLAGS="--cfg stook_loom" cargo test --release -p stook --lib loom_models

use std::panic::Location;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use loom::thread;
use stook_kernel::{BodyEnd, TaskGroupExit};
use tokio::time::Instant;

use super::brood::ToBrood;
use super::exit::{self, WaitForChildren};
use super::{Group, TaskGroup};
use crate::about::About;
use crate::block::CellRef;
use crate::cancelled::Cancelled;
use crate::id::TaskId;
use crate::outcome::Outcome;
use crate::record::{CancelKind, Record};
use crate::registry;
use crate::scope::within::Inside;
use crate::sync::lock;
use crate::task_future::Settle;

/// Tasks need a runtime to be listed at; nothing is run on it.
fn model(body: impl Fn(&Arc<Group<Cancelled>>, Inside) + Send + Sync + 'static) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let _entered = runtime.enter();
    loom::model(move || {
        let (group, inside) = Group::enter(Location::caller());
        body(&group, inside);
        let blocks = lock(&group.family.state).more.close_room();
        drop(blocks);
    });
}

/// Counts how often it was woken. No part of the model: nothing waits for it.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A task of the group that was taken in and is not run; `None` when the group has ended. Those that
/// are born at once share a block.
fn child(group: &Arc<Group<Cancelled>>, born: Instant) -> Option<CellRef> {
    let about = About {
        parent: None,
        name: None,
        location: Location::caller(),
        born,
        runtime: registry::runtime(),
    };
    let (brood, place) = group.hatch::<()>(about).ok()?;
    Some(CellRef::new(brood, place))
}

/// The task ends, as by its last step.
fn end(cell: &CellRef, outcome: Outcome<(), Cancelled>) {
    ToBrood(cell.place()).settle(cell, outcome);
}

/// An error like any other: it is the cancellation of nobody here.
fn error() -> Outcome<(), Cancelled> {
    let record = Record::new(CancelKind::Explicit, None, Location::caller(), None);
    Outcome::Err(Cancelled::new(TaskId::next(), record))
}

/// The body has returned.
fn leave(group: &Group<Cancelled>) -> TaskGroupExit {
    let (exit, ended) = {
        let members = &mut lock(&group.family.state).more;
        let (exit, _actions) = members.exit(BodyEnd::Returned, false);
        (exit, members.take_ended())
    };
    drop(ended);
    exit
}

/// Whether nobody is left to be waited for, as one poll of the wait finds.
fn is_over(group: &Group<Cancelled>, exit: &mut TaskGroupExit) -> bool {
    let waiting = pin!(WaitForChildren::new(group, exit, false, Location::caller()));
    let mut cx = Context::from_waker(Waker::noop());
    waiting.poll(&mut cx).is_ready()
}

/// Waits for these tasks, the last of the group, while the other thread does this: when it is over they
/// have ended.
fn wait_beside(
    group: &Arc<Group<Cancelled>>,
    exit: &mut TaskGroupExit,
    tasks: &[CellRef],
    other: thread::JoinHandle<()>,
) {
    let count = Arc::new(Count::default());
    let waker = Waker::from(Arc::clone(&count));
    let mut cx = Context::from_waker(&waker);
    let mut waiting = pin!(WaitForChildren::new(group, exit, false, Location::caller()));
    let is_over = waiting.as_mut().poll(&mut cx).is_ready();
    let have_ended = tasks.iter().all(|task| task.ended().is_some());
    assert!(!is_over || have_ended, "one runs still");
    other.join().unwrap();
    if !is_over {
        assert_eq!(count.0.load(Ordering::SeqCst), 1, "it waits for ever");
        assert!(waiting.poll(&mut cx).is_ready());
    }
    assert_eq!(lock(&group.family.state).more.machine.marks().tasks, 0);
}

/// A task that is spawned while another fails is asked to cancel with the others, or at birth.
#[test]
fn a_spawn_against_a_failure() {
    model(|group, _inside| {
        let born = Instant::now();
        let failing = child(group, born).unwrap();
        let failure = thread::spawn(move || end(&failing, error()));
        let late = child(group, born).unwrap();
        failure.join().unwrap();
        assert!(late.cancelling() > 0, "it was missed");
    });
}

/// A task that is spawned while the group is cancelled by its handle is asked with the others, or at
/// birth.
#[test]
fn a_spawn_against_a_cancellation() {
    model(|group, _inside| {
        let cancelling = {
            let handle = TaskGroup(Arc::clone(group));
            thread::spawn(move || handle.cancel())
        };
        let late = child(group, Instant::now()).unwrap();
        cancelling.join().unwrap();
        assert!(late.cancelling() > 0, "it was missed");
    });
}

/// A task that is spawned while the body ends is waited for, or is refused.
#[test]
fn a_spawn_against_the_end_of_the_body() {
    model(|group, _inside| {
        let spawning = {
            let group = Arc::clone(group);
            thread::spawn(move || child(&group, Instant::now()).is_some())
        };
        let mut exit = leave(group);
        let is_over = is_over(group, &mut exit);
        let is_admitted = spawning.join().unwrap();
        assert!(!(is_over && is_admitted), "nobody waits for it");
    });
}

/// Who waits for the last task is woken, or has seen that it is gone.
#[test]
fn the_last_task_against_who_waits() {
    model(|group, _inside| {
        let last = child(group, Instant::now()).unwrap();
        let mut exit = leave(group);
        let tasks = [last.clone()];
        let ending = thread::spawn(move || end(&last, Outcome::Ok(())));
        wait_beside(group, &mut exit, &tasks, ending);
    });
}

/// The same where the body ends with the wait's beginning: it finds that the last task is gone, with its
/// error, or is woken by it and finds that then.
#[test]
fn the_last_task_against_the_end_of_the_body() {
    model(|group, inside| {
        let last = child(group, Instant::now()).unwrap();
        let ending = thread::spawn(move || end(&last, error()));
        let count = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&count));
        let mut cx = Context::from_waker(&waker);
        let location = Location::caller();
        let mut left = exit::leave(group, Ok(Ok(())), &mut None, inside, location, &cx);
        let mut gone = left.gone;
        if gone.is_none() {
            let mut waiting = pin!(WaitForChildren::new(group, &mut left.exit, true, location));
            // The first poll goes with the end of the body.
            assert!(waiting.as_mut().poll(&mut cx).is_pending());
            ending.join().unwrap();
            assert_eq!(count.0.load(Ordering::SeqCst), 1, "it waits for ever");
            if let Poll::Ready(waited) = waiting.poll(&mut cx) {
                gone = Some(waited.gone);
            }
        } else {
            ending.join().unwrap();
        }
        assert!(gone.is_some_and(|gone| gone.has_errors));
        assert_eq!(lock(&group.errors).errors.len(), 1);
    });
}

/// The errors of tasks that end at the same time are all there when nobody is left.
#[test]
fn two_failures_at_once() {
    model(|group, _inside| {
        let born = Instant::now();
        let (one, other) = (child(group, born).unwrap(), child(group, born).unwrap());
        let failing = thread::spawn(move || end(&one, error()));
        end(&other, error());
        failing.join().unwrap();
        assert_eq!(group.family.len(), 0);
        assert_eq!(lock(&group.errors).errors.len(), 2);
    });
}

/// So many tasks of one block, which has room for one more.
fn in_one_block(group: &Arc<Group<Cancelled>>, count: usize, born: Instant) -> Vec<CellRef> {
    let first = child(group, born).unwrap();
    end(&first, Outcome::Ok(()));
    (0..count).map(|_| child(group, born).unwrap()).collect()
}

/// Tasks of one block that end while the body does, some of its places not taken: the last of them is
/// told of, by itself or by the body.
#[test]
fn the_last_of_a_block_against_the_end_of_the_body() {
    model(|group, _inside| {
        let tasks = in_one_block(group, 2, Instant::now());
        let theirs = tasks.clone();
        let ending = thread::spawn(move || {
            for task in &theirs {
                end(task, Outcome::Ok(()));
            }
        });
        let mut exit = leave(group);
        wait_beside(group, &mut exit, &tasks, ending);
    });
}

/// Tasks of one block that end on two threads, when the body has ended: who is the last tells of both.
#[test]
fn two_of_a_block_at_once() {
    model(|group, _inside| {
        let tasks = in_one_block(group, 2, Instant::now());
        let mut exit = leave(group);
        let one = tasks[1].clone();
        let ending = thread::spawn(move || end(&one, Outcome::Ok(())));
        end(&tasks[0], Outcome::Ok(()));
        wait_beside(group, &mut exit, &tasks, ending);
    });
}

/// A task that is spawned in a block whose last one ends, when the body has ended: it is waited for, or
/// is refused.
#[test]
fn a_spawn_against_the_last_of_its_block() {
    model(|group, _inside| {
        let born = Instant::now();
        let tasks = in_one_block(group, 1, born);
        let mut exit = leave(group);
        let ending = thread::spawn(move || end(&tasks[0], Outcome::Ok(())));
        let late = child(group, born);
        let waits = late.is_some();
        assert!(!(is_over(group, &mut exit) && waits), "nobody waits for it");
        if let Some(late) = late {
            assert_eq!(late.place(), 1, "there was room");
            end(&late, Outcome::Ok(()));
        }
        ending.join().unwrap();
        assert_eq!(group.family.len(), 0);
        assert_eq!(lock(&group.family.state).more.machine.marks().tasks, 0);
    });
}

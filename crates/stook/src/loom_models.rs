//! Models of one cell, for loom: all orders in which two threads can meet in it.
//!
//!     RUSTFLAGS="--cfg stook_loom" cargo test --release -p stook --lib loom_models

use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Wake, Waker};

use loom::thread;

use crate::about::About;
use crate::block::{Block, CellRef};
use crate::block_watchers::BlockWatchers;
use crate::cancelled::Cancelled;
use crate::cell::Cell;
use crate::context::{Entered, Place};
use crate::done::Done;
use crate::id::TaskId;
use crate::outcome::{Ended, Outcome};
use crate::point::Point;
use crate::record::{CancelKind, Record};
use crate::slot::Slot;
use crate::watcher::{WatchChildren, Watcher};
use crate::watching::Watching;

/// Counts how often it was woken. No part of the model: nothing waits for it.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn counting() -> (Arc<Count>, Waker) {
    let count = Arc::new(Count::default());
    (Arc::clone(&count), Waker::from(count))
}

fn record() -> Arc<Record> {
    Record::new(CancelKind::Explicit, None, Location::caller(), None)
}

/// Asks it from another thread, which does not look where it runs: loom's threads share thread-locals.
fn asking(cell: &CellRef) -> thread::JoinHandle<()> {
    let (cell, record) = (cell.clone(), record());
    thread::spawn(move || assert!(cell.request(record)))
}

/// Ends it on another thread; whether its handle was dropped before.
fn ending(cell: &CellRef) -> thread::JoinHandle<bool> {
    let cell = cell.clone();
    thread::spawn(move || cell.finish(Ended::Ok))
}

/// A task that makes a first step, finds nothing and waits, is woken by a request that comes at any
/// time, or has found it.
#[test]
fn a_request_against_the_first_step() {
    loom::model(|| {
        let cell = Cell::of_scope();
        let asking = asking(&cell);
        let (count, waker) = counting();
        let mut delivered = cell.start().is_some();
        if !delivered {
            delivered = cell.deliver(None).is_some();
        }
        if !delivered {
            cell.park(None, &waker);
        }
        asking.join().unwrap();
        assert!(
            delivered || count.0.load(Ordering::SeqCst) > 0,
            "the request was missed"
        );
        assert!(
            delivered || cell.deliver(None).is_some(),
            "the request was lost"
        );
        assert!(cell.deliver(None).is_none(), "it was delivered twice");
    });
}

/// A task that is aborted at any time of its first step finds it, or is woken to find it.
#[test]
fn an_abort_against_waiting() {
    loom::model(|| {
        let cell = Cell::of_scope();
        let aborting = {
            let cell = cell.clone();
            thread::spawn(move || cell.abort())
        };
        let (count, waker) = counting();
        let found = cell.is_aborted();
        if !found {
            cell.park(None, &waker);
        }
        aborting.join().unwrap();
        assert!(found || count.0.load(Ordering::SeqCst) > 0);
        assert!(cell.is_aborted());
    });
}

/// A cancel point in a sub-executor registers its waker and looks again.
#[test]
fn a_request_against_a_registration() {
    loom::model(|| {
        let cell = Cell::of_scope();
        let asking = asking(&cell);
        let (count, waker) = counting();
        let place = cell.register(&waker);
        let found = cell.is_triggered();
        asking.join().unwrap();
        assert!(
            found || count.0.load(Ordering::SeqCst) > 0,
            "the request was missed"
        );
        cell.unregister(place);
    });
}

/// A request that is accepted can be delivered; one that is refused leaves nothing.
#[test]
fn a_request_against_the_end() {
    loom::model(|| {
        let cell = Cell::of_scope();
        let ending = {
            let cell = cell.clone();
            thread::spawn(move || {
                assert!(cell.start().is_none() || cell.cancelling() == 1);
                cell.finish(Ended::Ok);
            })
        };
        let accepted = cell.request(record());
        ending.join().unwrap();
        assert_eq!(cell.cancelling(), u32::from(accepted));
        assert_eq!(cell.ended(), Some(Ended::Ok));
    });
}

/// Watches it, and is told once that it has ended like this: by its end, or now, because that has come.
/// Whether it was told.
fn told_once(cell: &CellRef, expected: Ended) -> Arc<AtomicBool> {
    let told = Arc::new(AtomicBool::new(false));
    let tell = {
        let told = Arc::clone(&told);
        Watcher::Call(Box::new(move |_| {
            assert!(!told.swap(true, Ordering::SeqCst));
        }))
    };
    if let Err((watcher, ended)) = cell.watch(tell) {
        assert_eq!(ended, expected);
        watcher.tell(cell, ended);
    }
    told
}

/// Who watches is told once: by the end, or because it has come.
#[test]
fn a_watcher_against_the_end() {
    loom::model(|| {
        let cell = Cell::of_scope();
        let ending = {
            let cell = cell.clone();
            thread::spawn(move || cell.finish(Ended::Err))
        };
        let told = told_once(&cell, Ended::Err);
        ending.join().unwrap();
        assert!(told.load(Ordering::SeqCst));
    });
}

/// Who joins, and is polled with another waker, finds the end, or it wakes that one.
#[test]
fn another_waker_against_the_end() {
    loom::model(|| {
        let cell = Cell::of_scope();
        let mut done = Done::new(&cell);
        let mut first = Context::from_waker(Waker::noop());
        assert!(Pin::new(&mut done).poll(&mut first).is_pending());
        let ending = ending(&cell);
        let (count, waker) = counting();
        let polled = Pin::new(&mut done).poll(&mut Context::from_waker(&waker));
        ending.join().unwrap();
        assert!(polled.is_ready() || count.0.load(Ordering::SeqCst) > 0);
    });
}

/// A cancel point in a sub-executor that finds nothing and waits, as `.or_cancel()` does, is polled
/// again when a request comes between its look and its registration.
#[test]
fn a_request_against_a_cancel_point() {
    loom::model(|| {
        let cell = Cell::of_scope();
        let asking = asking(&cell);
        let (count, waker) = counting();
        let mut place = Place::of_task(cell);
        let _entered = Entered::new(&mut place);
        let mut point = Point::new(Location::caller());
        let mut found = Point::check().is_some();
        if !found {
            found = point.park(&Context::from_waker(&waker)).is_some();
        }
        asking.join().unwrap();
        assert!(found || count.0.load(Ordering::SeqCst) > 0);
    });
}

/// The same where another waker of it was kept before.
#[test]
fn a_request_against_a_cancel_point_with_another_waker() {
    loom::model(|| {
        let cell = Cell::of_scope();
        let mut place = Place::of_task(cell.clone());
        let _entered = Entered::new(&mut place);
        let mut point = Point::new(Location::caller());
        assert!(point.park(&Context::from_waker(Waker::noop())).is_none());
        let asking = asking(&cell);
        let (count, waker) = counting();
        let mut found = Point::check().is_some();
        if !found {
            found = point.park(&Context::from_waker(&waker)).is_some();
        }
        asking.join().unwrap();
        assert!(found || count.0.load(Ordering::SeqCst) > 0);
    });
}

/// A cancel point in a sub-executor that is polled with another waker is woken by a request, or finds
/// it when it looks again.
#[test]
fn another_waker_against_a_request() {
    loom::model(|| {
        let cell = Cell::of_scope();
        let place = cell.register(Waker::noop());
        let asking = asking(&cell);
        let (count, waker) = counting();
        assert!(cell.reregister(place, &waker));
        let found = cell.is_triggered();
        asking.join().unwrap();
        assert!(found || count.0.load(Ordering::SeqCst) > 0);
        cell.unregister(place);
    });
}

/// Who watches is told, though another stops watching meanwhile. The threads are begun in both orders:
/// begun in one, loom leaves out some in which they may run.
#[test]
fn a_watcher_that_stops_beside_another_against_the_end() {
    for stops_first in [false, true] {
        loom::model(move || watcher_that_stops_beside_another(stops_first));
    }
}

fn watcher_that_stops_beside_another(stops_first: bool) {
    let cell = Cell::of_scope();
    let Ok(key) = cell.watch(Watcher::Call(Box::new(|_| {}))) else {
        panic!("it has not ended");
    };
    let end: Box<dyn FnOnce() + Send> = {
        let cell = cell.clone();
        Box::new(move || {
            cell.finish(Ended::Ok);
        })
    };
    let stop: Box<dyn FnOnce() + Send> = {
        let cell = cell.clone();
        Box::new(move || cell.unwatch(key))
    };
    let both = if stops_first {
        [stop, end]
    } else {
        [end, stop]
    };
    let running = both.map(thread::spawn);
    let told = told_once(&cell, Ended::Ok);
    for thread in running {
        thread.join().unwrap();
    }
    assert!(told.load(Ordering::SeqCst));
}

/// A request that is taken back is not delivered, and leaves no trigger behind.
#[test]
fn a_request_against_its_withdrawal() {
    loom::model(|| {
        let cell = Cell::of_scope();
        assert!(cell.request(record()));
        let taking_back = {
            let cell = cell.clone();
            thread::spawn(move || cell.uncancel())
        };
        let delivered = cell.deliver(None).is_some();
        assert_eq!(taking_back.join().unwrap(), 0);
        assert!(!cell.is_triggered());
        assert!(cell.deliver(None).is_none(), "delivered: {delivered}");
    });
}

/// A request that nobody took is due again, unless it is taken back at that time.
#[test]
fn a_renewal_against_a_withdrawal() {
    loom::model(|| {
        let cell = Cell::of_scope();
        let asked = record();
        assert!(cell.request(Arc::clone(&asked)));
        assert!(cell.deliver(None).is_some());
        let taking_back = {
            let cell = cell.clone();
            thread::spawn(move || cell.uncancel())
        };
        cell.renew(asked);
        assert_eq!(taking_back.join().unwrap(), 0);
        assert!(!cell.is_triggered());
        assert_eq!(cell.cancelling(), 0);
        assert!(cell.deliver(None).is_none());
    });
}

/// A task that was woken by a request is polled, and waits again: a second request that comes at any
/// time is delivered with the first, or wakes it again.
#[test]
fn a_second_request_against_waiting_again() {
    loom::model(|| {
        let cell = Cell::of_scope();
        let (count, waker) = counting();
        assert!(cell.start().is_none());
        cell.park(None, &waker);
        assert!(cell.request(record()));
        let woken_before = count.0.load(Ordering::SeqCst);
        let asking = asking(&cell);
        assert!(cell.deliver(None).is_some());
        cell.park(None, &waker);
        asking.join().unwrap();
        if cell.is_triggered() {
            let woken = count.0.load(Ordering::SeqCst);
            assert!(woken > woken_before, "the request was missed");
            assert!(cell.deliver(None).is_some(), "the request was lost");
        }
    });
}

/// Who has ended keeps no waker, whoever took it: it would keep what tokio has of the task.
#[test]
fn a_request_against_the_end_of_a_task_that_waited() {
    loom::model(|| {
        let cell = Cell::of_scope();
        let (count, waker) = counting();
        assert!(cell.start().is_none());
        cell.park(None, &waker);
        drop(waker);
        let asking = {
            let cell = cell.clone();
            thread::spawn(move || cell.request(record()))
        };
        cell.finish(Ended::Ok);
        asking.join().unwrap();
        assert_eq!(Arc::strong_count(&count), 1, "a waker was kept");
    });
}

/// An outcome that nobody reads is given up once: by who drops the handle, or by who ends the task.
#[test]
fn a_dropped_handle_against_the_end() {
    loom::model(|| {
        let cell = Cell::of_scope();
        let ending = ending(&cell);
        let has_ended = cell.abandon();
        let was_abandoned = ending.join().unwrap();
        assert_ne!(has_ended, was_abandoned);
    });
}

/// The same with the outcome itself: it is dropped, and its error reported, by one of both.
#[test]
fn a_dropped_handle_against_an_outcome() {
    loom::model(|| {
        let cell = Cell::of_scope();
        let slot = Arc::new(Slot::<Arc<()>, Cancelled>::new());
        let value = Arc::new(());
        let ending = {
            let (cell, slot) = (cell.clone(), Arc::clone(&slot));
            let outcome = Outcome::Ok(Arc::clone(&value));
            thread::spawn(move || slot.settle(&cell, &cell, outcome, false))
        };
        if cell.abandon() {
            slot.abandon(&cell);
        }
        ending.join().unwrap();
        assert_eq!(Arc::strong_count(&value), 1, "the outcome was kept");
    });
}

/// Two tasks in one block, and who waits for both.
struct Pair {
    cells: [Cell; 2],
    watchers: BlockWatchers,
}

impl Block for Pair {
    fn cell(&self, place: usize) -> &Cell {
        &self.cells[place]
    }

    fn count(&self) -> usize {
        self.cells.len()
    }

    fn about(&self) -> Option<&About> {
        None
    }

    fn watchers(&self) -> Option<&BlockWatchers> {
        Some(&self.watchers)
    }
}

fn pair() -> [CellRef; 2] {
    let block: Arc<dyn Block> = Arc::new(Pair {
        cells: [(); 2].map(|()| Cell::of_task(TaskId::next())),
        watchers: BlockWatchers::default(),
    });
    [0, 1].map(|place| CellRef::new(Arc::clone(&block), place))
}

/// How often it was told of each. No part of the model.
#[derive(Default)]
struct Told([AtomicUsize; 2]);

impl Told {
    fn times(&self) -> [usize; 2] {
        [0, 1].map(|place: usize| self.0[place].load(Ordering::SeqCst))
    }
}

impl WatchChildren for Told {
    fn child_done(&self, place: u32, ended: Ended) {
        assert_eq!(ended, Ended::Ok);
        self.0[place as usize].fetch_add(1, Ordering::SeqCst);
    }
}

/// Who waits for two tasks of one block is told of each once, whenever they end.
#[test]
fn a_watch_of_two_in_a_block_against_their_ends() {
    loom::model(|| {
        let cells = pair();
        let ending = cells.each_ref().map(ending);
        let told = Arc::new(Told::default());
        let watching: Watching<&CellRef> = Watching::new(&told, &cells);
        for ending in ending {
            ending.join().unwrap();
        }
        assert_eq!(told.times(), [1, 1]);
        drop(watching);
    });
}

/// Who comes while another watches already is told of an end once: by the task, which has to tell the
/// other, or because it has come.
#[test]
fn a_second_watch_in_a_block_against_an_end() {
    loom::model(|| {
        let cells = pair();
        let (before, after) = (Arc::new(Told::default()), Arc::new(Told::default()));
        let first: Watching<&CellRef> = Watching::new(&before, &cells);
        let ending = ending(&cells[0]);
        let second: Watching<&CellRef> = Watching::new(&after, &cells);
        ending.join().unwrap();
        assert_eq!((before.times(), after.times()), ([1, 0], [1, 0]));
        drop((first, second));
    });
}

/// One who leaves takes nothing from one who stays.
#[test]
fn leaving_two_in_a_block_against_an_end() {
    loom::model(|| {
        let cells = pair();
        let (leaves, stays) = (Arc::new(Told::default()), Arc::new(Told::default()));
        let leaving: Watching<&CellRef> = Watching::new(&leaves, &cells);
        let staying: Watching<&CellRef> = Watching::new(&stays, &cells);
        let ending = ending(&cells[1]);
        drop(leaving);
        ending.join().unwrap();
        assert!(leaves.times()[1] <= 1);
        assert_eq!(stays.times(), [0, 1]);
        drop(staying);
    });
}

/// When the others are asked, each has ended or is asked.
#[test]
fn asking_those_that_are_left_in_a_block_against_an_end() {
    loom::model(|| {
        let cells = pair();
        let told = Arc::new(Told::default());
        let watching: Watching<&CellRef> = Watching::new(&told, &cells);
        let ending = ending(&cells[0]);
        watching.ask(record);
        ending.join().unwrap();
        assert_eq!(cells[1].cancelling(), 1);
        assert!(told.times()[0] <= 1 && told.times()[1] == 0);
        assert!(
            told.times()[0] == 0 || cells[0].cancelling() == 0,
            "it was asked when it had ended"
        );
    });
}

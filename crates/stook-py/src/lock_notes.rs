//! Which task took a lock last, for those who ask what others wait for.
//!
//! asyncio's locks do not know who has them. Where a lock is taken by `acquire()` of ours, a note is
//! made: addresses, which keep nothing alive. It is thrown away where the lock is released, by whoever
//! that is, in our way or asyncio's. There is room for so many notes, and a lock whose place another
//! one has taken has none: who took that one is not known.
//!
//! An `async with` block is seen by who looks for it, and makes no note: entering one throws away what
//! a lock that is gone may have left there.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use pyo3::prelude::*;

use crate::ffi::Ref;
use crate::loop_core;
use crate::task::{Identity, TaskState};

/// So many locks may have notes: 2 to this power.
const BITS: u32 = 10;
const PLACES: usize = 1 << BITS;
/// 2 to the power of 64, by the golden ratio: addresses that lie side by side come far apart.
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

/// Threads that hold the interpreter change it, one after the other.
#[derive(Debug)]
struct Note {
    /// The address of the lock; 0 of none.
    lock: AtomicUsize,
    event_loop: AtomicUsize,
    task: AtomicUsize,
    identity: AtomicU64,
}

static NOTES: [Note; PLACES] = [const {
    Note {
        lock: AtomicUsize::new(0),
        event_loop: AtomicUsize::new(0),
        task: AtomicUsize::new(0),
        identity: AtomicU64::new(0),
    }
}; PLACES];

/// Who took a lock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taker {
    /// The address of its loop.
    pub(crate) event_loop: usize,
    /// The task's own, which may be another one's by now.
    pub(crate) task: usize,
    pub(crate) identity: Identity,
}

fn note_of(lock: &Bound<'_, PyAny>) -> (&'static Note, usize) {
    let address = lock.as_ptr() as usize;
    let place = (address as u64).wrapping_mul(SPREAD) >> (u64::BITS - BITS);
    (&NOTES[place as usize % PLACES], address)
}

/// The current task has taken this lock.
#[inline]
pub(crate) fn taken(lock: &Bound<'_, PyAny>) {
    let py = lock.py();
    let (note, address) = note_of(lock);
    let mut is_noted = false;
    loop_core::look_at_running(py, |native| {
        native.current_task.is_some_and(py, |task| {
            if let Some(own) = Ref::<TaskState>::cast(task) {
                note.lock.store(address, Ordering::Relaxed);
                let of_loop = native.as_any().as_ptr() as usize;
                note.event_loop.store(of_loop, Ordering::Relaxed);
                note.task.store(task.as_ptr() as usize, Ordering::Relaxed);
                note.identity
                    .store(own.identity().as_number(), Ordering::Relaxed);
                is_noted = true;
            }
            true
        });
    });
    if !is_noted {
        forget(lock);
    }
}

/// This lock was released, or somebody does with it what nobody notes.
#[inline]
pub(crate) fn forget(lock: &Bound<'_, PyAny>) {
    let (note, address) = note_of(lock);
    if note.lock.load(Ordering::Relaxed) == address {
        note.lock.store(0, Ordering::Relaxed);
    }
}

/// From now on methods that nobody sees may take and release locks.
pub(crate) fn forget_all() {
    for note in &NOTES {
        note.lock.store(0, Ordering::Relaxed);
    }
}

/// Who took this lock last, if there is a note of it.
pub(crate) fn taker(lock: &Bound<'_, PyAny>) -> Option<Taker> {
    let (note, address) = note_of(lock);
    (note.lock.load(Ordering::Relaxed) == address).then(|| Taker {
        event_loop: note.event_loop.load(Ordering::Relaxed),
        task: note.task.load(Ordering::Relaxed),
        identity: Identity::of_number(note.identity.load(Ordering::Relaxed)),
    })
}

//! Releasing objects inside one another without using up the stack: so many, and the rest is put off.
//!
//! What is counted is counted for all threads together: to ask which one this is would take longer than
//! the rest. One that is in the middle of a release, because that runs Python code, lets the others put
//! off a little sooner; it does not keep them from releasing what was put off.

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicU32, Ordering};

use pyo3::ffi;

/// `tp_dealloc` of a class.
pub(super) type Deallocator = unsafe extern "C" fn(*mut ffi::PyObject);

/// How many objects may be released inside one another before the rest is put off, so that a long chain
/// does not use up the stack.
const DEEPEST: u32 = 64;
/// Where no more than so many are, what was put off is released. Not only where none is: a thread that
/// waits in a finaliser may have some for as long as it likes.
const SHALLOW: u32 = DEEPEST / 2;

/// How many objects of ours are being released inside one another.
static DEPTH: AtomicU32 = AtomicU32::new(0);
/// How many have been put off.
static COUNT: AtomicU32 = AtomicU32::new(0);
static PUT_OFF: PutOff = PutOff(UnsafeCell::new(Vec::new()));

/// What was put off, and how it is released.
struct PutOff(UnsafeCell<Vec<(Deallocator, *mut ffi::PyObject)>>);

// SAFETY: S6, who reaches it holds the GIL.
unsafe impl Sync for PutOff {}

/// Begins to release `object`, or puts it off and answers `false`.
#[inline]
pub(super) fn enter(deallocator: Deallocator, object: *mut ffi::PyObject) -> bool {
    let depth = DEPTH.load(Ordering::Relaxed);
    if depth >= DEEPEST {
        put_off(deallocator, object);
        return false;
    }
    DEPTH.store(depth + 1, Ordering::Relaxed);
    true
}

/// The object that was entered is released; where that is not deep, those that were put off are, too.
#[inline]
pub(super) fn leave() {
    let depth = DEPTH.load(Ordering::Relaxed) - 1;
    DEPTH.store(depth, Ordering::Relaxed);
    if COUNT.load(Ordering::Relaxed) > 0 && depth <= SHALLOW {
        release_those_put_off();
    }
}

#[cold]
fn put_off(deallocator: Deallocator, object: *mut ffi::PyObject) {
    // SAFETY: S7, the collector must not see an object without references.
    unsafe { ffi::PyObject_GC_UnTrack(object.cast()) };
    // SAFETY: S6, `push` runs nothing foreign.
    unsafe { (*PUT_OFF.0.get()).push((deallocator, object)) };
    COUNT.fetch_add(1, Ordering::Relaxed);
}

/// Releases what was put off, and what is put off meanwhile: what that has inside is released in here up
/// to the same depth, and the rest comes back to this loop.
#[cold]
fn release_those_put_off() {
    DEPTH.fetch_add(1, Ordering::Relaxed);
    // SAFETY: S6, `pop` runs nothing foreign.
    while let Some((deallocator, object)) = unsafe { (*PUT_OFF.0.get()).pop() } {
        COUNT.fetch_sub(1, Ordering::Relaxed);
        // SAFETY: S7, untracked when it was put off; finalisers expect a tracked object.
        unsafe { ffi::PyObject_GC_Track(object.cast()) };
        // SAFETY: S10, put off at this very place.
        unsafe { deallocator(object) };
    }
    DEPTH.fetch_sub(1, Ordering::Relaxed);
}

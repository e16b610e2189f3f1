//! The lock and the atomics of a cell, and the locks of a group: the standard library's or, in models,
//! loom's.

#[cfg(stook_loom)]
pub(crate) use loom::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicU32},
};
#[cfg(not(stook_loom))]
pub(crate) use std::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicU32},
};

use std::sync::PoisonError;

/// As [`crate::lock::lock`].
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

//! The waker of who waits, kept behind a lock.
//!
//! To clone a waker, or to drop one, may run foreign code, which may ask for that very lock: both are
//! done while nothing is locked.

use std::task::{Context, Waker};

use crate::context;

/// The waker of who polls, on its way to the place where it is kept.
///
/// Made before the lock is taken, so that what it replaces is dropped after that.
pub(crate) struct ToKeep<'cx> {
    waker: &'cx Waker,
    /// A clone to be kept; then what was kept before.
    spare: Option<Waker>,
}

impl<'cx> ToKeep<'cx> {
    pub(crate) fn new(cx: &Context<'cx>) -> Self {
        Self {
            waker: cx.waker(),
            spare: None,
        }
    }

    /// With its place locked: puts it there, where it is not yet. `false` when it has to be
    /// [prepared](Self::prepare) for that first.
    pub(crate) fn put(&mut self, kept: &mut Option<Waker>) -> bool {
        if kept.as_ref().is_some_and(|kept| kept.will_wake(self.waker)) {
            return true;
        }
        // To clone the waker of a task of tokio's is to count.
        if self.spare.is_none() && context::is_task_woken_by(self.waker) {
            self.prepare();
        }
        let Some(clone) = self.spare.take() else {
            return false;
        };
        self.spare = kept.replace(clone);
        true
    }

    /// The same where it is foreign: then it is put in its place at once. Nothing may be locked.
    pub(crate) fn prepare_foreign(&mut self) {
        if !context::is_task_woken_by(self.waker) {
            self.prepare();
        }
    }

    /// Nothing may be locked.
    pub(crate) fn prepare(&mut self) {
        self.spare = Some(self.waker.clone());
    }
}

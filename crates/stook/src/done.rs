//! Waits until a task has ended.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::block::CellRef;
use crate::outcome::Ended;
use crate::watcher::{WatchKey, Watcher};

/// Waits until a task has ended. No cancel point.
#[derive(Debug)]
pub(crate) struct Done<C: AsRef<CellRef>> {
    cell: C,
    key: Option<WatchKey>,
}

impl<C: AsRef<CellRef>> Done<C> {
    pub(crate) fn new(cell: C) -> Self {
        Self { cell, key: None }
    }
}

// Nothing in it is pinned in place.
impl<C: AsRef<CellRef>> Unpin for Done<C> {}

impl<C: AsRef<CellRef>> Future for Done<C> {
    type Output = Ended;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Ended> {
        let this = &mut *self;
        let cell = this.cell.as_ref();
        if let Some(ended) = cell.ended() {
            this.key = None;
            return Poll::Ready(ended);
        }
        match this.key {
            Some(key) => cell.rewatch(key, cx.waker()),
            None => match cell.watch(Watcher::Wake(cx.waker().clone())) {
                Ok(key) => this.key = Some(key),
                Err((_, ended)) => return Poll::Ready(ended),
            },
        }
        // It may have ended before the waker was exchanged, and woken the old one.
        match cell.ended() {
            Some(ended) => {
                this.key = None;
                Poll::Ready(ended)
            }
            None => Poll::Pending,
        }
    }
}

impl<C: AsRef<CellRef>> Drop for Done<C> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.cell.as_ref().unwatch(key);
        }
    }
}

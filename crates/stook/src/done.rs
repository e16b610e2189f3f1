//! Waits until a task has ended.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::cell::Cell;
use crate::outcome::Ended;
use crate::watcher::Watcher;

/// Waits until a task has ended. No cancel point.
#[derive(Debug)]
pub(crate) struct Done {
    cell: Arc<Cell>,
    key: Option<u64>,
}

impl Done {
    pub(crate) fn new(cell: Arc<Cell>) -> Self {
        Self { cell, key: None }
    }
}

impl Future for Done {
    type Output = Ended;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Ended> {
        if let Some(ended) = self.cell.ended() {
            self.key = None;
            return Poll::Ready(ended);
        }
        match self.key {
            Some(key) => self.cell.rewatch(key, cx.waker()),
            None => match self.cell.watch(Watcher::Wake(cx.waker().clone())) {
                Ok(key) => self.key = Some(key),
                Err((_, ended)) => return Poll::Ready(ended),
            },
        }
        // It may have ended before the waker was exchanged, and woken the old one.
        match self.cell.ended() {
            Some(ended) => {
                self.key = None;
                Poll::Ready(ended)
            }
            None => Poll::Pending,
        }
    }
}

impl Drop for Done {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.cell.unwatch(key);
        }
    }
}

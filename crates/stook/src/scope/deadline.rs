//! A future in a scope that may have a deadline: what `timeout`, `move_on_after` and `scope` share.

use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use stook_kernel::{BodyEnd, ConvertRule, EnterRule, OutOfPhase, Timeout, TimeoutEnd, TimeoutExit};
use tokio::time::{Instant, Sleep};

use crate::cancel_error::CancelError;
use crate::record::{CancelKind, Record};
use crate::scope::node::{ScopeNode, ScopeRef};
use crate::scope::within::Within;

pin_project! {
    /// A future in a scope that may have a deadline.
    pub(crate) struct Scoped<F> {
        #[pin]
        within: Within<F>,
        #[pin]
        deadline: Option<Sleep>,
        node: ScopeRef,
        machine: Timeout,
        location: &'static Location<'static>,
    }
}

/// How the block of a scope ended.
pub(crate) enum ScopeEnd<T, E> {
    /// As its body did.
    Body(Result<T, E>),
    /// By the scope's own cancellation.
    Cancelled(Arc<Record>),
}

impl<F> Scoped<F> {
    pub(crate) fn new(
        node: ScopeRef,
        deadline: Option<Sleep>,
        future: F,
        location: &'static Location<'static>,
    ) -> Self {
        Self {
            within: Within::new(node.clone(), future),
            deadline,
            node,
            machine: Timeout::new(),
            location,
        }
    }
}

impl<F, T, E> Future for Scoped<F>
where
    F: Future<Output = Result<T, E>>,
    E: CancelError,
{
    type Output = ScopeEnd<T, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        // Refused when it was entered before, that is, from the second poll on.
        let is_first = this.machine.enter(EnterRule::Once).is_ok();
        if let Some(deadline) = this.deadline.as_pin_mut() {
            // What is late from the start does not wait for the tick of the timer.
            let is_late = is_first && deadline.deadline() <= Instant::now();
            if !this.node.is_fired() && (is_late || deadline.poll(cx).is_ready()) {
                let record = Record::by(None, CancelKind::Timeout, None, this.location, None);
                this.node.fire(record);
            }
        }
        let Poll::Ready(result) = this.within.poll(cx) else {
            return Poll::Pending;
        };
        this.node.leave();
        Poll::Ready(end(this.machine, this.node, result))
    }
}

fn end<T, E: CancelError>(
    machine: &mut Timeout,
    node: &ScopeNode,
    result: Result<T, E>,
) -> ScopeEnd<T, E> {
    if node.is_fired() {
        // Refused when the time has come before; it stays come.
        let _expired = machine.expire();
    }
    match machine.exit() {
        Ok(TimeoutExit::Uncancel) => {}
        Ok(TimeoutExit::Nothing) => return ScopeEnd::Body(result),
        Err(OutOfPhase) => unreachable!("it was entered, and is left once"),
    }
    let body = match &result {
        Ok(_) => BodyEnd::Returned,
        Err(error) => match error.as_cancelled() {
            Some(cancelled) if cancelled.target() == node.id() => BodyEnd::Cancelled,
            _ => BodyEnd::Raised,
        },
    };
    // Whose cancellation it is says its target. Requests of the task are not counted for that: the
    // scope made none.
    match machine.uncancelled(0, 0, body, ConvertRule::NoneNew) {
        TimeoutEnd::RaiseTimeout => match result.as_ref().err().and_then(E::as_cancelled) {
            Some(cancelled) => ScopeEnd::Cancelled(Arc::clone(cancelled.record())),
            None => ScopeEnd::Body(result),
        },
        TimeoutEnd::Nothing | TimeoutEnd::MarkContexts => ScopeEnd::Body(result),
    }
}

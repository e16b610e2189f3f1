//! Feature `tracing`: what a subscriber sees of a task.

#![cfg(feature = "tracing")]
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use stook::Cancelled;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Notes what happens to spans, and events.
#[derive(Clone, Default)]
struct Log {
    seen: Arc<Mutex<Vec<String>>>,
    next: Arc<AtomicU64>,
}

impl Log {
    fn note(&self, what: impl Into<String>) {
        self.seen.lock().unwrap().push(what.into());
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "stook"
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.note(format!("new {}", span.metadata().name()));
        Id::from_u64(self.next.fetch_add(1, Ordering::SeqCst) + 1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, event: &Event<'_>) {
        self.note(format!("event {}", event.metadata().level()));
    }

    fn enter(&self, _span: &Id) {
        self.note("enter");
    }

    fn exit(&self, _span: &Id) {
        self.note("exit");
    }
}

#[test]
fn a_task_has_a_span_while_it_is_polled_and_reports_are_events() {
    let log = Log::default();
    tracing::subscriber::with_default(log.clone(), || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(async {
            let task = stook::spawn(async { stook::checkpoint().await });
            task.await.unwrap();
            let fails = stook::spawn(async { Err::<(), _>(std::io::Error::other("no paper")) });
            fails.handle().done().await.unwrap();
            drop(fails);
            Ok::<_, Cancelled>(())
        })
    })
    .unwrap();
    let seen = log.seen.lock().unwrap().join(", ");
    let task = "new task, enter, exit, enter, exit";
    assert_eq!(seen, format!("{task}, new task, enter, exit, event WARN"));
}

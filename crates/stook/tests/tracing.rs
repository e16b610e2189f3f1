//! Feature `tracing`: what a subscriber sees of a task.

#![cfg(feature = "tracing")]
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use stook::{Cancelled, OrCancel};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// By the number of a span, and the name of a field.
type Fields = BTreeMap<(u64, &'static str), Vec<String>>;

/// Notes what happens to spans, and events.
#[derive(Clone, Default)]
struct Log {
    seen: Arc<Mutex<Vec<String>>>,
    /// Each value that a field of a span had, one after the other.
    fields: Arc<Mutex<Fields>>,
    next: Arc<AtomicU64>,
}

impl Log {
    fn note(&self, what: impl Into<String>) {
        self.seen.lock().unwrap().push(what.into());
    }

    /// The values that a field of this span has had.
    fn values(&self, span: u64, field: &'static str) -> Vec<String> {
        let fields = self.fields.lock().unwrap();
        fields.get(&(span, field)).cloned().unwrap_or_default()
    }
}

/// Notes the values of one span.
struct Values<'log> {
    log: &'log Log,
    span: u64,
}

impl Visit for Values<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.record_str(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let mut fields = self.log.fields.lock().unwrap();
        let values = fields.entry((self.span, field.name())).or_default();
        values.push(value.to_owned());
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "stook"
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.note(format!("new {}", span.metadata().name()));
        let number = self.next.fetch_add(1, Ordering::SeqCst) + 1;
        span.record(&mut Values {
            log: self,
            span: number,
        });
        Id::from_u64(number)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        values.record(&mut Values {
            log: self,
            span: span.into_u64(),
        });
    }

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

/// Runs it with the log as the subscriber, on one thread with a paused clock.
fn logged<F: Future<Output = ()>>(body: F) -> Log {
    let log = Log::default();
    tracing::subscriber::with_default(log.clone(), || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(body);
    });
    log
}

#[test]
fn the_span_says_name_line_state_reason_and_where_the_task_waits() {
    let mut lines = (0, 0);
    let log = logged(async {
        lines.0 = line!() + 1;
        let mut task = stook::builder().name("clerk").spawn(async {
            stook::sleep(Duration::from_secs(1)).await?;
            stook::sleep(Duration::from_secs(1)).await?;
            tokio::time::sleep(Duration::from_secs(1)).await;
            std::future::pending::<()>().or_cancel().await
        });
        lines.1 = lines.0 + 1;
        tokio::time::sleep(Duration::from_secs(4)).await;
        task.cancel_with("closing time");
        assert!(task.join().await.unwrap().is_cancelled());
    });
    let at = |line: u32| format!("{}:{line}", file!());
    assert_eq!(log.values(1, "name"), ["clerk"]);
    assert_eq!(log.values(1, "file"), [file!()]);
    assert_eq!(log.values(1, "line"), [lines.0.to_string()]);
    assert_eq!(
        log.values(1, "state"),
        ["created", "running", "cancelling", "cancelled"]
    );
    assert_eq!(log.values(1, "reason"), ["closing time"]);
    assert_eq!(
        log.values(1, "waiting"),
        [
            at(lines.1),
            at(lines.1 + 1),
            "a bare await".to_owned(),
            at(lines.1 + 3)
        ]
    );
}

#[test]
fn a_request_without_a_reason_says_who_asked_and_one_that_is_taken_back_changes_the_state() {
    let log = logged(async {
        let task = stook::spawn(async {
            stook::sleep(Duration::from_secs(1)).await.unwrap_err();
            stook::current().unwrap().uncancel();
            stook::sleep(Duration::from_secs(1)).await
        });
        tokio::task::yield_now().await;
        task.cancel();
        task.await.unwrap();
        let children = (0..2).map(|_| async { Ok::<_, Cancelled>(()) });
        stook::gather(children).await.unwrap();
        let aborted = stook::spawn(stook::sleep(Duration::from_secs(1)));
        aborted.abort();
        aborted.handle().done().await.unwrap();
    });
    let states = log.values(1, "state");
    assert_eq!(
        states,
        ["created", "running", "cancelling", "running", "ok"]
    );
    let reasons = log.values(1, "reason");
    assert!(
        reasons.len() == 1 && reasons[0].starts_with("explicit at"),
        "{reasons:?}"
    );
    for child in [2, 3] {
        assert_eq!(log.values(child, "state"), ["created", "running", "ok"]);
    }
    assert_eq!(log.values(4, "state"), ["created", "aborted"]);
}

/// Panics with each step of a task, when it begins or when it ends.
struct Breaks {
    on_enter: bool,
}

impl Subscriber for Breaks {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_span() && metadata.target() == "stook"
    }

    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, _event: &Event<'_>) {}

    fn enter(&self, _span: &Id) {
        assert!(!self.on_enter, "in enter");
    }

    fn exit(&self, _span: &Id) {
        assert!(self.on_enter, "in exit");
    }
}

#[test]
fn a_task_ends_whose_subscriber_panics() {
    for (on_enter, message) in [(true, "in enter"), (false, "in exit")] {
        tracing::subscriber::with_default(Breaks { on_enter }, || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .start_paused(true)
                .build()
                .unwrap();
            runtime.block_on(async {
                let mut task = stook::spawn(async {
                    tokio::task::yield_now().await;
                    Ok::<_, Cancelled>(())
                });
                let ended = tokio::time::timeout(Duration::from_secs(1), task.join());
                match ended.await.expect("it hangs").unwrap() {
                    stook::Outcome::Panicked(panic) => assert_eq!(panic.message(), message),
                    other => panic!("{other:?}"),
                }
                assert!(stook::tree().is_empty());
            });
        });
    }
}

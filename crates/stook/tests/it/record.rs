//! Who asked, why, from which line.

use std::future::{Future, pending};
use std::io;

use stook::{CancelKind, Cancelled, OrCancel, Outcome, Record, Task, TaskGroup};

use crate::stage::{settle, with_paused_clock};

async fn forever() -> Result<(), Cancelled> {
    pending().or_cancel().await
}

async fn cancellation(task: &mut Task<(), Cancelled>) -> Cancelled {
    match task.join().await.unwrap() {
        Outcome::Cancelled(cancelled) | Outcome::Err(cancelled) => cancelled,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_record_says_who_asked_why_and_where() {
    with_paused_clock(|| async {
        let mut task = stook::spawn(forever());
        let handle = task.handle();
        let line = line!() + 3;
        let asks = stook::builder().name("boss").spawn(async move {
            tokio::task::yield_now().await;
            handle.cancel_with("closing time");
            Ok::<_, Cancelled>(())
        });
        let id = asks.id();
        asks.await.unwrap();
        let cancelled = cancellation(&mut task).await;
        let record = cancelled.record();
        assert_eq!(record.kind(), CancelKind::Explicit);
        assert_eq!(record.reason(), Some("closing time"));
        assert_eq!(
            (record.location().file(), record.location().line()),
            (file!(), line)
        );
        let who = record.who().unwrap();
        assert_eq!((who.id, who.name.as_deref()), (id, Some("boss")));
        assert!(record.to_string().contains("explicit by"), "{record}");
        assert!(record.to_string().ends_with("(closing time)"), "{record}");
    });
}

#[test]
fn a_chain_leads_from_the_child_to_who_asked_first() {
    with_paused_clock(|| async {
        let (tell, told) = tokio::sync::oneshot::channel();
        let child = stook::spawn(async {
            let cancelled = forever().await.unwrap_err();
            tell.send(cancelled.clone()).unwrap();
            Err::<(), _>(cancelled)
        });
        let mut parent = stook::spawn(async { child.await });
        settle().await;
        parent.cancel_with("the root");
        let of_parent = cancellation(&mut parent).await;
        assert_eq!(of_parent.record().chain().count(), 1);
        let of_child = told.await.unwrap();
        assert_eq!(of_child.kind(), CancelKind::ParentCancelled);
        assert_eq!(of_child.record().chain().count(), 2);
        assert_eq!(of_child.reason(), Some("the root"));
    });
}

#[test]
fn requests_that_meet_are_told_together() {
    with_paused_clock(|| async {
        let mut task = stook::spawn(forever());
        settle().await;
        for number in 0..20 {
            task.cancel_with(format!("request {number}"));
        }
        let cancelled = cancellation(&mut task).await;
        assert_eq!(cancelled.reason(), Some("request 0"));
        let others: Vec<_> = cancelled
            .others()
            .iter()
            .map(|other| other.reason())
            .collect();
        assert_eq!(others.len(), 7, "those between are left out");
        assert_eq!(others.last(), Some(&Some("request 19")));
    });
}

#[test]
fn what_was_taken_back_is_not_told_with_later_requests() {
    with_paused_clock(|| async {
        let mut task = stook::spawn(forever());
        for _ in 0..2 {
            task.cancel_with("a mistake");
        }
        for left in [1, 0] {
            assert_eq!(task.uncancel(), left);
        }
        task.cancel_with("closing time");
        let cancelled = cancellation(&mut task).await;
        assert_eq!(cancelled.reason(), Some("closing time"));
        assert!(cancelled.others().is_empty());
    });
}

/// The cancellation that a task of a group is told of when the body ends like this, and the line of the
/// group. The caller is asked meanwhile.
async fn told_in_a_group<Fut>(body: impl FnOnce() -> Fut + Send + 'static) -> (Cancelled, u32)
where
    Fut: Future<Output = Result<(), io::Error>> + Send + 'static,
{
    let (tell, told) = tokio::sync::oneshot::channel();
    let line = line!() + 2;
    let mut caller = stook::spawn(async {
        stook::task_group(async move |group: TaskGroup<io::Error>| {
            drop(group.spawn(async {
                tell.send(forever().await.unwrap_err()).unwrap();
                Ok(())
            }));
            body().await
        })
        .await
    });
    settle().await;
    caller.cancel_with("the root");
    assert!(caller.join().await.is_ok());
    (told.await.unwrap(), line)
}

#[test]
fn a_body_that_was_cancelled_passes_that_on_to_its_tasks() {
    with_paused_clock(|| async {
        let (told, line) = told_in_a_group(async || Ok(forever().await?)).await;
        assert_eq!(told.kind(), CancelKind::ParentCancelled);
        assert_eq!(told.record().location().line(), line);
        let chain: Vec<_> = told.record().chain().map(Record::kind).collect();
        assert_eq!(chain, [CancelKind::ParentCancelled, CancelKind::Explicit]);
        assert_eq!(told.reason(), Some("the root"));
    });
}

#[test]
fn a_body_that_has_failed_is_the_reason_by_itself() {
    with_paused_clock(|| async {
        let fails = async || {
            stook::checkpoint().await?;
            Err(io::Error::other("out of paper"))
        };
        let (told, line) = told_in_a_group(fails).await;
        assert_eq!(told.kind(), CancelKind::SiblingFailed);
        assert_eq!(told.record().location().line(), line);
        assert_eq!(told.record().chain().count(), 1);
    });
}

//! What features add.

#[cfg(feature = "stream")]
#[tokio::test(start_paused = true)]
async fn as_completed_is_a_stream() {
    use futures_util::StreamExt;
    use std::time::Duration;

    let tasks = [2, 1].map(|seconds| stook::spawn(stook::sleep(Duration::from_secs(seconds))));
    let ends = stook::as_completed(tasks).map(|end| end.unwrap().0);
    assert_eq!(ends.collect::<Vec<_>>().await, [1, 0]);
}

#[cfg(feature = "stream")]
#[tokio::test(start_paused = true)]
async fn a_cancellation_is_an_item_of_the_stream_which_goes_on() {
    use futures_util::StreamExt;
    use std::time::Duration;

    let mut reader = stook::spawn(async {
        let task = stook::spawn(stook::sleep(Duration::from_secs(1)));
        let mut ends = stook::as_completed([task]);
        let first = StreamExt::next(&mut ends).await.unwrap();
        assert!(first.is_err());
        let second = StreamExt::next(&mut ends).await.unwrap();
        Ok::<_, stook::Cancelled>(second?.0)
    });
    tokio::task::yield_now().await;
    reader.cancel();
    assert_eq!(reader.join().await.unwrap().ok(), Some(0));
}

#[cfg(feature = "stream")]
#[tokio::test(start_paused = true)]
async fn a_stream_in_a_scope_outside_of_tasks_hears_of_its_cancellation() {
    use futures_util::StreamExt;
    use std::time::Duration;

    let ended = stook::scope(async |scope| {
        let task = stook::spawn(stook::sleep(Duration::from_secs(60)));
        let mut ends = stook::as_completed([task]);
        let scope = scope.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            scope.cancel();
        });
        let first = StreamExt::next(&mut ends).await.unwrap();
        assert!(first.is_err());
        Ok::<_, stook::Cancelled>(tokio::time::Instant::now())
    });
    let begin = tokio::time::Instant::now();
    let ended = tokio::time::timeout(Duration::from_secs(10), ended).await;
    assert!(ended.is_ok());
    assert_eq!(begin.elapsed(), Duration::from_secs(1));
}

#[cfg(feature = "stream")]
#[tokio::test(start_paused = true)]
async fn a_stream_in_a_scope_that_is_cancelled_comes_to_an_end() {
    use futures_util::StreamExt;
    use std::time::Duration;

    let mut ends = None;
    let ended = stook::timeout(Duration::from_secs(2), async {
        let tasks = [1, 60].map(|seconds| stook::spawn(stook::sleep(Duration::from_secs(seconds))));
        let ends = ends.insert(stook::as_completed(tasks));
        let items = ends.take(9).map(|item| item.is_ok()).collect::<Vec<_>>();
        Ok::<_, stook::Cancelled>(items.await)
    });
    assert_eq!(ended.await.unwrap().unwrap(), [true, false]);
    // Outside it goes on.
    let mut ends = ends.unwrap();
    assert_eq!(StreamExt::next(&mut ends).await.unwrap().unwrap().0, 1);
    assert!(StreamExt::next(&mut ends).await.is_none());
}

#[cfg(feature = "tokio-util")]
#[tokio::test]
async fn tokens_of_tokio_util_go_both_ways() {
    use stook::CancellationToken;

    let foreign = tokio_util::sync::CancellationToken::new();
    let token = CancellationToken::from_tokio_util(&foreign);
    let back = token.to_tokio_util();
    assert!(!token.is_cancelled() && !back.is_cancelled());
    foreign.cancel();
    token.cancelled().await;
    assert!(back.is_cancelled());
    assert!(CancellationToken::from_tokio_util(&foreign).is_cancelled());
}

#[cfg(feature = "anyhow")]
#[tokio::test]
async fn anyhow_carries_a_cancellation() {
    use anyhow::Context;
    use stook::{Cancelled, OrCancel};

    async fn forever() -> Result<(), Cancelled> {
        std::future::pending().or_cancel().await
    }
    async fn read() -> std::io::Result<()> {
        Ok(forever().await?)
    }
    for way in 0..4 {
        let mut task = stook::spawn(async move {
            match way {
                0 => forever().await?,
                1 => forever().await.context("waits")?,
                2 => read().await?,
                _ => read().await.context("reads")?,
            }
            Ok::<_, anyhow::Error>(())
        });
        tokio::task::yield_now().await;
        task.cancel();
        assert!(task.join().await.unwrap().is_cancelled(), "way {way}");
    }
}

#[cfg(feature = "serde")]
#[test]
fn the_tree_can_be_serialised() {
    const fn is_serialisable<T: serde::Serialize>() {}
    const { is_serialisable::<stook::Tree>() }
    const { is_serialisable::<stook::TaskInfo>() }
}

#[cfg(feature = "serde")]
#[tokio::test(start_paused = true)]
async fn what_is_serialised_is_the_task_and_its_state_in_a_word() {
    let task = stook::builder().name("sleeper").spawn(async {
        let nap = stook::sleep(std::time::Duration::from_secs(60));
        stook::timeout(std::time::Duration::from_secs(1), stook::shield(nap))
            .await
            .unwrap()
    });
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let tree = serde_json::to_value(stook::tree()).unwrap();
    let shown = &tree["roots"][0]["task"];
    assert_eq!(shown["id"], task.id().number());
    assert_eq!(
        (&shown["name"], &shown["state"]),
        (&"sleeper".into(), &"running".into())
    );
    assert_eq!(shown["age"]["secs"], 2);
    assert_eq!(shown["cancelled_scopes"][0]["kind"], "timeout");
    assert_eq!(tree["roots"][0]["children"], serde_json::json!([]));
    task.cancel_with("enough");
    assert_eq!(
        serde_json::to_value(task.info()).unwrap()["state"],
        "cancelling"
    );
}

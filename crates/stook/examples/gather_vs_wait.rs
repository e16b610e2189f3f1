//! Stopping who waits: `wait` leaves its tasks alone, `gather` takes them along.

use std::sync::Arc;
use std::time::Duration;

use stook::{Cancelled, TaskState, When};

async fn work() -> Result<&'static str, Cancelled> {
    stook::sleep(Duration::from_secs(5)).await?;
    Ok("done")
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Cancelled> {
    let task = Arc::new(stook::spawn(work()));
    let watched = Arc::clone(&task);
    let mut waiting = stook::spawn(async move {
        stook::wait([&*watched], When::All, None).await?;
        Ok::<_, Cancelled>(())
    });
    stook::sleep(Duration::from_secs(2)).await?;
    waiting.cancel();
    if waiting.join().await?.is_cancelled() {
        println!("Waiting task cancelled");
    }
    if let Some(task) = Arc::into_inner(task) {
        println!("Work result: {}", task.await?);
    }

    let task = stook::spawn(work());
    let handle = task.handle();
    let waiting = stook::gather([task]);
    stook::sleep(Duration::from_secs(2)).await?;
    waiting.cancel();
    if waiting.await.is_err() {
        println!("Waiting task cancelled");
    }
    if handle.done().await? == TaskState::Cancelled {
        println!("Work task cancelled");
    }
    Ok(())
}

//! A group is cancelled before one of its tasks has begun, and another waits for what that one was to
//! do, at a bare `.await`, which is no cancel point. The report names both.

use std::sync::Arc;
use std::time::Duration;

use stook::{Cancelled, Report, TaskGroup};
use tokio::sync::Notify;

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Cancelled> {
    let ready = Arc::new(Notify::new());

    let rescue = Arc::clone(&ready);
    stook::set_report_hook(move |report| {
        if let Report::StuckCancel {
            task,
            never_started,
        } = report
        {
            let names: Vec<&str> = never_started
                .iter()
                .filter_map(|who| who.name.as_deref())
                .collect();
            println!("{} is blocked", task.name.as_deref().unwrap_or("a task"));
            println!("cancelled before their first step: {}", names.join(", "));
            // A program that does without this waits for ever.
            rescue.notify_one();
        }
    });
    let _watch = stook::watch_cancels(Duration::from_secs(5));

    let end = stook::task_group(async |group: TaskGroup<Cancelled>| {
        let waits = Arc::clone(&ready);
        let _consumer = stook::builder()
            .name("consumer")
            .spawn_in(&group, async move {
                println!("consumer waits");
                waits.notified().await; // `.or_cancel()` here, and there is nothing to report.
                println!("consumer has what it waited for");
                Ok(())
            });
        stook::checkpoint().await?;

        let readies = Arc::clone(&ready);
        let _producer = stook::builder()
            .name("producer")
            .spawn_in(&group, async move {
                println!("producer is never begun");
                readies.notify_one();
                Ok(())
            });
        group.cancel_with("the client left");
        stook::checkpoint().await
    });
    match end.await {
        Err(error) => println!(
            "the group ends: {}",
            error
                .cancelled
                .and_then(|why| why.reason().map(str::to_owned))
                .unwrap_or_default()
        ),
        Ok(()) => println!("the group ends well"),
    }
    Ok(())
}

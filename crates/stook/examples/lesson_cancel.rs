//! A task is cancelled, tidies up, and passes the cancellation on.

use std::time::Duration;

use stook::{Cancelled, Outcome};

async fn slow_work(label: &str) -> Result<String, Cancelled> {
    println!("Starting {label}");
    if let Err(cancelled) = stook::sleep(Duration::from_secs(5)).await {
        println!("{label} was cancelled");
        return Err(cancelled);
    }
    Ok(format!("Done {label}"))
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Cancelled> {
    let mut task = stook::spawn(slow_work("task_A"));
    stook::sleep(Duration::from_secs(1)).await?;
    if let Outcome::Cancelled(_) = task.cancel_and_join().await? {
        println!("Task cancelled successfully");
    }
    Ok(())
}

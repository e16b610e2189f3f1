//! A task group ends as a whole.

use std::time::Duration;

use stook::{Cancelled, TaskGroup};

async fn work(name: &str, number: u32, milliseconds: u64) -> Result<u32, Cancelled> {
    stook::sleep(Duration::from_millis(milliseconds)).await?;
    println!("{name} {number}");
    Ok(number)
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (one, two) = stook::task_group(async |group: TaskGroup<Cancelled>| {
        let one = group.spawn(work("some_coro", 1, 200));
        let two = group.spawn(work("another_coro", 2, 100));
        Ok((one, two))
    })
    .await?;
    println!("Both tasks have completed now.");
    println!("{} {}", one?.await?, two?.await?);
    Ok(())
}

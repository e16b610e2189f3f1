//! Waiting for the same tasks in steps: the first, then what two seconds bring, then all the others.
//! The delays, in seconds, are fixed, so that the order is the same each time.

use std::time::Duration;

use stook::{Cancelled, Task, When};

const DELAYS: [f64; 10] = [
    4.130, 3.784, 1.919, 2.881, 4.712, 3.311, 2.108, 2.314, 0.628, 4.260,
];

async fn runner(number: usize) -> Result<usize, Cancelled> {
    println!("> {number}");
    stook::sleep(Duration::from_secs_f64(DELAYS[number - 1])).await?;
    println!("< {number}");
    Ok(number)
}

fn show(done: &[&Task<usize, Cancelled>]) {
    for number in done.iter().filter_map(|task| task.try_take()?.ok()) {
        println!("{number}");
    }
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Cancelled> {
    let tasks: Vec<_> = (1..=10)
        .map(|number| stook::spawn(runner(number)))
        .collect();

    println!("Get first result:");
    let first = stook::wait(&tasks, When::FirstCompleted, None).await?;
    show(&first.done);
    println!("unfinished: {}", first.pending.len());

    println!("Get more results in 2 seconds:");
    let more = stook::wait(first.pending, When::All, Some(Duration::from_secs(2))).await?;
    show(&more.done);
    println!("unfinished2: {}", more.pending.len());

    println!("Get all other results:");
    let rest = stook::wait(more.pending, When::All, None).await?;
    show(&rest.done);
    Ok(())
}

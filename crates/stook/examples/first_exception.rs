//! `wait` until the first error, and read it from its task.

mod flaky;

use flaky::flaky;
use stook::{Cancelled, Outcome, When};

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Cancelled> {
    let tasks: Vec<_> = (0..10).map(|number| stook::spawn(flaky(number))).collect();
    let waited = stook::wait(&tasks, When::FirstError, None).await?;
    println!(
        "{} done {} pending",
        waited.done.len(),
        waited.pending.len()
    );
    for task in waited.done {
        if let Some(Outcome::Err(error)) = task.try_take() {
            println!("I caught: {error:?}");
        }
    }
    Ok(())
}

//! `wait` raises nothing: all tasks run to their ends. Nobody reads the five errors, so they are
//! reported, on standard error.

mod flaky;

use flaky::flaky;
use stook::{Cancelled, When};

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Cancelled> {
    let tasks: Vec<_> = (0..10).map(|number| stook::spawn(flaky(number))).collect();
    stook::wait(&tasks, When::All, None).await?;
    Ok(())
}

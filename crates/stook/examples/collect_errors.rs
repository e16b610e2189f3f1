//! All errors, as outcomes among the others.

mod flaky;

use flaky::flaky;
use stook::{Cancelled, Outcome};

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Cancelled> {
    for outcome in stook::gather_outcomes((0..10).map(flaky)).await? {
        if let Outcome::Err(error) = outcome {
            println!("I caught: {error:?}");
        }
    }
    Ok(())
}

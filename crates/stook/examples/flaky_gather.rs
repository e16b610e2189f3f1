//! The first error of a `gather` comes out at once; here the program ends by it.

mod flaky;

use flaky::{Failure, flaky};

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Failure> {
    stook::gather((0..10).map(flaky)).await?;
    Ok(())
}

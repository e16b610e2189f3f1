//! Was it me or my child? `cargo run --example detect_cancel -- child`, or `parent`.

use std::time::Duration;

use stook::{Cancelled, Outcome, Task};

async fn child() -> Result<(), Cancelled> {
    println!("cancel_me");
    let end = stook::sleep(Duration::from_secs(3600)).await;
    println!("cancel_me(): after sleep");
    end
}

async fn parent(mut child: Task<(), Cancelled>) -> Result<(), Cancelled> {
    match child.join().await {
        Err(mine) => {
            println!("parent(): I am cancelled");
            Err(mine)
        }
        Ok(Outcome::Cancelled(childs)) => {
            println!("parent(): child is cancelled now");
            Err(childs)
        }
        Ok(_) => Ok(()),
    }
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Cancelled> {
    let cancels_parent = std::env::args().nth(1).is_some_and(|who| who == "parent");
    let child = stook::spawn(child());
    let child_handle = child.handle();
    let mut parent = stook::spawn(parent(child));
    stook::sleep(Duration::from_millis(100)).await?;
    if cancels_parent {
        parent.cancel();
    } else {
        child_handle.cancel();
    }
    // The parent of a child that was cancelled has failed; it was not cancelled itself.
    assert_eq!(parent.join().await?.is_cancelled(), cancels_parent);
    Ok(())
}

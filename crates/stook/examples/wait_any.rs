//! The first of two decides: the work, or the client that hangs up; and what if who waits is stopped?

use std::sync::Arc;
use std::time::Duration;

use stook::{Cancelled, OrCancel, Task, TaskHandle, TaskState};
use tokio::sync::Notify;

/// What takes part in one case.
struct Case {
    waiting: Task<(), Cancelled>,
    work: TaskHandle,
    hung_up: TaskHandle,
    hang_up: Arc<Notify>,
}

fn begin() -> Case {
    let hang_up = Arc::new(Notify::new());
    let heard = Arc::clone(&hang_up);
    let work = stook::spawn(stook::sleep(Duration::from_secs(5)));
    let hung_up = stook::spawn(async move { heard.notified().or_cancel().await });
    let (work_handle, hung_up_handle) = (work.handle(), hung_up.handle());
    Case {
        waiting: stook::spawn(async move {
            stook::wait_any(&[work, hung_up], None).await?;
            Ok(())
        }),
        work: work_handle,
        hung_up: hung_up_handle,
        hang_up,
    }
}

/// Tells how each has ended.
async fn tell(mut case: Case) -> Result<(), Cancelled> {
    let is_done = case.waiting.join().await?.is_ok();
    println!("waiting is {}", if is_done { "done" } else { "cancelled" });
    println!(
        "{}",
        match case.hung_up.done().await? {
            TaskState::Ok => "connection is lost",
            _ => "waiting connection lost is cancelled",
        }
    );
    println!(
        "{}",
        match case.work.done().await? {
            TaskState::Ok => "work is done",
            _ => "work is cancelled",
        }
    );
    Ok(())
}

fn title(text: &str) {
    println!("{text}\n-------------------");
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Cancelled> {
    title("Work done");
    tell(begin()).await?;

    title("\nConnection lost");
    let case = begin();
    stook::sleep(Duration::from_secs(2)).await?;
    case.hang_up.notify_one();
    tell(case).await?;

    title("\nCancel waiting");
    let case = begin();
    stook::sleep(Duration::from_secs(2)).await?;
    case.waiting.cancel();
    tell(case).await
}

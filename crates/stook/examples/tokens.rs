//! One token for tasks inside tasks: a server that shuts down, and a request with a deadline.
//!
//! Each request has a token of its own that follows the server's. Whatever works for a request is
//! attached to it, however deep it is, and is cancelled with it.

use std::time::Duration;

use stook::{CancellationToken, Cancelled, Task, TaskState, When};

const MINUTE: Duration = Duration::from_secs(60);
const MOMENT: Duration = Duration::from_millis(10);

/// Does a part of the work, and puts the tools back in any case.
async fn step(name: String, time: Duration) -> Result<String, Cancelled> {
    let slept = stook::sleep(time).await;
    if slept.is_err() {
        println!("  {name}: stopped");
    }
    slept.map(|()| name)
}

/// Does the work for a request in two steps, each in a task of its own.
async fn work(
    name: &str,
    time: Duration,
    token: &CancellationToken,
) -> Result<Vec<String>, Cancelled> {
    let steps: Vec<Task<String>> = (1..=2)
        .map(|number| stook::spawn(step(format!("{name}, step {number}"), time)))
        .inspect(|task| token.attach(task))
        .collect();
    // A token tells whoever it was given to in that order: the steps have put their tools back when
    // this ends.
    stook::when_all(&steps, token).await
}

/// Serves a request; gives it up at its deadline, or when the server shuts down.
async fn request(
    name: &'static str,
    time: Duration,
    server: CancellationToken,
    deadline: Duration,
) -> Result<(), Cancelled> {
    let token = server.child();
    let _deadline = stook::spawn({
        let token = token.clone();
        async move {
            stook::sleep(deadline).await?;
            token.cancel_with("too late");
            Ok::<_, Cancelled>(())
        }
    });
    match work(name, time, &token).await {
        Ok(results) => println!("{name} has {}", list(&results)),
        Err(_) => println!("{name} is given up: {}", token.reason().unwrap_or_default()),
    }
    Ok(())
}

fn list(texts: &[String]) -> String {
    let quoted: Vec<String> = texts.iter().map(|text| format!("'{text}'")).collect();
    format!("[{}]", quoted.join(", "))
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Cancelled> {
    let server = CancellationToken::new();
    let telling = server.on_cancel(|token| {
        println!(
            "the server shuts down: {}",
            token.reason().unwrap_or_default()
        );
    });

    request("quick", MOMENT, server.clone(), MINUTE).await?;
    request("slow", MINUTE, server.clone(), MOMENT).await?;

    let serving =
        ["one", "two"].map(|name| stook::spawn(request(name, MINUTE, server.clone(), MINUTE)));
    stook::sleep(MOMENT).await?;
    server.cancel_with("power is short");
    stook::wait(&serving, When::All, None).await?;
    drop(telling);

    let late = stook::spawn(step("late".to_owned(), MOMENT));
    server.attach(&late);
    let was_begun = late.handle().done().await? != TaskState::Cancelled;
    println!(
        "a task of a cancelled token was begun: {}",
        if was_begun { "True" } else { "False" }
    );
    Ok(())
}

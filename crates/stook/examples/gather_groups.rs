//! Gathers inside a gather: lists of lists, in the order asked for. The delays, in seconds, are fixed,
//! so that the order is the same each time.

use std::time::Duration;

use stook::{Cancelled, Gather};

const DELAYS: [&[f64]; 3] = [
    &[2.613, 2.459, 1.630, 2.058, 2.872],
    &[2.249, 1.714, 1.806],
    &[
        1.057, 2.671, 1.846, 2.780, 1.582, 1.505, 2.833, 2.962, 1.210,
    ],
];

async fn member(tag: String, seconds: f64) -> Result<String, Cancelled> {
    println!("> {tag}");
    stook::sleep(Duration::from_secs_f64(seconds)).await?;
    println!("< {tag}");
    Ok(tag)
}

fn group(number: usize, delays: &[f64]) -> Gather<String, Cancelled> {
    let members = delays.iter().enumerate();
    stook::gather(
        members.map(|(index, seconds)| {
            member(format!("group {}.{}", number + 1, index + 1), *seconds)
        }),
    )
}

/// One line a group, or one a member where that is too long for a line.
fn print(groups: &[Vec<String>]) {
    let lists: Vec<String> = groups
        .iter()
        .map(|group| {
            let quoted: Vec<String> = group.iter().map(|tag| format!("'{tag}'")).collect();
            match quoted.join(", ") {
                line if line.len() <= 76 => format!("[{line}]"),
                _ => format!("[{}]", quoted.join(",\n  ")),
            }
        })
        .collect();
    println!("[{}]", lists.join(",\n "));
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Cancelled> {
    let groups = DELAYS
        .iter()
        .enumerate()
        .map(|(number, delays)| group(number, delays));
    // They run from here on; the outer gather waits for them.
    let groups: Vec<_> = groups.collect();
    print(&stook::gather(groups).await?);
    Ok(())
}

//! `race` and `first_success`: the losers have ended when they return.

use std::future::Ready;
use std::io;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use stook::{Cancelled, Losers, Outcome};
use tokio::time::Instant;

use crate::stage::{everywhere, rounds, seconds, settle, with_paused_clock};

async fn mirror(number: u64, clean_up: u64) -> io::Result<u64> {
    stook::with_cleanup(
        async {
            stook::sleep(seconds(number)).await?;
            if number % 2 == 1 {
                return Err(io::Error::other(format!("{number} is down")));
            }
            Ok(number)
        },
        async { tokio::time::sleep(seconds(clean_up)).await },
    )
    .await
}

#[test]
fn the_losers_have_cleaned_up_when_the_winner_comes_out() {
    with_paused_clock(|| async {
        let begun = Instant::now();
        let race = stook::race(Losers::Cancel, [mirror(60, 5), mirror(2, 0)]);
        assert_eq!(race.await.unwrap(), (1, 2));
        assert_eq!(begun.elapsed(), seconds(7));
        assert!(stook::tree().is_empty());
    });
}

#[test]
fn losers_may_be_awaited_or_left() {
    with_paused_clock(|| async {
        let begun = Instant::now();
        let race = stook::race(Losers::Await, [mirror(6, 0), mirror(2, 0)]);
        assert_eq!((race.await.unwrap(), begun.elapsed()), ((1, 2), seconds(6)));
        let begun = Instant::now();
        let race = stook::race(Losers::Leave, [mirror(6, 0), mirror(2, 0)]);
        assert_eq!((race.await.unwrap(), begun.elapsed()), ((1, 2), seconds(2)));
        assert_eq!(stook::tree().tasks().count(), 1);
        tokio::time::sleep(seconds(10)).await;
    });
}

#[test]
fn an_error_ends_a_race_and_does_not_end_a_first_success() {
    with_paused_clock(|| async {
        let race = stook::race(Losers::Cancel, [mirror(1, 0), mirror(2, 0)]);
        assert_eq!(race.await.unwrap_err().to_string(), "1 is down");
        let first = stook::first_success(Losers::Cancel, [mirror(1, 0), mirror(2, 0)]);
        assert_eq!(first.await.unwrap(), (1, 2));
        let none = stook::first_success(Losers::Cancel, [mirror(1, 0), mirror(3, 0)]).await;
        let none = none.unwrap_err();
        assert_eq!(none.to_string(), "none of 2 has succeeded");
        assert!(none.outcomes.iter().all(Outcome::is_error));
    });
}

#[test]
fn a_cancelled_race_waits_for_all_and_a_second_request_does_not_end_that() {
    with_paused_clock(|| async {
        let mut waiter = stook::spawn(stook::race(Losers::Cancel, [mirror(60, 5), mirror(60, 3)]));
        settle().await;
        let begun = Instant::now();
        waiter.cancel();
        settle().await;
        waiter.cancel();
        assert!(matches!(waiter.join().await, Ok(Outcome::Cancelled(_))));
        assert_eq!(begun.elapsed(), seconds(5));
    });
}

#[test]
fn of_nobody() {
    with_paused_clock(|| async {
        let nobody = AssertUnwindSafe(async {
            stook::race(Losers::Cancel, Vec::<Ready<Result<(), Cancelled>>>::new()).await
        });
        assert!(nobody.catch_unwind().await.is_err());
        let nobody = stook::first_success(Losers::Cancel, Vec::<Ready<io::Result<()>>>::new());
        assert!(nobody.await.unwrap_err().outcomes.is_empty());
    });
}

#[test]
fn one_of_many_wins_on_two_threads() {
    everywhere(|| async {
        for _ in 0..rounds(20) {
            let race = stook::race(
                Losers::Cancel,
                (0..10).map(|number| async move {
                    stook::checkpoint().await?;
                    if number == 7 {
                        return Ok::<_, Cancelled>(number);
                    }
                    stook::OrCancel::or_cancel(std::future::pending()).await
                }),
            );
            assert_eq!(race.await.unwrap(), (7, 7));
        }
    });
}

#[test]
fn a_request_that_comes_when_a_race_is_decided_is_delivered_after_it() {
    with_paused_clock(|| async {
        let mut task = stook::spawn(async {
            // The other hears of the request, too.
            let race = stook::race(
                Losers::Await,
                [1, 60].map(|time| stook::sleep(seconds(time))),
            );
            let winner = race.await?;
            assert_eq!(winner, (0, ()));
            stook::checkpoint().await
        });
        tokio::time::sleep(seconds(2)).await;
        let asked = Instant::now();
        task.cancel();
        assert!(task.join().await.unwrap().is_cancelled());
        assert_eq!(asked.elapsed(), seconds(0));
    });
}

//! What the derive makes of enums of many forms.

#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

use std::future::pending;

use stook::{CancelError as _, Cancelled, OrCancel};
use stook_derive::CancelError;

/// The variant is found by its type; what stands around it does not matter.
#[derive(Debug, CancelError)]
#[expect(dead_code, reason = "that they are passed over is the test")]
pub(crate) enum Found {
    #[doc = "Of the disk."]
    Disk(std::io::Error, u8),
    Named {
        cancelled: Cancelled,
    },
    Unit,
    Stopped(stook::Cancelled),
}

type Stop = Cancelled;

#[derive(Debug, CancelError)]
enum Marked {
    #[cancelled]
    Stopped(Stop),
}

async fn cancelled() -> Cancelled {
    let task = stook::spawn(async { pending::<()>().or_cancel().await });
    task.cancel_with("closing time");
    task.await.unwrap_err()
}

#[tokio::test]
async fn a_cancellation_goes_in_and_is_found_again() {
    let found = Found::from(cancelled().await);
    assert!(matches!(found, Found::Stopped(_)));
    assert_eq!(found.as_cancelled().unwrap().reason(), Some("closing time"));
    assert!(Found::Unit.as_cancelled().is_none());
    let marked = Marked::from(cancelled().await);
    assert_eq!(
        marked.as_cancelled().unwrap().reason(),
        Some("closing time")
    );
}

#[derive(Debug, CancelError)]
enum Single {
    Stopped(Cancelled),
}

#[tokio::test]
async fn a_single_variant_is_enough() {
    let stopped = Single::from(cancelled().await);
    assert!(stopped.as_cancelled().is_some());
}

#[derive(Debug, CancelError)]
enum Inside {
    #[cancelled(inside)]
    Disk(std::io::Error),
    #[cancelled(inside)]
    Other(Marked),
    Stopped(Cancelled),
}

#[tokio::test]
async fn a_cancellation_inside_another_error_is_found() {
    let disk = Inside::Disk(cancelled().await.into());
    let other = Inside::Other(cancelled().await.into());
    for error in [disk, other, cancelled().await.into()] {
        assert_eq!(error.as_cancelled().unwrap().reason(), Some("closing time"));
    }
    let disk = Inside::Disk(std::io::Error::other("no paper"));
    assert!(disk.as_cancelled().is_none());
}

macro_rules! error {
    ($name:ident($held:ty)) => {
        #[derive(Debug, CancelError)]
        enum $name {
            Stopped($held),
        }
    };
}

error!(MadeByMacro(stook::Cancelled));

#[tokio::test]
async fn a_type_that_a_macro_was_given_is_found() {
    assert!(
        MadeByMacro::from(cancelled().await)
            .as_cancelled()
            .is_some()
    );
}

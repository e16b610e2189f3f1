//! The tokio face's tests, in one binary.
//!
//! `stage` has the runtimes that they run on. The kernel's own tests are in its crate.

#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

mod broken;
mod cancel;
mod deep;
mod errors;
mod gather;
mod group;
mod group_cancel;
mod handed_on;
mod handles;
mod join;
mod last_waker;
mod local_scope;
mod misuse;
mod point;
mod race;
mod random;
mod record;
mod report;
mod scope;
mod shield;
mod stage;
mod stuck;
mod taken_out;
mod token;
mod tree;
mod wait;
mod wakers;

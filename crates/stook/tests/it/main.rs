//! The tokio face's tests, in one binary.
//!
//! `stage` has the runtimes that they run on. The kernel's own tests are in its crate.

mod cancel;
mod join;
mod misuse;
mod point;
mod record;
mod scope;
mod shield;
mod stage;
mod tree;

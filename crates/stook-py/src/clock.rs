//! The clock of the loop, in seconds. No other file reads a clock.

pub(crate) use crate::ffi::clocks::{coarse_tick, monotonic_seconds};

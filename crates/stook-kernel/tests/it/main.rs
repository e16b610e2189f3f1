//! The kernel's tests, in one binary.
//!
//! `table` walks each machine's table, `model` compares with a naive model over all short
//! histories, `replay` with what CPython did.

mod model;
mod replay;
mod table;

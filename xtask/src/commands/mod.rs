//! One file a command.

pub(crate) mod check;
pub(crate) mod demo;
pub(crate) mod drivers;
pub(crate) mod matrix;
pub(crate) mod mutants;
pub(crate) mod safety;
pub(crate) mod scenarios;
pub(crate) mod test;
pub(crate) mod tidy;
pub(crate) mod tokio_face;

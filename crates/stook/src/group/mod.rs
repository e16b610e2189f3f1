//! Groups.
pub(crate) mod kin;

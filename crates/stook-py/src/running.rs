//! `get_event_loop()` and its kin.

use crate::ffi::intern;
use pyo3::prelude::*;

use crate::errors::Imported;
use crate::ffi::Fallible;
use crate::loop_core;

static POLICY: Imported = Imported::new("asyncio.events", "get_event_loop_policy");

/// What this file looks up when the module is made.
pub(crate) const IMPORTS: &[&Imported] = &[&POLICY];

/// The loop of this call: the running one, else the policy's.
///
/// # Errors
/// What the policy raises when it has none.
pub(crate) fn get_event_loop(py: Python<'_>) -> Fallible<Bound<'_, PyAny>> {
    match loop_core::running_loop(py)? {
        Some(running) => Ok(running),
        None => Ok(POLICY
            .get(py)?
            .call0()?
            .call_method0(intern!(py, "get_event_loop"))?),
    }
}

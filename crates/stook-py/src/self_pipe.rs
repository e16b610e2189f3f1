//! The pair of sockets by which other threads and signals end a loop's wait for events.
//!
//! # Source
//! `BaseSelectorEventLoop._write_to_self`, `_read_from_self`, CPython 3.11 to 3.13
//! `asyncio/selector_events.py`; `_UnixSelectorEventLoop._process_self_data`,
//! `asyncio/unix_events.py`.

use std::io::ErrorKind;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use crate::errors::Imported;
use crate::ffi::{Fallible, Ref, call, instance, poll};
use crate::loop_core::LoopState;

static SOCKET: Imported = Imported::new("socket", "socket");
static WRITE: Imported = Imported::new(
    "asyncio.selector_events",
    "BaseSelectorEventLoop._write_to_self",
);
static READ: Imported = Imported::new(
    "asyncio.selector_events",
    "BaseSelectorEventLoop._read_from_self",
);
static PROCESS: Imported = Imported::new(
    "asyncio.unix_events",
    "_UnixSelectorEventLoop._process_self_data",
);

/// What this file looks up when the module is made.
pub(crate) const IMPORTS: &[&Imported] = &[&SOCKET, &WRITE, &READ, &PROCESS];

/// The descriptor of one of the two, if it is a plain socket that is open.
fn descriptor<'py>(
    this: &Ref<'py, LoopState>,
    name: &Bound<'py, PyString>,
) -> Fallible<Option<i32>> {
    let py = this.py();
    let socket = this.as_any().getattr(name)?;
    if !instance::is_exactly(&socket, SOCKET.get(py)?) {
        return Ok(None);
    }
    let descriptor: i32 = call::method0(&socket, intern!(py, "fileno"))?.extract()?;
    Ok((descriptor >= 0).then_some(descriptor))
}

/// `_write_to_self()`: ends the wait.
///
/// # Errors
/// What asyncio's raises.
pub(crate) fn write<'py>(this: &Ref<'py, LoopState>) -> Fallible<Bound<'py, PyAny>> {
    let py = this.py();
    if let Some(descriptor) = descriptor(this, intern!(py, "_csock"))?
        && poll::send_zero(descriptor).is_ok()
    {
        return Ok(py.None().into_bound(py));
    }
    // It fails once more, and asyncio's says so in debug mode.
    call::call1(WRITE.get(py)?, this.as_any())
}

/// `_read_from_self()`: takes what was written, and hands signals on.
///
/// # Errors
/// What reading raises, but for there being nothing; what a signal's handler raises.
pub(crate) fn read<'py>(this: &Ref<'py, LoopState>) -> Fallible<Bound<'py, PyAny>> {
    let py = this.py();
    let Some(descriptor) = descriptor(this, intern!(py, "_ssock"))? else {
        return call::call1(READ.get(py)?, this.as_any());
    };
    let mut data = [0; 4096];
    loop {
        match poll::receive(descriptor, &mut data) {
            Ok(0) => break,
            Ok(count) => process(this, &data[..count])?,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => return Err(PyErr::from(error).into()),
        }
    }
    Ok(py.None().into_bound(py))
}

/// `_process_self_data(data)`; asyncio's does nothing with zeros.
fn process(this: &Ref<'_, LoopState>, data: &[u8]) -> Fallible<()> {
    let py = this.py();
    let name = intern!(py, "_process_self_data");
    let method = this.as_any().getattr(name)?;
    if data.iter().all(|&byte| byte == 0)
        && let Some((_, function)) = instance::method_parts(&method)
        && function.is(PROCESS.get(py)?)
    {
        return Ok(());
    }
    call::call1(&method, PyBytes::new(py, data).as_any()).map(drop)
}

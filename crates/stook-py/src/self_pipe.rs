//! The pair of sockets by which signals, and other threads where there is no other way, end a
//! loop's wait for events.
//!
//! # Source
//! `BaseSelectorEventLoop._write_to_self`, `_read_from_self`, CPython 3.11 to 3.13
//! `asyncio/selector_events.py`; `_UnixSelectorEventLoop._process_self_data`,
//! `asyncio/unix_events.py`.

use std::cell::Cell;
use std::io::ErrorKind;

use crate::ffi::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString, PySuper, PyType};

use crate::errors::Imported;
use crate::ffi::{Class, Fallible, Ref, call, instance, poll};
use crate::loop_core::{LoopState, Marks};

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

/// The method of the class that comes after ours: asyncio's, unless a program has other classes, or
/// has replaced it.
fn behind<'py>(
    this: &Ref<'py, LoopState>,
    name: &Bound<'py, PyString>,
) -> PyResult<Bound<'py, PyAny>> {
    let class = LoopState::slot().class(this.py()).cast_into::<PyType>()?;
    PySuper::new(&class, this.as_any())?.getattr(name)
}

fn is_method_of(method: &Bound<'_, PyAny>, function: &Imported) -> PyResult<bool> {
    match instance::method_parts(method) {
        Some((_, own)) => Ok(own.is(function.get(method.py())?)),
        None => Ok(false),
    }
}

/// Whether `behind` is `function`; `known` is the state of the class in which it was.
fn is_behind<'py>(
    this: &Ref<'py, LoopState>,
    name: &Bound<'py, PyString>,
    function: &Imported,
    known: &Cell<u32>,
) -> PyResult<bool> {
    let version = instance::class_version(this.as_any().get_type().as_any());
    if version != 0 && version == known.get() {
        return Ok(true);
    }
    let found = is_method_of(&behind(this, name)?, function)?;
    known.set(if found { version } else { 0 });
    Ok(found)
}

/// Whether nobody can tell that another thread ended the wait without these sockets: every method
/// that has to do with them is asyncio's own or ours.
///
/// # Errors
/// What looking at the classes raises.
pub(crate) fn is_plain(this: &Ref<'_, LoopState>) -> PyResult<bool> {
    if this.has(Marks::SELF_PIPE) {
        return Ok(false);
    }
    let class = this.as_any().get_type();
    let version = instance::class_version(class.as_any());
    if version != 0 && version == this.has_plain_pipe.get() {
        return Ok(true);
    }
    let py = this.py();
    let ours = LoopState::slot().class(py);
    let (write, read) = (
        intern!(py, "_write_to_self"),
        intern!(py, "_read_from_self"),
    );
    let process = class.getattr(intern!(py, "_process_self_data"))?;
    let is_plain = class.getattr(write)?.is(ours.getattr(write)?)
        && class.getattr(read)?.is(ours.getattr(read)?)
        && process.is(PROCESS.get(py)?)
        && is_method_of(&behind(this, write)?, &WRITE)?
        && is_method_of(&behind(this, read)?, &READ)?;
    this.has_plain_pipe.set(if is_plain { version } else { 0 });
    Ok(is_plain)
}

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
    let name = intern!(py, "_write_to_self");
    if is_behind(this, name, &WRITE, &this.writes_as_asyncio)?
        && let Some(descriptor) = descriptor(this, intern!(py, "_csock"))?
        && poll::send_zero(descriptor).is_ok()
    {
        return Ok(py.None().into_bound(py));
    }
    // It fails once more, and asyncio's says so in debug mode.
    call::call0(&behind(this, name)?)
}

/// `_read_from_self()`: takes what was written, and hands signals on.
///
/// # Errors
/// What reading raises, but for there being nothing; what a signal's handler raises.
pub(crate) fn read<'py>(this: &Ref<'py, LoopState>) -> Fallible<Bound<'py, PyAny>> {
    let py = this.py();
    let name = intern!(py, "_read_from_self");
    if !is_behind(this, name, &READ, &this.reads_as_asyncio)? {
        return call::call0(&behind(this, name)?);
    }
    let Some(descriptor) = descriptor(this, intern!(py, "_ssock"))? else {
        return call::call0(&behind(this, name)?);
    };
    let mut data = [0; 4096];
    loop {
        match poll::receive(descriptor, &mut data) {
            Ok(0) => break,
            Ok(count) => {
                process(this, &data[..count])?;
                if count < data.len() {
                    // That was all; what comes later is seen when events are looked for again.
                    break;
                }
            }
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
    if data.iter().all(|&byte| byte == 0) && is_method_of(&method, &PROCESS)? {
        return Ok(());
    }
    call::call1(&method, PyBytes::new(py, data).as_any()).map(drop)
}

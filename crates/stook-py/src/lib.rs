//! `stook._core`: asyncio's `Future`, `Task`, scheduler and loop.
//!
//! This file is the module's definition and nothing else.

#![deny(unsafe_code)]

mod accelerator;
mod asking;
mod awaiting;
mod callbacks;
mod cancellation;
mod cancellations;
mod clock;
mod coroutine;
mod current;
mod deadlock;
mod ensure;
mod errors;
mod event_loop;
mod executor;
#[expect(
    unsafe_code,
    reason = "the one layer that speaks to CPython's C interface"
)]
mod ffi;
mod fingerprint;
mod forward;
mod free_places;
mod function;
mod future;
mod future_class;
mod future_iter;
mod gather;
mod gathering;
mod handle;
mod handoff;
mod held_up;
mod lock_notes;
mod looking;
mod loop_core;
mod lost;
mod names;
mod natives;
mod own_context;
mod part_looks;
mod participants;
mod places;
mod pulse;
mod put_off;
mod race;
mod ready;
mod record;
mod reference;
mod reviewed;
mod running;
mod scheduling;
mod self_pipe;
mod set_at;
mod shown;
mod sleep;
mod step;
mod swallowed;
mod task;
mod task_class;
mod thrown;
mod timers;
mod token;
mod turn;
mod unlisted;
mod wait;
mod wait_graph;
mod waits;
mod wakeup;
mod watching;
mod wrapper;

use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;

/// The module `stook._core`.
#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    if !ffi::compat::is_main_interpreter(py) {
        return Err(PyImportError::new_err(
            "stook does not run in sub-interpreters",
        ));
    }
    accelerator::capture(py)?;
    let imports = [
        errors::IMPORTS,
        callbacks::IMPORTS,
        coroutine::IMPORTS,
        ensure::IMPORTS,
        event_loop::IMPORTS,
        future_class::IMPORTS,
        handle::IMPORTS,
        running::IMPORTS,
        self_pipe::IMPORTS,
        sleep::IMPORTS,
        task_class::IMPORTS,
        token::IMPORTS,
        turn::IMPORTS,
        wait::IMPORTS,
    ];
    // Looked up now: while the interpreter shuts down nothing can be imported any more.
    for name in imports.into_iter().flatten() {
        name.get(py)?;
    }
    natives::capture(py)?;
    asking::directories(py)?;
    reference::reference(py)?;
    let built = (|| -> ffi::Fallible<()> {
        ffi::context::find_current(py)?;
        ffi::beside::find(py)?;
        future_class::build(module)?;
        future_iter::build(py)?;
        wakeup::build(py)?;
        task_class::build(module)?;
        unlisted::build(py)?;
        gather::build(module)?;
        handle::build(module)?;
        wrapper::build(py)?;
        sleep::build(py)?;
        wait::build(py)?;
        race::build(py)?;
        function::build(py)?;
        natives::build(module)?;
        cancellation::build(module)?;
        token::build(module)?;
        event_loop::build(module)?;
        executor::build(module)?;
        watching::build(module)?;
        names::build(module)
    })();
    built.map_err(|raised| PyErr::from_value(raised.take(py)))
}

//! Which of some tasks wait for which others of them.

use crate::ffi::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyTuple};
use rustc_hash::FxHashMap;

use super::given;
use crate::errors::Imported;
use crate::ffi::{Args, Fallible, Signature, call, error};

static WAIT_EDGE: Imported = Imported::new("stook._wait_graph", "WaitEdge");

/// `_edges(infos)`: a `WaitEdge` of each two tasks of which one waits for the other, and for
/// `_find_cycles` what each needs, and the places of the tasks that wait and of those waited for.
///
/// # Errors
/// `TypeError`: these are no `TaskInfo`.
pub(crate) fn edges<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    const SIGNATURE: Signature<1> = Signature::python("_edges", ["infos"], 1, 1);
    let py = args.py();
    let [infos] = given(args, &SIGNATURE)?;
    let infos: Vec<Bound<'py, PyTuple>> = infos.extract()?;
    let mut places = FxHashMap::default();
    for (place, info) in infos.iter().enumerate() {
        places.insert(info.get_item(0)?.as_ptr() as usize, place);
    }
    let new = py.get_type::<PyTuple>().getattr(intern!(py, "__new__"))?;
    let class = WAIT_EDGE.get(py)?;
    let [edges, waiters, ons] = [(); 3].map(|()| PyList::empty(py));
    let mut needs = Vec::with_capacity(infos.len());
    for (place, info) in infos.iter().enumerate() {
        let wait = info.get_item(4)?;
        let Ok(wait) = wait.cast_into::<PyTuple>() else {
            needs.push(b'-');
            continue;
        };
        let mut are_known = true;
        let on = wait
            .get_item(3)?
            .cast_into::<PyTuple>()
            .map_err(PyErr::from)?;
        for task in &on {
            let Some(at) = places.get(&(task.as_ptr() as usize)) else {
                are_known = false;
                continue;
            };
            waiters.append(place)?;
            ons.append(*at)?;
            let fields = [
                info.get_item(0)?,
                task,
                wait.get_item(0)?,
                wait.get_item(2)?,
            ];
            edges.append(call::call2(
                &new,
                class,
                PyTuple::new(py, fields)?.as_any(),
            )?)?;
        }
        needs.push(if are_known {
            need(&wait, on.len())?
        } else {
            b'-'
        });
    }
    let needs = PyBytes::new(py, &needs);
    let found = [
        needs.into_any(),
        edges.into_any(),
        waiters.into_any(),
        ons.into_any(),
    ];
    Ok(PyTuple::new(py, found)?.into_any())
}

/// What a wait for so many tasks, all of which are known, needs.
fn need(wait: &Bound<'_, PyTuple>, tasks: usize) -> Fallible<u8> {
    let py = wait.py();
    if tasks == 0 || !wait.get_item(5)?.is_none() {
        return Ok(b'-');
    }
    if wait.get_item(0)?.eq(intern!(py, "semaphore"))? {
        // Others may have acquired it, of whom nobody knows, or are to release it as a signal.
        let bound = call::optional_attribute(&wait.get_item(1)?, intern!(py, "_bound_value"))?;
        if bound.is_none_or(|bound| error::or_none(py, bound.eq(tasks)) != Some(true)) {
            return Ok(b'-');
        }
    }
    Ok(if wait.get_item(4)?.is_truthy()? {
        b'|'
    } else {
        b'&'
    })
}

//! Who waits for whom, as the kernel sees it: for `stook._wait_graph`, which knows what is waited for.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};
use stook_kernel::{Edge, Needs, Node, WaitGraph};

use crate::ffi::{Args, Fallible, Signature};

/// The letters by which `stook._wait_graph` says what a node needs.
fn needs(letter: u8) -> Option<Needs> {
    match letter {
        b'-' => Some(Needs::Nothing),
        b'&' => Some(Needs::All),
        b'|' => Some(Needs::Any),
        _ => None,
    }
}

/// `_find_cycles(needs, waiters, on)`: of each node the number of the cycle that it is on, or `None`,
/// and whether it can go on.
pub(crate) fn find_cycles<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    const SIGNATURE: Signature<3> =
        Signature::python("_find_cycles", ["needs", "waiters", "on"], 3, 3);
    let py = args.py();
    let [letters, waiters, on] = args
        .parse(&SIGNATURE)?
        .map(|given| given.unwrap_or_else(|| py.None().into_bound(py)));
    let nodes: Option<Vec<Node>> = letters
        .extract::<&[u8]>()
        .map_err(PyErr::from)?
        .iter()
        .map(|letter| needs(*letter).map(Node::new))
        .collect();
    let (waiters, on): (Vec<u32>, Vec<u32>) = (waiters.extract()?, on.extract()?);
    let edges = waiters.iter().zip(&on);
    let mut edges: Vec<Edge> = edges.map(|(one, on)| Edge::new(*one, *on)).collect();
    let mut nodes = nodes.ok_or_else(|| refused("no such need"))?;
    let Ok(mut graph) = WaitGraph::new(&mut nodes, &mut edges) else {
        return Err(refused("an edge of no node").into());
    };
    graph.find_cycles();
    graph.find_stuck();
    let nodes = graph.nodes().iter();
    let cycles = PyList::new(py, nodes.clone().map(Node::cycle))?;
    let able = PyList::new(py, nodes.map(Node::can_go_on))?;
    Ok(PyTuple::new(py, [cycles, able])?.into_any())
}

fn refused(why: &str) -> PyErr {
    PyValueError::new_err(why.to_owned())
}

//! What tasks wait for, looked up for each of many; what is not common `stook._waits` knows.
//!
//! Tasks may be anybody's, and coroutines of any kind. What an object is, its type tells: some stand
//! for others, and fetch these when they are asked for an attribute.

mod block;
mod edges;
mod holders;
mod stack;
mod task;

use pyo3::prelude::*;

pub(crate) use self::block::{codes, referent};
pub(crate) use self::edges::edges;
pub(crate) use self::holders::with_holders;
pub(crate) use self::task::{look_at_tasks, stack};

use crate::ffi::{Args, Fallible, Signature};

fn given<'py, const N: usize>(
    args: &Args<'_, 'py>,
    signature: &Signature<N>,
) -> Fallible<[Bound<'py, PyAny>; N]> {
    let py = args.py();
    let places = args.parse(signature)?;
    Ok(places.map(|place| place.unwrap_or_else(|| py.None().into_bound(py))))
}

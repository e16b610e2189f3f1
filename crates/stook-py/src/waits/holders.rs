//! Who holds the locks and semaphores that others wait for: those who are in an `async with` block of one.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyList, PyTuple, PyType};
use rustc_hash::FxHashMap;

use super::block::ended_by;
use super::given;
use super::stack::Links;
use super::task::{TASK_INFO, WAIT};
use crate::errors::Imported;
use crate::ffi::{Args, Fallible, Ref, Signature, call, referents};
use crate::task::TaskState;

static CONDITION: Imported = Imported::new("asyncio.locks", "Condition");

/// Code of asyncio's that tells who of those in a block does not hold it.
struct Codes<'py> {
    /// It begins the block.
    entering: Bound<'py, PyAny>,
    /// It waits for a condition to be notified, and has let go of its lock.
    waiting: Bound<'py, PyAny>,
    conditions: [Bound<'py, PyType>; 1],
}

/// `_with_holders(infos, entering, waiting)`: the same `TaskInfo`s; those of tasks that wait for a lock
/// or a semaphore name the tasks that hold it.
///
/// The code `entering` begins an `async with` block, and `waiting` waits for a condition.
///
/// # Errors
/// What tasks and coroutines of other classes raise when they are asked.
pub(crate) fn with_holders<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    const NAMES: [&str; 3] = ["infos", "entering", "waiting"];
    const SIGNATURE: Signature<3> = Signature::python("_with_holders", NAMES, 3, 3);
    let py = args.py();
    let [infos, entering, waiting] = given(args, &SIGNATURE)?;
    let found: Vec<Bound<'py, PyTuple>> = infos.extract()?;
    let mut held = FxHashMap::default();
    for info in &found {
        if let Some((wait, _)) = wait_to_release(info)? {
            held.insert(wait.get_item(1)?.as_ptr() as usize, Vec::new());
        }
    }
    if held.is_empty() {
        return Ok(infos);
    }
    let codes = Codes {
        entering,
        waiting,
        conditions: [CONDITION.get(py)?.cast().map_err(PyErr::from)?.clone()],
    };
    for info in &found {
        let task = info.get_item(0)?;
        for lock in held_by(&task, &codes)? {
            if let Some(holders) = held.get_mut(&lock) {
                holders.push(task.clone());
            }
        }
    }
    let mut by = FxHashMap::default();
    for (lock, holders) in held {
        by.insert(lock, PyTuple::new(py, holders)?);
    }
    named(&found, &by).map(Bound::into_any)
}

/// The wait of a task that waits until something is released, and whether one of several may do that.
fn wait_to_release<'py>(
    info: &Bound<'py, PyTuple>,
) -> Fallible<Option<(Bound<'py, PyTuple>, bool)>> {
    let py = info.py();
    let Ok(wait) = info.get_item(4)?.cast_into::<PyTuple>() else {
        return Ok(None);
    };
    let kind = wait.get_item(0)?;
    if kind.eq(intern!(py, "lock"))? {
        return Ok(Some((wait, false)));
    }
    Ok(kind.eq(intern!(py, "semaphore"))?.then_some((wait, true)))
}

/// What each task holds that somebody waits for, filled in.
fn named<'py>(
    infos: &[Bound<'py, PyTuple>],
    by: &FxHashMap<usize, Bound<'py, PyTuple>>,
) -> Fallible<Bound<'py, PyList>> {
    let py = infos[0].py();
    let new = py.get_type::<PyTuple>().getattr(intern!(py, "__new__"))?;
    let (of_task, of_wait) = (TASK_INFO.get(py)?, WAIT.get(py)?);
    let with = |class, fields: Vec<Bound<'py, PyAny>>| {
        call::call2(&new, class, PyTuple::new(py, fields)?.as_any())
    };
    let named = PyList::empty(py);
    for info in infos {
        let Some((wait, any)) = wait_to_release(info)? else {
            named.append(info)?;
            continue;
        };
        let mut fields: Vec<_> = wait.iter().collect();
        let lock = fields[1].as_ptr() as usize;
        fields[3] = by[&lock].clone().into_any();
        fields[4] = PyBool::new(py, any).to_owned().into_any();
        let wait = with(of_wait, fields)?;
        let mut fields: Vec<_> = info.iter().collect();
        fields[4] = wait;
        named.append(with(of_task, fields)?)?;
    }
    Ok(named)
}

/// The `id()` of each lock and semaphore that a task holds.
fn held_by<'py>(task: &Bound<'py, PyAny>, codes: &Codes<'py>) -> Fallible<Vec<usize>> {
    let py = task.py();
    let coroutine = match Ref::<TaskState>::cast_exact(task) {
        Some(own) => own.coroutine.get_or_none(py),
        None => call::method0(task, intern!(py, "get_coro"))?,
    };
    // How many blocks of each it is in.
    let mut held: Vec<(usize, i32)> = Vec::new();
    let mut count = |lock: usize, more: i32| match held.iter_mut().find(|(of, _)| *of == lock) {
        Some((_, times)) => *times += more,
        None => held.push((lock, more)),
    };
    let mut newest = None;
    let mut links = Links::new(coroutine);
    while let Some((link, names)) = links.next()? {
        let code = link.getattr(names.code)?;
        let entered = newest.take().filter(|_| code.is(&codes.entering));
        if let Some(lock) = entered {
            count(lock, -1);
        } else if code.is(&codes.waiting)
            && let Some(condition) = referents::first(&link, &codes.conditions)
        {
            count(lock_of(&condition, codes)?, -1);
        }
        for each in referents::all(&link) {
            if let Some(block) = ended_by(&each)? {
                let lock = lock_of(&block, codes)?;
                count(lock, 1);
                newest = Some(lock);
            }
        }
    }
    let is_held = |(lock, times): (usize, i32)| (times > 0).then_some(lock);
    Ok(held.into_iter().filter_map(is_held).collect())
}

/// The `id()` of what a block holds: of a condition its lock.
fn lock_of(block: &Bound<'_, PyAny>, codes: &Codes<'_>) -> Fallible<usize> {
    if block.get_type().is_subclass(&codes.conditions[0])? {
        return Ok(block.getattr(intern!(block.py(), "_lock"))?.as_ptr() as usize);
    }
    Ok(block.as_ptr() as usize)
}

//! Who holds the locks and semaphores that others wait for: those who are in an `async with` block of one,
//! or else who took the lock last.

use crate::ffi::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyList, PyString, PyTuple, PyType};
use rustc_hash::FxHashMap;

use super::block::ended_by;
use super::given;
use super::stack::Links;
use super::task::{TASK_INFO, WAIT, unless_raised};
use crate::errors::Imported;
use crate::ffi::{Args, Fallible, Raised, Ref, Signature, call, referents};
use crate::lock_notes;
use crate::natives;
use crate::task::TaskState;

static TAKER: Imported = Imported::new("stook._waits", "Taker");
static CONDITION: Imported = Imported::new("asyncio.locks", "Condition");

/// Code of asyncio's that tells who of those in a block does not hold it.
struct Codes<'py> {
    /// It begins the block.
    entering: Bound<'py, PyAny>,
    /// It waits for a condition to be notified, and has let go of its lock.
    waiting: Bound<'py, PyAny>,
    conditions: [Bound<'py, PyType>; 1],
}

/// `_with_holders(infos, loop, tasks, entering, waiting)`: the same `TaskInfo`s; those of tasks that wait
/// for a lock or a semaphore name the tasks that hold it, or who took the lock.
///
/// They are tasks of that loop, and `tasks` returns all that have not ended. The code `entering` begins
/// an `async with` block, and `waiting` waits for a condition.
///
/// # Errors
/// What tasks and coroutines of other classes raise when they are asked.
pub(crate) fn with_holders<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    const NAMES: [&str; 5] = ["infos", "loop", "tasks", "entering", "waiting"];
    const SIGNATURE: Signature<5> = Signature::python("_with_holders", NAMES, 5, 5);
    let py = args.py();
    let [infos, event_loop, tasks, entering, waiting] = given(args, &SIGNATURE)?;
    let found: Vec<Bound<'py, PyTuple>> = infos.extract()?;
    let mut held = FxHashMap::default();
    for info in &found {
        if let Some((wait, _)) = wait_to_release(info)? {
            let lock = wait.get_item(1)?;
            held.insert(lock.as_ptr() as usize, (lock, Vec::new()));
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
            if let Some((_, holders)) = held.get_mut(&lock) {
                holders.push(task.clone());
            }
        }
    }
    let mut everyone = Everyone {
        event_loop,
        ask: tasks,
        by_address: None,
    };
    let mut by = FxHashMap::default();
    for (address, (lock, holders)) in held {
        let taker = match holders.is_empty() {
            true => taker(&lock, &mut everyone)?,
            false => py.None().into_bound(py),
        };
        by.insert(address, (PyTuple::new(py, holders)?, taker));
    }
    named(&found, &by).map(Bound::into_any)
}

/// The tasks of the loop that have not ended, asked for once at the most.
struct Everyone<'py> {
    event_loop: Bound<'py, PyAny>,
    ask: Bound<'py, PyAny>,
    by_address: Option<FxHashMap<usize, Bound<'py, PyAny>>>,
}

impl<'py> Everyone<'py> {
    /// The one that has this address.
    fn at(&mut self, address: usize) -> Fallible<Option<Bound<'py, PyAny>>> {
        let known = match &self.by_address {
            Some(known) => known,
            None => {
                let mut found = FxHashMap::default();
                for task in call::call0(&self.ask)?.try_iter()? {
                    let task = task?;
                    found.insert(task.as_ptr() as usize, task);
                }
                self.by_address.insert(found)
            }
        };
        Ok(known.get(&address).cloned())
    }
}

/// The `Taker` of a lock that is in nobody's block, or `None`.
fn taker<'py>(
    lock: &Bound<'py, PyAny>,
    everyone: &mut Everyone<'py>,
) -> Fallible<Bound<'py, PyAny>> {
    let py = lock.py();
    let none = || py.None().into_bound(py);
    let noted = lock_notes::taker(lock);
    let Some(taker) = noted.filter(|_| natives::lock::is_noted(lock)) else {
        return Ok(none());
    };
    if taker.event_loop != everyone.event_loop.as_ptr() as usize {
        // Of that one's tasks nothing is known here.
        return Ok(none());
    }
    let (mut task, mut name) = (none(), none());
    if let Some(number) = taker.identity.number() {
        name = PyString::new(py, &format!("Task-{number}")).into_any();
    }
    if let Some(found) = everyone.at(taker.task)? {
        let own = Ref::<TaskState>::cast(&found);
        // Else it is another one that has got its address.
        if let Some(own) = own.filter(|own| own.identity().is_of_same(taker.identity)) {
            name = own.name(py);
            task = found;
        }
    }
    call::call2(TAKER.get(py)?, &task, &name)
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
    by: &FxHashMap<usize, (Bound<'py, PyTuple>, Bound<'py, PyAny>)>,
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
        let (holders, taker) = &by[&lock];
        fields[3] = holders.clone().into_any();
        fields[4] = PyBool::new(py, any).to_owned().into_any();
        fields[9] = taker.clone();
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
            && let Some(lock) = lock_of(&condition, codes)?
        {
            count(lock, -1);
        }
        for each in referents::all(&link) {
            if let Some(block) = ended_by(&each)?
                && let Some(lock) = lock_of(&block, codes)?
            {
                count(lock, 1);
                newest = Some(lock);
            }
        }
    }
    let is_held = |(lock, times): (usize, i32)| (times > 0).then_some(lock);
    Ok(held.into_iter().filter_map(is_held).collect())
}

/// The `id()` of what a block holds: of a condition its lock. A program's own class may have conditions
/// that do without one.
fn lock_of(block: &Bound<'_, PyAny>, codes: &Codes<'_>) -> Fallible<Option<usize>> {
    let py = block.py();
    if !block.get_type().is_subclass(&codes.conditions[0])? {
        return Ok(Some(block.as_ptr() as usize));
    }
    let lock = block.getattr(intern!(py, "_lock")).map_err(Raised::from);
    Ok(unless_raised(py, lock)?.map(|lock| lock.as_ptr() as usize))
}

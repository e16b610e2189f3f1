//! The functions of the module, by the names that asyncio has for them.

use crate::ffi::intern;
use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyInt, PyList, PySet, PyType};

use crate::accelerator;
use crate::cancellation;
use crate::current;
use crate::deadlock;
use crate::ensure;
use crate::errors::Imported;
use crate::ffi::{Args, Fallible, Function, Ref, Signature, call, callers, compat, method};
use crate::function::{self, Body};
use crate::future;
use crate::gather;
use crate::held_up;
use crate::lock_notes;
use crate::loop_core::{self, LoopState};
use crate::lost;
use crate::natives;
use crate::race;
use crate::record;
use crate::reviewed;
use crate::running;
use crate::sleep;
use crate::step;
use crate::swallowed;
use crate::task::{self, TaskState};
use crate::task_class;
use crate::unlisted;
use crate::wait;
use crate::wait_graph;
use crate::waits;
use crate::watching;

fn none(py: Python<'_>) -> Bound<'_, PyAny> {
    py.None().into_bound(py)
}

const fn one(function: &'static str, parameter: &'static str, required: usize) -> Signature<1> {
    Signature::builtin(function, [parameter], 1, required)
}

const fn two(function: &'static str) -> Signature<2> {
    Signature::builtin(function, ["loop", "task"], 2, 2)
}

/// Refuses arguments, for a function that takes none.
fn nothing_given(args: &Args<'_, '_>, function: &str) -> Fallible<()> {
    match args.positional_len() {
        0 => args.only_keyword(function, "").map(|_| ()),
        given => {
            let text = format!("{function}() takes no arguments ({given} given)");
            Err(PyTypeError::new_err(text).into())
        }
    }
}

fn given<'py, const N: usize>(
    args: &Args<'_, 'py>,
    signature: &Signature<N>,
) -> Fallible<[Bound<'py, PyAny>; N]> {
    let places = args.parse(signature)?;
    Ok(places.map(|place| place.unwrap_or_else(|| none(args.py()))))
}

fn get_running_loop<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    nothing_given(args, "_asyncio.get_running_loop")?;
    loop_core::require_running_loop(args.py())
}

fn get_running_loop_or_none<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    nothing_given(args, "_asyncio._get_running_loop")?;
    Ok(loop_core::running_loop(args.py())?.unwrap_or_else(|| none(args.py())))
}

fn set_running_loop<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    args.only_keyword("_asyncio._set_running_loop", "")?;
    match args.positional_len() {
        1 => loop_core::set_running_loop(&args.positional(0))?,
        given => {
            let text = "_asyncio._set_running_loop() takes exactly one argument";
            return Err(PyTypeError::new_err(format!("{text} ({given} given)")).into());
        }
    }
    Ok(none(args.py()))
}

fn forget_running_loop<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    loop_core::forget_running_loop();
    Ok(none(args.py()))
}

fn get_event_loop<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    nothing_given(args, "_asyncio.get_event_loop")?;
    running::get_event_loop(args.py())
}

/// 3.11 alone has this name; its parameter has been without use since 3.11.1.
fn get_event_loop_at_level<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    given(args, &one("_get_event_loop", "stacklevel", 0))?;
    running::get_event_loop(args.py())
}

fn enter_task<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    let [event_loop, task] = given(args, &two("_enter_task"))?;
    current::enter(&event_loop, &task)?;
    Ok(none(args.py()))
}

fn leave_task<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    let [event_loop, task] = given(args, &two("_leave_task"))?;
    current::leave(&event_loop, &task)?;
    Ok(none(args.py()))
}

fn swap_current_task<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    let [event_loop, task] = given(args, &two("_swap_current_task"))?;
    let task = (!task.is_none()).then_some(task);
    let before = current::swap(&event_loop, task.as_ref())?;
    Ok(before.unwrap_or_else(|| none(args.py())))
}

/// A function in Python up to 3.11.
const CURRENT_TASK_SIGNATURE: Signature<1> = if compat::SINCE_3_12 {
    one("current_task", "loop", 0)
} else {
    Signature::python("current_task", ["loop"], 1, 0)
};

fn current_task<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    let py = args.py();
    let [event_loop] = given(args, &CURRENT_TASK_SIGNATURE)?;
    let event_loop = if event_loop.is_none() {
        match loop_core::running_loop(py)? {
            Some(running) => running,
            None => return Err(PyRuntimeError::new_err("no running event loop").into()),
        }
    } else {
        event_loop
    };
    Ok(current::get(&event_loop)?.unwrap_or_else(|| none(py)))
}

fn register_task<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    let [task] = given(args, &one("_register_task", "task", 1))?;
    match Ref::<TaskState>::cast(&task) {
        Some(own) => task::register(own)?,
        None => accelerator::register(&task)?,
    }
    Ok(none(args.py()))
}

fn unregister_task<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    let [task] = given(args, &one("_unregister_task", "task", 1))?;
    if let Some(own) = Ref::<TaskState>::cast(&task) {
        own.leave();
    }
    accelerator::unregister(&task)?;
    Ok(none(args.py()))
}

fn register_eager_task<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    let [task] = given(args, &one("_register_eager_task", "task", 1))?;
    accelerator::mark_eager(&task, true)?;
    Ok(none(args.py()))
}

fn unregister_eager_task<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    let [task] = given(args, &one("_unregister_eager_task", "task", 1))?;
    accelerator::mark_eager(&task, false)?;
    Ok(none(args.py()))
}

/// A list of what `collection`, a weak set or a set, holds; another thread may change it
/// meanwhile, and then it is tried again.
fn snapshot<'py>(collection: &Bound<'py, PyAny>) -> Fallible<Vec<Bound<'py, PyAny>>> {
    let py = collection.py();
    let mut tries = 0;
    loop {
        let listed: PyResult<Vec<_>> = collection.try_iter()?.collect();
        match listed {
            Err(error) if error.is_instance_of::<PyRuntimeError>(py) && tries < 1000 => tries += 1,
            listed => return Ok(listed?),
        }
    }
}

/// Every task that is known of `event_loop`, done or not, in no particular order.
fn known_tasks<'py>(event_loop: &Bound<'py, PyAny>) -> Fallible<Vec<Bound<'py, PyAny>>> {
    let py = event_loop.py();
    let mut all = match loop_core::native(event_loop) {
        Some(native) => native.tasks.list(py),
        None => Vec::new(),
    };
    if compat::SINCE_3_12 {
        all.extend(snapshot(&accelerator::eager_tasks(py)?)?);
    }
    all.extend(snapshot(&accelerator::all_tasks(py)?)?);
    Ok(all)
}

fn all_tasks<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    let py = args.py();
    let [event_loop] = given(args, &Signature::python("all_tasks", ["loop"], 1, 0))?;
    let event_loop = if event_loop.is_none() {
        loop_core::require_running_loop(py)?
    } else {
        event_loop
    };
    let set = PySet::empty(py)?;
    for task in known_tasks(&event_loop)? {
        if step::loop_of(&task)?.is(&event_loop) && !is_done(&task)? {
            set.add(task)?;
        }
    }
    Ok(set.into_any())
}

fn is_done(task: &Bound<'_, PyAny>) -> Fallible<bool> {
    match future::plain(task) {
        Some(plain) => Ok(plain.is_done()),
        None => Ok(call::method0(task, intern!(task.py(), "done"))?.is_truthy()?),
    }
}

/// `call_without_callers(function, *arguments)`
fn call_without_callers<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    let taken = args.leading("call_without_callers", ["function"], "")?;
    let [function] = taken.leading;
    let arguments = taken.rest.into_tuple(args.py())?;
    callers::without(&function, arguments.as_any())
}

/// `_unraisable(exception, where)`
fn unraisable<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    const SIGNATURE: Signature<2> = Signature::python("_unraisable", ["exception", "where"], 2, 2);
    let [exception, place] = given(args, &SIGNATURE)?;
    PyErr::from_value(exception).write_unraisable(args.py(), Some(&place));
    Ok(none(args.py()))
}

/// The tasks of all loops of ours that `asyncio.all_tasks`, bound earlier, does not know: see
/// [`accelerator`].
fn set_mirroring<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    let [on] = given(args, &one("set_mirroring", "on", 1))?;
    accelerator::set_mirroring(on.is_truthy()?);
    Ok(none(args.py()))
}

/// `make_natively(on)`
fn make_natively<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    let [on] = given(args, &one("make_natively", "on", 1))?;
    let on = on.is_truthy()?;
    natives::make_natively(args.py(), on)?;
    if !on {
        lock_notes::forget_all();
    }
    Ok(none(args.py()))
}

/// `_watch_tasks()`
fn watch_tasks<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    nothing_given(args, "_watch_tasks")?;
    unlisted::watch(args.py());
    Ok(none(args.py()))
}

/// `_list_tasks(listed, forget)`
fn list_tasks<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    const SIGNATURE: Signature<2> = Signature::python("_list_tasks", ["listed", "forget"], 2, 2);
    let [listed, forget] = given(args, &SIGNATURE)?;
    unlisted::list(listed.cast::<PySet>().map_err(PyErr::from)?, &forget)?;
    Ok(none(args.py()))
}

/// `_adopt_methods(loop_class)`
fn adopt_methods<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    let [class] = given(args, &one("_adopt_methods", "loop_class", 1))?;
    let class = class.cast::<PyType>().map_err(PyErr::from)?;
    // Not `create_task`, whose options are those that this asyncio's has.
    let names = [
        c"call_at",
        c"call_later",
        c"call_soon",
        c"call_soon_threadsafe",
        c"create_future",
        c"time",
    ];
    method::adopt::<LoopState>(class, &names)?;
    Ok(none(args.py()))
}

/// Whether a program has a policy for exceptions that nobody reads.
fn set_reporting<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    let [on] = given(args, &one("_set_reporting", "on", 1))?;
    lost::set_policy(on.is_truthy()?);
    Ok(none(args.py()))
}

/// How many futures have been given an exception so far.
fn failures<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    nothing_given(args, "_failures")?;
    Ok(PyInt::new(args.py(), lost::failures()).into_any())
}

/// Whether somebody watches for tasks that swallow a cancellation.
fn set_swallowed_watched<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    let [on] = given(args, &one("_set_swallowed_watched", "on", 1))?;
    swallowed::set_watched(on.is_truthy()?);
    Ok(none(args.py()))
}

/// Whether an await that closes a circle of tasks is refused.
fn set_refusing<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    let [on] = given(args, &one("_set_refusing", "on", 1))?;
    deadlock::set_refusing(on.is_truthy()?);
    Ok(none(args.py()))
}

/// Whether loops in which nothing can go on are looked for.
fn set_watching<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    let [on] = given(args, &one("_set_watching", "on", 1))?;
    deadlock::set_watching(on.is_truthy()?);
    Ok(none(args.py()))
}

/// Where a task has gone on after it was cancelled.
fn survived<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    let [task] = given(args, &one("_survived", "task", 1))?;
    let py = args.py();
    record::look_up(py)?;
    let known = Ref::<TaskState>::cast(&task).and_then(|task| task.future.cancellations_if_any());
    let places = known.map_or_else(|| Ok(Vec::new()), |known| known.survived_at(py))?;
    Ok(PyList::new(py, places)?.into_any())
}

/// The place that made a task.
fn made_at<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    let [task] = given(args, &one("_made_at", "task", 1))?;
    record::look_up(args.py())?;
    Ok(task::made_at(&task)?.unwrap_or_else(|| none(args.py())))
}

fn add_functions(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let functions = [
        Function::new(c"get_running_loop", GET_RUNNING_LOOP, get_running_loop),
        Function::new(
            c"_get_running_loop",
            GET_RUNNING_OR_NONE,
            get_running_loop_or_none,
        ),
        Function::new(c"_set_running_loop", SET_RUNNING_LOOP, set_running_loop),
        Function::new(
            c"_forget_running_loop",
            FORGET_RUNNING_LOOP,
            forget_running_loop,
        ),
        Function::new(c"get_event_loop", GET_EVENT_LOOP, get_event_loop),
        Function::new(c"_enter_task", ENTER_TASK, enter_task),
        Function::new(c"_leave_task", LEAVE_TASK, leave_task),
        Function::new(c"_swap_current_task", SWAP_CURRENT_TASK, swap_current_task),
        Function::new(c"current_task", CURRENT_TASK, current_task),
        Function::new(c"cancellation", CANCELLATION, cancellation::cancellation),
        Function::new(c"cancel", CANCEL, cancellation::cancel),
        Function::new(c"_request", REQUEST, cancellation::request),
        Function::new(c"_cancel_with", CANCEL_WITH, cancellation::cancel_with),
        Function::new(c"_attach", ATTACH, cancellation::attach),
        Function::new(c"_set_reporting", SET_REPORTING, set_reporting),
        Function::new(c"_failures", FAILURES, failures),
        Function::new(
            c"_set_swallowed_watched",
            SET_SWALLOWED_WATCHED,
            set_swallowed_watched,
        ),
        Function::new(c"_set_refusing", SET_REFUSING, set_refusing),
        Function::new(c"_set_watching", SET_WATCHING, set_watching),
        Function::new(
            c"_set_slow_callbacks",
            SET_SLOW_CALLBACKS,
            watching::set_slow_callbacks,
        ),
        Function::new(
            c"_set_stuck_cancellations",
            SET_STUCK_CANCELLATIONS,
            watching::set_stuck_cancellations,
        ),
        Function::new(c"_asked", ASKED, watching::asked),
        Function::new(c"_received", RECEIVED, watching::received),
        Function::new(c"_survived", SURVIVED, survived),
        Function::new(c"_made_at", MADE_AT, made_at),
        Function::new(c"_adopt_methods", ADOPT_METHODS, adopt_methods),
        Function::new(c"_watch_tasks", WATCH_TASKS, watch_tasks),
        Function::new(c"_list_tasks", LIST_TASKS, list_tasks),
        Function::new(c"_wait_any", FIRST, wait::wait_any),
        Function::new(c"_wait_ended", WAIT_ENDED, wait::wait_ended),
        Function::new(c"_held_up", HELD_UP, held_up::held_up),
        Function::new(c"_find_cycles", FIND_CYCLES, wait_graph::find_cycles),
        Function::new(c"_look_at_tasks", LOOK_AT_TASKS, waits::look_at_tasks),
        Function::new(c"_stack", STACK, waits::stack),
        Function::new(c"_edges", EDGES, waits::edges),
        Function::new(c"_with_holders", WITH_HOLDERS, waits::with_holders),
        Function::new(c"_codes", CODES, waits::codes),
        Function::new(c"_referent", REFERENT, waits::referent),
        Function::new(c"_cancel_each", CANCEL_EACH, cancellation::cancel_each),
        Function::new(c"_race", FIRST, race::race),
        Function::new(c"_first_success", FIRST, race::first_success),
        Function::new(c"_gather_on_error", FIRST, race::gather),
        Function::new(c"_detect_cancel", FIRST, race::detect_cancel),
        Function::new(c"_unraisable", UNRAISABLE, unraisable),
        Function::new(c"_repeat", REPEAT, cancellation::repeat),
        Function::new(c"all_tasks", ALL_TASKS, all_tasks),
        Function::new(c"_register_task", REGISTER_TASK, register_task),
        Function::new(c"_unregister_task", UNREGISTER_TASK, unregister_task),
        Function::new(
            c"_register_eager_task",
            REGISTER_EAGER_TASK,
            register_eager_task,
        ),
        Function::new(
            c"_unregister_eager_task",
            UNREGISTER_EAGER_TASK,
            unregister_eager_task,
        ),
        Function::new(c"set_mirroring", SET_MIRRORING, set_mirroring),
        Function::new(c"make_natively", MAKE_NATIVELY, make_natively),
        Function::new(c"_original", ORIGINAL, function::original_of),
        Function::new(c"_reviewed", REVIEWED, reviewed::reviewed),
        Function::new(c"_fingerprint", FINGERPRINT, reviewed::fingerprint_of),
        Function::new(
            c"call_without_callers",
            CALL_WITHOUT_CALLERS,
            call_without_callers,
        ),
    ];
    functions
        .into_iter()
        .try_for_each(|function| function.add_to(module))?;
    Function::new(c"create_task", CREATE_TASK, ensure::create_task_of_token)
        .add_as(module, "_create_task_of_token")?;
    #[cfg(feature = "gc-stress")]
    Function::new(
        c"_collect_at_allocations",
        COLLECT_AT_ALLOCATIONS,
        collect_at_allocations,
    )
    .add_to(module)?;
    if !compat::SINCE_3_12 {
        let function = get_event_loop_at_level;
        Function::new(c"_get_event_loop", GET_EVENT_LOOP, function).add_to(module)?;
    }
    Ok(())
}

/// The functions that pass for asyncio's own.
fn add_natives(module: &Bound<'_, PyModule>) -> Fallible<()> {
    static GATHER: Imported = Imported::new("asyncio.tasks", "gather");
    static SLEEP: Imported = Imported::new("asyncio.tasks", "sleep");
    static WAIT: Imported = Imported::new("asyncio.tasks", "wait");
    static CREATE_TASK: Imported = Imported::new("asyncio.tasks", "create_task");
    static ENSURE_FUTURE: Imported = Imported::new("asyncio.tasks", "ensure_future");
    let natives: [(&str, &'static Imported, Body); 5] = [
        ("gather", &GATHER, gather::gather),
        ("sleep", &SLEEP, sleep::sleep),
        ("wait", &WAIT, wait::wait),
        ("create_task", &CREATE_TASK, ensure::create_task),
        ("ensure_future", &ENSURE_FUTURE, ensure::ensure_future),
    ];
    let py = module.py();
    add_our_own(module)?;
    for (name, original, body) in natives {
        let stock = original.get(py)?;
        if reviewed::is_known(py, original)? {
            module.add(name, function::new(stock, body)?)?;
        } else {
            module.add(name, stock)?;
        }
    }
    Ok(())
}

/// What asyncio does not have: the functions of `stook._first` say what they are, ours do it.
fn add_our_own(module: &Bound<'_, PyModule>) -> Fallible<()> {
    let first = module.py().import("stook._first")?;
    // Under asyncio's name for `gather` there is what stands for asyncio's.
    let own: [(&str, &str, Body); 5] = [
        ("wait_any", "wait_any", wait::wait_any),
        ("race", "race", race::race),
        ("first_success", "first_success", race::first_success),
        ("gather", "_gather", race::gather),
        ("detect_cancel", "detect_cancel", race::detect_cancel),
    ];
    for (original, name, body) in own {
        module.add(name, function::new(&first.getattr(original)?, body)?)?;
    }
    Ok(())
}

/// The factory of eager tasks, and what makes such factories.
///
/// The latter is written in Python, and right as it is: it makes tasks of whatever class it is given.
/// Programs find that class in the closure of what it makes (anyio does), so the factory of ours shows
/// itself as one that was made for our class.
fn add_eager_factories(module: &Bound<'_, PyModule>) -> Fallible<()> {
    let py = module.py();
    let maker = py
        .import("asyncio.tasks")?
        .getattr("create_eager_task_factory")?;
    let original = maker.call1((future::TASK.class(py),))?;
    let factory = function::new(&original, task_class::eager_task_factory)?;
    module.add("eager_task_factory", factory)?;
    module.add("create_eager_task_factory", maker)?;
    Ok(())
}

/// For tests, in builds that have it: see `ffi/stress.rs`.
#[cfg(feature = "gc-stress")]
fn collect_at_allocations<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    let [on] = given(args, &one("_collect_at_allocations", "on", 1))?;
    crate::ffi::stress::collect_at_allocations(on.is_truthy()?);
    Ok(none(args.py()))
}

/// Adds every function to the module.
///
/// # Errors
/// What making a function raises.
pub(crate) fn build(module: &Bound<'_, PyModule>) -> Fallible<()> {
    add_functions(module)?;
    add_natives(module)?;
    let py = module.py();
    module.add("_current_tasks", accelerator::current_tasks(py)?)?;
    let all = accelerator::all_tasks(py)?;
    module.add(
        if compat::SINCE_3_12 {
            "_scheduled_tasks"
        } else {
            "_all_tasks"
        },
        all,
    )?;
    if compat::SINCE_3_12 {
        module.add("_eager_tasks", accelerator::eager_tasks(py)?)?;
        add_eager_factories(module)?;
    }
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    Ok(())
}

const GET_RUNNING_LOOP: &std::ffi::CStr = c"get_running_loop()\n--\n\n\
Return the event loop that runs in this thread.\n\nRaises:\n    RuntimeError: None does.";
const GET_RUNNING_OR_NONE: &std::ffi::CStr =
    c"_get_running_loop()\n--\n\nReturn the event loop that runs in this thread, or None.";
#[cfg(feature = "gc-stress")]
const COLLECT_AT_ALLOCATIONS: &std::ffi::CStr =
    c"_collect_at_allocations(on)\n--\n\nHave the collector run at every allocation, or not.";
const SET_RUNNING_LOOP: &std::ffi::CStr =
    c"_set_running_loop(loop, /)\n--\n\nSet the event loop that runs in this thread.";
const FORGET_RUNNING_LOOP: &std::ffi::CStr =
    c"_forget_running_loop()\n--\n\nForget the running loop: a forked child has none.";
const GET_EVENT_LOOP: &std::ffi::CStr =
    c"get_event_loop()\n--\n\nReturn the running event loop, else that of the policy.";
const ENTER_TASK: &std::ffi::CStr =
    c"_enter_task(loop, task)\n--\n\nMake task the current one of loop for a step.";
const LEAVE_TASK: &std::ffi::CStr = c"_leave_task(loop, task)\n--\n\nEnd the step of task.";
const SWAP_CURRENT_TASK: &std::ffi::CStr =
    c"_swap_current_task(loop, task)\n--\n\nMake task the current one; return the one before.";
const CURRENT_TASK: &std::ffi::CStr = c"current_task(loop=None)\n--\n\n\
Return the task that runs, or None.\n\n\
Args:\n    loop: The event loop; the running one when None.\n\n\
Raises:\n    RuntimeError: No loop is given and none runs.";
const CANCELLATION: &std::ffi::CStr = c"cancellation(of=None)\n--\n\n\
Return the record of a cancellation: who asked, why, and from which line.\n\n\
Args:\n    of: An exception: the CancelledError, or what came of it. A task or future: the request\n        \
that was raised in it last, or is to be; of a CancelledError that it has made itself, none.\n        \
None: that of the current task.\n\n\
Returns:\n    A Cancellation, of kind \"unknown\" for a CancelledError of which nobody has kept one; None\n    \
where nothing was cancelled.\n\n\
Raises:\n    TypeError: It is something else.";
const CANCEL: &std::ffi::CStr = c"cancel(task, msg=None, *, reason=None)\n--\n\n\
Ask a task to cancel, as task.cancel(msg) does, with a reason for the record.\n\n\
Args:\n    task: A task or future.\n    msg: The argument of the CancelledError.\n    \
reason: Any object; msg when None.\n\n\
Returns:\n    Whether it was asked: False when it is done.\n\n\
Raises:\n    TypeError: It is no future.";
const REQUEST: &std::ffi::CStr = c"_request(kind, reason=None, cause=None)\n--\n\n\
Return the record of a cancel request that is made now.";
const CANCEL_WITH: &std::ffi::CStr = c"_cancel_with(task, record, msg=None)\n--\n\n\
Ask a task to cancel, by the request of which this is the record.";
const CANCEL_EACH: &std::ffi::CStr = c"_cancel_each(tasks, record)\n--\n\n\
Ask every task that is not done to cancel, whatever asking one raises; then raise that.";
const WAIT_ENDED: &std::ffi::CStr = c"_wait_ended(fs, timeout)\n--\n\n\
Make the coroutine by which the current task waits until all have ended, whatever happens.";
const HELD_UP: &std::ffi::CStr = c"_held_up()\n--\n\n\
Return those that, once asked to cancel, end no sooner than the current task, for which they wait.";
const FIND_CYCLES: &std::ffi::CStr = c"_find_cycles(needs, waiters, on)\n--\n\n\
Return of each node the number of its cycle, or None, and whether it can go on.";
const LOOK_AT_TASKS: &std::ffi::CStr =
    c"_look_at_tasks(tasks, running, scheduled, looks, of_future)\n--\n\n\
Return a TaskInfo of each task. `looks` tells of the waits of coroutines, by their code.";
const STACK: &std::ffi::CStr = c"_stack(coroutine, looks)\n--\n\n\
Return where coroutines wait, each awaited by the one before, down to one that `looks` knows.";
const EDGES: &std::ffi::CStr = c"_edges(infos)\n--\n\n\
Return what each task needs to go on, who waits for whom, and both of these as places in `infos`.";
const WITH_HOLDERS: &std::ffi::CStr = c"_with_holders(infos, loop, tasks, entering, waiting)\n--\n\n\
The same TaskInfos; those of tasks that wait for a lock or a semaphore name the tasks that hold it,\n\
or who took the lock.";
const CODES: &std::ffi::CStr = c"_codes(coroutine)\n--\n\n\
Return the code of each coroutine down from this one.";
const REFERENT: &std::ffi::CStr = c"_referent(thing, kinds)\n--\n\n\
Return the first object to which it refers that is truly of one of these classes, or None.";
const UNRAISABLE: &std::ffi::CStr = c"_unraisable(exception, where)\n--\n\n\
Tell sys.unraisablehook of an exception that nobody can catch.";
const REPEAT: &std::ffi::CStr =
    c"_repeat(record)\n--\n\nReturn the record of the same request, made again now.";
const CREATE_TASK: &std::ffi::CStr = c"create_task(coro, *, name=None, context=None, token=None)\n--\n\n\
Make a task of the running loop, as asyncio.create_task does, that a token can cancel.\n\n\
The task is asked to cancel when the token is cancelled; at once, if that has happened. Give the\n\
same token to the tasks that it makes itself, and all of them are cancelled at once. The token keeps\n\
the task alive until it is done. With a token that is cancelled already the\n\
task does not begin; an eager one runs until it waits first.\n\n\
Args:\n    coro: A coroutine.\n    name: The name of the task; one is made when None.\n    \
context: The context to run in; a copy of the present one when None.\n    \
token: A CancellationToken, or None.\n\n\
Returns:\n    A Task.\n\n\
Raises:\n    RuntimeError: No loop is running.\n    \
TypeError: It is no coroutine, or the token is none.\n\n\
Source:\n    asyncio.create_task, CPython 3.11 to 3.13.";
const ATTACH: &std::ffi::CStr =
    c"_attach(exception, record)\n--\n\nLet an exception be asked for this record.";
const SET_REPORTING: &std::ffi::CStr = c"_set_reporting(on, /)\n--\n\n\
Set whether stook._unretrieved is told of exceptions that nobody read.";
const FAILURES: &std::ffi::CStr = c"_failures()\n--\n\n\
Return how many of stook's futures have been given an exception so far.";
const SET_SWALLOWED_WATCHED: &std::ffi::CStr = c"_set_swallowed_watched(on, /)\n--\n\n\
Set whether stook._cancellation is told of tasks that swallow a cancellation, in debug mode or not.";
const SET_REFUSING: &std::ffi::CStr = c"_set_refusing(on, /)\n--\n\n\
Set whether an await by which tasks would await each other is refused.";
const SET_WATCHING: &std::ffi::CStr = c"_set_watching(on, /)\n--\n\n\
Set whether stook._deadlock is told of loops in which nothing may go on.";
const SET_SLOW_CALLBACKS: &std::ffi::CStr = c"_set_slow_callbacks(of, after, /)\n--\n\n\
Set of which loops stook._watcher is told of slow callbacks: True for all, False for those in debug\n\
mode, None for none. A callback is slow after so many seconds; 0 is for what its loop says.";
const SET_STUCK_CANCELLATIONS: &std::ffi::CStr = c"_set_stuck_cancellations(of, /)\n--\n\n\
Set of which loops stook._watcher looks for stuck cancellations, as _set_slow_callbacks() does.";
const ASKED: &std::ffi::CStr = c"_asked(loop, before, /)\n--\n\n\
Return pairs of the tasks that were asked to cancel before then, and when they were asked first.";
const RECEIVED: &std::ffi::CStr = c"_received()\n--\n\n\
Return how many requests to cancel tasks have received.";
const SURVIVED: &std::ffi::CStr = c"_survived(task, /)\n--\n\n\
Return the places at which a task has gone on after a cancellation that still stands.";
const MADE_AT: &std::ffi::CStr = c"_made_at(task, /)\n--\n\n\
Return the place that made a task; None where that is not known.";
const ADOPT_METHODS: &std::ffi::CStr = c"_adopt_methods(loop_class, /)\n--\n\n\
Give a subclass of LoopCore methods of its own for those that it inherits.";
const WATCH_TASKS: &std::ffi::CStr = c"_watch_tasks()\n--\n\n\
Say that _list_tasks() is called before anyone looks into asyncio's weak set of tasks.";
const LIST_TASKS: &std::ffi::CStr = c"_list_tasks(listed, forget)\n--\n\n\
Put references to the tasks that are not there yet into a set; forget is their callback.";
const FIRST: &std::ffi::CStr = c"Make the coroutine: see stook._first.";
const ALL_TASKS: &std::ffi::CStr = c"all_tasks(loop=None)\n--\n\n\
Return the set of the tasks that are not done.\n\n\
Args:\n    loop: The event loop; the running one when None.\n\n\
Raises:\n    RuntimeError: No loop is given and none runs.";
const REGISTER_TASK: &std::ffi::CStr =
    c"_register_task(task)\n--\n\nCount task among those of its loop.";
const UNREGISTER_TASK: &std::ffi::CStr =
    c"_unregister_task(task)\n--\n\nNo longer count task among those of its loop.";
const REGISTER_EAGER_TASK: &std::ffi::CStr =
    c"_register_eager_task(task)\n--\n\nCount task among those in their eager step.";
const UNREGISTER_EAGER_TASK: &std::ffi::CStr =
    c"_unregister_eager_task(task)\n--\n\nNo longer count task among those in their eager step.";
const ORIGINAL: &std::ffi::CStr = c"_original(function, /)\n--\n\n\
Return what a native function stands for; None of any other object.";
const REVIEWED: &std::ffi::CStr = c"_reviewed()\n--\n\n\
Return (module, name, fingerprint, known) of each function and class that natives stand for.";
const FINGERPRINT: &std::ffi::CStr = c"_fingerprint(object, /)\n--\n\n\
Return the fingerprint of a function, of a class with its functions, or of the code of either.";
const SET_MIRRORING: &std::ffi::CStr = c"set_mirroring(on, /)\n--\n\n\
Set whether names that were bound before install() are kept informed.";
const MAKE_NATIVELY: &std::ffi::CStr = c"make_natively(on, /)\n--\n\n\
Set whether a task group is made without asking its class for __new__ and __init__.";
const CALL_WITHOUT_CALLERS: &std::ffi::CStr = c"call_without_callers(function, *arguments)\n--\n\n\
Call a function that cannot see the frames of those who called it.";

//! Whose code asks: a program's, or a function of asyncio's that tells why.

use std::cell::RefCell;
use std::mem::ManuallyDrop;

use crate::ffi::intern;
use crate::ffi::once::Once;
use pyo3::prelude::*;
use pyo3::types::PyString;
use rustc_hash::FxHashMap;
use stook_kernel::CancelKind;

use crate::ffi::{Fallible, Held};

/// What is known of a code object that has asked, or stood between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    /// A program's, or another library's.
    Outside,
    /// Of asyncio's or stook's: it tells nothing.
    Between,
    /// Of asyncio's: it asks for this reason.
    Reason(CancelKind),
    /// The end of a wait: because that was cancelled, or for the other reason.
    End(CancelKind),
    /// The end of a group's block: because that was cancelled, or has failed.
    EndOfBlock,
    /// It hands the end of one future on to another.
    HandsOn,
    /// It runs a loop: who has called it has not asked.
    RunsLoop,
    /// It puts cancellations of its task aside, and then raises one that it makes.
    RaisesAnew,
}

/// Functions of asyncio that ask, by file and qualified name.
const REASONS: [(&str, &str, Code); 14] = [
    (
        "base_events.py",
        "BaseEventLoop.run_forever",
        Code::RunsLoop,
    ),
    // Of loops whose own functions have no frames.
    ("runners.py", "Runner.run", Code::RunsLoop),
    (
        "timeouts.py",
        "Timeout._on_timeout",
        Code::Reason(CancelKind::Timeout),
    ),
    (
        "tasks.py",
        "_cancel_and_wait",
        Code::End(CancelKind::Timeout),
    ),
    (
        "tasks.py",
        "_GatheringFuture.cancel",
        Code::Reason(CancelKind::Group),
    ),
    (
        "taskgroups.py",
        "TaskGroup._on_task_done",
        Code::Reason(CancelKind::SiblingFailed),
    ),
    ("taskgroups.py", "TaskGroup.__aexit__", Code::EndOfBlock),
    ("taskgroups.py", "TaskGroup._aexit", Code::EndOfBlock),
    ("tasks.py", "shield", Code::HandsOn),
    // Before CPython 3.13.
    ("locks.py", "Condition.wait", Code::RaisesAnew),
    ("futures.py", "_copy_future_state", Code::HandsOn),
    (
        "runners.py",
        "_cancel_all_tasks",
        Code::Reason(CancelKind::Shutdown),
    ),
    (
        "runners.py",
        "Runner._on_sigint",
        Code::Reason(CancelKind::Interrupt),
    ),
    (
        "staggered.py",
        "staggered_race",
        Code::Reason(CancelKind::LostRace),
    ),
];

/// Functions of stook's that run a loop.
const RUNS_LOOP: [&str; 2] = [
    "Scheduling.run_forever",
    "Scheduling._run_nested_until_complete",
];

/// In so many groups code objects of programs are remembered; a power of 2.
const GROUPS: usize = 64;
/// So many of a group are remembered at the most: two that ask in turn and happen to come to the same
/// group are both known.
const MOST_OF_A_GROUP: usize = 2;

/// What is known of code objects. They are kept alive, so that an address stays that of its code.
pub(super) struct Known {
    /// Of asyncio's and stook's.
    own: FxHashMap<usize, (Held, Code)>,
    /// Of programs, each in a group that depends on its address, the newest first.
    outside: [[Option<Held>; MOST_OF_A_GROUP]; GROUPS],
}

/// The group in which a code object of a program is remembered.
const fn group_of(address: usize) -> usize {
    (address >> 4) % GROUPS
}

thread_local! {
    /// Never released at the end of a thread: that may be after the interpreter's own end.
    static CODES: ManuallyDrop<RefCell<Known>> = ManuallyDrop::new(RefCell::new(Known {
        own: FxHashMap::default(),
        outside: [const { [const { None }; MOST_OF_A_GROUP] }; GROUPS],
    }));
}

impl Known {
    #[inline]
    pub(super) fn get(&self, address: usize) -> Option<Code> {
        let group = &self.outside[group_of(address)];
        let is_it = |known: &Option<Held>| {
            known
                .as_ref()
                .is_some_and(|known| known.address() == address)
        };
        if group.iter().any(is_it) {
            return Some(Code::Outside);
        }
        self.own.get(&address).map(|(_, code)| *code)
    }
}

/// Looks at what is known of code.
pub(super) fn with_known<R>(body: impl FnOnce(&Known) -> R) -> R {
    CODES.with(|codes| body(&codes.borrow()))
}

/// A string to compare with: file names that are no UTF-8 have characters that Rust has not.
fn text(string: &Bound<'_, PyAny>) -> PyResult<String> {
    Ok(string.cast::<PyString>()?.to_string_lossy().into_owned())
}

/// Where stook and asyncio are.
///
/// # Errors
/// What importing them raises, the first time: at the end of the interpreter nothing can be imported.
pub(crate) fn directories(py: Python<'_>) -> PyResult<&'static [String; 2]> {
    static DIRECTORIES: Once<[String; 2]> = Once::new();
    let directory_of = |package: &str| -> PyResult<String> {
        let path = py.import(package)?.getattr(intern!(py, "__path__"))?;
        text(&path.get_item(0)?)
    };
    DIRECTORIES.get_or_try_init(py, || {
        Ok([directory_of("stook")?, directory_of("asyncio")?])
    })
}

/// Whose code this is, from its file and name.
#[cold]
fn look_at(code: &Bound<'_, PyAny>) -> PyResult<Code> {
    let py = code.py();
    let file = text(&code.getattr(intern!(py, "co_filename"))?)?;
    let is_in = |directory: &String| {
        file.strip_prefix(directory)
            .is_some_and(|rest| rest.starts_with('/'))
    };
    let [stook, asyncio] = directories(py)?;
    let name = text(&code.getattr(intern!(py, "co_qualname"))?)?;
    if is_in(stook) {
        return Ok(if RUNS_LOOP.contains(&name.as_str()) {
            Code::RunsLoop
        } else {
            Code::Between
        });
    }
    if !is_in(asyncio) {
        return Ok(Code::Outside);
    }
    let found = REASONS.into_iter().find(|(of, function, _)| {
        file.ends_with(of) && name.split(".<locals>").next() == Some(function)
    });
    Ok(found.map_or(Code::Between, |(_, _, code)| code))
}

/// Whose code this is; remembered.
pub(super) fn code_of(object: &Bound<'_, PyAny>) -> Fallible<Code> {
    let address = object.as_ptr() as usize;
    if let Some(code) = with_known(|known| known.get(address)) {
        return Ok(code);
    }
    let code = look_at(object)?;
    let held = Held::new(object);
    let forgotten = CODES.with(|codes| {
        let mut codes = codes.borrow_mut();
        if code == Code::Outside {
            let group = &mut codes.outside[group_of(address)];
            group.rotate_right(1);
            group[0].replace(held)
        } else {
            codes
                .own
                .insert(address, (held, code))
                .map(|(held, _)| held)
        }
    });
    drop(forgotten);
    Ok(code)
}

/// Whether a code object is a program's, or another library's.
///
/// # Errors
/// What looking at new code raises.
pub(crate) fn is_outside(code: &Bound<'_, PyAny>) -> Fallible<bool> {
    Ok(code_of(code)? == Code::Outside)
}

//! `gather`: one future for many.
//!
//! The kernel's `Gather` decides; this file keeps the values.
//!
//! # Source
//! `gather`, `_GatheringFuture`, CPython 3.11 to 3.13 `asyncio/tasks.py`.

use crate::ffi::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use rustc_hash::FxHashMap;
use stook_kernel::{Gather, GatherAction, Outcome};

use crate::accelerator;
use crate::asking;
use crate::callbacks::Callback;
use crate::cancellations;
use crate::ensure;
use crate::errors;
use crate::ffi::{Args, Builder, Fallible, GetSet, Held, Method, Ref, Signature, call, coro};
use crate::future::{self, Ended, FutureState};
use crate::future_class::{self, python_bool};
use crate::gathering::{self, GatheringState};
use crate::reference::reference;
use crate::running;
use crate::step;
use crate::task::{self, TaskState};

fn as_future<'a, 'py>(this: &'a Ref<'py, GatheringState>) -> &'a Ref<'py, FutureState> {
    this.upcast(|gathering| &gathering.future)
}

/// `gather(*coros_or_futures, return_exceptions=False)`
///
/// # Errors
/// As `ensure_future` for each argument.
pub(crate) fn gather<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    let py = args.py();
    let return_exceptions = args.only_keyword("gather", "return_exceptions")?;
    let return_exceptions = match return_exceptions {
        Some(value) => value.is_truthy()?,
        None => false,
    };
    let count = args.positional_len();
    if count == 0 {
        let event_loop = running::get_event_loop(py)?;
        let outer = call::method0(&event_loop, intern!(py, "create_future"))?;
        outer.call_method1(intern!(py, "set_result"), (PyList::empty(py),))?;
        return Ok(outer);
    }
    let outer = Ref::<GatheringState>::allocate(py, GatheringState::default())?;
    let collected = collect(&outer, args, count, return_exceptions);
    let done = collected.inspect_err(|_| outer.abandoned.set(true))?;
    for child in &done {
        settle(&outer, child)?;
    }
    Ok(outer.into_any())
}

/// Makes a future of each argument and asks it to tell `outer`; returns those that are done
/// already and are to be counted once `outer` stands.
fn collect<'py>(
    outer: &Ref<'py, GatheringState>,
    args: &Args<'_, 'py>,
    count: usize,
    return_exceptions: bool,
) -> Fallible<Vec<Bound<'py, PyAny>>> {
    let py = outer.py();
    let counts_done = reference(py)?.gather_counts_done_children;
    let mut event_loop: Option<Bound<'py, PyAny>> = None;
    let mut children: Vec<Bound<'py, PyAny>> = Vec::with_capacity(count);
    let mut done = Vec::new();
    let mut different = 0usize;
    let mut known = Known::new(is_any_twice(args, count));
    for index in 0..count {
        let argument = args.positional(index);
        if let Some(child) = known.find(&argument)? {
            children.push(child);
            continue;
        }
        let child = ensure::ensure(&argument, event_loop.as_ref())?;
        if event_loop.is_none() {
            event_loop = Some(step::loop_of(&child)?);
        }
        if !child.is(&argument) {
            be_quiet(&child)?;
        }
        different += 1;
        known.insert(&argument, &child)?;
        if counts_done && is_done(&child)? {
            done.push(child.clone());
        } else {
            tell(&child, outer)?;
        }
        children.push(child);
    }
    outer
        .machine
        .set(Some(Gather::new(different, return_exceptions)));
    outer.return_exceptions.set(return_exceptions);
    outer.begin(PyList::new(py, children)?.into_any());
    outer.future.initialize(py, event_loop)?;
    Ok(done)
}

/// The arguments met so far: one that is given twice is awaited once.
struct Known<'py> {
    /// What is compared by identity; none where nothing is given twice.
    by_identity: Option<FxHashMap<usize, Bound<'py, PyAny>>>,
    by_equality: Option<Bound<'py, PyDict>>,
}

/// Whether any argument is the same object as another. They are most often in order of their
/// addresses or nearly, which makes this cheaper than to remember each of them.
fn is_any_twice(args: &Args<'_, '_>, count: usize) -> bool {
    let mut addresses: Vec<usize> = (0..count)
        .map(|index| args.positional(index).as_ptr() as usize)
        .collect();
    addresses.sort();
    addresses.windows(2).any(|pair| pair[0] == pair[1])
}

impl<'py> Known<'py> {
    fn new(is_any_twice: bool) -> Self {
        Known {
            by_identity: is_any_twice.then(FxHashMap::default),
            by_equality: None,
        }
    }

    fn has_identity(argument: &Bound<'py, PyAny>) -> bool {
        coro::is_exact_coroutine(argument) || future::plain(argument).is_some()
    }

    fn find(&self, argument: &Bound<'py, PyAny>) -> Fallible<Option<Bound<'py, PyAny>>> {
        if Self::has_identity(argument) {
            let known = self.by_identity.as_ref();
            let child = known.and_then(|known| known.get(&(argument.as_ptr() as usize)));
            return Ok(child.cloned());
        }
        match &self.by_equality {
            Some(known) => Ok(known.get_item(argument)?),
            None => {
                argument.hash()?;
                Ok(None)
            }
        }
    }

    fn insert(&mut self, argument: &Bound<'py, PyAny>, child: &Bound<'py, PyAny>) -> Fallible<()> {
        if Self::has_identity(argument) {
            if let Some(known) = &mut self.by_identity {
                known.insert(argument.as_ptr() as usize, child.clone());
            }
            return Ok(());
        }
        let py = argument.py();
        let known = self.by_equality.get_or_insert_with(|| PyDict::new(py));
        Ok(known.set_item(argument, child)?)
    }
}

/// The caller cannot reach a task made for it here, so it is not told when that is destroyed.
fn be_quiet(child: &Bound<'_, PyAny>) -> Fallible<()> {
    match Ref::<TaskState>::cast_exact(child) {
        Some(task) => task.set_reports_destruction(false),
        None => child.setattr(intern!(child.py(), "_log_destroy_pending"), false)?,
    }
    Ok(())
}

fn is_done(child: &Bound<'_, PyAny>) -> Fallible<bool> {
    match future::plain(child) {
        Some(plain) => Ok(plain.is_done()),
        None => Ok(call::method0(child, intern!(child.py(), "done"))?.is_truthy()?),
    }
}

/// Asks `child` to tell `outer` when it is done.
///
/// DIFFERENCE: the repr of a gathered task shows `_GatheringFuture._done_callback` as its callback,
/// and that of one that `wait` waits for `coroutine._done_callback`; asyncio shows functions inside its own.
fn tell(child: &Bound<'_, PyAny>, outer: &Ref<'_, GatheringState>) -> Fallible<()> {
    if let Some(plain) = future::plain(child) {
        return future::add_callback(plain, Callback::Settle(Held::new(outer.as_any())));
    }
    let py = child.py();
    let callback = outer.as_any().getattr(intern!(py, "_done_callback"))?;
    call::method1(child, intern!(py, "add_done_callback"), &callback)?;
    Ok(())
}

/// How `child` ended, as far as can be told without asking one whose methods are not ours for its
/// exception, which would count as reading it.
fn outcome(child: &Bound<'_, PyAny>) -> Fallible<Outcome> {
    if let Some(plain) = future::plain(child) {
        return Ok(plain.outcome());
    }
    let cancelled = call::method0(child, intern!(child.py(), "cancelled"))?;
    Ok(if cancelled.is_truthy()? {
        Outcome::Cancelled
    } else {
        Outcome::Returned
    })
}

/// How `child` ended, and the exception of one that had to be asked for it.
fn outcome_and_exception<'py>(
    child: &Bound<'py, PyAny>,
) -> Fallible<(Outcome, Option<Bound<'py, PyAny>>)> {
    let outcome = outcome(child)?;
    if let Some(plain) = future::plain(child) {
        if !plain.is_done() {
            // A program has begun it anew since it was done.
            return future::exception(plain).map(|exception| (outcome, exception));
        }
        return Ok((outcome, None));
    }
    if outcome.is_cancelled() {
        return Ok((outcome, None));
    }
    let exception = call::method0(child, intern!(child.py(), "exception"))?;
    if exception.is_none() {
        return Ok((Outcome::Returned, None));
    }
    Ok((Outcome::Raised, Some(exception)))
}

/// The exception of `child`, which now counts as read.
fn exception_of<'py>(child: &Bound<'py, PyAny>) -> Fallible<Bound<'py, PyAny>> {
    let py = child.py();
    match future::plain(child) {
        Some(plain) => Ok(future::exception(plain)?.unwrap_or_else(|| py.None().into_bound(py))),
        None => call::method0(child, intern!(py, "exception")),
    }
}

fn cancelled_error_of<'py>(child: &Bound<'py, PyAny>) -> Fallible<Bound<'py, PyAny>> {
    match future::plain(child) {
        Some(plain) => future::recorded_cancelled_error(plain),
        None => call::method0(child, intern!(child.py(), "_make_cancelled_error")),
    }
}

/// Counts `child`, which is done, and does what follows.
///
/// # Errors
/// What a child whose methods are not ours raises.
pub(crate) fn settle<'py>(
    this: &Ref<'py, GatheringState>,
    child: &Bound<'py, PyAny>,
) -> Fallible<()> {
    task::catch_up_gather(this);
    let outer_done = this.abandoned.get() || this.future.is_done();
    // Asked only what asyncio asks: methods that are not ours see it.
    let told = if outer_done {
        outcome(child).map(|outcome| (outcome, None))
    } else if this.return_exceptions.get() {
        Ok((Outcome::Returned, None))
    } else {
        outcome_and_exception(child)
    };
    let (outcome, exception) = match told {
        Ok(told) => told,
        Err(raised) => {
            // It has come to an end all the same.
            if let Some(mut machine) = this.machine.get() {
                let nothing = machine.child_done(true, Outcome::Cancelled);
                debug_assert_eq!(nothing, GatherAction::Nothing);
                this.machine.set(Some(machine));
            }
            return Err(raised);
        }
    };
    let Some(mut machine) = this.machine.get() else {
        // `gather` has not got as far: there is no outer future to settle.
        if !outcome.is_cancelled() {
            exception_of(child)?;
        }
        return Ok(());
    };
    let action = machine.child_done(outer_done, outcome);
    this.machine.set(Some(machine));
    let outer = as_future(this);
    match action {
        GatherAction::Nothing => Ok(()),
        GatherAction::MarkRetrieved => exception_of(child).map(drop),
        GatherAction::FailWithChild => match exception {
            Some(exception) => future::set_exception(outer, &exception),
            None => future::set_exception(outer, &exception_of(child)?),
        },
        GatherAction::CancelWithChild => future::set_exception(outer, &cancelled_error_of(child)?),
        GatherAction::Collect | GatherAction::CollectCancelled => {
            let results = results(this)?;
            let by_hand = gathering::requested_by_hand(this)?;
            if !by_hand.unwrap_or(action == GatherAction::CollectCancelled) {
                return future::set_result(outer, results.into_any());
            }
            let is_empty = results.is_empty();
            drop(results);
            let last = match is_empty {
                true => child.clone(),
                false => this.gathered(this.py()).get_item(-1)?,
            };
            future::set_exception(outer, &cancelled_error_of(&last)?)
        }
    }
}

fn results<'py>(this: &Ref<'py, GatheringState>) -> Fallible<Bound<'py, PyList>> {
    let py = this.py();
    let children = this.gathered(py);
    let children = children.cast::<PyList>().map_err(PyErr::from)?;
    let mut results = Vec::with_capacity(children.len());
    for child in children.iter() {
        results.push(result_of(&child)?);
    }
    Ok(PyList::new(py, results)?)
}

fn result_of<'py>(child: &Bound<'py, PyAny>) -> Fallible<Bound<'py, PyAny>> {
    let py = child.py();
    if let Some(plain) = future::plain(child) {
        return match plain.outcome() {
            Outcome::Cancelled => {
                let result = cancelled_result(py, plain.cancel_message(py))?;
                if let Some(record) = plain.record(py) {
                    cancellations::attach(&result, record.as_any())?;
                }
                Ok(result)
            }
            Outcome::Raised => exception_of(child),
            Outcome::Returned if !plain.is_done() => exception_of(child),
            Outcome::Returned => match future::ended(plain)? {
                Ended::Returned(value) => Ok(value),
                Ended::Raised(exception) => Ok(exception),
                Ended::Cancelled => cancelled_result(py, None),
            },
        };
    }
    if call::method0(child, intern!(py, "cancelled"))?.is_truthy()? {
        let message = child.getattr(intern!(py, "_cancel_message"))?;
        return cancelled_result(py, Some(message));
    }
    let exception = exception_of(child)?;
    if exception.is_none() {
        return call::method0(child, intern!(py, "result"));
    }
    Ok(exception)
}

/// The `CancelledError` that stands for a cancelled child in the list of results.
fn cancelled_result<'py>(
    py: Python<'py>,
    message: Option<Bound<'py, PyAny>>,
) -> Fallible<Bound<'py, PyAny>> {
    match message.filter(|message| !message.is_none()) {
        Some(message) => errors::new_cancelled_error(py, Some(&message)),
        None => errors::new_cancelled_error_without_words(py),
    }
}

fn cancel<'py>(
    this: &Ref<'py, GatheringState>,
    args: &Args<'_, 'py>,
) -> Fallible<Bound<'py, PyAny>> {
    let py = this.py();
    let message = future_class::message(args)?.unwrap_or_else(|| py.None().into_bound(py));
    if this.future.is_done() {
        return Ok(python_bool(py, false));
    }
    task::catch_up_gather(this);
    let (record, common) = asking::of_gather(this.as_any(), Some(&message))?;
    this.future.cancellations().end(&record);
    let accepted = task::cancel_children(this, &message, &common)?;
    Ok(python_bool(py, accepted))
}

fn init<'py>(this: &Ref<'py, GatheringState>, args: &Args<'_, 'py>) -> Fallible<()> {
    const SIGNATURE: Signature<2> =
        Signature::python("_GatheringFuture.__init__", ["children", "loop"], 1, 2);
    let [children, event_loop] = args.parse(&SIGNATURE)?;
    this.future.initialize(this.py(), event_loop)?;
    if let Some(children) = children {
        this.begin_by_hand(children);
    }
    Ok(())
}

fn done_callback<'py>(
    this: &Ref<'py, GatheringState>,
    child: &Bound<'py, PyAny>,
) -> Fallible<Bound<'py, PyAny>> {
    settle(this, child)?;
    Ok(this.py().None().into_bound(this.py()))
}

fn class_of<'py>(this: &Ref<'py, GatheringState>) -> Fallible<Bound<'py, PyAny>> {
    if this.is_exact() && accelerator::is_mirroring() {
        return Ok(accelerator::gathering_type(this.py())?);
    }
    Ok(this.as_any().get_type().into_any())
}

/// Makes the class.
///
/// # Errors
/// What making a class raises.
pub(crate) fn build(module: &Bound<'_, PyModule>) -> Fallible<()> {
    let class = Builder::<GatheringState>::new(c"stook._GatheringFuture")
        .doc(c"The future that gather() returns; cancelling it cancels its children.")
        .base(|gathering: &GatheringState| &gathering.future)
        .instantiable()
        .subclassable()
        .init(init)
        .methods([
            Method::any(c"cancel", CANCEL, cancel),
            Method::one(c"_done_callback", c"A child is done.", done_callback),
        ])
        .attributes([
            GetSet::class(class_of),
            GetSet::whole(
                c"_children",
                gathering::give_children,
                gathering::set_children,
            ),
            GetSet::whole(
                c"_cancel_requested",
                gathering::requested,
                gathering::set_requested,
            ),
        ])
        .build(module.py())?;
    module.add(intern!(module.py(), "_GatheringFuture"), class)?;
    Ok(())
}

const CANCEL: &std::ffi::CStr = c"cancel($self, /, msg=None)\n--\n\n\
Cancel every child that is not done; return whether one took the request.\n\n\
The future itself is done when its children are.";

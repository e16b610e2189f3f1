//! What is known of tasks that anybody made.

use crate::ffi::intern;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple, PyType};

use super::given;
use super::stack::{Found, Walk};
use crate::errors::Imported;
use crate::ffi::{Args, Fallible, Raised, Ref, Signature, call, referents};
use crate::future::FutureState;
use crate::task::TaskState;

pub(super) static TASK_INFO: Imported = Imported::new("stook._waits", "TaskInfo");
pub(super) static WAIT: Imported = Imported::new("stook._waits", "Wait");

/// What a task is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    Created,
    Ready,
    Running,
    Waiting,
}

impl Doing {
    fn word<'py>(self, py: Python<'py>) -> &'py Bound<'py, PyString> {
        match self {
            Doing::Created => intern!(py, "created"),
            Doing::Ready => intern!(py, "ready"),
            Doing::Running => intern!(py, "running"),
            Doing::Waiting => intern!(py, "waiting"),
        }
    }
}

/// What a task has itself, of anybody's class.
struct Own<'py> {
    coroutine: Option<Bound<'py, PyAny>>,
    awaited: Option<Bound<'py, PyAny>>,
    name: Bound<'py, PyAny>,
    cancelling: Bound<'py, PyAny>,
}

impl<'py> Own<'py> {
    fn of(task: &Bound<'py, PyAny>) -> Fallible<Self> {
        let py = task.py();
        if let Some(own) = Ref::<TaskState>::cast_exact(task) {
            let cancelling = own.requests(py).pending();
            return Ok(Own {
                coroutine: own.coroutine.get(py),
                awaited: own.awaited.get(py),
                name: own.name(py),
                cancelling: cancelling
                    .into_pyobject(py)
                    .map_err(PyErr::from)?
                    .into_any(),
            });
        }
        let given = |object: Bound<'py, PyAny>| (!object.is_none()).then_some(object);
        // A class may have none of these methods, or its own, which raise.
        let ask = |name| unless_raised(py, call::method0(task, name));
        let coroutine = ask(intern!(py, "get_coro"))?.and_then(given);
        let awaited = call::optional_attribute(task, intern!(py, "_fut_waiter"))?.and_then(given);
        let named = ask(intern!(py, "get_name"))?.filter(PyAnyMethods::is_instance_of::<PyString>);
        let name = match named {
            Some(name) => name,
            None => match unless_raised(py, task.repr().map_err(Raised::from))? {
                Some(shown) => shown.into_any(),
                None => PyString::new(py, "a task that has no name").into_any(),
            },
        };
        let cancelling = match ask(intern!(py, "cancelling"))? {
            Some(cancelling) => cancelling,
            None => 0_u32.into_pyobject(py).map_err(PyErr::from)?.into_any(),
        };
        Ok(Own {
            coroutine,
            awaited,
            name,
            cancelling,
        })
    }

    fn doing(&self, is_running: bool) -> Fallible<Doing> {
        if is_running {
            return Ok(Doing::Running);
        }
        match &self.awaited {
            Some(awaited) if !is_done(awaited)? => Ok(Doing::Waiting),
            _ => match &self.coroutine {
                // It runs the loop again, or another task, which it has started eagerly.
                Some(coroutine) if is_running_now(coroutine)? => Ok(Doing::Running),
                Some(coroutine) if !has_begun(coroutine)? => Ok(Doing::Created),
                _ => Ok(Doing::Ready),
            },
        }
    }
}

/// What a call has returned; nothing where it has raised an `Exception`.
pub(super) fn unless_raised<'py, T>(py: Python<'py>, called: Fallible<T>) -> Fallible<Option<T>> {
    match called {
        Ok(returned) => Ok(Some(returned)),
        Err(raised) if raised.matches(py.get_type::<PyException>().as_any()) => {
            raised.clear(py);
            Ok(None)
        }
        Err(raised) => Err(raised),
    }
}

fn is_done(awaited: &Bound<'_, PyAny>) -> Fallible<bool> {
    match Ref::<FutureState>::cast_exact(awaited) {
        Some(own) => Ok(own.is_done()),
        None => Ok(call::method0(awaited, intern!(awaited.py(), "done"))?.is_truthy()?),
    }
}

fn is_running_now(coroutine: &Bound<'_, PyAny>) -> Fallible<bool> {
    let running = marked(coroutine, intern!(coroutine.py(), "cr_running"))?;
    Ok(running == Some(true))
}

/// Whether a coroutine that does not run has begun.
fn has_begun(coroutine: &Bound<'_, PyAny>) -> Fallible<bool> {
    let py = coroutine.py();
    match marked(coroutine, intern!(py, "cr_suspended"))? {
        Some(is_suspended) => Ok(is_suspended),
        None => Ok(marked(coroutine, intern!(py, "gi_suspended"))?.unwrap_or(true)),
    }
}

/// What a coroutine says of itself by this attribute, if it has it.
fn marked<'py>(
    coroutine: &Bound<'py, PyAny>,
    name: &Bound<'py, PyString>,
) -> Fallible<Option<bool>> {
    let marked = call::optional_attribute(coroutine, name)?;
    Ok(marked.map(|marked| marked.is_truthy()).transpose()?)
}

/// What a loop has scheduled, by the `id()` of who waits for it.
struct Scheduled<'py> {
    until: Bound<'py, PyDict>,
    timeouts: Bound<'py, PyDict>,
    descriptors: Bound<'py, PyDict>,
}

/// What is under the `id()` of an object.
fn of_id<'py>(
    numbers: &Bound<'py, PyDict>,
    object: &Bound<'py, PyAny>,
) -> Fallible<Option<Bound<'py, PyAny>>> {
    if numbers.is_empty() {
        return Ok(None);
    }
    Ok(numbers.get_item(object.as_ptr() as usize)?)
}

impl<'py> Scheduled<'py> {
    fn new(given: &Bound<'py, PyAny>) -> Fallible<Self> {
        let py = given.py();
        let dict = |name| -> Fallible<Bound<'py, PyDict>> {
            let found = given.getattr(name)?;
            Ok(found.cast_into::<PyDict>().map_err(PyErr::from)?)
        };
        Ok(Scheduled {
            until: dict(intern!(py, "until"))?,
            timeouts: dict(intern!(py, "timeouts"))?,
            descriptors: dict(intern!(py, "descriptors"))?,
        })
    }

    /// When the wait of `task` for `awaited` ends by itself.
    fn end(
        &self,
        task: &Bound<'py, PyAny>,
        awaited: &Bound<'py, PyAny>,
    ) -> Fallible<Option<Bound<'py, PyAny>>> {
        let until = of_id(&self.until, awaited)?;
        let timeout = of_id(&self.timeouts, task)?;
        Ok(match (until, timeout) {
            (Some(until), Some(timeout)) => Some(if timeout.lt(&until)? { timeout } else { until }),
            (until, timeout) => until.or(timeout),
        })
    }
}

/// Looks at tasks, and has `stook._waits` look at what is not common.
struct Looking<'a, 'py> {
    walk: Walk<'a, 'py>,
    scheduled: Scheduled<'py>,
    running: &'a Bound<'py, PyAny>,
    of_future: Bound<'py, PyAny>,
    info: &'py Bound<'py, PyAny>,
    wait: &'py Bound<'py, PyAny>,
    new: Bound<'py, PyAny>,
    numbers: [Bound<'py, PyType>; 2],
}

impl<'py> Looking<'_, 'py> {
    /// The `TaskInfo` of a task.
    fn at(&mut self, task: Bound<'py, PyAny>) -> Fallible<Bound<'py, PyAny>> {
        let py = task.py();
        let own = Own::of(&task)?;
        let doing = own.doing(task.is(self.running))?;
        let Found { stack, known } = match own.coroutine {
            Some(coroutine) => self.walk.along(coroutine)?,
            None => self.walk.nowhere(),
        };
        let wait = match own.awaited.filter(|_| doing == Doing::Waiting) {
            Some(awaited) => self.wait(&task, awaited, &stack, known)?,
            None => py.None().into_bound(py),
        };
        let state = doing.word(py).clone().into_any();
        let fields = [
            task,
            own.name,
            state,
            stack.into_any(),
            wait,
            own.cancelling,
        ];
        call::call2(&self.new, self.info, PyTuple::new(py, fields)?.as_any())
    }

    /// The `Wait` of a task.
    fn wait(
        &self,
        task: &Bound<'py, PyAny>,
        awaited: Bound<'py, PyAny>,
        stack: &Bound<'py, PyTuple>,
        known: Option<(Bound<'py, PyAny>, Bound<'py, PyAny>)>,
    ) -> Fallible<Bound<'py, PyAny>> {
        let py = task.py();
        let none = || py.None().into_bound(py);
        let no = || PyBool::new(py, false).to_owned().into_any();
        let until = self.scheduled.end(task, &awaited)?;
        let where_it_is = match stack.len() {
            0 => none(),
            places => stack.get_item(places - 1)?,
        };
        let (mut since, mut method) = (none(), none());
        let [kind, what, on, any, descriptor] = match known {
            None => self.of_future(awaited)?,
            Some((look, link)) if look.is_exact_instance_of::<PyList>() => {
                one_of(look.cast().map_err(PyErr::from)?, &link, awaited)?
            }
            Some((look, link)) => match look.cast_exact::<PyTuple>() {
                Err(_) => fields(&call::call2(&look, &link, &awaited)?)?,
                Ok(known) => {
                    let (kind, class, of): (_, Option<Bound<'py, PyType>>, _) = known.extract()?;
                    method = of;
                    let what = match class {
                        Some(class) => referents::first(&link, &[class]).unwrap_or_else(none),
                        None => {
                            if let Some(until) = of_id(&self.scheduled.until, &awaited)?
                                && let Some(delay) = referents::first(&link, &self.numbers)
                                && !delay.is_exact_instance_of::<PyBool>()
                            {
                                let (until, delay) =
                                    (until.extract::<f64>()?, delay.extract::<f64>()?);
                                since = PyFloat::new(py, until - delay).into_any();
                            }
                            awaited
                        }
                    };
                    [kind, what, PyTuple::empty(py).into_any(), no(), none()]
                }
            },
        };
        let until = until.unwrap_or_else(none);
        let fields = [
            kind,
            what,
            where_it_is,
            on,
            any,
            until,
            since,
            descriptor,
            method,
            none(),
        ];
        call::call2(&self.new, self.wait, PyTuple::new(py, fields)?.as_any())
    }

    /// What the wait for a future is of which nothing else is known.
    fn of_future(&self, awaited: Bound<'py, PyAny>) -> Fallible<[Bound<'py, PyAny>; 5]> {
        let py = awaited.py();
        let descriptor = of_id(&self.scheduled.descriptors, &awaited)?;
        if descriptor.is_none() && Ref::<TaskState>::cast_exact(&awaited).is_some() {
            return Ok([
                intern!(py, "task").clone().into_any(),
                awaited.clone(),
                PyTuple::new(py, [awaited])?.into_any(),
                PyBool::new(py, false).to_owned().into_any(),
                py.None().into_bound(py),
            ]);
        }
        let found = call::call1(&self.of_future, &awaited)?;
        let [kind, what, on, any, none] = fields(&found)?;
        Ok(match descriptor {
            Some(descriptor) => [
                intern!(py, "io").clone().into_any(),
                what,
                on,
                any,
                descriptor,
            ],
            None => [kind, what, on, any, none],
        })
    }
}

/// What the wait is of a coroutine that waits for one of several kinds of things, to which it refers:
/// each is what the wait is called, the class of the thing, and which attribute of it is waited for.
fn one_of<'py>(
    kinds: &Bound<'py, PyList>,
    link: &Bound<'py, PyAny>,
    awaited: Bound<'py, PyAny>,
) -> Fallible<[Bound<'py, PyAny>; 5]> {
    let py = link.py();
    type Kind<'py> = (
        Bound<'py, PyAny>,
        Bound<'py, PyType>,
        Option<Bound<'py, PyString>>,
    );
    let kinds: Vec<Kind<'py>> = kinds.extract()?;
    let classes: Vec<_> = kinds.iter().map(|(_, class, _)| class.clone()).collect();
    let mut found = (intern!(py, "future").clone().into_any(), awaited);
    if let Some(thing) = referents::first(link, &classes) {
        for (kind, class, attribute) in kinds {
            if thing.get_type().is_subclass(&class)? {
                let what = match attribute {
                    Some(name) => unless_raised(py, thing.getattr(name).map_err(Raised::from))?,
                    None => Some(thing),
                };
                if let Some(what) = what {
                    found = (kind, what);
                }
                break;
            }
        }
    }
    let no = PyBool::new(py, false).to_owned().into_any();
    let none = py.None().into_bound(py);
    Ok([found.0, found.1, PyTuple::empty(py).into_any(), no, none])
}

/// The parts of what `stook._waits` says.
fn fields<'py>(found: &Bound<'py, PyAny>) -> Fallible<[Bound<'py, PyAny>; 5]> {
    let found = found.cast::<PyTuple>().map_err(PyErr::from)?;
    let part = |index| found.get_item(index);
    Ok([part(0)?, part(1)?, part(2)?, part(3)?, part(4)?])
}

/// `_look_at_tasks(tasks, running, scheduled, looks, of_future)`: a `TaskInfo` of each task.
///
/// `looks` has, for the code of coroutines, a function of the coroutine and the future that is awaited,
/// or what such a wait is called, the class of what is waited for and its method, or a list as for [`one_of`]. `of_future` tells of futures of which nothing
/// else is known.
///
/// # Errors
/// What tasks of other classes raise when they are asked.
pub(crate) fn look_at_tasks<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    const NAMES: [&str; 5] = ["tasks", "running", "scheduled", "looks", "of_future"];
    const SIGNATURE: Signature<5> = Signature::python("_look_at_tasks", NAMES, 5, 5);
    let py = args.py();
    let [tasks, running, scheduled, looks, of_future] = given(args, &SIGNATURE)?;
    let looks = looks.cast::<PyDict>().map_err(PyErr::from)?;
    let mut looking = Looking {
        walk: Walk::new(looks),
        scheduled: Scheduled::new(&scheduled)?,
        running: &running,
        of_future,
        info: TASK_INFO.get(py)?,
        wait: WAIT.get(py)?,
        new: py.get_type::<PyTuple>().getattr(intern!(py, "__new__"))?,
        numbers: [py.get_type::<PyInt>(), py.get_type::<PyFloat>()],
    };
    let infos = PyList::empty(py);
    for task in tasks.try_iter()? {
        infos.append(looking.at(task?)?)?;
    }
    Ok(infos.into_any())
}

/// `_stack(coroutine, looks)`: the places of coroutines, down to one that `looks` knows.
///
/// # Errors
/// What coroutines of other classes raise when they are asked.
pub(crate) fn stack<'py>(args: &Args<'_, 'py>) -> Fallible<Bound<'py, PyAny>> {
    const SIGNATURE: Signature<2> = Signature::python("_stack", ["coroutine", "looks"], 2, 2);
    let [coroutine, looks] = given(args, &SIGNATURE)?;
    let looks = looks.cast::<PyDict>().map_err(PyErr::from)?;
    Ok(Walk::new(looks).along(coroutine)?.stack.into_any())
}

//! Coroutines, each awaited by the one before: of any kind, and where each of them is.

use crate::ffi::intern;
use pyo3::prelude::*;
use pyo3::types::{PyCode, PyDict, PyString, PyTuple};
use rustc_hash::FxHashMap;

use crate::asking;
use crate::ffi::{Fallible, Ref, call, coro, origin, referents};
use crate::future_iter::FutureIterState;
use crate::record;

/// So many coroutines are followed, each awaited by the one before.
const LONGEST: usize = 1000;

/// What stands between a coroutine and what it awaits, and has no attribute for the latter.
const WRAPPERS: [&str; 4] = [
    "anext_awaitable",
    "async_generator_asend",
    "async_generator_athrow",
    "coroutine_wrapper",
];

/// The attributes of one kind of coroutine.
pub(super) struct Names<'py> {
    pub(super) code: &'py Bound<'py, PyString>,
    awaited: &'py Bound<'py, PyString>,
    frame: &'py Bound<'py, PyString>,
}

/// The names for `link`, if it is a coroutine or a generator; of any class that has the former's.
fn names<'py>(link: &Bound<'py, PyAny>) -> Fallible<Option<Names<'py>>> {
    let py = link.py();
    let of_coroutine = Names {
        code: intern!(py, "cr_code"),
        awaited: intern!(py, "cr_await"),
        frame: intern!(py, "cr_frame"),
    };
    if coro::is_exact_coroutine(link) {
        return Ok(Some(of_coroutine));
    }
    if Ref::<FutureIterState>::cast_exact(link).is_some() {
        return Ok(None);
    }
    if coro::is_exact_generator(link) {
        return Ok(Some(Names {
            code: intern!(py, "gi_code"),
            awaited: intern!(py, "gi_yieldfrom"),
            frame: intern!(py, "gi_frame"),
        }));
    }
    if coro::is_exact_async_generator(link) {
        return Ok(Some(Names {
            code: intern!(py, "ag_code"),
            awaited: intern!(py, "ag_await"),
            frame: intern!(py, "ag_frame"),
        }));
    }
    let of_class = call::optional_attribute(link.get_type().as_any(), of_coroutine.awaited)?;
    Ok(of_class.map(|_| of_coroutine))
}

fn is_wrapper(link: &Bound<'_, PyAny>) -> Fallible<bool> {
    let class = link.get_type().name()?.to_string();
    Ok(WRAPPERS.contains(&class.as_str()))
}

/// What a wrapper is round, which may be another one; `None` of anything else.
fn wrapped<'py>(link: &Bound<'py, PyAny>) -> Fallible<Option<Bound<'py, PyAny>>> {
    if is_wrapper(link)? {
        for each in referents::all(link) {
            if names(&each)?.is_some() || is_wrapper(&each)? {
                return Ok(Some(each));
            }
        }
    }
    Ok(None)
}

/// A coroutine, what it awaits, and so on.
pub(super) struct Links<'py> {
    at: Bound<'py, PyAny>,
    left: usize,
}

impl<'py> Links<'py> {
    pub(super) fn new(coroutine: Bound<'py, PyAny>) -> Self {
        Links {
            at: coroutine,
            left: LONGEST,
        }
    }

    /// The next one, with the names of what it has.
    pub(super) fn next(&mut self) -> Fallible<Option<(Bound<'py, PyAny>, Names<'py>)>> {
        while self.left > 0 {
            self.left -= 1;
            if let Some(names) = names(&self.at)? {
                let next = coro::awaited(&self.at, names.awaited)?;
                return Ok(Some((std::mem::replace(&mut self.at, next), names)));
            }
            match wrapped(&self.at)? {
                Some(next) => self.at = next,
                None => break,
            }
        }
        Ok(None)
    }
}

/// What is known of a code object.
struct Known<'py> {
    /// It keeps the address.
    code: Bound<'py, PyAny>,
    /// What tells for what its coroutines wait.
    look: Option<Bound<'py, PyAny>>,
    is_outside: bool,
}

/// Walks along coroutines, and remembers what it has found of their code.
pub(super) struct Walk<'a, 'py> {
    looks: &'a Bound<'py, PyDict>,
    codes: FxHashMap<usize, Known<'py>>,
    /// By the address of the code, and how far in it that is.
    places: FxHashMap<(usize, i32), Bound<'py, PyAny>>,
    empty: Bound<'py, PyTuple>,
}

/// Where coroutines wait, and the first whose wait is known, with what tells for what.
pub(super) struct Found<'py> {
    pub(super) stack: Bound<'py, PyTuple>,
    pub(super) known: Option<(Bound<'py, PyAny>, Bound<'py, PyAny>)>,
}

impl<'a, 'py> Walk<'a, 'py> {
    pub(super) fn new(looks: &'a Bound<'py, PyDict>) -> Self {
        Walk {
            looks,
            codes: FxHashMap::default(),
            places: FxHashMap::default(),
            empty: PyTuple::empty(looks.py()),
        }
    }

    /// Follows `coroutine` to what is known, or to its end.
    pub(super) fn along(&mut self, coroutine: Bound<'py, PyAny>) -> Fallible<Found<'py>> {
        let mut stack = Vec::new();
        let mut known = None;
        let mut links = Links::new(coroutine);
        while let Some((link, names)) = links.next()? {
            let of_code = self.of_code(link.getattr(names.code)?)?;
            if let Some(look) = &of_code.look {
                known = Some((look.clone(), link));
                break;
            }
            if of_code.is_outside {
                let code = of_code.code.clone();
                stack.push(self.place(&link, &code, names.frame)?);
            }
        }
        let stack = match stack.as_slice() {
            [] => self.empty.clone(),
            places => PyTuple::new(self.looks.py(), places)?,
        };
        Ok(Found { stack, known })
    }

    /// What is found of a task that has no coroutine.
    pub(super) fn nowhere(&self) -> Found<'py> {
        Found {
            stack: self.empty.clone(),
            known: None,
        }
    }

    fn of_code(&mut self, code: Bound<'py, PyAny>) -> Fallible<&Known<'py>> {
        let address = code.as_ptr() as usize;
        if !self.codes.contains_key(&address) {
            let look = self.looks.get_item(&code)?;
            // Coroutines that are not of Python may have none.
            let is_outside = code.is_exact_instance_of::<PyCode>() && asking::is_outside(&code)?;
            let known = Known {
                code,
                look,
                is_outside,
            };
            self.codes.insert(address, known);
        }
        Ok(&self.codes[&address])
    }

    /// Where `link` waits.
    fn place(
        &mut self,
        link: &Bound<'py, PyAny>,
        code: &Bound<'py, PyAny>,
        frame: &Bound<'py, PyString>,
    ) -> Fallible<Bound<'py, PyAny>> {
        // One that is not of Python, and one that is over, is at its beginning.
        let frame = call::optional_attribute(link, frame)?;
        let offset = frame
            .as_ref()
            .and_then(origin::offset_of_frame)
            .unwrap_or(-1);
        let key = (code.as_ptr() as usize, offset);
        if let Some(place) = self.places.get(&key) {
            return Ok(place.clone());
        }
        let place = record::as_place(&origin::Origin {
            code: code.clone(),
            offset,
        })?;
        self.places.insert(key, place.clone());
        Ok(place)
    }
}

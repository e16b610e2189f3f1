//! Taking arguments apart, with CPython's words when they do not fit.

use std::slice;

use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use super::call;
use super::error::Fallible;
use super::signature::{self, Call, Signature};

/// A call taken apart by [`Args::leading`].
pub(crate) struct Leading<'py, const N: usize> {
    /// The parameters with names.
    pub(crate) leading: [Bound<'py, PyAny>; N],
    /// What came after them.
    pub(crate) rest: Rest<'py>,
    /// The value of the keyword.
    pub(crate) option: Option<Bound<'py, PyAny>>,
}

/// Arguments that are kept for another call. Most often there is one at most: no tuple is made.
#[derive(Clone, Debug)]
pub(crate) enum Rest<'py> {
    /// None.
    Nothing,
    /// One.
    One(Bound<'py, PyAny>),
    /// Any number.
    Many(Bound<'py, PyTuple>),
}

impl<'py> Rest<'py> {
    /// The arguments as a tuple.
    ///
    /// # Errors
    /// `MemoryError`.
    pub(crate) fn into_tuple(self, py: Python<'py>) -> Fallible<Bound<'py, PyTuple>> {
        match self {
            Rest::Nothing => Ok(PyTuple::empty(py)),
            Rest::One(argument) => Ok(PyTuple::new(py, [argument])?),
            Rest::Many(arguments) => Ok(arguments),
        }
    }
}

/// The arguments of one call.
pub(crate) enum Args<'a, 'py> {
    /// As the vectorcall protocol gives them.
    Vector {
        py: Python<'py>,
        values: &'a [*mut ffi::PyObject],
        positional: usize,
        keywords: Option<&'a Bound<'py, PyTuple>>,
    },
    /// As `tp_init` gets them.
    Tuple(&'a Bound<'py, PyTuple>, Option<&'a Bound<'py, PyDict>>),
}

impl<'a, 'py> Args<'a, 'py> {
    /// # Safety
    /// `values` must point to `positional` borrowed references and then one for each keyword.
    pub(super) unsafe fn from_vector(
        py: Python<'py>,
        values: *const *mut ffi::PyObject,
        positional: usize,
        keywords: Option<&'a Bound<'py, PyTuple>>,
    ) -> Self {
        let count = positional + keywords.map_or(0, |names| names.len());
        let values = if count == 0 {
            &[]
        } else {
            // SAFETY: S9, the caller of the slot owns that many references for the call.
            unsafe { slice::from_raw_parts(values, count) }
        };
        Args::Vector {
            py,
            values,
            positional,
            keywords,
        }
    }

    /// The token of the attached thread.
    pub(crate) fn py(&self) -> Python<'py> {
        match self {
            Args::Vector { py, .. } => *py,
            Args::Tuple(tuple, _) => tuple.py(),
        }
    }

    /// How many arguments were given by position.
    pub(crate) fn positional_len(&self) -> usize {
        match self {
            Args::Vector { positional, .. } => *positional,
            Args::Tuple(tuple, _) => tuple.len(),
        }
    }

    /// The argument at position `index`.
    ///
    /// # Panics
    /// When there are fewer.
    pub(crate) fn positional(&self, index: usize) -> Bound<'py, PyAny> {
        match self {
            Args::Vector {
                py,
                values,
                positional,
                ..
            } => {
                assert!(index < *positional, "argument out of range");
                // SAFETY: S9, a borrowed reference that lives for the call.
                unsafe { Bound::from_borrowed_ptr(*py, values[index]) }
            }
            #[expect(clippy::expect_used, reason = "an index out of range is a bug of ours")]
            Args::Tuple(tuple, _) => tuple.get_item(index).expect("argument out of range"),
        }
    }

    /// The arguments, if they are exactly `N` and none is given by name.
    #[inline]
    pub(crate) fn exactly<const N: usize>(&self) -> Option<[Bound<'py, PyAny>; N]> {
        if self.positional_len() != N || self.keywords_len() != 0 {
            return None;
        }
        if let Args::Vector { py, values, .. } = self {
            let given: &[_; N] = values.first_chunk()?;
            // SAFETY: S9, borrowed references that live for the call.
            return Some(given.map(|value| unsafe { Bound::from_borrowed_ptr(*py, value) }));
        }
        Some(std::array::from_fn(|index| self.positional(index)))
    }

    /// The arguments, if they are one and, by this name, another one. The name is compared by
    /// identity, which a call in Python code has where the name is interned.
    #[inline]
    pub(crate) fn one_and(&self, name: &Bound<'py, PyString>) -> Option<[Bound<'py, PyAny>; 2]> {
        let Args::Vector {
            py,
            values: &[first, second],
            positional: 1,
            keywords: Some(names),
        } = *self
        else {
            return None;
        };
        // SAFETY: S2; two values, one of them by position: there is one name.
        let given = unsafe { ffi::PyTuple_GET_ITEM(names.as_ptr(), 0) };
        if given != name.as_ptr() {
            return None;
        }
        // SAFETY: S9, borrowed references that live for the call.
        Some([first, second].map(|value| unsafe { Bound::from_borrowed_ptr(py, value) }))
    }

    /// The arguments, if they are exactly these, in this order where they are given by position.
    ///
    /// # Errors
    /// `TypeError` for a keyword that is no string.
    pub(crate) fn exactly_by_name<const N: usize>(
        &self,
        names: [&str; N],
    ) -> Fallible<Option<[Bound<'py, PyAny>; N]>> {
        let given = self.positional_len();
        if given + self.keywords_len() != N {
            return Ok(None);
        }
        let mut places = [const { None }; N];
        for (index, place) in places.iter_mut().enumerate().take(given) {
            *place = Some(self.positional(index));
        }
        self.for_each_keyword(|name, value| {
            let spelled = name.to_cow().map_err(super::error::Raised::from)?;
            if let Some(index) = names.iter().position(|name| *name == spelled) {
                places[index].get_or_insert(value);
            }
            Ok(())
        })?;
        // As many as there are places: one that is empty means a wrong name.
        if places.iter().any(Option::is_none) {
            return Ok(None);
        }
        let none = || self.py().None().into_bound(self.py());
        Ok(Some(places.map(|place| place.unwrap_or_else(none))))
    }

    /// Calls `function` with these arguments.
    ///
    /// # Errors
    /// What it raises.
    pub(crate) fn forward(&self, function: &Bound<'py, PyAny>) -> Fallible<Bound<'py, PyAny>> {
        match self {
            Args::Vector {
                values,
                positional,
                keywords,
                ..
            } => call::call_vector(function, values, *positional, *keywords),
            Args::Tuple(tuple, keywords) => Ok(function.call(*tuple, *keywords)?),
        }
    }

    fn for_each_keyword(
        &self,
        mut action: impl FnMut(&Bound<'py, PyString>, Bound<'py, PyAny>) -> Fallible<()>,
    ) -> Fallible<()> {
        match self {
            Args::Vector {
                py,
                values,
                positional,
                keywords,
            } => {
                let Some(names) = keywords else { return Ok(()) };
                for (offset, name) in names.iter().enumerate() {
                    // SAFETY: S9, a borrowed reference that lives for the call.
                    let value =
                        unsafe { Bound::from_borrowed_ptr(*py, values[*positional + offset]) };
                    action(name.cast::<PyString>().map_err(PyErr::from)?, value)?;
                }
                Ok(())
            }
            Args::Tuple(_, keywords) => {
                let Some(keywords) = keywords else {
                    return Ok(());
                };
                for (name, value) in keywords.iter() {
                    let name = name
                        .cast_into::<PyString>()
                        .map_err(|_| PyTypeError::new_err("keywords must be strings"))?;
                    action(&name, value)?;
                }
                Ok(())
            }
        }
    }

    /// Takes apart a call of `function(*names, *rest, keyword=…)`; the names may be given by name.
    ///
    /// # Errors
    /// `TypeError` when a name is missing or given twice, or for another keyword.
    pub(crate) fn leading<const N: usize>(
        &self,
        function: &str,
        names: [&str; N],
        keyword: &str,
    ) -> Fallible<Leading<'py, N>> {
        let given = self.positional_len();
        if given >= N && self.keywords_len() == 0 {
            return Ok(Leading {
                leading: std::array::from_fn(|index| self.positional(index)),
                rest: self.rest(N)?,
                option: None,
            });
        }
        let mut places = [const { None }; N];
        for (index, place) in places.iter_mut().enumerate().take(given) {
            *place = Some(self.positional(index));
        }
        let mut option = None;
        self.for_each_keyword(|name, value| {
            let spelled = name.to_cow().map_err(super::error::Raised::from)?;
            if spelled == keyword {
                option = Some(value);
                return Ok(());
            }
            match names.iter().position(|name| *name == spelled) {
                Some(index) if places[index].is_none() => {
                    places[index] = Some(value);
                    Ok(())
                }
                Some(_) => Err(signature::given_twice(function, &spelled).into()),
                None => Err(signature::unexpected(function, &spelled).into()),
            }
        })?;
        let empty = names
            .iter()
            .zip(&places)
            .filter(|(_, place)| place.is_none());
        let missing: Vec<&str> = empty.map(|(name, _)| *name).collect();
        signature::missing(function, "positional", &missing)?;
        let py = self.py();
        let leading = places.map(|place| place.unwrap_or_else(|| py.None().into_bound(py)));
        Ok(Leading {
            leading,
            rest: self.rest(N.min(given))?,
            option,
        })
    }

    /// The arguments that were given by position, but for the first so many.
    fn rest(&self, first: usize) -> Fallible<Rest<'py>> {
        match self.positional_len() - first {
            0 => return Ok(Rest::Nothing),
            1 => return Ok(Rest::One(self.positional(first))),
            _ => {}
        }
        let tuple = match self {
            Args::Vector {
                py,
                values,
                positional,
                ..
            } => {
                // SAFETY: S9, borrowed references that live for the call.
                unsafe { call::tuple(*py, &values[first..*positional]) }?
            }
            Args::Tuple(tuple, _) => PyTuple::new(tuple.py(), tuple.iter().skip(first))?,
        };
        Ok(Rest::Many(tuple))
    }

    /// Whether there is a keyword of this name.
    ///
    /// # Errors
    /// `TypeError` for a keyword that is no string.
    pub(crate) fn has_keyword(&self, name: &str) -> Fallible<bool> {
        if self.keywords_len() == 0 {
            return Ok(false);
        }
        let mut found = false;
        self.for_each_keyword(|given, _| {
            found |= given.to_cow().map_err(super::error::Raised::from)? == name;
            Ok(())
        })?;
        Ok(found)
    }

    /// Whether there is a keyword that is not one of `names`.
    ///
    /// # Errors
    /// `TypeError` for a keyword that is no string.
    pub(crate) fn has_other_keyword(&self, names: &[&str]) -> Fallible<bool> {
        let mut found = false;
        self.for_each_keyword(|name, _| {
            let spelled = name.to_cow().map_err(super::error::Raised::from)?;
            found |= !names.contains(&&*spelled);
            Ok(())
        })?;
        Ok(found)
    }

    /// The arguments as a call without the vectorcall protocol has them.
    ///
    /// # Errors
    /// `MemoryError`; `TypeError` for a keyword that is no string.
    pub(crate) fn unpacked(&self) -> Fallible<(Vec<Bound<'py, PyAny>>, Bound<'py, PyDict>)> {
        let count = self.positional_len();
        let positional = (0..count).map(|index| self.positional(index)).collect();
        let keywords = PyDict::new(self.py());
        self.for_each_keyword(|name, value| Ok(keywords.set_item(name, value)?))?;
        Ok((positional, keywords))
    }

    /// The value of the one keyword that a function of any number of arguments takes.
    ///
    /// # Errors
    /// `TypeError` for another keyword.
    pub(crate) fn only_keyword(
        &self,
        function: &str,
        keyword: &str,
    ) -> Fallible<Option<Bound<'py, PyAny>>> {
        let mut found = None;
        self.for_each_keyword(|name, value| {
            let spelled = name.to_cow().map_err(super::error::Raised::from)?;
            if spelled != keyword {
                return Err(signature::unexpected(function, &spelled).into());
            }
            found = Some(value);
            Ok(())
        })?;
        Ok(found)
    }

    /// Puts each argument in its parameter's place; `None` where it was not given.
    ///
    /// # Errors
    /// `TypeError` when the arguments do not fit the signature.
    #[inline]
    pub(crate) fn parse<const N: usize>(
        &self,
        signature: &Signature<N>,
    ) -> Fallible<[Option<Bound<'py, PyAny>>; N]> {
        let given = self.positional_len();
        let fits = (signature.required..=signature.positional).contains(&given);
        if fits && self.keywords_len() == 0 {
            return Ok(std::array::from_fn(|index| {
                (index < given).then(|| self.positional(index))
            }));
        }
        self.parse_whole(signature)
    }

    fn parse_whole<const N: usize>(
        &self,
        signature: &Signature<N>,
    ) -> Fallible<[Option<Bound<'py, PyAny>>; N]> {
        let given = self.positional_len();
        let mut call = Call::new(signature, given);
        call.before_keywords(self.keywords_len())?;
        let mut places = [const { None }; N];
        let fitting = given.min(signature.positional);
        for (index, place) in places.iter_mut().enumerate().take(fitting) {
            *place = Some(self.positional(index));
        }
        self.for_each_keyword(|name, value| {
            let spelled = name.to_cow().map_err(super::error::Raised::from)?;
            if let Some(index) = call.place_of(&spelled)? {
                places[index] = Some(value);
            }
            Ok(())
        })?;
        call.after_keywords()?;
        Ok(places)
    }

    fn keywords_len(&self) -> usize {
        match self {
            Args::Vector { keywords, .. } => keywords.map_or(0, |names| names.len()),
            Args::Tuple(_, keywords) => keywords.map_or(0, |keywords| keywords.len()),
        }
    }
}

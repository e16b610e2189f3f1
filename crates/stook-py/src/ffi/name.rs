//! Names that are made once, as `pyo3::intern!` makes them, for the hot path: where the name is there
//! already, nothing is prepared for making it.

use crate::ffi::once::Once;
use pyo3::prelude::*;
use pyo3::types::PyString;

/// A name, once it is made.
pub(crate) struct Name {
    text: &'static str,
    object: Once<Py<PyString>>,
}

impl Name {
    /// One that is not made yet.
    pub(crate) const fn new(text: &'static str) -> Self {
        Name {
            text,
            object: Once::new(),
        }
    }

    /// The name as a Python object.
    #[inline]
    pub(crate) fn get<'a, 'py>(&'a self, py: Python<'py>) -> &'a Bound<'py, PyString> {
        match self.object.get(py) {
            Some(name) => name.bind(py),
            None => self.make(py),
        }
    }

    #[cold]
    fn make<'a, 'py>(&'a self, py: Python<'py>) -> &'a Bound<'py, PyString> {
        let make = || PyString::intern(py, self.text).unbind();
        self.object.get_or_init(py, make).bind(py)
    }
}

/// `intern!(py, "name")`
macro_rules! intern {
    ($py:expr, $text:literal) => {{
        static NAME: $crate::ffi::name::Name = $crate::ffi::name::Name::new($text);
        NAME.get($py)
    }};
}
pub(crate) use intern;

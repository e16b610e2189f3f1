//! The classes of asyncio's whose methods are ours.

use pyo3::prelude::*;

use crate::errors::Imported;
use crate::ffi::{Fallible, call};

/// One class.
pub(crate) struct StockClass(Imported);

impl StockClass {
    /// `module.name`
    pub(crate) const fn new(module: &'static str, name: &'static str) -> Self {
        StockClass(Imported::new(module, name))
    }

    /// A new instance, before `__init__`.
    ///
    /// # Errors
    /// `MemoryError`.
    pub(crate) fn instance<'py>(&self, py: Python<'py>) -> Fallible<Bound<'py, PyAny>> {
        static NEW: Imported = Imported::new("builtins", "object.__new__");
        call::call1(NEW.get(py)?, self.0.get(py)?)
    }

    /// Whether `object` is an instance of this class and of no subclass: of a subclass, any method
    /// may be replaced.
    ///
    /// # Errors
    /// What importing raises.
    #[inline]
    pub(crate) fn is_class_of(&self, object: &Bound<'_, PyAny>) -> Fallible<bool> {
        let class = self.0.get(object.py())?;
        Ok(object.get_type_ptr().cast() == class.as_ptr())
    }
}

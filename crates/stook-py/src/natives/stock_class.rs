//! The classes of asyncio's whose methods are ours.

use pyo3::prelude::*;

use crate::errors::Imported;
use crate::ffi::Fallible;

/// One class.
pub(crate) struct StockClass(Imported);

impl StockClass {
    /// `module.name`
    pub(crate) const fn new(module: &'static str, name: &'static str) -> Self {
        StockClass(Imported::new(module, name))
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

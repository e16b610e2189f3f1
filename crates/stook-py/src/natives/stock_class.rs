//! The classes of asyncio's whose methods are ours.
//!
//! A native method does at once what asyncio's does by calling others of the same object. So it
//! works only while these are asyncio's own, or ours in their place: the class is looked through
//! again whenever it has changed, and an instance that has more attributes than asyncio gives it is
//! asked whether a method is among them.

use std::sync::atomic::{AtomicU32, Ordering};

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyString, PyType};

use crate::errors::Imported;
use crate::ffi::{Fallible, call, instance};
use crate::function;

/// One class.
pub(crate) struct StockClass {
    class: Imported,
    /// How instances are made: with 1, or with nothing.
    takes_number: bool,
    /// The methods that it had at first and those that it inherited; none of a class that was
    /// changed by then.
    methods: PyOnceLock<Option<Vec<StockMethod>>>,
    /// How many attributes an instance has that was just made.
    attributes: PyOnceLock<usize>,
    /// The version of the class when it was last found whole.
    version: AtomicU32,
}

/// A method that a class has or inherits.
struct StockMethod {
    /// The class that it is in.
    class: Py<PyAny>,
    name: Py<PyString>,
    original: Py<PyAny>,
}

/// Methods that every class has, and that do not have to be asyncio's own.
const EVERYWHERE: [&str; 2] = ["__getattribute__", "__setattr__"];

impl StockClass {
    /// `module.name`
    pub(crate) const fn new(module: &'static str, name: &'static str) -> Self {
        Self::made(module, name, false)
    }

    /// The same, for a class whose instances are made with a number.
    pub(crate) const fn with_number(module: &'static str, name: &'static str) -> Self {
        Self::made(module, name, true)
    }

    const fn made(module: &'static str, name: &'static str, takes_number: bool) -> Self {
        StockClass {
            class: Imported::new(module, name),
            takes_number,
            methods: PyOnceLock::new(),
            attributes: PyOnceLock::new(),
            version: AtomicU32::new(0),
        }
    }

    /// A new instance, before `__init__`.
    ///
    /// # Errors
    /// `MemoryError`.
    pub(crate) fn instance<'py>(&self, py: Python<'py>) -> Fallible<Bound<'py, PyAny>> {
        static NEW: Imported = Imported::new("builtins", "object.__new__");
        call::call1(NEW.get(py)?, self.class.get(py)?)
    }

    /// Looks at the class, before anybody has changed it.
    ///
    /// # Errors
    /// What importing it, or making an instance, raises.
    pub(super) fn capture(&self, py: Python<'_>) -> PyResult<()> {
        self.methods(py)?;
        self.attributes(py)?;
        Ok(())
    }

    fn methods(&self, py: Python<'_>) -> PyResult<Option<&Vec<StockMethod>>> {
        self.methods
            .get_or_try_init(py, || methods_of(self.class.get(py)?.cast()?))
            .map(Option::as_ref)
    }

    fn attributes(&self, py: Python<'_>) -> PyResult<usize> {
        self.attributes
            .get_or_try_init(py, || {
                let class = self.class.get(py)?;
                let made = if self.takes_number {
                    class.call1((1,))?
                } else {
                    class.call0()?
                };
                made.getattr(intern!(py, "__dict__"))?.len()
            })
            .copied()
    }

    /// Whether `object` is an instance of this class and of no subclass, and every method of the
    /// class is asyncio's own or stands for it: of a subclass, any method may be replaced.
    ///
    /// # Errors
    /// What importing raises.
    #[inline]
    pub(crate) fn is_class_of(&self, object: &Bound<'_, PyAny>) -> Fallible<bool> {
        if !instance::is_exactly(object, self.class.get(object.py())?) {
            return Ok(false);
        }
        self.is_unchanged(object.py())
    }

    /// Whether every method of the class is asyncio's own or stands for it.
    ///
    /// # Errors
    /// What importing raises.
    #[inline]
    pub(crate) fn is_unchanged(&self, py: Python<'_>) -> Fallible<bool> {
        let class = self.class.get(py)?;
        let version = instance::class_version(class);
        Ok(
            (version != 0 && version == self.version.load(Ordering::Relaxed))
                || self.is_whole(class)?,
        )
    }

    #[cold]
    fn is_whole(&self, class: &Bound<'_, PyAny>) -> Fallible<bool> {
        let py = class.py();
        let Some(methods) = self.methods(py)? else {
            return Ok(false);
        };
        for stock in methods {
            match stock.class.bind(py).getattr_opt(stock.name.bind(py))? {
                Some(method) if function::stands_for(&method, stock.original.bind(py)) => {}
                _ => return Ok(false),
            }
        }
        let version = instance::class_version(class);
        self.version.store(version, Ordering::Relaxed);
        Ok(true)
    }

    /// The attributes of `object`, if it is as [`StockClass::is_class_of`] says and none of its
    /// own attributes hides a method.
    ///
    /// # Errors
    /// What importing raises.
    #[inline]
    pub(crate) fn plain<'py>(&self, object: &Bound<'py, PyAny>) -> Fallible<Option<Instance<'py>>> {
        if !self.is_class_of(object)? {
            return Ok(None);
        }
        let plain = Instance::of(object)?;
        let usual = self.attributes(object.py())?;
        let count = plain.attributes.len();
        let is_usual = count == usual
            || count == usual + 1
                && instance::own(&plain.attributes, intern!(object.py(), "_loop"))?.is_some();
        if is_usual || !self.is_hidden(&plain)? {
            return Ok(Some(plain));
        }
        Ok(None)
    }

    #[cold]
    fn is_hidden(&self, plain: &Instance<'_>) -> Fallible<bool> {
        let py = plain.object.py();
        for stock in self.methods(py)?.into_iter().flatten() {
            if plain.attributes.contains(stock.name.bind(py))? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// The methods of `class`; `None` when one is not from the module that its class is from.
fn methods_of(class: &Bound<'_, PyType>) -> PyResult<Option<Vec<StockMethod>>> {
    let py = class.py();
    let function_type = py.import("types")?.getattr("FunctionType")?;
    let mut places = Vec::new();
    for base in class.mro().iter() {
        let module = base.getattr("__module__")?;
        let names = base.getattr("__dict__")?.call_method0("copy")?;
        for (name, value) in names.cast::<PyDict>()? {
            if !value.get_type().is(&function_type) {
                continue;
            }
            let globals = value.getattr("__globals__")?;
            if !globals.get_item("__name__")?.eq(&module)? {
                return Ok(None);
            }
            places.push((base.clone(), name.cast_into::<PyString>()?));
        }
    }
    for name in EVERYWHERE {
        places.push((class.as_any().clone(), PyString::intern(py, name)));
    }
    places
        .into_iter()
        .map(|(class, name)| {
            Ok(StockMethod {
                original: class.getattr(&name)?.unbind(),
                class: class.unbind(),
                name: name.unbind(),
            })
        })
        .collect::<PyResult<_>>()
        .map(Some)
}

/// An instance, and what it has of its own.
pub(crate) struct Instance<'py> {
    /// The object.
    pub(crate) object: Bound<'py, PyAny>,
    attributes: Bound<'py, PyDict>,
}

impl<'py> Instance<'py> {
    /// The attributes of `object`, whatever they are.
    ///
    /// # Errors
    /// `AttributeError` when it has none.
    #[inline]
    pub(crate) fn of(object: &Bound<'py, PyAny>) -> Fallible<Self> {
        Ok(Instance {
            object: object.clone(),
            attributes: instance::attributes(object)?,
        })
    }

    /// The token of the attached thread.
    pub(crate) fn py(&self) -> Python<'py> {
        self.object.py()
    }

    /// `object.name`
    ///
    /// # Errors
    /// `AttributeError`.
    #[inline]
    pub(crate) fn get(&self, name: &Bound<'py, PyString>) -> Fallible<Bound<'py, PyAny>> {
        match instance::own(&self.attributes, name)? {
            Some(value) => Ok(value),
            None => Ok(self.object.getattr(name)?),
        }
    }

    /// `object.name = value`
    ///
    /// # Errors
    /// `MemoryError`.
    #[inline]
    pub(crate) fn set(
        &self,
        name: &Bound<'py, PyString>,
        value: &Bound<'py, PyAny>,
    ) -> Fallible<()> {
        Ok(self.attributes.set_item(name, value)?)
    }
}

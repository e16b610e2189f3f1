//! The classes of asyncio's whose methods are ours.
//!
//! A native method does at once what asyncio's does by calling others of the same object. So it
//! works only while these are asyncio's own, or ours in their place: the class is looked through
//! again whenever it has changed, and an instance that has more attributes than asyncio gives it is
//! asked whether a method is among them.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::ffi::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyString, PyType};

use crate::errors::Imported;
use crate::ffi::layout::{Field, Layout};
use crate::ffi::{Fallible, call, instance};
use crate::function;

/// One class.
///
/// Its cells are PyO3's and no `Once`s: `capture` fills them before loops run, and with those a group of
/// one took 13 % more of our own instructions.
pub(crate) struct StockClass {
    class: Imported,
    /// How instances are made: with 1, or with nothing.
    takes_number: bool,
    /// The methods that it had at first and those that it inherited; none of a class that was
    /// changed by then.
    methods: PyOnceLock<Option<Vec<StockMethod>>>,
    /// What instances get later than when they are made.
    later: &'static [&'static str],
    /// The names of the attributes of an instance, and what the class has by each.
    attributes: PyOnceLock<Vec<Attribute>>,
    /// Those that are reached as fields.
    fields: &'static [Field],
    /// Where they are, where CPython lets it be known.
    layout: PyOnceLock<Option<Layout>>,
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

/// An attribute of instances.
struct Attribute {
    name: Py<PyString>,
    /// What the class has by this name: as a rule nothing.
    of_class: Option<Py<PyAny>>,
    is_later: bool,
}

/// Methods that every class has, and that do not have to be asyncio's own.
const EVERYWHERE: [&str; 3] = ["__getattribute__", "__setattr__", "__new__"];

impl StockClass {
    /// `module.name`, whose instances get the attributes `later` when they are first used.
    pub(crate) const fn new(
        module: &'static str,
        name: &'static str,
        later: &'static [&'static str],
    ) -> Self {
        StockClass {
            class: Imported::new(module, name),
            takes_number: false,
            methods: PyOnceLock::new(),
            later,
            attributes: PyOnceLock::new(),
            fields: &[],
            layout: PyOnceLock::new(),
            version: AtomicU32::new(0),
        }
    }

    /// The same, for a class whose instances are made with a number.
    pub(crate) const fn with_number(
        module: &'static str,
        name: &'static str,
        later: &'static [&'static str],
    ) -> Self {
        let mut class = Self::new(module, name, later);
        class.takes_number = true;
        class
    }

    /// The same class, whose attributes `fields` are reached as such.
    pub(crate) const fn with_fields(mut self, fields: &'static [Field]) -> Self {
        let mut index = 0;
        while index < fields.len() {
            assert!(
                fields[index].index() == index,
                "a field has the index of another"
            );
            index += 1;
        }
        self.fields = fields;
        self
    }

    /// The class.
    ///
    /// # Errors
    /// What importing it raises.
    pub(crate) fn class<'py>(&self, py: Python<'py>) -> Fallible<&Bound<'py, PyType>> {
        Ok(self.class.get(py)?.cast().map_err(PyErr::from)?)
    }

    /// A new instance, before `__init__`.
    ///
    /// # Errors
    /// `MemoryError`.
    pub(crate) fn new_instance<'py>(&self, py: Python<'py>) -> Fallible<Bound<'py, PyAny>> {
        instance::allocate(self.class(py)?)
    }

    /// Looks at the class, before anybody has changed it.
    ///
    /// # Errors
    /// What importing it, or making an instance, raises.
    pub(super) fn capture(&'static self, py: Python<'_>) -> PyResult<()> {
        self.methods(py)?;
        self.attributes(py)?;
        self.layout(py)?;
        Ok(())
    }

    fn methods(&self, py: Python<'_>) -> PyResult<Option<&Vec<StockMethod>>> {
        self.methods
            .get_or_try_init(py, || methods_of(self.class.get(py)?.cast()?))
            .map(Option::as_ref)
    }

    fn attributes(&self, py: Python<'_>) -> PyResult<&Vec<Attribute>> {
        self.attributes.get_or_try_init(py, || {
            let class = self.class.get(py)?;
            let own = self.sample(py)?.getattr(intern!(py, "__dict__"))?;
            let mut attributes = Vec::new();
            for (name, _) in own.cast::<PyDict>()? {
                attributes.push((name.cast_into::<PyString>()?, false));
            }
            for name in self.later {
                attributes.push((PyString::intern(py, name), true));
            }
            attributes
                .into_iter()
                .map(|(name, is_later)| {
                    Ok(Attribute {
                        of_class: class.getattr_opt(&name)?.map(Bound::unbind),
                        name: name.unbind(),
                        is_later,
                    })
                })
                .collect()
        })
    }

    /// Tries where an instance has its attributes.
    fn layout(&'static self, py: Python<'_>) -> PyResult<Option<&'static Layout>> {
        self.layout
            .get_or_try_init(py, || {
                let sample = self.sample(py)?;
                let mut values = Vec::new();
                for attribute in self.attributes(py)? {
                    let name = attribute.name.bind(py).clone();
                    let value = PyDict::new(py).into_any();
                    sample.setattr(&name, &value)?;
                    values.push((name, value));
                }
                let layout = Layout::find(&sample, &values, self.fields);
                if let Some(layout) = &layout
                    && self.can_add(py, layout)
                {
                    layout.trust_adding();
                }
                Ok(layout)
            })
            .map(Option::as_ref)
    }

    /// Tries whether what is added to a new instance is what its dict has then, in this order.
    fn can_add(&self, py: Python<'_>, layout: &Layout) -> bool {
        let tried = || -> Fallible<bool> {
            let trial = self.new_instance(py)?;
            let mut given = Vec::new();
            for attribute in self.attributes(py)?.iter().rev() {
                let (name, value) = (attribute.name.bind(py), PyDict::new(py).into_any());
                if !layout.add(&trial, name, &value) {
                    return Ok(false);
                }
                given.push((name, value));
            }
            let found = instance::attributes(&trial)?;
            Ok(found.len() == given.len()
                && found
                    .iter()
                    .zip(given)
                    .all(|((name, value), (given, own))| name.is(given) && value.is(&own)))
        };
        tried().unwrap_or_else(|raised| {
            raised.clear(py);
            false
        })
    }

    /// An instance as the class makes it.
    fn sample<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let class = self.class.get(py)?;
        if self.takes_number {
            class.call1((1,))
        } else {
            class.call0()
        }
    }

    /// Whether `object` is an instance of this class and of no subclass.
    ///
    /// # Errors
    /// What importing raises.
    #[inline]
    pub(crate) fn is_exact(&self, object: &Bound<'_, PyAny>) -> Fallible<bool> {
        Ok(instance::is_exactly(object, self.class.get(object.py())?))
    }

    /// Whether `object` is an instance of this class and of no subclass, and every method of the
    /// class is asyncio's own or stands for it: of a subclass, any method may be replaced.
    ///
    /// # Errors
    /// What importing raises.
    #[inline]
    pub(crate) fn is_class_of(&self, object: &Bound<'_, PyAny>) -> Fallible<bool> {
        let class = self.class.get(object.py())?;
        Ok(instance::is_exactly(object, class)
            && (self.has_version(instance::version_of_class(object)) || self.is_whole(class)?))
    }

    /// Whether every method of the class is asyncio's own or stands for it.
    ///
    /// # Errors
    /// What importing raises.
    #[inline]
    pub(crate) fn is_unchanged(&self, py: Python<'_>) -> Fallible<bool> {
        let class = self.class.get(py)?;
        Ok(self.has_version(instance::class_version(class)) || self.is_whole(class)?)
    }

    /// Whether the class was found whole when it had this version.
    #[inline]
    fn has_version(&self, version: u32) -> bool {
        version != 0 && version == self.version.load(Ordering::Relaxed)
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
        for attribute in self.attributes(py)? {
            let found = class.getattr_opt(attribute.name.bind(py))?;
            let is_same = match (&found, &attribute.of_class) {
                (Some(found), Some(known)) => found.is(known),
                (found, known) => found.is_none() && known.is_none(),
            };
            if !is_same {
                return Ok(false);
            }
        }
        let version = instance::class_version(class);
        self.version.store(version, Ordering::Relaxed);
        Ok(true)
    }

    /// `object`, if it is as [`StockClass::is_class_of`] says and none of its own attributes hides
    /// a method.
    ///
    /// # Errors
    /// What importing raises.
    #[inline]
    pub(crate) fn plain<'py>(
        &'static self,
        object: &Bound<'py, PyAny>,
    ) -> Fallible<Option<Instance<'py>>> {
        if let Some(layout) = self.as_found(object) {
            return Ok(Some(Instance {
                object: object.clone(),
                layout: Some(layout),
            }));
        }
        self.plain_after_looking(object)
    }

    #[inline(never)]
    fn plain_after_looking<'py>(
        &'static self,
        object: &Bound<'py, PyAny>,
    ) -> Fallible<Option<Instance<'py>>> {
        if !self.is_class_of(object)? {
            return Ok(None);
        }
        let plain = self.of(object)?;
        if plain
            .layout
            .is_some_and(|layout| layout.has_no_other(object))
        {
            return Ok(Some(plain));
        }
        Ok((!self.is_hidden(object)?).then_some(plain))
    }

    /// Whether `object` is as [`StockClass::plain`] says.
    ///
    /// # Errors
    /// What importing raises.
    #[inline]
    pub(super) fn is_plain(&'static self, object: &Bound<'_, PyAny>) -> Fallible<bool> {
        Ok(self.as_found(object).is_some() || self.plain(object)?.is_some())
    }

    /// The layout of `object`, if that tells at once that it is as [`StockClass::plain`] says: its class
    /// is as it was when it was last looked through.
    #[inline]
    fn as_found(&'static self, object: &Bound<'_, PyAny>) -> Option<&'static Layout> {
        let layout = self.layout.get(object.py())?.as_ref()?;
        let is_unchanged = self.has_version(instance::version_of_class(object));
        // Of an instance of another class the layout says no.
        (is_unchanged && layout.has_no_other(object)).then_some(layout)
    }

    /// `object`, which is or was such an instance.
    ///
    /// # Errors
    /// What importing raises.
    #[inline]
    pub(crate) fn of<'py>(&'static self, object: &Bound<'py, PyAny>) -> Fallible<Instance<'py>> {
        Ok(Instance {
            object: object.clone(),
            layout: self.layout(object.py())?,
        })
    }

    /// An attribute of `object`, which is or was such an instance.
    ///
    /// # Errors
    /// `AttributeError`.
    #[inline]
    pub(crate) fn read<'py>(
        &'static self,
        object: &Bound<'py, PyAny>,
        field: Field,
    ) -> Fallible<Bound<'py, PyAny>> {
        if let Some(layout) = self.layout(object.py())?
            && let Some(value) = layout.read_field(object, field)
        {
            return Ok(value);
        }
        read_by_name(object, field)
    }

    /// The attributes where each is `True` or `False`; `None` where one has to be asked for.
    ///
    /// # Errors
    /// What importing the class raises.
    #[inline]
    pub(crate) fn truths<const N: usize>(
        &'static self,
        object: &Bound<'_, PyAny>,
        fields: [Field; N],
    ) -> Fallible<Option<[bool; N]>> {
        let layout = self.layout(object.py())?;
        Ok(layout.and_then(|layout| layout.read_fields_truths(object, fields)))
    }

    /// `object.field is None`
    ///
    /// # Errors
    /// `AttributeError`.
    #[inline]
    pub(crate) fn is_none(
        &'static self,
        object: &Bound<'_, PyAny>,
        field: Field,
    ) -> Fallible<bool> {
        if let Some(layout) = self.layout(object.py())?
            && let Some(is_none) = layout.is_field_none(object, field)
        {
            return Ok(is_none);
        }
        Ok(read_by_name(object, field)?.is_none())
    }

    /// Sets an attribute of `object`, which is or was such an instance.
    ///
    /// # Errors
    /// `MemoryError`, and what an object that is no such instance any more raises.
    #[inline]
    pub(crate) fn write<'py>(
        &'static self,
        object: &Bound<'py, PyAny>,
        field: Field,
        value: &Bound<'py, PyAny>,
    ) -> Fallible<()> {
        if let Some(layout) = self.layout(object.py())?
            && layout.write_field(object, field, value)
        {
            return Ok(());
        }
        write_by_name(object, field, value)
    }

    /// Sets attributes of `object`, which is or was such an instance, in this order.
    ///
    /// # Errors
    /// As of [`StockClass::write`].
    #[inline]
    pub(crate) fn write_all<'py, const N: usize>(
        &'static self,
        object: &Bound<'py, PyAny>,
        attributes: [(Field, &Bound<'py, PyAny>); N],
    ) -> Fallible<()> {
        if let Some(layout) = self.layout(object.py())?
            && layout.write_fields(object, attributes)
        {
            return Ok(());
        }
        for (field, value) in attributes {
            self.write(object, field, value)?;
        }
        Ok(())
    }

    /// A new instance whose first fields, in their order, have these values, and which has no other
    /// attributes.
    ///
    /// # Errors
    /// `MemoryError`.
    #[inline]
    pub(crate) fn new_with<'py, const N: usize>(
        &'static self,
        py: Python<'py>,
        values: [Bound<'py, PyAny>; N],
    ) -> Fallible<Bound<'py, PyAny>> {
        let object = self.new_instance(py)?;
        let refused = match self.layout(py)? {
            Some(layout) => layout.fill(&object, values).err(),
            None => Some(values),
        };
        for (&field, value) in self.fields.iter().zip(refused.into_iter().flatten()) {
            write_by_name(&object, field, &value)?;
        }
        Ok(object)
    }

    #[cold]
    fn is_hidden(&self, object: &Bound<'_, PyAny>) -> Fallible<bool> {
        let py = object.py();
        let attributes = instance::attributes(object)?;
        let mut usual = 0;
        for known in self.attributes(py)? {
            if !known.is_later || attributes.contains(known.name.bind(py))? {
                usual += 1;
            }
        }
        if attributes.len() == usual {
            return Ok(false);
        }
        for stock in self.methods(py)?.into_iter().flatten() {
            if attributes.contains(stock.name.bind(py))? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

#[cold]
fn read_by_name<'py>(object: &Bound<'py, PyAny>, field: Field) -> Fallible<Bound<'py, PyAny>> {
    Ok(object.getattr(PyString::intern(object.py(), field.name()))?)
}

#[cold]
fn write_by_name<'py>(
    object: &Bound<'py, PyAny>,
    field: Field,
    value: &Bound<'py, PyAny>,
) -> Fallible<()> {
    Ok(object.setattr(PyString::intern(object.py(), field.name()), value)?)
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

/// `object.name`, where it has to be asked for.
#[cold]
fn ask<'py>(
    object: &Bound<'py, PyAny>,
    name: &Bound<'py, PyString>,
) -> Fallible<Bound<'py, PyAny>> {
    Ok(object.getattr(name)?)
}

/// `object.name = value`, where it has to be set by name.
#[cold]
fn tell<'py>(
    object: &Bound<'py, PyAny>,
    name: &Bound<'py, PyString>,
    value: &Bound<'py, PyAny>,
) -> Fallible<()> {
    Ok(object.setattr(name, value)?)
}

/// `bool(object)`
#[cold]
fn is_true(object: &Bound<'_, PyAny>) -> Fallible<bool> {
    Ok(object.is_truthy()?)
}

/// An instance, and where its attributes are.
pub(crate) struct Instance<'py> {
    /// The object.
    pub(crate) object: Bound<'py, PyAny>,
    layout: Option<&'static Layout>,
}

impl<'py> Instance<'py> {
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
        if let Some(layout) = self.layout
            && let Some(value) = layout.read(&self.object, name)
        {
            return Ok(value);
        }
        ask(&self.object, name)
    }

    /// `bool(object.name)`
    ///
    /// # Errors
    /// `AttributeError`, and what an attribute that is no plain truth value raises.
    #[inline]
    pub(crate) fn is_true(&self, name: &Bound<'py, PyString>) -> Fallible<bool> {
        if let Some(layout) = self.layout
            && let Some(truth) = layout.read_truth(&self.object, name)
        {
            return Ok(truth);
        }
        is_true(&self.get(name)?)
    }

    /// Whether `object.name` is `False`, as far as that is seen at once.
    #[inline]
    pub(crate) fn is_seen_false(&self, name: &Bound<'py, PyString>) -> bool {
        let truth = |layout: &Layout| layout.read_truth(&self.object, name);
        self.layout.and_then(truth) == Some(false)
    }

    /// `object.name`, if it has that.
    ///
    /// # Errors
    /// What asking for it raises, but for `AttributeError`.
    pub(crate) fn get_if_any(
        &self,
        name: &Bound<'py, PyString>,
    ) -> Fallible<Option<Bound<'py, PyAny>>> {
        if let Some(layout) = self.layout
            && let Some(value) = layout.read(&self.object, name)
        {
            return Ok(Some(value));
        }
        call::optional_attribute(&self.object, name)
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
        if let Some(layout) = self.layout
            && layout.write(&self.object, name, value)
        {
            return Ok(());
        }
        tell(&self.object, name, value)
    }
}

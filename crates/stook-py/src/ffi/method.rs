//! Methods, attributes and module functions.

use std::ffi::{CStr, c_int, c_void};
use std::marker::PhantomData;
use std::ptr;

use crate::ffi::intern;
use pyo3::exceptions::PyAttributeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyTuple, PyType};

use super::args::Args;
use super::class::Class;
use super::error::{Fallible, Raised};
use super::hang;
use super::refs::Ref;
use super::slot::{Unary, attached, conjure, guard, receiver, text};

/// Gives `class`, a subclass of `T`'s made in Python, methods of its own in the place of these, where
/// it inherits them: the interpreter calls at once what it finds in the very class of the receiver.
///
/// # Errors
/// `MemoryError`.
pub(crate) fn adopt<T: Class>(class: &Bound<'_, PyType>, names: &[&CStr]) -> Fallible<()> {
    let py = class.py();
    let from = T::slot().class(py);
    for method in T::slot().methods() {
        // SAFETY: S11.
        let name = unsafe { *method }.ml_name;
        // SAFETY: S11, a text that ends with a zero.
        let name = unsafe { CStr::from_ptr(name) };
        let spelled = name.to_string_lossy();
        if !names.contains(&name) || !is_same(&class.getattr(&*spelled)?, &from.getattr(&*spelled)?)
        {
            continue;
        }
        // SAFETY: S1, S2, S11; instances of a subclass begin as those of the class.
        let own = unsafe { hang::PyDescr_NewMethod(class.as_type_ptr(), method) };
        // SAFETY: S3, a new reference or null.
        let own = unsafe { Bound::from_owned_ptr_or_opt(py, own) };
        class.setattr(&*spelled, own.ok_or_else(|| Raised::assume_set(py))?)?;
    }
    Ok(())
}

/// Whether both are the same, or methods of one definition.
pub(crate) fn is_same(one: &Bound<'_, PyAny>, other: &Bound<'_, PyAny>) -> bool {
    let definition = |object: &Bound<'_, PyAny>| {
        if !ptr::eq(object.get_type_ptr(), &raw mut ffi::PyMethodDescr_Type) {
            return None;
        }
        let method = object.as_ptr().cast::<ffi::PyMethodDescrObject>();
        // SAFETY: S2; the type was checked.
        Some(unsafe { (*method).d_method })
    };
    one.is(other) || definition(one).is_some_and(|one| definition(other) == Some(one))
}

/// A method of the class whose state is `T`.
pub(crate) struct Method<T: Class>(ffi::PyMethodDef, PhantomData<T>);

impl<T: Class> std::fmt::Debug for Method<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Method")
    }
}

impl<T: Class> Method<T> {
    /// `method()`
    pub(crate) fn none<F: Unary<T>>(name: &'static CStr, doc: &'static CStr, function: F) -> Self {
        let _ = function;
        let function = ffi::PyMethodDefPointer {
            PyCFunction: no_arguments::<T, F>,
        };
        Self::make(name, doc, ffi::METH_NOARGS, function)
    }

    /// `method(argument, /)`
    pub(crate) fn one<F>(name: &'static CStr, doc: &'static CStr, function: F) -> Self
    where
        F: for<'py> Fn(&Ref<'py, T>, &Bound<'py, PyAny>) -> Fallible<Bound<'py, PyAny>>
            + Copy
            + 'static,
    {
        let _ = function;
        let function = ffi::PyMethodDefPointer {
            PyCFunction: one_argument::<T, F>,
        };
        Self::make(name, doc, ffi::METH_O, function)
    }

    /// `method(…)`
    pub(crate) fn any<F>(name: &'static CStr, doc: &'static CStr, function: F) -> Self
    where
        F: for<'a, 'py> Fn(&Ref<'py, T>, &Args<'a, 'py>) -> Fallible<Bound<'py, PyAny>>
            + Copy
            + 'static,
    {
        let _ = function;
        let function = ffi::PyMethodDefPointer {
            PyCFunctionFastWithKeywords: arguments::<T, F>,
        };
        Self::make(name, doc, ffi::METH_FASTCALL | ffi::METH_KEYWORDS, function)
    }

    /// `method(*arguments)`: the interpreter refuses what is given by name.
    pub(crate) fn positional<F>(name: &'static CStr, doc: &'static CStr, function: F) -> Self
    where
        F: for<'a, 'py> Fn(&Ref<'py, T>, &Args<'a, 'py>) -> Fallible<Bound<'py, PyAny>>
            + Copy
            + 'static,
    {
        let _ = function;
        let function = ffi::PyMethodDefPointer {
            PyCFunctionFast: positional_arguments::<T, F>,
        };
        Self::make(name, doc, ffi::METH_FASTCALL, function)
    }

    /// The same, standing in the class under a name that a slot has as well.
    pub(crate) fn beside_slot(mut self) -> Self {
        self.0.ml_flags |= ffi::METH_COEXIST;
        self
    }

    /// `Class[item]`, an alias for annotations.
    pub(crate) fn class_getitem() -> Self {
        let function = ffi::PyMethodDefPointer { PyCFunction: alias };
        let doc = c"See PEP 585";
        Self::make(
            c"__class_getitem__",
            doc,
            ffi::METH_O | ffi::METH_CLASS,
            function,
        )
    }

    fn make(
        name: &'static CStr,
        doc: &'static CStr,
        flags: c_int,
        function: ffi::PyMethodDefPointer,
    ) -> Self {
        let definition = ffi::PyMethodDef {
            ml_name: name.as_ptr(),
            ml_meth: function,
            ml_flags: flags,
            ml_doc: doc.as_ptr(),
        };
        Method(definition, PhantomData)
    }

    pub(super) fn into_definition(self) -> ffi::PyMethodDef {
        self.0
    }

    /// The method as a callable that is bound to `object`.
    ///
    /// # Errors
    /// `MemoryError`.
    pub(crate) fn bind<'py>(
        definition: &'static BoundDefinition,
        object: &Ref<'py, T>,
    ) -> Fallible<Bound<'py, PyAny>> {
        let definition = ptr::from_ref(&definition.0).cast_mut();
        // SAFETY: S11, the definition lives for ever and the receiver is a `T`.
        let bound = unsafe {
            ffi::PyCFunction_NewEx(definition, object.as_any().as_ptr(), ptr::null_mut())
        };
        // SAFETY: S3, a new reference or null.
        unsafe { Bound::from_owned_ptr_or_opt(object.py(), bound) }
            .ok_or_else(|| Raised::assume_set(object.py()))
    }

    /// A definition that lives for ever, for [`Method::bind`].
    pub(crate) fn leak(self) -> &'static BoundDefinition {
        Box::leak(Box::new(BoundDefinition(self.0)))
    }
}

/// What a bound native callable is made from.
pub(crate) struct BoundDefinition(ffi::PyMethodDef);

impl std::fmt::Debug for BoundDefinition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BoundDefinition")
    }
}

// SAFETY: S11, a definition is never written after it was made.
unsafe impl Sync for BoundDefinition {}
// SAFETY: S11, as above.
unsafe impl Send for BoundDefinition {}

unsafe extern "C" fn no_arguments<T: Class, F: Unary<T>>(
    object: *mut ffi::PyObject,
    _nothing: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: S1.
    let py = unsafe { attached() };
    // SAFETY: S12.
    let function = unsafe { conjure::<F>() };
    // SAFETY: S5.
    let this = unsafe { receiver::<T>(py, &object) };
    guard(py, ptr::null_mut(), || function(this).map(Bound::into_ptr))
}

unsafe extern "C" fn one_argument<T: Class, F>(
    object: *mut ffi::PyObject,
    argument: *mut ffi::PyObject,
) -> *mut ffi::PyObject
where
    F: for<'py> Fn(&Ref<'py, T>, &Bound<'py, PyAny>) -> Fallible<Bound<'py, PyAny>> + Copy,
{
    // SAFETY: S1.
    let py = unsafe { attached() };
    // SAFETY: S12.
    let function = unsafe { conjure::<F>() };
    // SAFETY: S5.
    let this = unsafe { receiver::<T>(py, &object) };
    // SAFETY: S9, an argument, alive for the call.
    let argument = unsafe { Bound::ref_from_ptr(py, &argument) };
    guard(py, ptr::null_mut(), || {
        function(this, argument).map(Bound::into_ptr)
    })
}

unsafe extern "C" fn arguments<T: Class, F>(
    object: *mut ffi::PyObject,
    values: *const *mut ffi::PyObject,
    positional: ffi::Py_ssize_t,
    keywords: *mut ffi::PyObject,
) -> *mut ffi::PyObject
where
    F: for<'a, 'py> Fn(&Ref<'py, T>, &Args<'a, 'py>) -> Fallible<Bound<'py, PyAny>> + Copy,
{
    // SAFETY: S1.
    let py = unsafe { attached() };
    // SAFETY: S12.
    let function = unsafe { conjure::<F>() };
    // SAFETY: S5.
    let this = unsafe { receiver::<T>(py, &object) };
    guard(py, ptr::null_mut(), || {
        // SAFETY: S9, a tuple or null.
        let keywords = unsafe { keyword_names(py, keywords) };
        // SAFETY: S9, as the protocol says.
        let args =
            unsafe { Args::from_vector(py, values, positional.unsigned_abs(), keywords.as_ref()) };
        function(this, &args).map(Bound::into_ptr)
    })
}

unsafe extern "C" fn positional_arguments<T: Class, F>(
    object: *mut ffi::PyObject,
    values: *mut *mut ffi::PyObject,
    positional: ffi::Py_ssize_t,
) -> *mut ffi::PyObject
where
    F: for<'a, 'py> Fn(&Ref<'py, T>, &Args<'a, 'py>) -> Fallible<Bound<'py, PyAny>> + Copy,
{
    // SAFETY: S9, as the protocol says; no keyword is given.
    unsafe { arguments::<T, F>(object, values, positional, ptr::null_mut()) }
}

/// # Safety
/// `keywords` is a tuple or null.
pub(super) unsafe fn keyword_names<'py>(
    py: Python<'py>,
    keywords: *mut ffi::PyObject,
) -> Option<Bound<'py, PyTuple>> {
    // SAFETY: S9.
    let names = unsafe { Bound::from_borrowed_ptr_or_opt(py, keywords) };
    // SAFETY: S9, the protocol gives a tuple of names.
    names.map(|names| unsafe { names.cast_into_unchecked::<PyTuple>() })
}

unsafe extern "C" fn alias(
    class: *mut ffi::PyObject,
    item: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: S1, S9.
    unsafe { ffi::Py_GenericAlias(class, item) }
}

/// A function of the module.
pub(crate) struct Function(ffi::PyMethodDef);

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Function")
    }
}

impl Function {
    /// `function(…)`
    pub(crate) fn new<F>(name: &'static CStr, doc: &'static CStr, function: F) -> Self
    where
        F: for<'a, 'py> Fn(&Args<'a, 'py>) -> Fallible<Bound<'py, PyAny>> + Copy + 'static,
    {
        let _ = function;
        Function(ffi::PyMethodDef {
            ml_name: name.as_ptr(),
            ml_meth: ffi::PyMethodDefPointer {
                PyCFunctionFastWithKeywords: module_function::<F>,
            },
            ml_flags: ffi::METH_FASTCALL | ffi::METH_KEYWORDS,
            ml_doc: doc.as_ptr(),
        })
    }

    /// Adds it to `module`.
    ///
    /// # Errors
    /// What adding an attribute raises.
    pub(crate) fn add_to(self, module: &Bound<'_, PyModule>) -> PyResult<()> {
        // SAFETY: S11, the name is a C string that lives for ever.
        let name = unsafe { CStr::from_ptr(self.0.ml_name) };
        self.add_as(module, name.to_string_lossy().as_ref())
    }

    /// Adds it to `module`, to be found under a name that is not its own.
    ///
    /// # Errors
    /// What adding an attribute raises.
    pub(crate) fn add_as(self, module: &Bound<'_, PyModule>, found_as: &str) -> PyResult<()> {
        let py = module.py();
        let definition = Box::leak(Box::new(self.0));
        let name = module.name()?;
        // SAFETY: S11, the definition lives for ever.
        let function =
            unsafe { ffi::PyCFunction_NewEx(definition, ptr::null_mut(), name.as_ptr()) };
        // SAFETY: S3, a new reference or null.
        let function = unsafe { Bound::from_owned_ptr_or_err(py, function) }?;
        module.add(found_as, function)
    }
}

unsafe extern "C" fn module_function<F>(
    _module: *mut ffi::PyObject,
    values: *const *mut ffi::PyObject,
    positional: ffi::Py_ssize_t,
    keywords: *mut ffi::PyObject,
) -> *mut ffi::PyObject
where
    F: for<'a, 'py> Fn(&Args<'a, 'py>) -> Fallible<Bound<'py, PyAny>> + Copy,
{
    // SAFETY: S1.
    let py = unsafe { attached() };
    // SAFETY: S12.
    let function = unsafe { conjure::<F>() };
    guard(py, ptr::null_mut(), || {
        // SAFETY: S9, a tuple or null.
        let keywords = unsafe { keyword_names(py, keywords) };
        // SAFETY: S9, as the protocol says.
        let args =
            unsafe { Args::from_vector(py, values, positional.unsigned_abs(), keywords.as_ref()) };
        function(&args).map(Bound::into_ptr)
    })
}

/// An attribute that is computed.
pub(crate) struct GetSet<T: Class>(ffi::PyGetSetDef, PhantomData<T>);

impl<T: Class> std::fmt::Debug for GetSet<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GetSet")
    }
}

impl<T: Class> GetSet<T> {
    /// One that can only be read.
    pub(crate) fn read<F: Unary<T>>(name: &'static CStr, getter: F) -> Self {
        let _ = getter;
        GetSet(
            ffi::PyGetSetDef {
                name: name.as_ptr(),
                get: Some(get::<T, F>),
                set: None,
                doc: text(None),
                closure: ptr::null_mut(),
            },
            PhantomData,
        )
    }

    /// One that can be read and set; it cannot be deleted.
    pub(crate) fn read_write<F, S>(name: &'static CStr, getter: F, setter: S) -> Self
    where
        F: Unary<T>,
        S: for<'py> Fn(&Ref<'py, T>, &Bound<'py, PyAny>) -> Fallible<()> + Copy + 'static,
    {
        let _ = setter;
        let mut attribute = Self::read(name, getter);
        attribute.0.set = Some(set::<T, S>);
        attribute
    }

    /// One that can be read, set and deleted; what it is set to is `None` then.
    pub(crate) fn whole<F, S>(name: &'static CStr, getter: F, setter: S) -> Self
    where
        F: Unary<T>,
        S: for<'py> Fn(&Ref<'py, T>, Option<&Bound<'py, PyAny>>) -> Fallible<()> + Copy + 'static,
    {
        let _ = setter;
        let mut attribute = Self::read(name, getter);
        attribute.0.set = Some(change::<T, S>);
        attribute
    }

    /// `__dict__`: the attributes of the instance's own.
    pub(crate) fn dict() -> Self {
        GetSet(
            ffi::PyGetSetDef {
                name: c"__dict__".as_ptr(),
                get: Some(ffi::PyObject_GenericGetDict),
                set: Some(ffi::PyObject_GenericSetDict),
                doc: text(None),
                closure: ptr::null_mut(),
            },
            PhantomData,
        )
    }

    /// What `__class__` tells; set, it does what it does for every object.
    pub(crate) fn class<F: Unary<T>>(getter: F) -> Self {
        Self::read_write(c"__class__", getter, set_class)
    }

    pub(super) fn into_definition(self) -> ffi::PyGetSetDef {
        self.0
    }
}

fn set_class<'py, T: Class>(this: &Ref<'py, T>, class: &Bound<'py, PyAny>) -> Fallible<()> {
    let py = this.py();
    let attributes = py.get_type::<PyAny>().getattr(intern!(py, "__dict__"))?;
    let attribute = attributes.get_item(intern!(py, "__class__"))?;
    attribute.call_method1(intern!(py, "__set__"), (this.as_any(), class))?;
    Ok(())
}

unsafe extern "C" fn get<T: Class, F: Unary<T>>(
    object: *mut ffi::PyObject,
    _closure: *mut c_void,
) -> *mut ffi::PyObject {
    // SAFETY: S1.
    let py = unsafe { attached() };
    // SAFETY: S12.
    let function = unsafe { conjure::<F>() };
    // SAFETY: S5.
    let this = unsafe { receiver::<T>(py, &object) };
    guard(py, ptr::null_mut(), || function(this).map(Bound::into_ptr))
}

unsafe extern "C" fn set<T: Class, S>(
    object: *mut ffi::PyObject,
    value: *mut ffi::PyObject,
    _closure: *mut c_void,
) -> c_int
where
    S: for<'py> Fn(&Ref<'py, T>, &Bound<'py, PyAny>) -> Fallible<()> + Copy,
{
    // SAFETY: S12.
    let function = unsafe { conjure::<S>() };
    // SAFETY: S5, S9, as CPython calls this.
    unsafe {
        changed::<T>(object, value, |this, value| match value {
            Some(value) => function(this, value),
            None => Err(PyAttributeError::new_err("cannot delete attribute").into()),
        })
    }
}

unsafe extern "C" fn change<T: Class, S>(
    object: *mut ffi::PyObject,
    value: *mut ffi::PyObject,
    _closure: *mut c_void,
) -> c_int
where
    S: for<'py> Fn(&Ref<'py, T>, Option<&Bound<'py, PyAny>>) -> Fallible<()> + Copy,
{
    // SAFETY: S12.
    let function = unsafe { conjure::<S>() };
    // SAFETY: S5, S9, as CPython calls this.
    unsafe { changed::<T>(object, value, function) }
}

/// # Safety
/// `object` is a `T`, and `value` an object or null; both live for the call.
unsafe fn changed<T: Class>(
    object: *mut ffi::PyObject,
    value: *mut ffi::PyObject,
    setter: impl for<'py> Fn(&Ref<'py, T>, Option<&Bound<'py, PyAny>>) -> Fallible<()>,
) -> c_int {
    // SAFETY: S1.
    let py = unsafe { attached() };
    // SAFETY: S5.
    let this = unsafe { receiver::<T>(py, &object) };
    guard(py, -1, || {
        // SAFETY: S9, alive for the call; null means that the attribute is deleted.
        let value = unsafe { Bound::from_borrowed_ptr_or_opt(py, value) };
        setter(this, value.as_ref()).map(|()| 0)
    })
}

//! Making Python classes whose state is a Rust struct.

use std::cell::Cell;
use std::ffi::{CStr, c_int, c_uint, c_void};
use std::marker::PhantomData;
use std::mem::offset_of;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use pyo3::ffi;
use pyo3::prelude::*;

use super::error::{Fallible, Raised};
use super::gc::{Traverse, Visitor};
use super::kept::{Kept, Link};
use super::method::{GetSet, Method};
use super::putting_off;
use super::refs::Ref;
use super::untracked::{self, Untracked};

// `Include/object.h`, CPython 3.11 to 3.13: an object begins with one reference.
unsafe extern "C" {
    fn _Py_NewReference(object: *mut ffi::PyObject);
}

/// A struct that is the state of a Python class.
pub(crate) trait Class: Default + Traverse + 'static {
    /// What stands between the object's head and the state.
    type Extras: Extras;

    /// Where the class is found once it is made.
    fn slot() -> &'static TypeSlot;

    /// Of how many released objects the memory is kept.
    const KEPT: usize = 0;

    /// Whether the finaliser of an object in this state would do nothing; it is not called then.
    fn is_at_rest(&self) -> bool {
        false
    }
}

/// An object in memory.
#[repr(C)]
pub(super) struct Instance<T: Class> {
    head: ffi::PyObject,
    extras: T::Extras,
    pub(super) state: T,
}

/// What CPython needs between the head of an object and its state.
pub(crate) trait Extras: Default + 'static {
    /// The special members that tell CPython where things are; `at` is where `self` begins.
    fn members(at: usize) -> Vec<ffi::PyMemberDef>;

    /// Fills in what depends on the class.
    fn prepare<T: Class>(&self) {}

    /// Shows the references to the collector.
    fn traverse(&self, visitor: &mut Visitor);

    /// Releases the references; `object` is whose they are.
    ///
    /// # Safety
    /// `object` is the instance that `self` is part of, and is attached.
    unsafe fn clear(&self, object: *mut ffi::PyObject, dying: bool);
}

/// Attributes of the instance's own, and weak references to it.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Attributes {
    dict: Cell<*mut ffi::PyObject>,
    weak: Cell<*mut ffi::PyObject>,
}

impl Default for Attributes {
    fn default() -> Self {
        Attributes {
            dict: Cell::new(ptr::null_mut()),
            weak: Cell::new(ptr::null_mut()),
        }
    }
}

fn offset_member(name: &'static CStr, offset: usize) -> ffi::PyMemberDef {
    ffi::PyMemberDef {
        name: name.as_ptr(),
        type_code: ffi::Py_T_PYSSIZET,
        offset: offset as ffi::Py_ssize_t,
        flags: ffi::Py_READONLY,
        doc: ptr::null(),
    }
}

impl Extras for Attributes {
    fn members(at: usize) -> Vec<ffi::PyMemberDef> {
        vec![
            offset_member(c"__dictoffset__", at + offset_of!(Attributes, dict)),
            offset_member(c"__weaklistoffset__", at + offset_of!(Attributes, weak)),
        ]
    }

    fn traverse(&self, visitor: &mut Visitor) {
        visitor.object(self.dict.get());
    }

    unsafe fn clear(&self, object: *mut ffi::PyObject, dying: bool) {
        if dying && !self.weak.get().is_null() {
            // SAFETY: S10, the object is on its way out and still whole.
            unsafe { ffi::PyObject_ClearWeakRefs(object) };
        }
        let dict = self.dict.replace(ptr::null_mut());
        // SAFETY: S3, the reference was ours; nothing of ours is borrowed.
        unsafe { ffi::Py_XDECREF(dict) };
    }
}

/// Nothing between head and state.
#[derive(Debug, Default)]
#[repr(C)]
pub(crate) struct NoExtras;

impl Extras for NoExtras {
    fn members(_at: usize) -> Vec<ffi::PyMemberDef> {
        Vec::new()
    }

    fn traverse(&self, _visitor: &mut Visitor) {}

    unsafe fn clear(&self, _object: *mut ffi::PyObject, _dying: bool) {}
}

/// Weak references to the instance, and nothing else.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct WeakReferences(Cell<*mut ffi::PyObject>);

impl Default for WeakReferences {
    fn default() -> Self {
        WeakReferences(Cell::new(ptr::null_mut()))
    }
}

impl Extras for WeakReferences {
    fn members(at: usize) -> Vec<ffi::PyMemberDef> {
        vec![offset_member(c"__weaklistoffset__", at)]
    }

    fn traverse(&self, _visitor: &mut Visitor) {}

    unsafe fn clear(&self, object: *mut ffi::PyObject, dying: bool) {
        if dying && !self.0.get().is_null() {
            // SAFETY: S10, the object is on its way out and still whole.
            unsafe { ffi::PyObject_ClearWeakRefs(object) };
        }
    }
}

/// The function that the vectorcall protocol calls, and attributes of the instance's own.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Callable {
    pub(super) vectorcall: Cell<Option<ffi::vectorcallfunc>>,
    attributes: Attributes,
}

impl Default for Callable {
    fn default() -> Self {
        Callable {
            vectorcall: Cell::new(None),
            attributes: Attributes::default(),
        }
    }
}

impl Extras for Callable {
    fn members(at: usize) -> Vec<ffi::PyMemberDef> {
        let mut members = Attributes::members(at + offset_of!(Callable, attributes));
        let offset = at + offset_of!(Callable, vectorcall);
        members.push(offset_member(c"__vectorcalloffset__", offset));
        members
    }

    fn prepare<T: Class>(&self) {
        self.vectorcall.set(T::slot().vectorcall());
    }

    fn traverse(&self, visitor: &mut Visitor) {
        self.attributes.traverse(visitor);
    }

    unsafe fn clear(&self, object: *mut ffi::PyObject, dying: bool) {
        // SAFETY: S10, as the caller says.
        unsafe { self.attributes.clear(object, dying) };
    }
}

/// Where a class is found: filled once, when the module is made.
#[derive(Debug)]
pub(crate) struct TypeSlot {
    class: AtomicPtr<ffi::PyTypeObject>,
    /// Whether there may be subclasses.
    has_subclasses: AtomicBool,
    /// The first subclass met, kept alive so that its address stays its own.
    subclass: AtomicPtr<ffi::PyTypeObject>,
    /// What calling an instance runs, by the vectorcall protocol.
    vectorcall: OnceLock<ffi::vectorcallfunc>,
    /// The definitions of its methods; the last one is empty.
    methods: AtomicPtr<ffi::PyMethodDef>,
    /// Memory of released instances.
    kept: Kept,
}

impl TypeSlot {
    /// An empty one.
    pub(crate) const fn new() -> Self {
        TypeSlot {
            class: AtomicPtr::new(ptr::null_mut()),
            has_subclasses: AtomicBool::new(false),
            subclass: AtomicPtr::new(ptr::null_mut()),
            vectorcall: OnceLock::new(),
            methods: AtomicPtr::new(ptr::null_mut()),
            kept: Kept::new(),
        }
    }

    fn vectorcall(&self) -> Option<ffi::vectorcallfunc> {
        self.vectorcall.get().copied()
    }

    pub(super) fn set_vectorcall(&self, function: ffi::vectorcallfunc) {
        // Set once, with the class.
        let _ = self.vectorcall.set(function);
    }

    /// The definitions of the methods that stand in the class itself; none before it is made.
    pub(super) fn methods(&self) -> impl Iterator<Item = *mut ffi::PyMethodDef> + use<> {
        let first = self.methods.load(Ordering::Relaxed);
        let first = (!first.is_null()).then_some(first);
        // SAFETY: S11, not the last one, which is empty.
        std::iter::successors(first, |method| Some(unsafe { method.add(1) }))
            // SAFETY: S11.
            .take_while(|method| !unsafe { **method }.ml_name.is_null())
    }

    #[inline]
    pub(super) fn is(&self, kind: *mut ffi::PyTypeObject) -> bool {
        self.class.load(Ordering::Relaxed) == kind
    }

    /// Whether the type of `object` is exactly this class.
    #[inline]
    pub(crate) fn is_type_of(&self, object: &Bound<'_, PyAny>) -> bool {
        // SAFETY: S2, the object is alive and so is its type.
        self.is(unsafe { ffi::Py_TYPE(object.as_ptr()) })
    }

    #[inline]
    pub(super) fn admits(&self, kind: *mut ffi::PyTypeObject) -> bool {
        self.is(kind)
            || self.has_subclasses.load(Ordering::Relaxed)
                && (self.subclass.load(Ordering::Relaxed) == kind || self.inherits(kind))
    }

    #[cold]
    fn inherits(&self, kind: *mut ffi::PyTypeObject) -> bool {
        // SAFETY: S2, a type that is alive.
        if unsafe { (*kind).tp_flags } & ffi::Py_TPFLAGS_HEAPTYPE == 0 {
            // A static one, which has no bases made while the interpreter runs.
            return false;
        }
        let class = self.class.load(Ordering::Relaxed);
        // SAFETY: S2, both are types that are alive; the class is null before it is made.
        if class.is_null() || unsafe { ffi::PyType_IsSubtype(kind, class) } == 0 {
            return false;
        }
        if self.subclass.load(Ordering::Relaxed).is_null() {
            // SAFETY: S3, the new reference is given to the slot, for ever.
            unsafe { ffi::Py_INCREF(kind.cast()) };
            self.subclass.store(kind, Ordering::Relaxed);
        }
        true
    }

    /// The class.
    ///
    /// # Panics
    /// Before it was made.
    pub(crate) fn class<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        let class = self.class.load(Ordering::Relaxed);
        // SAFETY: S2, the slot keeps the class alive for ever; null panics.
        unsafe { Bound::from_borrowed_ptr(py, class.cast()) }
    }
}

impl<'py, T: Class> Ref<'py, T> {
    /// A new object of exactly class `T`, with this state.
    ///
    /// # Errors
    /// `MemoryError`.
    #[inline]
    pub(crate) fn allocate(py: Python<'py>, state: T) -> Fallible<Self> {
        Self::allocate_by(py, || state)
    }

    /// The same with the state that `make` makes, which runs nothing foreign.
    ///
    /// A state that is at hand while memory is asked for is kept on the stack, because it would have
    /// to be dropped if there is none; then it is moved in other pieces than it was written in, and
    /// the processor waits for all of them. One that is made afterwards goes to its place at once.
    ///
    /// # Errors
    /// `MemoryError`.
    #[inline]
    pub(crate) fn allocate_by(py: Python<'py>, make: impl FnOnce() -> T) -> Fallible<Self> {
        let object = Self::make(py, make)?;
        // SAFETY: S7, the object is whole from here on.
        unsafe { ffi::PyObject_GC_Track(object.as_any().as_ptr().cast()) };
        #[cfg(feature = "gc-stress")]
        super::stress::collect(py);
        Ok(object)
    }

    /// The same with the default state, into which `fill` puts more before anybody else sees it; it runs
    /// nothing foreign.
    ///
    /// # Errors
    /// `MemoryError`.
    #[inline]
    pub(crate) fn allocate_filled(py: Python<'py>, fill: impl FnOnce(&T)) -> Fallible<Self>
    where
        T: Default,
    {
        let object = Self::make(py, T::default)?;
        fill(&object);
        // SAFETY: S7, the object is whole from here on.
        unsafe { ffi::PyObject_GC_Track(object.as_any().as_ptr().cast()) };
        #[cfg(feature = "gc-stress")]
        super::stress::collect(py);
        Ok(object)
    }

    /// The same, but the collector never tracks the object, which can be in no cycle: it refers to
    /// nothing that the collector tracks, and never will.
    ///
    /// # Errors
    /// `MemoryError`.
    #[inline]
    pub(crate) fn allocate_atomic(py: Python<'py>, state: T) -> Fallible<Self> {
        let object = Self::make(py, || state)?;
        #[cfg(feature = "gc-stress")]
        super::stress::collect(py);
        Ok(object)
    }

    /// Whether the collector tracks the object.
    pub(crate) fn is_tracked(&self) -> bool {
        // SAFETY: S2, S7: objects of ours are such as the collector may track.
        unsafe { ffi::PyObject_GC_IsTracked(self.as_any().as_ptr()) != 0 }
    }

    /// Has the collector pass the object over from now on: what it refers to is nothing that the
    /// collector tracks. Whoever changes that has it tracked before.
    #[inline]
    pub(crate) fn untrack(&self) {
        // SAFETY: S2, S7: objects of ours are such as the collector may track; one that is not tracked
        // stays as it is.
        unsafe { ffi::PyObject_GC_UnTrack(self.as_any().as_ptr().cast()) };
    }

    /// Has the collector track the object, if it does not.
    pub(crate) fn track(&self) {
        untracked::track(self.as_any().as_ptr());
    }

    /// As [`Ref::allocate_by`], but the collector does not track the object until the second value is
    /// dropped.
    ///
    /// # Errors
    /// `MemoryError`.
    #[inline]
    pub(crate) fn allocate_untracked_by(
        py: Python<'py>,
        make: impl FnOnce() -> T,
    ) -> Fallible<(Self, Untracked)> {
        let object = Self::make(py, make)?;
        #[cfg(feature = "gc-stress")]
        super::stress::collect(py);
        let untracked = Untracked::new(object.as_any());
        Ok((object, untracked))
    }

    #[inline]
    fn make(py: Python<'py>, make: impl FnOnce() -> T) -> Fallible<Self> {
        #[cfg(feature = "gc-stress")]
        super::stress::collect(py);
        let class = T::slot().class.load(Ordering::Relaxed);
        // SAFETY: S1, attached.
        let kept = (T::KEPT > 0).then(|| unsafe { T::slot().kept.take() });
        let object: *mut Instance<T> = match kept.flatten() {
            Some(kept) => {
                // SAFETY: S1; S10, the memory of an instance, which has kept its reference to the class.
                unsafe { _Py_NewReference(kept.as_ptr()) };
                kept.as_ptr().cast()
            }
            // SAFETY: S1; S2, the class was made before any instance is asked for.
            None => unsafe { ffi::PyObject_GC_New::<Instance<T>>(class) },
        };
        if object.is_null() {
            return Err(Raised::assume_set(py));
        }
        // SAFETY: S10, the memory is new, of this layout, and no one else knows it yet.
        unsafe { fill(object, make) };
        // SAFETY: S3, the one reference is ours.
        let object = unsafe { Bound::from_owned_ptr(py, object.cast()) };
        // SAFETY: S5, it was made as a `T`.
        Ok(unsafe { Ref::assume_owned(object) })
    }
}

/// Gathers what a class is made of.
pub(crate) struct Builder<T: Class> {
    name: &'static CStr,
    flags: std::ffi::c_ulong,
    slots: Vec<(c_int, *mut c_void)>,
    methods: Vec<ffi::PyMethodDef>,
    getset: Vec<ffi::PyGetSetDef>,
    base: *mut ffi::PyTypeObject,
    hidden: Vec<&'static str>,
    short_name: Option<&'static str>,
    class: PhantomData<T>,
}

impl<T: Class> Builder<T> {
    /// A class of this name (`module.Name`), which can be made only from Rust.
    pub(crate) fn new(name: &'static CStr) -> Self {
        Builder {
            name,
            flags: ffi::Py_TPFLAGS_DEFAULT | ffi::Py_TPFLAGS_HAVE_GC,
            slots: Vec::new(),
            methods: Vec::new(),
            getset: Vec::new(),
            base: ptr::null_mut(),
            hidden: Vec::new(),
            short_name: None,
            class: PhantomData,
        }
    }

    /// Python code may make instances; they begin as `T::default()`.
    pub(crate) fn instantiable(self) -> Self {
        self.slot(ffi::Py_tp_new, new::<T> as *mut c_void)
    }

    /// Python code may subclass it.
    pub(crate) fn subclassable(mut self) -> Self {
        self.flags |= ffi::Py_TPFLAGS_BASETYPE;
        self
    }

    /// Nobody sets or deletes attributes of the class.
    pub(crate) fn immutable(mut self) -> Self {
        self.flags |= ffi::Py_TPFLAGS_IMMUTABLETYPE;
        self
    }

    /// Errors call it by this name, without a module.
    pub(crate) fn called(mut self, name: &'static str) -> Self {
        self.short_name = Some(name);
        self
    }

    /// It is a subclass of `B`, whose state `project` finds at the beginning of `T`.
    ///
    /// # Panics
    /// When the layouts do not agree.
    pub(crate) fn base<B: Class<Extras = T::Extras>>(mut self, project: fn(&T) -> &B) -> Self {
        let probe = T::default();
        assert!(
            ptr::eq(
                ptr::from_ref(project(&probe)).cast::<u8>(),
                ptr::from_ref(&probe).cast()
            ) && offset_of!(Instance<T>, state) == offset_of!(Instance<B>, state),
            "the state of a subclass must begin with that of its base",
        );
        self.base = B::slot().class.load(Ordering::Relaxed);
        self
    }

    /// These methods of the base class stand in this class as well: the interpreter calls at once
    /// what it finds in the very class of the receiver.
    ///
    /// # Panics
    /// When `B` is not the base.
    pub(crate) fn own_methods_of<B: Class>(mut self, names: &[&CStr]) -> Self {
        assert!(
            B::slot().is(self.base),
            "methods are taken from the base alone"
        );
        // SAFETY: S11, what the base is made of.
        let methods = B::slot().methods().map(|method| unsafe { *method });
        // SAFETY: S11, a text that ends with a zero.
        let name = |method: &ffi::PyMethodDef| unsafe { CStr::from_ptr(method.ml_name) };
        self.methods
            .extend(methods.filter(|method| names.contains(&name(method))));
        self
    }

    /// The docstring.
    pub(crate) fn doc(self, text: &'static CStr) -> Self {
        self.slot(ffi::Py_tp_doc, text.as_ptr().cast_mut().cast())
    }

    /// The methods.
    pub(crate) fn methods(mut self, methods: impl IntoIterator<Item = Method<T>>) -> Self {
        self.methods
            .extend(methods.into_iter().map(Method::into_definition));
        self
    }

    /// The attributes.
    pub(crate) fn attributes(mut self, list: impl IntoIterator<Item = GetSet<T>>) -> Self {
        self.getset
            .extend(list.into_iter().map(GetSet::into_definition));
        self
    }

    /// The name of a slot is not to be seen in the class, though the slot is there.
    pub(super) fn hidden(mut self, name: &'static str) -> Self {
        self.hidden.push(name);
        self
    }

    pub(super) fn flag(mut self, flag: std::ffi::c_ulong) -> Self {
        self.flags |= flag;
        self
    }

    pub(super) fn slot(mut self, slot: c_int, function: *mut c_void) -> Self {
        self.slots.push((slot, function));
        self
    }

    /// Makes the class and fills its slot.
    ///
    /// # Errors
    /// What CPython finds wrong with it.
    pub(crate) fn build(mut self, py: Python<'_>) -> Fallible<Bound<'_, PyAny>> {
        self.methods.push(ffi::PyMethodDef::zeroed());
        self.getset.push(ffi::PyGetSetDef::default());
        let mut members = T::Extras::members(offset_of!(Instance<T>, extras));
        members.push(ffi::PyMemberDef::default());
        // What a class is made of lives as long as the process, as the class itself does.
        let methods = Box::leak(self.methods.into_boxed_slice()).as_mut_ptr();
        T::slot().methods.store(methods, Ordering::Relaxed);
        let has_subclasses = self.flags & ffi::Py_TPFLAGS_BASETYPE != 0;
        T::slot()
            .has_subclasses
            .store(has_subclasses, Ordering::Relaxed);
        let getset = Box::leak(self.getset.into_boxed_slice()).as_mut_ptr();
        let members = Box::leak(members.into_boxed_slice()).as_mut_ptr();
        let mut slots = self.slots;
        slots.extend([
            (ffi::Py_tp_methods, methods.cast::<c_void>()),
            (ffi::Py_tp_getset, getset.cast()),
            (ffi::Py_tp_members, members.cast()),
            (ffi::Py_tp_dealloc, deallocate::<T> as *mut c_void),
            (ffi::Py_tp_traverse, traverse::<T> as *mut c_void),
            (ffi::Py_tp_clear, clear::<T> as *mut c_void),
        ]);
        if !slots.iter().any(|(slot, _)| *slot == ffi::Py_tp_new) && self.base.is_null() {
            self.flags |= ffi::Py_TPFLAGS_DISALLOW_INSTANTIATION;
        }
        let mut slots: Vec<ffi::PyType_Slot> = slots
            .into_iter()
            .map(|(slot, pfunc)| ffi::PyType_Slot { slot, pfunc })
            .chain([ffi::PyType_Slot::default()])
            .collect();
        let mut spec = ffi::PyType_Spec {
            name: self.name.as_ptr(),
            basicsize: size_of::<Instance<T>>() as c_int,
            itemsize: 0,
            flags: (self.flags & !ffi::Py_TPFLAGS_IMMUTABLETYPE) as c_uint,
            slots: slots.as_mut_ptr(),
        };
        // SAFETY: S11, the specification is complete and what it points to lives on.
        let class = unsafe { ffi::PyType_FromSpecWithBases(&mut spec, self.base.cast()) };
        // SAFETY: S3, a new reference or null.
        let class = unsafe { Bound::from_owned_ptr_or_opt(py, class) }
            .ok_or_else(|| Raised::assume_set(py))?;
        T::slot().kept.close_where_memory_is_checked();
        T::slot()
            .class
            .store(class.clone().into_ptr().cast(), Ordering::Relaxed);
        for name in self.hidden {
            hide(&class, name)?;
        }
        if let Some(name) = self.short_name {
            class.setattr(pyo3::intern!(py, "__name__"), name)?;
        }
        // SAFETY: S2; nobody has seen the class.
        unsafe { (*class.as_ptr().cast::<ffi::PyTypeObject>()).tp_flags |= self.flags };
        Ok(class)
    }
}

/// Takes `name` out of the dict of a class that nobody has seen yet.
fn hide(class: &Bound<'_, PyAny>, name: &str) -> Fallible<()> {
    let kind = class.as_ptr().cast::<ffi::PyTypeObject>();
    // SAFETY: S2, the class is alive; a heap type has its dict in this field.
    let dict = unsafe { (*kind).tp_dict };
    // SAFETY: S2, the class keeps its dict alive.
    let dict = unsafe { Bound::from_borrowed_ptr(class.py(), dict) };
    dict.del_item(name)?;
    // SAFETY: S1, S2.
    unsafe { ffi::PyType_Modified(kind) };
    Ok(())
}

/// Puts a new object's parts behind its head.
///
/// # Safety
/// `object` is new memory of this layout.
#[inline]
unsafe fn fill<T: Class>(object: *mut Instance<T>, make: impl FnOnce() -> T) {
    let extras = T::Extras::default();
    extras.prepare::<T>();
    // SAFETY: S10, as the caller says.
    let place = unsafe { &raw mut (*object).extras };
    // SAFETY: S10, as above: there is nothing to be dropped.
    unsafe { place.write(extras) };
    // SAFETY: S10, as above.
    let place = unsafe { &raw mut (*object).state };
    // SAFETY: S10, as above: there is nothing to be dropped.
    unsafe { place.write(make()) };
}

/// `tp_new`: the state is the default one.
unsafe extern "C" fn new<T: Class>(
    class: *mut ffi::PyTypeObject,
    _arguments: *mut ffi::PyObject,
    _keywords: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: S1; S2, CPython calls `tp_new` with a type that is alive.
    let object = unsafe { ffi::PyType_GenericAlloc(class, 0) }.cast::<Instance<T>>();
    if !object.is_null() {
        // SAFETY: S10, the memory is new and of this layout; zeroed until here.
        unsafe { fill(object, T::default) };
        #[cfg(feature = "gc-stress")]
        // SAFETY: S1, CPython calls `tp_new` attached.
        super::stress::collect(unsafe { Python::assume_attached() });
    }
    object.cast()
}

/// `tp_dealloc`.
unsafe extern "C" fn deallocate<T: Class>(object: *mut ffi::PyObject) {
    if !putting_off::enter(deallocate::<T>, object) {
        return;
    }
    // SAFETY: S10, called once for an object of this layout without references.
    unsafe { release::<T>(object) };
    putting_off::leave();
}

/// # Safety
/// `object` is of this layout, without references, and this is called once for it.
unsafe fn release<T: Class>(object: *mut ffi::PyObject) {
    // SAFETY: S2, an object keeps its type alive.
    let kind = unsafe { ffi::Py_TYPE(object) };
    // A subclass made in Python has called the finaliser already.
    let is_exact = T::slot().is(kind);
    let instance = object.cast::<Instance<T>>();
    // SAFETY: S10, the object is whole, and its state only ever shared.
    let is_at_rest = unsafe { &(*instance).state }.is_at_rest();
    // SAFETY: S2.
    if is_exact && !is_at_rest && unsafe { (*kind).tp_finalize }.is_some() {
        // A finaliser expects a tracked object, for it may bring it back to life.
        untracked::track(object);
        // SAFETY: S10, the object is whole; it may come back to life.
        if unsafe { ffi::PyObject_CallFinalizerFromDealloc(object) } < 0 {
            return;
        }
    }
    // SAFETY: S7.
    unsafe { ffi::PyObject_GC_UnTrack(object.cast()) };
    // SAFETY: S10, shared access to extras, which are cells.
    let extras = unsafe { &(*instance).extras };
    // SAFETY: S10, the object is on its way out and still whole.
    unsafe { extras.clear(object, true) };
    // SAFETY: S10, the object is of this layout.
    let state = unsafe { &raw mut (*instance).state };
    // SAFETY: S10, no reference to the object is left, so none to its state either.
    unsafe { ptr::drop_in_place(state) };
    const { assert!(T::KEPT == 0 || size_of::<Instance<T>>() >= size_of::<Link>()) };
    // The collector, too, calls a finaliser if there is one, and does not call it twice.
    // SAFETY: S2.
    let has_finalizer = unsafe { (*kind).tp_finalize }.is_some();
    // SAFETY: S10, the head of the memory is still that of the object.
    let is_finalised = || has_finalizer && unsafe { ffi::PyObject_GC_IsFinalized(object) } != 0;
    let is_kept = T::KEPT > 0
        && is_exact
        && !is_finalised()
        // SAFETY: S10, S7, the object is exactly of this class, and was checked.
        && unsafe { T::slot().kept.keep(object, T::KEPT) };
    if !is_kept {
        // SAFETY: S2, the object still keeps its type alive.
        if let Some(free) = unsafe { (*kind).tp_free } {
            // SAFETY: S10, the memory came from this type's `tp_alloc` or `PyObject_GC_New`.
            unsafe { free(object.cast()) };
        }
        // SAFETY: S3, an instance of a heap type owns a reference to it.
        unsafe { ffi::Py_DECREF(kind.cast()) };
    }
    #[cfg(Py_3_12)]
    {
        // SAFETY: S1, whoever deallocates an object is attached.
        super::stop::returned(unsafe { Python::assume_attached() }, object);
    }
}

/// `tp_traverse`.
unsafe extern "C" fn traverse<T: Class>(
    object: *mut ffi::PyObject,
    visit: ffi::visitproc,
    argument: *mut c_void,
) -> c_int {
    let mut visitor = Visitor::new(visit, argument);
    // SAFETY: S2, an object keeps its type alive.
    visitor.object(unsafe { ffi::Py_TYPE(object) }.cast());
    let instance = object.cast::<Instance<T>>();
    // SAFETY: S5; S7, the collector runs no Python here, so shared access is enough.
    unsafe { &(*instance).extras }.traverse(&mut visitor);
    // SAFETY: S7, as above.
    visitor.visit(unsafe { &(*instance).state });
    visitor.answer()
}

/// `tp_clear`.
unsafe extern "C" fn clear<T: Class>(object: *mut ffi::PyObject) -> c_int {
    let instance = object.cast::<Instance<T>>();
    // SAFETY: S5; S2, the collector holds the object meanwhile.
    let extras = unsafe { &(*instance).extras };
    // SAFETY: S2, as above.
    unsafe { extras.clear(object, false) };
    // SAFETY: S5; S6, shared access: cells release after they have changed.
    unsafe { &(*instance).state }.clear();
    0
}

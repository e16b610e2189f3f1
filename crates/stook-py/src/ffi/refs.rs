//! References: [`Held`] is stored in the state of an object, [`Ref`] is typed and attached.

use std::marker::PhantomData;
use std::ops::Deref;
use std::ptr::NonNull;

use pyo3::ffi;
use pyo3::prelude::*;

use super::cell::HeldCell;
use super::class::{Class, Instance};

/// An owned reference that is stored where no attached token is at hand.
///
/// It is released at once when dropped. That is sound (S4) because it is neither `Send` nor
/// `Sync` and so stays in code that is attached.
#[repr(transparent)]
pub(crate) struct Held(NonNull<ffi::PyObject>);

impl Held {
    /// Keeps a new reference to `object`.
    pub(crate) fn new(object: &Bound<'_, PyAny>) -> Self {
        object.clone().into()
    }

    /// The same reference, attached.
    pub(crate) fn bind<'a, 'py>(&'a self, py: Python<'py>) -> &'a Bound<'py, PyAny> {
        // SAFETY: S2, `self` keeps the object alive for 'a; a pointer has the layout of NonNull.
        unsafe { Bound::ref_from_non_null(py, &self.0) }
    }

    /// Gives the reference away, attached.
    pub(crate) fn into_bound(self, py: Python<'_>) -> Bound<'_, PyAny> {
        let pointer = std::mem::ManuallyDrop::new(self).0;
        // SAFETY: S3, the reference is moved out and `self` no longer releases it.
        unsafe { Bound::from_owned_ptr(py, pointer.as_ptr()) }
    }

    /// Where the object is, to be compared.
    pub(crate) fn address(&self) -> usize {
        self.0.as_ptr() as usize
    }

    /// Whether this is the same object as `other`.
    pub(crate) fn is(&self, other: &Bound<'_, PyAny>) -> bool {
        self.0.as_ptr() == other.as_ptr()
    }

    pub(super) fn as_ptr(&self) -> *mut ffi::PyObject {
        self.0.as_ptr()
    }
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Held({:p})", self.0)
    }
}

impl<'py, T> From<Bound<'py, T>> for Held {
    fn from(object: Bound<'py, T>) -> Self {
        let pointer = object.into_ptr();
        // SAFETY: S3, `into_ptr` gives an owned, non-null pointer.
        Held(unsafe { NonNull::new_unchecked(pointer) })
    }
}

impl<'py, T: Class> From<Ref<'py, T>> for Held {
    fn from(object: Ref<'py, T>) -> Self {
        object.into_any().into()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // SAFETY: S4, dropped by attached code only; the reference is ours.
        unsafe { ffi::Py_DECREF(self.0.as_ptr()) };
    }
}

/// An owned, attached reference to an object of class `T` or of a subclass.
#[repr(transparent)]
pub(crate) struct Ref<'py, T: Class> {
    object: Bound<'py, PyAny>,
    class: PhantomData<T>,
}

impl<T: Class> std::fmt::Debug for Ref<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Ref({:p})", self.object.as_ptr())
    }
}

impl<'py, T: Class> Ref<'py, T> {
    /// The object as a `T`, if its type is `T`'s or a subclass of it.
    pub(crate) fn cast<'a>(object: &'a Bound<'py, PyAny>) -> Option<&'a Self> {
        // SAFETY: S2, the object is alive and so is its type.
        let kind = unsafe { ffi::Py_TYPE(object.as_ptr()) };
        // SAFETY: S5, the type was checked.
        T::slot()
            .admits(kind)
            .then(|| unsafe { Self::assume(object) })
    }

    /// The same, given away.
    #[inline]
    pub(crate) fn cast_into(object: Bound<'py, PyAny>) -> Option<Self> {
        // SAFETY: S5, the type was checked.
        Self::cast(&object)
            .is_some()
            .then(|| unsafe { Self::assume_owned(object) })
    }

    /// The object as a `T`, if its type is exactly `T`'s.
    pub(crate) fn cast_exact<'a>(object: &'a Bound<'py, PyAny>) -> Option<&'a Self> {
        // SAFETY: S2, the object is alive and so is its type.
        let kind = unsafe { ffi::Py_TYPE(object.as_ptr()) };
        // SAFETY: S5, the type was checked.
        T::slot().is(kind).then(|| unsafe { Self::assume(object) })
    }

    /// # Safety
    /// The object's type must be `T`'s or a subclass of it.
    pub(super) unsafe fn assume<'a>(object: &'a Bound<'py, PyAny>) -> &'a Self {
        // SAFETY: S5, `Ref` is a transparent wrapper of `Bound`.
        unsafe { &*std::ptr::from_ref(object).cast::<Self>() }
    }

    /// # Safety
    /// The object's type must be `T`'s or a subclass of it.
    pub(super) unsafe fn assume_owned(object: Bound<'py, PyAny>) -> Self {
        Ref {
            object,
            class: PhantomData,
        }
    }

    /// The object as what its class inherits from; `project` finds that part of the state.
    ///
    /// # Panics
    /// When that part does not begin the state. The check is decided when this is compiled.
    #[inline]
    pub(crate) fn upcast<B: Class<Extras = T::Extras>>(
        &self,
        project: impl for<'a> FnOnce(&'a T) -> &'a B,
    ) -> &Ref<'py, B> {
        let state: &T = self;
        assert!(
            std::ptr::eq(
                std::ptr::from_ref(project(state)).cast::<u8>(),
                std::ptr::from_ref(state).cast(),
            ),
            "the state of a subclass must begin with that of its base",
        );
        // SAFETY: S5, the layout of `Instance<T>` begins with that of `Instance<B>`: the extras
        // are of one type and the state begins with a `B`.
        unsafe { Ref::assume(&self.object) }
    }

    /// The token of the attached thread.
    pub(crate) fn py(&self) -> Python<'py> {
        self.object.py()
    }

    /// The same reference, untyped.
    pub(crate) fn as_any(&self) -> &Bound<'py, PyAny> {
        &self.object
    }

    /// Gives the reference away, untyped.
    pub(crate) fn into_any(self) -> Bound<'py, PyAny> {
        self.object
    }

    /// Whether the object's type is exactly `T`'s, and no subclass.
    pub(crate) fn is_exact(&self) -> bool {
        // SAFETY: S2, the object is alive and so is its type.
        T::slot().is(unsafe { ffi::Py_TYPE(self.object.as_ptr()) })
    }
}

/// Goes from one object to the next without taking references: `next` is where an object keeps the one
/// to the next, and `reached` says of each, by its address, whether to go on. It ends at what is no `T`.
///
/// Neither runs Python code or releases anything (S6).
#[inline]
pub(crate) fn follow<T: Class>(
    first: &Ref<'_, T>,
    next: impl for<'a> Fn(&'a T) -> &'a HeldCell,
    mut reached: impl FnMut(usize) -> bool,
) {
    let mut at = first.as_any().as_ptr();
    while reached(at as usize) {
        let instance = at.cast::<Instance<T>>();
        // SAFETY: S5, its type was checked; S2, the one before refers to it, and nothing runs that could
        // change that; S6, state is only ever shared.
        let state = unsafe { &(*instance).state };
        let Some(held) = next(state).peek() else {
            return;
        };
        at = held.as_ptr();
        // SAFETY: S2, as above.
        let kind = unsafe { ffi::Py_TYPE(at) };
        // SAFETY: S2, the object keeps its type alive.
        let size = unsafe { (*kind).tp_basicsize };
        // No subclass is smaller. Most objects where a way ends are, and need not be asked for more.
        if size < size_of::<Instance<T>>() as isize || !T::slot().admits(kind) {
            return;
        }
    }
}

impl<T: Class> Clone for Ref<'_, T> {
    fn clone(&self) -> Self {
        Ref {
            object: self.object.clone(),
            class: PhantomData,
        }
    }
}

impl<T: Class> Deref for Ref<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        let instance = self.object.as_ptr().cast::<Instance<T>>();
        // SAFETY: S5, a `Ref` is made only of objects whose layout begins with `Instance<T>`;
        // S6, state is only ever shared, so no `&mut` to it can exist.
        unsafe { &(*instance).state }
    }
}

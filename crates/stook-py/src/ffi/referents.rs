//! What an object refers to, as the collector is shown it.

use std::ffi::{c_int, c_void};

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyType;

/// What `object` refers to, as `gc.get_referents(object)` lists it.
pub(crate) fn all<'py>(object: &Bound<'py, PyAny>) -> Vec<Bound<'py, PyAny>> {
    let py = object.py();
    let mut found = Vec::new();
    show(object, |each| {
        // SAFETY: S2, `object` refers to it.
        found.push(unsafe { Bound::from_borrowed_ptr(py, each) });
        true
    });
    found
}

/// The first that is truly an instance of one of `classes`, whatever it says that it is.
pub(crate) fn first<'py>(
    object: &Bound<'py, PyAny>,
    classes: &[Bound<'py, PyType>],
) -> Option<Bound<'py, PyAny>> {
    let py = object.py();
    let mut found = None;
    show(object, |each| {
        // SAFETY: S2, `object` refers to it.
        let class = unsafe { ffi::Py_TYPE(each) };
        let is_wanted = classes
            .iter()
            // SAFETY: S2.
            .any(|wanted| unsafe { ffi::PyType_IsSubtype(class, wanted.as_type_ptr()) } != 0);
        if is_wanted {
            // SAFETY: S2, as above.
            found = Some(unsafe { Bound::from_borrowed_ptr(py, each) });
        }
        !is_wanted
    });
    found
}

/// Shows `visit` each object that `object` refers to, until it is content.
///
/// Something in the middle of a collection may be what is shown: `visit` runs no Python code and
/// releases nothing (S7).
fn show<F: FnMut(*mut ffi::PyObject) -> bool>(object: &Bound<'_, PyAny>, mut visit: F) {
    let pointer = object.as_ptr();
    // SAFETY: S1, S2.
    if unsafe { ffi::PyObject_IS_GC(pointer) } == 0 {
        return;
    }
    // SAFETY: S2, the object is alive and so is its type.
    let class = unsafe { ffi::Py_TYPE(pointer) };
    // SAFETY: S2, as above.
    if let Some(traverse) = unsafe { (*class).tp_traverse } {
        // SAFETY: S1, S2; S9, the closure is there for the time of the call, and `visited` knows its
        // type.
        unsafe { traverse(pointer, visited::<F>, (&raw mut visit).cast()) };
    }
}

/// A `visitproc`: ends the visit with 1.
extern "C" fn visited<F: FnMut(*mut ffi::PyObject) -> bool>(
    object: *mut ffi::PyObject,
    visit: *mut c_void,
) -> c_int {
    // SAFETY: S9, what `show` gave to the visit, which nobody else uses meanwhile.
    let visit = unsafe { &mut *visit.cast::<F>() };
    c_int::from(!visit(object))
}

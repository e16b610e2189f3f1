//! Calls in which this thread may be ended.
//!
//! Up to CPython 3.13 a daemon thread that asks for the interpreter while it shuts down is ended by
//! `pthread_exit`, inside the call that asked: its stack is unwound by force, which no Rust frame
//! may be part of. Such a thread waits for the end of the process instead, as CPython 3.14 has it.
//!
//! Every function of CPython's that this library calls and that may run Python code, or wait for the
//! interpreter, is listed here once. The linker is told (`--wrap`, in `build.rs`, which reads the
//! list) to send calls of it to the wrapper, those of PyO3 too.

#![expect(
    non_snake_case,
    non_upper_case_globals,
    reason = "the names are CPython's and the linker's"
)]

use std::ffi::{c_char, c_int, c_long, c_ulonglong, c_void};

use pyo3::ffi::{
    PyCFunction, PyCodeObject, PyFrameObject, PyGILState_STATE, PyMethodDef, PyObject,
    PySendResult, PyThreadState, PyType_Spec, PyTypeObject,
};

#[cfg(not(Py_3_12))]
use pyo3::ffi::vectorcallfunc;

/// Waits for the end of the process when it is dropped.
struct Hang;

impl Drop for Hang {
    fn drop(&mut self) {
        loop {
            std::thread::park();
        }
    }
}

/// Makes a call into C that may run Python code.
#[inline(always)]
fn guarded<R>(call: impl FnOnce() -> R) -> R {
    let hang = Hang;
    let answer = call();
    std::mem::forget(hang);
    answer
}

/// Defines, for each function, the wrapper that the linker puts in its place, and the call itself
/// for those of our own callers that cannot afford another one.
///
/// The wrappers are `extern "C-unwind"`: in an `extern "C"` function nothing is dropped when a
/// thread is ended.
macro_rules! wrapped {
    ($($(#[$condition:meta])* fn $name:ident($($argument:ident: $kind:ty),*) $(-> $answer:ty)?;)*) => {
        mod wrappers {
            use super::*;
            $(
                $(#[$condition])*
                // S15: the linker alone makes this name, for this.
                #[unsafe(export_name = concat!("__wrap_", stringify!($name)))]
                unsafe extern "C-unwind" fn $name($($argument: $kind),*) $(-> $answer)? {
                    // SAFETY: S15, the same function, called with what it was called with.
                    unsafe { super::$name($($argument),*) }
                }
            )*
        }
        /// A use of each function by its own name, without which linkers leave the others alone.
        mod names {
            use super::*;
            $(
                $(#[$condition])*
                #[used]
                static $name: unsafe extern "C-unwind" fn($($kind),*) $(-> $answer)? = {
                    unsafe extern "C-unwind" {
                        fn $name($($argument: $kind),*) $(-> $answer)?;
                    }
                    $name
                };
            )*
        }
        $(
            $(#[$condition])*
            #[doc = concat!("`", stringify!($name), "`, in which this thread may be ended.")]
            #[inline(always)]
            pub(super) unsafe fn $name($($argument: $kind),*) $(-> $answer)? {
                unsafe extern "C-unwind" {
                    #[link_name = concat!("__real_", stringify!($name))]
                    fn real($($argument: $kind),*) $(-> $answer)?;
                }
                // SAFETY: S1, S2, as the caller says; S15, declared as CPython's headers do.
                guarded(|| unsafe { real($($argument),*) })
            }
        )*
    };
}

type Object = *mut PyObject;

wrapped! {
    // Calls.
    fn PyIter_Next(iterator: Object) -> Object;
    fn PyIter_Send(iterator: Object, value: Object, answer: *mut Object) -> PySendResult;
    fn PyObject_Call(function: Object, arguments: Object, keywords: Object) -> Object;
    fn PyObject_CallNoArgs(function: Object) -> Object;
    fn PyObject_CallOneArg(function: Object, argument: Object) -> Object;
    fn PyObject_Vectorcall(
        function: Object, arguments: *const Object, count: usize, keywords: Object
    ) -> Object;
    fn PyObject_VectorcallDict(
        function: Object, arguments: *const Object, count: usize, keywords: Object
    ) -> Object;
    #[cfg(not(Py_3_12))]
    fn _PyObject_MakeTpCall(
        thread: *mut PyThreadState, function: Object, arguments: *const Object, count: isize,
        keywords: Object
    ) -> Object;
    fn PyObject_VectorcallMethod(
        name: Object, arguments: *const Object, count: usize, keywords: Object
    ) -> Object;
    fn PyVectorcall_Call(function: Object, arguments: Object, keywords: Object) -> Object;
    fn PyImport_Import(name: Object) -> Object;

    // What a class can define.
    fn PyFloat_AsDouble(object: Object) -> f64;
    fn PyLong_AsDouble(object: Object) -> f64;
    fn PyLong_AsLong(object: Object) -> c_long;
    fn PyLong_AsUnsignedLongLong(object: Object) -> c_ulonglong;
    fn PyNumber_Add(left: Object, right: Object) -> Object;
    fn PyNumber_Index(object: Object) -> Object;
    #[cfg(Py_3_13)]
    fn PyObject_DelAttr(object: Object, name: Object) -> c_int;
    fn PyObject_DelItem(object: Object, key: Object) -> c_int;
    fn PyObject_GenericGetDict(object: Object, context: *mut c_void) -> Object;
    fn PyObject_GenericSetDict(object: Object, value: Object, context: *mut c_void) -> c_int;
    fn PyObject_GenericSetAttr(object: Object, name: Object, value: Object) -> c_int;
    fn PyObject_GetAttr(object: Object, name: Object) -> Object;
    fn PyObject_GetItem(object: Object, key: Object) -> Object;
    fn PyObject_GetIter(object: Object) -> Object;
    #[cfg(Py_3_13)]
    fn PyObject_GetOptionalAttr(object: Object, name: Object, answer: *mut Object) -> c_int;
    fn PyObject_Hash(object: Object) -> isize;
    fn PyObject_IsInstance(object: Object, class: Object) -> c_int;
    fn PyObject_IsSubclass(derived: Object, class: Object) -> c_int;
    fn PyObject_IsTrue(object: Object) -> c_int;
    fn PyObject_LengthHint(object: Object, otherwise: isize) -> isize;
    fn PyObject_Repr(object: Object) -> Object;
    fn PyObject_RichCompare(left: Object, right: Object, operator: c_int) -> Object;
    fn PyObject_SetAttr(object: Object, name: Object, value: Object) -> c_int;
    fn PyObject_Size(object: Object) -> isize;
    fn PyObject_Str(object: Object) -> Object;
    fn PySequence_Contains(object: Object, value: Object) -> c_int;
    fn PySequence_GetItem(object: Object, index: isize) -> Object;
    fn PyUnicode_AsEncodedString(
        text: Object, encoding: *const c_char, errors: *const c_char
    ) -> Object;
    fn PyType_FromSpecWithBases(spec: *mut PyType_Spec, bases: Object) -> Object;

    // Collections that compare what they hold.
    fn PyDict_Contains(dict: Object, key: Object) -> c_int;
    fn PyDict_DelItem(dict: Object, key: Object) -> c_int;
    #[cfg(Py_3_13)]
    fn PyDict_GetItemRef(dict: Object, key: Object, answer: *mut Object) -> c_int;
    #[cfg(not(Py_3_13))]
    fn PyDict_GetItemWithError(dict: Object, key: Object) -> Object;
    fn PyDict_SetItem(dict: Object, key: Object, value: Object) -> c_int;
    fn PySet_Add(set: Object, value: Object) -> c_int;
    fn PySet_Clear(set: Object) -> c_int;
    fn PySet_Discard(set: Object, value: Object) -> c_int;

    // Errors: their classes are called, and what was raised before is released.
    fn PyErr_CheckSignals() -> c_int;
    #[cfg(not(Py_3_13))]
    fn PyErr_Clear();
    fn PyErr_NewExceptionWithDoc(
        name: *const c_char, doc: *const c_char, base: Object, names: Object
    ) -> Object;
    #[cfg(not(Py_3_12))]
    fn PyErr_NormalizeException(
        class: *mut Object, value: *mut Object, traceback: *mut Object
    );
    fn PyErr_PrintEx(keeps: c_int);
    #[cfg(not(Py_3_12))]
    fn PyErr_Restore(class: Object, value: Object, traceback: Object);
    fn PyErr_SetObject(class: Object, value: Object);
    #[cfg(Py_3_12)]
    fn PyErr_SetRaisedException(error: Object);
    fn PyErr_SetString(class: Object, text: *const c_char);
    fn PyErr_WarnEx(category: Object, text: *const c_char, level: isize) -> c_int;
    fn PyErr_WriteUnraisable(object: Object);
    fn PyException_SetCause(error: Object, cause: Object);
    fn PyException_SetContext(error: Object, context: Object);
    fn PyException_SetTraceback(error: Object, traceback: Object) -> c_int;
    fn PyTraceBack_Print(traceback: Object, file: Object) -> c_int;

    // The end of objects.
    fn PyObject_CallFinalizerFromDealloc(object: Object) -> c_int;
    fn PyObject_ClearWeakRefs(object: Object);
    fn _Py_Dealloc(object: Object);

    // Making one may collect others, up to 3.11.
    fn PyCMethod_New(
        definition: *mut PyMethodDef, object: Object, module: Object, class: *mut PyTypeObject
    ) -> Object;
    fn PyContext_Copy(context: Object) -> Object;
    fn PyContext_CopyCurrent() -> Object;
    fn PyDescr_NewMethod(class: *mut PyTypeObject, definition: *mut PyMethodDef) -> Object;
    fn PyDict_New() -> Object;
    fn PyMethod_New(function: Object, receiver: Object) -> Object;
    fn PyFrame_New(
        thread: *mut PyThreadState, code: *mut PyCodeObject, globals: Object, locals: Object
    ) -> *mut PyFrameObject;
    fn PyList_Append(list: Object, item: Object) -> c_int;
    fn PyList_New(size: isize) -> Object;
    fn PySet_New(items: Object) -> Object;
    fn PyTuple_New(size: isize) -> Object;
    #[cfg(feature = "gc-stress")]
    fn PyGC_Collect() -> isize;
    fn PyWeakref_NewRef(object: Object, callback: Object) -> Object;
    fn PyType_GenericAlloc(class: *mut PyTypeObject, count: isize) -> Object;
    fn Py_GenericAlias(origin: Object, arguments: Object) -> Object;
    fn _PyObject_GC_New(class: *mut PyTypeObject) -> Object;

    // The interpreter is waited for.
    fn PyEval_RestoreThread(thread: *mut PyThreadState);
    fn PyGILState_Ensure() -> PyGILState_STATE;
}

/// Calls what a built-in method or function is made of, in which this thread may be ended.
///
/// # Safety
/// S1; `receiver` and `argument` are what it takes.
#[inline(always)]
pub(super) unsafe fn builtin(function: PyCFunction, receiver: Object, argument: Object) -> Object {
    type Unwinding = unsafe extern "C-unwind" fn(Object, Object) -> Object;
    // SAFETY: S15, a thread may be ended in it, as in all that CPython has.
    let function = unsafe { std::mem::transmute::<PyCFunction, Unwinding>(function) };
    // SAFETY: as the caller says.
    guarded(|| unsafe { function(receiver, argument) })
}

/// `PyVectorcall_Function`: none, so that the calls which `pyo3-ffi` makes itself up to 3.11, through
/// the pointer that this gives, go through `_PyObject_MakeTpCall` instead.
#[cfg(not(Py_3_12))]
// S15: the linker alone makes this name, for this.
#[unsafe(export_name = "__wrap_PyVectorcall_Function")]
unsafe extern "C" fn no_vectorcall(_function: Object) -> Option<vectorcallfunc> {
    None
}

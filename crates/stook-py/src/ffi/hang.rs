//! Calls in which this thread may be ended.
//!
//! Up to CPython 3.13 a daemon thread that asks for the interpreter while it shuts down is ended by
//! `pthread_exit`, inside the call that asked: its stack is unwound by force, which no Rust frame
//! may be part of. Such a thread waits for the end of the process instead, as CPython 3.14 has it.
//!
//! Does not cover the calls that PyO3 makes for us, such as reading an attribute or asking for a
//! `repr`: a daemon thread that is ended in Python code called that way takes the process down.

use std::ffi::c_int;

use pyo3::ffi::{self, PyObject, PySendResult};

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

/// Declares functions of CPython's whose calls may be unwound.
///
/// `pyo3-ffi` declares the same symbols as never unwinding, and one declaration decides for both: so
/// the functions are called through pointers that the compiler cannot see through.
macro_rules! unwinding {
    ($($name:ident: fn($($argument:ident: $kind:ty),*) -> $answer:ty;)*) => {$(
        #[doc = concat!("`", stringify!($name), "`, which may run Python code.")]
        #[expect(non_snake_case, reason = "the name is CPython's")]
        #[inline(always)]
        pub(super) unsafe fn $name($($argument: $kind),*) -> $answer {
            type Known = unsafe extern "C" fn($($kind),*) -> $answer;
            type Unwinding = unsafe extern "C-unwind" fn($($kind),*) -> $answer;
            let known: Known = std::hint::black_box(ffi::$name);
            // SAFETY: S15, the same function; only what the compiler takes for granted differs.
            let function = unsafe { std::mem::transmute::<Known, Unwinding>(known) };
            // SAFETY: S1, S2, as the caller says.
            guarded(|| unsafe { function($($argument),*) })
        }
    )*};
}

unwinding! {
    PyIter_Send: fn(
        iterator: *mut PyObject, value: *mut PyObject, answer: *mut *mut PyObject
    ) -> PySendResult;
    PyObject_CallNoArgs: fn(function: *mut PyObject) -> *mut PyObject;
    PyObject_Call: fn(
        function: *mut PyObject, arguments: *mut PyObject, keywords: *mut PyObject
    ) -> *mut PyObject;
    PyObject_VectorcallMethod: fn(
        name: *mut PyObject, arguments: *const *mut PyObject, count: usize, keywords: *mut PyObject
    ) -> *mut PyObject;
    PyErr_CheckSignals: fn() -> c_int;
}

/// `PyObject_Vectorcall`, which may run Python code; `pyo3-ffi` has it as an inline function.
#[inline(always)]
#[expect(non_snake_case, reason = "the name is CPython's")]
pub(super) unsafe fn PyObject_Vectorcall(
    function: *mut PyObject,
    arguments: *const *mut PyObject,
    count: usize,
    keywords: *mut PyObject,
) -> *mut PyObject {
    unsafe extern "C-unwind" {
        #[link_name = "PyObject_Vectorcall"]
        fn vectorcall(
            function: *mut PyObject,
            arguments: *const *mut PyObject,
            count: usize,
            keywords: *mut PyObject,
        ) -> *mut PyObject;
    }
    let known: unsafe extern "C-unwind" fn(
        *mut PyObject,
        *const *mut PyObject,
        usize,
        *mut PyObject,
    ) -> *mut PyObject = vectorcall;
    let function_pointer = std::hint::black_box(known);
    // SAFETY: S1, S2, as the caller says; S15, declared as CPython's headers do.
    guarded(|| unsafe { function_pointer(function, arguments, count, keywords) })
}

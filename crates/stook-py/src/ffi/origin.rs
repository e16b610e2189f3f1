//! From which line a call comes, without making a frame object.
//!
//! The interpreter keeps a chain of what it runs, newest first. Who calls us is told by a code
//! object and how far it is; the line is looked up when somebody asks.

use std::ffi::c_int;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyTraceback;

use super::callers;

/// The first fields of `_PyInterpreterFrame`; CPython 3.11 `Include/internal/pycore_frame.h`.
#[cfg(not(Py_3_12))]
#[repr(C)]
struct Frame {
    function: *mut (),
    names: [*mut (); 3],
    code: *mut ffi::PyObject,
    frame_object: *mut (),
    previous: *mut Frame,
    instruction: *const u8,
    stack_top: c_int,
    is_entry: bool,
    owner: u8,
}

/// The same; CPython 3.12 and 3.13. What is called `code` here may be something else in 3.13.
#[cfg(Py_3_12)]
#[repr(C)]
struct Frame {
    code: *mut ffi::PyObject,
    previous: *mut Frame,
    function: *mut (),
    names: [*mut (); 3],
    frame_object: *mut (),
    instruction: *const u8,
    stack_top: c_int,
    return_offset: u16,
    owner: u8,
}

/// `FRAME_OWNED_BY_CSTACK`: a mark between the frames, from 3.12 on.
const OWNED_BY_C: u8 = 3;
/// So many frames are looked at.
const DEEPEST: usize = 200;

/// A place in Python code.
#[derive(Debug)]
pub(crate) struct Origin<'py> {
    /// The code object.
    pub(crate) code: Bound<'py, PyAny>,
    /// How many bytes of it are before the instruction.
    pub(crate) offset: i32,
}

/// The newest place whose code is not to be passed over; `pass_over` is asked for each, by the
/// address of its code object, newest first.
pub(crate) fn newest<'py>(
    py: Python<'py>,
    mut pass_over: impl FnMut(usize) -> bool,
) -> Option<Origin<'py>> {
    let mut frame = callers::newest(py).cast::<Frame>();
    for _ in 0..DEEPEST {
        if frame.is_null() {
            return None;
        }
        // SAFETY: S14, a frame of this thread, which lives while what it calls runs.
        let code = unsafe { (*frame).code };
        // SAFETY: S14, as above.
        let owner = unsafe { (*frame).owner };
        // SAFETY: S2, S14; the frame holds it.
        let is_code = owner != OWNED_BY_C && unsafe { ffi::PyCode_Check(code) } != 0;
        if is_code && !pass_over(code as usize) {
            // SAFETY: S14, as above.
            let instruction = unsafe { (*frame).instruction };
            // SAFETY: S2, a type that lives for ever.
            let head = unsafe { ffi::PyCode_Type.tp_basicsize };
            // The instructions stand behind the fixed part of a code object.
            let offset = instruction as isize - code as isize - head;
            // SAFETY: S2, the frame holds it.
            let code = unsafe { Bound::from_borrowed_ptr(py, code) };
            return Some(Origin {
                code,
                offset: i32::try_from(offset).unwrap_or(0),
            });
        }
        // SAFETY: S14, as above.
        frame = unsafe { (*frame).previous };
    }
    None
}

/// The place of a traceback's newest entry; `None` for what is no traceback.
pub(crate) fn of_traceback<'py>(traceback: &Bound<'py, PyAny>) -> Option<Origin<'py>> {
    if !traceback.is_instance_of::<PyTraceback>() {
        return None;
    }
    let entry = traceback.as_ptr().cast::<ffi::PyTracebackObject>();
    // SAFETY: S2; the type was checked, and no class is derived from it.
    let offset = unsafe { (*entry).tb_lasti };
    // SAFETY: S2, as above.
    let frame = unsafe { (*entry).tb_frame };
    // SAFETY: S1; S2, the traceback holds the frame.
    let code = unsafe { ffi::PyFrame_GetCode(frame) };
    // SAFETY: S3, a new reference.
    let code = unsafe { Bound::from_owned_ptr(traceback.py(), code.cast()) };
    Some(Origin { code, offset })
}

/// How many bytes of a frame's code are before its instruction; -1 before the first, `None` of what is
/// no frame.
pub(crate) fn offset_of_frame(frame: &Bound<'_, PyAny>) -> Option<i32> {
    // SAFETY: S2.
    if unsafe { ffi::PyFrame_Check(frame.as_ptr()) } == 0 {
        return None;
    }
    // SAFETY: S1, S2; the type was checked.
    Some(unsafe { ffi::PyFrame_GetLasti(frame.as_ptr().cast()) })
}

/// The line of a place; `None` where its code has none there, or is no code.
pub(crate) fn line(code: &Bound<'_, PyAny>, offset: i32) -> Option<i32> {
    // SAFETY: S2.
    if unsafe { ffi::PyCode_Check(code.as_ptr()) } == 0 {
        return None;
    }
    // SAFETY: S1, S2; the type was checked.
    let line = unsafe { ffi::PyCode_Addr2Line(code.as_ptr().cast(), offset) };
    (line > 0).then_some(line)
}

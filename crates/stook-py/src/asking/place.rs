//! From which line somebody asks, raises or waits: the first one outside asyncio and stook.

use crate::ffi::intern;
use pyo3::prelude::*;

use super::code::{self, Code};
use crate::errors::{GET_FRAME, Imported};
use crate::ffi::origin::{self, Origin};
use crate::ffi::{Fallible, Ref, call, coro, error};
use crate::task::TaskState;

static OPERATIONS: Imported = Imported::new("opcode", "opmap");

/// The newest place outside, and what those before it say of the reason. There is none where the
/// loop itself calls: a callback of its own is no line of a program.
pub(super) fn place<'py>(py: Python<'py>) -> Fallible<(Option<Origin<'py>>, Option<Code>)> {
    loop {
        let mut reason = None;
        let mut is_new = false;
        let mut runs_loop = false;
        let found = code::with_known(|known| {
            origin::newest(py, |address| match known.get(address) {
                Some(Code::Outside) => false,
                None => {
                    is_new = true;
                    false
                }
                Some(Code::Between) => true,
                Some(Code::RunsLoop) => {
                    runs_loop = true;
                    false
                }
                Some(code) => {
                    reason.get_or_insert(code);
                    true
                }
            })
        });
        let Some(found) = found.filter(|_| !runs_loop) else {
            return Ok((None, reason));
        };
        // New code is looked at, and then all of it again.
        if !is_new || code::code_of(&found.code)? == Code::Outside {
            return Ok((Some(found), reason));
        }
    }
}

/// The place outside asyncio and stook that has called us.
///
/// # Errors
/// What looking at new code raises.
pub(crate) fn here(py: Python<'_>) -> Fallible<Option<Origin<'_>>> {
    Ok(place(py)?.0)
}

/// What one of `names` is in the newest function of asyncio's for which this `code` stands.
#[cold]
pub(super) fn local<'py>(
    py: Python<'py>,
    code: Code,
    names: &[&str],
) -> Fallible<Option<Bound<'py, PyAny>>> {
    let mut frame = GET_FRAME.get(py)?.call1((0,))?;
    while !frame.is_none() {
        if code::code_of(&frame.getattr(intern!(py, "f_code"))?)? == code {
            let locals = frame.getattr(intern!(py, "f_locals"))?;
            return Ok(names
                .iter()
                .find_map(|name| error::or_none(py, locals.get_item(name))));
        }
        frame = frame.getattr(intern!(py, "f_back"))?;
    }
    Ok(None)
}

/// The line, outside asyncio and stook, that raised `exception`.
///
/// # Errors
/// What looking at its traceback raises.
pub(crate) fn raised_at<'py>(exception: &Bound<'py, PyAny>) -> Fallible<Option<Origin<'py>>> {
    let py = exception.py();
    let mut at = exception.getattr(intern!(py, "__traceback__"))?;
    let mut last = None;
    while !at.is_none() {
        let frame = at.getattr(intern!(py, "tb_frame"))?;
        let code = frame.getattr(intern!(py, "f_code"))?;
        if code::code_of(&code)? == Code::Outside {
            let offset = at.getattr(intern!(py, "tb_lasti"))?.extract()?;
            last = Some(Origin { code, offset });
        }
        at = at.getattr(intern!(py, "tb_next"))?;
    }
    Ok(last)
}

/// Whether `exception` was raised by a statement of code that stands for the cancellations that it has
/// put aside.
///
/// # Errors
/// What looking at its traceback raises.
pub(crate) fn stands_for_those_put_aside(exception: &Bound<'_, PyAny>) -> Fallible<bool> {
    let py = exception.py();
    let mut at = exception.getattr(intern!(py, "__traceback__"))?;
    let mut innermost = None;
    while !at.is_none() {
        innermost = Some(at.clone());
        at = at.getattr(intern!(py, "tb_next"))?;
    }
    let Some(innermost) = innermost else {
        return Ok(false);
    };
    let frame = innermost.getattr(intern!(py, "tb_frame"))?;
    let code = frame.getattr(intern!(py, "f_code"))?;
    if code::code_of(&code)? != Code::RaisesAnew {
        return Ok(false);
    }
    let raise = OPERATIONS.get(py)?.get_item(intern!(py, "RAISE_VARARGS"))?;
    let instructions = code.getattr(intern!(py, "co_code"))?;
    let offset = innermost.getattr(intern!(py, "tb_lasti"))?;
    Ok(instructions.get_item(offset)?.eq(raise)?)
}

/// The innermost line of a task, outside asyncio and stook, at which it waits.
pub(super) fn waits_at<'py>(task: &Ref<'py, TaskState>) -> Fallible<Option<Origin<'py>>> {
    let py = task.py();
    let mut at = task.coroutine.get(py);
    let mut innermost = None;
    while let Some(coroutine) = at {
        let Some(frame) = call::optional_attribute(&coroutine, intern!(py, "cr_frame"))? else {
            break;
        };
        if !frame.is_none() {
            let code = frame.getattr(intern!(py, "f_code"))?;
            if code::code_of(&code)? == Code::Outside {
                innermost = Some(Origin {
                    offset: frame.getattr(intern!(py, "f_lasti"))?.extract()?,
                    code,
                });
            }
        }
        let name = intern!(py, "cr_await");
        at = if coro::is_exact_coroutine(&coroutine) {
            Some(coro::awaited(&coroutine, name)?)
        } else {
            call::optional_attribute(&coroutine, name)?
        };
    }
    Ok(innermost)
}

//! The one unsafe layer: typed references, cells, slots and calls over CPython's C API.
//!
//! Everything outside this folder is safe code. What makes that hold is numbered in `SAFETY.md`
//! and cited here: each block names the invariant it leans on.
//!
//! What this layer does *not* do: it knows nothing of futures, tasks or loops.

pub(crate) mod args;
pub(crate) mod beside;
mod binding;
pub(crate) mod builtin;
pub(crate) mod call;
pub(crate) mod callers;
pub(crate) mod cell;
pub(crate) mod class;
pub(crate) mod clocks;
pub(crate) mod compat;
pub(crate) mod construct;
pub(crate) mod context;
pub(crate) mod coro;
pub(crate) mod error;
pub(crate) mod gc;
mod hang;
pub(crate) mod instance;
mod kept;
pub(crate) mod layout;
pub(crate) mod live;
pub(crate) mod method;
pub(crate) mod name;
pub(crate) mod number;
pub(crate) mod once;
pub(crate) mod origin;
pub(crate) mod poll;
mod putting_off;
pub(crate) mod referents;
pub(crate) mod refs;
pub(crate) mod signature;
pub(crate) mod slot;
#[cfg(Py_3_12)]
mod stop;
#[cfg(feature = "gc-stress")]
pub(crate) mod stress;
pub(crate) mod untracked;
pub(crate) mod waker;

pub(crate) use args::{Args, Rest};
pub(crate) use cell::{HeldCell, ListCell, QueueCell};
pub(crate) use class::{Builder, Class, NoExtras, TypeSlot};
pub(crate) use error::{Fallible, Raised};
pub(crate) use gc::{Traverse, Visitor};
pub(crate) use method::{Function, GetSet, Method};
pub(crate) use name::intern;
pub(crate) use refs::{Held, Ref};
pub(crate) use signature::Signature;
pub(crate) use untracked::{Track, Untracked};

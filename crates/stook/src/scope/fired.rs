//! Scopes that have fired and were not left yet, for the tree and for reports.
//!
//! One list for the process: only what has fired pays for it. It keeps no scope.

use std::collections::BTreeMap;
use std::sync::{Mutex, Weak};

use crate::id::TaskId;
use crate::lock::lock;
use crate::scope::node::{ScopeNode, ScopeRef};

/// By the cell that the scope is in, then by the scope: outer ones have mostly the lower numbers.
static FIRED: Mutex<BTreeMap<(TaskId, TaskId), Weak<ScopeNode>>> = Mutex::new(BTreeMap::new());

pub(super) fn enter(cell: TaskId, scope: &ScopeRef) {
    let replaced = lock(&FIRED).insert((cell, scope.id()), scope.downgrade());
    debug_assert!(replaced.is_none(), "a scope fires once");
}

pub(super) fn leave(cell: TaskId, scope: TaskId) {
    let removed = lock(&FIRED).remove(&(cell, scope));
    drop(removed);
}

/// Those in this cell.
pub(crate) fn in_cell(cell: TaskId) -> Vec<ScopeRef> {
    let all = (cell, TaskId::FIRST)..=(cell, TaskId::LAST);
    let fired = lock(&FIRED);
    let scopes = fired.range(all).filter_map(|(_, scope)| scope.upgrade());
    scopes.map(ScopeRef::of).collect()
}

/// All of the process.
pub(crate) fn all() -> Vec<ScopeRef> {
    let fired = lock(&FIRED);
    let scopes = fired.values().filter_map(Weak::upgrade);
    scopes.map(ScopeRef::of).collect()
}

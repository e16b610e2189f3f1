//! What a token's copies share: whom it follows, who follows it, and who is told.
//!
//! Invariants:
//! 1. No two nodes are locked at once.
//! 2. A node keeps those that it follows; those that follow it are known weakly, and take themselves
//!    out when they go.
//! 3. Nothing foreign runs while a node is locked: what is told is taken out first.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::task::Waker;

use stook_kernel::{
    AllFired, Fired, Firing, FiringStep, Followed, Registered, TokenKey, TokenSource,
};
use tokio::task::AbortHandle;

use crate::block::CellRef;
use crate::record::Record;
use crate::report;
use crate::scope::node::ScopeRef;
use crate::sync::{AtomicBool, Mutex, lock};
use crate::token::in_order::InOrder;

/// What a token's copies share.
pub(crate) struct Node {
    fired: AtomicBool,
    state: Mutex<State>,
    /// Those that it follows, with its place among their followers.
    parents: Mutex<Vec<(Arc<Node>, u64)>>,
    /// The parent of all that were made of it for tokio-util, and is cancelled with it.
    #[cfg(feature = "tokio-util")]
    pub(super) foreign: std::sync::OnceLock<tokio_util::sync::CancellationToken>,
}

struct State {
    source: TokenSource,
    /// Where it fires with the last of those that it follows.
    all: Option<AllFired>,
    record: Option<Arc<Record>>,
    kept: InOrder<Kept>,
    followers: BTreeMap<u64, Weak<Node>>,
    next_follower: u64,
    /// What will cancel it: a deadline, a foreign token. Of no use once it has fired.
    helpers: Vec<AbortHandle>,
}

/// Who is told.
pub(crate) enum Kept {
    Wake(Waker),
    Task(CellRef),
    Scope(ScopeRef),
    Call(Callback),
}

/// A function of the user's, which is called once. Copies are the same one.
#[derive(Clone)]
pub(crate) struct Callback(Arc<Mutex<Option<Function>>>);

type Function = Box<dyn FnOnce(&Arc<Node>) + Send>;

impl Callback {
    pub(crate) fn new(function: impl FnOnce(&Arc<Node>) + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(Some(Box::new(function)))))
    }

    /// It is not called any more, a firing that has begun included.
    pub(crate) fn forget(&self) {
        let function = lock(&self.0).take();
        drop(function);
    }

    fn call(&self, node: &Arc<Node>) {
        let function = lock(&self.0).take();
        if let Some(function) = function {
            report::guard_token_callback(|| function(node));
        }
    }
}

impl Kept {
    fn tell(self, node: &Arc<Node>, record: &Arc<Record>) {
        match self {
            Self::Wake(waker) => report::wake(waker),
            Self::Task(cell) => {
                cell.request(Arc::clone(record));
            }
            Self::Scope(scope) => {
                scope.fire(Arc::clone(record));
            }
            Self::Call(callback) => callback.call(node),
        }
    }
}

impl Node {
    /// A node that follows these: it fires with the first of them, or with the last.
    pub(crate) fn new(parents: Vec<Arc<Self>>, with_the_last: bool) -> Arc<Self> {
        let node = Arc::new(Self {
            fired: AtomicBool::new(false),
            state: Mutex::new(State {
                source: TokenSource::new(),
                all: with_the_last.then(|| AllFired::new(parents.len())),
                record: None,
                kept: InOrder::new(),
                followers: BTreeMap::new(),
                next_follower: 0,
                helpers: Vec::new(),
            }),
            parents: Mutex::new(Vec::new()),
            #[cfg(feature = "tokio-util")]
            foreign: std::sync::OnceLock::new(),
        });
        for parent in parents {
            if node.is_fired() {
                break;
            }
            node.follow(parent);
        }
        node
    }

    /// Begins to follow another. It may fire by that, when there is nobody to tell yet; it may also be
    /// fired by one that it follows already, from another thread.
    fn follow(self: &Arc<Self>, parent: Arc<Self>) {
        let mut theirs = lock(&parent.state);
        // What the other is, is asked and used with the other locked; this one is locked after it,
        // and by nobody who locks the other then: a firing locks one at a time.
        let fires = match TokenSource::new().follow(theirs.source.phase()) {
            Followed::Join => {
                let place = theirs.next_follower;
                theirs.next_follower += 1;
                theirs.followers.insert(place, Arc::downgrade(self));
                drop(theirs);
                lock(&self.parents).push((parent, place));
                return;
            }
            Followed::FireNow => theirs.record.clone(),
            Followed::Pass => None,
        };
        drop(theirs);
        if let Some(record) = fires {
            self.mark(&record, true);
        }
    }

    pub(crate) fn is_fired(&self) -> bool {
        self.fired.load(Ordering::Acquire)
    }

    pub(crate) fn record(&self) -> Option<Arc<Record>> {
        lock(&self.state).record.clone()
    }

    /// Marks it as fired, on its own account or because one that it follows has fired; `false` when it
    /// was marked before, or others are to fire first.
    fn mark(&self, record: &Arc<Record>, by_parent: bool) -> bool {
        let mut state = lock(&self.state);
        if by_parent && state.all.as_mut().is_some_and(|all| !all.fired()) {
            return false;
        }
        match state.source.fire() {
            Fired::First => {
                state.record = Some(Arc::clone(record));
                self.fired.store(true, Ordering::Release);
                true
            }
            Fired::Again | Fired::Refused => false,
        }
    }

    /// Fires, and tells all; `false` when it had fired.
    pub(crate) fn fire(self: &Arc<Self>, record: &Arc<Record>) -> bool {
        if !self.mark(record, false) {
            return false;
        }
        let mut marked = vec![Arc::clone(self)];
        let mut firing = Firing::new();
        loop {
            match firing.next() {
                FiringStep::MarkFollowers(number) => {
                    for follower in marked[number].followers() {
                        if follower.mark(record, true) {
                            firing.marked();
                            marked.push(follower);
                        }
                    }
                }
                FiringStep::Tell(number) => {
                    let node = &marked[number];
                    let (kept, helpers) = {
                        let mut state = lock(&node.state);
                        (
                            std::mem::replace(&mut state.kept, InOrder::new()),
                            std::mem::take(&mut state.helpers),
                        )
                    };
                    for kept in kept.into_values() {
                        kept.tell(node, record);
                    }
                    for helper in helpers {
                        helper.abort();
                    }
                }
                FiringStep::Over => return true,
            }
        }
    }

    fn followers(&self) -> Vec<Arc<Self>> {
        let followers = std::mem::take(&mut lock(&self.state).followers);
        followers.values().filter_map(Weak::upgrade).collect()
    }

    /// Has it told when the token fires, and gives the key to take it out by; tells it at once when
    /// the token has fired.
    pub(crate) fn register(self: &Arc<Self>, kept: Kept) -> Option<TokenKey> {
        let record = {
            let mut state = lock(&self.state);
            match state.source.register() {
                Registered::Keep(key) => {
                    state.kept.push(key, kept);
                    return Some(key);
                }
                Registered::TellNow => state.record.clone(),
                Registered::Never => None,
            }
        };
        if let Some(record) = record {
            kept.tell(self, &record);
        }
        None
    }

    /// Puts another waker in the place of the one registered by this key; `false` when it was told.
    pub(crate) fn replace_waker(&self, key: TokenKey, waker: &Waker) -> bool {
        let kept_before = match lock(&self.state).kept.get_mut(key) {
            Some(Kept::Wake(kept)) => kept.will_wake(waker),
            _ => return false,
        };
        if kept_before {
            return true;
        }
        let waker = waker.clone();
        let replaced = match lock(&self.state).kept.get_mut(key) {
            Some(Kept::Wake(kept)) => Some(std::mem::replace(kept, waker)),
            _ => None,
        };
        replaced.is_some()
    }

    pub(crate) fn unregister(&self, key: TokenKey) {
        let removed = lock(&self.state).kept.remove(key);
        drop(removed);
    }

    /// Something will cancel it; it is ended when the token has fired or is gone.
    pub(crate) fn add_helper(&self, helper: AbortHandle) {
        let mut state = lock(&self.state);
        if self.is_fired() {
            helper.abort();
        } else {
            state.helpers.retain(|helper| !helper.is_finished());
            state.helpers.push(helper);
        }
    }
}

impl Node {
    /// Follows nobody any more; whom it has followed.
    fn unfollow(&self) -> Vec<Arc<Self>> {
        let parents = std::mem::take(&mut *lock(&self.parents));
        let unfollowed = parents.into_iter().map(|(parent, place)| {
            let removed = lock(&parent.state).followers.remove(&place);
            drop(removed);
            parent
        });
        unfollowed.collect()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // The last of a chain may be all that keeps it: not by recursion.
        let mut left = self.unfollow();
        while let Some(parent) = left.pop() {
            if let Some(last) = Arc::into_inner(parent) {
                left.append(&mut last.unfollow());
            }
        }
        for helper in lock(&self.state).helpers.drain(..) {
            helper.abort();
        }
    }
}

/// Something registered, which is taken out when this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    node: Option<Arc<Node>>,
    key: TokenKey,
}

impl Place {
    pub(crate) fn new(node: &Arc<Node>, key: TokenKey) -> Self {
        Self {
            node: Some(Arc::clone(node)),
            key,
        }
    }

    /// It is not taken out any more.
    pub(crate) fn leave_there(mut self) {
        self.node = None;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(node) = &self.node {
            node.unregister(self.key);
        }
    }
}

impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callback").finish_non_exhaustive()
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("is_fired", &self.is_fired())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "tokio-util")]
    #[test]
    fn a_foreign_token_that_is_gone_leaves_nothing_behind() {
        let token = crate::CancellationToken::new();
        let (one, other) = (token.to_tokio_util(), token.to_tokio_util());
        for _ in 0..100 {
            drop(token.to_tokio_util());
        }
        let registered = |kept: &InOrder<Kept>| kept.values().count();
        assert_eq!(registered(&lock(&token.0.state).kept), 1);
        one.cancel();
        assert!(!other.is_cancelled() && !token.is_cancelled());
        token.cancel();
        assert!(other.is_cancelled() && token.to_tokio_util().is_cancelled());
    }

    #[test]
    fn a_follower_that_is_gone_leaves_no_place_behind() {
        let root = Node::new(Vec::new(), false);
        let kept = Node::new(vec![Arc::clone(&root)], false);
        for _ in 0..3 {
            drop(Node::new(vec![Arc::clone(&root), Arc::clone(&kept)], true));
        }
        assert_eq!(lock(&root.state).followers.len(), 1);
        assert!(lock(&kept.state).followers.is_empty());
    }
}

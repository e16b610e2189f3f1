//! The `LocalSet` of a scenario whose tasks stay on their thread.
//!
//! Children of gathers and races are spawned on the runtime and run outside of the set; what they
//! spawn comes into it nonetheless.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;

use tokio::runtime::Runtime;
use tokio::task::LocalSet;

thread_local! {
    static SET: RefCell<Option<Rc<LocalSet>>> = const { RefCell::new(None) };
}

/// Runs a future in a new set.
pub(crate) fn run<T>(runtime: &Runtime, future: impl Future<Output = T>) -> T {
    let set = Rc::new(LocalSet::new());
    SET.set(Some(Rc::clone(&set)));
    let output = runtime.block_on(set.run_until(future));
    SET.set(None);
    output
}

/// Calls a function that spawns into the set.
pub(crate) fn spawning<T>(function: impl FnOnce() -> T) -> T {
    let set = SET.with_borrow(Option::clone).expect("it is run in a set");
    let _entered = set.enter();
    function()
}

//! What is spawned in one step, kept until that is over.
//!
//! Who lets go of a task of tokio's last gives its memory back. Without this it is the thread that has run
//! it, while another spawns the next one; in glibc's allocator both then ask for one lock, each time, and
//! sleep for it. So where a runtime has several threads and a step spawns many, tokio's handles of them are
//! kept, and let go by who has spawned them.
//!
//! Does not keep what a step spawns for longer than that, nor more than [`MOST`] of it, nor large tasks:
//! their memory is not given back until then.

use std::cell::{Cell as PlainCell, RefCell};
use std::collections::VecDeque;
use std::future::Future;

use tokio::runtime::{Handle, Id, RuntimeFlavor};
use tokio::task::JoinHandle;

use crate::context;

/// Tasks that one loop has spawned, the last of them.
#[derive(Default)]
pub(crate) struct KeptTasks {
    /// How many it has spawned.
    count: usize,
    tasks: VecDeque<JoinHandle<()>>,
}

/// The first are not kept: most steps spawn few, and who spawns few does not meet who ends them.
const FEW: usize = 16;

/// How many are kept: of these, most that are let go have ended.
const MOST: usize = 1024;

/// How large one may be.
const LARGE: usize = 2048;

thread_local! {
    /// How many the step that this thread runs has spawned.
    static COUNT: PlainCell<usize> = const { PlainCell::new(0) };
    /// What it keeps.
    static KEPT: RefCell<KeptTasks> = RefCell::default();
    /// The runtime that was asked about last, and whether it has several threads.
    static RUNTIME: PlainCell<Option<(Id, bool)>> = const { PlainCell::new(None) };
}

/// Spawns the task onto the current runtime, which most likely is this, in a step or outside of all.
///
/// # Panics
/// As `tokio::spawn` does.
#[track_caller]
pub(crate) fn spawn<F>(task: F, runtime: Id)
where
    F: Future<Output = ()> + Send + 'static,
{
    let task = tokio::spawn(task);
    let count = COUNT.try_with(|count| count.replace(count.get() + 1));
    if count.is_ok_and(|count| count >= FEW) && is_to_be_kept::<F>(runtime) && context::is_inside()
    {
        let _ = KEPT.try_with(|kept| {
            // What it lets go is tokio's: nothing spawns meanwhile.
            if let Ok(mut kept) = kept.try_borrow_mut() {
                kept.keep(task);
            }
        });
    }
}

/// The step that this thread runs is over, or another begins in the middle of it.
pub(crate) fn step_is_over() {
    if COUNT
        .try_with(PlainCell::take)
        .is_ok_and(|count| count > FEW)
    {
        let_go();
    }
}

#[cold]
fn let_go() {
    let kept = KEPT.try_with(|kept| kept.try_borrow_mut().map(|mut kept| kept.tasks.clear()));
    drop(kept);
}

impl KeptTasks {
    /// Spawns a task of the loop that has this, and lets all go when it drops it.
    ///
    /// # Panics
    /// As `tokio::spawn` does.
    #[track_caller]
    pub(crate) fn spawn<F>(&mut self, task: F, runtime: Id)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let task = tokio::spawn(task);
        self.count += 1;
        if self.count > FEW && is_to_be_kept::<F>(runtime) {
            self.keep(task);
        }
    }

    fn keep(&mut self, task: JoinHandle<()>) {
        if self.tasks.len() == MOST {
            self.tasks.pop_front();
        }
        self.tasks.push_back(task);
    }
}

fn is_to_be_kept<F>(runtime: Id) -> bool {
    size_of::<F>() <= LARGE && has_several_threads(runtime)
}

fn has_several_threads(runtime: Id) -> bool {
    let known = RUNTIME.try_with(PlainCell::get).ok().flatten();
    match known {
        Some((known, has_several)) if known == runtime => has_several,
        _ => Handle::try_current().is_ok_and(|current| {
            let has_several = current.runtime_flavor() == RuntimeFlavor::MultiThread;
            let _ = RUNTIME.try_with(|known| known.set(Some((current.id(), has_several))));
            has_several
        }),
    }
}

#[cfg(all(test, not(stook_loom)))]
mod tests {
    use tokio::runtime::Builder;

    use super::*;
    use crate::{Cancelled, OrCancel, spawn};

    fn kept() -> usize {
        KEPT.with(|kept| kept.borrow().tasks.len())
    }

    /// Spawns so many; how many are kept then.
    fn kept_of(count: usize) -> usize {
        for _ in 0..count {
            drop(spawn(std::future::pending::<()>().or_cancel()));
        }
        kept()
    }

    /// How many are kept of so many, in the step that spawns them; then none.
    async fn kept_in_a_step(count: usize) -> usize {
        let kept_then = spawn(async move {
            let kept_then = kept_of(count);
            tokio::task::yield_now().await;
            Ok::<_, Cancelled>(kept_then)
        });
        kept_then.await.expect("not cancelled")
    }

    #[test]
    fn what_a_step_spawns_is_kept_until_it_ends() {
        let runtime = Builder::new_multi_thread().worker_threads(1).build();
        let runtime = runtime.expect("a runtime");
        runtime.block_on(async {
            assert_eq!(kept_in_a_step(FEW).await, 0);
            assert_eq!(kept_in_a_step(FEW + 3).await, 3);
            assert_eq!(kept_in_a_step(FEW + 1).await, 1);
            let after = spawn(async { Ok::<_, Cancelled>(kept()) });
            assert_eq!(after.await.expect("not cancelled"), 0);
            assert_eq!(kept_in_a_step(FEW + MOST + 3).await, MOST);
            let after = spawn(async { Ok::<_, Cancelled>(kept()) });
            assert_eq!(after.await.expect("not cancelled"), 0);
            assert_eq!(kept_of(FEW + 3), 0, "nobody ends that");
        });
    }

    /// What a loop keeps that spawns so many.
    fn kept_of_a_loop(count: usize) -> KeptTasks {
        let runtime = Handle::current().id();
        let mut kept = KeptTasks::default();
        for _ in 0..count {
            kept.spawn(std::future::ready(()), runtime);
        }
        kept
    }

    #[test]
    fn a_loop_keeps_the_last_of_what_it_spawns_on_several_threads() {
        let one = Builder::new_current_thread().build().expect("a runtime");
        let several = Builder::new_multi_thread().worker_threads(1).build();
        let several = several.expect("a runtime");
        for count in [FEW, FEW + 3] {
            let of_one = one.block_on(async { kept_of_a_loop(count).tasks.len() });
            let of_several = several.block_on(async { kept_of_a_loop(count).tasks.len() });
            assert_eq!((of_one, of_several), (0, count - FEW));
        }
        several.block_on(async {
            let mut kept = kept_of_a_loop(FEW + MOST);
            let second = kept.tasks[1].id();
            kept.spawn(std::future::ready(()), Handle::current().id());
            assert_eq!((kept.tasks.len(), kept.tasks[0].id()), (MOST, second));
        });
    }

    #[test]
    fn nothing_is_kept_where_one_thread_runs_all_nor_what_is_large() {
        let runtime = Builder::new_current_thread().build().expect("a runtime");
        assert_eq!(runtime.block_on(kept_in_a_step(FEW + 3)), 0);
        let runtime = Builder::new_multi_thread().worker_threads(1).build();
        let large = async {
            let spawning = spawn(async {
                for _ in 0..FEW + 3 {
                    let large = [0u8; LARGE];
                    drop(spawn(async move {
                        std::future::pending::<()>().or_cancel().await?;
                        Ok::<_, Cancelled>(large)
                    }));
                }
                Ok::<_, Cancelled>(kept())
            });
            spawning.await.expect("not cancelled")
        };
        assert_eq!(runtime.expect("a runtime").block_on(large), 0);
    }
}

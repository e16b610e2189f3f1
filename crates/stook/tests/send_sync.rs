//! What may go to other threads, checked by the compiler.

use std::rc::Rc;

use stook::*;

const fn is_send<T: Send>() {}
const fn is_sync<T: Sync>() {}
const fn is_unpin<T: Unpin>() {}

const _: () = {
    is_send::<Task<(), Cancelled>>();
    is_sync::<Task<(), Cancelled>>();
    is_send::<TaskHandle>();
    is_sync::<TaskHandle>();
    is_send::<Awaiting<(), Cancelled>>();
    is_send::<Outcome<(), std::io::Error>>();
    is_send::<Cancelled>();
    is_sync::<Cancelled>();
    is_send::<Gather<(), Cancelled>>();
    is_unpin::<Gather<(), Cancelled>>();
    is_send::<GatherOutcomes<(), Cancelled>>();
    is_send::<AsCompleted<(), Cancelled>>();
    is_send::<TaskGroup<std::io::Error>>();
    is_sync::<TaskGroup<std::io::Error>>();
    is_send::<GroupError<std::io::Error>>();
    is_sync::<GroupError<std::io::Error>>();
    is_send::<Scope>();
    is_sync::<Scope>();
    is_send::<CancellationToken>();
    is_sync::<CancellationToken>();
    is_send::<WaitForCancellation>();
    is_send::<Registration>();
    is_send::<Tree>();
    is_sync::<Tree>();
    is_send::<Report>();
    is_sync::<Report>();
};

fn sends<T: Send>(_: &T) {}

/// Never called: that it compiles is the test.
#[expect(dead_code, reason = "that it compiles is the test")]
fn futures_are_send(task: &mut Task<u8, Cancelled>, tasks: &[Task<u8, Cancelled>]) {
    use std::time::Duration;
    async fn body() -> Result<u8, Cancelled> {
        checkpoint().await?;
        Ok(1)
    }
    sends(&task.join());
    sends(&sleep(Duration::ZERO));
    sends(&timeout(Duration::ZERO, body()));
    sends(&move_on_after(Duration::ZERO, body()));
    sends(&scope(async |_| body().await));
    sends(&shield(body()));
    sends(&shield_for(Duration::ZERO, body()));
    sends(&with_cleanup(body(), async {}));
    sends(&gather([body()]));
    sends(&race(Losers::Cancel, [body()]));
    sends(&first_success(Losers::Cancel, [body()]));
    sends(&wait(tasks, When::All, None));
    sends(&wait_any(tasks, None));
    sends(&when_all(tasks, &CancellationToken::new()));
    sends(&CancellationToken::new().scope(body()));
    sends(&task_group(async |_: TaskGroup<Cancelled>| body().await));
    sends(&interval(Duration::MAX).tick());
}

trait AmbiguousIfSend<A> {
    fn some_item() {}
}
impl<T: ?Sized> AmbiguousIfSend<()> for T {}
impl<T: ?Sized + Send> AmbiguousIfSend<u8> for T {}

/// A task whose result is bound to its thread has a handle that is, too.
#[test]
fn a_local_result_keeps_its_handle_here() {
    // Ambiguous, and so no program, were it `Send`.
    <Task<Rc<()>, Cancelled> as AmbiguousIfSend<_>>::some_item();
    <Task<(), Box<dyn std::error::Error>> as AmbiguousIfSend<_>>::some_item();
}

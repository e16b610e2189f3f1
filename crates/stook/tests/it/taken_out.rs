//! What is dropped before its end leaves nothing behind where it was registered.

use std::future::{Future, pending};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use stook::{CancellationToken, Cancelled, OrCancel, When};
use tokio::runtime::Handle;

use crate::stage::{seconds, settle, with_paused_clock};

struct Counted;

impl Wake for Counted {
    fn wake(self: Arc<Self>) {}
}

/// Polls the future once and drops it: nobody may have its waker any more.
fn takes_itself_out<T>(what: &str, future: impl Future<Output = T>) {
    let counted = Arc::new(Counted);
    let waker = Waker::from(Arc::clone(&counted));
    {
        let mut future = pin!(future);
        let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
        assert!(polled.is_pending(), "{what}");
        assert!(Arc::strong_count(&counted) > 2, "{what} keeps no waker");
    }
    drop(waker);
    assert_eq!(Arc::strong_count(&counted), 1, "{what} has left a waker");
}

#[test]
fn what_waits_for_a_task_or_a_token() {
    with_paused_clock(|| async {
        let mut tasks = [(); 2].map(|()| stook::spawn(pending::<()>().or_cancel()));
        let token = CancellationToken::new();
        takes_itself_out("done", tasks[0].handle().done());
        takes_itself_out("join", tasks[0].join());
        takes_itself_out("wait", stook::wait(&tasks, When::All, None));
        takes_itself_out("when_all", stook::when_all(&tasks, &token));
        takes_itself_out("cancelled", token.cancelled());
        let scoped = token.scope(pending::<()>().or_cancel());
        takes_itself_out("token.scope", scoped);
        for task in tasks {
            task.cancel();
        }
    });
}

#[test]
fn a_cancel_point_that_another_waker_polls() {
    with_paused_clock(|| async {
        let in_scope = stook::scope(async |_| {
            takes_itself_out("or_cancel", pending::<()>().or_cancel());
            Ok::<_, Cancelled>(())
        });
        in_scope.await.unwrap();
        let in_task = stook::spawn(async {
            takes_itself_out("or_cancel", pending::<()>().or_cancel());
            Ok::<_, Cancelled>(())
        });
        in_task.await.unwrap();
    });
}

#[test]
fn the_deadline_of_a_token_that_is_gone_or_cancelled() {
    with_paused_clock(|| async {
        let before = Handle::current().metrics().num_alive_tasks();
        let (dropped, cancelled) = (CancellationToken::new(), CancellationToken::new());
        for token in [&dropped, &cancelled] {
            token.cancel_after(seconds(3600));
        }
        settle().await;
        assert_eq!(Handle::current().metrics().num_alive_tasks(), before + 2);
        drop(dropped);
        settle().await;
        assert_eq!(Handle::current().metrics().num_alive_tasks(), before + 1);
        cancelled.cancel();
        settle().await;
        assert_eq!(Handle::current().metrics().num_alive_tasks(), before);
    });
}

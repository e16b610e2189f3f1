//! Long chains are walked and dropped in loops: none takes stack for each link.

use stook::{CancellationToken, Cancelled, OrCancel};

use crate::stage::{settle, with_paused_clock};

/// Unoptimised they are slow, and take the more stack. Miri needs half a second for a link that is a
/// task, and has stack for any: there it is the walk that is looked at, not its depth.
const LINKS: usize = if cfg!(miri) {
    40
} else if cfg!(debug_assertions) {
    50_000
} else {
    200_000
};

#[test]
fn a_chain_of_tokens_is_cancelled_and_dropped() {
    let root = CancellationToken::new();
    let leaf = (0..LINKS).fold(root.clone(), |token, _| token.child());
    root.cancel_with("root");
    assert_eq!(leaf.reason().as_deref(), Some("root"));
    drop((root, leaf));

    let root = CancellationToken::new();
    let leaf = (0..LINKS).fold(root.clone(), |token, _| token.child());
    drop(leaf);
    // Whoever else has a link keeps what is above it.
    let middle = (0..LINKS).fold(root.clone(), |token, _| token.child());
    drop((0..LINKS).fold(middle.clone(), |token, _| token.child()));
    root.cancel();
    assert!(middle.is_cancelled());
}

/// Spawns the next link, and waits; cancelled, it cancels that.
fn link(left: usize) -> stook::Task<(), Cancelled> {
    stook::builder().cancel_on_drop(true).spawn(async move {
        let _next = (left > 0).then(|| link(left - 1));
        std::future::pending().or_cancel().await
    })
}

#[test]
fn a_tree_of_a_long_chain_is_copied_shown_and_dropped() {
    with_paused_clock(|| async {
        let first = link(LINKS - 1);
        for _ in 0..2 * LINKS {
            tokio::task::yield_now().await;
        }
        let tree = stook::tree();
        let copy = tree.clone();
        assert_eq!((tree.roots.len(), copy.tasks().count()), (1, LINKS));
        let ids = |tree: &stook::Tree| tree.tasks().map(|task| task.id).collect::<Vec<_>>();
        assert_eq!(ids(&tree), ids(&copy));
        assert!(format!("{copy:?}").contains("children: 1"));
        drop(tree);
        let shown = copy.to_string();
        assert_eq!(shown.lines().count(), LINKS);
        drop(first);
        for _ in 0..2 * LINKS {
            tokio::task::yield_now().await;
        }
    });
}

#[test]
fn a_copy_of_a_tree_is_the_same_tree() {
    with_paused_clock(|| async {
        let parent = stook::spawn(async {
            let children: Vec<_> = (0..3).map(link).collect();
            std::future::pending::<()>().or_cancel().await?;
            drop(children);
            Ok::<_, Cancelled>(())
        });
        settle().await;
        let tree = stook::tree();
        assert_eq!(tree.clone().to_string(), tree.to_string());
        parent.cancel();
    });
}

#[test]
fn outcomes_that_were_all_taken_before_are_passed_over() {
    with_paused_clock(|| async {
        let tasks: Vec<_> = (0..LINKS)
            .map(|_| stook::spawn(async { Ok::<_, Cancelled>(()) }))
            .collect();
        stook::wait(&tasks, stook::When::All, None).await.unwrap();
        for task in &tasks {
            assert!(task.try_take().unwrap().is_ok());
        }
        assert!(stook::as_completed(tasks).next().await.unwrap().is_none());
    });
}

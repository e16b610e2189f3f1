//! The tables of `future.rs` and the questions of `outcome.rs`.

use stook_kernel::{FutureState, InvalidState, MarkRefused, Outcome, Retrieval};

use super::walk;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    Finish,
    Cancel,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Answer {
    Finished(Result<(), InvalidState>),
    Cancelled(bool),
}

#[test]
fn a_future_is_settled_once() {
    use Event::{Cancel, Finish};
    use FutureState::{Cancelled, Finished, Pending};

    walk(
        &[Pending, Cancelled, Finished],
        &[Finish, Cancel],
        &[
            (Pending, Finish, Finished, Answer::Finished(Ok(()))),
            (
                Cancelled,
                Finish,
                Cancelled,
                Answer::Finished(Err(InvalidState::Cancelled)),
            ),
            (
                Finished,
                Finish,
                Finished,
                Answer::Finished(Err(InvalidState::Finished)),
            ),
            (Pending, Cancel, Cancelled, Answer::Cancelled(true)),
            (Cancelled, Cancel, Cancelled, Answer::Cancelled(false)),
            (Finished, Cancel, Finished, Answer::Cancelled(false)),
        ],
        |mut state, event| {
            let answer = match event {
                Finish => Answer::Finished(state.finish()),
                Cancel => Answer::Cancelled(state.cancel()),
            };
            (state, answer)
        },
    );
}

#[test]
fn a_future_begins_pending_and_tells_its_state() {
    assert_eq!(FutureState::default(), FutureState::Pending);
    let told = [
        FutureState::Pending,
        FutureState::Cancelled,
        FutureState::Finished,
    ]
    .map(|state| (state.is_done(), state.name()));
    assert_eq!(
        told,
        [(false, "PENDING"), (true, "CANCELLED"), (true, "FINISHED")]
    );
    assert_eq!(size_of::<FutureState>(), 1);
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Mark {
    Raised,
    Read,
    Assign(bool),
    TakeUnread,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Told {
    Nothing,
    Assigned(Result<(), MarkRefused>),
    Took(bool),
}

#[test]
fn only_an_exception_sets_the_mark() {
    use Mark::{Assign, Raised, Read, TakeUnread};
    use Told::{Assigned, Nothing, Took};
    const REFUSED: Told = Assigned(Err(MarkRefused::CannotSet));

    walk(
        &[false, true],
        &[Raised, Read, Assign(false), Assign(true), TakeUnread],
        &[
            (false, Raised, true, Nothing),
            (false, Read, false, Nothing),
            (false, Assign(false), false, Assigned(Ok(()))),
            (false, Assign(true), false, REFUSED),
            (false, TakeUnread, false, Took(false)),
            (true, Raised, true, Nothing),
            (true, Read, false, Nothing),
            (true, Assign(false), false, Assigned(Ok(()))),
            (true, Assign(true), true, REFUSED),
            (true, TakeUnread, false, Took(true)),
        ],
        |unread, event| {
            let mut mark = Retrieval::new();
            if unread {
                mark.raised();
            }
            let told = match event {
                Raised => {
                    mark.raised();
                    Nothing
                }
                Read => {
                    mark.read();
                    Nothing
                }
                Assign(value) => Assigned(mark.assign(value)),
                TakeUnread => Took(mark.take_unread()),
            };
            (mark.is_unread(), told)
        },
    );
    assert_eq!(Retrieval::default(), Retrieval::new());
}

#[test]
fn a_cancelled_awaitable_has_no_error() {
    let told = [Outcome::Returned, Outcome::Raised, Outcome::Cancelled]
        .map(|outcome| (outcome.is_error(), outcome.is_cancelled()));
    assert_eq!(told, [(false, false), (true, false), (false, true)]);
}

//! Steps that have to do with one other task.

use std::sync::Arc;

use stook::{CancelError, Cancelled, Outcome, Task, TaskHandle, TaskState};

use super::{Steps, word};
use crate::file::{Step, Value};
use crate::play::Kept;
use crate::words::{Fail, ended};

impl Steps {
    pub(super) async fn other(&mut self, step: &'static Step) -> Result<(), Fail> {
        match step {
            Step::Spawn {
                spawn,
                group,
                token,
            } => {
                for name in spawn.as_slice() {
                    self.spawn(name, group.as_deref(), token.as_deref());
                }
            }
            Step::Cancel { cancel, reason } => {
                let asked = self.cancel(cancel, reason.as_deref());
                self.say(&format!("cancel {cancel}: {}", word(asked)));
            }
            Step::Uncancel { uncancel } => {
                let left = self.handle_of(uncancel).uncancel();
                self.say(&format!("uncancel {uncancel}: {left}"));
            }
            Step::Cancelling { cancelling } => {
                let count = self.handle_of(cancelling).cancelling();
                self.say(&format!("cancelling {cancelling}: {count}"));
            }
            Step::State { state } => {
                let text = match self.handle_of(state).state() {
                    TaskState::Ok => "returned",
                    TaskState::Err => "raised",
                    TaskState::Cancelled => "cancelled",
                    _ => "runs",
                };
                self.say(&format!("{state}: {text}"));
            }
            Step::OnDone { on_done, say } => {
                let (play, me) = (Arc::clone(&self.play), self.me);
                let call = move |_: &TaskHandle| play.say(me, say);
                self.play.look(on_done, |kept| match kept {
                    Kept::Task(task) => task.on_done(call),
                    Kept::InGroup(task) => task.on_done(call),
                    _ => panic!("{on_done} is no task"),
                });
            }
            Step::Await { r#await } => {
                let value = self.awaited(r#await).await?;
                self.say(&format!("{} gave {value}", r#await));
            }
            Step::Join { join } => self.join(join, false).await?,
            Step::CancelAndWait { cancel_and_wait } => self.join(cancel_and_wait, true).await?,
            Step::DetectCancel { detect_cancel } => {
                let outcome = self.outcome_of(detect_cancel).await?;
                let value = outcome.into_result().map_err(Fail::telling)?;
                self.say(&format!("{detect_cancel} gave {value}"));
            }
            Step::Shield { shield } => {
                let value = self.outcome_of(shield).await?.into_result()?;
                self.say(&format!("{shield} gave {value}"));
            }
            _ => unreachable!("a step of another kind"),
        }
        Ok(())
    }

    fn handle_of(&self, name: &str) -> TaskHandle {
        let handle = match name {
            "me" => stook::current(),
            name => self.play.handle(name),
        };
        handle.unwrap_or_else(|| panic!("{name} has not begun"))
    }

    fn spawn(&self, name: &str, group: Option<&str>, token: Option<&str>) {
        match group {
            Some(group) if !self.play.spawn_in(name, group) => {
                self.say(&format!("{name} is refused"));
            }
            Some(_) => {}
            None => self.play.spawn(name),
        }
        if let Some(token) = token {
            self.token_of(token).attach(&self.play.task(name));
        }
    }

    fn cancel(&self, name: &str, reason: Option<&str>) -> bool {
        let reason = reason.map(str::to_owned);
        let gather = self.play.look(name, |kept| match (kept, &reason) {
            (Kept::Gather(gather), None) => Some(gather.cancel()),
            (Kept::Gather(gather), Some(reason)) => Some(gather.cancel_with(reason.clone())),
            (Kept::Outcomes(gather), None) => Some(gather.cancel()),
            (Kept::Outcomes(gather), Some(reason)) => Some(gather.cancel_with(reason.clone())),
            _ => None,
        });
        if let Some(asked) = gather.flatten() {
            return asked;
        }
        let handle = self.handle_of(name);
        match reason {
            None => handle.cancel(),
            Some(reason) => handle.cancel_with(reason),
        }
    }

    /// Waits for what has this name, which begins if it has not, and takes its result.
    pub(super) async fn awaited(&mut self, name: &str) -> Result<Value, Fail> {
        let kept = match self.play.take(name) {
            Some(kept) => kept,
            None => {
                self.play.spawn(name);
                self.play.take(name).expect("it was spawned")
            }
        };
        match kept {
            Kept::Task(task) => alone(task).await,
            Kept::InGroup(task) => alone(task).await.map_err(Fail::from),
            Kept::Gather(gather) => gather.await.map(Value::List),
            Kept::Outcomes(gather) => Ok(super::several::list(gather.await?)),
        }
    }

    /// Waits for a task and tells how it ended; asks it to cancel before, or not.
    async fn join(&mut self, name: &str, is_asked: bool) -> Result<(), Fail> {
        let text = match self.play.take(name) {
            Some(Kept::InGroup(task)) => {
                let (task, outcome) = joined(task, is_asked).await;
                self.play.keep(name, Kept::InGroup(task));
                ended(&outcome?)
            }
            kept => {
                let task = self.own(name, kept);
                let (task, outcome) = joined(task, is_asked).await;
                self.play.keep(name, Kept::Task(task));
                ended(&outcome?)
            }
        };
        self.say(&format!("{name} {text}"));
        Ok(())
    }

    /// Waits for a task, which is left alone when the caller is cancelled.
    async fn outcome_of(&mut self, name: &str) -> Result<Outcome<Value, Fail>, Fail> {
        let kept = self.play.take(name);
        let (task, outcome) = joined(self.own(name, kept), false).await;
        self.play.keep(name, Kept::Task(task));
        Ok(outcome?)
    }

    /// The task of this name, which is none of a group's, and begins if it has not.
    fn own(&self, name: &str, kept: Option<Kept>) -> Arc<Task<Value, Fail>> {
        match kept {
            Some(Kept::Task(task)) => task,
            Some(_) => panic!("{name} is no task of its own"),
            None => {
                self.play.spawn(name);
                let kept = self.play.take(name);
                self.own(name, kept)
            }
        }
    }
}

/// Joins a task; as those do who share it, when another one waits for it still.
async fn joined<E: CancelError>(
    mut task: Arc<Task<Value, E>>,
    is_asked: bool,
) -> (Arc<Task<Value, E>>, Result<Outcome<Value, E>, Cancelled>) {
    let outcome = match (Arc::get_mut(&mut task), is_asked) {
        (Some(task), true) => task.cancel_and_join().await,
        (Some(task), false) => task.join().await,
        (None, _) => {
            let done = task.handle().done().await;
            done.map(|_state| task.try_take().expect("nobody has taken it"))
        }
    };
    (task, outcome)
}

/// `task.await` by who has it alone.
pub(super) async fn alone<E: CancelError>(task: Arc<Task<Value, E>>) -> Result<Value, E> {
    Arc::into_inner(task)
        .expect("who awaits it has it alone")
        .await
}

//! The steps of a task: what each does with this crate.

mod blocks;
mod others;
mod several;
mod tokens;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use stook::OrCancel;

use crate::file::{Step, Value};
use crate::play::Play;
use crate::words::Fail;

/// What a step or several come to: the value, when the task has come to its `return`.
pub(crate) type Flow = Result<Option<Value>, Fail>;

/// Runs the steps of one task.
pub(crate) struct Steps {
    play: Arc<Play>,
    me: &'static str,
    /// What the handlers around the current step have caught.
    caught: Vec<Fail>,
}

impl Steps {
    pub(crate) fn new(play: Arc<Play>, me: &'static str) -> Self {
        Self {
            play,
            me,
            caught: Vec::new(),
        }
    }

    /// Runs steps, until one of them is the last of the task.
    pub(crate) fn run(
        &mut self,
        steps: &'static [Step],
    ) -> Pin<Box<dyn Future<Output = Flow> + Send + '_>> {
        Box::pin(async move {
            for step in steps {
                if let Some(value) = self.step(step).await? {
                    return Ok(Some(value));
                }
            }
            Ok(None)
        })
    }

    fn say(&self, text: &str) {
        self.play.say(self.me, text);
    }

    async fn step(&mut self, step: &'static Step) -> Flow {
        match step {
            Step::Say { say } => self.say(say),
            Step::Sleep { sleep: 0.0 } => stook::checkpoint().await?,
            Step::Sleep { sleep } => stook::sleep(self.play.clock.duration(*sleep)).await?,
            Step::BareSleep { bare_sleep } => {
                tokio::time::sleep(self.play.clock.duration(*bare_sleep)).await;
            }
            Step::Set { set } => {
                self.play.event(set).send_replace(true);
            }
            Step::Event { event } => {
                let mut event = self.play.event(event).subscribe();
                let set = event.wait_for(|is_set| *is_set).or_cancel().await?;
                drop(set);
            }
            Step::Raise { raise } => return Err(Fail::Failure(raise.clone())),
            Step::Return { r#return } => return Ok(Some(r#return.clone())),
            Step::Again { .. } => return Err(self.caught().clone()),
            Step::Mine { .. } => self.say(&format!("mine: {}", word(self.caught().is_mine()))),
            Step::Cancellation { .. } => self.tell_cancellation(),
            Step::Try {
                r#try,
                cancelled,
                error,
                r#finally,
            } => {
                let end = self.run(r#try).await;
                let end = match end {
                    Ok(flow) => Ok(flow),
                    Err(fail) => match if fail.is_cancelled() {
                        cancelled
                    } else {
                        error
                    } {
                        Some(steps) => self.handle(fail, steps).await,
                        None => Err(fail),
                    },
                };
                if let Some(steps) = r#finally {
                    self.run(steps).await?;
                }
                return end;
            }
            Step::Spawn { .. }
            | Step::Cancel { .. }
            | Step::Uncancel { .. }
            | Step::Cancelling { .. }
            | Step::State { .. }
            | Step::OnDone { .. }
            | Step::Await { .. }
            | Step::Join { .. }
            | Step::DetectCancel { .. }
            | Step::Shield { .. }
            | Step::CancelAndWait { .. } => self.other(step).await?,
            Step::Gather { .. }
            | Step::Wait { .. }
            | Step::WaitAny { .. }
            | Step::Race { .. }
            | Step::FirstSuccess { .. }
            | Step::AsCompleted { .. } => self.several(step).await?,
            Step::Timeout { .. }
            | Step::MoveOnAfter { .. }
            | Step::WaitFor { .. }
            | Step::Group { .. } => return self.block(step).await,
            Step::Token { .. }
            | Step::Fire { .. }
            | Step::FireAfter { .. }
            | Step::OnFire { .. }
            | Step::TokenState { .. }
            | Step::TokenWait { .. }
            | Step::Scope { .. }
            | Step::WhenAll { .. }
            | Step::WhenAny { .. } => return self.token(step).await,
        }
        Ok(None)
    }

    async fn handle(&mut self, fail: Fail, steps: &'static [Step]) -> Flow {
        self.say(&format!("caught {fail}"));
        self.caught.push(fail);
        let end = self.run(steps).await;
        self.caught.pop();
        end
    }

    fn caught(&self) -> &Fail {
        self.caught.last().expect("a step of handlers")
    }

    fn tell_cancellation(&self) {
        let Fail::Cancelled(cancelled) = self.caught() else {
            panic!("a cancellation is caught here")
        };
        let chain: Vec<_> = cancelled.record().chain().collect();
        let kinds: Vec<_> = chain.iter().map(|record| record.kind().word()).collect();
        let mut text = kinds.join(", from ");
        let first = chain.last().expect("it has itself in it");
        if let Some(who) = first.who() {
            let name = self.play.name_of(who.id.number());
            text.push_str(&format!(
                " by {}",
                name.as_deref().unwrap_or("nobody known")
            ));
        }
        if let Some(reason) = first.reason() {
            text.push_str(&format!(" because {reason}"));
        }
        self.say(&text);
    }
}

fn word(truth: bool) -> &'static str {
    if truth { "yes" } else { "no" }
}

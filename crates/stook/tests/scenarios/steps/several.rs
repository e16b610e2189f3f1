//! Steps that wait for several tasks.

use std::sync::Arc;
use std::time::Duration;

use stook::{Losers, OnError, Outcome, Task, Waited, When};

use super::Steps;
use super::others::alone;
use crate::file::{Step, Value};
use crate::play::{Body, Kept};
use crate::words::{Fail, collected, ended};

impl Steps {
    pub(super) async fn several(&mut self, step: &'static Step) -> Result<(), Fail> {
        match step {
            Step::Gather {
                gather,
                collect,
                on_error,
                r#let,
            } => {
                let children = self.children(gather);
                let spawned = self.play.clock.spawning(|| match (on_error, collect) {
                    (Some(_), _) => Kept::Gather(stook::gather_with(OnError::CancelRest, children)),
                    (None, true) => Kept::Outcomes(stook::gather_outcomes(children)),
                    (None, false) => Kept::Gather(stook::gather(children)),
                });
                if let Some(name) = r#let {
                    self.play.keep(name, spawned);
                    return Ok(());
                }
                let values = match spawned {
                    Kept::Gather(gather) => Value::List(gather.await?),
                    Kept::Outcomes(gather) => list(gather.await?),
                    _ => unreachable!("a gather"),
                };
                self.say(&format!("gave {values}"));
            }
            Step::Wait {
                wait,
                when,
                timeout,
            } => {
                let tasks = self.tasks(wait);
                let when = match when.as_deref() {
                    None | Some("ALL_COMPLETED") => When::All,
                    Some("FIRST_COMPLETED") => When::FirstCompleted,
                    Some("FIRST_EXCEPTION") => When::FirstError,
                    Some(other) => panic!("no such word: {other}"),
                };
                let timeout = self.duration(*timeout);
                let waited = stook::wait(tasks.iter().map(Arc::as_ref), when, timeout).await?;
                self.say_done(wait, &tasks, &waited);
            }
            Step::WaitAny { wait_any, timeout } => {
                let tasks = self.tasks(wait_any);
                let timeout = self.duration(*timeout);
                let waited = stook::wait_any(tasks.iter().map(Arc::as_ref), timeout).await?;
                self.say_done(wait_any, &tasks, &waited);
            }
            Step::Race { race, losers } => {
                let children = self.children(race);
                let losers = losers_of(losers.as_deref());
                let race = self.play.clock.spawning(|| stook::race(losers, children));
                let (_, value) = race.await.map_err(Fail::telling)?;
                self.say(&format!("gave {value}"));
            }
            Step::FirstSuccess {
                first_success,
                losers,
            } => {
                let children = self.children(first_success);
                let losers = losers_of(losers.as_deref());
                let first = self
                    .play
                    .clock
                    .spawning(|| stook::first_success(losers, children));
                let (_, value) = first.await?;
                self.say(&format!("gave {value}"));
            }
            Step::AsCompleted { as_completed } => {
                let tasks: Vec<_> = as_completed
                    .iter()
                    .map(|name| {
                        drop(self.play.task(name));
                        match self.play.take(name) {
                            Some(Kept::Task(task)) => Arc::into_inner(task).expect("had alone"),
                            _ => panic!("{name} is no task of its own"),
                        }
                    })
                    .collect();
                let mut ends = stook::as_completed(tasks);
                while let Some((_, outcome)) = ends.next().await? {
                    match outcome {
                        Outcome::Cancelled(cancelled) => return Err(cancelled.into()),
                        outcome => self.say(&format!("next {}", ended(&outcome))),
                    }
                }
            }
            _ => unreachable!("a step of another kind"),
        }
        Ok(())
    }

    fn duration(&self, seconds: Option<f64>) -> Option<Duration> {
        seconds.map(|seconds| self.play.clock.duration(seconds))
    }

    /// What these do, as the children of one that waits for them.
    fn children(&self, names: &[String]) -> Vec<Body> {
        let child = |name: &String| -> Body {
            match self.play.take(name) {
                None => self.play.body(name),
                Some(Kept::Task(task)) => Box::pin(alone(task)),
                Some(Kept::InGroup(task)) => {
                    Box::pin(async move { alone(task).await.map_err(Fail::from) })
                }
                Some(Kept::Gather(gather)) => {
                    Box::pin(async move { gather.await.map(Value::List) })
                }
                Some(Kept::Outcomes(gather)) => Box::pin(async move { Ok(list(gather.await?)) }),
            }
        };
        names.iter().map(child).collect()
    }

    /// Tasks, which begin if they have not.
    pub(super) fn tasks(&self, names: &[String]) -> Vec<Arc<Task<Value, Fail>>> {
        names.iter().map(|name| self.play.task(name)).collect()
    }

    fn say_done(
        &self,
        names: &[String],
        tasks: &[Arc<Task<Value, Fail>>],
        waited: &Waited<'_, Value, Fail>,
    ) {
        let name_of = |task: &&Task<Value, Fail>| {
            let place = tasks.iter().position(|one| one.id() == task.id());
            names[place.expect("it was given")].as_str()
        };
        let done: Vec<_> = waited.done.iter().map(name_of).collect();
        let pending: Vec<_> = waited.pending.iter().map(name_of).collect();
        self.say(&format!(
            "done [{}], pending [{}]",
            done.join(", "),
            pending.join(", ")
        ));
    }
}

pub(super) fn list(outcomes: Vec<Outcome<Value, Fail>>) -> Value {
    Value::List(outcomes.into_iter().map(collected).collect())
}

fn losers_of(word: Option<&str>) -> Losers {
    match word {
        None | Some("cancel") => Losers::Cancel,
        Some("await") => Losers::Await,
        Some("leave") => Losers::Leave,
        Some(other) => panic!("no such word: {other}"),
    }
}

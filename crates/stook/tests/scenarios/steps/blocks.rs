//! Steps that have others in them.

use stook::TaskGroup;

use super::{Flow, Steps};
use crate::file::Step;
use crate::words::Fail;

impl Steps {
    pub(super) async fn block(&mut self, step: &'static Step) -> Flow {
        match step {
            Step::Timeout { timeout, r#do } => {
                let duration = self.play.clock.duration(*timeout);
                let end = stook::timeout(duration, self.run(r#do)).await;
                end.unwrap_or(Err(Fail::Timeout))
            }
            Step::MoveOnAfter {
                move_on_after,
                r#do,
            } => {
                let duration = self.play.clock.duration(*move_on_after);
                let end = stook::move_on_after(duration, self.run(r#do)).await?;
                if end.is_none() {
                    self.say("moved on");
                }
                Ok(end.flatten())
            }
            Step::WaitFor { wait_for, timeout } => {
                let duration = self.play.clock.duration(*timeout);
                let end = stook::timeout(duration, self.awaited(wait_for)).await;
                let value = end.unwrap_or(Err(Fail::Timeout))?;
                self.say(&format!("{wait_for} gave {value}"));
                Ok(None)
            }
            Step::Group { group: name, r#do } => {
                let group = stook::task_group(|group: TaskGroup<Fail>| {
                    self.play.groups.lock().unwrap().insert(name.clone(), group);
                    self.run(r#do)
                });
                Ok(group.await?)
            }
            _ => unreachable!("a step of another kind"),
        }
    }
}

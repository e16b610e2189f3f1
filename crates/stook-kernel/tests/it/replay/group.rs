//! A task in a group of futures.

use stook_kernel::{
    AfterError, ChildDone, ChildrenGone, ExitEnd, Outcome, SpawnRefused, TaskGroup, TaskGroupExit,
};

use super::child::Children;
use super::stage::{CameTo, Entry, Error, Stage};
use super::{Version, World};

pub(super) struct GroupWorld {
    stage: Stage,
    group: Group,
}

/// The machines, and what a face keeps beside them.
struct Group {
    machine: TaskGroup,
    exit: Option<TaskGroupExit>,
    /// How the body ended.
    body: CameTo,
    /// The cancellation error to propagate, if one is.
    cancellation: CameTo,
    /// The children that are tasks of the group.
    members: Vec<usize>,
    spawned: usize,
    errors: Vec<String>,
    base_error: Option<String>,
    /// The parent waits for the last child.
    waits: bool,
}

impl GroupWorld {
    pub(super) fn new(script: &str, kinds: &str, version: Version) -> Self {
        Self {
            stage: Stage::new(script, kinds, version),
            group: Group {
                machine: TaskGroup::new(),
                exit: None,
                body: CameTo::Returned,
                cancellation: CameTo::Returned,
                members: Vec::new(),
                spawned: 0,
                errors: Vec::new(),
                base_error: None,
                waits: false,
            },
        }
    }

    fn turn(&mut self) {
        let Self { stage, group } = self;
        for entry in std::mem::take(&mut stage.ready) {
            match entry {
                Entry::ChildDone(child) => group.child_done(stage, child),
                Entry::Step(with) => {
                    let with = stage.begin_step(with);
                    if group.exit.is_some() {
                        group.waited(stage, &with);
                        continue;
                    }
                    let body = stage.follow(with, |stage, word| group.perform(stage, word));
                    let Some(body) = body else {
                        continue;
                    };
                    if group.machine.marks().entered {
                        group.leave(stage, body);
                    } else {
                        stage.end(&body);
                    }
                }
                Entry::Timer(_) => panic!("a group has no timer"),
            }
        }
    }
}

impl Group {
    /// Does a word of the script.
    fn perform(&mut self, stage: &mut Stage, word: char) -> CameTo {
        match word {
            '|' => {
                assert_eq!(self.machine.enter(), Ok(()));
                CameTo::Returned
            }
            '+' => match self.spawn(stage) {
                Some(Err(_)) => CameTo::Raised(Error::named("R")),
                _ => CameTo::Returned,
            },
            _ => panic!("a group does not know {word}"),
        }
    }

    /// Makes the next child a task of the group; `None` when there is none.
    fn spawn(&mut self, stage: &mut Stage) -> Option<Result<(), SpawnRefused>> {
        let child = self.spawned;
        if child == stage.children.len() {
            return None;
        }
        if let Err(refused) = self.machine.spawn() {
            return Some(Err(refused));
        }
        self.spawned += 1;
        if stage.version.early_children_at_once && stage.children[child].is_done() {
            self.child_done(stage, child);
        } else {
            self.machine.added();
            self.members.push(child);
            stage.tell_group(child);
        }
        Some(Ok(()))
    }

    fn child_done(&mut self, stage: &mut Stage, child: usize) {
        let before = self.members.len();
        self.members.retain(|&member| member != child);
        if self.machine.child_left(before != self.members.len()) && self.waits {
            // It may be cancelled already.
            let _ = stage.release_own();
        }
        let outcome = stage.children[child].outcome();
        let error = Error::of(stage.children[child].error());
        match self.machine.child_done(outcome, error.is_base, false) {
            ChildDone::Nothing => {
                assert_ne!(outcome, Outcome::Raised);
            }
            ChildDone::KeepError {
                as_base_error,
                then,
            } => {
                if as_base_error && self.base_error.is_none() {
                    self.base_error = Some(error.name.clone());
                }
                self.errors.push(error.name);
                match then {
                    AfterError::Nothing => {}
                    AfterError::ReportOrphan => panic!("the parent is not done"),
                    AfterError::Abort => {
                        self.abort(stage);
                        assert!(stage.cancel());
                    }
                }
            }
        }
    }

    fn abort(&self, stage: &mut Stage) {
        for &child in &self.members {
            if !stage.children[child].is_done() {
                stage.cancel_child(child);
            }
        }
    }

    /// The body has ended.
    fn leave(&mut self, stage: &mut Stage, body: CameTo) {
        let base_error = match &body {
            CameTo::Raised(error) if error.is_base => Some(error.name.clone()),
            _ => None,
        };
        let (mut exit, actions) = self.machine.exit(
            body.body_end(),
            base_error.is_some(),
            stage.version.exit_rule,
        );
        if actions.keep_base_error && self.base_error.is_none() {
            self.base_error = base_error;
        }
        if actions.uncancel {
            exit.uncancelled(stage.requests.withdraw(stage.version.withdraw_rule));
        }
        if actions.abort {
            self.abort(stage);
        }
        self.exit = Some(exit);
        self.cancellation = body.clone();
        self.body = body;
        self.wait_or_end(stage);
    }

    /// The wait for the children has ended.
    fn waited(&mut self, stage: &mut Stage, with: &CameTo) {
        self.waits = false;
        let exit = self.exit.as_mut().expect("the body has ended");
        if *with == CameTo::Cancelled && exit.interrupted(&mut self.machine) {
            self.cancellation = CameTo::Cancelled;
            self.abort(stage);
        }
        self.wait_or_end(stage);
    }

    fn wait_or_end(&mut self, stage: &mut Stage) {
        if self.machine.marks().tasks > 0 {
            self.waits = true;
            stage.wait_for_own();
            return;
        }
        let ended = self.end(stage);
        stage.log.push_str(&ended);
        stage.end(&CameTo::Returned);
    }

    /// How the block ends, in letters.
    fn end(&mut self, stage: &mut Stage) -> String {
        let rule = stage.version.withdraw_rule;
        let exit = self.exit.as_mut().expect("the body has ended");
        match exit.children_gone(&self.machine, self.base_error.is_some()) {
            ChildrenGone::Nothing => {}
            ChildrenGone::RaiseBaseError => {
                return format!(">B{}", self.base_error.as_deref().unwrap_or_default());
            }
            ChildrenGone::Uncancel => exit.uncancelled(stage.requests.withdraw(rule)),
        }
        match exit.end(self.errors.len()) {
            ExitEnd::PropagateCancellation => raised(&self.cancellation),
            ExitEnd::Return => raised(&self.body),
            ExitEnd::RaiseGroup {
                add_body,
                renew_request,
            } => {
                if add_body {
                    self.errors.push(match &self.body {
                        CameTo::Raised(error) => error.name.clone(),
                        CameTo::Derived => "S".to_owned(),
                        body => panic!("{body:?} is no error"),
                    });
                }
                if renew_request && stage.requests.pending() > 0 {
                    stage.requests.withdraw(rule);
                    assert!(stage.cancel());
                }
                format!(">G{}", std::mem::take(&mut self.errors).concat())
            }
        }
    }
}

/// What a block raises when it is left by this, in letters.
fn raised(by: &CameTo) -> String {
    match by {
        CameTo::Returned => ">R",
        CameTo::Cancelled => ">C",
        CameTo::Derived => ">S",
        CameTo::Raised(error) => panic!("{error:?} goes into a group"),
    }
    .to_owned()
}

impl World for GroupWorld {
    fn perform(&mut self, operation: &str) -> String {
        match operation {
            "t" => self.turn(),
            "+" => {
                return match self.group.spawn(&mut self.stage) {
                    None => "-",
                    Some(Ok(())) => "",
                    Some(Err(SpawnRefused::NotEntered)) => "N",
                    Some(Err(SpawnRefused::Finished)) => "F",
                    Some(Err(SpawnRefused::ShuttingDown)) => "S",
                }
                .to_owned();
            }
            _ => return self.stage.perform(operation),
        }
        String::new()
    }

    fn child_ended(&mut self, child: usize) {
        self.stage.child_ended(child);
    }

    fn children(&mut self) -> &mut Children {
        &mut self.stage.children
    }

    fn observe(&mut self) -> String {
        let marks = self.group.machine.marks();
        assert_eq!(marks.tasks, self.group.members.len());
        let bits = [
            marks.entered,
            marks.exiting,
            marks.aborting,
            marks.parent_cancel_requested,
        ]
        .map(|mark| if mark { '1' } else { '0' });
        let block = format!(
            "{},{},{}",
            String::from_iter(bits),
            marks.tasks,
            self.group.errors.len()
        );
        self.stage.observe(&block)
    }
}

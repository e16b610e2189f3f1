//! One scenario that is being run: what its tasks share, and how each begins and ends.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use stook::{CancellationToken, Gather, GatherOutcomes, Shared, Task, TaskGroup, TaskHandle};
use tokio::sync::watch;

use crate::clock::Clock;
use crate::file::{Scenario, Value};
use crate::local;
use crate::steps::Steps;
use crate::words::{Fail, returned};

/// What one task does.
pub(crate) type Body = Pin<Box<dyn Future<Output = Result<Value, Fail>> + Send>>;

/// What the tasks of one scenario share.
pub(crate) struct Play {
    pub(crate) scenario: &'static Scenario,
    pub(crate) clock: Clock,
    /// Whether tasks stay on their thread.
    is_local: bool,
    lines: Mutex<Vec<String>>,
    kept: Mutex<HashMap<String, Kept>>,
    handles: Mutex<HashMap<String, TaskHandle>>,
    names: Mutex<HashMap<u64, String>>,
    events: Mutex<HashMap<String, watch::Sender<bool>>>,
    pub(crate) groups: Mutex<HashMap<String, TaskGroup<Fail>>>,
    pub(crate) tokens: Mutex<HashMap<String, CancellationToken>>,
}

/// What has the result of something that was begun.
pub(crate) enum Kept {
    Task(Arc<Task<Value, Fail>>),
    InGroup(Arc<Task<Value, Shared<Fail>>>),
    Gather(Gather<Value, Fail>),
    Outcomes(GatherOutcomes<Value, Fail>),
}

impl Play {
    pub(crate) fn new(scenario: &'static Scenario, clock: Clock, is_local: bool) -> Arc<Self> {
        Arc::new(Self {
            scenario,
            clock,
            is_local,
            lines: Mutex::default(),
            kept: Mutex::default(),
            handles: Mutex::default(),
            names: Mutex::default(),
            events: Mutex::default(),
            groups: Mutex::default(),
            tokens: Mutex::default(),
        })
    }

    /// Keeps an observation.
    pub(crate) fn say(&self, name: &str, text: &str) {
        let seconds = self.clock.now().as_secs_f64();
        let seconds = (seconds * 1e6).round() / 1e6;
        self.lines
            .lock()
            .unwrap()
            .push(format!("{seconds} {name}: {text}"));
    }

    /// Lets go of all that has results, and returns what was observed.
    pub(crate) fn end(&self) -> Vec<String> {
        let kept = std::mem::take(&mut *self.kept.lock().unwrap());
        drop(kept);
        self.groups.lock().unwrap().clear();
        std::mem::take(&mut *self.lines.lock().unwrap())
    }

    pub(crate) fn is_over(&self) -> bool {
        let handles = self.handles.lock().unwrap();
        handles.values().all(TaskHandle::is_done)
    }

    /// Waits until all tasks have ended, those that begin meanwhile as well.
    pub(crate) async fn all_ended(&self) {
        loop {
            let left: Vec<TaskHandle> = {
                let handles = self.handles.lock().unwrap();
                handles
                    .values()
                    .filter(|handle| !handle.is_done())
                    .cloned()
                    .collect()
            };
            if left.is_empty() {
                return;
            }
            for handle in left {
                handle.done().await.unwrap();
            }
        }
    }

    /// What the task of this name does. It tells its end, or that it was never begun.
    pub(crate) fn body(self: &Arc<Self>, name: &str) -> Body {
        let Some((name, steps)) = self.scenario.tasks.get_key_value(name) else {
            panic!("{}: no task {name}", self.scenario.name)
        };
        let play = Arc::clone(self);
        let inside = self.clock.around(async move {
            let mut task = Steps::new(play, name);
            let returned = task.run(steps).await?;
            Ok(returned.unwrap_or(Value::Nothing))
        });
        Box::pin(Telling {
            play: Arc::clone(self),
            name,
            state: State::Created,
            inside: Box::pin(inside),
        })
    }

    /// Spawns the task of this name.
    pub(crate) fn spawn(self: &Arc<Self>, name: &str) {
        let body = self.body(name);
        let builder = stook::builder().name(name);
        let task = self.clock.spawning(|| match self.is_local {
            true => local::spawning(|| builder.spawn_local(body)),
            false => builder.spawn(body),
        });
        self.know(name, task.handle());
        self.keep(name, Kept::Task(Arc::new(task)));
    }

    /// Spawns the task of this name in a group; `false` when that takes none any more.
    pub(crate) fn spawn_in(self: &Arc<Self>, name: &str, group: &str) -> bool {
        let body = self.body(name);
        let group = self.groups.lock().unwrap()[group].clone();
        let spawned = self.clock.spawning(|| match self.is_local {
            true => local::spawning(|| group.spawn_local(body)),
            false => stook::builder().name(name).spawn_in(&group, body),
        });
        let Ok(task) = spawned else { return false };
        self.know(name, task.handle());
        self.keep(name, Kept::InGroup(Arc::new(task)));
        true
    }

    /// From now on the task is found by this name.
    fn know(&self, name: &str, handle: TaskHandle) {
        self.names
            .lock()
            .unwrap()
            .insert(handle.id().number(), name.to_owned());
        self.handles.lock().unwrap().insert(name.to_owned(), handle);
    }

    pub(crate) fn keep(&self, name: &str, kept: Kept) {
        self.kept.lock().unwrap().insert(name.to_owned(), kept);
    }

    /// Takes what has the result of this, if it was begun.
    pub(crate) fn take(&self, name: &str) -> Option<Kept> {
        self.kept.lock().unwrap().remove(name)
    }

    /// Looks at what has the result of this, if it was begun.
    pub(crate) fn look<T>(&self, name: &str, at: impl FnOnce(&Kept) -> T) -> Option<T> {
        self.kept.lock().unwrap().get(name).map(at)
    }

    /// The task of this name, whose result is kept here.
    pub(crate) fn task(self: &Arc<Self>, name: &str) -> Arc<Task<Value, Fail>> {
        let task = self.look(name, |kept| match kept {
            Kept::Task(task) => Arc::clone(task),
            _ => panic!("{name} is none that is waited for together with others"),
        });
        task.unwrap_or_else(|| {
            self.spawn(name);
            self.task(name)
        })
    }

    pub(crate) fn handle(&self, name: &str) -> Option<TaskHandle> {
        self.handles.lock().unwrap().get(name).cloned()
    }

    pub(crate) fn name_of(&self, id: u64) -> Option<String> {
        self.names.lock().unwrap().get(&id).cloned()
    }

    /// The event of this name.
    pub(crate) fn event(&self, name: &str) -> watch::Sender<bool> {
        let mut events = self.events.lock().unwrap();
        let event = events.entry(name.to_owned());
        event.or_insert_with(|| watch::Sender::new(false)).clone()
    }
}

/// A task that tells its end.
struct Telling {
    play: Arc<Play>,
    name: &'static str,
    state: State,
    inside: Body,
}

enum State {
    Created,
    Begun,
    Ended,
}

impl Future for Telling {
    type Output = Result<Value, Fail>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if let State::Created = this.state {
            this.state = State::Begun;
            if let Some(me) = stook::current() {
                this.play.know(this.name, me);
            }
        }
        let Poll::Ready(result) = this.inside.as_mut().poll(cx) else {
            return Poll::Pending;
        };
        this.state = State::Ended;
        let text = match &result {
            Ok(value) => returned(value),
            Err(fail) if fail.is_mine() => fail.to_string(),
            Err(fail) => format!("raised {fail}"),
        };
        this.play.say(this.name, &text);
        Poll::Ready(result)
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        match self.state {
            State::Created => self.play.say(self.name, "never started"),
            State::Begun => self.play.say(self.name, "dropped where it waited"),
            State::Ended => {}
        }
    }
}

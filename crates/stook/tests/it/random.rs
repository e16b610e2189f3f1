//! Random programs of tasks: each ends, leaves no task behind, tells every handle, has ended its children
//! where it says that it waits for them, and is the same each time.

use std::pin::Pin;
use std::sync::{Arc, Mutex};

use stook::{CancellationToken, Cancelled, Losers, OnError, Outcome, TaskGroup, TaskHandle, When};

use crate::stage::{everywhere, rounds, seconds, with_paused_clock};

/// Numbers that follow from a seed (SplitMix64).
#[derive(Clone)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// The numbers of a task of its own.
    fn split(&mut self) -> Self {
        Self(self.next())
    }
}

/// What all tasks of one program share.
struct Program {
    handles: Mutex<Vec<TaskHandle>>,
    log: Mutex<Vec<String>>,
    token: CancellationToken,
    /// Waits are times of the clock; without it they are turns.
    has_clock: bool,
}

impl Program {
    fn note(&self, what: &str) {
        self.log.lock().unwrap().push(what.to_owned());
    }

    async fn pause(&self, time: u64) -> Result<(), Cancelled> {
        if self.has_clock {
            return stook::sleep(seconds(time)).await;
        }
        for _ in 0..time {
            stook::checkpoint().await?;
        }
        Ok(())
    }
}

type Step = Pin<Box<dyn Future<Output = Result<u64, Cancelled>> + Send>>;

/// Handles on children that have begun.
#[derive(Clone, Default)]
struct Begun(Arc<Mutex<Vec<TaskHandle>>>);

impl Begun {
    /// The child notes itself when it begins.
    fn of(&self, child: Step) -> Step {
        let begun = self.clone();
        Box::pin(async move {
            begun.0.lock().unwrap().extend(stook::current());
            child.await
        })
    }

    /// What has waited for them is over, in whatever way.
    fn have_ended(&self, what: &str) {
        for child in self.0.lock().unwrap().iter() {
            assert!(
                child.is_done(),
                "{what} has not waited for {}",
                child.info()
            );
        }
    }
}

fn task(program: Arc<Program>, mut random: Random, depth: u64) -> Step {
    Box::pin(async move {
        if let Some(me) = stook::current() {
            program.handles.lock().unwrap().push(me);
        }
        let mut sum = 1;
        for _ in 0..1 + random.below(3) {
            sum += act(&program, &mut random, depth).await?;
        }
        program.note("ended");
        Ok(sum)
    })
}

async fn act(program: &Arc<Program>, random: &mut Random, depth: u64) -> Result<u64, Cancelled> {
    let begun = Begun::default();
    let children = |random: &mut Random| -> Vec<Step> {
        (0..random.below(4))
            .map(|_| begun.of(task(Arc::clone(program), random.split(), depth - 1)))
            .collect()
    };
    let choice = if depth == 0 {
        random.below(4)
    } else {
        random.below(14)
    };
    match choice {
        0 | 1 => program.pause(random.below(5)).await.map(|()| 1),
        2 => {
            let handles = program.handles.lock().unwrap().clone();
            let at = random.below(handles.len().max(1) as u64) as usize;
            program.note("cancels");
            Ok(handles
                .get(at)
                .map_or(0, |handle| handle.cancel_with("by chance").into()))
        }
        3 => {
            let slept = program.pause(random.below(3)).await;
            if slept.is_err() {
                stook::current().map(|me| me.uncancel());
                program.note("takes it back");
            }
            Ok(1)
        }
        4 => stook::spawn(task(Arc::clone(program), random.split(), depth - 1)).await,
        5 => {
            let mut child = stook::spawn(task(Arc::clone(program), random.split(), depth - 1));
            match child.join().await? {
                Outcome::Ok(value) => Ok(value),
                _ => Ok(0),
            }
        }
        6 => Ok(stook::gather(children(random)).await?.iter().sum()),
        7 => {
            let end = stook::gather_with(OnError::CancelRest, children(random)).await;
            begun.have_ended("gather_with");
            Ok(end?.iter().sum())
        }
        8 => {
            let end = stook::gather_outcomes(children(random)).await;
            begun.have_ended("gather_outcomes");
            Ok(end?.len() as u64)
        }
        9 => {
            let mut children = children(random);
            children.push(begun.of(task(Arc::clone(program), random.split(), depth - 1)));
            let losers = [Losers::Cancel, Losers::Await][random.below(2) as usize];
            let end = stook::race(losers, children).await;
            begun.have_ended("race");
            Ok(end?.1)
        }
        10 => {
            let children = children(random);
            let group = stook::task_group(async |group: TaskGroup<Cancelled>| {
                for child in children {
                    drop(group.spawn(child));
                }
                Ok(1)
            });
            let end = group.await;
            begun.have_ended("task_group");
            match end {
                Ok(value) => Ok(value),
                Err(error) => match error.cancelled {
                    Some(cancelled) => Err(cancelled),
                    None => Ok(0),
                },
            }
        }
        11 => {
            let child = task(Arc::clone(program), random.split(), depth - 1);
            match random.below(3) {
                0 => stook::shield(child).await,
                1 if program.has_clock => {
                    let ended = stook::timeout(seconds(random.below(4)), child).await;
                    ended.unwrap_or(Ok(0))
                }
                _ => Ok(program.token.scope(child).await?.unwrap_or(0)),
            }
        }
        12 => {
            let tasks: Vec<_> = children(random).into_iter().map(stook::spawn).collect();
            let when = [When::All, When::FirstCompleted, When::FirstError];
            let when = when[random.below(3) as usize];
            let pending = {
                let waited = stook::wait(&tasks, when, None).await?;
                waited.pending.len()
            };
            Ok(pending as u64)
        }
        _ => {
            let child = task(Arc::clone(program), random.split(), depth - 1);
            // Dropped half-way, or not, by a select of another crate.
            tokio::select! {
                biased;
                end = stook::gather([child]) => Ok(end?.iter().sum()),
                slept = program.pause(2) => slept.map(|()| 0),
            }
        }
    }
}

async fn run(seed: u64, has_clock: bool) -> Vec<String> {
    let program = Arc::new(Program {
        handles: Mutex::default(),
        log: Mutex::default(),
        token: CancellationToken::new(),
        has_clock,
    });
    let mut main = stook::spawn(task(Arc::clone(&program), Random(seed), 4));
    if seed % 3 == 0 {
        program.pause(3).await.unwrap();
        program.token.cancel();
        main.cancel();
    }
    let outcome = main.join().await.unwrap();
    program.note(&format!("{:?}", main.state()));
    assert!(
        !matches!(outcome, Outcome::Panicked(_)),
        "seed {seed}: {outcome:?}"
    );
    let handles = program.handles.lock().unwrap().clone();
    for handle in handles {
        // All end by themselves: nothing in them is for ever.
        let state = handle.done().await.unwrap();
        assert!(state.is_done(), "seed {seed}: {}", handle.info());
    }
    program.log.lock().unwrap().clone()
}

#[test]
fn random_programs_end_and_leave_nothing() {
    with_paused_clock(|| async {
        for seed in 0..rounds(400) {
            let log = run(seed, true).await;
            assert_eq!(log, run(seed, true).await, "seed {seed}");
        }
    });
}

#[test]
fn random_programs_end_on_two_threads() {
    everywhere(|| async {
        for seed in 0..rounds(150) {
            run(seed, false).await;
        }
    });
}

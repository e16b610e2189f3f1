//! The scenarios of the corpus on this face: what is observed is what CPython gives, but for the
//! differences that DESIGN.md lists.
//!
//! `STOOK_SCENARIOS` names another folder of them.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that fails panics"
)]

mod clock;
mod file;
mod local;
mod play;
mod steps;
mod words;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use stook::Report;

use crate::clock::{Clock, TwoThreads, paused};
use crate::file::{Scenario, corpus};
use crate::play::{Kept, Play};

/// Seconds of virtual time after which a scenario hangs.
const TOO_LONG: Duration = Duration::from_secs(500_000_000);

#[test]
fn on_one_thread() {
    let reports = Reports::watch();
    compare("on one thread", in_order, |scenario| {
        let runtime = paused();
        runtime.block_on(perform(scenario, false, &reports))
    });
}

#[test]
fn in_a_local_set() {
    let reports = Reports::watch();
    compare("in a local set", in_order, |scenario| {
        local::run(&paused(), perform(scenario, true, &reports))
    });
}

/// What each task says, and when. Who is first of those that go on at one time is not decided here;
/// where that decides more than the order, a scenario is run and not compared.
#[test]
fn on_two_threads() {
    let reports = Reports::watch();
    compare("on two threads", by_task, |scenario| {
        let threads = TwoThreads::new();
        let play = Play::new(scenario, threads.clock(), false);
        play.spawn("main");
        threads.run_until(&play.clock, || play.is_over());
        let _entered = threads.tasks.enter();
        let lines = end(&play, &reports);
        if scenario.is_same_on_two_threads() {
            return lines;
        }
        println!(
            "{}: not compared, it depends on who is first",
            scenario.name
        );
        scenario.expected().into_iter().map(str::to_owned).collect()
    });
}

/// Each difference that a scenario shows has its place in the list, and none of the list is without.
#[test]
fn differences_are_listed() {
    let (_, list) = DESIGN.split_once("Where the languages differ").unwrap();
    let listed: Vec<&str> = list
        .lines()
        .filter_map(|line| line.strip_prefix("- `")?.split_once('`'))
        .map(|(id, _)| id)
        .collect();
    let mut shown = BTreeMap::<&str, usize>::new();
    for scenario in corpus() {
        if let Some(id) = scenario.difference() {
            assert!(
                listed.contains(&id),
                "{}: {id} is not listed",
                scenario.name
            );
            *shown.entry(id).or_default() += 1;
        }
    }
    println!("scenarios with observations of this face: {shown:?}");
    for id in listed {
        assert!(shown.contains_key(id), "no scenario shows {id}");
    }
}

/// So many failures are shown.
const MOST: usize = 12;

const DESIGN: &str = include_str!("../../../../DESIGN.md");

/// Runs each scenario, and compares what is observed with what is to be.
fn compare(
    place: &str,
    arranged: fn(Vec<String>) -> Vec<String>,
    observe: impl Fn(&'static Scenario) -> Vec<String>,
) {
    let scenarios = corpus();
    let mut failures = Vec::new();
    for scenario in &scenarios {
        let arranged = if scenario.at_one_time {
            by_task
        } else {
            arranged
        };
        let lines = arranged(observe(scenario));
        let expected = scenario.expected().into_iter().map(str::to_owned);
        let expected = arranged(expected.collect());
        if lines != expected {
            failures.push(format!(
                "{}\n{}",
                scenario.name,
                differing(&expected, &lines)
            ));
        }
    }
    let own = scenarios.iter().filter(|one| one.difference().is_some());
    println!(
        "{} scenarios {place}, {} of them otherwise",
        scenarios.len(),
        own.count()
    );
    let count = failures.len();
    failures.truncate(MOST);
    assert!(
        count == 0,
        "{count} of {} scenarios {place}; the first of them:\n{}",
        scenarios.len(),
        failures.join("\n")
    );
}

/// The lines to be observed, with `-` where they were not, and those that came in their place.
fn differing(expected: &[String], lines: &[String]) -> String {
    let marked = |these: &[String], others: &[String], mark: &str| -> String {
        let line = |line: &String| {
            let mark = if others.contains(line) { " " } else { mark };
            format!("  {mark} {line}\n")
        };
        these.iter().map(line).collect()
    };
    let (expected, found) = (marked(expected, lines, "-"), marked(lines, expected, "+"));
    format!("to be observed:\n{expected}and observed:\n{found}")
}

fn in_order(lines: Vec<String>) -> Vec<String> {
    lines
}

/// The lines of each task in their order, one task after another.
fn by_task(mut lines: Vec<String>) -> Vec<String> {
    lines.sort_by_key(|line| {
        let about = line.split_once(' ').map(|(_time, about)| about);
        let name = about.and_then(|about| about.split_once(':'));
        name.map(|(name, _)| name.to_owned())
    });
    lines
}

/// Runs a scenario on the current runtime, whose clock is paused.
async fn perform(scenario: &'static Scenario, is_local: bool, reports: &Reports) -> Vec<String> {
    let play = Play::new(scenario, Clock::of_runtime(), is_local);
    play.spawn("main");
    let all = tokio::time::timeout(TOO_LONG, play.all_ended());
    all.await
        .unwrap_or_else(|_| panic!("{} hangs", scenario.name));
    // The reaper, and callbacks of what has ended.
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    end(&play, reports)
}

/// All tasks have ended: nothing is left of them but what they said.
fn end(play: &Play, reports: &Reports) -> Vec<String> {
    // Whoever runs a program reads how its main task ended.
    drop(play.look("main", |kept| match kept {
        Kept::Task(main) => main.try_take(),
        _ => None,
    }));
    let mut lines = play.end();
    assert!(
        stook::tree().is_empty(),
        "{}: left\n{}",
        play.scenario.name,
        stook::tree()
    );
    let mut unread = Vec::new();
    for report in reports.take() {
        match report {
            Report::UnreadError { task, .. } => unread.extend(play.name_of(task.id)),
            other => lines.push(other.to_string()),
        }
    }
    if !unread.is_empty() {
        unread.sort();
        lines.push(format!("never read: {}", unread.join(", ")));
    }
    lines
}

/// What is reported, while one test at a time has it.
struct Reports {
    kept: Arc<Mutex<Vec<Report>>>,
    _alone: MutexGuard<'static, ()>,
}

impl Reports {
    fn watch() -> Self {
        static ALONE: Mutex<()> = Mutex::new(());
        let alone = ALONE
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let kept = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&kept);
        stook::set_report_hook(move |report| log.lock().unwrap().push(report.clone()));
        Self {
            kept,
            _alone: alone,
        }
    }

    fn take(&self) -> Vec<Report> {
        std::mem::take(&mut *self.kept.lock().unwrap())
    }
}

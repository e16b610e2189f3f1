//! Headings while a command runs its steps, and what became of them at the end.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// The steps of one command.
#[derive(Debug)]
pub(crate) struct Report {
    subject: String,
    started: Instant,
    steps: Vec<Step>,
}

#[derive(Debug)]
struct Step {
    title: String,
    outcome: Outcome,
}

#[derive(Debug)]
enum Outcome {
    Passed(Duration),
    Failed(Duration),
    Skipped(String),
}

impl Report {
    /// A report with no steps yet; `subject` names it in the closing line.
    pub(crate) fn new(subject: impl Into<String>) -> Self {
        Self {
            subject: subject.into(),
            started: Instant::now(),
            steps: Vec::new(),
        }
    }

    /// Runs one step under its own heading and notes how it went.
    ///
    /// A failed step does not keep the others from running: a command that takes minutes should say
    /// all it can.
    pub(crate) fn step(&mut self, title: impl Into<String>, work: impl FnOnce() -> Result<()>) {
        let title = title.into();
        heading(&title);
        let started = Instant::now();
        let outcome = match work() {
            Ok(()) => Outcome::Passed(started.elapsed()),
            Err(error) => {
                println!("error: {error:#}");
                Outcome::Failed(started.elapsed())
            }
        };
        self.steps.push(Step { title, outcome });
    }

    /// Notes a step that does not run, and why.
    pub(crate) fn skip(&mut self, title: impl Into<String>, reason: impl Into<String>) {
        let (title, reason) = (title.into(), reason.into());
        heading(&title);
        println!("skipped: {reason}");
        self.steps.push(Step {
            title,
            outcome: Outcome::Skipped(reason),
        });
    }

    /// Prints every step's outcome and a closing line.
    ///
    /// # Errors
    /// A step failed.
    pub(crate) fn finish(self) -> Result<()> {
        heading("summary");
        print!("{}", self.outcomes());
        let line = self.closing_line();
        if self.failed() > 0 {
            bail!("{line}");
        }
        println!("{line}");
        Ok(())
    }

    fn failed(&self) -> usize {
        self.steps
            .iter()
            .filter(|step| matches!(step.outcome, Outcome::Failed(_)))
            .count()
    }

    fn outcomes(&self) -> String {
        let width = self
            .steps
            .iter()
            .map(|step| step.title.chars().count())
            .max()
            .unwrap_or(0);
        let mut text = String::new();
        for Step { title, outcome } in &self.steps {
            let (word, note) = match outcome {
                Outcome::Passed(took) => ("passed ", in_words(*took)),
                Outcome::Failed(took) => ("FAILED ", in_words(*took)),
                Outcome::Skipped(reason) => ("skipped", reason.clone()),
            };
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  {word}  {title:width$}  {note}");
        }
        text
    }

    fn closing_line(&self) -> String {
        let failed = self.failed();
        let skipped = self
            .steps
            .iter()
            .filter(|step| matches!(step.outcome, Outcome::Skipped(_)))
            .count();
        let passed = self.steps.len() - failed - skipped;
        let took = in_words(self.started.elapsed());
        let subject = &self.subject;
        format!("{subject}: {passed} passed, {failed} failed, {skipped} skipped in {took}")
    }
}

/// Prints a heading that stands out among the output of other programs.
pub(crate) fn heading(title: &str) {
    println!("\n==== {title}");
}

fn in_words(took: Duration) -> String {
    let seconds = took.as_secs_f64();
    if seconds < 60.0 {
        return format!("{seconds:.1} s");
    }
    let whole = took.as_secs();
    format!("{} min {:02} s", whole / 60, whole % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_steps_run_and_one_failure_fails_the_whole() {
        let mut report = Report::new("test");
        let mut ran = Vec::new();
        report.step("first", || {
            ran.push("first");
            bail!("broken")
        });
        report.step("second", || {
            ran.push("second");
            Ok(())
        });
        report.skip("third", "not installed");
        assert_eq!(ran, ["first", "second"]);
        let outcomes = report.outcomes();
        let error = report.finish().unwrap_err().to_string();
        assert!(
            error.starts_with("test: 1 passed, 1 failed, 1 skipped in "),
            "{error}"
        );
        assert!(outcomes.contains("FAILED   first"), "{outcomes}");
        assert!(
            outcomes.contains("skipped  third   not installed"),
            "{outcomes}"
        );
    }

    #[test]
    fn steps_that_pass_or_are_skipped_pass() {
        let mut report = Report::new("check");
        report.step("first", || Ok(()));
        report.skip("second", "not installed");
        assert!(report.finish().is_ok());
    }

    #[test]
    fn long_times_are_given_in_minutes() {
        assert_eq!(in_words(Duration::from_millis(1_250)), "1.2 s");
        assert_eq!(in_words(Duration::from_secs(125)), "2 min 05 s");
    }
}

//! The files of the corpus: `scenarios/README.md` says what is in them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{env, fs};

use serde::Deserialize;

/// One file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    #[serde(skip)]
    pub(crate) name: String,
    #[expect(dead_code, reason = "for who reads the file")]
    about: String,
    #[expect(
        dead_code,
        reason = "of the interpreter, whose observations are there already"
    )]
    since: Option<String>,
    /// Several tasks go on at one time: who is first is not decided.
    #[serde(default)]
    pub(crate) at_one_time: bool,
    pub(crate) tasks: BTreeMap<String, Vec<Step>>,
    #[serde(default)]
    rust: Rust,
    observed: Observed,
}

#[derive(Debug, Deserialize)]
struct Observed {
    /// Of all versions but those that have their own.
    cpython: String,
    #[serde(rename = "3.13")]
    newest: Option<String>,
}

/// How this face differs, if it does.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rust {
    difference: Option<String>,
    observed: Option<String>,
    /// What is decided by chance when two tasks can run at once: then nothing is compared.
    by_chance_on_two_threads: Option<String>,
}

impl Scenario {
    /// The lines that are to be observed here: those of the newest CPython.
    pub(crate) fn expected(&self) -> Vec<&str> {
        let of_cpython = self.observed.newest.as_ref();
        let text = self.rust.observed.as_ref().or(of_cpython);
        text.unwrap_or(&self.observed.cpython).lines().collect()
    }

    /// The difference between the languages that it shows, if it shows one.
    pub(crate) fn difference(&self) -> Option<&str> {
        assert_eq!(
            self.rust.difference.is_some(),
            self.rust.observed.is_some(),
            "{}: a difference and what is observed of it go together",
            self.name
        );
        self.rust.difference.as_deref()
    }

    /// Whether what is observed does not depend on that no two tasks run at once.
    pub(crate) fn is_same_on_two_threads(&self) -> bool {
        self.rust.by_chance_on_two_threads.is_none()
    }
}

/// One step of a task.
#[derive(Debug, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub(crate) enum Step {
    // What a task does by itself.
    Say {
        say: String,
    },
    Sleep {
        sleep: f64,
    },
    BareSleep {
        bare_sleep: f64,
    },
    Set {
        set: String,
    },
    Event {
        event: String,
    },
    Raise {
        raise: String,
    },
    Return {
        r#return: Value,
    },
    Try {
        r#try: Vec<Step>,
        cancelled: Option<Vec<Step>>,
        error: Option<Vec<Step>>,
        r#finally: Option<Vec<Step>>,
    },
    Again {
        #[expect(dead_code, reason = "that it is there says all")]
        again: bool,
    },
    Mine {
        #[expect(dead_code, reason = "that it is there says all")]
        mine: bool,
    },
    Cancellation {
        #[expect(dead_code, reason = "that it is there says all")]
        cancellation: bool,
    },
    // Other tasks.
    Spawn {
        spawn: Names,
        group: Option<String>,
        token: Option<String>,
    },
    Cancel {
        cancel: String,
        reason: Option<String>,
    },
    Uncancel {
        uncancel: String,
    },
    Cancelling {
        cancelling: String,
    },
    State {
        state: String,
    },
    OnDone {
        on_done: String,
        say: String,
    },
    Await {
        r#await: String,
    },
    Join {
        join: String,
    },
    DetectCancel {
        detect_cancel: String,
    },
    Shield {
        shield: String,
    },
    CancelAndWait {
        cancel_and_wait: String,
    },
    // Several.
    Gather {
        gather: Vec<String>,
        #[serde(default)]
        collect: bool,
        on_error: Option<String>,
        r#let: Option<String>,
    },
    Wait {
        wait: Vec<String>,
        when: Option<String>,
        timeout: Option<f64>,
    },
    WaitAny {
        wait_any: Vec<String>,
        timeout: Option<f64>,
    },
    Race {
        race: Vec<String>,
        losers: Option<String>,
    },
    FirstSuccess {
        first_success: Vec<String>,
        losers: Option<String>,
    },
    AsCompleted {
        as_completed: Vec<String>,
    },
    // Blocks.
    Timeout {
        timeout: f64,
        r#do: Vec<Step>,
    },
    MoveOnAfter {
        move_on_after: f64,
        r#do: Vec<Step>,
    },
    WaitFor {
        wait_for: String,
        timeout: f64,
    },
    Group {
        group: String,
        r#do: Vec<Step>,
    },
    // Tokens.
    Token {
        token: String,
        #[serde(default)]
        of: Vec<String>,
    },
    Fire {
        fire: String,
        reason: Option<String>,
    },
    FireAfter {
        fire_after: String,
        seconds: f64,
    },
    OnFire {
        on_fire: String,
        say: String,
    },
    TokenState {
        token_state: String,
    },
    TokenWait {
        token_wait: String,
    },
    Scope {
        scope: String,
        r#do: Vec<Step>,
    },
    WhenAll {
        when_all: Vec<String>,
        token: String,
    },
    WhenAny {
        when_any: Vec<String>,
        token: String,
    },
}

/// One name or several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Names {
    One(String),
    Several(Vec<String>),
}

impl Names {
    pub(crate) fn as_slice(&self) -> &[String] {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::Several(names) => names,
        }
    }
}

/// What a task returns.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Value {
    #[serde(skip)]
    Nothing,
    Number(i64),
    Text(String),
    #[serde(skip)]
    List(Vec<Value>),
}

/// All scenarios of the corpus, or of the folder that `STOOK_SCENARIOS` names. They are never freed:
/// tasks that last as long as the runtime read them.
pub(crate) fn corpus() -> Vec<&'static Scenario> {
    let folder = env::var_os("STOOK_SCENARIOS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios"),
        PathBuf::from,
    );
    let mut files: Vec<PathBuf> = children(&folder)
        .into_iter()
        .filter(|path| path.is_dir())
        .flat_map(|path| children(&path))
        .collect();
    files.sort();
    let scenarios: Vec<_> = files.iter().filter_map(|path| read(path)).collect();
    assert!(
        !scenarios.is_empty(),
        "no scenarios in {}",
        folder.display()
    );
    scenarios
}

fn children(folder: &Path) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn read(path: &Path) -> Option<&'static Scenario> {
    let parse: fn(&str) -> Result<Scenario, String> = match path.extension()?.to_str()? {
        "toml" => |text| toml::from_str(text).map_err(|error| error.to_string()),
        "json" => |text| serde_json::from_str(text).map_err(|error| error.to_string()),
        _ => return None,
    };
    let text = fs::read_to_string(path).unwrap();
    let mut scenario = parse(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let folder = path.parent()?.file_name()?.to_str()?;
    scenario.name = format!("{folder}/{}", path.file_stem()?.to_str()?);
    Some(Box::leak(Box::new(scenario)))
}

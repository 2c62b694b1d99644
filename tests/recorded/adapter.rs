//! From a recording to a scenario: the cluster, the commands and their instants, what the images do, and how long each task took
//! to prepare, to start and to stop. Everything else is left to the rules.

use rollsim::diag::SourceFile;
use rollsim::scenario::{self, Loaded};
use serde_json::{Map, Value, json};

use crate::recording::{Action, Recording, Task};

/// How long the simulation goes on after the last that is known of the recording.
const REST: f64 = 5.0;

/// Durations in seconds of a task of which the recording has none.
const PREPARE: f64 = 0.045;
const START: f64 = 0.46;
const STOP: f64 = 0.036;

/// A client that sends requests while its own task runs, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct ClientRun {
    pub from: f64,
    pub until: f64,
}

/// What a recording leaves to chance.
#[derive(Clone, Debug)]
pub struct Chance {
    /// The order of the nodes, in which equal ones are chosen.
    pub order: Vec<usize>,
    /// The seed by which ties of the managers are decided; `None`: as they always are.
    pub ties: Option<u64>,
    /// How long until Docker notices the exit of a process, in seconds.
    pub notice: f64,
    /// How far the managers' periodic work is ahead of the recording's clock.
    pub phase: f64,
}

/// The scenario of a recording; `client` adds its client.
///
/// # Errors
/// What rollsim says against it.
pub fn scenario(recording: &Recording, chance: &Chance, client: Option<ClientRun>) -> Result<Loaded, String> {
    let text = text(recording, chance, client).to_string();
    let file = SourceFile { name: recording.scenario.clone(), text };
    scenario::load(&file, &[]).map_err(|problems| problems.iter().map(|problem| format!("{problem}\n")).collect())
}

fn text(recording: &Recording, chance: &Chance, client: Option<ClientRun>) -> Value {
    let nodes: Map<String, Value> = chance
        .order
        .iter()
        .map(|index| &recording.cluster.nodes[*index])
        .map(|node| (node.name.clone(), json!({"role": node.role, "availability": node.availability})))
        .collect();
    let images: Map<String, Value> =
        recording.images.iter().map(|(name, words)| (name.clone(), image(recording, name, words))).collect();
    let timeline: Vec<Value> = recording.actions.iter().map(|action| command(action, chance.phase)).collect();
    let clients = client.map(|run| {
        let (name, words) = recording.images.iter().find(|(_, words)| words.contains("requests")).expect("a client");
        let think = word_before(words, "pause").unwrap_or_else(|| panic!("{name}: no pause"));
        let (from, until) = (seconds(run.from), seconds(run.until));
        json!({"client": {"service": called(words), "concurrency": 1, "think": think, "from": from, "until": until}})
    });
    json!({
        "rollsim": 1,
        "engine": "20.10",
        "ties": if chance.ties.is_some() { "shuffled" } else { "fixed" },
        "seed": chance.ties.unwrap_or_default(),
        "latencies": {"sandbox_teardown": seconds(chance.notice)},
        "duration": seconds(recording.end() + REST),
        "cluster": {"nodes": nodes},
        "images": images,
        "services": {},
        "timeline": timeline,
        "traffic": {"clients": clients.unwrap_or_else(|| json!({}))},
    })
}

/// What an image does, in the keys of a scenario.
fn image(recording: &Recording, name: &str, words: &str) -> Value {
    let mut image = Map::new();
    let mut set = |key: &str, value: Value| image.insert(key.to_owned(), value);
    let words = match words.strip_prefix("as ") {
        Some(other) => &recording.images[other],
        None => words,
    };
    for clause in words.split(';').flat_map(|part| part.split(", ")).map(str::trim) {
        let on_stop = clause.contains("TERM");
        if clause.starts_with("health check") {
            set("healthcheck", health_check(clause));
        } else if clause.starts_with("passes from") {
            set("boot", json!(span_in(clause)));
        } else if clause.starts_with("never passes") {
            set("boot", json!("8000h"));
        } else if clause.starts_with("no such image") {
            set("outcome", json!("fail-pull"));
            set("pull", json!("1ms"));
        } else if clause.contains("ignores TERM") {
            set("stop", json!("ignore"));
        } else if on_stop {
            set("stop_code", json!(code_in(clause).unwrap_or(0)));
        } else if let Some(code) = code_in(clause) {
            let told = clause.split_once("exits ").and_then(|(_, exit)| exit.split_once(' ')).map(|(_, when)| when);
            let runs = words.split(';').flat_map(|part| part.split(", ")).find(|part| part.contains("runs "));
            let when = told.into_iter().chain(runs).find(|words| words.contains(|c: char| c.is_ascii_digit()));
            let after = when.map_or_else(|| "0s".to_owned(), span_in);
            set("outcome", json!({"exit": {"after": after, "code": code}}));
        }
    }
    let ignores_stop = image.contains_key("stop");
    let tasks = recording.tasks.iter().filter(|task| task.image == name);
    let tasks: Map<String, Value> = tasks
        .enumerate()
        .map(|(ordinal, task)| (ordinal.to_string(), durations(recording, task, ignores_stop)))
        .collect();
    image.insert("tasks".to_owned(), Value::Object(tasks));
    for (key, value) in [("prepare", PREPARE), ("start", START), ("stop", STOP)] {
        image.entry(key).or_insert_with(|| json!(seconds(value)));
    }
    Value::Object(image)
}

/// `exits 1 at once`, `exits 1 after 4 s`
fn code_in(clause: &str) -> Option<u8> {
    clause.split("exits ").nth(1)?.split_whitespace().next()?.parse().ok()
}

/// The duration that a clause speaks of: `~3 s`, `runs 4 s`, `50ms`.
fn span_in(clause: &str) -> String {
    let words: Vec<&str> = clause.split_whitespace().collect();
    let number = words.iter().position(|word| word.trim_start_matches('~').starts_with(|c: char| c.is_ascii_digit()));
    let number = number.unwrap_or_else(|| panic!("no duration in `{clause}`"));
    let unit = words.get(number + 1).copied().filter(|unit| ["s", "ms", "min"].contains(unit)).unwrap_or_default();
    format!("{}{unit}", words[number].trim_start_matches('~'))
}

/// `50ms pause`: the word before another.
fn word_before(words: &str, word: &str) -> Option<String> {
    let words: Vec<&str> = words.split([' ', ',']).collect();
    words.windows(2).find(|pair| pair[1] == word).map(|pair| pair[0].to_owned())
}

/// `resolves the name web`
fn called(words: &str) -> &str {
    words.split("name ").nth(1).and_then(|rest| rest.split([' ', ',']).next()).unwrap_or_default()
}

/// `health check interval 2s timeout 2s retries 3 start-period 5s`
fn health_check(clause: &str) -> Value {
    let mut check = Map::from_iter([("test".to_owned(), json!(["CMD", "check"]))]);
    let words: Vec<&str> = clause.split_whitespace().skip(2).collect();
    for pair in words.chunks_exact(2) {
        let value = pair[1].parse::<u32>().map_or_else(|_| json!(pair[1]), |number| json!(number));
        check.insert(pair[0].replace('-', "_"), value);
    }
    Value::Object(check)
}

/// How long after the end of a process the agent of the recorded machine has stopped the container: medians of latencies.json,
/// without and with a network. No rule gives them (data-plane rule 28 has the steps and no times), so they count as part of what a
/// task needs to stop.
const AFTER_EXIT: f64 = 0.085;
const AFTER_EXIT_WITH_NETWORK: f64 = 0.287;

/// The task's own times: PREPARING to READY, STARTING to the process being up, stop signal to the end of the process.
fn durations(recording: &Recording, task: &Task, ignores_stop: bool) -> Value {
    let between = |from: Option<f64>, to: Option<f64>| Some(seconds((to? - from?).max(0.0)));
    let event = |action| recording.container_event(task, action);
    let is_name = |word: &String| word.strip_prefix("--name=").unwrap_or(word) == task.service;
    let service = recording.actions.iter().find(|action| action.argv.iter().any(is_name));
    let has_network = service.is_some_and(|create| create.argv.iter().any(|word| word.starts_with("--network")));
    let after_exit = if has_network { AFTER_EXIT_WITH_NETWORK } else { AFTER_EXIT };
    let spans = [
        ("prepare", between(task.reached("preparing"), task.reached("ready"))),
        ("start", between(task.reached("starting"), event("start"))),
        ("stop", between(event("kill"), event("die").map(|died| died + after_exit)).filter(|_| !ignores_stop)),
    ];
    Value::Object(spans.into_iter().filter_map(|(key, span)| Some((key.to_owned(), json!(span?)))).collect())
}

fn command(action: &Action, phase: f64) -> Value {
    let at = seconds(action.at() + phase);
    match &action.fault {
        Some(fault) => json!({"at": at, "fault": format!("{fault} {}", action.node.as_deref().unwrap_or_default())}),
        None => json!({"at": at, "run": action.argv.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")}),
    }
}

/// A word as a shell needs it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=.:/,!+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

fn seconds(seconds: f64) -> String {
    format!("{}us", (seconds * 1e6).round())
}

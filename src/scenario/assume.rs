//! A scenario made of stack files alone: what they do not say is assumed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::diag::{Code, Diagnostic, Place, SourceFile};

use super::StackRun;
use super::files::Outside;
use super::read::Problems;
use super::source::{Entry, Node, Spanned, Value};
use super::stack;
use super::stacks::add_services;

/// Workers beside the one manager of a cluster of which nothing is said.
const WORKERS: u32 = 2;

/// The services of a run of stack files; `None` after an error. `place`: where the first file begins.
pub(super) fn services(
    run: &StackRun,
    place: &Place,
    outside: &Outside<'_>,
    problems: &mut Problems,
) -> Option<Vec<Entry>> {
    let files: Vec<Arc<SourceFile>> = run.files.iter().cloned().map(Arc::new).collect();
    let name = Spanned { value: run.name.clone(), place: place.clone() };
    stack::load(&name, &files, outside, problems)
}

/// The scenario of a run of stack files, and what was assumed for it.
///
/// Assumed: one manager and two workers, with the labels that the services' constraints ask for; nobody sends requests.
pub(super) fn scenario(
    run: &StackRun,
    place: &Place,
    services: Vec<Entry>,
    problems: &mut Problems,
) -> (Node, Vec<String>) {
    let labels = labels(&services);
    let version = Node { value: Value::Integer(super::schema::FORMAT.into()), place: place.clone() };
    let timeline = Node { value: Value::Seq(timeline(&run.then, problems)), place: place.clone() };
    let mut root = map(
        vec![
            Entry::new("rollsim", version),
            Entry::new("name", Node::text(&run.name, place)),
            Entry::new("cluster", cluster(&labels, place)),
            Entry::new("timeline", timeline),
        ],
        place,
    );
    add_services(&mut root, services, problems);
    let mut assumptions = vec![format!("one manager and {WORKERS} workers, without limits of CPU and memory")];
    assumptions.extend(labels.iter().map(|(label, values)| {
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        format!("the nodes have the label {label} that constraints ask for: {}", values.join(", "))
    }));
    assumptions.push("nobody sends requests".to_owned());
    (root, assumptions)
}

/// The labels of nodes that constraints ask for, and their values.
fn labels(services: &[Entry]) -> BTreeMap<String, BTreeSet<String>> {
    let mut labels: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for service in services {
        for constraint in service.value.at(&["deploy", "placement", "constraints"]).map_or(&[][..], Node::items) {
            let text = constraint.to_string();
            let Some((key, value)) = text.split_once("==") else { continue };
            if let Some(label) = key.trim().strip_prefix("node.labels.") {
                labels.entry(label.to_owned()).or_default().insert(value.trim().to_owned());
            }
        }
    }
    labels
}

/// The nodes; where constraints ask for several values of a label, the nodes have them in turn.
fn cluster(labels: &BTreeMap<String, BTreeSet<String>>, place: &Place) -> Node {
    let node = |index: u32| {
        let of_node = labels.iter().filter_map(|(label, values)| {
            let value = values.iter().nth(index as usize % values.len())?;
            Some(Entry::new(label, Node::text(value, place)))
        });
        let labels = Entry::new("labels", map(of_node.collect(), place));
        match index {
            0 => Entry::new("manager1", map(vec![Entry::new("role", Node::text("manager", place)), labels], place)),
            index => Entry::new(format!("worker{index}"), map(vec![labels], place)),
        }
    };
    map(vec![Entry::new("nodes", map((0..=WORKERS).map(node).collect(), place))], place)
}

fn map(entries: Vec<Entry>, place: &Place) -> Node {
    Node { value: Value::Map(entries), place: place.clone() }
}

/// The events of `--then`: an instant and a command line each.
fn timeline(then: &[String], problems: &mut Problems) -> Vec<Node> {
    let mut events = Vec::new();
    for text in then {
        let file = Arc::new(SourceFile { name: format!("--then {text}"), text: text.clone() });
        let blank = text.find(char::is_whitespace);
        let Some(blank) = blank else {
            let place = Place::new(&file, 0..text.len());
            let message = "expected an instant and a command: `30s docker service update --image api:2 api`";
            problems.push(Diagnostic::new(Code::Malformed, &place, message));
            continue;
        };
        let command = text[blank..].trim();
        let start = text.len() - text[blank..].trim_start().len();
        let word = |at: std::ops::Range<usize>| Node::text(&text[at.clone()], &Place::new(&file, at));
        let line = word(start..start + command.len());
        let words: Vec<&str> = command.split_whitespace().take(2).collect();
        let is_fault = matches!(words[..], ["node", "crash" | "stop" | "start"] | ["link" | "managers", _]);
        let place = Place::new(&file, 0..text.len());
        events.push(map(
            vec![Entry::new("at", word(0..blank)), Entry::new(if is_fault { "fault" } else { "run" }, line)],
            &place,
        ));
    }
    events
}

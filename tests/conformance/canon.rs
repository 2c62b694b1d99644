//! The canonical form of a trace, in which chance plays no part, and the comparison of two of them.
//!
//! The levels and what they leave out are those of the recorded cases' own description.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::case::{Case, NodeCase, NodeRef};
use super::trace::Event;

pub const LEVELS: [&str; 6] = ["status", "errors", "flow", "places", "slots", "spread"];

/// State of a task at an instant: time, state, desired state, class of the node.
type Row = (u64, String, String, String);

/// A task in a slot's history: its first row and image, all rows, time of removal.
type History = (Row, String, Vec<Row>, Option<u64>);

/// The lines of each level; equal lines mean equal levels.
pub type Canon = BTreeMap<&'static str, Vec<String>>;

struct Task {
    service: String,
    place: String,
    image: String,
    node: Option<String>,
    rows: Vec<Row>,
    removed: Option<u64>,
}

/// Name of a node to its class: nodes that nothing in the case tells apart share one.
pub fn node_classes(case: &Case) -> BTreeMap<String, String> {
    let by_name = case.specs().flat_map(|spec| &spec.constraints).flatten().any(|text| text.contains("node.hostname"));
    let class = |(joins, node): (u64, &NodeCase)| {
        let NodeCase { name, availability, labels, nano_cpus, memory_bytes } = node;
        let own = case.actions.iter().filter(|action| matches!(&action.node, Some(NodeRef::Name(of)) if of == name));
        let own: Vec<_> = own.map(|action| (action.at_ms, &action.verb, action.to, &action.labels)).collect();
        let fails: Vec<_> = case.images.iter().filter(|(_, image)| image.fails_on.contains(name)).collect();
        let fails: Vec<&String> = fails.into_iter().map(|(image, _)| image).collect();
        let name = if by_name { name } else { "" };
        format!("{:?}", (name, joins, availability, labels, nano_cpus, memory_bytes, own, fails))
    };
    case.nodes().map(|(joins, node)| (node.name.clone(), class((joins, node)))).collect()
}

/// The canonical form of a trace.
pub fn canon(classes: &BTreeMap<String, String>, events: &[Event]) -> Canon {
    let mut tasks: BTreeMap<u64, Task> = BTreeMap::new();
    let mut status: BTreeMap<&str, Vec<(u64, &str, String)>> = BTreeMap::new();
    let mut errors = Vec::new();
    for event in last_of_instant(events) {
        match event {
            Event::Task { at, task, service, slot, image, node, state, desired } => {
                let place = slot.map_or_else(|| format!("node {node:?}"), |slot| slot.to_string());
                let class = node.as_ref().map_or(String::new(), |node| classes[node].clone());
                let task = tasks.entry(*task).or_insert_with(|| Task {
                    service: service.clone(),
                    place,
                    image: image.clone(),
                    node: None,
                    rows: Vec::new(),
                    removed: None,
                });
                task.node = node.clone().or(task.node.take());
                task.rows.push((*at, state.clone(), desired.clone(), class));
            }
            Event::Removed { at, task } => {
                if let Some(task) = tasks.get_mut(task) {
                    task.removed = Some(*at);
                }
            }
            Event::Status { at, service, state, message } => {
                let history = status.entry(service).or_default();
                history.pop_if(|(last, state, _)| *last == *at && *state == "none");
                history.push((*at, state, without_task_number(message)));
            }
            Event::Error { at, action, message } => errors.push((at, action, message)),
        }
    }
    let mut canon = task_levels(&tasks);
    let status =
        status.iter().flat_map(|(service, history)| history.iter().map(move |row| format!("{service} {row:?}")));
    canon.insert("status", status.collect());
    canon.insert("errors", errors.iter().map(|error| format!("{error:?}")).collect());
    canon
}

fn task_levels(tasks: &BTreeMap<u64, Task>) -> Canon {
    let (mut flow, mut places) = (Vec::new(), Vec::new());
    let mut slots: BTreeMap<(&str, &str), Vec<History>> = BTreeMap::new();
    let mut running: BTreeMap<(&str, &str), (&str, u32)> = BTreeMap::new();
    for Task { service, place, image, node, rows, removed } in tasks.values() {
        for (at, state, desired, class) in rows {
            flow.push(format!("{at:>7} {service} {image} {state}, desired {desired}"));
            places.push(format!("{at:>7} {service} {image} {state}, desired {desired}, {class}"));
        }
        flow.extend(removed.map(|at| format!("{at:>7} {service} {image} removed")));
        let history = (rows[0].clone(), image.clone(), rows.clone(), *removed);
        slots.entry((service, place)).or_default().push(history);
        let (_, state, _, class) = &rows[rows.len() - 1];
        if let (None, Some(node), "running") = (removed, node, &**state) {
            running.entry((service, node)).or_insert((class, 0)).1 += 1;
        }
    }
    let spread = running.iter().map(|((service, _), of_class)| format!("{service} {of_class:?}")).collect();
    let slots = slots.into_iter().map(|((service, _), mut tasks)| {
        tasks.sort();
        format!("{service} {tasks:?}")
    });
    let mut levels = Canon::from([("flow", flow), ("places", places), ("slots", slots.collect()), ("spread", spread)]);
    levels.values_mut().for_each(|lines| lines.sort());
    levels
}

/// Of several events of one task in one instant only the last counts.
fn last_of_instant(events: &[Event]) -> Vec<&Event> {
    let mut seen = BTreeSet::new();
    let mut kept: Vec<&Event> = events
        .iter()
        .rev()
        .filter(|event| match event {
            Event::Task { at, task, .. } => seen.insert((*task, *at)),
            _ => true,
        })
        .collect();
    kept.reverse();
    kept
}

fn without_task_number(message: &str) -> String {
    match message.rsplit_once(" task ") {
        Some((start, number)) if number.bytes().all(|b| b.is_ascii_digit()) => format!("{start} task"),
        _ => message.to_owned(),
    }
}

/// Where a trace first differs from what was recorded.
pub struct Difference {
    level: &'static str,
    recorded: String,
    simulated: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Difference { level, recorded, simulated } = self;
        write!(f, "differs in {level}\n  recorded:  {recorded}\n  simulated: {simulated}")
    }
}

/// The first level on which `got` agrees with none of the recorded outcomes that agreed so far, and the first line on it that
/// differs from the outcome that agrees the longest; `None` when one outcome agrees throughout.
pub fn first_difference(got: &Canon, recorded: &[Canon], distinct: &BTreeMap<String, u32>) -> Option<Difference> {
    let mut left: Vec<&Canon> = recorded.iter().collect();
    for level in LEVELS {
        // On these levels the recorded runs of one outcome may differ among themselves.
        if matches!(level, "places" | "slots" | "spread") && distinct[level] > 1 {
            continue;
        }
        let agreeing = |canon: &&Canon| canon[level].iter().zip(&got[level]).take_while(|(a, b)| a == b).count();
        let closest = left.iter().copied().max_by_key(agreeing)?;
        left.retain(|canon| canon[level] == got[level]);
        if left.is_empty() {
            let line =
                |canon: &Canon| canon[level].get(agreeing(&closest)).map_or("the end", String::as_str).to_owned();
            return Some(Difference { level, recorded: line(closest), simulated: line(got) });
        }
    }
    None
}

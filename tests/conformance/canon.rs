//! The canonical form of a trace, in which chance plays no part, and the comparison of two of them.
//!
//! The levels and what they leave out are those of the recorded cases' own description.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::case::Case;
use super::trace::Event;

pub const LEVELS: [&str; 6] = ["status", "errors", "flow", "places", "slots", "spread"];

/// State of a task at an instant: time, state, desired state, class of the node.
type Row = (u64, String, String, String);

/// A task in a slot's history: its first row and image, all rows, time of removal.
type History = (Row, String, Vec<Row>, Option<u64>);

/// One text per level; equal texts mean equal levels.
pub type Canon = BTreeMap<&'static str, String>;

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
    let by_name = case.actions.iter().any(|action| action.to_string().contains("node.hostname"))
        || case.services.iter().any(|service| service.mentions_hostname());
    let added = case.actions.iter().filter(|action| action["do"] == "node-add");
    let nodes = case.cluster.nodes.iter().chain(added);
    nodes
        .map(|node| {
            let name = node["name"].as_str().or(node["node"].as_str()).unwrap_or_default();
            let own_actions: Vec<&Value> = case.actions.iter().filter(|action| action["node"] == name).collect();
            let fails: Vec<&String> = case
                .images
                .iter()
                .filter(|(_, image)| image.fails_on.iter().any(|on| on == name))
                .map(|(i, _)| i)
                .collect();
            let mut traits = node.clone();
            if let Some(traits) = traits.as_object_mut().filter(|_| !by_name) {
                traits.remove("name");
            }
            let mut own_actions: Vec<Value> = own_actions.into_iter().cloned().collect();
            for action in own_actions.iter_mut().filter_map(Value::as_object_mut).filter(|_| !by_name) {
                action.remove("node");
                action.remove("name");
            }
            (name.to_owned(), format!("{traits} {own_actions:?} {fails:?}"))
        })
        .collect()
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
    canon.insert("status", format!("{status:?}"));
    canon.insert("errors", format!("{errors:?}"));
    canon
}

fn task_levels(tasks: &BTreeMap<u64, Task>) -> Canon {
    let (mut flow, mut places, mut spread) = (Vec::new(), Vec::new(), Vec::new());
    let mut slots: BTreeMap<(&str, &str), Vec<History>> = BTreeMap::new();
    let mut running: BTreeMap<(&str, &str), (&str, u32)> = BTreeMap::new();
    for task in tasks.values() {
        for row @ (at, state, desired, _) in &task.rows {
            flow.push((*at, &*task.service, &*task.image, &**state, &**desired));
            places.push((&*task.service, &*task.image, row));
        }
        if let Some(at) = task.removed {
            flow.push((at, &task.service, &task.image, "removed", ""));
        }
        let history = (task.rows[0].clone(), task.image.clone(), task.rows.clone(), task.removed);
        slots.entry((&task.service, &task.place)).or_default().push(history);
        let (_, state, _, class) = &task.rows[task.rows.len() - 1];
        if let (None, Some(node), "running") = (task.removed, &task.node, &**state) {
            running.entry((&task.service, node)).or_insert((class, 0)).1 += 1;
        }
    }
    spread.extend(running.iter().map(|((service, _), of_class)| (*service, *of_class)));
    let mut histories: Vec<(&str, Vec<History>)> =
        slots.into_iter().map(|((service, _), tasks)| (service, tasks)).collect();
    histories.iter_mut().for_each(|(_, tasks)| tasks.sort());
    flow.sort();
    places.sort();
    spread.sort();
    histories.sort();
    Canon::from([
        ("flow", format!("{flow:?}")),
        ("places", format!("{places:?}")),
        ("slots", format!("{histories:?}")),
        ("spread", format!("{spread:?}")),
    ])
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

/// The first level on which `got` agrees with none of the recorded outcomes that agreed so far; `None` when one agrees throughout.
pub fn first_difference(got: &Canon, recorded: &[Canon], distinct: &BTreeMap<String, u32>) -> Option<&'static str> {
    let mut left: Vec<&Canon> = recorded.iter().collect();
    for level in LEVELS {
        // On these levels the recorded runs of one outcome may differ among themselves.
        if matches!(level, "places" | "slots" | "spread") && distinct[level] > 1 {
            continue;
        }
        left.retain(|canon| canon[level] == got[level]);
        if left.is_empty() {
            return Some(level);
        }
    }
    None
}

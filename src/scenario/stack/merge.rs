//! Lays one stack file over another, as docker joins the files of several `-c`.
//!
//! Services come in their canonical form. A value that says nothing (`0s`, `0`, `false`, an empty text) never counts, but for
//! the numbers that docker keeps apart from their absence.
//!
//! Source: cli: cli/compose/loader/merge.go; dario.cat/mergo (cli-and-compose b.4).

use std::collections::BTreeMap;

use crate::scenario::docker::values::memory;
use crate::scenario::duration::parse_go_duration;
use crate::scenario::source::{Entry, Node, Value, lay_over};

/// Lays a service of a later file over the one of the same name.
pub(super) fn merge_services(base: &mut Node, over: Node) {
    let Value::Map(entries) = over.value else { return };
    for (key, by) in KEYED {
        let later = entries.iter().find(|entry| entry.key.value == key).map(|entry| entry.value.items().to_vec());
        if let Some(node) = child(base, key) {
            *node = keyed(node, later.unwrap_or_default(), by);
        }
    }
    for entry in entries {
        let key = entry.key.value.clone();
        match (key.as_str(), child(base, &key)) {
            (_, None) => push(base, entry),
            ("command" | "entrypoint", Some(node)) if !entry.value.items().is_empty() => *node = entry.value,
            ("command" | "entrypoint", Some(_)) => {}
            ("environment", Some(node)) => merge_names(node, entry.value, |new| !is_nothing(new)),
            ("labels" | "sysctls", Some(node)) => merge_names(node, entry.value, |_| true),
            ("ulimits", Some(node)) => merge_names(node, entry.value, |_| true),
            ("networks", Some(node)) => merge_networks(node, entry.value),
            ("logging", Some(node)) => merge_logging(node, entry.value),
            (key, Some(_)) if KEYED.iter().any(|(keyed, _)| *keyed == key) => {}
            (_, Some(node)) => merge(&key, node, entry.value),
        }
    }
}

/// Lists of which an item replaces the one with the same key: published port, target of a mount, name of an object. As soon
/// as a service stands in two files, one item is left of those with the same key, and they are sorted by it.
const KEYED: [(&str, &str); 4] =
    [("ports", "published"), ("volumes", "target"), ("configs", "source"), ("secrets", "source")];

/// Numbers of which 0 counts.
const COUNTED: [&str; 4] = ["replicas", "parallelism", "max_attempts", "retries"];

/// Texts that are durations.
const DURATIONS: [&str; 8] =
    ["delay", "monitor", "window", "stop_grace_period", "interval", "timeout", "start_period", "start_interval"];

fn child<'a>(node: &'a mut Node, key: &str) -> Option<&'a mut Node> {
    let Value::Map(entries) = &mut node.value else { return None };
    entries.iter_mut().find(|entry| entry.key.value == key).map(|entry| &mut entry.value)
}

fn push(node: &mut Node, entry: Entry) {
    if let Value::Map(entries) = &mut node.value {
        entries.push(entry);
    }
}

/// Mappings are merged key by key, lists joined, anything else replaced.
fn merge(key: &str, node: &mut Node, over: Node) {
    match (&mut node.value, over.value) {
        (Value::Map(known), Value::Map(entries)) => {
            lay_over(known, entries, |known, entry| match known.key.value.as_str() {
                "labels" => merge_names(&mut known.value, entry.value, |_| true),
                key => merge(key, &mut known.value, entry.value),
            });
        }
        (Value::Seq(items), Value::Seq(more)) => items.extend(more),
        (_, value) => {
            let over = Node { value, place: over.place };
            let is_zero = match &over.value {
                Value::String(text) if DURATIONS.contains(&key) => parse_go_duration(text) == Ok(0),
                Value::String(text) if key == "memory" => memory(text) == Ok(0),
                _ => is_nothing(&over) && !COUNTED.contains(&key),
            };
            if !is_zero {
                *node = over;
            }
        }
    }
}

fn is_nothing(node: &Node) -> bool {
    match &node.value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Integer(value) => *value == 0,
        Value::Float(value) => *value == 0.0,
        Value::String(text) => text.is_empty(),
        Value::Seq(items) => items.is_empty(),
        Value::Map(_) => false,
    }
}

/// Takes over the names of a mapping; one that is there is replaced if the new value `counts`.
fn merge_names(node: &mut Node, over: Node, counts: impl Fn(&Node) -> bool) {
    let Value::Map(entries) = over.value else { return };
    let Value::Map(names) = &mut node.value else { return };
    lay_over(names, entries, |known, entry| {
        if counts(&entry.value) || is_nothing(&known.value) {
            known.value = entry.value;
        }
    });
}

/// The aliases of a network are replaced, even by none, unless the later file only names the network.
fn merge_networks(node: &mut Node, over: Node) {
    let Value::Map(entries) = over.value else { return };
    let Value::Map(networks) = &mut node.value else { return };
    lay_over(networks, entries, |Entry { value: attachment, .. }, entry| {
        if entry.value.value == Value::Null {
            return;
        }
        let kept = attachment.entries().iter().filter(|kept| kept.key.value == "driver_opts").cloned();
        let new = entry.value.entries().iter().filter(|new| new.key.value != "driver_opts").cloned();
        let both =
            if attachment.value == Value::Null { entry.value.entries().to_vec() } else { new.chain(kept).collect() };
        *attachment = Node { value: Value::Map(both), place: entry.value.place };
    });
}

/// Options of one driver are joined; another driver replaces the old one with them. Options are lost where the earlier file has
/// none.
fn merge_logging(node: &mut Node, over: Node) {
    let driver = |logging: &Node| logging.get("driver").map(ToString::to_string).unwrap_or_default();
    let (before, after) = (driver(node), driver(&over));
    if before != after && !before.is_empty() && !after.is_empty() {
        *node = over;
        return;
    }
    let Value::Map(entries) = over.value else { return };
    for entry in entries {
        match (entry.key.value.as_str(), child(node, &entry.key.value)) {
            ("options", Some(options)) => merge_names(options, entry.value, |_| true),
            ("driver", None) => push(node, entry),
            ("driver", Some(driver)) if is_nothing(driver) => *driver = entry.value,
            _ => {}
        }
    }
}

/// The items of both lists, the last of each key, sorted by it.
fn keyed(node: &Node, later: Vec<Node>, by: &str) -> Node {
    // Numbers are sorted as such, and so come first.
    let key = |item: &Node| match item.get(by).map(|key| &key.value) {
        Some(Value::Integer(number)) => (*number, String::new()),
        Some(_) => (i128::MAX, item.get(by).map(ToString::to_string).unwrap_or_default()),
        None => (0, String::new()),
    };
    let all = node.items().iter().cloned().chain(later);
    let last: BTreeMap<(i128, String), Node> = all.map(|item| (key(&item), item)).collect();
    Node { value: Value::Seq(last.into_values().collect()), place: node.place.clone() }
}

//! Where the guilty key stands.

use crate::diag::Place;

use super::super::source::{Node, Value};

/// Where a service got what it is.
pub(super) struct Origin<'a> {
    /// The entry of the service, or the scenario.
    node: Option<&'a Node>,
    /// The name of the service, or the line.
    place: Place,
}

impl<'a> Origin<'a> {
    /// The entry of a service in the file.
    pub(super) fn file(root: &'a Node, service: &str) -> Origin<'a> {
        let entry = root.get("services").and_then(|services| entry(services, service));
        match entry {
            Some((place, node)) => Origin { node: Some(node), place: place.clone() },
            None => Origin { node: None, place: root.place.clone() },
        }
    }

    /// A line of the timeline.
    pub(super) fn line(root: &Node, line: &str) -> Origin<'static> {
        let events = match root.get("timeline").map(|timeline| &timeline.value) {
            Some(Value::Seq(events)) => events.as_slice(),
            _ => &[],
        };
        let runs = events.iter().filter_map(|event| event.get("run"));
        let is_it = |run: &&Node| matches!(&run.value, Value::String(text) if text.trim_matches(['\r', '\n']) == line);
        let place = runs.clone().find(is_it).map_or(&root.place, |run| &run.place);
        Origin { node: None, place: place.clone() }
    }

    /// The key at a path, or the nearest above it that is there.
    pub(super) fn place(&self, path: &str) -> Place {
        let mut place = &self.place;
        let mut node = self.node;
        for segment in path.split('.') {
            let Some((key, below)) = node.and_then(|node| entry(node, segment)) else { break };
            (place, node) = (key, Some(below));
        }
        place.clone()
    }
}

/// The place of a key, and its value.
fn entry<'a>(node: &'a Node, key: &str) -> Option<(&'a Place, &'a Node)> {
    let Value::Map(entries) = &node.value else { return None };
    entries.iter().find(|entry| entry.key.value == key).map(|entry| (&entry.key.place, &entry.value))
}

//! Where the guilty key stands.

use std::collections::BTreeMap;

use crate::diag::Place;

use super::super::source::{Entry, Node};

/// Where a service got what it is.
pub(super) struct Origin<'a> {
    /// The entry of the service, or the scenario.
    node: Option<&'a Node>,
    /// The name of the service, or the line.
    place: Place,
}

/// The services of a scenario and the lines of its timeline.
pub(super) struct Origins<'a> {
    root: &'a Node,
    services: BTreeMap<&'a str, &'a Entry>,
    lines: BTreeMap<&'a str, &'a Place>,
}

impl<'a> Origins<'a> {
    /// Those of a scenario.
    pub(super) fn of(root: &'a Node) -> Origins<'a> {
        let services = root.get("services").map_or(&[][..], Node::entries);
        let events = root.get("timeline").map_or(&[][..], Node::items);
        let mut lines = BTreeMap::new();
        for run in events.iter().filter_map(|event| event.get("run")) {
            if let Some(text) = run.as_text() {
                lines.entry(text.trim_matches(['\r', '\n'])).or_insert(&run.place);
            }
        }
        Origins { root, services: services.iter().map(|entry| (entry.key.value.as_str(), entry)).collect(), lines }
    }

    /// The entry of a service in the file.
    pub(super) fn service(&self, name: &str) -> Origin<'a> {
        match self.services.get(name) {
            Some(entry) => Origin { node: Some(&entry.value), place: entry.key.place.clone() },
            None => Origin { node: None, place: self.root.place.clone() },
        }
    }

    /// A line of the timeline.
    pub(super) fn line(&self, line: &str) -> Origin<'a> {
        Origin { node: None, place: self.lines.get(line).map_or(&self.root.place, |place| place).clone() }
    }
}

impl Origin<'_> {
    /// The key at a path, or the nearest above it that is there.
    pub(super) fn place(&self, path: &str) -> Place {
        let mut place = &self.place;
        let mut node = self.node;
        for segment in path.split('.') {
            let entries = node.map_or(&[][..], Node::entries);
            let Some(entry) = entries.iter().find(|entry| entry.key.value == segment) else { break };
            (place, node) = (&entry.key.place, Some(&entry.value));
        }
        place.clone()
    }
}

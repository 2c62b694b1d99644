//! `ports` of a service: published ports in Compose's long form.

use std::collections::BTreeSet;

use crate::diag::{Code, Diagnostic};
use crate::model::service::{PortConfig, Protocol, PublishMode};

use super::engine;
use super::read::{Fields, Problems, items, text_of};
use super::source::Node;

/// Reads the list of published ports, in docker's order.
///
/// Source: cli: cli/compose/convert/service.go `convertEndpointSpec`.
pub(super) fn read_ports(node: &Node, problems: &mut Problems) -> Option<Vec<PortConfig>> {
    let mut ports = Vec::new();
    let mut published = BTreeSet::new();
    for item in items(node, problems)? {
        let Some(port) = read_port(item, problems) else { continue };
        if port.published != 0 && !published.insert((port.published, port.protocol as u8)) {
            let message = engine::invalid("EndpointSpec: duplicate published ports provided");
            problems.push(Diagnostic::new(Code::Conflict, &item.place, message));
        }
        ports.push(port);
    }
    ports.sort_by_key(|port| (port.published, port.target, port.protocol as u8, port.mode as u8));
    Some(ports)
}

fn read_port(node: &Node, problems: &mut Problems) -> Option<PortConfig> {
    let mut fields = Fields::of(node, problems)?;
    let target = fields.require("target");
    let published = fields.read("published").unwrap_or(0);
    let protocols = [("tcp", Protocol::Tcp), ("udp", Protocol::Udp), ("sctp", Protocol::Sctp)];
    let protocol = fields.read_with("protocol", |node, problems| lenient(node, &protocols, problems));
    let modes = [("ingress", PublishMode::Ingress), ("host", PublishMode::Host)];
    let mode = fields.read_with("mode", |node, problems| lenient(node, &modes, problems)).unwrap_or_default();
    fields.finish();
    Some(PortConfig { target: target?, published, protocol: protocol.unwrap_or_default(), mode })
}

/// A word of the table; any other is the first of it, as the engine takes it, which is told.
///
/// Source: moby: daemon/cluster/convert/service.go `ServiceSpecToGRPC` (cli-and-compose rule 15).
fn lenient<T: Copy>(node: &Node, words: &[(&str, T)], problems: &mut Problems) -> Option<T> {
    let text = text_of(node, problems)?;
    let known = words.iter().find(|(word, _)| *word == text.to_lowercase());
    if known.is_none() {
        let message = format!("Swarm does not know `{text}` and takes it as `{}`", words[0].0);
        problems.push(Diagnostic::new(Code::IgnoredBySwarm, &node.place, message));
    }
    Some(known.unwrap_or(&words[0]).1)
}

//! `ports` of a service: published ports in Compose's short and long form.

use std::collections::BTreeSet;

use crate::diag::{Code, Diagnostic, Place};
use crate::model::service::{PortConfig, Protocol, PublishMode};

use super::docker::ports::parse_short;
use super::read::{Fields, Problems, checked, items, text_of, wrong_type};
use super::source::{Node, Value};
use super::unsimulated::report_host_port;

/// Reads the list of published ports.
pub(super) fn read_ports(node: &Node, problems: &mut Problems) -> Option<Vec<PortConfig>> {
    let mut ports = Vec::new();
    let mut published = BTreeSet::new();
    for item in items(node, problems)? {
        for port in read_port(item, problems).unwrap_or_default() {
            if port.published != 0 && !published.insert((port.published, port.protocol as u8)) {
                let message = "duplicate published ports provided";
                problems.push(Diagnostic::new(Code::Conflict, &item.place, message));
            }
            ports.push(port);
        }
    }
    Some(ports)
}

fn read_port(node: &Node, problems: &mut Problems) -> Option<Vec<PortConfig>> {
    match &node.value {
        Value::String(text) => read_short(text, &node.place, problems),
        Value::Integer(number) => read_short(&number.to_string(), &node.place, problems),
        Value::Map(_) => read_long(node, problems).map(|port| vec![port]),
        _ => wrong_type(node, "a port such as `8080:80`", problems),
    }
}

/// `[[address:]published:]target[/protocol]`; the address is ignored.
///
/// Source: cli: cli/compose/loader/loader.go `toServicePortConfigs`.
fn read_short(text: &str, place: &Place, problems: &mut Problems) -> Option<Vec<PortConfig>> {
    let mut spec = text.trim_start_matches(':');
    if let Some((address, ports)) = split_address(text) {
        let message = format!("Swarm ignores the address `{address}`: the service listens on all");
        problems.push(Diagnostic::new(Code::IgnoredBySwarm, place, message));
        spec = ports;
    }
    checked(parse_short(spec), place, problems)
}

/// The address before `published:target`, and the rest.
fn split_address(text: &str) -> Option<(&str, &str)> {
    let (before, _) = text.rsplit_once(':')?;
    let (address, _) = before.rsplit_once(':')?;
    Some((address, &text[address.len() + 1..]))
}

fn read_long(node: &Node, problems: &mut Problems) -> Option<PortConfig> {
    let mut fields = Fields::of(node, problems)?;
    let target = fields.require("target");
    let published = fields.read("published").unwrap_or(0);
    let protocols = [("tcp", Protocol::Tcp), ("udp", Protocol::Udp), ("sctp", Protocol::Sctp)];
    let protocol = fields.read_with("protocol", |node, problems| lenient(node, &protocols, problems));
    let modes = [("ingress", PublishMode::Ingress), ("host", PublishMode::Host)];
    let mode = fields.read_with("mode", |node, problems| lenient(node, &modes, problems)).unwrap_or_default();
    if let Some(node) = fields.node("mode").filter(|_| mode == PublishMode::Host) {
        report_host_port(&node.place, fields.problems);
    }
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

//! One way to write a service: Compose's short forms turned into its long ones.
//!
//! What is of the wrong type is left as it is, for those who read it.
//!
//! Source: cli: cli/compose/loader/loader.go `Transform` and the transformers (cli-and-compose b.3).

use std::collections::BTreeSet;

use crate::diag::{Code, Diagnostic, Place};
use crate::model::service::PortConfig;

use super::date;
use super::docker::ports::{parse_short, split_address};
use super::docker::values::shell_words;
use super::mount;
use super::read::Problems;
use super::source::{Entry, Node, Spanned, Value};

/// The service with all its short forms written out.
pub(super) fn canonical(service: &Node, problems: &mut Problems) -> Node {
    each(service, |key, value| match key {
        "command" | "entrypoint" => words(key, value, problems),
        "environment" => pairs(value, "=", true),
        "labels" | "sysctls" => pairs(value, "=", false),
        "deploy" => each(value, |key, value| if key == "labels" { pairs(value, "=", false) } else { value.clone() }),
        "logging" => each(value, |key, value| if key == "options" { pairs(value, "=", false) } else { value.clone() }),
        "healthcheck" => each(value, |key, value| if key == "test" { words_of_test(value) } else { value.clone() }),
        "dns" | "dns_search" | "tmpfs" | "env_file" => texts(value),
        "extra_hosts" => hosts(value),
        "ports" => {
            let mut room = MOST_PORTS;
            items(value, |item| ports(item, &mut room, problems))
        }
        "volumes" => {
            let mut index = 0..;
            items(value, |item| vec![volume(item, index.next().unwrap_or(0), problems)])
        }
        "configs" | "secrets" => items(value, |item| vec![object(item)]),
        "networks" => networks(value),
        "ulimits" => each(value, |_, value| ulimit(value)),
        _ => value.clone(),
    })
}

/// The definition of a volume with its short forms written out.
pub(super) fn canonical_volume(definition: &Node) -> Node {
    each(definition, |key, value| match key {
        "labels" | "driver_opts" => pairs(value, "=", false),
        _ => value.clone(),
    })
}

/// A mapping with each value replaced.
fn each(node: &Node, mut replace: impl FnMut(&str, &Node) -> Node) -> Node {
    let Value::Map(entries) = &node.value else { return node.clone() };
    let replaced =
        entries.iter().map(|Entry { key, value }| Entry { key: key.clone(), value: replace(&key.value, value) });
    Node { value: Value::Map(replaced.collect()), place: node.place.clone() }
}

/// A list with each item replaced by some.
fn items(node: &Node, replace: impl FnMut(&Node) -> Vec<Node>) -> Node {
    let Value::Seq(items) = &node.value else { return node.clone() };
    Node { value: Value::Seq(items.iter().flat_map(replace).collect()), place: node.place.clone() }
}

fn list(items: Vec<Node>, place: &Place) -> Node {
    Node { value: Value::Seq(items), place: place.clone() }
}

fn map(entries: Vec<Entry>, place: &Place) -> Node {
    Node { value: Value::Map(entries), place: place.clone() }
}

/// A list of words; a text is split as a shell does.
fn words(key: &str, node: &Node, problems: &mut Problems) -> Node {
    let Some(text) = node.as_text() else { return node.clone() };
    match shell_words(text) {
        Ok(words) => list(words.into_iter().map(|word| Node::text(word, &node.place)).collect(), &node.place),
        Err(why) => {
            let name = if key == "command" { "Command" } else { "Entrypoint" };
            problems.push(undecodable(name, &why, &node.place));
            list(Vec::new(), &node.place)
        }
    }
}

/// What docker says of a value that is of the right type and cannot be understood.
pub(super) fn undecodable(field: &str, why: &str, place: &Place) -> Diagnostic {
    let message = format!("decoding failed due to the following error(s): '{field}' {why}");
    Diagnostic::new(Code::Malformed, place, message)
}

/// A mapping from names to texts; a list of `NAME=TEXT` is one too. `bare`: whether a name without a value has none.
fn pairs(node: &Node, separator: &str, bare: bool) -> Node {
    let none = |place: &Place| {
        let value = if bare { Value::Null } else { Value::String(String::new()) };
        Node { value, place: place.clone() }
    };
    match &node.value {
        Value::Map(_) => each(node, |_, value| match &value.value {
            Value::Null => none(&value.place),
            Value::Integer(_) | Value::Float(_) => Node::text(value.to_string(), &value.place),
            Value::String(text) if value.is_plain() => {
                date::spelled_out(text).map_or_else(|| value.clone(), |date| Node::text(date, &value.place))
            }
            _ => value.clone(),
        }),
        Value::Seq(items) if items.iter().all(|item| item.as_text().is_some()) => {
            let split = |item: &Node| {
                let text = item.as_text().unwrap_or_default();
                match text.split_once(separator) {
                    Some((name, value)) => Entry::new(name, Node::text(value, &item.place)),
                    None => Entry::new(text, none(&item.place)),
                }
            };
            let mut entries: Vec<Entry> = items.iter().map(split).collect();
            // Of two the later counts.
            let mut seen = BTreeSet::new();
            entries.reverse();
            entries.retain(|entry| seen.insert(entry.key.value.clone()));
            entries.reverse();
            map(entries, &node.place)
        }
        _ => node.clone(),
    }
}

/// The words of a health check's test; a text is a command for a shell.
pub(super) fn words_of_test(node: &Node) -> Node {
    match node.as_text() {
        Some(_) => list(vec![Node::text("CMD-SHELL", &node.place), node.clone()], &node.place),
        None => node.clone(),
    }
}

/// A list of texts; a single one is a list too.
fn texts(node: &Node) -> Node {
    if node.as_text().is_some() { list(vec![node.clone()], &node.place) } else { node.clone() }
}

/// A list of `HOST:IP`, in the order of the file; a mapping is sorted.
///
/// Source: cli: cli/compose/loader/loader.go `transformHostsList`.
fn hosts(node: &Node) -> Node {
    let join = |host: &str, ip: &str, place: &Place| {
        let bare = ip.strip_prefix('[').and_then(|ip| ip.strip_suffix(']')).filter(|ip| !ip.is_empty());
        Node::text(format!("{host}:{}", bare.unwrap_or(ip)), place)
    };
    match &node.value {
        Value::Map(entries) => {
            let with_ip = entries.iter().filter(|entry| entry.value.value != Value::Null);
            let mut hosts: Vec<Node> =
                with_ip.map(|entry| join(&entry.key.value, &entry.value.to_string(), &entry.value.place)).collect();
            hosts.sort_by_key(ToString::to_string);
            list(hosts, &node.place)
        }
        Value::Seq(_) => items(node, |item| {
            let Some(text) = item.as_text() else { return vec![item.clone()] };
            let parts = text.split_once('=').or_else(|| text.split_once(':'));
            parts.map(|(host, ip)| join(host, ip, &item.place)).into_iter().collect()
        }),
        _ => node.clone(),
    }
}

/// Most ports that the short forms of a service may come to: each there is, once.
const MOST_PORTS: usize = 65_535;

/// `[[address:]published:]target[/protocol]` as mappings; the address is ignored. `room`: how many more there may be.
///
/// Source: cli: cli/compose/loader/loader.go `toServicePortConfigs`.
fn ports(node: &Node, room: &mut usize, problems: &mut Problems) -> Vec<Node> {
    let text = match &node.value {
        Value::String(text) => text.clone(),
        Value::Integer(number) => number.to_string(),
        _ => return vec![node.clone()],
    };
    let mut spec = text.trim_start_matches(':');
    if let Some((address, ports)) = split_address(&text).filter(|(address, _)| !address.is_empty()) {
        if !matches!(address, "0.0.0.0" | "[::]" | "::") {
            let message = format!("Swarm ignores the address `{address}`: the service listens on all");
            problems.push(Diagnostic::new(Code::IgnoredBySwarm, &node.place, message));
        }
        spec = ports;
    }
    match parse_short(spec) {
        Ok(ports) if ports.len() > *room => {
            let message = format!("a service with more than {MOST_PORTS} ports is not simulated");
            problems.push(Diagnostic::new(Code::NotSimulated, &node.place, message));
            Vec::new()
        }
        Ok(ports) => {
            *room -= ports.len();
            let mut ports: Vec<PortConfig> = ports.collect();
            ports.sort_by_key(|port| port.target.to_string());
            ports.iter().map(|port| port_node(port, &node.place)).collect()
        }
        Err(message) => {
            problems.push(Diagnostic::new(Code::Malformed, &node.place, message));
            Vec::new()
        }
    }
}

fn port_node(port: &PortConfig, place: &Place) -> Node {
    let number = |number: u16| Node { value: Value::Integer(number.into()), place: place.clone() };
    map(
        vec![
            Entry::new("target", number(port.target)),
            Entry::new("published", number(port.published)),
            Entry::new("protocol", Node::text(port.protocol.name(), place)),
        ],
        place,
    )
}

/// A mount; `index`: which of the service's.
fn volume(node: &Node, index: usize, problems: &mut Problems) -> Node {
    let Some(text) = node.as_text() else { return node.clone() };
    mount::parse(text, &node.place).unwrap_or_else(|why| {
        problems.push(undecodable(&format!("Volumes[{index}]"), &why, &node.place));
        map(Vec::new(), &node.place)
    })
}

/// A reference to a config or a secret.
fn object(node: &Node) -> Node {
    match node.as_text() {
        Some(_) => map(vec![Entry::new("source", node.clone())], &node.place),
        None => node.clone(),
    }
}

/// A mapping from names of networks; a list of names is one too.
fn networks(node: &Node) -> Node {
    let Value::Seq(items) = &node.value else { return node.clone() };
    if items.iter().any(|item| item.as_text().is_none()) {
        return node.clone();
    }
    let entry = |item: &Node| Entry {
        key: Spanned { value: item.to_string(), place: item.place.clone() },
        value: Node { value: Value::Null, place: item.place.clone() },
    };
    map(items.iter().map(entry).collect(), &node.place)
}

/// Both limits; one number is both.
fn ulimit(node: &Node) -> Node {
    match node.value {
        Value::Integer(_) => map(vec![Entry::new("soft", node.clone()), Entry::new("hard", node.clone())], &node.place),
        _ => node.clone(),
    }
}

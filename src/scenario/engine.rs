//! What Docker's engine refuses of a service, in its words: daemon and managers, not the front end.
//!
//! Source: moby: daemon/cluster/convert/service.go; swarmkit: manager/controlapi/service.go `validateServiceSpec`
//! (cli-and-compose a.4).

use std::collections::BTreeSet;

use crate::diag::{Code, Diagnostic, Place};

use super::docker::values::{check_constraint, check_service_name, cpus, memory};
use super::duration::parse_go_duration;
use super::read::Problems;
use super::source::{Node, Value};

/// Least CPU that Swarm takes. Source: manager/controlapi/service.go `validateResources`.
const LEAST_NANO_CPUS: u64 = 1_000_000;
/// Least memory that Swarm takes. Source: manager/controlapi/service.go `validateResources`.
const LEAST_MEMORY: u64 = 4 << 20;
/// Shortest duration of a health check that is not 0, in nanoseconds. Source: manager/controlapi/service.go
/// `validateHealthCheck`.
const SHORTEST_CHECK: i64 = 1_000_000;

/// A refusal of the managers.
pub(super) fn invalid(message: &str) -> String {
    format!("rpc error: code = InvalidArgument desc = {message}")
}

/// Reports what the managers refuse of a service in its canonical form, but for durations below zero.
pub(super) fn check(service: &Node, problems: &mut Problems) {
    let mut refuse = |code, place: &Place, message: String| problems.push(Diagnostic::new(code, place, message));
    if let Some(ratio) = service.at(&["deploy", "update_config", "max_failure_ratio"]).filter(|ratio| !is_share(ratio))
    {
        let message = invalid("TaskSpec: update-maxfailureratio cannot be less than 0 or bigger than 1");
        refuse(Code::OutOfRange, &ratio.place, message);
    }
    let mode = service.at(&["deploy", "mode"]).and_then(Node::as_text).unwrap_or_default();
    if let Some(update) = service.at(&["deploy", "update_config"]).filter(|_| mode.ends_with("-job")) {
        refuse(Code::Conflict, &update.place, invalid("Jobs may not have an update config"));
    }
    for amounts in ["limits", "reservations"] {
        let amount = |key| service.at(&["deploy", "resources", amounts, key]);
        if let Some(node) = amount("cpus")
            && let Ok(nanos @ 1..LEAST_NANO_CPUS) = cpus(&node.to_string())
        {
            let message = invalid(&format!("invalid cpu value {}: Must be at least 0.001", nanos as f64 / 1e9));
            refuse(Code::OutOfRange, &node.place, message);
        }
        if let Some(node) = amount("memory")
            && let Ok(bytes @ 1..LEAST_MEMORY) = memory(&node.to_string())
        {
            let message = invalid(&format!("invalid memory value {bytes}: Must be at least 4MiB"));
            refuse(Code::OutOfRange, &node.place, message);
        }
    }
    for constraint in service.at(&["deploy", "placement", "constraints"]).map_or(&[][..], Node::items) {
        if let Err(why) = check_constraint(&constraint.to_string()) {
            refuse(Code::Malformed, &constraint.place, format!("rpc error: code = Unknown desc = {why}"));
        }
    }
    for (key, name) in HEALTH_DURATIONS {
        if let Some(node) = service.at(&["healthcheck", key])
            && let Ok(1..SHORTEST_CHECK) = parse_go_duration(&node.to_string())
        {
            let message = invalid(&format!("ContainerSpec: {name} in HealthConfig cannot be less than 1ms"));
            refuse(Code::OutOfRange, &node.place, message);
        }
    }
    let mut targets = BTreeSet::new();
    for target in service.get("volumes").map_or(&[][..], Node::items).iter().filter_map(|mount| mount.get("target")) {
        if !targets.insert(target.to_string()) {
            refuse(Code::Conflict, &target.place, invalid(&format!("ContainerSpec: duplicate mount point: {target}")));
        }
    }
    if let Some(hostname) = service.get("hostname")
        && let Some(unknown) = unknown_field(&hostname.to_string())
    {
        let (column, field) = unknown;
        let message = invalid(&format!(
            "expanding hostname failed: template: expansion:1:{column}: executing \"expansion\" at <{field}>: can't \
             evaluate field {} in type *template.Context",
            field.trim_start_matches('.')
        ));
        refuse(Code::Malformed, &hostname.place, message);
    }
}

/// The durations of a health check, and their names in the API.
const HEALTH_DURATIONS: [(&str, &str); 4] = [
    ("interval", "Interval"),
    ("timeout", "Timeout"),
    ("start_period", "StartPeriod"),
    ("start_interval", "StartInterval"),
];

/// The durations that the managers check, and their names. Those of a rollback they take as they are.
const CHECKED_DURATIONS: [([&str; 3], &str); 4] = [
    (["deploy", "update_config", "delay"], "update-delay"),
    (["deploy", "update_config", "monitor"], "update-monitor"),
    (["deploy", "restart_policy", "delay"], "restart-delay"),
    (["deploy", "restart_policy", "window"], "restart-window"),
];

/// Reports durations below zero, which docker's front end takes. Whether there were some.
pub(super) fn check_negative(service: &Node, problems: &mut Problems) -> bool {
    let negative = |path: &[&str]| {
        let node = service.at(path)?;
        parse_go_duration(node.as_text()?).is_ok_and(|nanos| nanos < 0).then(|| node.place.clone())
    };
    let task = CHECKED_DURATIONS
        .iter()
        .filter_map(|(path, name)| negative(path).map(|place| (place, format!("TaskSpec: {name} cannot be negative"))));
    let health = HEALTH_DURATIONS.iter().filter_map(|(key, name)| {
        let message = format!("ContainerSpec: {name} in HealthConfig cannot be less than 1ms");
        negative(&["healthcheck", key]).map(|place| (place, message))
    });
    let found: Vec<_> = task.chain(health).collect();
    for (place, message) in &found {
        problems.push(Diagnostic::new(Code::OutOfRange, place, invalid(message)));
    }
    !found.is_empty()
}

/// Reports a name that no service can have.
pub(super) fn check_name(name: &str, place: &Place, problems: &mut Problems) {
    if let Err(why) = check_service_name(name) {
        problems.push(Diagnostic::new(Code::Malformed, place, invalid(&why)));
    }
}

fn is_share(node: &Node) -> bool {
    match node.value {
        Value::Integer(value) => (0..=1).contains(&value),
        Value::Float(value) => (0.0..=1.0).contains(&value),
        // What is no number is somebody else's problem.
        _ => true,
    }
}

/// The first field of a template that Swarm does not know, and its column.
///
/// Source: swarmkit: template/context.go `Context`.
fn unknown_field(template: &str) -> Option<(usize, String)> {
    let (before, rest) = template.split_once("{{")?;
    let dot = rest.len() - rest.trim_start().len();
    let name = rest[dot..].strip_prefix('.')?;
    let name: String = name.chars().take_while(|c| c.is_alphanumeric()).collect();
    if ["Service", "Node", "Task"].contains(&name.as_str()) {
        let after = rest.split_once("}}")?.1;
        let skipped = template.len() - after.len();
        return unknown_field(after).map(|(column, field)| (column + skipped, field));
    }
    Some((before.len() + 2 + dot, format!(".{name}")))
}

//! Flags of docker command lines that are accepted although what they say is not simulated yet.

use crate::model::command::{Command, Edit, SpecChange};
use crate::model::service::{EndpointMode, PortConfig, PublishMode, ServiceSpec};

/// Names of such flags, without `-add` and `-rm`, that a command stands for; each once.
pub(super) fn flags(command: &Command) -> Vec<&'static str> {
    match command {
        Command::ServiceCreate { spec, .. } => of_spec(spec),
        Command::ServiceUpdate { change, .. } => of_change(change),
        Command::ServiceRollback { .. }
        | Command::ServiceRemove { .. }
        | Command::NodeUpdate { .. }
        | Command::NodeRemove { .. }
        | Command::Fault(_) => Vec::new(),
    }
}

fn of_spec(spec: &ServiceSpec) -> Vec<&'static str> {
    let (placement, resources) = (&spec.task.placement, &spec.task.resources);
    chosen(&[
        ("--constraint", !placement.constraints.is_empty()),
        ("--placement-pref", !placement.preferences.is_empty()),
        ("--replicas-max-per-node", placement.max_replicas_per_node > 0),
        ("--reserve-cpu", resources.reserve_nano_cpus > 0),
        ("--reserve-memory", resources.reserve_memory > 0),
        ("--publish mode=host", spec.endpoint.ports.iter().any(is_host)),
        ("--endpoint-mode dnsrr", spec.endpoint.mode == EndpointMode::DnsRoundRobin),
        ("--health-*", spec.task.container.healthcheck.is_some()),
    ])
}

fn of_change(change: &SpecChange) -> Vec<&'static str> {
    let any = |is: fn(&Edit) -> bool| change.edits.iter().any(is);
    chosen(&[
        ("--constraint", any(|edit| matches!(edit, Edit::ConstraintAdd(_)))),
        ("--placement-pref", any(|edit| matches!(edit, Edit::PreferenceAdd(_)))),
        ("--replicas-max-per-node", change.max_replicas_per_node.is_some_and(|most| most > 0)),
        ("--reserve-cpu", change.reserve_nano_cpus.is_some_and(|cpus| cpus > 0)),
        ("--reserve-memory", change.reserve_memory.is_some_and(|bytes| bytes > 0)),
        ("--publish mode=host", any(|edit| matches!(edit, Edit::PublishAdd(port) if is_host(port)))),
        ("--endpoint-mode dnsrr", change.endpoint_mode == Some(EndpointMode::DnsRoundRobin)),
        ("--health-*", any(|edit| matches!(edit, Edit::Health(_)))),
    ])
}

fn is_host(port: &PortConfig) -> bool {
    port.mode == PublishMode::Host
}

fn chosen(flags: &[(&'static str, bool)]) -> Vec<&'static str> {
    flags.iter().filter(|(_, chosen)| *chosen).map(|(flag, _)| *flag).collect()
}

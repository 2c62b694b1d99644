//! What commands say that is accepted although it is not simulated yet.

use crate::diag::{Code, Diagnostic, Place};
use crate::model::command::{Command, Edit};
use crate::model::service::{EndpointMode, PortConfig, PublishMode};

use super::read::{Problems, accept_only};

/// Names what the command says without effect.
pub(super) fn report(command: &Command, place: &Place, problems: &mut Problems) {
    let (has_host_port, mode) = match command {
        Command::ServiceCreate { spec, .. } | Command::ServiceDeploy { spec, .. } => {
            (spec.endpoint.ports.iter().any(is_host), Some(spec.endpoint.mode))
        }
        Command::ServiceUpdate { change, .. } => {
            let is_host_port = |edit: &Edit| matches!(edit, Edit::PublishAdd(port) if is_host(port));
            (change.edits.iter().any(is_host_port), change.endpoint_mode)
        }
        Command::ServiceRollback { .. }
        | Command::ServiceRemove { .. }
        | Command::NodeUpdate { .. }
        | Command::NodeRemove { .. }
        | Command::ForceNewCluster
        | Command::Fault(_) => (false, None),
    };
    if has_host_port {
        report_host_port(place, problems);
    }
    if mode == Some(EndpointMode::DnsRoundRobin) {
        accept_only("--endpoint-mode dnsrr", place, problems);
    }
}

/// A port in host mode counts when tasks are placed, and not for those who send requests to it.
pub(super) fn report_host_port(place: &Place, problems: &mut Problems) {
    let message = "what clients of a port in host mode see is not simulated yet";
    problems.push(Diagnostic::new(Code::AcceptedOnly, place, message));
}

fn is_host(port: &PortConfig) -> bool {
    port.mode == PublishMode::Host
}

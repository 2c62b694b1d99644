//! Lints on the order of old and new task.

use crate::diag::Code;
use crate::model::service::{Order, PublishMode};

use super::{Case, Configured, Finding};

fn path(configured: &Configured) -> String {
    format!("{}.order", configured.path)
}

/// Source: control-plane U22, surprise 30; data-plane rule 87.
pub(super) fn start_first_with_host_port(case: &Case<'_>) -> Option<Finding> {
    let configured = case.start_first()?;
    let port = case.spec.endpoint.ports.iter().find(|port| port.mode == PublishMode::Host)?;
    let number = if port.published == 0 { port.target } else { port.published };
    let (nodes, tasks) = (case.nodes().count() as u64, case.tasks());
    let message = if tasks >= nodes {
        format!(
            "start-first waits for ever: port {number} of the host is taken on every node that could run the new task"
        )
    } else {
        format!("start-first needs a node on which port {number} of the host is free: {tasks} of {nodes} have it taken")
    };
    Some(case.found(Code::StartFirstHostPort, path(&configured), &message))
}

/// Source: control-plane U22, surprise 30.
pub(super) fn start_first_with_max_replicas(case: &Case<'_>) -> Option<Finding> {
    let configured = case.start_first()?;
    let limit = u64::from(case.spec.task.placement.max_replicas_per_node);
    if limit == 0 || case.is_global() {
        return None;
    }
    let (nodes, tasks) = (case.nodes().count() as u64, case.tasks());
    let room = nodes.saturating_mul(limit);
    let message = if tasks >= room {
        format!(
            "start-first waits for ever: {nodes} nodes with at most {limit} replicas each have no room above {tasks}"
        )
    } else {
        format!(
            "start-first needs room above the {tasks} replicas: {nodes} nodes with at most {limit} each hold {room}"
        )
    };
    Some(case.found(Code::StartFirstMaxReplicas, path(&configured), &message))
}

/// Source: control-plane U21, U46.
pub(super) fn start_first_for_global(case: &Case<'_>) -> Option<Finding> {
    let configured = case.start_first().filter(|_| case.is_global())?;
    let message = "start-first runs the old and the new task of a global service on one node at once";
    Some(case.found(Code::StartFirstGlobal, path(&configured), message))
}

/// Source: data-plane rules 21 to 23; control-plane U21.
pub(super) fn start_first_without_health_check(case: &Case<'_>) -> Option<Finding> {
    let configured = case.start_first().filter(|_| case.health_check().is_none())?;
    let message = "without a health check start-first stops the old task once the new process is up, ready or not";
    Some(case.found(Code::StartFirstNoHealth, path(&configured), message))
}

/// Source: data-plane d.1.
pub(super) fn one_replica(case: &Case<'_>) -> Option<Finding> {
    let configured = case.update();
    if case.is_global() || case.tasks() != 1 || configured.config.order != Order::StopFirst {
        return None;
    }
    let message = "one replica with stop-first: nobody serves from the stop of the old task until the new one runs";
    Some(case.found(Code::OneReplica, path(&configured), message))
}

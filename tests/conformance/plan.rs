//! The plan of a case: no latencies, the case's own times, literal values.

use std::collections::BTreeSet;
use std::sync::Arc;

use rollsim::kernel::{Dist, IdVec, Span, Time};
use rollsim::model::command::{Command, Edit, Fault, RestartPolicyChange, SpecChange, UpdateConfigChange};
use rollsim::model::engine::Engine;
use rollsim::model::image::{ImageBehavior, Outcome, Stop, TaskOverride};
use rollsim::model::latencies::Latencies;
use rollsim::model::node::{NodeSpec, Role};
use rollsim::model::service::{
    Mode, PortConfig, Protocol, PublishMode, RestartCondition, RestartPolicy, ServiceSpec, UpdateConfig,
};
use rollsim::model::{ImageId, NodeId, ServiceId, defaults};
use rollsim::sim::Plan;
use rollsim::sim::plan::{End, Image, Node, TieOrder, TimedCommand};
use serde_json::Value;

use super::case::{Action, Case, ImageCase, NodeCase, RestartCase, ServiceCase, SpecCase, UpdateCase};

/// The plan of a case.
///
/// # Errors
/// What the case contains that is not simulated.
pub fn plan(case: &Case) -> Result<Plan, String> {
    let images: IdVec<ImageId, Image> = case
        .images
        .iter()
        .map(|(name, image)| Ok(Image { name: name.clone(), behavior: behavior(case, image)? }))
        .collect::<Result<_, String>>()?;
    let mut commands = Vec::new();
    for (index, service) in (0..).zip(&case.services) {
        let spec = Box::new(service_spec(case, service)?);
        let command = Command::ServiceCreate { service: ServiceId(index), spec };
        commands.push(TimedCommand { at: Time::ZERO, line: String::new(), command });
    }
    for action in &case.actions {
        let (at, command) = (Time::from_millis(action.at_ms), command(case, action)?);
        commands.push(TimedCommand { at, line: String::new(), command });
    }
    let members = case.cluster.nodes.len();
    Ok(Plan {
        name: case.name.clone(),
        seed: 1,
        end: End::At(Time::from_millis(case.end_ms)),
        nodes: case.nodes().enumerate().map(|(index, (_, case))| node(case, index < members)).collect(),
        images,
        services: case.services.iter().map(|service| service.name.clone()).collect(),
        clients: IdVec::new(),
        commands,
        engine: Engine::Current,
        latencies: Latencies::NONE,
        ties: TieOrder::Fixed,
        task_history_limit: Some(defaults::TASK_HISTORY_LIMIT),
        grade: Default::default(),
        measure_from: None,
        slo: IdVec::filled(case.services.len(), None),
    })
}

fn node(case: &NodeCase, is_member: bool) -> Node {
    let spec = NodeSpec {
        role: Role::Worker,
        availability: case.availability,
        labels: case.labels.clone(),
        nano_cpus: Some(case.nano_cpus),
        memory: Some(case.memory_bytes),
    };
    Node { name: case.name.clone(), spec, is_member, staleness: Span::ZERO }
}

fn service_spec(case: &Case, service: &ServiceCase) -> Result<ServiceSpec, String> {
    let SpecCase { image, replicas, update, rollback, restart, .. } = &service.spec;
    let image = image.as_deref().ok_or_else(|| format!("service {} has no image", service.name))?;
    let mut spec = ServiceSpec::replicated(image_id(case, image), replicas.unwrap_or(0));
    spec.mode = match service.mode.as_str() {
        "replicated" => spec.mode,
        "global" => Mode::Global,
        other => return Err(format!("mode {other} is not simulated")),
    };
    // Longer than every stop of the case: its images stop as they say.
    let longest = case.images.values().map(|image| image.stop_ms).max().unwrap_or(0);
    spec.task.container.stop_grace_period = Some(Span::from_secs(longest / 1000 + 1));
    spec.update = Some(update_config(*update));
    spec.rollback = Some(update_config(*rollback));
    spec.task.restart = Some(RestartPolicy {
        condition: restart.condition.unwrap_or(RestartCondition::Any),
        delay: restart.delay_ms.map(Span::from_millis),
        max_attempts: restart.max_attempts.unwrap_or(0),
        window: restart.window_ms.map(Span::from_millis),
    });
    let SpecCase { constraints, preferences, reservations, max_replicas_per_node, host_ports, .. } = &service.spec;
    spec.task.placement.constraints = constraints.clone().unwrap_or_default();
    spec.task.placement.preferences = preferences.iter().flatten().map(|text| spread(text)).collect();
    spec.task.placement.max_replicas_per_node = max_replicas_per_node.unwrap_or(0);
    let reservations = reservations.unwrap_or_default();
    spec.task.resources.reserve_nano_cpus = reservations.nano_cpus;
    spec.task.resources.reserve_memory = reservations.memory_bytes;
    spec.endpoint.ports = host_ports.iter().flatten().map(|port| host_port(*port)).collect();
    Ok(spec)
}

fn command(case: &Case, action: &Action) -> Result<Command, String> {
    let service = || {
        let index = case.services.iter().position(|service| Some(&service.name) == action.service.as_ref());
        index.map(|index| ServiceId(index as u32)).ok_or_else(|| format!("{} of an unknown service", action.verb))
    };
    let node = || {
        let index = case.nodes().position(|(_, node)| Some(node.name.as_str()) == action.node_name());
        index.map(|index| NodeId(index as u32)).ok_or_else(|| format!("{} of an unknown node", action.verb))
    };
    let node_update = |availability, label_add, label_rm| {
        Ok(Command::NodeUpdate { node: node()?, role: None, availability, label_add, label_rm })
    };
    match action.verb.as_str() {
        "update" | "scale" | "force" => {
            let change = SpecChange { force: action.verb == "force", ..spec_change(case, &action.change) };
            Ok(Command::ServiceUpdate { service: service()?, change: Box::new(change) })
        }
        "rollback" => Ok(Command::ServiceRollback { service: service()? }),
        "remove" => Ok(Command::ServiceRemove { service: service()? }),
        "availability" => node_update(action.to, Vec::new(), Vec::new()),
        "node-labels" => {
            let labels = action.labels.iter().flatten().map(|(name, value)| (name.clone(), value.clone())).collect();
            node_update(None, labels, all_labels(case))
        }
        "node-remove" => Ok(Command::NodeRemove { node: node()?, force: true }),
        "node-down" => Ok(Command::Fault(Fault::NodeCrash(node()?))),
        "node-up" | "node-add" => Ok(Command::Fault(Fault::NodeStart(node()?))),
        "leader-change" => {
            let gap = action.gap_ms.ok_or("a change of leader without a gap")?;
            Ok(Command::Fault(Fault::LeaderLost { gap: Span::from_millis(gap) }))
        }
        verb => Err(format!("action {verb} is not simulated")),
    }
}

/// Lists are replaced as a whole: everything that the case ever puts into them is taken out first.
fn spec_change(case: &Case, change: &SpecCase) -> SpecChange {
    let mut edits = Vec::new();
    if let Some(constraints) = &change.constraints {
        edits.extend(case.specs().flat_map(|spec| &spec.constraints).flatten().cloned().map(Edit::ConstraintRm));
        edits.extend(constraints.iter().cloned().map(Edit::ConstraintAdd));
    }
    if let Some(preferences) = &change.preferences {
        let all = case.specs().flat_map(|spec| &spec.preferences).flatten();
        edits.extend(all.map(|text| Edit::PreferenceRm(spread(text))));
        edits.extend(preferences.iter().map(|text| Edit::PreferenceAdd(spread(text))));
    }
    if let Some(ports) = &change.host_ports {
        let all = case.specs().flat_map(|spec| &spec.host_ports).flatten().map(|port| host_port(*port));
        edits.extend(all.map(|PortConfig { target, protocol, mode, .. }| Edit::PublishRm { target, protocol, mode }));
        edits.extend(ports.iter().map(|port| Edit::PublishAdd(host_port(*port))));
    }
    SpecChange {
        image: change.image.as_deref().map(|image| image_id(case, image)),
        replicas: change.replicas,
        update: update_change(change.update),
        rollback: update_change(change.rollback),
        restart: restart_change(change.restart),
        max_replicas_per_node: change.max_replicas_per_node,
        reserve_nano_cpus: change.reservations.map(|reservations| reservations.nano_cpus),
        reserve_memory: change.reservations.map(|reservations| reservations.memory_bytes),
        edits,
        ..SpecChange::default()
    }
}

fn update_config(case: UpdateCase) -> UpdateConfig {
    let default = defaults::UPDATE_CONFIG;
    UpdateConfig {
        parallelism: case.parallelism.unwrap_or(default.parallelism),
        delay: case.delay_ms.map_or(default.delay, Span::from_millis),
        failure_action: case.failure_action.unwrap_or(default.failure_action),
        monitor: case.monitor_ms.map(Span::from_millis),
        max_failure_ratio: case.max_failure_ratio.unwrap_or(default.max_failure_ratio),
        order: case.order.unwrap_or(default.order),
    }
}

fn update_change(case: UpdateCase) -> UpdateConfigChange {
    UpdateConfigChange {
        parallelism: case.parallelism,
        delay: case.delay_ms.map(Span::from_millis),
        failure_action: case.failure_action,
        monitor: case.monitor_ms.map(|ms| Some(Span::from_millis(ms))),
        max_failure_ratio: case.max_failure_ratio,
        order: case.order,
    }
}

fn restart_change(case: RestartCase) -> RestartPolicyChange {
    RestartPolicyChange {
        condition: case.condition,
        delay: case.delay_ms.map(Span::from_millis),
        max_attempts: case.max_attempts,
        window: case.window_ms.map(Span::from_millis),
    }
}

/// Names of all labels that any node of the case ever has.
fn all_labels(case: &Case) -> Vec<String> {
    let given = case.actions.iter().flat_map(|action| &action.labels).flat_map(|labels| labels.keys());
    let names: BTreeSet<&String> = case.nodes().flat_map(|(_, node)| node.labels.keys()).chain(given).collect();
    names.into_iter().cloned().collect()
}

/// `spread=node.labels.zone` without the word.
fn spread(preference: &str) -> String {
    preference.strip_prefix("spread=").unwrap_or(preference).to_owned()
}

fn host_port(port: u16) -> PortConfig {
    PortConfig { target: port, published: port, protocol: Protocol::Tcp, mode: PublishMode::Host }
}

fn image_id(case: &Case, name: &str) -> ImageId {
    let index = case.images.keys().position(|image| image == name).expect("the case names its images");
    ImageId(index as u32)
}

fn behavior(case: &Case, image: &ImageCase) -> Result<ImageBehavior, String> {
    let constant = |ms| Dist::Constant(Span::from_millis(ms));
    let tasks = image.tasks.iter().map(|(ordinal, value)| {
        let ordinal = ordinal.parse().map_err(|_| format!("task {ordinal}"))?;
        Ok((ordinal, TaskOverride { outcome: Some(outcome(value)?), ..TaskOverride::default() }))
    });
    let nodes = (0..).map(NodeId).zip(case.nodes());
    Ok(ImageBehavior {
        prepare: constant(image.prepare_ms),
        start: constant(image.start_ms),
        stop: Stop::After(constant(image.stop_ms)),
        outcome: outcome(&image.outcome)?,
        fail_share: 1.0,
        fails_on: nodes.filter(|(_, (_, node))| image.fails_on.contains(&node.name)).map(|(id, _)| id).collect(),
        tasks: Arc::new(tasks.collect::<Result<_, String>>()?),
        ..ImageBehavior::default()
    })
}

fn outcome(value: &Value) -> Result<Outcome, String> {
    let exit = |after: &Value, code| {
        let after = Dist::Constant(Span::from_millis(after.as_u64().unwrap_or_default()));
        Ok(Outcome::Exit { after, code })
    };
    match value {
        Value::String(word) if word == "run" => Ok(Outcome::Run),
        Value::String(word) if word == "fail_prepare" => Ok(Outcome::FailPrepare),
        Value::String(word) if word == "fail_start" => Ok(Outcome::FailStart),
        Value::Object(map) if map.contains_key("fail_after_ms") => exit(&map["fail_after_ms"], 1),
        Value::Object(map) if map.contains_key("complete_after_ms") => exit(&map["complete_after_ms"], 0),
        other => Err(format!("outcome {other} is not simulated yet")),
    }
}

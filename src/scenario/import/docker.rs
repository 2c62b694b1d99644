//! What docker prints of services, tasks and nodes, as far as it changes a run.
//!
//! Source: moby: api/types/swarm/{service,task,node,container}.go.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::span;

/// An object of `docker service inspect`.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct InspectedService {
    #[serde(rename = "ID", default)]
    pub(super) id: String,
    #[serde(rename = "Spec")]
    pub(super) spec: ServiceSpec,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ServiceSpec {
    pub(super) name: String,
    #[serde(default)]
    labels: Map<String, Value>,
    pub(super) task_template: TaskTemplate,
    #[serde(default)]
    mode: Mode,
    pub(super) update_config: Option<UpdateConfig>,
    rollback_config: Option<UpdateConfig>,
    endpoint_spec: Option<EndpointSpec>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TaskTemplate {
    pub(super) container_spec: ContainerSpec,
    #[serde(default)]
    resources: Resources,
    pub(super) restart_policy: Option<RestartPolicy>,
    #[serde(default)]
    placement: Placement,
    networks: Option<Vec<Network>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ContainerSpec {
    image: String,
    stop_grace_period: Option<i64>,
    pub(super) healthcheck: Option<HealthConfig>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct HealthConfig {
    test: Option<Vec<String>>,
    pub(super) interval: i64,
    timeout: i64,
    pub(super) start_period: i64,
    pub(super) start_interval: i64,
    retries: u32,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Resources {
    limits: Option<Amounts>,
    reservations: Option<Amounts>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Amounts {
    #[serde(rename = "NanoCPUs")]
    nano_cpus: u64,
    #[serde(rename = "MemoryBytes")]
    memory_bytes: u64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct RestartPolicy {
    condition: String,
    pub(super) delay: Option<i64>,
    max_attempts: u64,
    window: Option<i64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Placement {
    constraints: Option<Vec<String>>,
    preferences: Option<Vec<Preference>>,
    max_replicas: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Preference {
    spread: Spread,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Spread {
    spread_descriptor: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Network {
    target: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Mode {
    replicated: Option<Replicated>,
    global: Option<Value>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Replicated {
    replicas: Option<u64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct UpdateConfig {
    parallelism: u64,
    delay: i64,
    failure_action: String,
    monitor: i64,
    max_failure_ratio: f64,
    pub(super) order: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct EndpointSpec {
    mode: String,
    ports: Option<Vec<Port>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Port {
    protocol: String,
    target_port: u16,
    published_port: u16,
    publish_mode: String,
}

/// An object of the tasks API, which `docker inspect TASK` prints too.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct InspectedTask {
    #[serde(rename = "CreatedAt")]
    pub(super) created_at: String,
    #[serde(rename = "ServiceID", default)]
    pub(super) service_id: String,
    #[serde(rename = "Slot", default)]
    pub(super) slot: u64,
    #[serde(rename = "NodeID", default)]
    pub(super) node_id: String,
    #[serde(rename = "Spec")]
    pub(super) spec: TaskTemplate,
    #[serde(rename = "Status")]
    pub(super) status: TaskStatus,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TaskStatus {
    pub(super) timestamp: String,
    pub(super) state: String,
    /// What it was doing.
    #[serde(default)]
    pub(super) message: String,
    /// Why it ended.
    #[serde(default)]
    pub(super) err: String,
    #[serde(default)]
    pub(super) container_status: ContainerStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ContainerStatus {
    #[serde(default)]
    pub(super) exit_code: i64,
}

/// A line of `docker service ps --format json`.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct ListedTask {
    #[serde(rename = "Error", default)]
    pub(super) error: String,
}

/// An object of `docker node inspect`.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct InspectedNode {
    #[serde(rename = "ID", default)]
    pub(super) id: String,
    #[serde(rename = "Spec")]
    spec: NodeSpec,
    #[serde(rename = "Description")]
    pub(super) description: NodeDescription,
    #[serde(rename = "Status")]
    pub(super) status: NodeStatus,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NodeSpec {
    role: String,
    availability: String,
    #[serde(default)]
    labels: Map<String, Value>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct NodeDescription {
    pub(super) hostname: String,
    #[serde(default)]
    resources: Amounts,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct NodeStatus {
    pub(super) state: String,
}

/// A mapping without the entries that say nothing.
fn mapping<const N: usize>(entries: [(&str, Value); N]) -> Value {
    let says = |value: &Value| match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(entries) => !entries.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    };
    let entries = entries.into_iter().filter(|(_, value)| says(value));
    Value::Object(entries.map(|(key, value)| (key.to_owned(), value)).collect())
}

/// A duration as Go writes it; nothing if it is 0.
fn duration(nanos: i64) -> Value {
    if nanos > 0 { span(nanos).to_string().into() } else { Value::Null }
}

/// A number; nothing if it is 0.
fn unless_zero(number: u64) -> Value {
    if number > 0 { number.into() } else { Value::Null }
}

impl ServiceSpec {
    /// Reference of the image, without the digest that docker adds.
    pub(super) fn image(&self) -> String {
        self.task_template.image()
    }

    /// Whether its tasks are attached to a network, or to the ingress network.
    pub(super) fn is_networked(&self) -> bool {
        let ports = self.endpoint_spec.iter().flat_map(|endpoint| endpoint.ports.iter().flatten());
        let mut ingress = ports.filter(|port| port.publish_mode != "host");
        self.task_template.networks.as_ref().is_some_and(|networks| !networks.is_empty()) || ingress.next().is_some()
    }

    /// The service as Compose writes it.
    pub(super) fn to_compose(&self) -> Value {
        let TaskTemplate { container_spec: container, resources, restart_policy, placement, networks } =
            &self.task_template;
        let endpoint = self.endpoint_spec.clone().unwrap_or_default();
        let replicas = self.mode.replicated.as_ref().map_or(Value::Null, |mode| mode.replicas.unwrap_or(1).into());
        let networks = networks.iter().flatten().map(|network| network.target.clone().into()).collect();
        mapping([
            ("image", self.image().into()),
            ("ports", endpoint.ports.iter().flatten().map(Port::to_compose).collect()),
            ("networks", Value::Array(networks)),
            ("healthcheck", container.healthcheck.as_ref().map_or(Value::Null, HealthConfig::to_compose)),
            ("stop_grace_period", duration(container.stop_grace_period.unwrap_or(0))),
            (
                "deploy",
                mapping([
                    ("mode", if self.mode.global.is_some() { "global".into() } else { Value::Null }),
                    ("replicas", replicas),
                    ("endpoint_mode", if endpoint.mode == "dnsrr" { "dnsrr".into() } else { Value::Null }),
                    ("labels", Value::Object(self.labels.clone())),
                    ("update_config", self.update_config.as_ref().map_or(Value::Null, UpdateConfig::to_compose)),
                    ("rollback_config", self.rollback_config.as_ref().map_or(Value::Null, UpdateConfig::to_compose)),
                    ("restart_policy", restart_policy.as_ref().map_or(Value::Null, RestartPolicy::to_compose)),
                    ("placement", placement.to_compose()),
                    (
                        "resources",
                        mapping([
                            ("limits", resources.limits.as_ref().map_or(Value::Null, Amounts::to_compose)),
                            ("reservations", resources.reservations.as_ref().map_or(Value::Null, Amounts::to_compose)),
                        ]),
                    ),
                ]),
            ),
        ])
    }
}

impl TaskTemplate {
    pub(super) fn image(&self) -> String {
        let image = &self.container_spec.image;
        image.split_once('@').map_or(image.as_str(), |(reference, _)| reference).to_owned()
    }
}

impl UpdateConfig {
    fn to_compose(&self) -> Value {
        mapping([
            ("parallelism", self.parallelism.into()),
            ("delay", duration(self.delay)),
            ("failure_action", self.failure_action.as_str().into()),
            ("monitor", duration(self.monitor)),
            (
                "max_failure_ratio",
                if self.max_failure_ratio > 0.0 { self.max_failure_ratio.into() } else { Value::Null },
            ),
            ("order", self.order.as_str().into()),
        ])
    }
}

impl RestartPolicy {
    fn to_compose(&self) -> Value {
        mapping([
            ("condition", self.condition.as_str().into()),
            // A delay of 0 is no delay, and none is 5 s.
            ("delay", self.delay.map_or(Value::Null, |delay| span(delay).to_string().into())),
            ("max_attempts", unless_zero(self.max_attempts)),
            ("window", duration(self.window.unwrap_or(0))),
        ])
    }
}

impl Placement {
    fn to_compose(&self) -> Value {
        let spread = |preference: &Preference| json!({"spread": preference.spread.spread_descriptor});
        mapping([
            ("constraints", json!(self.constraints)),
            ("preferences", self.preferences.iter().flatten().map(spread).collect()),
            ("max_replicas_per_node", unless_zero(self.max_replicas)),
        ])
    }
}

impl Amounts {
    fn to_compose(&self) -> Value {
        let (cpus, rest) = (self.nano_cpus / 1_000_000_000, self.nano_cpus % 1_000_000_000);
        let text = format!("{cpus}.{rest:09}");
        let cpus = text.trim_end_matches('0').trim_end_matches('.');
        mapping([
            ("cpus", if self.nano_cpus > 0 { cpus.into() } else { Value::Null }),
            ("memory", if self.memory_bytes > 0 { format!("{}b", self.memory_bytes).into() } else { Value::Null }),
        ])
    }
}

impl HealthConfig {
    /// Whether it tests anything.
    pub(super) fn is_on(&self) -> bool {
        self.test.as_ref().and_then(|test| test.first()).is_some_and(|kind| kind != "NONE")
    }

    fn to_compose(&self) -> Value {
        mapping([
            ("test", json!(self.test)),
            ("interval", duration(self.interval)),
            ("timeout", duration(self.timeout)),
            ("start_period", duration(self.start_period)),
            ("start_interval", duration(self.start_interval)),
            ("retries", unless_zero(self.retries.into())),
        ])
    }
}

impl Port {
    fn to_compose(&self) -> Value {
        mapping([
            ("target", self.target_port.into()),
            ("published", unless_zero(self.published_port.into())),
            ("protocol", self.protocol.as_str().into()),
            ("mode", self.publish_mode.as_str().into()),
        ])
    }
}

impl InspectedNode {
    /// The node as a scenario has it.
    pub(super) fn to_scenario(&self) -> Value {
        mapping([
            ("role", self.spec.role.as_str().into()),
            ("availability", self.spec.availability.as_str().into()),
            ("labels", Value::Object(self.spec.labels.clone())),
            ("resources", self.description.resources.to_compose()),
        ])
    }
}

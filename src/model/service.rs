//! What a service is to be: the specification that an operator writes.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::ids::ImageId;
use crate::kernel::Span;

/// Specification of a service, as Swarm stores it.
///
/// Source: api/specs.proto `ServiceSpec`.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceSpec {
    /// What each task runs. A change of it makes tasks dirty.
    pub task: TaskSpec,
    /// How many tasks.
    pub mode: Mode,
    /// How an update proceeds; `None`: [`super::defaults::UPDATE_CONFIG`].
    pub update: Option<UpdateConfig>,
    /// How a rollback proceeds; `None`: [`super::defaults::UPDATE_CONFIG`].
    pub rollback: Option<UpdateConfig>,
    /// Published ports and endpoint mode. A change of it makes tasks dirty.
    pub endpoint: EndpointSpec,
    /// Labels of the service itself; a change restarts nothing.
    pub labels: BTreeMap<String, String>,
}

/// How many tasks a service has, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// This many tasks, placed by the scheduler.
    Replicated {
        /// Number of tasks wanted.
        replicas: u32,
    },
    /// One task on every node.
    Global,
}

/// What a task runs and under which conditions.
///
/// Source: api/specs.proto `TaskSpec`.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskSpec {
    /// The container.
    pub container: ContainerSpec,
    /// What happens when a task ends; `None`: any, 5 s, no limit.
    pub restart: Option<RestartPolicy>,
    /// Where tasks may run.
    pub placement: Placement,
    /// CPU and memory.
    pub resources: Resources,
    /// Names of the overlay networks that tasks are attached to.
    pub networks: Vec<String>,
    /// `docker service update --force` counts this up.
    pub force_update: u64,
}

/// The container of a task.
///
/// Source: api/specs.proto `ContainerSpec`.
#[derive(Clone, Debug, PartialEq)]
pub struct ContainerSpec {
    /// Its image.
    pub image: ImageId,
    /// Time between stop signal and SIGKILL, used in whole seconds; `None`: [`super::defaults::STOP_GRACE_PERIOD`].
    pub stop_grace_period: Option<Span>,
    /// Health check of the service, over the image's own; `None`: the image's.
    pub healthcheck: Option<HealthCheck>,
    /// All other settings, as text by name (`env.A`, `mount./data`, `args`, `stop_signal`). What they say is not simulated,
    /// but a change makes tasks dirty.
    pub settings: Arc<BTreeMap<String, String>>,
}

/// A health check as a service states it. Unset fields are taken from the image, then from the engine's defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HealthCheck {
    /// The command; `["NONE"]` switches checks off; empty: the image's.
    pub test: Vec<String>,
    /// Wait between the end of a probe and the next.
    pub interval: Option<Span>,
    /// Longest duration of a probe.
    pub timeout: Option<Span>,
    /// Time in which failures do not count.
    pub start_period: Option<Span>,
    /// Interval during the start period.
    pub start_interval: Option<Span>,
    /// Failures in a row that make a container unhealthy.
    pub retries: Option<u32>,
}

/// Parameters of an update or a rollback.
///
/// Source: api/types.proto `UpdateConfig`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UpdateConfig {
    /// Slots worked on at a time; 0: all.
    pub parallelism: u32,
    /// Rest of a worker after each slot.
    pub delay: Span,
    /// What to do when too many new tasks fail.
    pub failure_action: FailureAction,
    /// How long a new task is watched after it runs; `None`: [`super::defaults::MONITOR`]. Docker's own front ends turn 0 into
    /// `None`; the orchestrator itself takes 0 literally.
    pub monitor: Option<Span>,
    /// Share of failed tasks that is tolerated, 0 to 1. Swarm compares 32-bit floats, so this is one.
    pub max_failure_ratio: f32,
    /// Which of the old and the new task goes first.
    pub order: Order,
}

/// What to do when more tasks of an update fail than `max_failure_ratio` tolerates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureAction {
    /// Stop handing out slots and wait for the operator.
    Pause,
    /// Go on; nothing is counted.
    Continue,
    /// Return to the previous specification.
    Rollback,
}

impl FailureAction {
    /// Docker's word.
    pub const fn name(self) -> &'static str {
        match self {
            FailureAction::Pause => "pause",
            FailureAction::Continue => "continue",
            FailureAction::Rollback => "rollback",
        }
    }
}

/// Which of the old and the new task goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The old task is stopped before the new one starts.
    StopFirst,
    /// The new task runs before the old one is stopped.
    StartFirst,
}

impl Order {
    /// Docker's word.
    pub const fn name(self) -> &'static str {
        match self {
            Order::StopFirst => "stop-first",
            Order::StartFirst => "start-first",
        }
    }
}

/// What happens when a task ends.
///
/// Source: api/types.proto `RestartPolicy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestartPolicy {
    /// After which ends a task is replaced.
    pub condition: RestartCondition,
    /// Wait before the replacement starts; `None`: [`super::defaults::RESTART_DELAY`].
    pub delay: Option<Span>,
    /// Replacements per slot; 0: no limit.
    pub max_attempts: u32,
    /// Time over which `max_attempts` counts; `None` or zero: the whole life of the service's specification.
    pub window: Option<Span>,
}

/// After which ends a task is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestartCondition {
    /// Never.
    None,
    /// After every end but COMPLETE.
    OnFailure,
    /// Always.
    Any,
}

impl RestartCondition {
    /// Docker's word.
    pub const fn name(self) -> &'static str {
        match self {
            RestartCondition::None => "none",
            RestartCondition::OnFailure => "on-failure",
            RestartCondition::Any => "any",
        }
    }
}

/// Where tasks may run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placement {
    /// Expressions such as `node.labels.zone==a`, all of which must hold.
    pub constraints: Vec<String>,
    /// Node properties to spread over, outermost first, such as `node.labels.zone`.
    pub preferences: Vec<String>,
    /// Most tasks of the service on one node; 0: no limit.
    pub max_replicas_per_node: u32,
}

/// CPU and memory of a task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resources {
    /// CPU limit in billionths of a core; 0: none.
    pub limit_nano_cpus: u64,
    /// Memory limit in bytes; 0: none.
    pub limit_memory: u64,
    /// Reserved CPU in billionths of a core.
    pub reserve_nano_cpus: u64,
    /// Reserved memory in bytes.
    pub reserve_memory: u64,
}

/// Published ports and how the service's name resolves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointSpec {
    /// Published ports, in order.
    pub ports: Vec<PortConfig>,
    /// Virtual IP or DNS round robin.
    pub mode: EndpointMode,
}

/// How the service's name resolves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EndpointMode {
    /// One virtual IP (`vip`).
    #[default]
    Vip,
    /// The addresses of all tasks (`dnsrr`).
    DnsRoundRobin,
}

impl EndpointMode {
    /// Docker's word.
    pub const fn name(self) -> &'static str {
        match self {
            EndpointMode::Vip => "vip",
            EndpointMode::DnsRoundRobin => "dnsrr",
        }
    }
}

/// One published port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortConfig {
    /// Port in the container.
    pub target: u16,
    /// Port on the nodes; 0: one that the manager chooses.
    pub published: u16,
    /// TCP, UDP or SCTP.
    pub protocol: Protocol,
    /// Routing mesh or the node's own port.
    pub mode: PublishMode,
}

/// Protocol of a port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// TCP.
    #[default]
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl Protocol {
    /// Docker's word.
    pub const fn name(self) -> &'static str {
        match self {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
            Protocol::Sctp => "sctp",
        }
    }
}

/// How a port is published.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PublishMode {
    /// On every node, through the routing mesh.
    #[default]
    Ingress,
    /// On the nodes that run a task, without the routing mesh.
    Host,
}

impl PublishMode {
    /// Docker's word.
    pub const fn name(self) -> &'static str {
        match self {
            PublishMode::Ingress => "ingress",
            PublishMode::Host => "host",
        }
    }
}

impl ServiceSpec {
    /// A replicated service of `replicas` tasks of `image`, everything else as Swarm has it by default.
    pub fn replicated(image: ImageId, replicas: u32) -> ServiceSpec {
        ServiceSpec {
            task: TaskSpec {
                container: ContainerSpec {
                    image,
                    stop_grace_period: None,
                    healthcheck: None,
                    settings: Arc::default(),
                },
                restart: None,
                placement: Placement::default(),
                resources: Resources::default(),
                networks: Vec::new(),
                force_update: 0,
            },
            mode: Mode::Replicated { replicas },
            update: None,
            rollback: None,
            endpoint: EndpointSpec::default(),
            labels: BTreeMap::new(),
        }
    }

    /// Whether tasks are attached to a network other than the node's own bridge, so that they have a service binding: an
    /// overlay network, or the ingress network through a port published in ingress mode.
    ///
    /// Source: moby: daemon/cluster/executor/container/controller.go `hasServiceBinding` (data-plane rule 31).
    pub fn has_service_binding(&self) -> bool {
        !self.task.networks.is_empty() || self.endpoint.ports.iter().any(|port| port.mode == PublishMode::Ingress)
    }
}

impl Default for RestartPolicy {
    fn default() -> Self {
        RestartPolicy { condition: super::defaults::RESTART_CONDITION, delay: None, max_attempts: 0, window: None }
    }
}

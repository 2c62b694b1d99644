//! What an operator does.

use super::ids::{ImageId, NodeId, ServiceId};
use super::node::{Availability, Role};
use super::service::{
    EndpointMode, FailureAction, HealthCheck, Order, PortConfig, Protocol, PublishMode, RestartCondition, ServiceSpec,
};
use crate::kernel::Span;

/// A command of an operator to the managers.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// `docker service create`, or a service of the scenario.
    ServiceCreate {
        /// The service; it is created once.
        service: ServiceId,
        /// Its specification.
        spec: Box<ServiceSpec>,
    },
    /// `docker service update`, `docker service scale`: a change of the current specification.
    ServiceUpdate {
        /// The service.
        service: ServiceId,
        /// What changes.
        change: Box<SpecChange>,
    },
    /// `docker stack deploy` of a service that exists: a whole specification takes the place of the current one, but for what
    /// `--force` has counted.
    ServiceDeploy {
        /// The service.
        service: ServiceId,
        /// Its new specification.
        spec: Box<ServiceSpec>,
    },
    /// `docker service rollback`, `docker service update --rollback`.
    ServiceRollback {
        /// The service.
        service: ServiceId,
    },
    /// `docker service rm`.
    ServiceRemove {
        /// The service.
        service: ServiceId,
    },
    /// `docker node update`.
    NodeUpdate {
        /// The node.
        node: NodeId,
        /// Manager or worker (`docker node promote`, `docker node demote`).
        role: Option<Role>,
        /// New availability.
        availability: Option<Availability>,
        /// Labels to set.
        label_add: Vec<(String, String)>,
        /// Labels to take away.
        label_rm: Vec<String>,
    },
    /// `docker node rm`.
    NodeRemove {
        /// The node.
        node: NodeId,
        /// `--force`: whether it need not be down.
        force: bool,
    },
    /// `docker swarm init --force-new-cluster`, on the first manager that is up.
    ForceNewCluster,
    /// Something befalls a machine. It stands among the commands because their order counts.
    Fault(Fault),
}

/// Something that befalls the machines of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A node loses its power: its containers are gone, its agent does and reports nothing, and the managers mark it DOWN.
    NodeCrash(NodeId),
    /// The daemon of a node is shut down: its containers leave rotation at once and get their stop signals, and nobody is told. The
    /// managers mark the node DOWN.
    NodeStop(NodeId),
    /// A node gets power: its agent starts and registers. A node that is no member of the cluster joins it.
    NodeStart(NodeId),
    /// Links go down so that these nodes are cut off from all others: their machines run and hear each other, and nobody else.
    LinkDown(Vec<NodeId>),
    /// The links of these nodes come up again: they and all that were never cut off hear each other.
    LinkUp(Vec<NodeId>),
    /// [`Fault::NodeCrash`] of all nodes that are managers at that moment.
    ManagersCrash,
    /// [`Fault::NodeStop`] of all nodes that are managers at that moment.
    ManagersStop,
    /// [`Fault::NodeStart`] of all nodes that are managers at that moment.
    ManagersStart,
    /// The leader of a plan without managers is gone. Another one takes over after `gap`; until then nobody decides anything.
    LeaderLost {
        /// Time without a leader.
        gap: Span,
    },
}

/// What an update changes of the current specification. Fields that are `None` stay as they are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SpecChange {
    /// `--image`
    pub image: Option<ImageId>,
    /// `--replicas`, `docker service scale`
    pub replicas: Option<u32>,
    /// `--update-*`
    pub update: UpdateConfigChange,
    /// `--rollback-*`
    pub rollback: UpdateConfigChange,
    /// `--restart-*`
    pub restart: RestartPolicyChange,
    /// `--force`
    pub force: bool,
    /// `--stop-grace-period`
    pub stop_grace_period: Option<Span>,
    /// `--replicas-max-per-node`
    pub max_replicas_per_node: Option<u32>,
    /// `--limit-cpu`
    pub limit_nano_cpus: Option<u64>,
    /// `--limit-memory`
    pub limit_memory: Option<u64>,
    /// `--reserve-cpu`
    pub reserve_nano_cpus: Option<u64>,
    /// `--reserve-memory`
    pub reserve_memory: Option<u64>,
    /// `--endpoint-mode`
    pub endpoint_mode: Option<EndpointMode>,
    /// Single edits, in order.
    pub edits: Vec<Edit>,
}

/// Changes of an update or rollback configuration; a configuration that was absent is first filled with the defaults.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct UpdateConfigChange {
    /// `--update-parallelism`
    pub parallelism: Option<u32>,
    /// `--update-delay`
    pub delay: Option<Span>,
    /// `--update-failure-action`
    pub failure_action: Option<FailureAction>,
    /// `--update-monitor`; `Some(None)`: unset, which is what Docker makes of 0.
    pub monitor: Option<Option<Span>>,
    /// `--update-max-failure-ratio`
    pub max_failure_ratio: Option<f32>,
    /// `--update-order`
    pub order: Option<Order>,
}

/// Changes of a restart policy; a policy that was absent is first filled with the defaults.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RestartPolicyChange {
    /// `--restart-condition`
    pub condition: Option<RestartCondition>,
    /// `--restart-delay`
    pub delay: Option<Span>,
    /// `--restart-max-attempts`
    pub max_attempts: Option<u32>,
    /// `--restart-window`
    pub window: Option<Span>,
}

/// One edit of a list or a map of the specification. An edit that changes nothing leaves the specification equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Sets a container setting (`--env-add`, `--mount-add`, `--args`, ...).
    Set(String, String),
    /// Takes a container setting away (`--env-rm`, ...).
    Unset(String),
    /// `--label-add`: a label of the service, which restarts nothing.
    LabelAdd(String, String),
    /// `--label-rm`
    LabelRm(String),
    /// `--constraint-add`
    ConstraintAdd(String),
    /// `--constraint-rm`
    ConstraintRm(String),
    /// `--placement-pref-add`
    PreferenceAdd(String),
    /// `--placement-pref-rm`
    PreferenceRm(String),
    /// `--network-add`
    NetworkAdd(String),
    /// `--network-rm`
    NetworkRm(String),
    /// `--publish-add`
    PublishAdd(PortConfig),
    /// `--publish-rm`: the ports with this target, whatever they are published as.
    PublishRm {
        /// Port in the container.
        target: u16,
        /// TCP, UDP or SCTP.
        protocol: Protocol,
        /// A port of the other mode stays.
        mode: PublishMode,
    },
    /// `--health-cmd`, `--health-interval`, ...: the fields given replace those of the service's check. A zero unsets a
    /// field, `["CMD-SHELL", ""]` the test.
    Health(HealthCheck),
    /// `--no-healthcheck`
    NoHealthcheck,
}

impl UpdateConfigChange {
    /// Whether nothing is changed.
    pub fn is_empty(&self) -> bool {
        *self == UpdateConfigChange::default()
    }
}

impl RestartPolicyChange {
    /// Whether nothing is changed.
    pub fn is_empty(&self) -> bool {
        *self == RestartPolicyChange::default()
    }
}

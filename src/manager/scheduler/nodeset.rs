//! What the scheduler knows of each node: how much runs there, what is left of it, and what failed there lately.
//!
//! Source: manager/scheduler/nodeinfo.go, nodeset.go (control-plane S9 to S11, S15).

use std::collections::VecDeque;

use crate::kernel::{IdVec, Span, Time};
use crate::manager::store::Node;
use crate::model::node::{Availability, NodeState};
use crate::model::service::{Protocol, PublishMode, Resources, ServiceSpec};
use crate::model::{NodeId, ServiceId};

/// From this many recent failures on, other nodes are preferred.
///
/// Source: manager/scheduler/scheduler.go `maxFailures`.
pub const MAX_FAILURES: usize = 5;

/// How long a failure counts as recent.
///
/// Source: manager/scheduler/scheduler.go `monitorFailures`.
pub const MONITOR_FAILURES: Span = Span::from_secs(5 * 60);

/// The nodes of the cluster; `None`: not a member.
pub type NodeSet = IdVec<NodeId, Option<NodeInfo>>;

/// A port of a node.
pub type HostPort = (Protocol, u16);

/// The scheduler's account of one node.
#[derive(Clone, Debug)]
pub struct NodeInfo {
    is_ready: bool,
    /// CPU and memory that no task on the node has reserved; below zero if more is reserved than there is.
    nano_cpus: i64,
    memory: i64,
    /// Ports that tasks on the node use. Two tasks with one port leave one entry, and the first to end frees it.
    host_ports: Vec<HostPort>,
    /// Tasks on the node that are wanted.
    active: u32,
    /// The same by service.
    active_of_service: IdVec<ServiceId, u32>,
    /// Failures of a service's version, oldest first.
    failures: Vec<(ServiceId, u64, VecDeque<Time>)>,
}

impl NodeInfo {
    /// The account of a node without tasks.
    pub fn new(node: &Node) -> NodeInfo {
        let total = |resource: Option<u64>| resource.map_or(i64::MAX, as_signed);
        let mut info = NodeInfo {
            is_ready: false,
            nano_cpus: total(node.spec.nano_cpus),
            memory: total(node.spec.memory),
            host_ports: Vec::new(),
            active: 0,
            active_of_service: IdVec::new(),
            failures: Vec::new(),
        };
        info.update(node);
        info
    }

    /// The node's specification or state was written.
    pub fn update(&mut self, node: &Node) {
        self.is_ready = node.state == NodeState::Ready && node.spec.availability == Availability::Active;
    }

    /// Whether the node is up and active.
    pub fn is_ready(&self) -> bool {
        self.is_ready
    }

    /// Whether the reservations fit into what is left.
    pub fn has_room_for(&self, resources: &Resources) -> bool {
        let Resources { reserve_nano_cpus, reserve_memory, .. } = *resources;
        let reserves_nothing = reserve_nano_cpus == 0 && reserve_memory == 0;
        reserves_nothing || (as_signed(reserve_nano_cpus) <= self.nano_cpus && as_signed(reserve_memory) <= self.memory)
    }

    /// Whether a task on the node uses the port.
    pub fn uses_port(&self, port: HostPort) -> bool {
        self.host_ports.contains(&port)
    }

    /// Wanted tasks of the service on the node.
    pub fn active_of(&self, service: ServiceId) -> u32 {
        self.active_of_service.get(service).copied().unwrap_or(0)
    }

    /// A task came to the node. It reserves, and counts if it is wanted.
    pub fn add_task(&mut self, service: ServiceId, spec: &ServiceSpec, is_active: bool) {
        self.nano_cpus -= as_signed(spec.task.resources.reserve_nano_cpus);
        self.memory -= as_signed(spec.task.resources.reserve_memory);
        for port in host_ports(spec) {
            if !self.uses_port(port) {
                self.host_ports.push(port);
            }
        }
        if is_active {
            self.count(service);
        }
    }

    /// A task on the node ended or was deleted; `is_active` as it was counted.
    pub fn remove_task(&mut self, service: ServiceId, spec: &ServiceSpec, is_active: bool) {
        self.nano_cpus += as_signed(spec.task.resources.reserve_nano_cpus);
        self.memory += as_signed(spec.task.resources.reserve_memory);
        for port in host_ports(spec) {
            self.host_ports.retain(|used| *used != port);
        }
        if is_active {
            self.discount(service);
        }
    }

    /// A task on the node is wanted.
    pub fn count(&mut self, service: ServiceId) {
        self.active += 1;
        *self.active_of_service.entry(service, 0) += 1;
    }

    /// A task on the node is not wanted any more.
    pub fn discount(&mut self, service: ServiceId) {
        self.active -= 1;
        self.active_of_service[service] -= 1;
    }

    /// A task of this version of the service failed.
    pub fn task_failed(&mut self, now: Time, service: ServiceId, spec_version: u64) {
        let known = self.failures.iter_mut().find(|(of, version, _)| (*of, *version) == (service, spec_version));
        match known {
            Some((.., instants)) => {
                while instants.front().is_some_and(|at| now - *at >= MONITOR_FAILURES) {
                    instants.pop_front();
                }
                instants.push_back(now);
            }
            None => self.failures.push((service, spec_version, VecDeque::from([now]))),
        }
    }

    /// Lower is better. Source: `nodeLess` (control-plane S12).
    pub fn rank(&self, now: Time, service: ServiceId, spec_version: u64) -> Rank {
        let recent = self.recent_failures(now, service, spec_version);
        let failures = if recent >= MAX_FAILURES { recent as u32 } else { 0 };
        Rank { failures, of_service: self.active_of(service), active: self.active }
    }

    fn recent_failures(&self, now: Time, service: ServiceId, spec_version: u64) -> usize {
        let known = self.failures.iter().find(|(of, version, _)| (*of, *version) == (service, spec_version));
        known.map_or(0, |(.., instants)| instants.len() - instants.partition_point(|at| now - *at > MONITOR_FAILURES))
    }
}

/// How good a node is for a task; the smaller the better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    /// Recent failures, if they are too many.
    failures: u32,
    of_service: u32,
    active: u32,
}

/// The ports of the node that a task occupies.
pub fn host_ports(spec: &ServiceSpec) -> impl Iterator<Item = HostPort> {
    let ports = spec.endpoint.ports.iter().filter(|port| port.mode == PublishMode::Host && port.published != 0);
    ports.map(|port| (port.protocol, port.published))
}

fn as_signed(resource: u64) -> i64 {
    i64::try_from(resource).unwrap_or(i64::MAX)
}

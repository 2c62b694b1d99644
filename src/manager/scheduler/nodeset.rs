//! What the scheduler knows of each node: how much runs there, and what failed there lately.
//!
//! Source: manager/scheduler/nodeinfo.go, nodeset.go (control-plane S9, S15).

use std::collections::VecDeque;

use crate::kernel::{IdVec, Span, Time};
use crate::model::{NodeId, ServiceId};

/// From this many recent failures on, other nodes are preferred.
///
/// Source: manager/scheduler/scheduler.go `maxFailures`.
pub const MAX_FAILURES: usize = 5;

/// How long a failure counts as recent.
///
/// Source: manager/scheduler/scheduler.go `monitorFailures`.
pub const MONITOR_FAILURES: Span = Span::from_secs(5 * 60);

/// The scheduler's account of one node.
#[derive(Clone, Debug, Default)]
pub struct NodeInfo {
    /// Tasks on the node that are wanted.
    active: u32,
    /// The same by service.
    active_of_service: IdVec<ServiceId, u32>,
    /// Failures of a service's version, oldest first.
    failures: Vec<(ServiceId, u64, VecDeque<Time>)>,
}

impl NodeInfo {
    /// A wanted task came to the node.
    pub fn add(&mut self, service: ServiceId) {
        self.active += 1;
        *self.active_of_service.entry(service, 0) += 1;
    }

    /// A wanted task ended, or is not wanted any more.
    pub fn remove(&mut self, service: ServiceId) {
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
        let of_service = self.active_of_service.get(service).copied().unwrap_or(0);
        Rank { failures: if recent >= MAX_FAILURES { recent as u32 } else { 0 }, of_service, active: self.active }
    }

    fn recent_failures(&self, now: Time, service: ServiceId, spec_version: u64) -> usize {
        let known = self.failures.iter().find(|(of, version, _)| (*of, *version) == (service, spec_version));
        known.map_or(0, |(.., instants)| instants.iter().filter(|at| now - **at <= MONITOR_FAILURES).count())
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

/// All nodes.
pub type NodeSet = IdVec<NodeId, NodeInfo>;

//! Which nodes can take a task: the filters, and the account of where nodes failed.
//!
//! Source: manager/scheduler/filter.go, pipeline.go (control-plane section 12.2).

use std::rc::Rc;

use super::nodeset::{NodeInfo, host_ports};
use crate::manager::constraint::{self, Constraint};
use crate::manager::store::Store;
use crate::model::service::ServiceSpec;
use crate::model::task::{Explanation, Filter};
use crate::model::{NodeId, ServiceId};

/// The filters, set up for the tasks of one version of a service.
#[derive(Debug)]
pub struct Pipeline {
    service: ServiceId,
    spec: Rc<ServiceSpec>,
    /// Constraints of the task, which may be older than the service's.
    constraints: Vec<Constraint>,
    /// Where nodes failed since the last one passed.
    explanation: Explanation,
}

impl Pipeline {
    /// The filters for tasks of this specification. Constraints that cannot be read are none.
    pub fn new(service: ServiceId, spec: Rc<ServiceSpec>) -> Pipeline {
        let constraints = constraint::of_placement(&spec.task.placement);
        Pipeline { service, spec, constraints, explanation: Explanation::default() }
    }

    /// What the tasks are.
    pub fn spec(&self) -> &ServiceSpec {
        &self.spec
    }

    /// Whether the node passes all filters. If not, the first one that it fails is counted; if it does, all counts start anew.
    ///
    /// Source: `Process` (control-plane S7).
    pub fn passes(&mut self, store: &Store, id: NodeId, node: &NodeInfo) -> bool {
        match Filter::ALL.into_iter().find(|filter| !self.check(*filter, store, id, node)) {
            None => {
                self.explanation = Explanation::default();
                true
            }
            Some(filter) => {
                self.explanation.failures[filter as usize] += 1;
                false
            }
        }
    }

    /// Where nodes failed since the last one passed.
    pub fn explanation(&self) -> Explanation {
        self.explanation
    }

    fn check(&self, filter: Filter, store: &Store, id: NodeId, node: &NodeInfo) -> bool {
        let task = &self.spec.task;
        match filter {
            Filter::Ready => node.is_ready(),
            Filter::Resource => node.has_room_for(&task.resources),
            Filter::Constraint => {
                self.constraints.is_empty()
                    || store.node(id).is_some_and(|node| constraint::node_matches(&self.constraints, node))
            }
            Filter::HostPort => !host_ports(&self.spec).any(|port| node.uses_port(port)),
            Filter::MaxReplicas => match task.placement.max_replicas_per_node {
                0 => true,
                max => node.active_of(self.service) < max,
            },
        }
    }
}

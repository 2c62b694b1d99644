//! Whether a task is what its service wants: dirtiness.
//!
//! Source: manager/orchestrator/task.go (control-plane section 2).

use std::rc::Rc;

use crate::manager::constraint;
use crate::manager::store::{Service, Store, Task};
use crate::model::NodeId;
use crate::model::service::{ServiceSpec, TaskSpec};

/// Which of the task specifications and endpoints of a run: equal ones have equal ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpecId(u32);

/// All different task specifications and endpoints of a run. There are few: one per operator's change.
#[derive(Debug, Default)]
pub struct Specs {
    specs: Vec<Rc<ServiceSpec>>,
}

impl Specs {
    /// The id of this specification's task and endpoint.
    pub fn intern(&mut self, spec: &Rc<ServiceSpec>) -> SpecId {
        let known = self.specs.iter().position(|known| known.task == spec.task && known.endpoint == spec.endpoint);
        let index = known.unwrap_or_else(|| {
            self.specs.push(Rc::clone(spec));
            self.specs.len() - 1
        });
        SpecId(index as u32)
    }

    /// A service specification with this task and endpoint; its other fields mean nothing.
    pub fn get(&self, id: SpecId) -> &ServiceSpec {
        &self.specs[id.0 as usize]
    }
}

/// The version of a service against which tasks are held.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// Task specification and endpoint.
    pub spec: SpecId,
    /// Version of the specification.
    pub spec_version: u64,
}

impl From<&Service> for Wanted {
    fn from(service: &Service) -> Wanted {
        Wanted { spec: service.spec_id, spec_version: service.spec_version }
    }
}

/// Whether the task must be replaced to become what is wanted.
///
/// Source: manager/orchestrator/task.go `IsTaskDirty` (control-plane D1, D2, D4). Registry credentials (D3) are not modelled.
pub fn is_dirty(store: &Store, wanted: Wanted, task: &Task) -> bool {
    if wanted.spec_version == task.spec_version || wanted.spec == task.spec {
        return false;
    }
    let (new, old) = (store.specs().get(wanted.spec), store.specs().get(task.spec));
    if only_placement_differs(&new.task, &old.task) {
        return !task.node.is_some_and(|node| node_matches(store, new, node));
    }
    true
}

/// Source: manager/orchestrator/task.go `IsTaskDirtyPlacementConstraintsOnly`.
fn only_placement_differs(new: &TaskSpec, old: &TaskSpec) -> bool {
    new.placement != old.placement && TaskSpec { placement: old.placement.clone(), ..new.clone() } == *old
}

/// Whether the node meets the constraints; a list that does not parse counts as empty.
///
/// Source: manager/orchestrator/task.go `nodeMatches`.
fn node_matches(store: &Store, spec: &ServiceSpec, node: NodeId) -> bool {
    let constraints = constraint::parse(&spec.task.placement.constraints).unwrap_or_default();
    constraint::node_matches(&constraints, &store.nodes()[node])
}

//! Whether a task is what its service wants: dirtiness.
//!
//! Source: manager/orchestrator/task.go (control-plane section 2).

use std::rc::Rc;

use crate::manager::constraint;
use crate::manager::store::{Service, Store, Task};
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

    /// As [`Specs::get`], for who goes on writing to the store.
    pub fn share(&self, id: SpecId) -> Rc<ServiceSpec> {
        Rc::clone(&self.specs[id.0 as usize])
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
/// Constraints that cannot be read count as none.
///
/// Source: manager/orchestrator/task.go `IsTaskDirty` (control-plane D1, D2, D4). Registry credentials (D3) are not modelled.
pub fn is_dirty(store: &Store, wanted: Wanted, task: &Task) -> bool {
    if wanted.spec_version == task.spec_version || wanted.spec == task.spec {
        return false;
    }
    let (new, old) = (store.specs().get(wanted.spec), store.specs().get(task.spec));
    if only_placement_differs(&new.task, &old.task) {
        let constraints = constraint::of_placement(&new.task.placement);
        let node = task.node.and_then(|node| store.node(node));
        return !node.is_some_and(|node| constraint::node_matches(&constraints, node));
    }
    true
}

/// Source: manager/orchestrator/task.go `IsTaskDirtyPlacementConstraintsOnly`.
fn only_placement_differs(new: &TaskSpec, old: &TaskSpec) -> bool {
    new.placement != old.placement && TaskSpec { placement: old.placement.clone(), ..new.clone() } == *old
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manager::fixture::{Cluster, WEB, labelled, replicated};
    use crate::model::TaskId;
    use crate::model::command::{Edit, SpecChange};

    /// Whether the only task of a service, on a node of zone a, is dirty after an update.
    fn becomes_dirty(change: SpecChange) -> bool {
        let mut cluster = Cluster::new([labelled("zone", "a")]);
        let task = *cluster.create(WEB, replicated(1)).advance(50).manager.store.task_ever(TaskId(0));
        let store = &cluster.update(change).manager.store;
        let service = store.service(WEB).expect("the service is there");
        is_dirty(store, Wanted::from(service), &task)
    }

    fn edits(edits: &[Edit]) -> SpecChange {
        SpecChange { edits: edits.to_vec(), ..SpecChange::default() }
    }

    /// Control-plane D4, D5.
    #[test]
    fn what_a_task_runs_makes_it_dirty_and_what_the_service_is_does_not() {
        let same = SpecChange::default;
        assert!(!becomes_dirty(same()));
        assert!(!becomes_dirty(SpecChange { replicas: Some(3), ..same() }));
        assert!(!becomes_dirty(edits(&[Edit::LabelAdd("team".to_owned(), "x".to_owned())])));
        assert!(becomes_dirty(SpecChange { force: true, ..same() }));
        assert!(becomes_dirty(edits(&[Edit::Set("env.A".to_owned(), "1".to_owned())])));
    }

    /// Control-plane D2.
    #[test]
    fn placement_alone_makes_dirty_only_where_the_node_does_not_fit() {
        let constraint = |text: &str| Edit::ConstraintAdd(text.to_owned());
        assert!(!becomes_dirty(edits(&[constraint("node.labels.zone==a")])));
        assert!(becomes_dirty(edits(&[constraint("node.labels.zone==b")])));
        let env = Edit::Set("env.A".to_owned(), "1".to_owned());
        assert!(becomes_dirty(edits(&[constraint("node.labels.zone==a"), env])));
        assert!(!becomes_dirty(SpecChange { max_replicas_per_node: Some(1), ..SpecChange::default() }));
    }
}

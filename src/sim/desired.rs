//! How many tasks a service wants: its replicas or, if it is global, the nodes that are to run it at the moment.
//!
//! Swarm itself counts the tasks of a global service whose desired state is RUNNING (control-plane A13), which leaves out the one
//! that an update is just replacing. What is missing then would not be seen to be missing, so nodes are counted.

use super::Sim;
use crate::manager::orchestrator::global;
use crate::manager::store::{Store, Written};
use crate::model::ServiceId;
use crate::model::node::Availability;
use crate::model::service::{Mode, ServiceSpec};
use crate::model::task::Slot;
use crate::observe::{Observer, Record, SpecCause};

impl<O: Observer> Sim<'_, O> {
    /// Tells the observer how many tasks global services want, where that has changed.
    pub(super) fn tell_desired(&mut self) {
        for service in self.told_desired.ids() {
            let Some(row) = self.manager.store.service(service) else { continue };
            let desired = tasks(service, &row.spec, &self.manager.store);
            if row.spec.mode == Mode::Global && desired != self.told_desired[service] {
                self.emit(Record::Desired { service, desired });
            }
        }
    }
}

/// Whether a global service may want another number of tasks after this. A task makes a difference only on a node that is paused.
pub(super) fn may_change(written: &Written, store: &Store) -> bool {
    let is_paused = |node| store.node(node).is_some_and(|row| row.spec.availability == Availability::Pause);
    match written {
        Written::Node(..) => true,
        Written::Task(_, task, _) => matches!(task.slot, Slot::Node(node) if is_paused(node)),
        Written::TaskRemoved(..)
        | Written::UpdateStatus(..)
        | Written::RolledBack(..)
        | Written::Updater(..)
        | Written::Decision(..)
        | Written::ServiceRemoved(_) => false,
    }
}

/// The record that a service has this specification now.
pub(super) fn spec_record(
    service: ServiceId,
    spec: &ServiceSpec,
    version: u64,
    cause: SpecCause,
    store: &Store,
) -> Record {
    let desired = tasks(service, spec, store);
    Record::Spec { service, desired, image: spec.task.container.image, version, cause }
}

fn tasks(service: ServiceId, spec: &ServiceSpec, store: &Store) -> u32 {
    match spec.mode {
        Mode::Replicated { replicas } => replicas,
        Mode::Global => global::nodes_for(service, spec, store).count() as u32,
    }
}

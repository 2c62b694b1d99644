//! The control API: what an operator's command does to the store.
//!
//! Source: manager/controlapi/service.go, node.go (control-plane section 3).

use std::rc::Rc;

use super::raft::Raft;
use super::store::Store;
use crate::kernel::Time;
use crate::model::command::Command;
use crate::model::node::{NodeState, Role};
use crate::model::service::ServiceSpec;
use crate::model::task::{Message, Status, TaskState};
use crate::model::update::{CommandError, UpdateMessage, UpdateState, UpdateStatus};
use crate::model::{NodeId, ServiceId, TaskId, spec_change};

/// Carries out a command, in one transaction.
///
/// # Errors
/// If the managers refuse it; then nothing is written.
pub fn execute(now: Time, command: &Command, store: &mut Store, raft: &Raft) -> Result<(), CommandError> {
    match command {
        Command::ServiceCreate { service, spec } => store.create_service(*service, (**spec).clone()),
        Command::ServiceUpdate { service, change } => update(store, *service, |spec| spec_change::apply(change, spec))?,
        Command::ServiceDeploy { service, spec } => {
            update(store, *service, |current| spec_change::deploy(spec, current))?;
        }
        Command::ServiceRollback { service } => roll_back(store, *service)?,
        Command::ServiceRemove { service } => {
            exists(store, *service)?;
            store.remove_service(*service);
        }
        Command::NodeUpdate { node, role, availability, label_add, label_rm } => {
            check_demotion(now, store, raft, *node, *role)?;
            store.update_node(*node, |row| {
                let spec = &mut row.spec;
                spec.role = role.unwrap_or(spec.role);
                spec.availability = availability.unwrap_or(spec.availability);
                spec.labels.retain(|label, _| !label_rm.contains(label));
                spec.labels.extend(label_add.iter().cloned());
            });
        }
        Command::NodeRemove { node, force } => remove_node(now, store, raft, *node, *force)?,
        Command::ForceNewCluster | Command::Fault(_) => unreachable!("they befall machines, not the store"),
    }
    store.commit();
    Ok(())
}

/// Any update, also one that changes nothing, keeps the specification as the previous one and clears the update status.
///
/// Source: `UpdateService` (control-plane A3).
fn update(store: &mut Store, service: ServiceId, change: impl Fn(&mut ServiceSpec)) -> Result<(), CommandError> {
    exists(store, service)?;
    store.update_service(service, |row| {
        let mut spec = (*row.spec).clone();
        change(&mut spec);
        row.previous = Some((std::mem::replace(&mut row.spec, Rc::new(spec)), row.spec_version));
        row.spec_version = row.version;
        row.update_status = None;
        true
    });
    Ok(())
}

/// Swaps the specification with the previous one.
///
/// Source: `UpdateService` with rollback (control-plane A4).
fn roll_back(store: &mut Store, service: ServiceId) -> Result<(), CommandError> {
    exists(store, service)?;
    let rolled_back = store.update_service(service, |row| {
        let Some((spec, spec_version)) = row.previous.take() else { return false };
        row.previous = Some((std::mem::replace(&mut row.spec, spec), row.spec_version));
        row.spec_version = spec_version;
        let message = UpdateMessage::ManualRollback;
        row.update_status = Some(UpdateStatus { state: UpdateState::RollbackStarted, message });
        true
    });
    if rolled_back { Ok(()) } else { Err(CommandError::NoPreviousSpec(service)) }
}

/// A manager may be demoted if another one remains, and a quorum.
///
/// Source: `UpdateNode` (control-plane A11).
fn check_demotion(now: Time, store: &Store, raft: &Raft, node: NodeId, role: Option<Role>) -> Result<(), CommandError> {
    let row = store.node(node).ok_or(CommandError::NodeNotFound(node))?;
    if (row.spec.role, role) != (Role::Manager, Some(Role::Worker)) {
        return Ok(());
    }
    let mut others = store.nodes().filter(|(other, row)| *other != node && row.role == Role::Manager);
    if row.role == Role::Manager && others.next().is_none() {
        Err(CommandError::LastManager)
    } else if !raft.is_member(node) {
        Err(CommandError::NotInMemberlist)
    } else if !raft.can_remove(node, now) {
        Err(CommandError::LossOfQuorum)
    } else {
        Ok(())
    }
}

/// Removes a node. Its tasks that have not ended are lost with it.
///
/// Source: `RemoveNode`, `orphanNodeTasks` (control-plane A12).
fn remove_node(now: Time, store: &mut Store, raft: &Raft, node: NodeId, force: bool) -> Result<(), CommandError> {
    let row = store.node(node).ok_or(CommandError::NodeNotFound(node))?;
    if row.spec.role == Role::Manager && raft.is_member(node) {
        return Err(CommandError::NodeIsManager(node));
    }
    if !force && row.state == NodeState::Ready {
        return Err(CommandError::NodeNotDown(node));
    }
    let is_lost = |state: TaskState| state < TaskState::Complete;
    let lost: Vec<TaskId> =
        store.tasks_on_node(node).filter(|(_, task)| is_lost(task.status.state)).map(|(id, _)| id).collect();
    for task in lost {
        store.set_status(now, task, Status { state: TaskState::Orphaned, message: Message::NodeDeleted, err: None });
    }
    store.remove_node(node);
    Ok(())
}

fn exists(store: &Store, service: ServiceId) -> Result<(), CommandError> {
    store.service(service).map(|_| ()).ok_or(CommandError::ServiceNotFound(service))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manager::fixture::Cluster;

    /// Control-plane A12.
    #[test]
    fn only_a_node_that_is_down_is_removed_without_force() {
        let remove = |node, force| Command::NodeRemove { node: NodeId(node), force };
        let mut cluster = Cluster::of(2);
        assert_eq!(cluster.refuse(remove(0, false)), CommandError::NodeNotDown(NodeId(0)));
        cluster.lose_node(0).command(remove(0, false)).command(remove(1, true));
        assert!(cluster.manager.store.nodes().next().is_none());
    }
}

//! The role manager: makes of a node what the operator wants it to be, a manager or a worker.
//!
//! Source: manager/role_manager.go (control-plane Q11, Q12, Q17).
//!
//! Assumed: a node that is promoted has its new certificate, and is a member of raft, at once; one that is demoted is a worker at
//! once.

use super::{Cx, Wake};
use crate::kernel::Span;
use crate::model::NodeId;
use crate::model::change::Change;
use crate::model::node::{NodeState, Role};

/// After so long a demotion that could not be carried out is tried again.
///
/// Source: manager/role_manager.go `roleReconcileInterval` (control-plane Q12).
pub const ROLE_RECONCILE_INTERVAL: Span = Span::from_secs(5);

/// Compares what nodes are with what they are to be.
#[derive(Debug, Default)]
pub struct RoleManager {
    /// Tells this role manager's wakes from those of a former leader's.
    epoch: u32,
    /// Nodes that were written in this transaction.
    changed: Vec<NodeId>,
    /// Managers that cannot be workers yet.
    pending: Vec<NodeId>,
}

impl RoleManager {
    /// The role manager of a new leader.
    pub fn start(cx: &mut Cx<'_>) -> RoleManager {
        let nodes: Vec<NodeId> = cx.store.nodes().map(|(id, _)| id).collect();
        let mut roles = RoleManager { epoch: cx.next_epoch(), changed: Vec::new(), pending: Vec::new() };
        nodes.into_iter().for_each(|node| roles.reconcile(node, cx));
        roles
    }

    /// Notices nodes.
    pub fn on_change(&mut self, change: &Change) {
        if let Change::NodeCreated(node) | Change::NodeUpdated(node) | Change::NodeRemoved(node) = *change {
            self.changed.push(node);
        }
    }

    /// Looks at the nodes of the transaction.
    pub fn on_commit(&mut self, cx: &mut Cx<'_>) {
        for node in std::mem::take(&mut self.changed) {
            self.reconcile(node, cx);
        }
    }

    /// Whether this timer is of this role manager.
    pub fn awaits(&self, epoch: u32) -> bool {
        epoch == self.epoch
    }

    /// Tries again what could not be done.
    pub fn wake(&mut self, epoch: u32, cx: &mut Cx<'_>) {
        if self.awaits(epoch) {
            for node in std::mem::take(&mut self.pending) {
                self.reconcile(node, cx);
            }
        }
    }

    /// Source: `reconcileRole`, `evictRemovedNode`.
    fn reconcile(&mut self, node: NodeId, cx: &mut Cx<'_>) {
        let Some(row) = cx.store.node(node) else {
            if !cx.raft.is_member(node) {
                cx.raft.forget(node);
            } else {
                self.take_out(node, cx);
            }
            return;
        };
        match (row.spec.role, row.role) {
            (Role::Manager, Role::Worker) => set_role(node, Role::Manager, cx),
            (Role::Manager, Role::Manager) if row.state == NodeState::Ready => cx.raft.join(cx.now, node),
            (Role::Worker, Role::Manager) if self.take_out(node, cx) => set_role(node, Role::Worker, cx),
            (Role::Manager | Role::Worker, Role::Manager) | (Role::Worker, Role::Worker) => {}
        }
    }

    /// Takes a node out of raft, or sees to it that this is tried again. Returns whether it is no member. A leader first hands
    /// over; the next one's role manager does the rest.
    fn take_out(&mut self, node: NodeId, cx: &mut Cx<'_>) -> bool {
        if !cx.raft.is_member(node) {
            return true;
        }
        let may_go = cx.raft.can_remove(node, cx.now);
        let leads = cx.raft.lead().is_some_and(|(leader, _)| leader == node);
        if may_go && !leads {
            cx.raft.remove(cx.now, node);
            return true;
        }
        if !may_go || !cx.raft.transfer(cx.now) {
            if self.pending.is_empty() {
                cx.wake_after(ROLE_RECONCILE_INTERVAL, Wake::RoleManager { epoch: self.epoch });
            }
            self.pending.push(node);
        }
        false
    }
}

fn set_role(node: NodeId, role: Role, cx: &mut Cx<'_>) {
    cx.store.update_node(node, |row| row.role = role);
    cx.store.commit();
}

#[cfg(test)]
mod tests {
    use crate::kernel::Time;
    use crate::manager::fixture::Cluster;
    use crate::model::NodeId;
    use crate::model::command::Command;
    use crate::model::node::{NodeSpec, Role};
    use crate::model::update::CommandError;

    const LEADER: NodeId = NodeId(0);
    const SECOND: NodeId = NodeId(1);
    const WORKER: NodeId = NodeId(2);

    /// Two managers, of whom the first leads, and a worker.
    fn cluster() -> Cluster {
        let roles = [Role::Manager, Role::Manager, Role::Worker];
        Cluster::new(roles.map(|role| NodeSpec { role, ..NodeSpec::default() }))
    }

    fn set_role(node: NodeId, role: Role) -> Command {
        let (label_add, label_rm) = (Vec::new(), Vec::new());
        Command::NodeUpdate { node, role: Some(role), availability: None, label_add, label_rm }
    }

    fn role(cluster: &Cluster, node: NodeId) -> Option<Role> {
        cluster.manager.store.node(node).map(|row| row.role)
    }

    /// Control-plane Q11, Q12.
    #[test]
    fn a_node_that_is_promoted_joins_and_one_that_is_demoted_leaves() {
        let mut cluster = cluster();
        cluster.command(set_role(WORKER, Role::Manager));
        assert!(cluster.manager.raft.is_member(WORKER) && role(&cluster, WORKER) == Some(Role::Manager));
        cluster.command(set_role(SECOND, Role::Worker));
        assert!(!cluster.manager.raft.is_member(SECOND) && role(&cluster, SECOND) == Some(Role::Worker));
    }

    /// Control-plane Q12: the next leader's role manager takes the former one out.
    #[test]
    fn a_leader_that_is_demoted_hands_over_first() {
        let mut cluster = cluster();
        cluster.command(set_role(WORKER, Role::Manager)).command(set_role(LEADER, Role::Worker));
        assert_eq!(cluster.manager.raft.lead(), Some((SECOND, 2)));
        assert!(cluster.manager.raft.is_member(LEADER) && role(&cluster, LEADER) == Some(Role::Manager));
        cluster.manager.lose_leader();
        cluster.elect();
        assert!(!cluster.manager.raft.is_member(LEADER) && role(&cluster, LEADER) == Some(Role::Worker));
    }

    /// Control-plane A11.
    #[test]
    fn a_demotion_is_refused_that_would_leave_no_manager_or_no_quorum() {
        let mut cluster = cluster();
        let at = Time::from_millis;
        cluster.manager.raft.set_up(at(1_000), SECOND, false);
        cluster.manager.raft.set_up(at(2_000), SECOND, true);
        cluster.command(set_role(WORKER, Role::Manager)).advance(10_000);
        cluster.manager.raft.set_up(at(5_000), WORKER, false);
        assert_eq!(cluster.refuse(set_role(SECOND, Role::Worker)), CommandError::LossOfQuorum);
        cluster.command(set_role(WORKER, Role::Worker)).command(set_role(SECOND, Role::Worker));
        assert_eq!(cluster.refuse(set_role(LEADER, Role::Worker)), CommandError::LastManager);
    }

    /// Control-plane A11, A12, Q15.
    #[test]
    fn one_that_was_left_out_of_a_new_cluster_can_be_removed_but_not_demoted() {
        let mut cluster = cluster();
        let remove = Command::NodeRemove { node: SECOND, force: true };
        assert_eq!(cluster.refuse(remove.clone()), CommandError::NodeIsManager(SECOND));
        cluster.manager.raft.force_new_cluster(Time::ZERO, LEADER);
        assert_eq!(cluster.refuse(set_role(SECOND, Role::Worker)), CommandError::NotInMemberlist);
        cluster.command(remove);
        assert_eq!(role(&cluster, SECOND), None);
        assert!(!cluster.manager.raft.is_left_behind(SECOND), "it may join again");
    }
}

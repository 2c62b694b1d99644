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

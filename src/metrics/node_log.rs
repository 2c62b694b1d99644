//! What `docker node ls` says of a node, at every instant of a run.

use crate::kernel::{IdVec, Time};
use crate::model::NodeId;
use crate::model::command::Command;
use crate::model::node::{Availability, Leadership, ManagerStatus, NodeState, Reachability, Role};
use crate::observe::Record;
use crate::sim::Plan;
use crate::sim::plan::Node;

/// A row of `docker node ls`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeStatus {
    /// STATUS; `None`: the node is no member of the cluster.
    pub state: Option<NodeState>,
    /// AVAILABILITY.
    pub availability: Availability,
    /// MANAGER STATUS; `None`: a worker, or a manager that was left out of a new cluster.
    pub manager: Option<ManagerStatus>,
}

/// How the row of a node changed in a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeLog {
    /// In order of time; the first is that of the start.
    changes: Vec<(Time, NodeStatus)>,
}

impl NodeLog {
    /// The log of a node whose row never changes.
    pub fn of(status: NodeStatus) -> NodeLog {
        NodeLog { changes: vec![(Time::ZERO, status)] }
    }

    /// The row when all of the instant has happened.
    pub fn at(&self, time: Time) -> NodeStatus {
        let later = self.changes.partition_point(|(at, _)| *at <= time);
        self.changes[later.max(1) - 1].1
    }

    /// The row at the start, and each time that it changed.
    pub fn changes(&self) -> &[(Time, NodeStatus)] {
        &self.changes
    }

    fn last(&self) -> NodeStatus {
        self.at(Time::MAX)
    }

    fn note(&mut self, now: Time, status: NodeStatus) {
        if self.last() != status {
            self.changes.push((now, status));
        }
    }
}

/// Follows the rows of all nodes.
#[derive(Clone, Debug)]
pub struct NodeLogs<'a> {
    plan: &'a Plan,
    logs: IdVec<NodeId, NodeLog>,
    leader: Option<NodeId>,
    reachability: IdVec<NodeId, Option<Reachability>>,
    /// The command that is being carried out.
    command: Option<&'a Command>,
}

impl<'a> NodeLogs<'a> {
    /// At the start the first manager leads, and all are reachable.
    pub fn new(plan: &'a Plan) -> NodeLogs<'a> {
        let is_manager = |node: &Node| node.is_member && node.spec.role == Role::Manager;
        let reachability = |node: &Node| is_manager(node).then_some(Reachability::Reachable);
        let leader = plan.nodes.iter().find(|(_, node)| is_manager(node)).map(|(id, _)| id);
        let log = |(id, node): (NodeId, &Node)| {
            let manager =
                if leader == Some(id) { Some(ManagerStatus::Leader) } else { reachability(node).map(of_member) };
            let state = node.is_member.then_some(NodeState::Ready);
            NodeLog::of(NodeStatus { state, availability: node.spec.availability, manager })
        };
        let logs = plan.nodes.iter().map(log).collect();
        let reachability = plan.nodes.values().map(reachability).collect();
        NodeLogs { plan, logs, leader, reachability, command: None }
    }

    /// Takes notice of a record.
    pub fn record(&mut self, now: Time, record: &Record) {
        match *record {
            Record::Command { index } | Record::CommandResumed { index } => {
                self.command = Some(&self.plan.commands[index as usize].command);
            }
            Record::CommandError { .. } => self.command = None,
            Record::Node { node, state, .. } => {
                let mut status = NodeStatus { state, ..self.logs[node].last() };
                if let Some(Command::NodeUpdate { node: updated, availability, .. }) = self.command
                    && *updated == node
                {
                    status.availability = availability.unwrap_or(status.availability);
                    self.command = None;
                }
                self.logs[node].note(now, status);
            }
            Record::Leadership(leadership) => {
                let leader = match leadership {
                    Leadership::Leader(node) => Some(node),
                    Leadership::NoLeader | Leadership::NoQuorum => None,
                };
                let former = std::mem::replace(&mut self.leader, leader);
                former.into_iter().chain(leader).for_each(|node| self.note_manager(now, node));
            }
            Record::Manager { node, reachability } => {
                self.reachability[node] = reachability;
                self.note_manager(now, node);
            }
            _ => {}
        }
    }

    /// The row of a node as it is now.
    pub fn now(&self, node: NodeId) -> NodeStatus {
        self.logs[node].last()
    }

    /// The node that leads.
    pub fn leader(&self) -> Option<NodeId> {
        self.leader
    }

    /// The logs, by node.
    pub(crate) fn finish(self) -> IdVec<NodeId, NodeLog> {
        self.logs
    }

    fn note_manager(&mut self, now: Time, node: NodeId) {
        let leads = self.leader == Some(node);
        let manager = if leads { Some(ManagerStatus::Leader) } else { self.reachability[node].map(of_member) };
        let status = NodeStatus { manager, ..self.logs[node].last() };
        self.logs[node].note(now, status);
    }
}

/// Of a manager that does not lead.
fn of_member(reachability: Reachability) -> ManagerStatus {
    match reachability {
        Reachability::Reachable => ManagerStatus::Reachable,
        Reachability::Unreachable => ManagerStatus::Unreachable,
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::plan;
    use super::*;

    #[test]
    fn a_row_is_what_was_said_last() {
        let mut plan = plan();
        plan.nodes.push(plan.nodes[NodeId(0)].clone());
        plan.nodes[NodeId(1)].spec.role = Role::Manager;
        let mut logs = NodeLogs::new(&plan);
        let node = NodeId(1);
        let at = Time::from_millis;
        logs.record(at(5), &Record::Leadership(Leadership::NoQuorum));
        logs.record(at(7), &Record::Manager { node, reachability: Some(Reachability::Unreachable) });
        logs.record(at(9), &Record::Node { node, state: Some(NodeState::Down), role: Role::Manager });
        logs.record(at(9), &Record::Manager { node, reachability: None });
        let log = &logs.finish()[node];
        let rows = [0, 4, 5, 7, 8, 9, 99].map(|ms| (log.at(at(ms)).state, log.at(at(ms)).manager));
        use ManagerStatus::{Leader, Reachable, Unreachable};
        use NodeState::{Down, Ready};
        let up = Some(Ready);
        assert_eq!(
            rows,
            [
                (up, Some(Leader)),
                (up, Some(Leader)),
                (up, Some(Reachable)),
                (up, Some(Unreachable)),
                (up, Some(Unreachable)),
                (Some(Down), None),
                (Some(Down), None),
            ]
        );
    }
}

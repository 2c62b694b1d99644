//! How long nodes take to be empty after `docker node update --availability drain`.
//!
//! *Empty* is a node without the process of any task: from the command to the end of the last process. It is that of the last
//! drain; a node that was never drained, that is not empty by the end of the run, or that takes tasks again before, has none.

use super::node_log::NodeLogs;
use super::summary::NodeSummary;
use crate::kernel::{IdVec, Span, Time};
use crate::model::command::Command;
use crate::model::node::Availability;
use crate::model::{NodeId, TaskId};
use crate::sim::Plan;

/// Follows the processes on all nodes.
#[derive(Clone, Debug)]
pub(super) struct NodeMeter {
    nodes: IdVec<NodeId, NodeRow>,
    places: IdVec<TaskId, Place>,
    /// Whether a drain is under way.
    draining: bool,
}

#[derive(Clone, Debug)]
struct NodeRow {
    name: String,
    empty: Option<Span>,
    processes: u32,
    /// When the drain began that is under way.
    drained: Option<Time>,
}

/// Where the process of a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The managers do not know of one yet.
    Nowhere,
    On(NodeId),
    Ended,
}

impl NodeMeter {
    pub(super) fn new(plan: &Plan) -> NodeMeter {
        let row = |name: &String| NodeRow { name: name.clone(), empty: None, processes: 0, drained: None };
        let nodes = plan.nodes.values().map(|node| row(&node.name)).collect();
        NodeMeter { nodes, places: IdVec::new(), draining: false }
    }

    /// An operator gives a command.
    pub(super) fn command(&mut self, now: Time, command: &Command) {
        let Command::NodeUpdate { node, availability: Some(availability), .. } = command else { return };
        let row = &mut self.nodes[*node];
        row.drained = (*availability == Availability::Drain).then_some(now);
        if row.drained.is_some() {
            row.empty = None;
            self.draining = true;
        }
    }

    /// The managers do not carry a command out.
    pub(super) fn refuse(&mut self, command: &Command) {
        if let Command::NodeUpdate { node, availability: Some(_), .. } = command {
            self.nodes[*node].drained = None;
        }
    }

    /// The managers see a task STARTING or RUNNING.
    pub(super) fn start(&mut self, task: TaskId, node: NodeId) {
        let place = self.places.entry(task, Place::Nowhere);
        if *place == Place::Nowhere {
            *place = Place::On(node);
            self.nodes[node].processes += 1;
        }
    }

    /// The process of a task is gone.
    pub(super) fn end(&mut self, task: TaskId) {
        if let Place::On(node) = std::mem::replace(self.places.entry(task, Place::Nowhere), Place::Ended) {
            self.nodes[node].processes -= 1;
        }
    }

    /// The instant `now` has ended.
    pub(super) fn settle(&mut self, now: Time) {
        if !std::mem::take(&mut self.draining) {
            return;
        }
        for row in self.nodes.values_mut() {
            if row.processes == 0
                && let Some(since) = row.drained.take()
            {
                row.empty = Some(now - since);
            }
            self.draining |= row.drained.is_some();
        }
    }

    /// What became of the nodes, in the order of the plan.
    pub(super) fn summary(self, logs: NodeLogs<'_>) -> Vec<NodeSummary> {
        let logs = logs.finish();
        let summary = |(id, row): (NodeId, &NodeRow)| NodeSummary {
            name: row.name.clone(),
            empty: row.empty,
            log: logs[id].clone(),
        };
        self.nodes.iter().map(summary).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::plan;
    use super::*;

    const NODE: NodeId = NodeId(0);

    fn update(availability: Availability) -> Command {
        Command::NodeUpdate {
            node: NODE,
            role: None,
            availability: Some(availability),
            label_add: Vec::new(),
            label_rm: Vec::new(),
        }
    }

    fn empty(story: impl FnOnce(&mut NodeMeter)) -> Option<Span> {
        let mut meter = NodeMeter::new(&plan());
        meter.start(TaskId(0), NODE);
        meter.start(TaskId(1), NODE);
        story(&mut meter);
        meter.nodes[NODE].empty
    }

    #[test]
    fn a_drained_node_is_empty_when_its_last_process_has_ended() {
        let at = Time::from_millis;
        let drained = empty(|meter| {
            meter.command(at(1_000), &update(Availability::Drain));
            meter.settle(at(1_000));
            meter.end(TaskId(0));
            meter.settle(at(3_000));
            // The managers hear of a start that is over.
            meter.end(TaskId(2));
            meter.start(TaskId(2), NODE);
            meter.end(TaskId(1));
            meter.settle(at(4_500));
            meter.settle(at(9_000));
        });
        assert_eq!(drained, Some(Span::from_millis(3_500)));
    }

    #[test]
    fn a_node_that_takes_tasks_again_is_not_empty() {
        let at = Time::from_millis;
        let reactivated = empty(|meter| {
            meter.command(at(1_000), &update(Availability::Drain));
            meter.settle(at(1_000));
            meter.command(at(2_000), &update(Availability::Active));
            meter.end(TaskId(0));
            meter.end(TaskId(1));
            meter.settle(at(3_000));
        });
        assert_eq!(reactivated, None);
    }
}

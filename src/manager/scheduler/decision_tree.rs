//! How the tasks of a group are spread: first over the branches that placement preferences make, then over nodes.
//!
//! Source: manager/scheduler/decision_tree.go, nodeset.go `tree`, scheduler.go (control-plane S14 to S21).

use std::collections::BTreeMap;

use super::filter::Pipeline;
use super::nodeset::{NodeSet, Rank};
use super::{Counted, CountedTasks};
use crate::manager::{Cx, constraint};
use crate::model::decision::Decision;
use crate::model::task::{Message, TaskState};
use crate::model::{NodeId, ServiceId, TaskId};

/// The nodes of the cluster as branches, one level for each preference; all in one leaf if there is none.
#[derive(Debug, Default)]
pub struct DecisionTree {
    /// Wanted tasks of the service below, also on nodes that do not pass the filters.
    tasks: usize,
    /// Tie (control-plane X6): branches are visited in the order of their labels' values, or shuffled.
    branches: BTreeMap<String, DecisionTree>,
    /// The nodes of a leaf that pass the filters, those left out that are too bad to get a task.
    nodes: Vec<Candidate>,
    /// What is worse than this is too bad.
    worst: Option<Candidate>,
    is_ordered: bool,
}

/// A node that passed the filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Candidate {
    rank: Rank,
    /// Tie (control-plane X6): of equal nodes any is better, or always the one with the lowest id.
    tie: u32,
    node: NodeId,
    /// Whether it passes the filters no more.
    is_full: bool,
}

impl DecisionTree {
    /// Adds a node to a leaf whose best `wanted` nodes are looked for. Now and then the others are dropped.
    ///
    /// Source: nodeset.go `tree`, which keeps them in a heap (control-plane S14).
    fn add(&mut self, candidate: Candidate, wanted: usize) {
        if self.worst.is_some_and(|worst| worst < candidate) {
            return;
        }
        self.nodes.push(candidate);
        if self.nodes.len() > 2 * wanted {
            let (_, worst, _) = self.nodes.select_nth_unstable(wanted);
            self.worst = Some(*worst);
            self.nodes.truncate(wanted);
        }
    }

    /// Gives the room for candidates back, for the next tree.
    pub fn into_buffer(mut self) -> Vec<Candidate> {
        self.nodes.clear();
        self.nodes
    }
}

/// Tasks of one service and one version of its specification, and what is needed to place them.
#[derive(Debug)]
pub struct TaskGroup<'a> {
    /// Their service.
    pub service: ServiceId,
    /// The version of its specification.
    pub spec_version: u64,
    /// Tasks that are not placed yet. Tie (control-plane X6): they are placed in the order of their creation, or shuffled.
    pub tasks: &'a [TaskId],
    /// The filters, set up for them.
    pub pipeline: &'a mut Pipeline,
    /// All nodes.
    pub nodes: &'a mut NodeSet,
    /// Where tasks are counted.
    pub counted: &'a mut CountedTasks,
}

impl TaskGroup<'_> {
    /// All nodes as a tree; leaves keep those that pass the filters. `buffer` is room for the candidates of the root.
    pub fn tree(&mut self, buffer: Vec<Candidate>, cx: &mut Cx<'_>) -> DecisionTree {
        let mut root = DecisionTree { nodes: buffer, ..DecisionTree::default() };
        let labels: Vec<String> = spread_labels(&self.pipeline.spec().task.placement.preferences);
        for (id, info) in self.nodes.iter().filter_map(|(id, info)| Some((id, info.as_ref()?))) {
            let of_service = info.active_of(self.service) as usize;
            let mut tree = &mut root;
            for label in &labels {
                tree.tasks += of_service;
                let value = cx.store.node(id).and_then(|node| node.spec.labels.get(label)).cloned();
                tree = tree.branches.entry(value.unwrap_or_default()).or_default();
            }
            tree.tasks += of_service;
            if self.pipeline.passes(cx.store, id, info) {
                let rank = info.rank(cx.now, self.service, self.spec_version);
                let candidate = Candidate { rank, tie: cx.ties.pick(1 << 32) as u32, node: id, is_full: false };
                tree.add(candidate, self.tasks.len());
            }
        }
        root
    }

    /// Places up to `wanted` tasks below `tree`; returns how many.
    ///
    /// Source: `scheduleNTasksOnSubtree` (control-plane S20).
    pub fn place(&mut self, wanted: usize, tree: &mut DecisionTree, cx: &mut Cx<'_>) -> usize {
        if tree.branches.is_empty() {
            self.order(tree, cx);
            return self.place_on_nodes(wanted, &mut tree.nodes, cx);
        }
        let mut placed = 0;
        let mut tasks_in_usable = tree.tasks;
        let mut usable: Vec<&mut DecisionTree> = tree.branches.values_mut().collect();
        let mut converging = true;
        while placed != wanted && !usable.is_empty() && converging {
            converging = false;
            cx.ties.shuffle(&mut usable);
            let (tasks, branches) = (tasks_in_usable + wanted - placed, usable.len());
            let (per_branch, mut remainder) = (tasks / branches, tasks % branches);
            usable.retain_mut(|branch| {
                if branch.tasks > per_branch || (branch.tasks == per_branch && remainder == 0) {
                    return true;
                }
                converging = true;
                let share = per_branch - branch.tasks + usize::from(remainder > 0);
                let taken = self.place(share, branch, cx);
                placed += taken;
                if taken < share {
                    tasks_in_usable -= branch.tasks;
                    return false;
                }
                remainder = remainder.saturating_sub(1);
                true
            });
        }
        placed
    }

    /// Puts the best nodes of a leaf first, as many as there are tasks. A leaf that is ordered again loses the nodes that do not
    /// pass the filters any more.
    ///
    /// Source: decision_tree.go `orderedNodes`.
    fn order(&mut self, leaf: &mut DecisionTree, cx: &Cx<'_>) {
        let nodes = &mut leaf.nodes;
        if std::mem::replace(&mut leaf.is_ordered, true) {
            nodes.retain_mut(|candidate| {
                let Some(info) = &self.nodes[candidate.node] else { return false };
                candidate.is_full = false;
                self.pipeline.passes(cx.store, candidate.node, info)
            });
        } else if self.tasks.len() < nodes.len() {
            nodes.select_nth_unstable(self.tasks.len());
            nodes.truncate(self.tasks.len());
        }
        nodes.sort_unstable();
    }

    /// Places up to `wanted` tasks on the nodes, which are sorted. The first round stays with a node until the next one is better;
    /// from then on each node gets one task in turn. Nodes that fill up are passed over.
    ///
    /// Source: `scheduleNTasksOnNodes` (control-plane S16).
    fn place_on_nodes(&mut self, wanted: usize, nodes: &mut [Candidate], cx: &mut Cx<'_>) -> usize {
        let count = nodes.len();
        let (mut placed, mut pointer) = (0, 0);
        if count == 0 {
            return placed;
        }
        while let Some((task, rest)) = self.tasks.split_first() {
            self.tasks = rest;
            let candidate = &mut nodes[pointer % count];
            candidate.rank = self.assign(*task, candidate.node, cx).unwrap_or(candidate.rank);
            placed += 1;
            if placed == wanted {
                break;
            }
            let is_first_round = pointer + 1 < count;
            if !is_first_round || nodes[pointer + 1].rank < nodes[pointer].rank {
                pointer += 1;
            }
            let passed_over =
                (0..count).take_while(|step| self.is_full(&mut nodes[(pointer + step) % count], cx)).count();
            if passed_over == count {
                break;
            }
            pointer += passed_over;
        }
        placed
    }

    fn is_full(&mut self, candidate: &mut Candidate, cx: &Cx<'_>) -> bool {
        let info = self.nodes[candidate.node].as_ref();
        candidate.is_full |= !info.is_some_and(|info| self.pipeline.passes(cx.store, candidate.node, info));
        candidate.is_full
    }

    /// Gives a task to a node; returns the node's rank after that.
    fn assign(&mut self, task: TaskId, node: NodeId, cx: &mut Cx<'_>) -> Option<Rank> {
        let info = self.nodes[node].as_mut()?;
        let is_active = cx.store.task_ever(task).desired <= TaskState::Complete;
        info.add_task(self.service, self.pipeline.spec(), is_active);
        *self.counted.entry(task, None) = Some(Counted { node, is_active });
        cx.store.decide(self.service, Decision::Assigns { task, node, is_preassigned: false });
        cx.store.assign(cx.now, task, node, Message::SchedulerAssigned);
        Some(info.rank(cx.now, self.service, self.spec_version))
    }
}

/// The labels of nodes over which to spread. What is no label of a node makes no branches; nor do labels of engines, which
/// are not modelled: all nodes would be in one branch.
fn spread_labels(preferences: &[String]) -> Vec<String> {
    preferences.iter().filter_map(|descriptor| constraint::node_label(descriptor)).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Time;
    use crate::kernel::id::scattered;
    use crate::manager::fixture::WEB;
    use crate::manager::scheduler::nodeset::NodeInfo;
    use crate::manager::store::Node;
    use crate::model::node::NodeSpec;

    /// Control-plane S14.
    #[test]
    fn a_leaf_keeps_the_best_nodes() {
        let candidate = |id: u32| {
            let mut info = NodeInfo::new(&Node::new(format!("n{id}"), NodeSpec::default()));
            (0..scattered(id) % 4).for_each(|_| info.count(WEB));
            Candidate { rank: info.rank(Time::ZERO, WEB, 0), tie: 0, node: NodeId(id), is_full: false }
        };
        for wanted in [1, 3, 40] {
            let mut leaf = DecisionTree::default();
            let mut all: Vec<Candidate> = (0..100).map(candidate).collect();
            all.iter().for_each(|candidate| leaf.add(*candidate, wanted));
            leaf.nodes.sort_unstable();
            all.sort_unstable();
            assert!(leaf.nodes.len() <= 2 * wanted);
            assert_eq!(leaf.nodes[..wanted], all[..wanted]);
        }
    }
}

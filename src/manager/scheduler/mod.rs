//! The scheduler: PENDING becomes ASSIGNED.
//!
//! Source: manager/scheduler/scheduler.go (control-plane section 12). All nodes are there and take tasks throughout, so that
//! every task finds one: filters and placement preferences are not modelled yet.

pub mod nodeset;

use nodeset::{NodeInfo, NodeSet, Rank};

use crate::kernel::{IdVec, Span, Time};
use crate::manager::store::{Store, Task};
use crate::manager::{Cx, Wake};
use crate::model::change::{Change, TaskView};
use crate::model::task::TaskState;
use crate::model::{NodeId, ServiceId, TaskId};

/// Quiet time after a commit before tasks are scheduled, so that a burst is scheduled as one.
///
/// Source: `commitDebounceGap` (control-plane S2).
pub const COMMIT_DEBOUNCE_GAP: Span = Span::from_millis(50);

/// A commit that comes later than this after the first makes the scheduler act at once.
///
/// Source: `maxLatency` (control-plane S2).
pub const MAX_LATENCY: Span = Span::from_secs(1);

/// Spreads tasks over nodes.
#[derive(Debug)]
pub struct Scheduler {
    nodes: NodeSet,
    /// Where each task is counted.
    counted: IdVec<TaskId, Option<Counted>>,
    /// Tasks without a node, in order of notice.
    unassigned: Vec<TaskId>,
    tick_required: bool,
    /// When the first commit came that was not acted upon yet, and when the next action is due.
    debounce: Option<Debounce>,
    epoch: u32,
    candidates: Vec<(Rank, NodeId)>,
}

#[derive(Clone, Copy, Debug)]
struct Counted {
    node: NodeId,
    /// Whether the task counts as active: desired at most COMPLETE.
    active: bool,
}

#[derive(Clone, Copy, Debug)]
struct Debounce {
    /// Tells this quiet time from earlier ones.
    epoch: u32,
    started: Time,
    due: Time,
}

impl Scheduler {
    /// A scheduler for this many nodes.
    pub fn new(nodes: usize) -> Scheduler {
        Scheduler {
            nodes: IdVec::filled(nodes, NodeInfo::default()),
            counted: IdVec::new(),
            unassigned: Vec::new(),
            tick_required: false,
            debounce: None,
            epoch: 0,
            candidates: Vec::new(),
        }
    }

    /// Follows tasks.
    ///
    /// Source: `createTask`, `updateTask`, `deleteTask` (control-plane S1, S9).
    pub fn on_change(&mut self, change: &Change, cx: &mut Cx<'_>) {
        match *change {
            Change::TaskUpdated { task, old, new } => self.on_task_updated(task, old, new, cx),
            Change::TaskRemoved { task, .. } if self.uncount(task, cx.store) => self.tick_required = true,
            _ => {}
        }
    }

    fn on_task_updated(&mut self, id: TaskId, old: TaskView, new: TaskView, cx: &mut Cx<'_>) {
        if new.state < TaskState::Pending {
            return;
        }
        let task = cx.store.task_ever(id);
        if new.state.is_terminal() {
            let has_failed = old.state != new.state && matches!(new.state, TaskState::Failed | TaskState::Rejected);
            if let Some(node) = new.node.filter(|_| has_failed) {
                self.nodes[node].task_failed(cx.now, task.service, task.spec_version);
            }
            self.tick_required |= !old.state.is_terminal();
            self.uncount(id, cx.store);
        } else if new.node.is_none() {
            self.unassigned.push(id);
            self.tick_required = true;
        } else if let Some(counted) = self.counted[id].as_mut() {
            let active = new.desired <= TaskState::Complete;
            if counted.active != active {
                counted.active = active;
                let node = &mut self.nodes[counted.node];
                if active { node.add(task.service) } else { node.remove(task.service) }
            }
        }
    }

    /// Starts or prolongs the quiet time.
    pub fn on_commit(&mut self, cx: &mut Cx<'_>) {
        match &mut self.debounce {
            Some(debounce) if cx.now - debounce.started > MAX_LATENCY => {
                self.debounce = None;
                self.schedule(cx);
            }
            // The pending wake moves on to the new instant when it fires.
            Some(debounce) => debounce.due = cx.now + COMMIT_DEBOUNCE_GAP,
            None => {
                self.epoch += 1;
                let (epoch, due) = (self.epoch, cx.now + COMMIT_DEBOUNCE_GAP);
                self.debounce = Some(Debounce { epoch, started: cx.now, due });
                cx.wake_after(COMMIT_DEBOUNCE_GAP, Wake::Scheduler { epoch });
            }
        }
    }

    /// The quiet time may be over.
    pub fn wake(&mut self, epoch: u32, cx: &mut Cx<'_>) {
        let Some(debounce) = self.debounce.filter(|debounce| debounce.epoch == epoch) else { return };
        if debounce.due > cx.now {
            cx.wake_after(debounce.due - cx.now, Wake::Scheduler { epoch });
        } else {
            self.debounce = None;
            self.schedule(cx);
        }
    }

    /// Source: `tick` (control-plane S5). Tie (X6): groups and tasks in order of creation.
    fn schedule(&mut self, cx: &mut Cx<'_>) {
        if !std::mem::replace(&mut self.tick_required, false) {
            return;
        }
        let mut unassigned = std::mem::take(&mut self.unassigned);
        unassigned.retain(|task| cx.store.task(*task).is_some_and(is_unassigned));
        let group = |store: &Store, task: TaskId| {
            let row = store.task_ever(task);
            (row.service, row.spec_version)
        };
        unassigned.sort_by_key(|task| (group(cx.store, *task), *task));
        unassigned.dedup();
        let mut rest = &unassigned[..];
        while let Some(first) = rest.first() {
            let (service, spec_version) = group(cx.store, *first);
            let len = rest.partition_point(|task| group(cx.store, *task) <= (service, spec_version));
            self.schedule_group(service, spec_version, &rest[..len], cx);
            rest = &rest[len..];
        }
        cx.store.commit();
        unassigned.clear();
        self.unassigned = unassigned;
    }

    /// Assigns the tasks of one group to the best nodes. The first round stays with a node until the next one is better; from
    /// then on each node gets one task in turn.
    ///
    /// Source: `scheduleNTasksOnNodes` (control-plane S14, S16). Tie (X6): of equal nodes the one with the lowest id.
    fn schedule_group(&mut self, service: ServiceId, spec_version: u64, tasks: &[TaskId], cx: &mut Cx<'_>) {
        let rank = |node: &NodeInfo| node.rank(cx.now, service, spec_version);
        self.candidates.clear();
        self.candidates.extend(self.nodes.iter().map(|(id, node)| (rank(node), id)));
        let wanted = tasks.len().min(self.candidates.len());
        if wanted < self.candidates.len() {
            self.candidates.select_nth_unstable(wanted);
            self.candidates.truncate(wanted);
        }
        self.candidates.sort_unstable();
        let candidates = &mut self.candidates;
        let mut pointer = 0;
        for task in tasks {
            let index = pointer % wanted;
            let node = candidates[index].1;
            let active = cx.store.task_ever(*task).desired <= TaskState::Complete;
            if active {
                self.nodes[node].add(service);
            }
            candidates[index].0 = self.nodes[node].rank(cx.now, service, spec_version);
            *self.counted.entry(*task, None) = Some(Counted { node, active });
            cx.store.assign(cx.now, *task, node);
            let is_first_round = pointer + 1 < wanted;
            if !is_first_round || candidates[pointer + 1].0 < candidates[index].0 {
                pointer += 1;
            }
        }
    }

    /// Takes a task out of the account of its node; returns whether it was in it.
    fn uncount(&mut self, id: TaskId, store: &Store) -> bool {
        let counted = self.counted.get_mut(id).and_then(Option::take);
        if let Some(Counted { node, active: true }) = counted {
            self.nodes[node].remove(store.task_ever(id).service);
        }
        counted.is_some()
    }
}

fn is_unassigned(task: &Task) -> bool {
    task.node.is_none() && task.status.state >= TaskState::Pending && !task.status.state.is_terminal()
}

//! The scheduler: PENDING becomes ASSIGNED.
//!
//! Source: manager/scheduler/scheduler.go (control-plane section 12).

mod decision_tree;
mod filter;
mod nodeset;

use decision_tree::{Candidate, TaskGroup};
use filter::Pipeline;
use nodeset::{NodeInfo, NodeSet};

use crate::kernel::{IdVec, Span, Time};
use crate::manager::store::{Store, Task};
use crate::manager::{Cx, Wake};
use crate::model::change::{Change, TaskView};
use crate::model::decision::Decision;
use crate::model::task::{Message, Status, TaskError, TaskState};
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
#[derive(Debug, Default)]
pub struct Scheduler {
    nodes: NodeSet,
    counted: CountedTasks,
    /// Tasks without a node, in order of notice.
    unassigned: Vec<TaskId>,
    /// Tasks that have their node from the start, of global services, and wait for room on it; in order of notice.
    preassigned: Vec<TaskId>,
    tick_required: bool,
    /// When the first commit came that was not acted upon yet, and when the next action is due.
    debounce: Option<Debounce>,
    candidates: Vec<Candidate>,
}

/// Where each task is counted.
type CountedTasks = IdVec<TaskId, Option<Counted>>;

#[derive(Clone, Copy, Debug)]
struct Counted {
    node: NodeId,
    /// Whether the task counts as active: desired at most COMPLETE.
    is_active: bool,
}

#[derive(Clone, Copy, Debug)]
struct Debounce {
    /// Tells this quiet time from earlier ones.
    epoch: u32,
    started: Time,
    due: Time,
}

impl Scheduler {
    /// Takes over what is in the store, and schedules at once.
    ///
    /// Source: `Run`, `setupTasksList` (control-plane S2, S3).
    pub fn start(cx: &mut Cx<'_>) -> Scheduler {
        let mut scheduler =
            Scheduler { nodes: IdVec::filled(cx.store.node_ids(), None), tick_required: true, ..Scheduler::default() };
        for (id, node) in cx.store.nodes() {
            scheduler.nodes[id] = Some(NodeInfo::new(node));
        }
        for (id, task) in cx.store.tasks().filter(|(_, task)| is_tracked(task.status.state)) {
            match (task.node, task.status.state) {
                (_, TaskState::Pending) if task.desired > TaskState::Complete => {}
                (None, _) => scheduler.unassigned.push(id),
                (Some(_), TaskState::Pending) => scheduler.preassigned.push(id),
                (Some(node), _) => scheduler.count(id, task, node, cx.store),
            }
        }
        scheduler.schedule(cx);
        scheduler
    }

    /// Follows tasks and nodes.
    ///
    /// Source: `createTask`, `updateTask`, `deleteTask`, `createOrUpdateNode` (control-plane S1, S9, S11).
    pub fn on_change(&mut self, change: &Change, cx: &mut Cx<'_>) {
        match *change {
            Change::TaskUpdated { task, old, new } => self.on_task_updated(task, old, new, cx),
            Change::TaskRemoved { task, .. } => self.tick_required |= self.uncount(task, cx.store),
            Change::NodeCreated(id) | Change::NodeUpdated(id) => {
                if let Some(node) = cx.store.node(id) {
                    self.nodes[id].get_or_insert_with(|| NodeInfo::new(node)).update(node);
                }
                self.tick_required = true;
            }
            Change::NodeRemoved(id) => self.nodes[id] = None,
            Change::TaskCreated(_)
            | Change::ServiceCreated(_)
            | Change::ServiceUpdated(_)
            | Change::ServiceRemoved(_)
            | Change::Commit => {}
        }
    }

    fn on_task_updated(&mut self, id: TaskId, old: TaskView, new: TaskView, cx: &mut Cx<'_>) {
        if new.state.is_terminal() {
            if !is_tracked(old.state) {
                return;
            }
            if let (TaskState::Failed | TaskState::Rejected, Some(node)) = (new.state, new.node)
                && let Some(info) = &mut self.nodes[node]
            {
                let task = cx.store.task_ever(id);
                info.task_failed(cx.now, task.service, task.spec_version);
            }
            self.uncount(id, cx.store);
            self.tick_required = true;
        } else if !is_tracked(new.state) {
            // Not allocated yet: the scheduler does not see it.
        } else if new.node.is_none() {
            self.unassigned.push(id);
            self.tick_required = true;
        } else if new.state == TaskState::Pending {
            self.preassigned.push(id);
        } else if let Some(Some(counted)) = self.counted.get_mut(id) {
            let is_active = new.desired <= TaskState::Complete;
            if counted.is_active != is_active
                && let Some(info) = &mut self.nodes[counted.node]
            {
                counted.is_active = is_active;
                let service = cx.store.task_ever(id).service;
                if is_active { info.count(service) } else { info.discount(service) }
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
                let (epoch, due) = (cx.next_epoch(), cx.now + COMMIT_DEBOUNCE_GAP);
                self.debounce = Some(Debounce { epoch, started: cx.now, due });
                cx.wake_at(due, Wake::Scheduler { epoch });
            }
        }
    }

    /// Whether this quiet time still counts.
    pub fn awaits(&self, epoch: u32) -> bool {
        self.debounce.is_some_and(|debounce| debounce.epoch == epoch)
    }

    /// The quiet time may be over.
    pub fn wake(&mut self, epoch: u32, cx: &mut Cx<'_>) {
        let Some(debounce) = self.debounce.filter(|debounce| debounce.epoch == epoch) else { return };
        if debounce.due > cx.now {
            cx.wake_at(debounce.due, Wake::Scheduler { epoch });
        } else {
            self.debounce = None;
            self.schedule(cx);
        }
    }

    /// Preassigned tasks come first, so that they get room first (control-plane S23).
    fn schedule(&mut self, cx: &mut Cx<'_>) {
        self.confirm_preassigned(cx);
        if std::mem::replace(&mut self.tick_required, false) {
            self.tick(cx);
        }
    }

    /// Confirms the preassigned tasks whose node passes the filters; the others go on waiting.
    ///
    /// Tie (control-plane X6): they are looked at in the order of their creation.
    ///
    /// Source: `processPreassignedTasks`, `taskFitNode` (control-plane S22).
    fn confirm_preassigned(&mut self, cx: &mut Cx<'_>) {
        let mut waiting = std::mem::take(&mut self.preassigned);
        waiting.sort_unstable();
        waiting.dedup();
        cx.ties.shuffle(&mut waiting);
        waiting.retain(|&id| {
            let Some(&Task { service, spec, node: Some(node), status, desired, .. }) = cx.store.task(id) else {
                return false;
            };
            let Some(info) = &mut self.nodes[node] else { return status.state == TaskState::Pending };
            if status.state != TaskState::Pending {
                return false;
            }
            let mut pipeline = Pipeline::new(service, cx.store.specs().share(spec));
            if pipeline.passes(cx.store, node, info) {
                let is_active = desired <= TaskState::Complete;
                info.add_task(service, pipeline.spec(), is_active);
                *self.counted.entry(id, None) = Some(Counted { node, is_active });
                cx.store.decide(service, Decision::Assigns { task: id, node, is_preassigned: true });
                cx.store.assign(cx.now, id, node, Message::SchedulerConfirmed);
                return false;
            }
            write_unless_known(
                id,
                Status { err: Some(TaskError::UnsuitableNode(pipeline.explanation())), ..status },
                cx,
            );
            true
        });
        cx.store.commit();
        self.preassigned = waiting;
    }

    /// Source: `tick` (control-plane S5). Tie (X6): groups in order of service and version.
    fn tick(&mut self, cx: &mut Cx<'_>) {
        let mut unassigned = std::mem::take(&mut self.unassigned);
        unassigned.retain(|task| cx.store.task(*task).is_some_and(is_unassigned));
        let group = |store: &Store, task: TaskId| {
            let row = store.task_ever(task);
            (row.service, row.spec_version)
        };
        unassigned.sort_by_key(|task| (group(cx.store, *task), *task));
        unassigned.dedup();
        let mut groups: Vec<&mut [TaskId]> =
            unassigned.chunk_by_mut(|a, b| group(cx.store, *a) == group(cx.store, *b)).collect();
        cx.ties.shuffle(&mut groups);
        for tasks in groups {
            cx.ties.shuffle(tasks);
            let (service, spec_version) = group(cx.store, tasks[0]);
            self.schedule_group(service, spec_version, tasks, cx);
        }
        cx.store.commit();
    }

    /// Source: `scheduleTaskGroup`.
    fn schedule_group(&mut self, service: ServiceId, spec_version: u64, tasks: &[TaskId], cx: &mut Cx<'_>) {
        let spec = cx.store.specs().share(cx.store.task_ever(tasks[0]).spec);
        let mut pipeline = Pipeline::new(service, spec);
        let (nodes, counted) = (&mut self.nodes, &mut self.counted);
        let mut group = TaskGroup { service, spec_version, tasks, pipeline: &mut pipeline, nodes, counted };
        let mut tree = group.tree(std::mem::take(&mut self.candidates), cx);
        let placed = group.place(tasks.len(), &mut tree, cx);
        self.candidates = tree.into_buffer();
        for task in &tasks[placed..] {
            self.no_suitable_node(*task, &pipeline, cx);
        }
    }

    /// Says why a task has no node, and keeps it for the next time. A task that its service has left behind is forgotten; if it is
    /// not wanted either, it ends here, for no agent will ever end it.
    ///
    /// Source: `noSuitableNode` (control-plane S30, S31).
    fn no_suitable_node(&mut self, id: TaskId, pipeline: &Pipeline, cx: &mut Cx<'_>) {
        let task = cx.store.task_ever(id);
        let Some(service) = cx.store.service(task.service) else { return };
        if service.spec_version <= task.spec_version {
            let err = Some(TaskError::NoSuitableNode(pipeline.explanation()));
            write_unless_known(id, Status { err, ..task.status }, cx);
            self.unassigned.push(id);
        } else if task.status.state == TaskState::Pending && task.desired >= TaskState::Shutdown {
            let status = task.status;
            cx.store.decide_on(id, Decision::EndsUnplaced { task: id });
            cx.store.set_status(cx.now, id, Status { state: TaskState::Shutdown, err: None, ..status });
        }
    }

    fn count(&mut self, id: TaskId, task: &Task, node: NodeId, store: &Store) {
        let Some(info) = &mut self.nodes[node] else { return };
        let is_active = task.desired <= TaskState::Complete;
        info.add_task(task.service, store.specs().get(task.spec), is_active);
        *self.counted.entry(id, None) = Some(Counted { node, is_active });
    }

    /// Takes a task out of the account of its node; returns whether it was in it.
    fn uncount(&mut self, id: TaskId, store: &Store) -> bool {
        let Some(Counted { node, is_active }) = self.counted.get_mut(id).and_then(Option::take) else { return false };
        let Some(info) = &mut self.nodes[node] else { return false };
        let task = store.task_ever(id);
        info.remove_task(task.service, store.specs().get(task.spec), is_active);
        true
    }
}

/// Whether the scheduler keeps an eye on tasks in this state: from PENDING to RUNNING.
fn is_tracked(state: TaskState) -> bool {
    state >= TaskState::Pending && !state.is_terminal()
}

fn is_unassigned(task: &Task) -> bool {
    task.node.is_none() && is_tracked(task.status.state)
}

/// Writes the status of a task unless it says just that (control-plane S6).
fn write_unless_known(id: TaskId, status: Status, cx: &mut Cx<'_>) {
    if cx.store.task_ever(id).status != status {
        cx.store.set_status(cx.now, id, status);
    }
}

#[cfg(test)]
mod tests;

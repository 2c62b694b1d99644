//! The restart supervisor: replaces tasks that ended, and holds a new task back until its turn has come.
//!
//! Source: manager/orchestrator/restart/restart.go (control-plane section 8).

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};

use crate::kernel::{IdVec, Span, Time};
use crate::manager::store::{NewTask, Store, Task};
use crate::manager::{Cx, Wake};
use crate::model::change::Change;
use crate::model::decision::{Decision, Refusal, RestartCause, StartCause};
use crate::model::defaults;
use crate::model::node::{Availability, NodeState};
use crate::model::service::{RestartCondition, RestartPolicy};
use crate::model::task::{Creator, Slot, TaskState};
use crate::model::update::UpdateState;
use crate::model::{NodeId, ServiceId, TaskId};

/// Decides on restarts and holds new tasks back.
#[derive(Debug, Default)]
pub struct Restarts {
    /// The delayed start of each task that has one, by the task that is held back.
    delays: IdVec<TaskId, Option<DelayedStart>>,
    /// Which held-back task waits for a task to stop, and with which of its delayed starts. A task stops once, and has one
    /// successor at that time.
    waiters: IdVec<TaskId, Option<(TaskId, u32)>>,
    /// Starts whose time has come, in order.
    due: Vec<TaskId>,
    /// Starts that have ended since the updater last looked.
    ended: Vec<TaskId>,
    history: BTreeMap<(ServiceId, Slot), History>,
}

/// A task that is created but not yet wanted to run.
///
/// Source: `delayedStart` and the goroutine of `DelayStart` (control-plane R13, R14).
#[derive(Clone, Copy, Debug)]
struct DelayedStart {
    /// Tells this delayed start from earlier ones of the same task.
    epoch: u32,
    /// Whether the delay is not over yet.
    delaying: bool,
    /// Whether a predecessor must stop first that has not.
    waiting: bool,
    /// The node of that predecessor; when it goes, nobody waits any longer.
    predecessor_node: Option<NodeId>,
    /// Why it may start, as far as is known.
    cause: StartCause,
    /// Whether the held-back task is to be restarted itself when this start has ended (control-plane R1).
    restart_after: bool,
}

/// Replacements made in one slot, while a limit of attempts holds.
#[derive(Debug, Default)]
struct History {
    spec_version: u64,
    total: u32,
    /// When replacements were created, for a policy with a window.
    instants: VecDeque<Time>,
}

impl Restarts {
    /// Ends `task` for good and, if the policy of the task allows, replaces it in its slot by one of the service's current
    /// specification. To be called within a transaction.
    ///
    /// Source: `Restart` (control-plane R1 to R4).
    pub fn restart(&mut self, id: TaskId, cx: &mut Cx<'_>) {
        let task = *cx.store.task_ever(id);
        let node = task.node.and_then(|node| cx.store.node(node));
        let is_drained = node.is_some_and(|node| node.spec.availability == Availability::Drain);
        let is_down = node.is_some_and(|node| node.state == NodeState::Down);
        let cause = match (task.status.state, task.node) {
            (state, _) if state.is_terminal() => RestartCause::Ended(state),
            (_, Some(node)) if is_drained => RestartCause::Drained(node),
            (_, Some(node)) if is_down => RestartCause::NodeDown(node),
            _ => RestartCause::NodeCameBack,
        };
        if let Some(Some(delay)) = self.delays.get_mut(id) {
            if !std::mem::replace(&mut delay.restart_after, true) {
                cx.store.decide(task.service, Decision::RestartsLater { task: id, cause });
            }
            return;
        }
        let Some(service) = cx.store.service(task.service) else { return };
        let (spec, spec_version) = (service.spec_id, service.spec_version);
        cx.store.set_desired(id, TaskState::Shutdown);
        if let Some(refusal) = self.refusal(cx.store, &task) {
            cx.store.decide(task.service, Decision::NotReplaced { task: id, cause, refusal });
            return;
        }
        let (desired, by) = (TaskState::Ready, Creator::RestartSupervisor);
        let new = NewTask { service: task.service, slot: task.slot, spec, spec_version, desired, by };
        let replacement = cx.store.create_task(cx.now, new);
        self.record(cx.store, cx.store.task_ever(replacement));
        let delay = if is_drained { Span::ZERO } else { restart_delay(cx.store, &task) };
        let predecessor = Some(id).filter(|_| !task.status.state.is_terminal() && !is_down);
        let waits = predecessor.is_some();
        cx.store.decide(task.service, Decision::Restarts { task: id, new: replacement, cause, delay, waits });
        self.delay_start(replacement, predecessor, delay, cx);
    }

    /// Holds `task` back until `delay` has passed and `predecessor` has stopped.
    ///
    /// Source: `DelayStart` (control-plane R13, R14).
    pub fn delay_start(&mut self, task: TaskId, predecessor: Option<TaskId>, delay: Span, cx: &mut Cx<'_>) {
        // A delayed start that this one takes the place of ends without a word: whoever waits, waits for this one now.
        let replaced = self.delays.get_mut(task).and_then(Option::take);
        let restart_after = replaced.is_some_and(|delay| delay.restart_after);
        let epoch = cx.next_epoch();
        let mut predecessor_node = None;
        if let Some(old) = predecessor {
            *self.waiters.entry(old, None) = Some((task, epoch));
            predecessor_node = cx.store.task_ever(old).node;
            cx.wake_after(defaults::OLD_TASK_TIMEOUT, Wake::OldTaskTimeout { task, epoch });
        }
        if !delay.is_zero() {
            cx.wake_after(delay, Wake::RestartDelay { task, epoch });
        }
        let (delaying, waiting) = (!delay.is_zero(), predecessor.is_some());
        let cause = StartCause::AtOnce;
        let start = DelayedStart { epoch, delaying, waiting, predecessor_node, cause, restart_after };
        *self.delays.entry(task, None) = Some(start);
        self.note_if_due(task);
    }

    /// Whether this delayed start of `task` still waits for its delay to end.
    pub fn awaits_delay(&self, task: TaskId, epoch: u32) -> bool {
        matches!(self.delays.get(task), Some(Some(delay)) if delay.epoch == epoch && delay.delaying)
    }

    /// Whether this delayed start of `task` still waits for a predecessor to stop.
    pub fn awaits_timeout(&self, task: TaskId, epoch: u32) -> bool {
        matches!(self.delays.get(task), Some(Some(delay)) if delay.epoch == epoch && delay.waiting)
    }

    /// The delay of a task's restart is over.
    pub fn wake_delay(&mut self, task: TaskId, epoch: u32) {
        if let Some(delay) = self.current(task, epoch) {
            delay.delaying = false;
            delay.cause = StartCause::DelayOver;
            self.note_if_due(task);
        }
    }

    /// The predecessor of a task has taken too long to stop.
    pub fn wake_timeout(&mut self, task: TaskId, epoch: u32) {
        if let Some(delay) = self.current(task, epoch) {
            delay.waiting = false;
            delay.cause = StartCause::Timeout;
            self.note_if_due(task);
        }
    }

    /// Notices predecessors that have stopped or whose node is gone, and held-back tasks that are gone.
    pub fn on_change(&mut self, change: &Change, store: &Store) {
        match *change {
            // Any write to a task that has ended releases those who wait for it, also one that changes only what is desired.
            Change::TaskUpdated { task, new, .. } if new.state.is_terminal() => {
                if let Some((waiter, epoch)) = self.waiters.get_mut(task).and_then(Option::take)
                    && let Some(delay) = self.current(waiter, epoch)
                {
                    delay.waiting = false;
                    delay.cause = StartCause::Stopped(task);
                    self.note_if_due(waiter);
                }
            }
            Change::TaskRemoved { task, .. } => self.cancel(task),
            Change::NodeUpdated(node) if store.node(node).is_some_and(|row| row.state == NodeState::Down) => {
                self.release_waiters_for(node);
            }
            Change::NodeRemoved(node) => self.release_waiters_for(node),
            Change::TaskUpdated { .. }
            | Change::TaskCreated(_)
            | Change::NodeUpdated(_)
            | Change::NodeCreated(_)
            | Change::ServiceCreated(_)
            | Change::ServiceUpdated(_)
            | Change::ServiceRemoved(_)
            | Change::Commit => {}
        }
    }

    /// Tasks on the node will not report that they have stopped.
    fn release_waiters_for(&mut self, node: NodeId) {
        for task in self.delays.ids() {
            if let Some(delay) = self.delays[task].as_mut()
                && delay.waiting
                && delay.predecessor_node == Some(node)
            {
                delay.waiting = false;
                delay.cause = StartCause::NodeGone(node);
                self.note_if_due(task);
            }
        }
    }

    /// Lets those tasks run whose time has come, each in a transaction of its own. In a race they run one by one, each in its turn
    /// ([`Restarts::start_any`]).
    ///
    /// Source: `DelayStart`, `waitRestart` (control-plane R1, R15).
    pub fn start_due(&mut self, cx: &mut Cx<'_>) {
        if cx.ties.are_shuffled() {
            return;
        }
        let mut next = 0;
        while let Some(&task) = self.due.get(next) {
            next += 1;
            self.start_if_due(task, cx);
        }
        self.due.clear();
    }

    /// Whether any task's time has come.
    pub fn has_due(&self) -> bool {
        !self.due.is_empty()
    }

    /// Lets any one of those tasks run whose time has come.
    pub fn start_any(&mut self, cx: &mut Cx<'_>) {
        let task = self.due.swap_remove(cx.ties.pick(self.due.len()));
        self.start_if_due(task, cx);
    }

    fn start_if_due(&mut self, task: TaskId, cx: &mut Cx<'_>) {
        let Some(start) = self.delays[task].take_if(|delay| !delay.delaying && !delay.waiting) else { return };
        self.ended.push(task);
        self.start_now(task, start.cause, cx);
        cx.store.commit();
        if start.restart_after {
            self.restart_if_wanted(task, cx);
            cx.store.commit();
        }
    }

    /// Lets a task run. To be called within a transaction.
    ///
    /// Source: `StartNow` (control-plane R15).
    pub fn start_now(&self, task: TaskId, cause: StartCause, cx: &mut Cx<'_>) {
        if cx.store.task(task).is_some_and(|row| row.desired < TaskState::Running) {
            cx.store.decide_on(task, Decision::Starts { task, cause });
            cx.store.set_desired(task, TaskState::Running);
        }
    }

    /// Moves the tasks whose delayed start has ended since the last call into `ended`.
    pub fn take_ended(&mut self, ended: &mut Vec<TaskId>) {
        ended.append(&mut self.ended);
    }

    /// Restarts `task` unless it is gone or not wanted any more. To be called within a transaction.
    pub fn restart_if_wanted(&mut self, task: TaskId, cx: &mut Cx<'_>) {
        if cx.store.task(task).is_some_and(|row| row.desired <= TaskState::Running) {
            self.restart(task, cx);
        }
    }

    /// Forgets the attempts of a service that is gone.
    pub fn forget(&mut self, service: ServiceId) {
        self.history.retain(|(of, _), _| *of != service);
    }

    /// The tasks of a slot that count: those that are wanted, or else its newest task if that ended and is not to be restarted.
    /// During a rollback only wanted tasks count.
    ///
    /// Source: `UpdatableTasksInSlot` (control-plane O3).
    pub fn updatable_tasks(&mut self, service: ServiceId, tasks: &[TaskId], cx: &Cx<'_>) -> Vec<TaskId> {
        let store = &*cx.store;
        let is_wanted = |task: &&TaskId| store.task_ever(**task).desired <= TaskState::Running;
        let mut updatable: Vec<TaskId> = tasks.iter().filter(is_wanted).copied().collect();
        let status = store.service(service).and_then(|row| row.update_status);
        let is_rollback = status.is_some_and(|status| status.state == UpdateState::RollbackStarted);
        if updatable.is_empty() && !is_rollback {
            let newest = newest(tasks, cx).filter(|task| self.refusal(store, store.task_ever(*task)).is_some());
            updatable.extend(newest);
        }
        updatable
    }

    /// Why the policy of `task` does not allow a replacement; `None`: it does.
    ///
    /// Source: `shouldRestart` (control-plane R5 to R8).
    pub fn refusal(&mut self, store: &Store, task: &Task) -> Option<Refusal> {
        let policy = store.specs().get(task.spec).task.restart?;
        match policy.condition {
            RestartCondition::None => Some(Refusal::Never),
            RestartCondition::OnFailure if task.status.state == TaskState::Complete => Some(Refusal::NoFailure),
            RestartCondition::Any | RestartCondition::OnFailure => {
                let is_used_up = policy.max_attempts > 0 && !self.has_attempts_left(&policy, task);
                is_used_up.then_some(Refusal::AttemptsUsed(policy.max_attempts))
            }
        }
    }

    fn has_attempts_left(&mut self, policy: &RestartPolicy, task: &Task) -> bool {
        let Some(history) = self.history.get_mut(&(task.service, task.slot)) else { return true };
        if history.spec_version != task.spec_version {
            return true;
        }
        let Some(window) = policy.window.filter(|window| !window.is_zero()) else {
            return history.total < policy.max_attempts;
        };
        // The window looks back from the end of the task; what has left it has left it for good.
        if let Some(lookback) = task.status_at.as_nanos().checked_sub(window.as_nanos()) {
            while history.instants.front().is_some_and(|at| at.as_nanos() <= lookback) {
                history.instants.pop_front();
            }
        }
        let counted = history.instants.iter().take_while(|at| **at < task.status_at).count();
        (counted as u32) < policy.max_attempts
    }

    /// Remembers that `replacement` was made, if its policy limits attempts.
    ///
    /// Source: `RecordRestartHistory` (control-plane R9).
    pub fn record(&mut self, store: &Store, replacement: &Task) {
        let &Task { service, slot, spec, spec_version, created_at, .. } = replacement;
        let Some(policy) = store.specs().get(spec).task.restart.filter(|policy| policy.max_attempts > 0) else {
            return;
        };
        let history = self.history.entry((service, slot)).or_default();
        if history.spec_version != spec_version {
            *history = History { spec_version, ..History::default() };
        }
        history.total += 1;
        if policy.window.is_some_and(|window| !window.is_zero()) {
            history.instants.push_back(created_at);
        }
    }

    /// Drops the delayed start of a task without starting it.
    fn cancel(&mut self, task: TaskId) {
        if let Some(delay) = self.delays.get_mut(task)
            && delay.take().is_some()
        {
            self.ended.push(task);
        }
    }

    fn current(&mut self, task: TaskId, epoch: u32) -> Option<&mut DelayedStart> {
        self.delays.get_mut(task)?.as_mut().filter(|delay| delay.epoch == epoch)
    }

    fn note_if_due(&mut self, task: TaskId) {
        if self.delays[task].is_some_and(|delay| !delay.delaying && !delay.waiting) {
            self.due.push(task);
        }
    }
}

/// The task whose status was written last.
///
/// Tie (control-plane X15): of equal ones the first created, or, where ties are shuffled, that with the lowest random id.
fn newest(tasks: &[TaskId], cx: &Cx<'_>) -> Option<TaskId> {
    let place = |task: TaskId| if cx.ties.are_shuffled() { cx.ties.place(task.0) } else { task.0 };
    let rank = |task: &TaskId| (cx.store.task_ever(*task).status_at, Reverse(place(*task)));
    tasks.iter().copied().max_by_key(rank)
}

/// Delay before the replacement of `task` starts.
pub fn restart_delay(store: &Store, task: &Task) -> Span {
    store.specs().get(task.spec).task.restart.and_then(|policy| policy.delay).unwrap_or(defaults::RESTART_DELAY)
}

#[cfg(test)]
mod tests {
    use crate::manager::fixture::{Cluster, WEB, replicated, with_restart_delay};
    use crate::model::TaskId;
    use crate::model::node::Availability;
    use crate::model::task::TaskState;

    /// Control-plane O17: no delay, but the old task must stop.
    #[test]
    fn a_task_on_a_drained_node_is_replaced_without_delay() {
        let mut cluster = Cluster::of(2);
        cluster.create(WEB, with_restart_delay(replicated(1), 5_000)).advance(50).report(TaskState::Running, &[0]);
        cluster.set_availability(0, Availability::Drain).advance(100);
        insta::assert_snapshot!(cluster.tasks(), @r"
        0 slot 1: running, desired shutdown, on n1
        1 slot 1: assigned, desired ready, on n2
        ");
        cluster.report(TaskState::Shutdown, &[0]);
        insta::assert_snapshot!(cluster.tasks(), @r"
        0 slot 1: shutdown, desired shutdown, on n1
        1 slot 1: assigned, desired running, on n2
        ");
    }

    /// Control-plane R4: its agent will not report that it has stopped.
    #[test]
    fn a_task_on_a_lost_node_is_not_waited_for() {
        let mut cluster = Cluster::of(2);
        cluster.create(WEB, with_restart_delay(replicated(1), 5_000)).advance(50).report(TaskState::Running, &[0]);
        cluster.lose_node(0).advance(5_000);
        insta::assert_snapshot!(cluster.tasks(), @r"
        0 slot 1: running, desired shutdown, on n1
        1 slot 1: assigned, desired running, on n2
        ");
    }

    /// Control-plane R14: that the task is deleted ends nothing.
    #[test]
    fn who_waits_for_a_task_that_was_deleted_waits_until_its_node_is_removed() {
        let mut cluster = Cluster::of(2);
        cluster.create(WEB, with_restart_delay(replicated(1), 0)).advance(50).report(TaskState::Running, &[0]);
        cluster.set_availability(0, Availability::Drain).advance(100).write(|store, _| store.remove_task(TaskId(0)));
        assert_eq!(cluster.tasks(), "1 slot 1: assigned, desired ready, on n2\n");
        cluster.remove_node(0);
        assert_eq!(cluster.tasks(), "1 slot 1: assigned, desired running, on n2\n");
    }

    /// Control-plane R14.
    #[test]
    fn who_waits_for_a_task_to_stop_waits_no_longer_when_its_node_is_lost() {
        let mut cluster = Cluster::of(2);
        cluster.create(WEB, with_restart_delay(replicated(1), 0)).advance(50).report(TaskState::Running, &[0]);
        cluster.set_availability(0, Availability::Drain).advance(100).lose_node(0);
        insta::assert_snapshot!(cluster.tasks(), @r"
        0 slot 1: running, desired shutdown, on n1
        1 slot 1: assigned, desired running, on n2
        ");
    }
}

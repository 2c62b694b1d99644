//! The orchestrator of replicated services: as many live slots as there are replicas.
//!
//! Source: manager/orchestrator/replicated (control-plane section 5).

use std::collections::BTreeMap;

use super::restart::Restarts;
use super::update::{Slots, Supervisor};
use crate::manager::Cx;
use crate::manager::store::{NewTask, Store};
use crate::model::change::{Change, TaskView};
use crate::model::service::Mode;
use crate::model::task::{Slot, TaskState};
use crate::model::update::UpdateState;
use crate::model::{NodeId, ServiceId, TaskId};

/// Reconciles replicated services. Reactions come at the end of each transaction, without timers.
#[derive(Debug, Default)]
pub struct Replicated {
    /// Replaces tasks that ended.
    pub restarts: Restarts,
    /// Rolls services.
    pub updates: Supervisor,
    /// Tasks to restart, in order of notice.
    restart_tasks: Vec<TaskId>,
    /// Services to reconcile, in order of notice.
    reconcile_services: Vec<ServiceId>,
}

/// The tasks of a slot that count.
#[derive(Debug)]
struct LiveSlot {
    slot: u32,
    tasks: Vec<TaskId>,
}

impl Replicated {
    /// Notes what to do at the end of the transaction (control-plane O2, O10).
    pub fn on_change(&mut self, change: &Change, cx: &mut Cx<'_>) {
        self.restarts.on_change(change);
        self.updates.on_change(change);
        match *change {
            Change::ServiceCreated(service) | Change::ServiceUpdated(service) => self.reconcile_later(service),
            Change::ServiceRemoved(service) => {
                remove_tasks(service, cx);
                self.restarts.forget(service);
                self.reconcile_services.retain(|other| *other != service);
            }
            Change::TaskUpdated { task, new, .. } => self.restart_if_ended(task, new),
            Change::TaskRemoved { task, old } if old.desired <= TaskState::Running => {
                let service = cx.store.task_ever(task).service;
                if cx.store.service(service).is_some() {
                    self.reconcile_later(service);
                }
            }
            Change::TaskRemoved { .. } | Change::TaskCreated(_) | Change::NodeUpdated(_) | Change::Commit => {}
        }
    }

    /// Restarts tasks, then reconciles services, then lets delayed starts and updaters go on.
    ///
    /// Source: `tick` (control-plane O1, O12).
    pub fn on_commit(&mut self, cx: &mut Cx<'_>) {
        for task in self.restart_tasks.drain(..) {
            self.restarts.restart_if_wanted(task, cx);
        }
        cx.store.commit();
        self.restarts.start_due(cx);
        for service in std::mem::take(&mut self.reconcile_services) {
            self.reconcile(service, cx);
        }
        self.proceed(cx);
    }

    /// Lets tasks run whose delay or wait is over, and then the updaters go on.
    pub fn proceed(&mut self, cx: &mut Cx<'_>) {
        self.restarts.start_due(cx);
        self.updates.act(&mut self.restarts, cx);
    }

    fn reconcile_later(&mut self, service: ServiceId) {
        if !self.reconcile_services.contains(&service) {
            self.reconcile_services.push(service);
        }
    }

    /// Source: `handleTaskChange` (control-plane O10).
    fn restart_if_ended(&mut self, task: TaskId, new: TaskView) {
        if new.desired <= TaskState::Running && new.state.is_terminal() && !self.restart_tasks.contains(&task) {
            self.restart_tasks.push(task);
        }
    }

    /// Makes the number of live slots equal to the number of replicas, and passes the live slots to the updater.
    ///
    /// Source: `reconcile` (control-plane O4).
    fn reconcile(&mut self, service: ServiceId, cx: &mut Cx<'_>) {
        let Some(row) = cx.store.service(service) else { return };
        let Mode::Replicated { replicas } = row.spec.mode else { return };
        let replicas = replicas as usize;
        let (mut live, mut dead) = self.live_and_dead_slots(service, cx.store);
        if replicas < live.len() {
            sort_for_scale_down(&mut live, cx.store);
            self.update(service, &live[..replicas], cx);
            delete_tasks(service, &dead, cx);
            for task in live[replicas..].iter().flat_map(|slot| &slot.tasks) {
                if cx.store.task(*task).is_some_and(|row| row.desired <= TaskState::Remove) {
                    cx.store.set_desired(*task, TaskState::Remove);
                }
            }
        } else {
            self.update(service, &live, cx);
            add_tasks(service, replicas - live.len(), &live, &mut dead, cx);
            delete_tasks(service, &dead, cx);
        }
        cx.store.commit();
    }

    fn update(&mut self, service: ServiceId, live: &[LiveSlot], cx: &mut Cx<'_>) {
        let mut slots = Slots::default();
        for LiveSlot { slot, tasks } in live {
            slots.push(cx.store, Slot::Replica(*slot), tasks);
        }
        self.updates.update(service, slots, &mut self.restarts, cx);
    }

    /// A slot is live if it has tasks that are wanted, or if its newest task ended and is not to be restarted; else it is dead.
    /// During a rollback only wanted tasks make a slot live.
    ///
    /// Source: `updatableAndDeadSlots`, `UpdatableTasksInSlot` (control-plane O3).
    fn live_and_dead_slots(&mut self, service: ServiceId, store: &Store) -> (Vec<LiveSlot>, Vec<u32>) {
        let status = store.service(service).and_then(|row| row.update_status);
        let is_rollback = status.is_some_and(|status| status.state == UpdateState::RollbackStarted);
        let (mut live, mut dead) = (Vec::new(), Vec::new());
        for (slot, tasks) in (0..).zip(store.slots(service)).filter(|(_, tasks)| !tasks.is_empty()) {
            let is_wanted = |task: &&TaskId| store.task_ever(**task).desired <= TaskState::Running;
            let mut counting: Vec<TaskId> = tasks.iter().filter(is_wanted).copied().collect();
            if counting.is_empty() && !is_rollback {
                let newest = newest(tasks, store);
                if !self.restarts.should_restart(store, store.task_ever(newest)) {
                    counting.push(newest);
                }
            }
            if counting.is_empty() {
                dead.push(slot);
            } else {
                live.push(LiveSlot { slot, tasks: counting });
            }
        }
        (live, dead)
    }
}

/// The task whose status was written last; of equal ones the first created.
fn newest(tasks: &[TaskId], store: &Store) -> TaskId {
    let later = |a: TaskId, b: TaskId| if store.task_ever(b).status_at > store.task_ever(a).status_at { b } else { a };
    tasks.iter().copied().reduce(later).expect("the slot has tasks")
}

/// Puts those slots last that a smaller service gives up first: more than one task or no node; second and further copies
/// on a node; higher slot numbers and tasks that do not run.
///
/// Tie: slots that compare equal stay in their order, as Swarm's own sort does for up to 12 slots.
///
/// Source: `reconcile`, `slotsByRunningState`, `slotsByIndex` (control-plane O8).
fn sort_for_scale_down(live: &mut Vec<LiveSlot>, store: &Store) {
    let runs =
        |slot: &LiveSlot| slot.tasks.iter().any(|task| store.task_ever(*task).status.state == TaskState::Running);
    live.sort_by_key(|slot| (!runs(slot), slot.slot));
    let mut copies: BTreeMap<NodeId, u32> = BTreeMap::new();
    let mut ranked: Vec<(u32, LiveSlot)> = live
        .drain(..)
        .map(|slot| {
            let rank = match slot.tasks[..] {
                [task] => store.task_ever(task).node.map(|node| {
                    let copies = copies.entry(node).or_default();
                    *copies += 1;
                    *copies
                }),
                _ => None,
            };
            (rank.unwrap_or(u32::MAX), slot)
        })
        .collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    live.extend(ranked.into_iter().map(|(_, slot)| slot));
}

/// Creates tasks in the smallest free slots, all at once. A dead slot that is used again keeps its tasks as history.
///
/// Source: `addTasks` (control-plane O6).
fn add_tasks(service: ServiceId, count: usize, live: &[LiveSlot], dead: &mut Vec<u32>, cx: &mut Cx<'_>) {
    let Some(row) = cx.store.service(service) else { return };
    let (spec, spec_version) = (row.spec_id, row.spec_version);
    let mut taken = live.iter().map(|slot| slot.slot).peekable();
    let free = (1..).filter(|slot| taken.next_if_eq(slot).is_none());
    let slots: Vec<u32> = free.take(count).collect();
    for slot in slots {
        dead.retain(|other| *other != slot);
        let (slot, desired) = (Slot::Replica(slot), TaskState::Running);
        cx.store.create_task(cx.now, NewTask { service, slot, spec, spec_version, desired });
    }
}

/// Deletes all tasks of dead slots (control-plane O5).
fn delete_tasks(service: ServiceId, dead: &[u32], cx: &mut Cx<'_>) {
    for slot in dead {
        for task in cx.store.tasks_in_slot(service, Slot::Replica(*slot)).to_vec() {
            cx.store.remove_task(task);
        }
    }
}

/// All tasks of a service that is gone are to be removed.
///
/// Source: manager/orchestrator/service.go `SetServiceTasksRemove` (control-plane O16).
fn remove_tasks(service: ServiceId, cx: &mut Cx<'_>) {
    let tasks: Vec<TaskId> = cx.store.slots(service).iter().flatten().copied().collect();
    for task in tasks {
        if cx.store.task_ever(task).desired <= TaskState::Remove {
            cx.store.set_desired(task, TaskState::Remove);
        }
    }
    cx.store.commit();
}

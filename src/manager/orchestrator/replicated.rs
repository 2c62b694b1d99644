//! The orchestrator of replicated services: as many live slots as there are replicas.
//!
//! Source: manager/orchestrator/replicated (control-plane section 5).

use std::collections::BTreeMap;

use super::restart::Restarts;
use super::service::set_tasks_remove;
use super::taskinit::check_tasks;
use super::update::{Slots, Supervisor};
use crate::manager::Cx;
use crate::manager::store::{NewTask, Node, Store};
use crate::model::change::{Change, TaskView};
use crate::model::decision::{CreateCause, Decision, DeleteCause, StopCause};
use crate::model::service::Mode;
use crate::model::task::{Creator, Slot, TaskState};
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
    /// Takes over what is in the store, and reconciles all services.
    ///
    /// Source: `Run`, `FixTask` (control-plane I3, I5).
    pub fn start(cx: &mut Cx<'_>) -> Replicated {
        let mut replicated = Replicated::default();
        let Replicated { restarts, restart_tasks, .. } = &mut replicated;
        let fix = |task, cx: &mut Cx<'_>| {
            if must_restart(cx.store.task_ever(task).view(), cx.store) {
                restart_tasks.push(task);
            }
        };
        check_tasks(restarts, is_replica, fix, cx);
        for (service, _) in cx.store.services() {
            replicated.reconcile_later(service, cx.store);
        }
        replicated.on_commit(cx);
        replicated
    }

    /// Notes what to do at the end of the transaction (control-plane O2, O10).
    pub fn on_change(&mut self, change: &Change, cx: &mut Cx<'_>) {
        self.watch(change, cx.store);
        self.note(change, cx);
    }

    /// Shows a change to those who wait for tasks.
    pub fn watch(&mut self, change: &Change, store: &Store) {
        self.restarts.on_change(change, store);
        self.updates.on_change(change);
    }

    /// Notes what the orchestrator itself is to do at the end of the transaction.
    pub fn note(&mut self, change: &Change, cx: &mut Cx<'_>) {
        match *change {
            Change::ServiceCreated(service) | Change::ServiceUpdated(service) => {
                self.reconcile_later(service, cx.store)
            }
            Change::ServiceRemoved(service) => {
                set_tasks_remove(service, is_replica, cx);
                self.restarts.forget(service);
                self.reconcile_services.retain(|other| *other != service);
            }
            Change::TaskUpdated { task, new, .. } => {
                if must_restart(new, cx.store) {
                    self.restart_later(task, cx.store);
                }
            }
            Change::TaskRemoved { task, old } if old.desired <= TaskState::Running => {
                self.reconcile_later(cx.store.task_ever(task).service, cx.store);
            }
            Change::NodeCreated(node) | Change::NodeUpdated(node) => {
                if cx.store.node(node).is_some_and(Node::is_invalid) {
                    self.restart_tasks_on(node, cx.store);
                }
            }
            Change::NodeRemoved(node) => self.restart_tasks_on(node, cx.store),
            Change::TaskRemoved { .. } | Change::TaskCreated(_) | Change::Commit => {}
        }
    }

    /// Restarts tasks, then reconciles services, then lets delayed starts and updaters go on.
    ///
    /// Source: `tick` (control-plane O1, O12).
    pub fn on_commit(&mut self, cx: &mut Cx<'_>) {
        if self.updates.is_ahead() {
            self.updates.act(&mut self.restarts, cx);
        }
        cx.ties.shuffle(&mut self.restart_tasks);
        for task in self.restart_tasks.drain(..) {
            self.restarts.restart_if_wanted(task, cx);
        }
        cx.store.commit();
        self.restarts.start_due(cx);
        cx.ties.shuffle(&mut self.reconcile_services);
        for service in std::mem::take(&mut self.reconcile_services) {
            self.reconcile(service, cx);
        }
        self.proceed(cx);
    }

    /// Lets tasks run whose delay or wait is over, and then the updaters go on.
    pub fn proceed(&mut self, cx: &mut Cx<'_>) {
        self.restarts.start_due(cx);
        self.updates.act(&mut self.restarts, cx);
        self.updates.begin_announced(&mut self.restarts, cx);
    }

    fn reconcile_later(&mut self, service: ServiceId, store: &Store) {
        if is_replicated(service, store) && !self.reconcile_services.contains(&service) {
            self.reconcile_services.push(service);
        }
    }

    /// Source: `restartTasksByNodeID` (control-plane O11).
    fn restart_tasks_on(&mut self, node: NodeId, store: &Store) {
        for (task, row) in store.tasks_on_node(node) {
            if row.desired <= TaskState::Running {
                self.restart_later(task, store);
            }
        }
    }

    fn restart_later(&mut self, task: TaskId, store: &Store) {
        // One that stands here twice is found to be restarted already when its second turn comes.
        if is_replicated(store.task_ever(task).service, store) {
            self.restart_tasks.push(task);
        }
    }

    /// Makes the number of live slots equal to the number of replicas, and passes the live slots to the updater.
    ///
    /// Tie (control-plane X1, U45): the updater gets the slots in no order of number, except when there are too many of them.
    ///
    /// Source: `reconcile` (control-plane O4).
    fn reconcile(&mut self, service: ServiceId, cx: &mut Cx<'_>) {
        let Some(row) = cx.store.service(service) else { return };
        let Mode::Replicated { replicas } = row.spec.mode else { return };
        let replicas = replicas as usize;
        let (mut live, mut dead) = self.live_and_dead_slots(service, cx);
        if replicas < live.len() {
            sort_for_scale_down(&mut live, cx.store);
            self.update(service, live[..replicas].iter(), cx);
            delete_tasks(service, &dead, cx);
            for task in live[replicas..].iter().flat_map(|slot| &slot.tasks) {
                if cx.store.task(*task).is_some_and(|row| row.desired <= TaskState::Remove) {
                    cx.store.decide(service, Decision::Stops { task: *task, cause: StopCause::ScaledDown });
                    cx.store.set_desired(*task, TaskState::Remove);
                }
            }
        } else {
            let mut in_no_order: Vec<&LiveSlot> = live.iter().collect();
            in_no_order.sort_unstable_by_key(|slot| cx.ties.place(slot.slot));
            cx.ties.shuffle(&mut in_no_order);
            self.update(service, in_no_order.into_iter(), cx);
            add_tasks(service, replicas - live.len(), &live, &mut dead, cx);
            delete_tasks(service, &dead, cx);
        }
        cx.store.commit();
    }

    fn update<'a>(&mut self, service: ServiceId, live: impl Iterator<Item = &'a LiveSlot>, cx: &mut Cx<'_>) {
        let mut slots = Slots::default();
        for LiveSlot { slot, tasks } in live {
            slots.push(Slot::Replica(*slot), tasks, cx.store, cx.ties);
        }
        self.updates.update(service, slots, &mut self.restarts, cx);
    }

    /// A slot is live if tasks of it count; else it is dead.
    ///
    /// Source: `updatableAndDeadSlots` (control-plane O3).
    fn live_and_dead_slots(&mut self, service: ServiceId, cx: &Cx<'_>) -> (Vec<LiveSlot>, Vec<u32>) {
        let (mut live, mut dead) = (Vec::new(), Vec::new());
        for (slot, tasks) in (0..).zip(cx.store.slots(service)).filter(|(_, tasks)| !tasks.is_empty()) {
            let tasks = self.restarts.updatable_tasks(service, tasks, cx);
            if tasks.is_empty() {
                dead.push(slot);
            } else {
                live.push(LiveSlot { slot, tasks });
            }
        }
        (live, dead)
    }
}

/// Whether a wanted task has ended, or is on a node that is down, drained or gone.
///
/// Source: `handleTaskChange` (control-plane O10).
fn must_restart(task: TaskView, store: &Store) -> bool {
    let is_invalid = |node| store.node(node).is_none_or(Node::is_invalid);
    task.desired <= TaskState::Running && (task.state.is_terminal() || task.node.is_some_and(is_invalid))
}

fn is_replica(slot: Slot) -> bool {
    matches!(slot, Slot::Replica(_))
}

/// Whether the service exists and is replicated.
fn is_replicated(service: ServiceId, store: &Store) -> bool {
    store.service(service).is_some_and(|row| matches!(row.spec.mode, Mode::Replicated { .. }))
}

/// Puts those slots last that a smaller service gives up first: more than one task or no node; second and further copies
/// on a node; higher slot numbers and tasks that do not run.
///
/// Departs: slots that compare equal stay in their order. So they do in Swarm for up to 12 slots; beyond, its sort permutes them
/// in a way that follows from nothing but its algorithm.
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
    let is_rolled_back = row.update_status.is_some_and(|status| status.state == UpdateState::RollbackStarted);
    let cause = |slot| match dead.binary_search(&slot) {
        Ok(_) if is_rolled_back => CreateCause::DeadSlot,
        _ => CreateCause::Replica,
    };
    let slots: Vec<(u32, CreateCause)> = free.take(count).map(|slot| (slot, cause(slot))).collect();
    dead.retain(|slot| slots.binary_search_by_key(slot, |(slot, _)| *slot).is_err());
    for (slot, cause) in slots {
        let (slot, desired, by) = (Slot::Replica(slot), TaskState::Running, Creator::Orchestrator);
        let task = cx.store.create_task(cx.now, NewTask { service, slot, spec, spec_version, desired, by });
        cx.store.decide(service, Decision::Creates { task, cause });
    }
}

/// Deletes all tasks of dead slots (control-plane O5).
fn delete_tasks(service: ServiceId, dead: &[u32], cx: &mut Cx<'_>) {
    for slot in dead {
        for task in cx.store.tasks_in_slot(service, Slot::Replica(*slot)).to_vec() {
            cx.store.decide(service, Decision::Deletes { task, cause: DeleteCause::DeadSlot });
            cx.store.remove_task(task);
        }
    }
}

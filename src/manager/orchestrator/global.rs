//! The orchestrator of global services: one task on every node that is up, not drained, and meets the constraints.
//!
//! Source: manager/orchestrator/global/global.go (control-plane section 6).

use std::collections::BTreeMap;

use super::restart::Restarts;
use super::service::set_tasks_remove;
use super::task::{Wanted, is_dirty};
use super::taskinit::check_tasks;
use super::update::{Slots, Supervisor};
use crate::manager::Cx;
use crate::manager::constraint;
use crate::manager::store::{NewTask, Node, Store};
use crate::model::change::{Change, TaskView};
use crate::model::decision::{CreateCause, Decision, DeleteCause, StopCause, Unfit};
use crate::model::node::Availability;
use crate::model::service::{Mode, ServiceSpec};
use crate::model::task::{Creator, Slot, TaskState};
use crate::model::{NodeId, ServiceId, TaskId};

/// Reconciles global services. Reactions come after each change, without timers.
///
/// Tie (control-plane X5): services and nodes are gone through in the order of their ids, or shuffled.
#[derive(Debug, Default)]
pub struct Global {
    /// Replaces tasks that ended.
    pub restarts: Restarts,
    /// Rolls services.
    pub updates: Supervisor,
    /// The nodes that are neither down nor drained, as they were when this orchestrator last heard of them.
    nodes: BTreeMap<NodeId, Node>,
    /// The global services, in order.
    services: Vec<ServiceId>,
    /// Changes to react to.
    unseen: Vec<Change>,
    /// Tasks to restart, in order of notice.
    restart_tasks: Vec<TaskId>,
}

impl Global {
    /// Takes over what is in the store, and reconciles all services.
    ///
    /// Source: `Run`, `FixTask` (control-plane I3, I5).
    pub fn start(cx: &mut Cx<'_>) -> Global {
        let is_global = |spec: &ServiceSpec| spec.mode == Mode::Global;
        let services: Vec<ServiceId> =
            cx.store.services().filter(|(_, row)| is_global(&row.spec)).map(|(id, _)| id).collect();
        let mut global = Global { services: services.clone(), ..Global::default() };
        let nodes: Vec<NodeId> = cx.store.nodes().map(|(id, _)| id).collect();
        nodes.into_iter().for_each(|node| global.update_node(node, cx.store));
        let Global { restarts, restart_tasks, nodes, .. } = &mut global;
        let fix = |task, cx: &mut Cx<'_>| {
            let row = cx.store.task_ever(task);
            if row.desired > TaskState::Running {
                return;
            }
            if !row.node.is_some_and(|node| nodes.contains_key(&node)) {
                let why = why_invalid(row.node.and_then(|node| cx.store.node(node)));
                shut_down(task, StopCause::NodeInvalid(why), cx);
            } else if row.status.state.is_terminal() {
                restart_tasks.push(task);
            }
        };
        check_tasks(restarts, is_on_node, fix, cx);
        global.tick(cx);
        global.reconcile_services(&services, cx);
        global
    }

    /// Notices what becomes of tasks that are held back or updated, and what to react to at the end of the transaction.
    pub fn on_change(&mut self, change: &Change, cx: &mut Cx<'_>) {
        let is_of_task =
            matches!(change, Change::TaskCreated(_) | Change::TaskUpdated { .. } | Change::TaskRemoved { .. });
        if is_of_task && self.services.is_empty() {
            return;
        }
        self.watch(change, cx.store);
        self.unseen.push(*change);
    }

    /// Shows a change to those who wait for tasks.
    pub fn watch(&mut self, change: &Change, store: &Store) {
        self.restarts.on_change(change, store);
        self.updates.on_change(change);
    }

    /// Reacts to each change in turn, then lets delayed starts and updaters go on.
    pub fn on_commit(&mut self, cx: &mut Cx<'_>) {
        if self.unseen.is_empty() {
            return;
        }
        // Updaters are no slower to see that a task runs, but their count of failures comes after the restart.
        self.updates.act_on_running(&mut self.restarts, cx);
        for change in std::mem::take(&mut self.unseen) {
            self.react(&change, cx);
        }
        self.proceed(cx);
    }

    /// Lets tasks run whose delay or wait is over, and then the updaters go on.
    pub fn proceed(&mut self, cx: &mut Cx<'_>) {
        self.restarts.start_due(cx);
        self.updates.act(&mut self.restarts, cx);
        self.updates.begin_announced(&mut self.restarts, cx);
    }

    /// Source: `Run` (control-plane G2).
    pub fn react(&mut self, change: &Change, cx: &mut Cx<'_>) {
        match *change {
            Change::ServiceCreated(service) | Change::ServiceUpdated(service) => {
                if cx.store.service(service).is_some_and(|row| row.spec.mode == Mode::Global) {
                    if let Err(place) = self.services.binary_search(&service) {
                        self.services.insert(place, service);
                    }
                    self.reconcile_services(&[service], cx);
                }
            }
            Change::ServiceRemoved(service) => {
                if let Ok(place) = self.services.binary_search(&service) {
                    self.services.remove(place);
                    set_tasks_remove(service, is_on_node, cx);
                    self.restarts.forget(service);
                }
            }
            Change::NodeCreated(node) | Change::NodeUpdated(node) => {
                self.update_node(node, cx.store);
                self.reconcile_node(node, cx);
            }
            Change::NodeRemoved(node) => {
                for task in self.tasks_on(node, cx.store) {
                    cx.store.decide_on(task, Decision::Deletes { task, cause: DeleteCause::NodeGone });
                    cx.store.remove_task(task);
                }
                cx.store.commit();
                self.nodes.remove(&node);
            }
            Change::TaskUpdated { task, new, .. } => self.restart_if_ended(task, new, cx.store),
            Change::TaskCreated(_) | Change::TaskRemoved { .. } | Change::Commit => {}
        }
        self.tick(cx);
    }

    /// Source: `updateNode` (control-plane G1).
    fn update_node(&mut self, node: NodeId, store: &Store) {
        match store.node(node).filter(|row| !row.is_invalid()) {
            Some(row) => self.nodes.insert(node, row.clone()),
            None => self.nodes.remove(&node),
        };
    }

    /// Source: `handleTaskChange` (control-plane G9).
    fn restart_if_ended(&mut self, task: TaskId, new: TaskView, store: &Store) {
        if new.desired <= TaskState::Running
            && new.state.is_terminal()
            && self.is_own(store.task_ever(task).service)
            && !self.restart_tasks.contains(&task)
        {
            self.restart_tasks.push(task);
        }
    }

    /// Restarts tasks where they were; on a paused node or one that does not fit any more they only end.
    ///
    /// Source: `tickTasks` (control-plane G9).
    fn tick(&mut self, cx: &mut Cx<'_>) {
        cx.ties.shuffle(&mut self.restart_tasks);
        for id in std::mem::take(&mut self.restart_tasks) {
            let Some(task) = cx.store.task(id).filter(|task| task.desired <= TaskState::Running) else { continue };
            let Some(node) = task.node.and_then(|node| self.nodes.get(&node)) else { continue };
            let Some(service) = cx.store.service(task.service).filter(|_| self.is_own(task.service)) else { continue };
            match why_unsuited(node, &service.spec) {
                Some(why) => shut_down(id, StopCause::NotRestarted(why), cx),
                None => self.restarts.restart(id, cx),
            }
        }
        cx.store.commit();
    }

    /// Adds the tasks that are missing, shuts down those on nodes that do not fit, and passes the others to the updater.
    ///
    /// Source: `reconcileServices` (control-plane G4, G5).
    fn reconcile_services(&mut self, services: &[ServiceId], cx: &mut Cx<'_>) {
        let mut updates = Vec::new();
        for &service in services {
            let Some(row) = cx.store.service(service) else { continue };
            let spec = row.spec.clone();
            let mut slots = Slots::default();
            let mut has_slots = false;
            let mut nodes: Vec<NodeId> = (0..cx.store.node_ids() as u32).map(NodeId).collect();
            cx.ties.shuffle(&mut nodes);
            for node in nodes {
                let tasks = self.updatable_tasks(service, node, cx);
                match self.why_not_on(node, &spec, cx.store) {
                    Some(Unfit::Paused) => {}
                    Some(why) => tasks.into_iter().for_each(|task| shut_down(task, StopCause::NodeUnfit(why), cx)),
                    None if tasks.is_empty() => add_task(service, node, CreateCause::OnNode, cx),
                    None => {
                        slots.push(Slot::Node(node), &tasks, cx.store, cx.ties);
                        has_slots = true;
                    }
                }
            }
            updates.extend(has_slots.then_some((service, slots)));
        }
        cx.store.commit();
        for (service, slots) in updates {
            self.updates.update(service, slots, &mut self.restarts, cx);
        }
    }

    /// Checks all global services on one node. What is outdated there is replaced at once, without an update.
    ///
    /// Source: `reconcileOneNode` (control-plane G6).
    fn reconcile_node(&mut self, node: NodeId, cx: &mut Cx<'_>) {
        let Some(row) = cx.store.node(node) else { return };
        if row.is_invalid() {
            let cause = StopCause::NodeInvalid(why_invalid(Some(row)));
            for task in self.tasks_on(node, cx.store) {
                shut_down(task, cause, cx);
            }
        } else if row.spec.availability == Availability::Active {
            for service in self.services.clone() {
                self.reconcile_slot(service, node, cx);
            }
        }
        cx.store.commit();
    }

    /// Leaves one task that is up to date on the node.
    fn reconcile_slot(&mut self, service: ServiceId, node: NodeId, cx: &mut Cx<'_>) {
        let (Some(row), Some(on)) = (cx.store.service(service), cx.store.node(node)) else { return };
        if !meets_constraints(&row.spec, on) {
            return;
        }
        let wanted = Wanted::from(row);
        let tasks = self.updatable_tasks(service, node, cx);
        let (outdated, clean): (Vec<TaskId>, Vec<TaskId>) =
            tasks.into_iter().partition(|task| is_dirty(cx.store, wanted, cx.store.task_ever(*task)));
        if clean.is_empty() {
            add_task(service, node, CreateCause::NodeChanged, cx);
        }
        outdated.into_iter().for_each(|task| shut_down(task, StopCause::Outdated, cx));
        clean.into_iter().skip(1).for_each(|task| shut_down(task, StopCause::Surplus, cx));
    }

    fn updatable_tasks(&mut self, service: ServiceId, node: NodeId, cx: &Cx<'_>) -> Vec<TaskId> {
        self.restarts.updatable_tasks(service, cx.store.tasks_in_slot(service, Slot::Node(node)), cx)
    }

    /// All tasks of global services on the node.
    fn tasks_on(&self, node: NodeId, store: &Store) -> Vec<TaskId> {
        let own = store.tasks_on_node(node).filter(|(_, task)| self.is_own(task.service));
        own.map(|(id, _)| id).collect()
    }

    /// Why a service is not to be updated on the node, or not to run there at all.
    fn why_not_on(&self, node: NodeId, spec: &ServiceSpec, store: &Store) -> Option<Unfit> {
        match self.nodes.get(&node) {
            Some(row) => why_unsuited(row, spec),
            None => Some(why_invalid(store.node(node))),
        }
    }

    fn is_own(&self, service: ServiceId) -> bool {
        self.services.binary_search(&service).is_ok()
    }
}

/// The nodes that are to run a task of a global service with this specification. One that is paused keeps the task that it has.
pub fn nodes_for(service: ServiceId, spec: &ServiceSpec, store: &Store) -> impl Iterator<Item = NodeId> {
    let is_live = |task: &TaskId| store.task(*task).is_some_and(|task| task.desired <= TaskState::Running);
    let takes = move |id, node: &Node| {
        node.spec.availability == Availability::Active
            || store.tasks_in_slot(service, Slot::Node(id)).iter().any(is_live)
    };
    let nodes = store.nodes().filter(|(_, node)| !node.is_invalid() && meets_constraints(spec, node));
    nodes.filter(move |(id, node)| takes(*id, node)).map(|(id, _)| id)
}

fn meets_constraints(spec: &ServiceSpec, node: &Node) -> bool {
    constraint::node_matches(&constraint::of_placement(&spec.task.placement), node)
}

/// Why a service is not to be updated, or not to run at all, on a node that is neither down nor drained.
fn why_unsuited(node: &Node, spec: &ServiceSpec) -> Option<Unfit> {
    if !meets_constraints(spec, node) {
        return Some(Unfit::Constraints);
    }
    (node.spec.availability == Availability::Pause).then_some(Unfit::Paused)
}

/// Why no global service is to run on a node, which is down, drained or gone.
fn why_invalid(node: Option<&Node>) -> Unfit {
    match node {
        None => Unfit::Gone,
        Some(node) if node.spec.availability == Availability::Drain => Unfit::Drained,
        Some(_) => Unfit::Down,
    }
}

fn is_on_node(slot: Slot) -> bool {
    matches!(slot, Slot::Node(_))
}

/// Source: `addTask`.
fn add_task(service: ServiceId, node: NodeId, cause: CreateCause, cx: &mut Cx<'_>) {
    let Some(row) = cx.store.service(service) else { return };
    let (spec, spec_version) = (row.spec_id, row.spec_version);
    let (slot, desired, by) = (Slot::Node(node), TaskState::Running, Creator::Orchestrator);
    let task = cx.store.create_task(cx.now, NewTask { service, slot, spec, spec_version, desired, by });
    cx.store.decide(service, Decision::Creates { task, cause });
}

/// Source: `shutdownTask` (control-plane G8).
fn shut_down(task: TaskId, cause: StopCause, cx: &mut Cx<'_>) {
    if cx.store.task(task).is_some_and(|row| row.desired < TaskState::Shutdown) {
        cx.store.decide_on(task, Decision::Stops { task, cause });
        cx.store.set_desired(task, TaskState::Shutdown);
    }
}

#[cfg(test)]
mod tests {
    use crate::manager::fixture::{Cluster, WEB, constrained, global, labelled, new_image, with_restart_delay};
    use crate::model::node::Availability;
    use crate::model::task::TaskState;

    #[test]
    fn every_node_that_fits_has_one_task() {
        let mut cluster = Cluster::new(["a", "b", "a"].map(|zone| labelled("zone", zone)));
        cluster.set_availability(2, Availability::Drain);
        cluster.create(WEB, constrained(global(), "node.labels.zone==a")).advance(50);
        assert_eq!(cluster.spread(WEB), [1, 0, 0]);
        assert_eq!(cluster.set_availability(2, Availability::Active).advance(50).spread(WEB), [1, 0, 1]);
    }

    /// Control-plane G6: what a paused node has missed is made up for at once, without an update.
    #[test]
    fn an_outdated_task_is_replaced_when_its_node_is_active_again() {
        let mut cluster = Cluster::of(1);
        cluster.create(WEB, global()).advance(50).report(TaskState::Running, &[0]);
        cluster.set_availability(0, Availability::Pause).update(new_image()).advance(50);
        insta::assert_snapshot!(cluster.tasks(), @"0 global: running, desired running, on n1");
        cluster.set_availability(0, Availability::Active).advance(50);
        insta::assert_snapshot!(cluster.tasks(), @r"
        0 global: running, desired shutdown, on n1
        1 global: assigned, desired running, on n1
        ");
        assert_eq!(cluster.manager.store.service(WEB).and_then(|row| row.update_status), None);
    }

    /// Control-plane G9.
    #[test]
    fn a_task_that_fails_on_a_paused_node_only_ends() {
        let mut cluster = Cluster::of(1);
        cluster.create(WEB, with_restart_delay(global(), 0)).advance(50).set_availability(0, Availability::Pause);
        cluster.report(TaskState::Failed, &[0]).advance(50);
        insta::assert_snapshot!(cluster.tasks(), @"0 global: failed, desired shutdown, on n1");
    }

    /// Control-plane S22.
    #[test]
    fn a_task_that_does_not_fit_waits_with_the_bare_explanation() {
        let mut cluster = Cluster::of(1);
        cluster.create(WEB, global()).set_availability(0, Availability::Pause).advance(50);
        insta::assert_snapshot!(cluster.tasks(), @"0 global: pending, desired running, on n1: 1 node not available for new tasks");
    }
}

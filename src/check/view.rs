//! What an onlooker knows of the cluster: made of the plan's commands and of the run's records, and of nothing that the managers
//! keep for themselves.

use std::collections::{BTreeMap, BTreeSet};

use crate::kernel::{IdVec, Span, Time};
use crate::model::command::{Command, Fault};
use crate::model::node::{Availability, Leadership, NodeSpec, NodeState, Role};
use crate::model::service::ServiceSpec;
use crate::model::task::{Slot, TaskState};
use crate::model::update::UpdateState;
use crate::model::{NodeId, ServiceId, TaskId, defaults, spec_change};
use crate::observe::{Record, SpecCause, TaskRecord};
use crate::sim::Plan;

/// No agent waits longer between two attempts to get a session (control-plane W20).
const LONGEST_BACKOFF: Span = Span::from_secs(8);

/// The side of a partition on which all nodes begin.
const MAIN_SIDE: u32 = 0;

/// The cluster as the records tell it.
pub(super) struct View<'p> {
    pub(super) plan: &'p Plan,
    pub(super) now: Time,
    /// Until when no manager leads, as far as is known.
    leaderless_until: Time,
    /// Whether one of the plan's managers leads; `true` if there are none.
    is_led: bool,
    /// The manager that led last; `None`: the plan has no managers.
    leader: Option<NodeId>,
    /// Until when an agent may have no session because of a link, although the managers do not know.
    cut_off_until: Time,
    pub(super) services: IdVec<ServiceId, ServiceView>,
    pub(super) nodes: IdVec<NodeId, NodeView>,
    pub(super) tasks: IdVec<TaskId, TaskView>,
    /// The command that is being carried out, unless it was refused.
    command: Option<&'p Command>,
}

#[derive(Clone, Default)]
pub(super) struct ServiceView {
    /// Whether it exists now.
    pub(super) exists: bool,
    /// All its specifications, by version.
    specs: BTreeMap<u64, ServiceSpec>,
    pub(super) version: u64,
    pub(super) status: Option<UpdateState>,
    /// Tasks in the store of each slot, in order of creation.
    pub(super) slots: BTreeMap<Slot, Vec<TaskId>>,
    /// When its specification or update status was written last, or an updater began.
    pub(super) touched: Time,
}

impl ServiceView {
    /// The specification that is wanted now.
    pub(super) fn spec(&self) -> &ServiceSpec {
        &self.specs[&self.version]
    }

    /// The longest restart delay of any of its specifications.
    pub(super) fn longest_restart_delay(&self) -> Span {
        let delay = |spec: &ServiceSpec| spec.task.restart.and_then(|policy| policy.delay);
        self.specs.values().map(|spec| delay(spec).unwrap_or(defaults::RESTART_DELAY)).max().unwrap_or_default()
    }
}

pub(super) struct NodeView {
    pub(super) spec: NodeSpec,
    /// `None`: no member of the cluster.
    pub(super) state: Option<NodeState>,
    /// Whether the machine runs, whatever the managers know of it.
    is_on: bool,
    /// The side of a partition on which it is.
    side: u32,
    /// Manager or worker now.
    pub(super) role: Role,
    /// Tasks on it that are ASSIGNED to RUNNING.
    pub(super) tasks: BTreeSet<TaskId>,
    /// Since when it is drained and its agent hears what is wanted.
    pub(super) drained_since: Option<Time>,
}

#[derive(Clone, Copy)]
pub(super) struct TaskView {
    pub(super) record: TaskRecord,
    /// Version of the specification from which it was made.
    spec_version: u64,
    /// Whether it is in the store.
    pub(super) exists: bool,
}

impl TaskView {
    /// Whether it is meant to run, now or later.
    pub(super) fn is_wanted(&self) -> bool {
        self.exists && self.record.desired <= TaskState::Running
    }

    /// Whether its node has something of it (control-plane S9).
    fn is_on_node(&self) -> bool {
        self.exists && (TaskState::Assigned..=TaskState::Running).contains(&self.record.status.state)
    }
}

impl<'p> View<'p> {
    pub(super) fn new(plan: &'p Plan) -> View<'p> {
        let node = |node: &crate::sim::plan::Node| NodeView {
            spec: node.spec.clone(),
            state: node.is_member.then_some(NodeState::Ready),
            is_on: node.is_member,
            side: MAIN_SIDE,
            role: node.spec.role,
            tasks: BTreeSet::new(),
            drained_since: None,
        };
        let is_manager = |node: &crate::sim::plan::Node| node.is_member && node.spec.role == Role::Manager;
        let mut view = View {
            plan,
            now: Time::ZERO,
            leaderless_until: Time::ZERO,
            is_led: true,
            leader: plan.nodes.ids().find(|node| is_manager(&plan.nodes[*node])),
            cut_off_until: Time::ZERO,
            services: IdVec::filled(plan.services.len(), ServiceView::default()),
            nodes: plan.nodes.values().map(node).collect(),
            tasks: IdVec::new(),
            command: None,
        };
        view.nodes.ids().for_each(|node| view.note_drained(node));
        view
    }

    /// The specification from which the task was made.
    pub(super) fn spec_of(&self, task: &TaskView) -> &ServiceSpec {
        &self.services[task.record.service].specs[&task.spec_version]
    }

    /// Whether a manager leads.
    pub(super) fn has_leader(&self) -> bool {
        self.is_led && self.now >= self.leaderless_until
    }

    /// Since when all agents hear what is wanted; `None`: nobody leads.
    pub(super) fn heard_since(&self) -> Option<Time> {
        self.has_leader().then_some(self.leaderless_until.max(self.cut_off_until))
    }

    /// Takes note of a record.
    pub(super) fn apply(&mut self, record: &Record) {
        match *record {
            Record::Command { index } => self.command(&self.plan.commands[index as usize].command),
            Record::CommandResumed { index } => self.command = Some(&self.plan.commands[index as usize].command),
            Record::CommandError { .. } => self.command = None,
            Record::Spec { service, version, cause, .. } => self.spec(service, version, cause),
            Record::ServiceRemoved { service } => self.services[service].exists = false,
            Record::UpdateStatus { service, status } => {
                let row = &mut self.services[service];
                row.status = status.map(|status| status.state);
                row.touched = self.now;
            }
            Record::Updater { service, .. } => self.services[service].touched = self.now,
            Record::Node { node, state, role } => self.node(node, state, role),
            Record::Task(task) => self.task(task),
            Record::TaskRemoved { task, service } => {
                let row = &mut self.tasks[task];
                row.exists = false;
                let slot = row.record.slot;
                if let Some(tasks) = self.services[service].slots.get_mut(&slot) {
                    tasks.retain(|other| *other != task);
                }
                self.place(task);
            }
            Record::Leadership(leadership) => {
                self.is_led = matches!(leadership, Leadership::Leader(_));
                self.leaderless_until = self.leaderless_until.max(self.now);
                if let Leadership::Leader(leader) = leadership {
                    self.leader = Some(leader);
                    self.nodes.ids().for_each(|node| self.note_drained(node));
                }
            }
            Record::Manager { .. } | Record::Desired { .. } | Record::ProcessEnded { .. } | Record::Rotation { .. } => {
            }
        }
    }

    fn command(&mut self, command: &'p Command) {
        self.command = Some(command);
        match command {
            Command::Fault(Fault::NodeCrash(node) | Fault::NodeStop(node)) => self.set_power(*node, false),
            Command::Fault(Fault::NodeStart(node)) => self.set_power(*node, true),
            Command::Fault(Fault::LinkDown(nodes)) => {
                let sides = self.nodes.values().map(|row| row.side);
                let free = 1 + sides.max().unwrap_or(MAIN_SIDE);
                self.set_side(nodes, free);
            }
            Command::Fault(Fault::LinkUp(nodes)) => self.set_side(nodes, MAIN_SIDE),
            Command::Fault(Fault::ManagersCrash | Fault::ManagersStop) => self.set_power_of_managers(false),
            Command::Fault(Fault::ManagersStart) => self.set_power_of_managers(true),
            Command::Fault(Fault::LeaderLost { gap }) => self.leaderless_until = self.now.saturating_add(*gap),
            Command::ServiceCreate { .. }
            | Command::ServiceUpdate { .. }
            | Command::ServiceDeploy { .. }
            | Command::ServiceRollback { .. }
            | Command::ServiceRemove { .. }
            | Command::NodeUpdate { .. }
            | Command::NodeRemove { .. }
            | Command::ForceNewCluster => {}
        }
    }

    /// A specification was written: by the command, or an earlier one is back.
    fn spec(&mut self, service: ServiceId, version: u64, cause: SpecCause) {
        let row = &mut self.services[service];
        match (cause, self.command) {
            (SpecCause::Create, Some(Command::ServiceCreate { spec, .. })) => {
                row.specs.insert(version, (**spec).clone());
                row.exists = true;
            }
            (SpecCause::Update, Some(Command::ServiceUpdate { change, .. })) => {
                let mut spec = row.spec().clone();
                spec_change::apply(change, &mut spec);
                row.specs.insert(version, spec);
            }
            (SpecCause::Update, Some(Command::ServiceDeploy { spec: new, .. })) => {
                let mut spec = row.spec().clone();
                spec_change::deploy(new, &mut spec);
                row.specs.insert(version, spec);
            }
            (SpecCause::ManualRollback | SpecCause::AutomaticRollback, _) => {}
            (SpecCause::Create | SpecCause::Update, command) => panic!("{command:?} writes no specification"),
        }
        (row.version, row.touched) = (version, self.now);
    }

    /// A session that was lost with the link comes back with the agent's next attempt.
    fn set_side(&mut self, nodes: &[NodeId], side: u32) {
        nodes.iter().for_each(|node| self.nodes[*node].side = side);
        self.cut_off_until = self.now.saturating_add(LONGEST_BACKOFF);
        self.nodes.ids().for_each(|node| self.note_drained(node));
    }

    fn set_power_of_managers(&mut self, is_on: bool) {
        let managers = self.nodes.iter().filter(|(_, row)| row.state.is_some() && row.role == Role::Manager);
        let managers: Vec<NodeId> = managers.map(|(node, _)| node).collect();
        managers.into_iter().for_each(|node| self.set_power(node, is_on));
    }

    fn set_power(&mut self, node: NodeId, is_on: bool) {
        self.nodes[node].is_on = is_on;
        self.note_drained(node);
    }

    fn node(&mut self, node: NodeId, state: Option<NodeState>, role: Role) {
        let row = &mut self.nodes[node];
        let joins = row.state.is_none();
        (row.state, row.role) = (state, role);
        if joins {
            row.spec = self.plan.nodes[node].spec.clone();
        } else if let Some(Command::NodeUpdate { node: changed, availability, label_add, label_rm, .. }) = self.command
            && *changed == node
        {
            row.spec.availability = availability.unwrap_or(row.spec.availability);
            row.spec.labels.retain(|label, _| !label_rm.contains(label));
            row.spec.labels.extend(label_add.iter().cloned());
            self.command = None;
        }
        self.note_drained(node);
    }

    fn note_drained(&mut self, node: NodeId) {
        let side = self.leader.map_or(MAIN_SIDE, |leader| self.nodes[leader].side);
        let row = &mut self.nodes[node];
        let hears = row.state == Some(NodeState::Ready) && row.is_on && row.side == side;
        let drains = row.spec.availability == Availability::Drain && hears;
        row.drained_since = if drains { row.drained_since.or(Some(self.now)) } else { None };
    }

    fn task(&mut self, record: TaskRecord) {
        match self.tasks.get_mut(record.task) {
            Some(row) => row.record = record,
            None => {
                let spec_version = record.created.map_or(0, |creation| creation.spec_version);
                self.tasks.push(TaskView { record, spec_version, exists: true });
                self.services[record.service].slots.entry(record.slot).or_default().push(record.task);
            }
        }
        self.place(record.task);
    }

    /// Keeps the list of what is on the task's node.
    fn place(&mut self, task: TaskId) {
        let row = &self.tasks[task];
        let Some(node) = row.record.node else { return };
        if row.is_on_node() {
            self.nodes[node].tasks.insert(task);
        } else {
            self.nodes[node].tasks.remove(&task);
        }
    }
}

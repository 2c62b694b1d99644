//! Managers with nodes but without agents, for tests of the components: what agents would report is told by the test.

use super::raft::Raft;
use super::store::{Node, Store, Task};
use super::ties::Ties;
use super::{Manager, Outbox, Settings, Wake};
use crate::kernel::{IdVec, Span, Streams, Time};
use crate::model::command::{Command, SpecChange};
use crate::model::latencies::Latencies;
use crate::model::node::{Availability, NodeSpec, Role};
use crate::model::service::{Mode, RestartPolicy, ServiceSpec};
use crate::model::task::{Message, Slot, Status, TaskState};
use crate::model::update::CommandError;
use crate::model::wire::{Assignment, Report};
use crate::model::{ImageId, NodeId, ServiceId, TaskId};

/// The service of these tests, and one beside it.
pub(in crate::manager) const WEB: ServiceId = ServiceId(0);
pub(in crate::manager) const API: ServiceId = ServiceId(1);

/// Managers, their clock and their timers.
pub(in crate::manager) struct Cluster {
    pub(in crate::manager) manager: Manager,
    now: Time,
    timers: Vec<(Time, Wake)>,
    out: Outbox,
    told: Vec<Assignment>,
}

impl Cluster {
    /// Managers with these nodes, n1, n2, and so on.
    pub(in crate::manager) fn new(nodes: impl IntoIterator<Item = NodeSpec>) -> Cluster {
        Cluster::with(5, Latencies::NONE, nodes)
    }

    /// As [`Cluster::new`], with another limit of tasks per slot, or with latencies.
    pub(in crate::manager) fn with(
        history_limit: u32,
        latencies: Latencies,
        nodes: impl IntoIterator<Item = NodeSpec>,
    ) -> Cluster {
        let node = |(number, spec)| Some(Node::new(format!("n{number}"), spec));
        let nodes: IdVec<NodeId, Option<Node>> = (1..).zip(nodes).map(node).collect();
        let settings = Settings { task_history_limit: Some(history_limit), latencies };
        let managers = nodes.iter().filter(|(_, node)| node.as_ref().is_some_and(|node| node.role == Role::Manager));
        let managers: Vec<NodeId> = managers.map(|(id, _)| id).collect();
        let raft = Raft::new(IdVec::filled(nodes.len(), true), managers.into_iter(), Streams::new(1));
        let mut manager = Manager::new(Store::new(nodes, 2), raft, settings, Ties::fixed());
        let mut out = Outbox::default();
        manager.start(Time::ZERO, &mut out);
        let mut cluster = Cluster { manager, now: Time::ZERO, timers: Vec::new(), out, told: Vec::new() };
        cluster.take_out();
        cluster
    }

    /// As many active nodes without labels, with more than anybody asks for.
    pub(in crate::manager) fn of(nodes: usize) -> Cluster {
        Cluster::new(vec![NodeSpec::default(); nodes])
    }

    pub(in crate::manager) fn create(&mut self, service: ServiceId, spec: ServiceSpec) -> &mut Self {
        self.command(Command::ServiceCreate { service, spec: Box::new(spec) })
    }

    pub(in crate::manager) fn update(&mut self, change: SpecChange) -> &mut Self {
        self.command(Command::ServiceUpdate { service: WEB, change: Box::new(change) })
    }

    pub(in crate::manager) fn set_availability(&mut self, node: u32, availability: Availability) -> &mut Self {
        let (label_add, label_rm) = (Vec::new(), Vec::new());
        self.command(Command::NodeUpdate {
            node: NodeId(node),
            role: None,
            availability: Some(availability),
            label_add,
            label_rm,
        })
    }

    pub(in crate::manager) fn set_label(&mut self, node: u32, name: &str, value: &str) -> &mut Self {
        let label_add = vec![(name.to_owned(), value.to_owned())];
        let label_rm = Vec::new();
        self.command(Command::NodeUpdate { node: NodeId(node), role: None, availability: None, label_add, label_rm })
    }

    pub(in crate::manager) fn lose_node(&mut self, node: u32) -> &mut Self {
        self.manager.lose_node(self.now, NodeId(node), Span::ZERO, &mut self.out);
        self.take_out()
    }

    pub(in crate::manager) fn elect(&mut self) -> &mut Self {
        self.manager.elect(self.now, &mut self.out);
        self.take_out()
    }

    pub(in crate::manager) fn command(&mut self, command: Command) -> &mut Self {
        self.manager.command(self.now, &command, &mut self.out).expect("the command is not refused");
        self.take_out()
    }

    /// Why the command is refused.
    pub(in crate::manager) fn refuse(&mut self, command: Command) -> CommandError {
        self.manager.command(self.now, &command, &mut self.out).expect_err("the command is refused")
    }

    /// The agents of these tasks report this state.
    pub(in crate::manager) fn report(&mut self, state: TaskState, tasks: &[u32]) -> &mut Self {
        let status = Status { state, message: Message::Started, err: None };
        let mut reports = tasks.iter().map(|task| Report { task: TaskId(*task), status }).collect();
        self.manager.report(self.now, &mut reports, &mut self.out);
        self.take_out()
    }

    /// The agent of a node asks for a session.
    pub(in crate::manager) fn register(&mut self, node: u32) -> &mut Self {
        let (id, joining) = (NodeId(node), Node::new(format!("n{}", node + 1), NodeSpec::default()));
        self.manager.register_node(self.now, id, joining, &mut self.out);
        self.take_out()
    }

    pub(in crate::manager) fn remove_node(&mut self, node: u32) -> &mut Self {
        self.command(Command::NodeRemove { node: NodeId(node), force: true })
    }

    /// Somebody writes the store, as no component does.
    pub(in crate::manager) fn write(&mut self, change: impl FnOnce(&mut Store, Time)) -> &mut Self {
        change(&mut self.manager.store, self.now);
        self.manager.store.commit();
        self.report(TaskState::Running, &[])
    }

    /// For so long the agents do what they are told in no time; tasks of which `fails` says so fail when they start.
    pub(in crate::manager) fn obey(&mut self, ms: u64, fails: impl Fn(&Task) -> bool) -> &mut Self {
        for _ in 0..ms / 50 {
            self.advance(50);
            for (id, task) in self.manager.store.tasks().map(|(id, task)| (id, *task)).collect::<Vec<_>>() {
                let is_there = (TaskState::Assigned..=TaskState::Running).contains(&task.status.state);
                let state = match task.desired {
                    TaskState::Running if fails(&task) => TaskState::Failed,
                    TaskState::Running => TaskState::Running,
                    desired if desired > TaskState::Running => TaskState::Shutdown,
                    _ => continue,
                };
                if is_there && state > task.status.state {
                    self.report(state, &[id.0]);
                }
            }
        }
        self
    }

    /// The tasks that agents were told of since the last look.
    pub(in crate::manager) fn take_told(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.told).iter().map(|assignment| assignment.task.0).collect()
    }

    /// Lets time pass.
    pub(in crate::manager) fn advance(&mut self, ms: u64) -> &mut Self {
        let end = self.now + Span::from_millis(ms);
        while let Some(next) = self.timers.iter().map(|(time, _)| *time).min().filter(|next| *next <= end) {
            self.now = next;
            let mut wakes = self.timers.extract_if(.., |(time, _)| *time == next).map(|(_, wake)| wake).collect();
            self.manager.wake(next, &mut wakes, &mut self.out);
            self.take_out();
        }
        self.now = end;
        self
    }

    /// The tasks in the store, one on a line.
    pub(in crate::manager) fn tasks(&self) -> String {
        let line = |(id, task): (TaskId, &Task)| {
            let place = match task.slot {
                Slot::Replica(number) => format!("slot {number}"),
                Slot::Node(_) => "global".to_owned(),
            };
            let node = task.node.map_or("-".to_owned(), |node| format!("n{}", node.0 + 1));
            let err = task.status.err.map_or(String::new(), |err| format!(": {err}"));
            format!("{} {place}: {}, desired {}, on {node}{err}\n", id.0, task.status.state, task.desired)
        };
        self.manager.store.tasks().map(line).collect()
    }

    /// Number of tasks of a service on each node.
    pub(in crate::manager) fn spread(&self, service: ServiceId) -> Vec<usize> {
        let store = &self.manager.store;
        let on = |node| store.tasks_on_node(NodeId(node)).filter(|(_, task)| task.service == service).count();
        (0..store.node_ids() as u32).map(on).collect()
    }

    fn take_out(&mut self) -> &mut Self {
        self.timers.append(&mut self.out.wakes);
        self.told.append(&mut self.out.assignments);
        self
    }
}

/// A replicated service.
pub(in crate::manager) fn replicated(replicas: u32) -> ServiceSpec {
    ServiceSpec::replicated(ImageId(0), replicas)
}

/// A global service.
pub(in crate::manager) fn global() -> ServiceSpec {
    ServiceSpec { mode: Mode::Global, ..replicated(0) }
}

/// Another image.
pub(in crate::manager) fn new_image() -> SpecChange {
    SpecChange { image: Some(ImageId(1)), ..SpecChange::default() }
}

/// The service with constraints.
pub(in crate::manager) fn constrained(mut spec: ServiceSpec, constraint: &str) -> ServiceSpec {
    spec.task.placement.constraints = vec![constraint.to_owned()];
    spec
}

/// The service with a restart delay.
pub(in crate::manager) fn with_restart_delay(mut spec: ServiceSpec, ms: u64) -> ServiceSpec {
    spec.task.restart = Some(RestartPolicy { delay: Some(Span::from_millis(ms)), ..RestartPolicy::default() });
    spec
}

/// A node with one label.
pub(in crate::manager) fn labelled(name: &str, value: &str) -> NodeSpec {
    NodeSpec { labels: [(name.to_owned(), value.to_owned())].into(), ..NodeSpec::default() }
}

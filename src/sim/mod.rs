//! The simulation: the only place where managers, agents, network and traffic meet.
//!
//! [`run`] pops one event after another; exactly one component acts on it, and what it puts out is carried to the others. Within an
//! instant the managers come first, then the agents, then the operator ([`crate::kernel::Phase`]). Requests are no events: traffic
//! is advanced to each instant before anything happens at it.

mod clients;
mod desired;
pub mod event;
mod fault;
mod fingerprint;
mod managers;
pub mod plan;
mod requests;
mod session;

pub use plan::Plan;

use clients::Clients;
use event::Event;
use managers::{Followed, Parting};
use plan::{End, TieOrder};

use crate::agent::session::Sessions;
use crate::agent::{self, Agents, Power, TaskSetup};
use crate::kernel::{EventQueue, Fingerprint, IdVec, Phase, Span, Stream, Streams, Time};
use crate::manager::orchestrator::task::{Wanted, is_dirty};
use crate::manager::raft::Raft;
use crate::manager::store::{Store, Written};
use crate::manager::ties::Ties;
use crate::manager::{self, Manager, Settings, Wake};
use crate::model::command::Command;
use crate::model::node::Role;
use crate::model::service::ServiceSpec;
use crate::model::update::CommandError;
use crate::model::{NodeId, ServiceId, TaskId, defaults};
use crate::network::{self, Member, Network};
use crate::observe::{AgentEvent, Observer, Record, SpecCause, SpecWritten, TaskRecord};

/// What a run leaves behind.
#[derive(Debug)]
pub struct Finished<O> {
    /// The observer, with all that it saw.
    pub observer: O,
    /// Last instant of the run.
    pub end: Time,
    /// Hash of all control-plane events of the run (nothing of traffic), as 16 hexadecimal digits.
    pub fingerprint: String,
}

/// Runs the plan to its end.
pub fn run<O: Observer>(plan: &Plan, observer: O) -> Finished<O> {
    let mut sim = Sim::new(plan, observer);
    let end = loop {
        while let Some((time, event)) = sim.queue.head().filter(|(time, _)| *time <= sim.last_instant()) {
            if !sim.is_awaited(time, event) {
                sim.queue.pop(time);
            } else if sim.move_clock(time) {
                sim.dispatch();
                sim.route();
            }
        }
        if let Some(end) = sim.end()
            && sim.move_clock(end)
        {
            break end;
        }
    };
    sim.observer.instant(end, sim.clients.in_flight());
    Finished { observer: sim.observer, end, fingerprint: sim.fingerprint.digest() }
}

struct Sim<'p, O> {
    plan: &'p Plan,
    now: Time,
    queue: EventQueue<Event>,
    manager: Manager,
    manager_out: manager::Outbox,
    /// Room for what was written to the store.
    written: Vec<Written>,
    /// Room for the managers' timers of one instant.
    wakes: Vec<Wake>,
    agents: Agents,
    agents_out: agent::Outbox,
    sessions: Sessions,
    /// When the daemons of nodes are up that got power.
    booting: IdVec<NodeId, Option<Time>>,
    followed: Followed,
    /// Since when nobody has led.
    leaderless_since: Option<Time>,
    /// Commands that wait for a leader.
    waiting: Vec<u32>,
    /// Whether a round of the agents' immediate steps is in the queue.
    step_queued: bool,
    network: Network,
    clients: Clients,
    /// Tasks that load balancers send requests to.
    in_rotation: IdVec<TaskId, bool>,
    observer: O,
    fingerprint: Fingerprint,
    /// Whether this instant had a record.
    has_records: bool,
    /// How often each node has failed.
    losses: IdVec<NodeId, u32>,
    /// How many tasks each service wants, as the observer was told last.
    told_desired: IdVec<ServiceId, u32>,
}

impl<'p, O: Observer> Sim<'p, O> {
    fn new(plan: &'p Plan, observer: O) -> Self {
        let streams = Streams::new(plan.seed);
        let behaviors = plan.images.values().map(|image| image.behavior.clone()).collect();
        let applications = plan.images.values().map(|image| image.behavior.application.clone()).collect();
        let (entries, of_client) = network::entries(&plan.clients);
        let members: IdVec<NodeId, Member> =
            plan.nodes.values().map(|node| Member { runs: node.is_member, staleness: node.staleness }).collect();
        let mut queue = EventQueue::new();
        for (index, command) in (0..).zip(&plan.commands) {
            queue.push(command.at, Phase::Operator, Event::Operator(index));
        }
        let settings = Settings { task_history_limit: plan.task_history_limit, latencies: plan.latencies };
        let nodes = plan.nodes.ids().map(|id| plan.nodes[id].is_member.then(|| fault::node(plan, id)));
        let power = plan.nodes.values().map(|node| if node.is_member { Power::On } else { Power::Off }).collect();
        let ties = match plan.ties {
            TieOrder::Fixed => Ties::fixed(),
            TieOrder::Shuffled => Ties::shuffled(streams.of(Stream::Ties, 0)),
        };
        let managers = plan.nodes.iter().filter(|(_, node)| node.is_member && node.spec.role == Role::Manager);
        let up = plan.nodes.values().map(|node| node.is_member);
        let raft = Raft::new(up.clone().collect(), managers.map(|(id, _)| id), streams.clone());
        let followed = Followed::new(&raft, plan.nodes.len());
        let mut store = Store::new(nodes.collect(), plan.services.len());
        if observer.wants_decisions() {
            store.tell_decisions();
        }
        let mut manager = Manager::new(store, raft, settings, ties);
        let mut manager_out = manager::Outbox::default();
        manager.start(Time::ZERO, &mut manager_out);
        Sim {
            plan,
            now: Time::ZERO,
            queue,
            manager,
            manager_out,
            written: Vec::new(),
            wakes: Vec::new(),
            agents: Agents::new(power, behaviors, plan.engine, plan.latencies, streams.clone()),
            agents_out: agent::Outbox::default(),
            booting: IdVec::filled(plan.nodes.len(), None),
            sessions: Sessions::new(up, streams.clone()),
            followed,
            leaderless_since: None,
            waiting: Vec::new(),
            step_queued: false,
            network: Network::new(entries, &members, &plan.latencies, &streams),
            clients: Clients::new(plan, of_client, applications, &streams),
            in_rotation: IdVec::new(),
            observer,
            fingerprint: Fingerprint::new(),
            has_records: false,
            losses: IdVec::filled(plan.nodes.len(), 0),
            told_desired: IdVec::filled(plan.services.len(), 0),
        }
    }

    /// Whether anybody still waits for the event: a timer may have been overtaken. One that was is nothing pending.
    fn is_awaited(&self, time: Time, event: Event) -> bool {
        match event {
            Event::Manager(wake) => self.manager.awaits(wake),
            Event::Agent(timer) => self.agents.awaits(timer),
            Event::Raft => self.awaits_raft(time),
            Event::Session(node) => self.sessions.is_tried_for(node, time),
            Event::Boot(node) => self.is_booting(node, time),
            Event::GiveUp => !self.waiting.is_empty(),
            Event::AgentStep | Event::Elect | Event::Operator(_) => true,
        }
    }

    /// The last instant at which something may happen.
    fn last_instant(&self) -> Time {
        match self.plan.end {
            End::At(end) | End::WhenQuiet { limit: end, .. } => end,
        }
    }

    /// The end of the run, now that nothing is left to do; `None` if on the way there something is.
    fn end(&mut self) -> Option<Time> {
        match self.plan.end {
            End::At(end) => Some(end),
            End::WhenQuiet { limit, .. } if !self.queue.is_empty() => Some(limit),
            End::WhenQuiet { quiet, limit } => {
                // A client that comes later, or has an end of its own, is something to wait for.
                let bounds = self.plan.clients.values().flat_map(|client| [client.from, client.until]);
                let last = bounds.filter(|bound| *bound < Time::MAX).fold(self.now, Time::max).min(limit);
                if !self.move_clock(last) {
                    return None;
                }
                while self.clients.is_unfinished() && self.now < limit {
                    if !self.move_clock((self.now + Span::from_secs(1)).min(limit)) {
                        return None;
                    }
                }
                Some(self.now.saturating_add(quiet).min(limit))
            }
        }
    }

    /// Lets time pass up to `time`, with all requests before it and an instant for each full second. False if requests did
    /// something to a task on the way, or then: the clock stands there, and it has been carried to where it belongs.
    fn move_clock(&mut self, time: Time) -> bool {
        if time == self.now {
            return true;
        }
        self.close_instant();
        let second = Span::from_secs(1);
        loop {
            let tick = Time::ZERO + second * (self.now.as_nanos() / second.as_nanos() + 1);
            self.now = tick.min(time);
            if self.advance_traffic() {
                self.route();
                return false;
            }
            if self.now == time {
                return true;
            }
            self.close_instant();
        }
    }

    fn close_instant(&mut self) {
        let is_full_second = self.now.as_nanos().is_multiple_of(1_000_000_000);
        if std::mem::take(&mut self.has_records) || is_full_second {
            self.observer.instant(self.now, self.clients.in_flight());
        }
    }

    /// Takes the next event and lets the component act that it is for.
    fn dispatch(&mut self) {
        let Some((now, event)) = self.queue.pop(self.now) else { return };
        match event {
            Event::Manager(wake) => self.manager_timers(wake),
            Event::AgentStep => {
                self.step_queued = false;
                self.agents.step(now, &mut self.agents_out);
            }
            Event::Agent(timer) => self.agent_timers(timer),
            Event::Elect => {
                self.elect();
                self.serve_waiting();
            }
            Event::Raft => self.act_raft(),
            Event::Session(node) => self.try_session(node),
            Event::Boot(node) => self.start(node),
            Event::Operator(index) => self.operator(index),
            Event::GiveUp => self.give_up(),
        }
        self.follow_raft(Parting::Told);
    }

    /// All timers of the managers that are due now.
    fn manager_timers(&mut self, first: Wake) {
        self.wakes.push(first);
        while self.queue.peek() == Some((self.now, Phase::Manager)) {
            if let Some((_, Event::Manager(wake))) = self.queue.pop(self.now) {
                self.wakes.push(wake);
            }
        }
        self.manager.wake(self.now, &mut self.wakes, &mut self.manager_out);
    }

    /// All timers of agents that are due now: what they report makes one transaction.
    fn agent_timers(&mut self, first: agent::Timer) {
        self.agents.timer(self.now, first, &mut self.agents_out);
        while self.queue.peek() == Some((self.now, Phase::AgentDue)) {
            if let Some((_, Event::Agent(timer))) = self.queue.pop(self.now) {
                self.agents.timer(self.now, timer, &mut self.agents_out);
            }
        }
    }

    fn operator(&mut self, index: u32) {
        self.emit(Record::Command { index });
        match &self.plan.commands[index as usize].command {
            Command::Fault(fault) => {
                if !self.fault(fault) {
                    self.emit(Record::CommandError { index, error: CommandError::NoEffect });
                }
            }
            Command::ForceNewCluster => self.force_new_cluster(index),
            _ => self.order(index),
        }
    }

    /// The leader carries out a command.
    fn execute(&mut self, index: u32) {
        let command = &self.plan.commands[index as usize].command;
        match self.manager.command(self.now, command, &mut self.manager_out) {
            Err(error) => self.emit(Record::CommandError { index, error }),
            Ok(()) => match command {
                Command::ServiceCreate { service, .. } => self.emit_spec(*service, SpecCause::Create),
                Command::ServiceUpdate { service, .. } | Command::ServiceDeploy { service, .. } => {
                    self.emit_spec(*service, SpecCause::Update)
                }
                Command::ServiceRollback { service } => self.emit_spec(*service, SpecCause::ManualRollback),
                // The agent of a node that was removed is not heard of again.
                Command::NodeRemove { node, .. } => self.expel(*node),
                Command::ServiceRemove { .. }
                | Command::NodeUpdate { .. }
                | Command::ForceNewCluster
                | Command::Fault(_) => {}
            },
        }
    }

    /// Carries what the components put out to where it belongs.
    fn route(&mut self) {
        loop {
            self.tell_written();
            let last = self.last_instant();
            // That a node stays down beyond the end is nothing pending.
            let is_idle = |time, wake| matches!(wake, Wake::DownPeriod { .. }) && time > last;
            for (time, wake) in self.manager_out.wakes.drain(..).filter(|(time, wake)| !is_idle(*time, *wake)) {
                self.queue.push(time, Phase::Manager, Event::Manager(wake));
            }
            self.assign();
            for (time, timer) in self.agents_out.timers.drain(..) {
                self.queue.push(time, Phase::AgentDue, Event::Agent(timer));
            }
            if self.agents_out.has_steps() && !self.step_queued {
                self.step_queued = true;
                self.queue.push(self.now, Phase::AgentStep, Event::AgentStep);
            }
            self.apply_effects();
            if !self.sessions.are_all_open() {
                let (sessions, store) = (&self.sessions, &self.manager.store);
                let is_heard = |task| store.task_ever(task).node.is_some_and(|node| sessions.is_open(node));
                self.agents_out.reports.retain(|report| is_heard(report.task));
            }
            if self.agents_out.reports.is_empty() {
                return;
            }
            for report in &self.agents_out.reports {
                self.observer.agent(self.now, AgentEvent::Reported { task: report.task, state: report.status.state });
            }
            self.manager.report(self.now, &mut self.agents_out.reports, &mut self.manager_out);
        }
    }

    /// Carries assignments to the agents.
    fn assign(&mut self) {
        for assignment in self.manager_out.assignments.drain(..) {
            if !self.sessions.is_open(assignment.node) {
                continue;
            }
            let Some(desired) = assignment.desired else {
                self.agents.remove(self.now, assignment.task, &mut self.agents_out);
                continue;
            };
            let task = self.manager.store.task_ever(assignment.task);
            let spec = self.manager.store.specs().get(task.spec);
            let setup = TaskSetup {
                node: assignment.node,
                image: task.image,
                ordinal: task.ordinal,
                grace_period: grace_period(spec),
                healthcheck: spec.task.container.healthcheck.as_ref(),
                has_service_binding: spec.has_service_binding(),
            };
            self.observer.agent(self.now, AgentEvent::Received { task: assignment.task, desired });
            self.agents.assign(self.now, assignment.task, desired, &setup, &mut self.agents_out);
        }
    }

    /// Tells the observer what was written to the store.
    fn tell_written(&mut self) {
        let mut all = std::mem::take(&mut self.written);
        self.manager.store.take_written(&mut all);
        let may_change_desired = all.iter().any(|written| desired::may_change(written, &self.manager.store));
        for written in all.drain(..) {
            let record = match written {
                Written::Task(id, task, created) => Record::Task(TaskRecord {
                    task: id,
                    service: task.service,
                    slot: task.slot,
                    image: task.image,
                    node: task.node,
                    status: task.status,
                    status_at: task.status_at,
                    desired: task.desired,
                    created,
                }),
                Written::TaskRemoved(task, service) => Record::TaskRemoved { task, service },
                Written::UpdateStatus(service, status) => Record::UpdateStatus { service, status },
                Written::ServiceRemoved(service) => Record::ServiceRemoved { service },
                Written::RolledBack(service, spec, version) => {
                    desired::spec_record(service, &spec, version, SpecCause::AutomaticRollback, &self.manager.store)
                }
                Written::Updater(service, run, is_rollback, begins) => {
                    Record::Updater { service, run, is_rollback, begins }
                }
                Written::Node(node, state, role) => Record::Node { node, state, role },
                Written::Decision(service, decision) => {
                    self.observer.decision(self.now, service, &decision);
                    continue;
                }
            };
            self.emit(record);
        }
        self.written = all;
        if may_change_desired {
            self.tell_desired();
        }
    }

    fn emit_spec(&mut self, service: ServiceId, cause: SpecCause) {
        if let Some(row) = self.manager.store.service(service) {
            let record = desired::spec_record(service, &row.spec, row.spec_version, cause, &self.manager.store);
            self.emit(record);
        }
    }

    fn emit(&mut self, record: Record) {
        if let Record::Spec { service, desired, .. } | Record::Desired { service, desired } = record {
            self.told_desired[service] = desired;
        }
        fingerprint::add(&mut self.fingerprint, self.now, &record);
        self.has_records = true;
        self.observer.record(self.now, &record);
        if let Record::Spec { service, cause, .. } = record {
            self.tell_spec(service, cause);
        }
    }

    /// Tells the observer what a service is to be now, and which of its tasks are something else.
    fn tell_spec(&mut self, service: ServiceId, cause: SpecCause) {
        let store = &self.manager.store;
        let Some(row) = store.service(service) else { return };
        let is_dirty = |task: &TaskId| is_dirty(store, Wanted::from(row), store.task_ever(*task));
        let dirty = store.slots(service).iter().flatten().copied().filter(is_dirty).collect();
        let previous = row.previous.as_ref().map(|(spec, _)| spec);
        self.observer.spec(self.now, &SpecWritten { service, spec: &row.spec, previous, cause, dirty });
    }
}

/// The grace period of a service's containers, in whole seconds (data-plane rule 34).
fn grace_period(spec: &ServiceSpec) -> Span {
    let grace = spec.task.container.stop_grace_period.unwrap_or(defaults::STOP_GRACE_PERIOD);
    Span::from_secs(grace.as_millis() / 1000)
}

//! All records of a run as newline-delimited JSON: an object a line, in order of time.

use serde_json::{Value, json};

use super::explain::{Tasks, Words, of_decision};
use super::json::{length, point};
use crate::kernel::{IdVec, Time};
use crate::model::client::Access;
use crate::model::decision::Decision;
use crate::model::node::{Leadership, NodeState, Reachability, Role};
use crate::model::request::{Request, RequestOutcome, Weight};
use crate::model::task::Creator;
use crate::model::update::CommandError;
use crate::model::{NodeId, ServiceId, TaskId};
use crate::observe::{AgentEvent, Observer, Record, Shift, SpecCause, TaskRecord};
use crate::sim::Plan;

/// Turns records into lines as they come.
#[derive(Debug)]
pub struct Records<'p> {
    plan: &'p Plan,
    tasks: Tasks,
    text: String,
    /// When each line was written, and where it ends in `text`.
    lines: Vec<(Time, usize)>,
}

impl<'p> Records<'p> {
    /// For a run of this plan.
    pub fn new(plan: &'p Plan) -> Records<'p> {
        Records { plan, tasks: Tasks::default(), text: String::new(), lines: Vec::new() }
    }

    /// The lines, with those of requests among them, by the time at which they ended. Of the requests of one instant and its
    /// records, the requests come first. Each request stands for `weight`.
    pub fn finish(self, mut requests: Vec<Request>, weight: u64) -> String {
        requests.sort_by_key(|request| request.ended);
        let mut requests = requests.into_iter().peekable();
        let mut text = String::with_capacity(self.text.len());
        let mut start = 0;
        for (at, end) in &self.lines {
            while let Some(request) = requests.next_if(|request| request.ended <= *at) {
                text += &line(&self.request(&request, weight));
            }
            text += &self.text[start..*end];
            start = *end;
        }
        for request in requests {
            text += &line(&self.request(&request, weight));
        }
        text
    }

    fn push(&mut self, now: Time, record: &str, fields: Value) {
        let mut object = json!({"t_ms": point(now), "record": record});
        if let (Value::Object(object), Value::Object(fields)) = (&mut object, fields) {
            object.extend(fields);
        }
        self.text += &line(&object);
        self.lines.push((now, self.text.len()));
    }

    fn request(&self, request: &Request, weight: u64) -> Value {
        let Request { client, service, task, sent, ended, outcome } = *request;
        let cause = match outcome {
            RequestOutcome::Ok => None,
            RequestOutcome::Failed(_, cause) => Some(cause.name()),
        };
        json!({
            "t_ms": point(ended), "record": "request", "sent_ms": point(sent), "latency_ms": length(request.latency()),
            "client": self.plan.clients[client].name, "service": self.plan.services[service],
            "image": task.map(|(_, image)| &self.plan.images[image].name), "task": task.map(|(task, _)| task.0),
            "outcome": outcome.name(), "cause": cause, "weight": weight
        })
    }

    fn task(&self, task: &TaskRecord) -> Value {
        let mut fields = json!({
            "service": self.plan.services[task.service], "slot": task.slot.number(), "task": task.task.0,
            "image": self.plan.images[task.image].name, "node": task.node.map(|node| self.node(node)),
            "state": task.status.state.name(), "desired": task.desired.name(), "message": task.status.message.text(),
            "err": task.status.err.map(|err| err.to_string())
        });
        if let Some(created) = task.created {
            let run = match created.by {
                Creator::Updater { run } => Some(run),
                Creator::Orchestrator | Creator::RestartSupervisor => None,
            };
            fields["created"] = json!({"by": created.by.name(), "run": run, "spec_version": created.spec_version});
        }
        fields
    }

    fn node(&self, node: NodeId) -> &str {
        &self.plan.nodes[node].name
    }

    fn service(&self, service: ServiceId) -> &str {
        &self.plan.services[service]
    }

    fn refusal(&self, error: CommandError) -> String {
        error.text(|service| self.service(service), |node| self.node(node))
    }

    /// Kind of a record and its fields.
    fn fields(&self, record: &Record) -> (&'static str, Value) {
        match *record {
            Record::Command { index } => ("command", json!({"line": self.plan.commands[index as usize].line})),
            Record::CommandResumed { index } => {
                ("command_resumed", json!({"line": self.plan.commands[index as usize].line}))
            }
            Record::CommandError { index, error } => {
                let line = &self.plan.commands[index as usize].line;
                ("command_error", json!({"line": line, "error": self.refusal(error)}))
            }
            Record::Spec { service, desired, image, version, cause } => {
                let (service, image) = (self.service(service), &self.plan.images[image].name);
                let cause = cause_name(cause);
                let fields =
                    json!({"service": service, "desired": desired, "image": image, "version": version, "cause": cause});
                ("spec", fields)
            }
            Record::Desired { service, desired } => {
                ("desired", json!({"service": self.service(service), "desired": desired}))
            }
            Record::Node { node, state, role } => {
                let state = state.map(NodeState::name);
                ("node", json!({"node": self.node(node), "state": state, "role": role_name(role)}))
            }
            Record::Leadership(leadership) => ("leadership", self.leadership(leadership)),
            Record::Manager { node, reachability } => {
                let reachability = reachability.map(reachability_name);
                ("manager", json!({"node": self.node(node), "reachability": reachability}))
            }
            Record::ServiceRemoved { service } => ("service_removed", json!({"service": self.service(service)})),
            Record::UpdateStatus { service, status } => {
                let (state, message) =
                    (status.map(|status| status.state.name()), status.map(|status| status.message.to_string()));
                ("update_status", json!({"service": self.service(service), "state": state, "message": message}))
            }
            Record::Updater { service, run, is_rollback, begins } => {
                let service = self.service(service);
                let fields = json!({"service": service, "run": run, "is_rollback": is_rollback, "begins": begins});
                ("updater", fields)
            }
            Record::Task(ref task) => ("task", self.task(task)),
            Record::TaskRemoved { task, service } => {
                ("task_removed", json!({"service": self.service(service), "task": task.0}))
            }
            Record::ProcessEnded { task } => ("process_ended", of_task(task)),
            Record::Rotation { task, service, image, entered } => {
                let (service, image) = (self.service(service), &self.plan.images[image].name);
                ("rotation", json!({"service": service, "task": task.0, "image": image, "entered": entered}))
            }
        }
    }

    fn leadership(&self, leadership: Leadership) -> Value {
        let (leader, why) = match leadership {
            Leadership::Leader(node) => (Some(self.node(node)), None),
            Leadership::NoLeader => (None, Some("no leader")),
            Leadership::NoQuorum => (None, Some("no quorum")),
        };
        json!({"leader": leader, "why": why})
    }
}

impl Observer for Records<'_> {
    fn record(&mut self, now: Time, record: &Record) {
        if let Record::Task(task) = record {
            self.tasks.note(now, task);
        }
        let (kind, fields) = self.fields(record);
        self.push(now, kind, fields);
    }

    fn agent(&mut self, now: Time, event: AgentEvent) {
        let (kind, fields) = match event {
            AgentEvent::Received { task, desired } => {
                ("agent_received", json!({"task": task.0, "desired": desired.name()}))
            }
            AgentEvent::Reported { task, state } => ("agent_reported", json!({"task": task.0, "state": state.name()})),
            AgentEvent::StopSignal { task } => ("stop_signal", of_task(task)),
        };
        self.push(now, kind, fields);
    }

    fn decision(&mut self, now: Time, service: ServiceId, decision: &Decision) {
        let Words { task, what, because } = of_decision(self.plan, &self.tasks, service, decision);
        let (rule, service) = (decision.rule(), self.service(service));
        let fields = json!({
            "service": service, "task": task.map(|task| task.0), "what": what, "because": because,
            "rule": rule.number(), "source": rule.source()
        });
        self.push(now, "decision", fields);
    }

    fn wants_decisions(&self) -> bool {
        true
    }

    fn shift(&mut self, now: Time, shift: &Shift) {
        let Shift { access, node, task, weight } = *shift;
        let (access, weight) = (access_name(access), weight_number(weight));
        let node = node.map(|node| self.node(node));
        let fields = json!({"access": access, "node": node, "task": task.0, "weight": weight});
        self.push(now, "load_balancer", fields);
    }

    fn request(&mut self, _request: &Request) {}

    fn instant(&mut self, _now: Time, _in_flight: &IdVec<ServiceId, u32>) {}
}

fn line(object: &Value) -> String {
    format!("{object}\n")
}

fn of_task(task: TaskId) -> Value {
    json!({"task": task.0})
}

fn cause_name(cause: SpecCause) -> &'static str {
    match cause {
        SpecCause::Create => "create",
        SpecCause::Update => "update",
        SpecCause::ManualRollback => "manual rollback",
        SpecCause::AutomaticRollback => "automatic rollback",
    }
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Manager => "manager",
        Role::Worker => "worker",
    }
}

fn reachability_name(reachability: Reachability) -> &'static str {
    match reachability {
        Reachability::Reachable => "reachable",
        Reachability::Unreachable => "unreachable",
    }
}

fn access_name(access: Access) -> &'static str {
    match access {
        Access::Direct => "direct",
        Access::Vip => "vip",
        Access::DnsRoundRobin => "dnsrr",
        Access::HostPort => "host",
    }
}

/// Weight of a task as a load balancer knows it; `None`: it knows the task no more.
fn weight_number(weight: Weight) -> Option<u32> {
    match weight {
        Weight::One => Some(1),
        Weight::Zero => Some(0),
        Weight::Gone => None,
    }
}

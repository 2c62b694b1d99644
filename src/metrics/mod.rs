//! What a run comes to: observers that measure while it goes on, and the numbers that they leave.
//!
//! [`Metrics`] makes the [`Summary`] and keeps only counts; [`Timeline`], [`RequestSeries`], [`TaskLog`] and [`RequestLog`] keep
//! rows, for single runs. Each metric is defined where it is computed: time in [`downtime`], requests in [`availability`] and
//! [`latency`], updates in [`updates`]. [`MetricPath`] gives them their names.

pub mod availability;
pub mod downtime;
#[cfg(test)]
pub(crate) mod fixture;
pub mod latency;
pub mod meaning;
pub mod node_log;
pub mod nodes;
pub mod path;
pub mod request_log;
pub mod request_series;
pub mod summary;
pub mod task_log;
pub mod timeline;
pub mod updates;

pub use path::MetricPath;
pub use request_log::RequestLog;
pub use request_series::RequestSeries;
pub use summary::{ServiceSummary, Summary};
pub use task_log::TaskLog;
pub use timeline::Timeline;

use crate::kernel::{IdVec, Span, Time};
use crate::model::client::{Grade, Load};
use crate::model::command::{Command, Fault};
use crate::model::request::{Batch, Request};
use crate::model::task::TaskState;
use crate::model::update::CommandError;
use crate::model::{ClientId, ImageId, ServiceId, TaskId};
use crate::observe::{Observer, Record, SpecCause, TaskRecord};
use crate::sim::Plan;
use crate::sim::plan::TimedCommand;
use availability::{RequestMeter, error_budget_used};
use downtime::ReplicaMeter;
use node_log::NodeLogs;
use nodes::NodeMeter;
use summary::{Downtime, Requests, Totals, UpdateOutcome, Vain};
use updates::{EntryIndex, UpdateMeter};

/// Measures a run as it goes on. Nothing is kept for each event, but one small row for each task.
#[derive(Clone, Debug)]
pub struct Metrics<'a> {
    plan: &'a Plan,
    /// `None`: not created yet.
    services: IdVec<ServiceId, Option<ServiceMeter>>,
    tasks: IdVec<TaskId, TaskRow>,
    nodes: NodeMeter,
    logs: NodeLogs<'a>,
    /// Services to be settled at the end of the instant.
    changed: Vec<ServiceId>,
    /// Requests sent and not ended when the last instant ended.
    in_flight: IdVec<ServiceId, u32>,
    /// Requests of each client that ended, within the window or not.
    ended: IdVec<ClientId, u64>,
    /// Commands that came to nothing.
    vain: Vec<Vain>,
}

/// What a run says of itself when it is over.
#[derive(Clone, Debug)]
pub struct RunFacts {
    /// Digest of the scenario as understood, without the seed.
    pub digest: String,
    /// Hash of the run's control-plane events.
    pub fingerprint: String,
    /// Last instant of the run.
    pub end: Time,
    /// The scenario's warnings.
    pub warnings: Vec<String>,
}

#[derive(Clone, Debug)]
struct ServiceMeter {
    replicas: ReplicaMeter,
    updates: UpdateMeter,
    /// `None`: no client calls this service.
    requests: Option<RequestMeter>,
    /// Whether it is among [`Metrics::changed`].
    changed: bool,
    removed: bool,
}

/// What is remembered of a task.
#[derive(Clone, Copy, Debug)]
struct TaskRow {
    created: Time,
    state: TaskState,
    /// The update that it belongs to.
    update: Option<EntryIndex>,
}

impl TaskRow {
    const NEW: TaskRow = TaskRow { created: Time::ZERO, state: TaskState::New, update: None };

    fn is_container(&self) -> bool {
        matches!(self.state, TaskState::Starting | TaskState::Running)
    }
}

impl<'a> Metrics<'a> {
    /// Measures a run of this plan.
    pub fn new(plan: &'a Plan) -> Metrics<'a> {
        Metrics {
            plan,
            services: IdVec::filled(plan.services.len(), None),
            tasks: IdVec::new(),
            nodes: NodeMeter::new(plan),
            logs: NodeLogs::new(plan),
            changed: Vec::with_capacity(plan.services.len()),
            in_flight: IdVec::filled(plan.services.len(), 0),
            ended: IdVec::filled(plan.clients.len(), 0),
            vain: Vec::new(),
        }
    }

    /// What the run comes to, once it is over.
    ///
    /// To the scenario's warnings it adds one for each service that never had all its replicas in rotation, and one for each
    /// service with an update that is unfinished at the end of the run.
    pub fn finish(mut self, run: RunFacts) -> Summary {
        let mut warnings = run.warnings;
        let mut all_requests: Option<RequestMeter> = None;
        let mut services = Vec::new();
        for (id, meter) in self.services.iter_mut() {
            let Some(mut meter) = meter.take() else { continue };
            meter.replicas.close(run.end);
            if let Some(requests) = &mut meter.requests {
                requests.unfinished = self.in_flight.get(id).copied().unwrap_or(0).into();
            }
            match (&mut all_requests, &meter.requests) {
                (Some(all), Some(requests)) => all.merge(requests),
                (None, requests) => all_requests = requests.clone(),
                (Some(_), None) => {}
            }
            let removed = meter.removed;
            let service = meter.summary(self.plan, id);
            warnings.extend(warnings_of(&service, removed, self.plan));
            services.push(service);
        }
        warnings.extend(self.unfinished_clients());
        Summary {
            scenario: self.plan.name.clone(),
            digest: run.digest,
            seed: self.plan.seed,
            fingerprint: run.fingerprint,
            end: run.end,
            warnings,
            vain: self.vain,
            totals: totals(&services, all_requests.map(|requests| requests.summary(self.plan))),
            services,
            nodes: self.nodes.summary(self.logs),
        }
    }

    fn tell_vain(&self, command: u32, error: CommandError) -> Vain {
        let Plan { commands, services, nodes, .. } = self.plan;
        let TimedCommand { at, line, .. } = &commands[command as usize];
        let why = error.text(|service| services[service].as_str(), |node| nodes[node].name.as_str());
        let verdict = if error == CommandError::NoEffect { why } else { format!("refused: {why}") };
        Vain { command, text: format!("`{line}` at {}: {verdict}", at.since_start()) }
    }

    /// Clients that were to send a number of requests and did not get so far.
    fn unfinished_clients(&self) -> impl Iterator<Item = String> {
        let is_counted = self.plan.grade == Grade::Exact;
        self.plan.clients.iter().filter_map(move |(id, client)| match client.load {
            Load::Closed { requests: Some(wanted), .. } if is_counted && self.ended[id] < wanted => {
                let (name, ended) = (&client.name, self.ended[id]);
                Some(format!("client {name}: {ended} of {wanted} requests had ended when the run ended"))
            }
            Load::Closed { .. } | Load::Open { .. } | Load::Varying { .. } => None,
        })
    }

    /// The meter of a service in which something changes.
    fn changing(&mut self, id: ServiceId) -> &mut ServiceMeter {
        let service = self.services[id].as_mut().expect("a service is created before anything happens to it");
        if !service.changed {
            service.changed = true;
            self.changed.push(id);
        }
        service
    }

    fn create(&mut self, now: Time, id: ServiceId, image: ImageId) {
        let has_clients = self.plan.clients.values().any(|client| client.service == id);
        self.services[id] = Some(ServiceMeter {
            replicas: ReplicaMeter::new(self.plan, now),
            updates: UpdateMeter::new(image),
            requests: has_clients.then(|| RequestMeter::new(self.plan)),
            changed: false,
            removed: false,
        });
    }

    #[inline]
    fn task(&mut self, now: Time, record: &TaskRecord) {
        let row = self.tasks.entry(record.task, TaskRow::NEW);
        if record.created.is_some() {
            let service = self.services[record.service].as_ref();
            row.created = now;
            row.update = service.and_then(|service| service.updates.open_entry());
        }
        let state = record.status.state;
        if row.state == state {
            return;
        }
        let was_container = row.is_container();
        row.state = state;
        let row = *row;
        if was_container != row.is_container() {
            self.changing(record.service).replicas.count_container(!was_container);
            if let Some(node) = record.node.filter(|_| !was_container) {
                self.nodes.start(record.task, node);
            }
        }
        let Some(update) = row.update else { return };
        match state {
            TaskState::Running => self.changing(record.service).updates.task_runs(update, now),
            TaskState::Complete | TaskState::Failed | TaskState::Rejected if record.desired <= TaskState::Running => {
                self.changing(record.service).updates.task_ended_by_itself(update, row.created);
            }
            _ => {}
        }
    }

    fn task_removed(&mut self, task: TaskId, service: ServiceId) {
        if self.tasks[task].is_container() {
            self.tasks[task].state = TaskState::Remove;
            self.changing(service).replicas.count_container(false);
        }
    }
}

impl Observer for Metrics<'_> {
    fn record(&mut self, now: Time, record: &Record) {
        self.logs.record(now, record);
        match *record {
            Record::Task(ref task) => self.task(now, task),
            Record::Rotation { service, image, entered, .. } => self.changing(service).replicas.rotate(image, entered),
            Record::TaskRemoved { task, service } => self.task_removed(task, service),
            Record::Spec { service, desired, image, cause, .. } => {
                if cause == SpecCause::Create {
                    self.create(now, service, image);
                }
                let service = self.changing(service);
                service.replicas.set_desired(desired);
                service.updates.write(now, image, cause);
            }
            Record::UpdateStatus { service, status } => self.changing(service).updates.set_status(now, status),
            Record::ServiceRemoved { service } => {
                let service = self.changing(service);
                service.replicas.close(now);
                service.removed = true;
            }
            Record::Desired { service, desired } => self.changing(service).replicas.set_desired(desired),
            Record::ProcessEnded { task } => self.nodes.end(task),
            Record::CommandError { index, error } => {
                self.nodes.refuse(&self.plan.commands[index as usize].command);
                self.vain.push(self.tell_vain(index, error));
            }
            Record::Command { index } => self.nodes.command(now, &self.plan.commands[index as usize].command),
            Record::CommandResumed { .. }
            | Record::Updater { .. }
            | Record::Node { .. }
            | Record::Leadership(_)
            | Record::Manager { .. } => {}
        }
    }

    fn request(&mut self, request: &Request) {
        self.ended[request.client] += 1;
        if let Some(ServiceMeter { replicas, requests: Some(requests), .. }) = &mut self.services[request.service]
            && replicas.measures(request.sent)
        {
            requests.record(request);
        }
    }

    fn requests(&mut self, batch: &Batch) {
        if let Some(ServiceMeter { replicas, requests: Some(requests), .. }) = &mut self.services[batch.service]
            && replicas.measures(batch.sent)
        {
            requests.record_all(batch);
        }
    }

    fn instant(&mut self, now: Time, in_flight: &IdVec<ServiceId, u32>) {
        self.in_flight.clone_from(in_flight);
        for id in self.changed.drain(..) {
            let Some(service) = &mut self.services[id] else { continue };
            service.changed = false;
            service.settle(now);
        }
        self.nodes.settle(now);
    }
}

impl ServiceMeter {
    fn settle(&mut self, now: Time) {
        if self.removed {
            return;
        }
        if self.replicas.settle(now)
            && let Some(requests) = &mut self.requests
        {
            requests.clear();
        }
        self.updates.settle(now, || self.replicas.is_whole());
    }

    fn summary(self, plan: &Plan, id: ServiceId) -> ServiceSummary {
        let replicas = self.replicas.summary();
        let requests = self.requests.map(|requests| requests.summary(plan));
        let objective = plan.slo.get(id).copied().flatten();
        ServiceSummary {
            name: plan.services[id].clone(),
            window: replicas.window,
            never_ready: replicas.never_ready,
            error_budget_used: requests
                .as_ref()
                .zip(objective)
                .and_then(|(r, objective)| error_budget_used(r, objective)),
            requests,
            uptime_share: replicas.uptime_share,
            downtime: replicas.downtime,
            degraded: replicas.degraded,
            missing_replica: replicas.missing,
            peak_tasks: replicas.peak_tasks,
            update_status: self.updates.statuses(),
            final_update_status: self.updates.status(),
            updates: self.updates.updates(plan),
        }
    }
}

fn warnings_of(service: &ServiceSummary, removed: bool, plan: &Plan) -> impl Iterator<Item = String> {
    let name = &service.name;
    let never_ready = service.never_ready.then(|| format!("{name}: its desired replicas were never all in rotation"));
    let last = service.updates.last().filter(|last| last.outcome == UpdateOutcome::Unfinished && !removed);
    let unfinished = last.map(|last| {
        let (kind, to, start) = (last.kind.name(), &last.to, last.start.since_start());
        format!("{name}: the {kind} to {to} that began at {start} is unfinished at the end of the run")
    });
    let unanswered = service.requests.as_ref().filter(|requests| requests.unfinished * 100 > requests.total);
    let unanswered = unanswered.map(|requests| {
        let Requests { unfinished, total, .. } = requests;
        let why = if loses_nodes(plan) {
            "is it overloaded, or do they wait for a node that is lost?"
        } else {
            "is it overloaded?"
        };
        format!(
            "{name}: {unfinished} requests had not ended when the run ended, beside {total} that are counted: {why}"
        )
    });
    never_ready.into_iter().chain(unfinished).chain(unanswered)
}

/// Whether the plan has a fault after which a node does not answer.
fn loses_nodes(plan: &Plan) -> bool {
    let is_silent = |fault: &Fault| matches!(fault, Fault::NodeCrash(_) | Fault::LinkDown(_) | Fault::ManagersCrash);
    plan.commands.iter().any(|timed| matches!(&timed.command, Command::Fault(fault) if is_silent(fault)))
}

fn totals(services: &[ServiceSummary], requests: Option<summary::Requests>) -> Totals {
    let sum = |of: fn(&ServiceSummary) -> Span| services.iter().map(of).fold(Span::ZERO, |sum, span| sum + span);
    Totals {
        requests,
        downtime: Downtime::new(services.iter().flat_map(|service| service.downtime.intervals.clone()).collect()),
        degraded: sum(|service| service.degraded),
        missing_replica: sum(|service| service.missing_replica),
    }
}

#[cfg(test)]
mod tests {
    use super::fixture::{Feed, NEW, OLD, WEB, plan, request};
    use super::fixture::{OK as Ok, REFUSED as Refused, RESET as Reset};
    use super::*;
    use crate::model::update::{UpdateMessage, UpdateState};

    fn facts(end: u64) -> RunFacts {
        let (digest, fingerprint) = ("d".to_owned(), "f".to_owned());
        RunFacts { digest, fingerprint, end: Time::from_millis(end), warnings: vec!["first".into()] }
    }

    fn measured(plan: &Plan, end: u64, story: impl FnOnce(&mut Feed<Metrics<'_>>)) -> Summary {
        let mut feed = Feed::new(Metrics::new(plan));
        story(&mut feed);
        feed.end(end).finish(facts(end))
    }

    fn web(plan: &Plan, end: u64, story: impl FnOnce(&mut Feed<Metrics<'_>>)) -> ServiceSummary {
        measured(plan, end, story).service("web").expect("web is created").clone()
    }

    #[test]
    fn only_requests_sent_within_the_window_count() {
        let service = web(&plan(), 10_000, |feed| {
            feed.spec(SpecCause::Create, 1, OLD).request(request(0, 100, 100, None, Refused));
            // Sent before the window begins, one ends before and one after.
            feed.at(2_000).request(request(0, 1_500, 1_900, Some(0), Ok)).start(OLD);
            feed.at(3_000).request(request(0, 1_999, 2_100, Some(0), Ok));
            feed.request(request(0, 2_000, 2_200, Some(0), Ok)).request(request(0, 2_500, 2_600, Some(0), Reset));
        });
        let requests = service.requests.unwrap();
        assert_eq!((requests.total, requests.ok, requests.failed), (2, 1, 1));
        // From 2.0 s to 2.6 s.
        assert_eq!(requests.per_second, 1.0 / 0.6);
    }

    #[test]
    fn requests_after_the_removal_do_not_count() {
        let service = web(&plan(), 10_000, |feed| {
            feed.spec(SpecCause::Create, 1, OLD).start(OLD);
            feed.at(4_000).record(Record::ServiceRemoved { service: WEB }).stop(0);
            feed.request(request(0, 3_999, 4_000, Some(0), Reset)).request(request(0, 4_000, 4_000, None, Refused));
        });
        assert_eq!(service.window, [0, 4_000].map(Time::from_millis));
        assert_eq!(service.requests.unwrap().by_outcome, [0, 0, 0, 1, 0, 0]);
        assert_eq!(service.downtime.total, Span::ZERO);
    }

    #[test]
    fn a_service_that_never_got_there_is_measured_from_its_creation() {
        let summary = measured(&plan(), 10_000, |feed| {
            feed.at(1_000).spec(SpecCause::Create, 2, OLD).start(OLD).request(request(0, 1_500, 1_600, Some(0), Ok));
        });
        let service = summary.service("web").unwrap();
        assert!(service.never_ready);
        assert_eq!(service.requests.as_ref().unwrap().total, 1);
        assert_eq!((service.degraded, service.missing_replica), (Span::from_secs(9), Span::from_secs(9)));
        assert_eq!(summary.warnings, ["first", "web: its desired replicas were never all in rotation"]);
    }

    #[test]
    fn requests_are_measured_from_where_the_plan_says() {
        let plan = Plan { measure_from: Some(Time::from_millis(5_000)), ..plan() };
        let service = web(&plan, 10_000, |feed| {
            feed.spec(SpecCause::Create, 1, OLD).start(OLD);
            feed.at(9_000).request(request(0, 4_999, 5_500, Some(0), Ok)).request(request(
                0,
                5_000,
                5_001,
                Some(0),
                Ok,
            ));
        });
        assert_eq!(service.requests.unwrap().total, 1);
    }

    #[test]
    fn a_service_without_clients_has_no_requests_and_no_service_is_known_before_its_creation() {
        let summary = measured(&plan(), 1_000, |feed| {
            let db =
                Record::Spec { service: ServiceId(1), desired: 0, image: OLD, version: 0, cause: SpecCause::Create };
            feed.record(db).request(request(0, 10, 10, None, Refused));
        });
        assert!(summary.service("web").is_none());
        assert_eq!(summary.service("db").unwrap().requests, None);
        assert_eq!(summary.totals.requests, None);
    }

    #[test]
    fn the_error_budget_is_that_of_the_service() {
        let plan = Plan { slo: [Some(0.75), None].into_iter().collect(), ..plan() };
        let service = web(&plan, 1_000, |feed| {
            feed.spec(SpecCause::Create, 1, OLD).start(OLD);
            feed.at(500).request(request(0, 1, 2, Some(0), Ok)).request(request(0, 3, 4, Some(0), Reset));
        });
        // 1 failed, of 2 * 0.25 that may.
        assert_eq!(service.error_budget_used, Some(2.0));
    }

    #[test]
    fn start_first_has_a_task_more_at_its_peak() {
        let service = web(&plan(), 10_000, |feed| {
            feed.spec(SpecCause::Create, 2, OLD).start(OLD).start(OLD);
            feed.at(2_000).create(NEW).at(3_000).state(2, TaskState::Starting);
            feed.at(4_000).state(2, TaskState::Running).rotate(2, true).at(5_000).stop(0);
            // One that is up when it is deleted is no container any more.
            feed.at(6_000).remove_task(1).rotate(1, false).at(7_000).start(NEW).at(8_000).start(NEW);
        });
        assert_eq!(service.peak_tasks, 3);
    }

    #[test]
    fn totals_are_sums_over_the_services() {
        let summary = measured(&plan(), 10_000, |feed| {
            let db = |entered| Record::Rotation { task: TaskId(9), service: ServiceId(1), image: OLD, entered };
            feed.record(Record::Spec {
                service: ServiceId(1),
                desired: 1,
                image: OLD,
                version: 0,
                cause: SpecCause::Create,
            });
            feed.record(db(true)).spec(SpecCause::Create, 1, OLD).start(OLD);
            feed.at(2_000).record(db(false)).at(3_000).stop(0).at(4_000).record(db(true)).at(7_000).start(OLD);
            feed.request(request(0, 10, 20, Some(0), Ok));
        });
        let totals = &summary.totals;
        assert_eq!(totals.downtime.intervals, [[2_000, 4_000], [3_000, 7_000]].map(|i| i.map(Time::from_millis)));
        assert_eq!((totals.downtime.total, totals.downtime.longest), (Span::from_secs(6), Span::from_secs(4)));
        assert_eq!((totals.degraded, totals.missing_replica), (Span::from_secs(6), Span::from_secs(6)));
        assert_eq!(totals.requests, summary.service("web").unwrap().requests);
    }

    #[test]
    fn an_unfinished_update_is_a_warning() {
        let summary = measured(&plan(), 30_000, |feed| {
            feed.spec(SpecCause::Create, 1, OLD).start(OLD);
            feed.at(20_000).spec(SpecCause::Update, 1, NEW).status(UpdateState::Updating, UpdateMessage::InProgress);
        });
        let warning = "web: the update to app:2 that began at 20s is unfinished at the end of the run";
        assert_eq!(summary.warnings, ["first", warning]);
    }
}

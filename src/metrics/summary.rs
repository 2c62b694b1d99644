//! What a run comes to: the data of `summary.json`.
//!
//! Times and lengths are exact here; files carry them in milliseconds. Shares lie between 0 and 1, and a share of nothing is
//! `None`, never 0 or 1.

pub use super::node_log::{NodeLog, NodeStatus};
use crate::kernel::{Span, Time};
use crate::model::request::{Cause, RequestOutcome};
use crate::model::update::UpdateState;

/// Version of the layout of `summary.json`.
pub const SCHEMA_VERSION: u32 = 1;

/// What one run comes to.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Name of the scenario.
    pub scenario: String,
    /// Digest of the scenario as understood, without the seed.
    pub digest: String,
    /// Seed of all chance.
    pub seed: u64,
    /// Hash of the run's control-plane events.
    pub fingerprint: String,
    /// Last instant of the run.
    pub end: Time,
    /// What the reader should know: the scenario's warnings, then those of the run.
    pub warnings: Vec<String>,
    /// Commands that the managers refused, and faults that changed nothing.
    pub vain: Vec<Vain>,
    /// The services that were created, in the order of the plan.
    pub services: Vec<ServiceSummary>,
    /// All services together.
    pub totals: Totals,
    /// The nodes, in the order of the plan.
    pub nodes: Vec<NodeSummary>,
}

impl Summary {
    /// The service of this name, if it was created.
    pub fn service(&self, name: &str) -> Option<&ServiceSummary> {
        self.services.iter().find(|service| service.name == name)
    }
}

/// What a run comes to for one service.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceSummary {
    /// Its name.
    pub name: String,
    /// Start and end of what is measured. See [`super::downtime`].
    pub window: [Time; 2],
    /// Whether there was no instant at which all desired replicas were in rotation.
    pub never_ready: bool,
    /// Its requests; `None`: it has no clients.
    pub requests: Option<Requests>,
    /// Share of the window in which it was not down; `None`: the window has no length.
    pub uptime_share: Option<f64>,
    /// When it was down.
    pub downtime: Downtime,
    /// Time with fewer replicas in rotation than desired; what was down is part of it.
    pub degraded: Span,
    /// Sum over the window of the replicas that were desired and not in rotation, in replicas times time.
    pub missing_replica: Span,
    /// Most tasks observed as STARTING or RUNNING at once.
    pub peak_tasks: u32,
    /// Failed requests as a share of those that the objective allows to fail; above 1 it is missed. `None` without an objective
    /// or without requests.
    pub error_budget_used: Option<f64>,
    /// Every update status that was written, in order, of the whole run.
    pub update_status: Vec<StatusChange>,
    /// The update status at the end; `None`: there was none, or an update cleared it.
    pub final_update_status: Option<UpdateState>,
    /// Updates and manual rollbacks of the whole run, in order.
    pub updates: Vec<Update>,
}

/// What a run comes to for one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeSummary {
    /// Its name.
    pub name: String,
    /// From its last drain to the end of the last process on it; `None`: not drained, or not empty. See [`super::nodes`].
    pub empty: Option<Span>,
    /// What `docker node ls` said of it.
    pub log: NodeLog,
}

/// A command that came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vain {
    /// Its index in the plan.
    pub command: u32,
    /// When and what it was, and why.
    pub text: String,
}

/// The requests of a service that were sent within its window.
#[derive(Clone, Debug, PartialEq)]
pub struct Requests {
    /// All that have ended.
    pub total: u64,
    /// Those that were answered.
    pub ok: u64,
    /// Those that were not.
    pub failed: u64,
    /// `failed / total`.
    pub failed_share: Option<f64>,
    /// `ok / total`.
    pub availability: Option<f64>,
    /// Answers per second. See [`super::availability`].
    pub per_second: f64,
    /// How many ended in each way, by [`RequestOutcome::kind`].
    pub by_outcome: [u64; RequestOutcome::KINDS],
    /// How many failed for each reason, in the order of [`Cause::ALL`].
    pub by_cause: [u64; Cause::ALL.len()],
    /// How many were sent to tasks of each image, in the order of the plan, images that got none left out: their last attempt, if
    /// they were tried again. The `total` of a bad version is how many requests were exposed to it.
    pub by_version: Vec<VersionRequests>,
    /// Requests that had been sent and had not ended when the run ended. They are in no other number.
    pub unfinished: u64,
    /// Clients that sent any, in the order of the scenario.
    pub by_client: Vec<ClientRequests>,
    /// Latency of the answered requests; `None`: there are none.
    pub latency: Option<Latency>,
}

/// The requests that reached tasks of one image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionRequests {
    /// The image.
    pub image: String,
    /// All.
    pub total: u64,
    /// Those that were answered.
    pub ok: u64,
    /// Those that were not.
    pub failed: u64,
}

/// Requests that one client sent.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientRequests {
    /// Name of the client.
    pub client: String,
    /// All of them.
    pub total: u64,
    /// Those that failed.
    pub failed: u64,
    /// Answers per second of the client's own run, as `ab` prints it.
    pub per_second: f64,
}

/// Percentiles (nearest rank) of the time from sending to the answer, in whole microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latency {
    /// Median.
    pub p50: Span,
    /// 90th percentile.
    pub p90: Span,
    /// 99th percentile.
    pub p99: Span,
    /// 99.9th percentile.
    pub p99_9: Span,
    /// Longest.
    pub max: Span,
}

/// When a service was down.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Downtime {
    /// Sum of the intervals.
    pub total: Span,
    /// Longest of the intervals.
    pub longest: Span,
    /// Start and end of each, in order.
    pub intervals: Vec<[Time; 2]>,
}

impl Downtime {
    /// The downtime that these intervals make up. Their order does not matter.
    pub fn new(mut intervals: Vec<[Time; 2]>) -> Downtime {
        intervals.sort_unstable();
        let lengths = || intervals.iter().map(|[from, to]| *to - *from);
        let total = lengths().fold(Span::ZERO, |sum, length| sum + length);
        let longest = lengths().max().unwrap_or_default();
        Downtime { total, longest, intervals }
    }

    /// How often the service went down.
    pub fn count(&self) -> u64 {
        self.intervals.len() as u64
    }
}

/// An update status that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusChange {
    /// When.
    pub at: Time,
    /// The state.
    pub state: UpdateState,
    /// What Swarm says of it.
    pub message: String,
}

/// An update, or a rollback that the operator asked for. See [`super::updates`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    /// Which of the two.
    pub kind: UpdateKind,
    /// Image of the specification before.
    pub from: String,
    /// Image of the specification that the operator wrote.
    pub to: String,
    /// When the operator wrote it.
    pub start: Time,
    /// When a task created by it last reached RUNNING.
    pub last_running: Option<Time>,
    /// When `outcome` was settled; `None`: it is unfinished.
    pub end: Option<Time>,
    /// How it ended.
    pub outcome: UpdateOutcome,
    /// How long Swarm needed to see that it fails.
    pub detect: Option<Span>,
    /// How long it took from there to all desired replicas of one version in rotation.
    pub restore: Option<Span>,
}

impl Update {
    /// From the operator's command to the end, as Swarm counts: with the last watch for failures.
    pub fn duration(&self) -> Option<Span> {
        self.end.map(|end| end - self.start)
    }
}

/// Update, or rollback by the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateKind {
    /// An update.
    Update,
    /// A rollback by the operator.
    Rollback,
}

impl UpdateKind {
    /// Both.
    pub const ALL: [UpdateKind; 2] = [UpdateKind::Update, UpdateKind::Rollback];

    /// Name in files.
    pub const fn name(self) -> &'static str {
        match self {
            UpdateKind::Update => "update",
            UpdateKind::Rollback => "rollback",
        }
    }
}

/// How an update ended: its first status that does not move on by itself, after any automatic rollback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateOutcome {
    /// `completed`
    Completed,
    /// `paused`
    Paused,
    /// `rollback_completed`
    RollbackCompleted,
    /// `rollback_paused`
    RollbackPaused,
    /// The operator wrote another specification first.
    Superseded,
    /// The run ended or the service was removed first.
    Unfinished,
}

impl UpdateOutcome {
    /// All of them.
    pub const ALL: [UpdateOutcome; 6] = [
        UpdateOutcome::Completed,
        UpdateOutcome::Paused,
        UpdateOutcome::RollbackCompleted,
        UpdateOutcome::RollbackPaused,
        UpdateOutcome::Superseded,
        UpdateOutcome::Unfinished,
    ];

    /// Name in files.
    pub const fn name(self) -> &'static str {
        match self {
            UpdateOutcome::Completed => UpdateState::Completed.name(),
            UpdateOutcome::Paused => UpdateState::Paused.name(),
            UpdateOutcome::RollbackCompleted => UpdateState::RollbackCompleted.name(),
            UpdateOutcome::RollbackPaused => UpdateState::RollbackPaused.name(),
            UpdateOutcome::Superseded => "superseded",
            UpdateOutcome::Unfinished => "unfinished",
        }
    }
}

/// All services together: sums, where a sum makes sense. The order of the services does not matter.
#[derive(Clone, Debug, PartialEq)]
pub struct Totals {
    /// Their requests; `None`: there are no clients.
    pub requests: Option<Requests>,
    /// Their downtimes; intervals of different services may overlap and are summed all the same.
    pub downtime: Downtime,
    /// Sum of their times with fewer replicas in rotation than desired.
    pub degraded: Span,
    /// Sum of their missing replicas, in replicas times time.
    pub missing_replica: Span,
}

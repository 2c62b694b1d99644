//! How the containers of an image behave.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use super::ids::NodeId;
use super::service::HealthCheck;
use crate::kernel::{Dist, Span};

/// How the containers of an image behave. Agents read all of it but [`ImageBehavior::application`], which is for traffic.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageBehavior {
    /// Pull of the image by a node that does not have it yet, before the container is created.
    pub pull: Dist,
    /// PREPARING to READY, but for the pull: creation of the container.
    pub prepare: Dist,
    /// STARTING to the process being up.
    pub start: Dist,
    /// The process being up to its listening: until then connections are refused and probes of a health check fail.
    pub boot: Dist,
    /// What the process does at the stop signal; beyond the grace period SIGKILL ends it.
    pub stop: Stop,
    /// Exit code of a process that the stop signal ended. It counts when the container was stopped because it was unhealthy
    /// (data-plane rules 21, 25).
    pub stop_code: u8,
    /// What the image's HEALTHCHECK says; the service's own goes before it, field by field.
    pub healthcheck: Option<HealthCheck>,
    /// Duration of a probe that is answered.
    pub probe: Span,
    /// How it works on requests.
    pub application: Application,
    /// What becomes of a task that is struck (see `fail_share`).
    pub outcome: Outcome,
    /// Share of the tasks, 0 to 1, that `outcome` befalls; the others [`Outcome::Run`]. Drawn by image and ordinal.
    pub fail_share: f64,
    /// Nodes on which every task fails to start, whatever else is said.
    pub fails_on: BTreeSet<NodeId>,
    /// What single tasks do instead, by ordinal of the image's tasks, from 0.
    pub tasks: Arc<BTreeMap<u32, TaskOverride>>,
}

/// What a process does at the stop signal.
#[derive(Clone, Debug, PartialEq)]
pub enum Stop {
    /// It closes its port, works on for so long and exits; zero: at once.
    After(Dist),
    /// Nothing: it goes on as before until SIGKILL.
    Ignore,
}

/// How a container works on requests. Traffic reads it, and tells the agents when a container's [`Condition`] changes or its
/// process ends by what requests did to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Application {
    /// Work of one request.
    pub service_time: Dist,
    /// Requests that it works on at a time, at least 1.
    pub concurrency: u32,
    /// Requests that wait beside those worked on; one that finds no place is refused. `None`: as many as come.
    pub backlog: Option<u32>,
    /// Share of the requests, 0 to 1, that it answers with an error.
    pub error_share: f64,
    /// It answers so many requests; then it is [`Condition::Broken`] and answers all others with an error. `None`: never.
    pub breaks_after_requests: Option<u64>,
    /// Each request that it has answered makes those that begin later so much longer.
    pub leak: Span,
    /// Its process ends with [`KILLED_CODE`], for want of memory, when it would hold more requests than this, waiting ones
    /// included. `None`: never.
    pub crashes_above: Option<u32>,
}

impl Application {
    /// Whether requests can change what becomes of its containers: such an image sees another control plane where requests are
    /// not advanced one by one.
    pub fn reacts_to_requests(&self) -> bool {
        self.backlog.is_some() || self.breaks_after_requests.is_some() || self.crashes_above.is_some()
    }
}

/// Condition of a container whose process listens: what a probe of its health check meets. Traffic tells the agents when it
/// changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Probes succeed.
    Fine,
    /// Probes get an error as fast as they would succeed.
    Broken,
    /// The backlog is full: probes get no answer before their timeout.
    Overloaded,
}

/// What becomes of a task by itself.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Runs until it is stopped.
    Run,
    /// The image cannot be pulled: REJECTED at the end of `pull`, unless the node has it.
    FailPull,
    /// Fails while it prepares: REJECTED at the end of `prepare`.
    FailPrepare,
    /// Fails while it starts: FAILED at the end of `start`.
    FailStart,
    /// Exits by itself this long after its process was up, which without a health check is when it is RUNNING; code 0 is
    /// COMPLETE, any other FAILED.
    Exit {
        /// Process up to exit.
        after: Dist,
        /// Exit code.
        code: u8,
    },
}

/// What one task does instead of what its image says; `None` keeps the image's.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TaskOverride {
    /// What becomes of it, whatever `fail_share` says.
    pub outcome: Option<Outcome>,
    /// PREPARING to READY.
    pub prepare: Option<Span>,
    /// STARTING to the process being up.
    pub start: Option<Span>,
    /// The process being up to its listening.
    pub boot: Option<Span>,
    /// Stop signal to exit.
    pub stop: Option<Span>,
}

/// Exit code of a process that SIGKILL ended.
///
/// Source: data-plane rule 24.
pub const KILLED_CODE: u8 = 137;

/// Exit code of a process that SIGTERM ended.
///
/// Source: data-plane rule 24.
pub const TERMINATED_CODE: u8 = 143;

impl Default for Application {
    /// One request at a time, 10 ms each, for ever. `Assumed:` as for [`ImageBehavior`].
    fn default() -> Self {
        Application {
            service_time: Dist::Constant(Span::from_millis(10)),
            concurrency: 1,
            backlog: None,
            error_share: 0.0,
            breaks_after_requests: None,
            leak: Span::ZERO,
            crashes_above: None,
        }
    }
}

impl Default for ImageBehavior {
    /// An image of which the scenario says nothing. `Assumed:` values in the middle of what a small web service needs.
    fn default() -> Self {
        ImageBehavior {
            pull: Dist::Constant(Span::ZERO),
            prepare: Dist::Constant(Span::from_millis(1_000)),
            start: Dist::Constant(Span::from_millis(500)),
            boot: Dist::Constant(Span::ZERO),
            stop: Stop::After(Dist::Constant(Span::from_millis(100))),
            stop_code: TERMINATED_CODE,
            healthcheck: None,
            probe: Span::ZERO,
            application: Application::default(),
            outcome: Outcome::Run,
            fail_share: 1.0,
            fails_on: BTreeSet::new(),
            tasks: Arc::default(),
        }
    }
}

/// The times: `prepare 1s, start 500ms, stop 100ms, service_time 10ms`.
impl fmt::Display for ImageBehavior {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ImageBehavior { prepare, start, stop, application: Application { service_time, .. }, .. } = self;
        write!(f, "prepare {prepare}, start {start}, stop {stop}, service_time {service_time}")
    }
}

/// `100ms`, `ignore`
impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stop::After(dist) => dist.fmt(f),
            Stop::Ignore => f.write_str("ignore"),
        }
    }
}

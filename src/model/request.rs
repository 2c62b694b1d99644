//! One request of a client.

use super::ids::{ClientId, ImageId, ServiceId, TaskId};
use crate::kernel::{Span, Time};

/// One request that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Who sent it.
    pub client: ClientId,
    /// To whom.
    pub service: ServiceId,
    /// Which task it was sent to last, and its image; `None`: to nobody.
    pub task: Option<(TaskId, ImageId)>,
    /// When it was sent first.
    pub sent: Time,
    /// When it ended for its client.
    pub ended: Time,
    /// What became of it.
    pub outcome: RequestOutcome,
}

impl Request {
    /// From the first sending to the end.
    pub fn latency(&self) -> Span {
        self.ended - self.sent
    }
}

/// Requests of one client that have ended alike, counted and not told one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Who sent them.
    pub client: ClientId,
    /// To whom.
    pub service: ServiceId,
    /// Image of the tasks that they were sent to last; `None`: to nobody.
    pub image: Option<ImageId>,
    /// What became of them.
    pub outcome: RequestOutcome,
    /// How many, at least one.
    pub count: u64,
    /// They were sent first at this instant or later.
    pub sent: Time,
    /// They had ended by then.
    pub ended: Time,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestOutcome {
    /// Answered.
    Ok,
    /// Not answered as it should be.
    Failed(Failure, Cause),
}

impl RequestOutcome {
    /// Number of kinds.
    pub const KINDS: usize = 1 + Failure::ALL.len();

    /// Names of the kinds in files, in the order of their numbers.
    pub fn names() -> impl Iterator<Item = &'static str> {
        [RequestOutcome::Ok.name()].into_iter().chain(Failure::ALL.map(Failure::name))
    }

    /// Number of the kind.
    pub const fn kind(self) -> usize {
        match self {
            RequestOutcome::Ok => 0,
            RequestOutcome::Failed(failure, _) => 1 + failure as usize,
        }
    }

    /// Name of the kind in files.
    pub const fn name(self) -> &'static str {
        match self {
            RequestOutcome::Ok => "ok",
            RequestOutcome::Failed(failure, _) => failure.name(),
        }
    }
}

/// What a client sees of a request that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Failure {
    /// Answered with an error.
    HttpError,
    /// The connection was refused.
    Refused,
    /// The connection broke before the answer came.
    Reset,
    /// The client waited long enough.
    Timeout,
    /// There was nowhere to connect to: the name has no address, or the external load balancer no node.
    NoBackend,
}

impl Failure {
    /// All of them, in the order of their numbers.
    pub const ALL: [Failure; 5] =
        [Failure::HttpError, Failure::Refused, Failure::Reset, Failure::Timeout, Failure::NoBackend];

    /// Name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Failure::HttpError => "http-error",
            Failure::Refused => "refused",
            Failure::Reset => "reset",
            Failure::Timeout => "timeout",
            Failure::NoBackend => "no-backend",
        }
    }
}

/// Why a request failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Cause {
    /// No task was in rotation.
    NoTask,
    /// The task did not listen yet.
    Booting,
    /// The task had got its stop signal: it refused the connection, or exited before it answered.
    Stopping,
    /// The task was killed in the middle of it, or was dead already.
    Killed,
    /// A node is gone: that of the task, or the one where the connection enters.
    NodeLost,
    /// The load balancer still sent it to a task that was gone.
    StaleEntry,
    /// The task had too much to do.
    Overload,
    /// The application itself: it answered with an error, or was too slow.
    Application,
}

impl Cause {
    /// All of them, in the order of their numbers.
    pub const ALL: [Cause; 8] = [
        Cause::NoTask,
        Cause::Booting,
        Cause::Stopping,
        Cause::Killed,
        Cause::NodeLost,
        Cause::StaleEntry,
        Cause::Overload,
        Cause::Application,
    ];

    /// Name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Cause::NoTask => "no-task",
            Cause::Booting => "booting",
            Cause::Stopping => "stopping",
            Cause::Killed => "killed",
            Cause::NodeLost => "node-lost",
            Cause::StaleEntry => "stale-entry",
            Cause::Overload => "overload",
            Cause::Application => "application",
        }
    }
}

/// Where a connection goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// To this task.
    Task(TaskId),
    /// Nowhere: there is no backend that gets connections. A name has no address.
    Nobody,
    /// The node refuses it: its daemon is shut down.
    Refused,
    /// The node does not answer.
    Silence,
}

/// What a load balancer does with a task from now on, in IPVS's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// It gets connections in its turn.
    One,
    /// It gets no more connections; those that it has go on.
    Zero,
    /// It is forgotten, with the connections that it has.
    Gone,
}

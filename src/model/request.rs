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
    /// Which task got it, and its image; `None` when it was refused.
    pub task: Option<(TaskId, ImageId)>,
    /// When it was sent.
    pub sent: Time,
    /// When it ended: answer, refusal or reset.
    pub ended: Time,
    /// What became of it.
    pub outcome: RequestOutcome,
}

impl Request {
    /// From sending to the end.
    pub fn latency(&self) -> Span {
        self.ended - self.sent
    }
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum RequestOutcome {
    /// Answered.
    Ok,
    /// Sent with no task in rotation.
    Refused,
    /// Unfinished when the process of its task ended.
    Reset,
}

impl RequestOutcome {
    /// All outcomes, in the order of their numbers.
    pub const ALL: [RequestOutcome; 3] = [RequestOutcome::Ok, RequestOutcome::Refused, RequestOutcome::Reset];

    /// Name in files.
    pub const fn name(self) -> &'static str {
        match self {
            RequestOutcome::Ok => "ok",
            RequestOutcome::Refused => "refused",
            RequestOutcome::Reset => "reset",
        }
    }
}

//! Clients: who sends requests to a service.

use super::ids::ServiceId;
use crate::kernel::{Dist, Span, Time};

/// Somebody who sends requests to a service.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientSpec {
    /// Name in the scenario.
    pub name: String,
    /// Whom it calls.
    pub service: ServiceId,
    /// First instant at which it may send.
    pub from: Time,
    /// It sends nothing from this instant on.
    pub until: Time,
    /// When it sends.
    pub load: Load,
}

/// When a client sends.
#[derive(Clone, Debug, PartialEq)]
pub enum Load {
    /// Whatever becomes of the requests.
    Open {
        /// Gap between two requests: constant (`arrivals: constant`) or exponential (`poisson`). Never always zero.
        gap: Dist,
    },
    /// Users who wait for the answer before they send again.
    Closed {
        /// Number of users, at least 1.
        concurrency: u32,
        /// It ends after this many requests.
        requests: Option<u64>,
        /// Pause of a user between an answer and the next request.
        think: Dist,
        /// What the client's single thread spends on each request, before it is sent.
        client_time: Span,
    },
}

//! Clients: who sends requests to a service, and how.

use super::ids::{NodeId, ServiceId};
use crate::kernel::{Curve, Dist, Span, Time};

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
    /// How it reaches the service, and how long it waits.
    pub connect: Connect,
}

/// How exactly requests are advanced. Containers of images that do not react to requests see the same control plane in each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Grade {
    /// Every request by itself.
    #[default]
    Exact,
    /// The requests of an interval are counted, and the counts drawn.
    Aggregate,
    /// Counts are what is to be expected: nothing is drawn.
    Expected,
}

/// When a client sends.
#[derive(Clone, Debug, PartialEq)]
pub enum Load {
    /// Whatever becomes of the requests.
    Open {
        /// Gap between two requests: constant (`arrivals: constant`) or exponential (`poisson`). Never always zero.
        gap: Dist,
    },
    /// Likewise, as often as a rate says that changes over time.
    Varying {
        /// Requests a second, from `from` on.
        rate: Curve,
        /// Whether they come by chance as in a Poisson process; else evenly.
        is_poisson: bool,
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

/// How a client reaches a service.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Connect {
    /// What stands between the client and the tasks.
    pub access: Access,
    /// Nodes whose load balancer its connections enter; without any, and always for [`Access::Direct`], one that knows of every
    /// change at once.
    pub nodes: Vec<NodeId>,
    /// Which of the nodes a connection enters.
    pub choice: Choice,
    /// What stands before the nodes or tasks; `None`: the client chooses.
    pub balancer: Option<Balancer>,
    /// How long it waits for a connection; `None`: as long as the kernel.
    pub connect_timeout: Option<Span>,
    /// How long it waits for the answer, from the moment when it has sent the request; `None`: for ever.
    pub request_timeout: Option<Span>,
    /// How often it tries again what failed.
    pub retries: u32,
    /// Pause before it tries again; it doubles with each time.
    pub backoff: Span,
    /// Whether each user of a closed loop keeps its connection for the next request.
    pub keep_alive: bool,
    /// Whether it keeps the address that a name resolved to, for the time that the answer says.
    pub dns_cache: bool,
}

impl ClientSpec {
    /// Whether its requests can be told in bulk: what it sends does not hang on what became of single requests before.
    pub fn is_told_in_bulk(&self) -> bool {
        !matches!(self.load, Load::Closed { .. }) && !self.connect.dns_cache && self.connect.balancer.is_none()
    }
}

/// An external load balancer: a proxy that is no part of the cluster, and sends each request to the next of its backends that it
/// thinks well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balancer {
    /// How often it asks for the addresses of the tasks, which are its backends; `None`: its backends are [`Connect::nodes`].
    pub refresh: Option<Span>,
    /// How it checks its backends; `None`: it thinks all of them well.
    pub check: Option<BackendCheck>,
}

/// How an external load balancer checks a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackendCheck {
    /// From the begin of a check to that of the next; more than nothing.
    pub interval: Span,
    /// How long a check waits for its answer; not above `interval`.
    pub timeout: Span,
    /// Checks that must succeed on end before a backend gets requests again; at least 1.
    pub rise: u32,
    /// Checks that must fail on end before it gets none; at least 1.
    pub fall: u32,
}

/// What stands between a client and the tasks of a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// A load balancer that knows of every change at once: for a service without ports and networks.
    #[default]
    Direct,
    /// The routing mesh by a port published in ingress mode, or the virtual IP of an overlay network.
    Vip,
    /// The addresses of the tasks on an overlay network, by the service's name.
    DnsRoundRobin,
    /// A port of the node itself, published in host mode.
    HostPort,
}

/// Which of several nodes a connection enters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// One after the other.
    #[default]
    RoundRobin,
    /// Any.
    Random,
}

//! How long Swarm's own machinery takes: the one table of latencies.

use crate::kernel::Span;

/// Delays of manager, dispatcher, agent and network that are not properties of an image or a configuration.
///
/// The delays of the manager's own components (scheduler, reaper) are constants beside those components: they are there in
/// every grade of latency, and in the conformance cases too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latencies {
    /// `assignment_batch`: quiet time after the last change for a node before its assignments are sent.
    ///
    /// Source: manager/dispatcher/dispatcher.go `batchingWaitTime` (control-plane N14).
    pub assignment_batch: Span,
    /// `status_batch`: interval in which the dispatcher writes what agents report.
    ///
    /// Source: manager/dispatcher/dispatcher.go `maxBatchInterval` (control-plane N10).
    pub status_batch: Span,
    /// `agent_retry`: pause of the agent after a step that an assignment cancelled.
    ///
    /// Source: agent/task.go `run` (control-plane W6).
    pub agent_retry: Span,
    /// `load_balancer_settle`: time between leaving rotation and the stop signal, for services with a network or ingress port.
    ///
    /// Source: moby: daemon/cluster/executor/container/controller.go `defaultGossipConvergeDelay` (control-plane W13).
    pub load_balancer_settle: Span,
    /// `sandbox_teardown`: time from the end of a process that ends by itself to the removal of its network sandbox, which is when
    /// the agent notices. `Assumed:` 30 ms; Docker waits for the process's output, up to 2 s. Agents of a 20.10 engine on a busy
    /// machine reported processes that exit at once 112 ms after RUNNING in the median.
    ///
    /// Source: moby: daemon/monitor.go `handleContainerExit` (data-plane rule 28).
    pub sandbox_teardown: Span,
    /// `daemon_start`: time from a machine's getting power to its Docker being up. `Assumed:` 1.5 s; 1.3 to 1.6 s were recorded on
    /// a 20.10 engine.
    pub daemon_start: Span,
    /// `heartbeat_period`: mean of the period in which agents say that they are there; zero: a node that fails is DOWN at once.
    ///
    /// Source: manager/dispatcher/dispatcher.go `DefaultHeartBeatPeriod` (control-plane N1).
    pub heartbeat_period: Span,
    /// `gossip_interval`: longest time that news of a backend take from a node to the next; zero: all know at once.
    ///
    /// Source: memberlist config.go `GossipInterval` (data-plane rule 70).
    pub gossip_interval: Span,
    /// `gossip_probe_interval`: how often a node probes another one; suspicion is counted in it. Zero: a node that is gone is
    /// missed at once.
    ///
    /// Source: memberlist config.go `ProbeInterval` (data-plane rule 75).
    pub gossip_probe_interval: Span,
}

impl Latencies {
    /// As the references state them.
    pub const SWARM: Latencies = Latencies {
        assignment_batch: Span::from_millis(100),
        status_batch: Span::from_millis(100),
        agent_retry: Span::from_secs(1),
        load_balancer_settle: Span::from_secs(2),
        sandbox_teardown: Span::from_millis(30),
        daemon_start: Span::from_millis(1_500),
        heartbeat_period: Span::from_secs(5),
        gossip_interval: Span::from_millis(200),
        gossip_probe_interval: Span::from_secs(1),
    };

    /// None at all, as in the conformance cases.
    pub const NONE: Latencies = Latencies {
        assignment_batch: Span::ZERO,
        status_batch: Span::ZERO,
        agent_retry: Span::ZERO,
        load_balancer_settle: Span::ZERO,
        sandbox_teardown: Span::ZERO,
        daemon_start: Span::ZERO,
        heartbeat_period: Span::ZERO,
        gossip_interval: Span::ZERO,
        gossip_probe_interval: Span::ZERO,
    };
}

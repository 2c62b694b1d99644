//! The plan of a run: everything that a scenario says, with dense ids instead of names.

use crate::kernel::{IdVec, Span, Time};
use crate::model::client::ClientSpec;
use crate::model::command::Command;
use crate::model::engine::Engine;
use crate::model::image::ImageBehavior;
use crate::model::latencies::Latencies;
use crate::model::node::NodeSpec;
use crate::model::{ClientId, ImageId, NodeId, ServiceId};

/// All that a run needs to know. Two equal plans give the same bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Name of the scenario.
    pub name: String,
    /// Seed of all chance.
    pub seed: u64,
    /// When the run ends.
    pub end: End,
    /// Nodes. The first that is a manager leads at the start. Without managers the cluster is led from outside, until
    /// [`Fault::LeaderLost`].
    ///
    /// [`Fault::LeaderLost`]: crate::model::command::Fault::LeaderLost
    pub nodes: IdVec<NodeId, Node>,
    /// Images.
    pub images: IdVec<ImageId, Image>,
    /// Names of the services; they exist from their [`Command::ServiceCreate`] on. A name stands once.
    pub services: IdVec<ServiceId, String>,
    /// Clients.
    pub clients: IdVec<ClientId, ClientSpec>,
    /// Commands of the operator, sorted by time; those of one instant in order. The scenario's own services are created by the
    /// first commands, at 0.
    pub commands: Vec<TimedCommand>,
    /// Which Docker Engine the nodes run.
    pub engine: Engine,
    /// Latencies of Swarm's machinery.
    pub latencies: Latencies,
    /// How what Swarm leaves to chance is decided.
    pub ties: TieOrder,
    /// Tasks kept per slot, the current one included; `None`: all.
    pub task_history_limit: Option<u32>,
    /// When the windows of measurement begin; `None`: when all desired replicas of a service are in rotation.
    pub measure_from: Option<Time>,
    /// Share of its requests that a service promises to answer, from 0 to below 1; `None`: no such objective.
    pub slo: IdVec<ServiceId, Option<f64>>,
}

/// How what Swarm leaves to chance is decided (control-plane section 18).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TieOrder {
    /// One documented way.
    #[default]
    Fixed,
    /// Drawn from the seed.
    Shuffled,
}

/// When a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// At this instant, what happens at it included.
    At(Time),
    /// When nothing was pending for `quiet`, at most at `limit`.
    WhenQuiet {
        /// How long nothing may be pending.
        quiet: Span,
        /// Latest end.
        limit: Time,
    },
}

/// A node of the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its name, which is its hostname too.
    pub name: String,
    /// Its specification at the start.
    pub spec: NodeSpec,
    /// Whether it is a member of the cluster at the start; else it joins with its first [`Fault::NodeStart`].
    ///
    /// [`Fault::NodeStart`]: crate::model::command::Fault::NodeStart
    pub is_member: bool,
    /// How much later than others it hears of other nodes' backends.
    pub staleness: Span,
}

/// An image of the plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    /// Its reference, as written.
    pub name: String,
    /// How its containers behave.
    pub behavior: ImageBehavior,
}

/// A command of the operator and when it comes.
#[derive(Clone, Debug, PartialEq)]
pub struct TimedCommand {
    /// When.
    pub at: Time,
    /// The line as the operator wrote it, for the story; empty for the scenario's own services.
    pub line: String,
    /// What. A line may be several commands (`docker service scale a=1 b=2`); then each has the line.
    pub command: Command,
}

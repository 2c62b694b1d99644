//! How the containers of an image behave.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::ids::NodeId;
use crate::kernel::{Dist, Span};

/// How the containers of an image behave.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageBehavior {
    /// PREPARING to READY: pull and creation of the container.
    pub prepare: Dist,
    /// STARTING to the process being up.
    pub start: Dist,
    /// Stop signal to the exit of the process; beyond the grace period SIGKILL ends it.
    pub stop: Dist,
    /// Work of one request.
    pub service_time: Dist,
    /// What becomes of a task that is struck (see `fail_share`).
    pub outcome: Outcome,
    /// Share of the tasks, 0 to 1, that `outcome` befalls; the others [`Outcome::Run`]. Drawn by image and ordinal.
    pub fail_share: f64,
    /// Nodes on which every task fails to start, whatever else is said.
    pub fails_on: BTreeSet<NodeId>,
    /// What single tasks do instead, by ordinal of the image's tasks, from 0.
    pub tasks: BTreeMap<u32, TaskOverride>,
}

/// What becomes of a task by itself.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Runs until it is stopped.
    Run,
    /// Fails while it prepares: REJECTED at the end of `prepare`.
    FailPrepare,
    /// Fails while it starts: FAILED at the end of `start`.
    FailStart,
    /// Exits by itself this long after it reached RUNNING; code 0 is COMPLETE, any other FAILED.
    Exit {
        /// RUNNING to exit.
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
    /// Stop signal to exit.
    pub stop: Option<Span>,
}

impl Default for ImageBehavior {
    /// An image of which the scenario says nothing. `Assumed:` values in the middle of what a small web service needs.
    fn default() -> Self {
        ImageBehavior {
            prepare: Dist::Constant(Span::from_millis(1_000)),
            start: Dist::Constant(Span::from_millis(500)),
            stop: Dist::Constant(Span::from_millis(100)),
            service_time: Dist::Constant(Span::from_millis(10)),
            outcome: Outcome::Run,
            fail_share: 1.0,
            fails_on: BTreeSet::new(),
            tasks: BTreeMap::new(),
        }
    }
}

/// The times: `prepare 1s, start 500ms, stop 100ms, service_time 10ms`.
impl fmt::Display for ImageBehavior {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ImageBehavior { prepare, start, stop, service_time, .. } = self;
        write!(f, "prepare {prepare}, start {start}, stop {stop}, service_time {service_time}")
    }
}

//! The agents: one on each node, with the containers of its tasks.
//!
//! An agent knows only what it was sent. Each task has at most one step under way; a change of what is desired cancels it, and
//! the next step comes after the agent's retry pause.
//!
//! Source: agent/exec/controller.go, agent/task.go, moby: daemon/cluster/executor/container/controller.go
//! (control-plane section 15, data-plane section a). Health checks, pulls that are shared or cached, and lost nodes are not
//! modelled yet.

mod container;

use container::Container;

use crate::kernel::{IdVec, Streams, Time};
use crate::model::image::ImageBehavior;
use crate::model::latencies::Latencies;
use crate::model::task::TaskState;
use crate::model::wire::Report;
use crate::model::{ImageId, TaskId};

pub use container::TaskSetup;

/// A timer of an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    /// The step under way ends, or the retry pause.
    Step {
        /// The task.
        task: TaskId,
        /// Which step; one that was cancelled is told apart by it.
        epoch: u32,
    },
    /// The process ends by itself.
    Exit {
        /// The task.
        task: TaskId,
    },
}

/// What an agent does to the world outside of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The load balancer gets a backend.
    EnterRotation(TaskId),
    /// The load balancer sends it nothing more.
    LeaveRotation(TaskId),
    /// The process is gone, with all that it was working on.
    ProcessEnded(TaskId),
}

/// What the agents want done after they have acted.
#[derive(Debug, Default)]
pub struct Outbox {
    /// Timers to set.
    pub timers: Vec<(Time, Timer)>,
    /// What the managers are to be told.
    pub reports: Vec<Report>,
    /// What happened to containers, in order.
    pub effects: Vec<Effect>,
    /// Tasks whose next step takes no time, in order of notice.
    steps: Vec<TaskId>,
}

impl Outbox {
    /// Whether a task has a step to make that takes no time.
    pub fn has_steps(&self) -> bool {
        !self.steps.is_empty()
    }
}

/// All agents of the cluster. Their containers lie side by side, by task; none looks at another's.
#[derive(Debug)]
pub struct Agents {
    latencies: Latencies,
    images: IdVec<ImageId, ImageBehavior>,
    streams: Streams,
    containers: IdVec<TaskId, Option<Container>>,
    stepping: Vec<TaskId>,
}

impl Agents {
    /// Agents without tasks.
    pub fn new(images: IdVec<ImageId, ImageBehavior>, latencies: Latencies, streams: Streams) -> Agents {
        Agents { latencies, images, streams, containers: IdVec::new(), stepping: Vec::new() }
    }

    /// An assignment arrives: what is desired of a task. A task that is new to the agent is set up as `setup` says.
    pub fn assign(&mut self, now: Time, task: TaskId, desired: TaskState, setup: TaskSetup, out: &mut Outbox) {
        match self.containers.entry(task, None) {
            Some(container) => container.desire(now, desired, &self.latencies, out),
            entry @ None => {
                *entry = Some(Container::new(task, desired, setup, &self.images[setup.image], &self.streams));
                out.steps.push(task);
            }
        }
    }

    /// A task was deleted: its container, if there is one, is to go.
    pub fn remove(&mut self, now: Time, task: TaskId, out: &mut Outbox) {
        if let Some(Some(container)) = self.containers.get_mut(task) {
            container.desire(now, TaskState::Remove, &self.latencies, out);
        }
    }

    /// Makes one step of every task whose next step takes no time.
    pub fn step(&mut self, now: Time, out: &mut Outbox) {
        std::mem::swap(&mut out.steps, &mut self.stepping);
        for task in self.stepping.drain(..) {
            if let Some(container) = &mut self.containers[task] {
                container.advance(now, &self.latencies, out);
            }
        }
    }

    /// A timer is due.
    pub fn timer(&mut self, now: Time, timer: Timer, out: &mut Outbox) {
        let (Timer::Step { task, .. } | Timer::Exit { task }) = timer;
        let Some(container) = &mut self.containers[task] else { return };
        match timer {
            Timer::Step { epoch, .. } => container.end_step(now, epoch, &self.latencies, out),
            Timer::Exit { .. } => container.exit(out),
        }
    }
}

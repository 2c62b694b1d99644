//! The agents: one on each node, with the containers of its tasks.
//!
//! An agent knows only what it was sent. Each task has at most one step under way; a change of what is desired cancels it, and
//! the next step comes after the agent's retry pause.
//!
//! Source: agent/exec/controller.go, agent/task.go, moby: daemon/cluster/executor/container/controller.go
//! (control-plane section 15, data-plane sections a and b).

mod container;
mod health;
mod life;
mod pull;
pub mod session;
#[cfg(test)]
mod tests;

use container::{Container, Cx};
use life::Life;
use pull::Pulls;

use crate::kernel::{IdVec, Streams, Time};
use crate::model::engine::Engine;
use crate::model::image::{Condition, ImageBehavior, KILLED_CODE};
use crate::model::latencies::Latencies;
use crate::model::task::TaskState;
use crate::model::wire::Report;
use crate::model::{ImageId, NodeId, TaskId};

pub use life::TaskSetup;

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
    /// The probe ends that changes the health of the container.
    Probe {
        /// The task.
        task: TaskId,
        /// Which probe; one that was overtaken is told apart by it.
        epoch: u32,
    },
    /// Something happens to the process.
    Process {
        /// The task.
        task: TaskId,
        /// What.
        event: ProcessEvent,
    },
}

/// What happens to a process in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessEvent {
    /// It listens from now on.
    Boot,
    /// It ends by itself.
    Exit,
    /// It gets its stop signal because it is unhealthy.
    Signal,
    /// It ends after the stop signal.
    End,
    /// It has ended by itself, and its sandbox is removed.
    Removal,
}

impl Timer {
    fn task(self) -> TaskId {
        let (Timer::Step { task, .. } | Timer::Probe { task, .. } | Timer::Process { task, .. }) = self;
        task
    }
}

/// What an agent does to the world outside of it, as it is on the task's own node; others learn of it later, if at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The process has booted: it accepts connections. Before, they are refused.
    Listening(TaskId),
    /// The service binding is enabled: load balancers get a backend (data-plane rule 63). A task without a binding: its process
    /// is up.
    Activated(TaskId),
    /// The service binding is disabled: load balancers give the backend the weight 0 (data-plane rule 64). A task that is not
    /// activated has no binding to disable.
    Disabled(TaskId),
    /// The process heeds the stop signal: it accepts no connection any more, and works on until it ends.
    Draining(TaskId),
    /// The process is gone: what it was working on is cut off, and connections are refused.
    ProcessEnded(TaskId, Ending),
    /// The network sandbox is gone: load balancers lose the backend, whatever its weight (data-plane rules 65, 66). It follows
    /// every [`Effect::ProcessEnded`].
    SandboxRemoved(TaskId),
    /// The process and its node are gone without a word: load balancers elsewhere keep the backend until they miss the node
    /// (data-plane rule 67). Nothing else follows for this process.
    PowerLost(TaskId),
}

/// What ended a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It exited by itself, or was never up.
    Itself,
    /// It heeded the stop signal.
    Stopped,
    /// SIGKILL, at the end of the grace period or of its daemon (data-plane rule 35).
    Killed,
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

/// Whether a node has power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    /// Its agent does nothing, and hears and says nothing.
    Off,
    /// It runs.
    On,
}

/// All agents of the cluster. Their containers lie side by side, by task; none looks at another's.
#[derive(Debug)]
pub struct Agents {
    latencies: Latencies,
    engine: Engine,
    images: IdVec<ImageId, ImageBehavior>,
    streams: Streams,
    pulls: Pulls,
    containers: IdVec<TaskId, Option<Container>>,
    /// Tasks that the agent of each node has had, in order of creation.
    of_nodes: IdVec<NodeId, Vec<TaskId>>,
    power: IdVec<NodeId, Power>,
    stepping: Vec<TaskId>,
}

impl Agents {
    /// Agents without tasks and images.
    pub fn new(
        power: IdVec<NodeId, Power>,
        images: IdVec<ImageId, ImageBehavior>,
        engine: Engine,
        latencies: Latencies,
        streams: Streams,
    ) -> Agents {
        let durations = images.values().map(|image| image.pull.clone()).collect();
        let pulls = Pulls::new(durations, power.len(), streams.clone());
        let of_nodes = IdVec::filled(power.len(), Vec::new());
        let (containers, stepping) = (IdVec::new(), Vec::new());
        Agents { latencies, engine, images, streams, pulls, containers, of_nodes, power, stepping }
    }

    /// Whether the node has power.
    pub fn power(&self, node: NodeId) -> Power {
        self.power[node]
    }

    /// A node gets power: its agent looks after the containers that it remembers, in its next step. What it hears before that it
    /// takes into account.
    pub fn power_on(&mut self, node: NodeId, out: &mut Outbox) {
        if std::mem::replace(&mut self.power[node], Power::On) == Power::Off {
            let own = self.of_nodes[node].iter().filter(|task| self.containers[**task].is_some());
            out.steps.extend(own);
        }
    }

    /// A node loses its power, and its containers with it.
    pub fn power_off(&mut self, now: Time, node: NodeId, out: &mut Outbox) {
        self.power[node] = Power::Off;
        self.pulls.interrupt(now, node);
        for task in &self.of_nodes[node] {
            self.containers[*task].iter_mut().for_each(|container| container.lose_power(out));
        }
    }

    /// The daemon of a node is shut down: its agent goes first, then its containers stop.
    ///
    /// Source: moby: daemon/command/daemon.go, which cleans up the cluster before it shuts the daemon down (data-plane rule 78).
    pub fn shut_down(&mut self, now: Time, node: NodeId, out: &mut Outbox) {
        if std::mem::replace(&mut self.power[node], Power::Off) == Power::On {
            self.pulls.interrupt(now, node);
            let mut cx = Cx { now, latencies: &self.latencies, pulls: &mut self.pulls, out };
            for task in &self.of_nodes[node] {
                self.containers[*task].iter_mut().for_each(|container| container.stop_with_daemon(&mut cx));
            }
        }
    }

    /// All agents report what they last did, as they do in every new session (control-plane W18).
    pub fn report_all(&self, out: &mut Outbox) {
        let running = self.containers.values().flatten().filter(|container| self.power[container.node()] == Power::On);
        running.for_each(|container| container.report_again(out));
    }

    /// The agent of one node does.
    pub fn report_node(&self, node: NodeId, out: &mut Outbox) {
        let own = self.of_nodes[node].iter().filter_map(|task| self.containers[*task].as_ref());
        own.for_each(|container| container.report_again(out));
    }

    /// An assignment arrives: what is desired of a task. A task that is new to the agent is set up as `setup` says.
    pub fn assign(&mut self, now: Time, task: TaskId, desired: TaskState, setup: &TaskSetup<'_>, out: &mut Outbox) {
        if self.power[setup.node] == Power::Off {
            return;
        }
        match self.containers.entry(task, None) {
            Some(container) => {
                let mut cx = Cx { now, latencies: &self.latencies, pulls: &mut self.pulls, out };
                container.desire(desired, &mut cx);
            }
            entry @ None => {
                let life = Life::draw(setup, &self.images[setup.image], self.engine, &self.streams);
                *entry = Some(Container::new(task, desired, setup, life));
                if let Err(place) = self.of_nodes[setup.node].binary_search(&task) {
                    self.of_nodes[setup.node].insert(place, task);
                }
                out.steps.push(task);
            }
        }
    }

    /// A task was deleted: its container, if there is one, is to go.
    pub fn remove(&mut self, now: Time, task: TaskId, out: &mut Outbox) {
        let is_on = |container: &Container| self.power[container.node()] == Power::On;
        if self.containers.get(task).is_some_and(|slot| slot.as_ref().is_some_and(is_on))
            && self.act(now, task, out, Container::remove) == Some(true)
        {
            self.containers[task] = None;
        }
    }

    /// Makes one step of every task whose next step takes no time.
    pub fn step(&mut self, now: Time, out: &mut Outbox) {
        std::mem::swap(&mut out.steps, &mut self.stepping);
        let mut cx = Cx { now, latencies: &self.latencies, pulls: &mut self.pulls, out };
        for task in self.stepping.drain(..) {
            if let Some(container) = &mut self.containers[task]
                && self.power[container.node()] == Power::On
            {
                container.advance(&mut cx);
            }
        }
    }

    /// The condition of a task's container has changed, by what requests did to it: its health check, if it has one, will notice.
    pub fn condition_changed(&mut self, now: Time, task: TaskId, condition: Condition, out: &mut Outbox) {
        self.act(now, task, out, |container, cx| container.change_condition(condition, cx));
    }

    /// What requests did to a task makes its process end by itself, if it has one.
    pub fn crash(&mut self, now: Time, task: TaskId, out: &mut Outbox) {
        self.act(now, task, out, |container, cx| container.exit(KILLED_CODE, cx));
    }

    /// Whether anything still waits for a timer.
    pub fn awaits(&self, timer: Timer) -> bool {
        matches!(self.containers.get(timer.task()), Some(Some(container)) if container.awaits(timer))
    }

    /// A timer is due.
    pub fn timer(&mut self, now: Time, timer: Timer, out: &mut Outbox) {
        self.act(now, timer.task(), out, |container, cx| match timer {
            Timer::Step { epoch, .. } => container.end_step(epoch, cx),
            Timer::Probe { epoch, .. } => container.end_probe(epoch, cx),
            Timer::Process { event, .. } => container.process_event(event, cx),
        });
    }

    /// Lets the container of a task act, if there is one.
    fn act<T>(
        &mut self,
        now: Time,
        task: TaskId,
        out: &mut Outbox,
        act: impl FnOnce(&mut Container, &mut Cx<'_>) -> T,
    ) -> Option<T> {
        let mut cx = Cx { now, latencies: &self.latencies, pulls: &mut self.pulls, out };
        let container = self.containers.get_mut(task)?.as_mut()?;
        Some(act(container, &mut cx))
    }
}

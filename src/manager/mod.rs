//! The managers: Swarm's control plane, after github.com/moby/swarmkit at commit 3e72cb64.
//!
//! [`store`] holds the objects; [`controlapi`] is where operators come in; [`orchestrator`] decides on tasks; [`allocator`] and
//! [`scheduler`] bring them to nodes; [`dispatcher`] speaks with the agents. Paths mirror swarmkit's: `orchestrator::update` is
//! manager/orchestrator/update/.
//!
//! All of them watch the store. Swarm runs them as goroutines that see a transaction in any order (control-plane X12); here
//! they see it in the order of `Leader::on_transaction`, one transaction at a time, until nothing is left to say. Only then
//! the clock moves.

pub mod allocator;
pub mod constraint;
pub mod controlapi;
pub mod dispatcher;
pub mod orchestrator;
pub mod scheduler;
pub mod store;

use allocator::Allocator;
use dispatcher::Dispatcher;
use orchestrator::replicated::Replicated;
use orchestrator::taskreaper::TaskReaper;
use scheduler::Scheduler;
use store::{Node, Store};

use crate::kernel::{IdVec, Span, Time};
use crate::model::change::Change;
use crate::model::command::Command;
use crate::model::latencies::Latencies;
use crate::model::update::CommandError;
use crate::model::wire::{Assignment, Report};
use crate::model::{NodeId, TaskId};

/// A timer of the managers, delivered to the component that set it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// The scheduler's quiet time.
    Scheduler {
        /// Which one.
        epoch: u32,
    },
    /// The task reaper's batching interval.
    Reaper {
        /// Which one.
        epoch: u32,
    },
    /// The delay of a restart.
    RestartDelay {
        /// The task that is held back.
        task: TaskId,
        /// Which of its delayed starts.
        epoch: u32,
    },
    /// The longest wait for a predecessor to stop.
    OldTaskTimeout {
        /// The task that is held back.
        task: TaskId,
        /// Which of its delayed starts.
        epoch: u32,
    },
    /// The delay of an update's worker.
    UpdateWorker {
        /// The updater.
        epoch: u32,
        /// Its worker.
        worker: u32,
    },
    /// The last watch of an update.
    UpdateMonitor {
        /// The updater.
        epoch: u32,
    },
    /// Assignments of a node are to be sent.
    Assignments {
        /// The node.
        node: NodeId,
    },
    /// Reports of agents are to be written.
    Reports,
}

/// What a component of the managers may touch while it acts.
#[derive(Debug)]
pub struct Cx<'a> {
    /// The instant.
    pub now: Time,
    /// The store.
    pub store: &'a mut Store,
    /// What agents are to be told now.
    pub assignments: &'a mut Vec<Assignment>,
    wakes: &'a mut Vec<(Time, Wake)>,
}

impl Cx<'_> {
    /// Asks to be woken after `span`.
    pub fn wake_after(&mut self, span: Span, wake: Wake) {
        self.wake_at(self.now.saturating_add(span), wake);
    }

    /// Asks to be woken at `time`.
    pub fn wake_at(&mut self, time: Time, wake: Wake) {
        self.wakes.push((time, wake));
    }
}

/// What the managers want done after they have acted.
#[derive(Debug, Default)]
pub struct Outbox {
    /// Timers to set.
    pub wakes: Vec<(Time, Wake)>,
    /// What agents are to be told now.
    pub assignments: Vec<Assignment>,
}

/// The managers of a cluster.
#[derive(Debug)]
pub struct Manager {
    /// All objects of the cluster.
    pub store: Store,
    leader: Leader,
    changes: Vec<Change>,
}

impl Manager {
    /// Managers of a cluster without services.
    pub fn new(
        nodes: IdVec<NodeId, Node>,
        services: usize,
        history_limit: Option<u32>,
        latencies: Latencies,
    ) -> Manager {
        let leader = Leader {
            allocator: Allocator::default(),
            scheduler: Scheduler::new(nodes.len()),
            reaper: TaskReaper::new(history_limit),
            replicated: Replicated::default(),
            dispatcher: Dispatcher::new(nodes.len(), latencies),
        };
        Manager { store: Store::new(nodes, services), leader, changes: Vec::new() }
    }

    /// A timer is due.
    pub fn wake(&mut self, now: Time, wake: Wake, out: &mut Outbox) {
        let Manager { store, leader, .. } = self;
        leader.wake(wake, &mut Cx { now, store, assignments: &mut out.assignments, wakes: &mut out.wakes });
        self.settle(now, out);
    }

    /// Agents report.
    pub fn report(&mut self, now: Time, reports: &mut Vec<Report>, out: &mut Outbox) {
        let Manager { store, leader, .. } = self;
        let cx = &mut Cx { now, store, assignments: &mut out.assignments, wakes: &mut out.wakes };
        leader.dispatcher.report(reports, cx);
        self.settle(now, out);
    }

    /// An operator gives a command.
    ///
    /// # Errors
    /// If it is refused.
    pub fn command(&mut self, now: Time, command: &Command, out: &mut Outbox) -> Result<(), CommandError> {
        controlapi::execute(command, &mut self.store)?;
        self.settle(now, out);
        Ok(())
    }

    /// Lets everybody see every transaction, those included that come of it.
    fn settle(&mut self, now: Time, out: &mut Outbox) {
        let Manager { store, leader, changes } = self;
        let mut cx = Cx { now, store, assignments: &mut out.assignments, wakes: &mut out.wakes };
        while cx.store.next_transaction(changes) {
            leader.on_transaction(changes, &mut cx);
        }
    }
}

/// What a manager builds on becoming the leader, and loses with the leadership.
#[derive(Debug)]
struct Leader {
    allocator: Allocator,
    scheduler: Scheduler,
    reaper: TaskReaper,
    replicated: Replicated,
    dispatcher: Dispatcher,
}

impl Leader {
    /// Everybody first sees all changes of the transaction, then may act on them. The orchestrator acts before the updaters.
    fn on_transaction(&mut self, changes: &[Change], cx: &mut Cx<'_>) {
        for change in changes {
            self.allocator.on_change(change);
            self.replicated.on_change(change, cx);
            self.scheduler.on_change(change, cx);
            self.reaper.on_change(change, cx);
            self.dispatcher.on_change(change, cx);
        }
        self.replicated.on_commit(cx);
        self.allocator.on_commit(cx);
        self.scheduler.on_commit(cx);
    }

    fn wake(&mut self, wake: Wake, cx: &mut Cx<'_>) {
        let Replicated { restarts, updates, .. } = &mut self.replicated;
        match wake {
            Wake::Scheduler { epoch } => self.scheduler.wake(epoch, cx),
            Wake::Reaper { epoch } => self.reaper.wake(epoch, cx),
            Wake::RestartDelay { task, epoch } => restarts.wake_delay(task, epoch),
            Wake::OldTaskTimeout { task, epoch } => restarts.wake_timeout(task, epoch),
            Wake::UpdateWorker { epoch, worker } => updates.wake_worker(epoch, worker, restarts, cx),
            Wake::UpdateMonitor { epoch } => updates.wake_monitor(epoch, cx),
            Wake::Assignments { node } => self.dispatcher.wake_assignments(node, cx),
            Wake::Reports => self.dispatcher.write_reports(cx),
        }
        self.replicated.proceed(cx);
    }
}

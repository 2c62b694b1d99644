//! The managers: Swarm's control plane, after github.com/moby/swarmkit at commit 3e72cb64.
//!
//! [`store`] holds the objects; [`controlapi`] is where operators come in; [`orchestrator`] decides on tasks; [`allocator`] and
//! [`scheduler`] bring them to nodes; [`dispatcher`] speaks with the agents. Which of the managers does all that, [`raft`] decides;
//! [`role_manager`] makes managers of nodes. Paths mirror swarmkit's: `orchestrator::update` is
//! manager/orchestrator/update/.
//!
//! All of them watch the store. Swarm runs them as goroutines that see a transaction in any order (control-plane X12); here
//! they see it in the order of `Leader::on_transaction`, one transaction at a time, until nothing is left to say; or, where
//! [`ties`] are shuffled, in any order (`Leader::race`). Only then the clock moves.

pub mod allocator;
pub mod constraint;
pub mod controlapi;
pub mod dispatcher;
#[cfg(test)]
mod fixture;
pub mod orchestrator;
mod race;
pub mod raft;
pub mod role_manager;
pub mod scheduler;
pub mod store;
pub mod ties;

use allocator::Allocator;
use dispatcher::Dispatcher;
use orchestrator::constraintenforcer::ConstraintEnforcer;
use orchestrator::global::Global;
use orchestrator::replicated::Replicated;
use orchestrator::taskreaper::TaskReaper;
use race::Race;
use raft::Raft;
use role_manager::RoleManager;
use scheduler::Scheduler;
use store::{Node, Store};
use ties::Ties;

use crate::kernel::{Span, Time};
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
        /// The dispatcher.
        epoch: u32,
    },
    /// A node may not have been heard of for too long.
    Heartbeat {
        /// The node.
        node: NodeId,
        /// Which of its sessions.
        epoch: u32,
    },
    /// A node may have been DOWN for too long.
    DownPeriod {
        /// The node.
        node: NodeId,
        /// Since which time.
        epoch: u32,
    },
    /// Reports of agents are to be written.
    Reports {
        /// The dispatcher.
        epoch: u32,
    },
    /// Roles of nodes are to be looked at again.
    RoleManager {
        /// The role manager.
        epoch: u32,
    },
}

/// What a component of the managers may touch while it acts.
#[derive(Debug)]
pub struct Cx<'a> {
    /// The instant.
    pub now: Time,
    /// The store.
    pub store: &'a mut Store,
    /// The managers among themselves.
    pub raft: &'a mut Raft,
    /// What agents are to be told now.
    pub assignments: &'a mut Vec<Assignment>,
    /// How ties are broken.
    pub ties: &'a mut Ties,
    wakes: &'a mut Vec<(Time, Wake)>,
    last_epoch: &'a mut u32,
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

    /// A number that nobody had before in this run, to tell a timer from those set earlier: by the same component, by another one
    /// of its kind, or under a former leader.
    pub fn next_epoch(&mut self) -> u32 {
        *self.last_epoch += 1;
        *self.last_epoch
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

/// What stays the same under all leaders.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Tasks kept per slot, the current one included; `None`: all.
    pub task_history_limit: Option<u32>,
    /// Latencies of the dispatcher.
    pub latencies: Latencies,
}

/// The managers of a cluster.
#[derive(Debug)]
pub struct Manager {
    /// All objects of the cluster.
    pub store: Store,
    /// The managers among themselves. Whoever changes it elects, holds up or takes away the leader as it says.
    pub raft: Raft,
    settings: Settings,
    /// `None` while no manager leads.
    leader: Option<Leader>,
    /// Whether no majority hears the leader.
    is_held_up: bool,
    /// What the leader could not do meanwhile.
    held_up: Vec<HeldUp>,
    ties: Ties,
    last_epoch: u32,
    changes: Vec<Change>,
}

/// What waits until a majority hears the leader again.
#[derive(Clone, Copy, Debug)]
enum HeldUp {
    Wake(Wake),
    /// A node's heartbeat is overdue at that time.
    LoseNode(NodeId, Time),
}

impl Manager {
    /// Managers of a cluster without services, none of whom leads yet.
    pub fn new(store: Store, raft: Raft, settings: Settings, ties: Ties) -> Manager {
        let (held_up, changes) = (Vec::new(), Vec::new());
        Manager { store, raft, settings, leader: None, is_held_up: false, held_up, ties, last_epoch: 0, changes }
    }

    /// The first leader of a cluster that runs: all agents have their sessions.
    pub fn start(&mut self, now: Time, out: &mut Outbox) {
        self.start_leader(now, false, out);
    }

    /// Another manager becomes the leader, and starts from the store.
    pub fn elect(&mut self, now: Time, out: &mut Outbox) {
        self.start_leader(now, true, out);
    }

    fn start_leader(&mut self, now: Time, takes_over: bool, out: &mut Outbox) {
        let Manager { store, raft, settings, ties, last_epoch, .. } = self;
        let mut cx =
            Cx { now, store, raft, assignments: &mut out.assignments, ties, wakes: &mut out.wakes, last_epoch };
        self.leader = Some(Leader::start(settings, takes_over, &mut cx));
        self.lead(now, out, |_, _| {});
    }

    /// The leader is gone. What it had committed stays; nobody does anything until another one is elected. Returns whether there
    /// was one.
    pub fn lose_leader(&mut self) -> bool {
        self.is_held_up = false;
        self.held_up.clear();
        self.leader.take().is_some()
    }

    /// Whether there is a leader, and what it writes is committed.
    pub fn is_led(&self) -> bool {
        self.leader.is_some() && !self.is_held_up
    }

    /// No majority hears the leader: its next write does not end, and nothing of what it does comes to anything.
    ///
    /// Source: manager/state/store/memory.go `update`, which holds the lock meanwhile (control-plane Q5).
    pub fn hold_up(&mut self) {
        self.is_held_up = true;
    }

    /// A majority hears the leader again. It does what has become due meanwhile.
    pub fn go_on(&mut self, now: Time, out: &mut Outbox) {
        self.is_held_up = false;
        let held_up = std::mem::take(&mut self.held_up);
        self.lead(now, out, |leader, cx| {
            for held_up in held_up {
                match held_up {
                    HeldUp::Wake(wake) => leader.wake(wake, cx),
                    HeldUp::LoseNode(node, at) => leader.dispatcher.lose(node, at.saturating_since(now), cx),
                }
            }
        });
    }

    /// Timers are due: all of this instant. Each component acts on what it knew before, and nobody is faster than another's timer.
    pub fn wake(&mut self, now: Time, wakes: &mut Vec<Wake>, out: &mut Outbox) {
        if self.is_held_up {
            return self.held_up.extend(wakes.drain(..).map(HeldUp::Wake));
        }
        self.lead(now, out, |leader, cx| {
            if cx.ties.are_shuffled() {
                leader.race.timers.append(wakes);
            } else {
                wakes.drain(..).for_each(|wake| leader.wake(wake, cx));
            }
        });
        wakes.clear();
    }

    /// Whether anybody still waits for a timer.
    pub fn awaits(&self, wake: Wake) -> bool {
        self.leader.as_ref().is_some_and(|leader| leader.awaits(wake))
    }

    /// Agents report. Without a leader, or without a majority that hears it, that comes to nothing.
    pub fn report(&mut self, now: Time, reports: &mut Vec<Report>, out: &mut Outbox) {
        self.lead(now, out, |leader, cx| leader.dispatcher.report(reports, cx));
        reports.clear();
    }

    /// The agent of a node asks for a session; a node that is no member of the cluster yet joins it.
    pub fn register_node(&mut self, now: Time, id: NodeId, node: Node, out: &mut Outbox) {
        self.lead(now, out, |leader, cx| leader.dispatcher.register(id, node, cx));
    }

    /// The agent of a node has its session still, and is heard of again.
    pub fn resume_node(&mut self, now: Time, id: NodeId, out: &mut Outbox) {
        self.lead(now, out, |leader, cx| leader.dispatcher.resume(id, cx));
    }

    /// The agent of a node is gone, which is noticed after `after`.
    pub fn lose_node(&mut self, now: Time, id: NodeId, after: Span, out: &mut Outbox) {
        if self.is_held_up {
            return self.held_up.push(HeldUp::LoseNode(id, now.saturating_add(after)));
        }
        self.lead(now, out, |leader, cx| leader.dispatcher.lose(id, after, cx));
    }

    /// An operator gives a command.
    ///
    /// # Errors
    /// If it is refused.
    pub fn command(&mut self, now: Time, command: &Command, out: &mut Outbox) -> Result<(), CommandError> {
        if !self.is_led() {
            return Err(CommandError::NoLeader);
        }
        controlapi::execute(now, command, &mut self.store, &self.raft)?;
        self.lead(now, out, |_, _| {});
        Ok(())
    }

    /// Lets the leader act, and then everybody see every transaction, those included that come of it.
    fn lead(&mut self, now: Time, out: &mut Outbox, act: impl FnOnce(&mut Leader, &mut Cx<'_>)) {
        let Manager { store, raft, settings, leader, is_held_up: false, ties, last_epoch, changes, .. } = self else {
            return;
        };
        let Some(leader) = leader else { return };
        let mut cx =
            Cx { now, store, raft, assignments: &mut out.assignments, ties, wakes: &mut out.wakes, last_epoch };
        act(leader, &mut cx);
        if cx.ties.are_shuffled() {
            return leader.race(settings, changes, &mut cx);
        }
        while cx.store.next_transaction(changes) {
            leader.on_transaction(changes, &mut cx);
        }
        cx.raft.commit(cx.store.commits());
    }
}

/// What a manager builds on becoming the leader, and loses with the leadership.
#[derive(Debug)]
struct Leader {
    dispatcher: Dispatcher,
    allocator: Allocator,
    scheduler: Scheduler,
    enforcer: ConstraintEnforcer,
    reaper: TaskReaper,
    roles: RoleManager,
    replicated: Replicated,
    global: Global,
    /// Unused unless ties are shuffled.
    race: Race,
}

impl Leader {
    /// Starts all components.
    ///
    /// Tie (control-plane Q9): in the order in which Swarm begins to start them, but the one that is begun last runs first, as
    /// goroutines do. The updates that it resumes are begun only then, and come last.
    ///
    /// Source: manager/manager.go `becomeLeader` (control-plane Q9).
    fn start(settings: &Settings, takes_over: bool, cx: &mut Cx<'_>) -> Leader {
        if cx.ties.are_shuffled() {
            return Leader::start_racing(settings, takes_over, cx);
        }
        let mut leader = Leader {
            roles: RoleManager::start(cx),
            global: Global::start(cx),
            dispatcher: Dispatcher::start(settings.latencies, takes_over, cx),
            allocator: Allocator::start(cx),
            scheduler: Scheduler::start(cx),
            enforcer: ConstraintEnforcer::start(cx),
            reaper: TaskReaper::start(settings.task_history_limit, cx),
            replicated: Replicated::start(cx),
            race: Race::default(),
        };
        leader.global.proceed(cx);
        leader
    }

    /// Everybody first sees all changes of the transaction, then may act on them.
    ///
    /// Tie (control-plane X12): those who act on each change, the global orchestrator and the enforcer, come before the replicated
    /// orchestrator, which acts at the end of the transaction, as the allocator and the scheduler do.
    fn on_transaction(&mut self, changes: &[Change], cx: &mut Cx<'_>) {
        for change in changes {
            self.allocator.on_change(change);
            self.replicated.on_change(change, cx);
            self.global.on_change(change, cx);
            self.scheduler.on_change(change, cx);
            self.enforcer.on_change(change);
            self.reaper.on_change(change, cx);
            self.dispatcher.on_change(change, cx);
            self.roles.on_change(change);
        }
        self.global.on_commit(cx);
        self.enforcer.on_commit(cx);
        self.replicated.on_commit(cx);
        self.allocator.on_commit(cx);
        self.scheduler.on_commit(cx);
        self.roles.on_commit(cx);
    }

    fn awaits(&self, wake: Wake) -> bool {
        let Leader { replicated, global, .. } = self;
        match wake {
            Wake::Scheduler { epoch } => self.scheduler.awaits(epoch),
            Wake::Reaper { epoch } => self.reaper.awaits(epoch),
            Wake::RestartDelay { task, epoch } => {
                replicated.restarts.awaits_delay(task, epoch) || global.restarts.awaits_delay(task, epoch)
            }
            Wake::OldTaskTimeout { task, epoch } => {
                replicated.restarts.awaits_timeout(task, epoch) || global.restarts.awaits_timeout(task, epoch)
            }
            Wake::UpdateWorker { epoch, .. } | Wake::UpdateMonitor { epoch } => {
                replicated.updates.runs(epoch) || global.updates.runs(epoch)
            }
            Wake::Heartbeat { node, epoch } => self.dispatcher.awaits_heartbeat(node, epoch),
            Wake::DownPeriod { node, epoch } => self.dispatcher.awaits_down_period(node, epoch),
            Wake::RoleManager { epoch } => self.roles.awaits(epoch),
            Wake::Assignments { .. } | Wake::Reports { .. } => true,
        }
    }

    /// A timer of an orchestrator finds only the one that set it: epochs are unique.
    fn wake(&mut self, wake: Wake, cx: &mut Cx<'_>) {
        let Leader { replicated, global, .. } = self;
        match wake {
            Wake::Scheduler { epoch } => self.scheduler.wake(epoch, cx),
            Wake::Reaper { epoch } => self.reaper.wake(epoch, cx),
            Wake::RestartDelay { task, epoch } => {
                replicated.restarts.wake_delay(task, epoch);
                global.restarts.wake_delay(task, epoch);
            }
            Wake::OldTaskTimeout { task, epoch } => {
                replicated.restarts.wake_timeout(task, epoch);
                global.restarts.wake_timeout(task, epoch);
            }
            Wake::UpdateWorker { epoch, worker } => {
                replicated.updates.wake_worker(epoch, worker, &mut replicated.restarts, cx);
                global.updates.wake_worker(epoch, worker, &mut global.restarts, cx);
            }
            Wake::UpdateMonitor { epoch } => {
                replicated.updates.wake_monitor(epoch, cx);
                global.updates.wake_monitor(epoch, cx);
            }
            Wake::Assignments { node, epoch } => self.dispatcher.wake_assignments(node, epoch, cx),
            Wake::Heartbeat { node, epoch } => self.dispatcher.wake_heartbeat(node, epoch, cx),
            Wake::DownPeriod { node, epoch } => self.dispatcher.wake_down_period(node, epoch, cx),
            Wake::Reports { epoch } => self.dispatcher.wake_reports(epoch, cx),
            Wake::RoleManager { epoch } => self.roles.wake(epoch, cx),
        }
        replicated.proceed(cx);
        global.proceed(cx);
    }
}

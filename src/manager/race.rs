//! The leader's components as goroutines that race: any of those that have something to do is next.
//!
//! Each component follows the store at its own pace (control-plane M9, X12). Each delayed start and each worker of an update is a
//! goroutine too: it notices at once what it waits for, and acts on it when its turn comes. The dispatcher is not in the race: what
//! it sends leaves the managers.

use std::collections::VecDeque;

use super::allocator::Allocator;
use super::dispatcher::Dispatcher;
use super::orchestrator::constraintenforcer::ConstraintEnforcer;
use super::orchestrator::global::Global;
use super::orchestrator::replicated::Replicated;
use super::orchestrator::taskreaper::TaskReaper;
use super::role_manager::RoleManager;
use super::scheduler::Scheduler;
use super::{Cx, Leader, Settings, Wake};
use crate::model::change::Change;

/// Who may be next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Runner {
    Allocator,
    Scheduler,
    Enforcer,
    Reaper,
    Roles,
    Replicated,
    Global,
    /// A timer that is due.
    Timer,
    /// A task of a replicated service whose start is due.
    ReplicatedStart,
    /// The same of a global service.
    GlobalStart,
    /// An update of a replicated service.
    ReplicatedUpdate,
    /// The same of a global service.
    GlobalUpdate,
}

/// The components that follow the store each at its own pace.
const WATCHERS: [Runner; 7] = [
    Runner::Allocator,
    Runner::Scheduler,
    Runner::Enforcer,
    Runner::Reaper,
    Runner::Roles,
    Runner::Replicated,
    Runner::Global,
];

/// What has been noticed and not acted upon.
#[derive(Debug, Default)]
pub(super) struct Race {
    /// What each of [`WATCHERS`] has not seen yet.
    unseen: [VecDeque<Change>; WATCHERS.len()],
    /// Those that have not started yet.
    starting: Vec<Runner>,
    /// Timers that are due.
    pub(super) timers: Vec<Wake>,
}

impl Leader {
    /// A leader whose components are still to start, in any order and while others act already (control-plane Q9).
    pub(super) fn start_racing(settings: &Settings, takes_over: bool, cx: &mut Cx<'_>) -> Leader {
        Leader {
            dispatcher: Dispatcher::start(settings.latencies, takes_over, cx),
            allocator: Allocator::default(),
            scheduler: Scheduler::default(),
            enforcer: ConstraintEnforcer::default(),
            reaper: TaskReaper::default(),
            roles: RoleManager::default(),
            replicated: Replicated::default(),
            global: Global::default(),
            race: Race { starting: WATCHERS.to_vec(), ..Race::default() },
        }
    }

    /// Lets one after another act, until nobody has anything to do.
    ///
    /// Tie (control-plane X12): who. The one that has just acted mostly goes on, as a goroutine that is not interrupted.
    pub(super) fn race(&mut self, settings: &Settings, changes: &mut Vec<Change>, cx: &mut Cx<'_>) {
        let mut last = None;
        loop {
            while cx.store.next_transaction(changes) {
                self.announce(changes, cx);
            }
            let ready = self.ready();
            if ready.is_empty() {
                return;
            }
            let next = match last {
                Some(last) if ready.contains(&last) && cx.ties.pick(4) != 0 => last,
                _ => ready[cx.ties.pick(ready.len())],
            };
            self.run(next, settings, cx);
            last = Some(next);
        }
    }

    /// Shows a transaction to those who wait for something in it, and leaves it to the others to see it later.
    fn announce(&mut self, changes: &[Change], cx: &mut Cx<'_>) {
        for change in changes {
            self.replicated.watch(change, cx.store);
            self.global.watch(change, cx.store);
            self.dispatcher.on_change(change, cx);
        }
        for unseen in &mut self.race.unseen {
            unseen.extend(changes);
            unseen.push_back(Change::Commit);
        }
    }

    /// All that have something to do.
    fn ready(&mut self) -> Vec<Runner> {
        let Leader { race, replicated, global, .. } = self;
        let mut ready: Vec<Runner> = race.starting.clone();
        ready.extend(
            WATCHERS.into_iter().zip(&race.unseen).filter(|(_, unseen)| !unseen.is_empty()).map(|(watcher, _)| watcher),
        );
        let others = [
            (Runner::Timer, !race.timers.is_empty()),
            (Runner::ReplicatedStart, replicated.restarts.has_due()),
            (Runner::GlobalStart, global.restarts.has_due()),
            (Runner::ReplicatedUpdate, replicated.updates.is_racing(&mut replicated.restarts)),
            (Runner::GlobalUpdate, global.updates.is_racing(&mut global.restarts)),
        ];
        ready.extend(others.into_iter().filter(|(_, is_ready)| *is_ready).map(|(runner, _)| runner));
        ready
    }

    fn run(&mut self, runner: Runner, settings: &Settings, cx: &mut Cx<'_>) {
        let Leader { replicated, global, .. } = self;
        match runner {
            Runner::Timer => {
                let wake = self.race.timers.swap_remove(cx.ties.pick(self.race.timers.len()));
                self.wake(wake, cx);
            }
            Runner::ReplicatedStart => replicated.restarts.start_any(cx),
            Runner::GlobalStart => global.restarts.start_any(cx),
            Runner::ReplicatedUpdate => replicated.updates.race(&mut replicated.restarts, cx),
            Runner::GlobalUpdate => global.updates.race(&mut global.restarts, cx),
            watcher => {
                if let Some(index) = self.race.starting.iter().position(|other| *other == watcher) {
                    self.race.starting.swap_remove(index);
                    self.start_one(watcher, settings, cx);
                } else {
                    self.follow(watcher, cx);
                }
            }
        }
    }

    /// Starts a component; it sees what is written from then on.
    fn start_one(&mut self, watcher: Runner, settings: &Settings, cx: &mut Cx<'_>) {
        self.race.unseen[watcher as usize].clear();
        match watcher {
            Runner::Allocator => self.allocator = Allocator::start(cx),
            Runner::Scheduler => self.scheduler = Scheduler::start(cx),
            Runner::Enforcer => self.enforcer = ConstraintEnforcer::start(cx),
            Runner::Reaper => self.reaper = TaskReaper::start(settings.task_history_limit, cx),
            Runner::Roles => self.roles = RoleManager::start(cx),
            Runner::Replicated => self.replicated = Replicated::start(cx),
            Runner::Global => self.global = Global::start(cx),
            _ => {}
        }
    }

    /// Lets a component see the next change, or those of the next transaction if it acts only at its end.
    fn follow(&mut self, watcher: Runner, cx: &mut Cx<'_>) {
        let unseen = &mut self.race.unseen[watcher as usize];
        while let Some(change) = unseen.pop_front() {
            match (watcher, change) {
                (Runner::Allocator, Change::Commit) => self.allocator.on_commit(cx),
                (Runner::Allocator, change) => self.allocator.on_change(&change),
                (Runner::Scheduler, Change::Commit) => self.scheduler.on_commit(cx),
                (Runner::Scheduler, change) => self.scheduler.on_change(&change, cx),
                (Runner::Replicated, Change::Commit) => self.replicated.on_commit(cx),
                (Runner::Replicated, change) => self.replicated.note(&change, cx),
                (Runner::Enforcer, change) => {
                    self.enforcer.on_change(&change);
                    return self.enforcer.on_commit(cx);
                }
                (Runner::Roles, Change::Commit) => self.roles.on_commit(cx),
                (Runner::Roles, change) => self.roles.on_change(&change),
                (Runner::Reaper, change) => self.reaper.on_change(&change, cx),
                (Runner::Global, change) => return self.global.react(&change, cx),
                _ => {}
            }
            if change == Change::Commit {
                return;
            }
        }
    }
}

//! The rules by which managers decide, as far as decisions name them: their numbers, what they say, and where swarmkit says so.

/// A rule of the control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// Services that are created or changed by an operator, and their update status.
    Operator,
    /// Who updates what.
    UpdateDirty,
    /// Nothing to do.
    NothingDirty,
    /// An update in place of another.
    Cancel,
    /// A slot that is up to date.
    Keep,
    /// A slot that is shut down.
    TooLate,
    /// Stop-first.
    StopFirst,
    /// Start-first.
    StartFirst,
    /// What a worker waits for.
    AwaitRunning,
    /// How a worker rests.
    Delay,
    /// No slot is left.
    WorkersFinish,
    /// The last watch.
    LastWatch,
    /// Which ends of tasks count.
    Failure,
    /// When an updater acts.
    TooManyFailures,
    /// Failure action `continue`.
    Continue,
    /// A rollback.
    RollBack,
    /// The end of an update.
    Complete,
    /// What is left after it.
    FollowUp,
    /// Tasks where there are none.
    ScaleUp,
    /// Fewer replicas.
    ScaleDown,
    /// Slots that are not in use.
    DeadSlot,
    /// A service that is removed.
    ServiceRemoved,
    /// A node that is drained.
    Drain,
    /// A node that is lost.
    NodeLost,
    /// Nodes of global services.
    GlobalNode,
    /// What is too much on them.
    GlobalSurplus,
    /// A task in place of one that ended.
    Restart,
    /// A restart that waits.
    RestartLater,
    /// Whether there is one.
    RestartCondition,
    /// A start that waits.
    DelayedStart,
    /// A new leader.
    TaskInit,
    /// Old tasks.
    History,
    /// Tasks that are to be removed.
    Reap,
    /// No node.
    Unplaced,
    /// A task that is left behind.
    Superseded,
    /// Nodes that do not fit any more.
    Enforce,
}

impl Rule {
    /// Number in the doc comments of the code, which stands beside what it rules.
    pub const fn number(self) -> &'static str {
        TEXTS[self as usize].1
    }

    /// File, below manager/ of swarmkit, and function that it was read from.
    pub const fn source(self) -> &'static str {
        TEXTS[self as usize].2
    }

    /// What it says.
    pub const fn says(self) -> &'static str {
        TEXTS[self as usize].3
    }
}

/// Number, source and contents of each rule, in their order.
const TEXTS: [(Rule, &str, &str, &str); 36] = [
    (
        Rule::Operator,
        "A3",
        "controlapi/service.go UpdateService",
        "a command writes the specification and clears the update status",
    ),
    (
        Rule::UpdateDirty,
        "U7",
        "orchestrator/update/updater.go Run",
        "slots that are out of date are handed out to `parallelism` workers",
    ),
    (
        Rule::NothingDirty,
        "U7",
        "orchestrator/update/updater.go Run",
        "with no slot out of date what is in progress is complete",
    ),
    (
        Rule::Cancel,
        "U3",
        "orchestrator/update/updater.go Update",
        "an updater ends when its service gets another specification",
    ),
    (
        Rule::Keep,
        "U18",
        "orchestrator/update/updater.go useExistingTask",
        "a task that is up to date is kept, and not monitored; the others of its slot stop",
    ),
    (
        Rule::TooLate,
        "U23",
        "orchestrator/update/updater.go removeOldTasks",
        "a slot whose tasks somebody else has shut down is left alone",
    ),
    (
        Rule::StopFirst,
        "U20",
        "orchestrator/update/updater.go updateTask",
        "stop-first: the old task stops when the new one is made, which starts when the old one has stopped",
    ),
    (
        Rule::StartFirst,
        "U21",
        "orchestrator/update/updater.go updateTask",
        "start-first: the old task stops when the new one runs",
    ),
    (
        Rule::AwaitRunning,
        "U22",
        "orchestrator/update/updater.go updateTask",
        "a worker waits, without end, until its new task runs or has ended",
    ),
    (
        Rule::Delay,
        "U16",
        "orchestrator/update/updater.go worker",
        "each worker rests for `delay` after each of its slots",
    ),
    (
        Rule::WorkersFinish,
        "U13",
        "orchestrator/update/updater.go Run",
        "when all slots are handed out, failures wait until the workers have finished",
    ),
    (
        Rule::LastWatch,
        "U14",
        "orchestrator/update/updater.go Run",
        "after the last slot the updater watches for `monitor`, or a second more than a delay that is not shorter",
    ),
    (
        Rule::Failure,
        "U25",
        "orchestrator/update/updater.go failureTriggersAction",
        "the end of a task counts once, if this updater made it, until `monitor` after it came up",
    ),
    (
        Rule::TooManyFailures,
        "U26",
        "orchestrator/update/updater.go failureTriggersAction",
        "failures over slots must exceed max_failure_ratio; then the updater pauses or rolls back",
    ),
    (
        Rule::Continue,
        "U30",
        "orchestrator/update/updater.go Run",
        "with failure_action continue no failure is looked at",
    ),
    (
        Rule::RollBack,
        "U32",
        "orchestrator/update/updater.go rollbackUpdate",
        "a rollback brings the previous specification back; without one nothing happens",
    ),
    (
        Rule::Complete,
        "U33",
        "orchestrator/update/updater.go completeUpdate",
        "an update is complete when its last watch is over; whether tasks are healthy does not matter",
    ),
    (
        Rule::FollowUp,
        "U47",
        "orchestrator/replicated/services.go reconcile",
        "what is out of date when an update has ended is updated by another updater, with the update configuration",
    ),
    (
        Rule::ScaleUp,
        "O6",
        "orchestrator/replicated/services.go addTasks",
        "slots and nodes without a task get one at once, outside any update",
    ),
    (
        Rule::ScaleDown,
        "O8",
        "orchestrator/replicated/services.go reconcile",
        "slots that are too many go: first those with several tasks or none running, then further copies on a node",
    ),
    (
        Rule::DeadSlot,
        "O5",
        "orchestrator/replicated/services.go deleteTasks",
        "tasks of slots that are not in use are deleted",
    ),
    (
        Rule::ServiceRemoved,
        "O16",
        "orchestrator/service.go SetServiceTasksRemove",
        "all tasks of a service that is removed are removed",
    ),
    (
        Rule::Drain,
        "O17",
        "orchestrator/restart/restart.go Restart",
        "tasks on a drained node are replaced at once, all together, when they have stopped",
    ),
    (
        Rule::NodeLost,
        "O11",
        "orchestrator/replicated/tasks.go restartTasksByNodeID",
        "tasks on a node that is down or gone are replaced",
    ),
    (
        Rule::GlobalNode,
        "G4",
        "orchestrator/global/global.go reconcileServices",
        "a global service has tasks on nodes only that are up, not drained, and meet its constraints",
    ),
    (
        Rule::GlobalSurplus,
        "G6",
        "orchestrator/global/global.go reconcileOneNode",
        "on a node that changes, a global service is brought up to date at once, outside any update",
    ),
    (
        Rule::Restart,
        "R4",
        "orchestrator/restart/restart.go Restart",
        "a task that ended is replaced by one of the current specification, after the restart delay",
    ),
    (
        Rule::RestartLater,
        "R1",
        "orchestrator/restart/restart.go Restart",
        "a task that is still held back is replaced when its own start has ended",
    ),
    (
        Rule::RestartCondition,
        "R5",
        "orchestrator/restart/restart.go shouldRestart",
        "the restart condition and max_attempts of the old task decide whether it is replaced",
    ),
    (
        Rule::DelayedStart,
        "R14",
        "orchestrator/restart/restart.go DelayStart",
        "a task starts when its delay is over and its predecessor has stopped, is lost, or took 60 s",
    ),
    (
        Rule::TaskInit,
        "I2",
        "orchestrator/taskinit/init.go CheckTasks",
        "a new leader deletes tasks without a service, and starts the clocks of delayed starts again",
    ),
    (
        Rule::History,
        "T4",
        "orchestrator/taskreaper/task_reaper.go tick",
        "of each slot so many tasks are kept as the history limit says, or max_attempts and one",
    ),
    (
        Rule::Reap,
        "T7",
        "orchestrator/taskreaper/task_reaper.go tick",
        "a task that is to be removed is deleted when it has stopped",
    ),
    (
        Rule::Unplaced,
        "S30",
        "scheduler/scheduler.go noSuitableNode",
        "a task that no node takes waits until a node changes or a task ends",
    ),
    (
        Rule::Superseded,
        "S31",
        "scheduler/scheduler.go noSuitableNode",
        "a task that no node takes ends when its service has gone on",
    ),
    (
        Rule::Enforce,
        "C3",
        "orchestrator/constraintenforcer/constraint_enforcer.go rejectNoncompliantTasks",
        "a task whose node does not meet its constraints any more is rejected",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_its_own_text() {
        for (index, (rule, ..)) in TEXTS.iter().enumerate() {
            assert_eq!(*rule as usize, index, "{rule:?}");
            assert!(!TEXTS[..index].iter().any(|(.., says)| *says == rule.says()), "{rule:?}");
        }
    }
}

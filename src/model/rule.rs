//! The rules by which managers and agents decide, as far as explanations name them.

/// Defines the rules, and keeps of each its number, where it was read and what it says.
macro_rules! rules {
    ($($name:ident = $number:literal, $source:literal, $says:literal;)*) => {
        /// A rule of the control plane.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Rule {
            $(#[doc = $says] $name,)*
        }

        impl Rule {
            /// All rules.
            pub const ALL: &[Rule] = &[$(Rule::$name,)*];
        }

        const TEXTS: &[(&str, &str, &str)] = &[$(($number, $source, $says),)*];
    };
}

impl Rule {
    /// Number in the doc comments of the code, which stands beside what it rules.
    pub const fn number(self) -> &'static str {
        TEXTS[self as usize].0
    }

    /// File of swarmkit, or of moby where it says so, and function that it was read from.
    pub const fn source(self) -> &'static str {
        TEXTS[self as usize].1
    }

    /// What it says.
    pub const fn says(self) -> &'static str {
        TEXTS[self as usize].2
    }
}

rules! {
    Operator = "A3", "manager/controlapi/service.go UpdateService",
        "a command writes the specification and clears the update status";
    ManualRollback = "A4", "manager/controlapi/service.go UpdateService",
        "a rollback by the operator brings the previous specification back, and what was there becomes the previous one";
    NodeRemoved = "A12", "manager/controlapi/node.go RemoveNode",
        "a node that is removed takes its tasks along: they are orphaned";
    Cancel = "U3", "manager/orchestrator/update/updater.go Update",
        "an updater ends when its service gets another specification";
    Halted = "U6", "manager/orchestrator/update/updater.go Run",
        "while the update status is paused nothing is updated; any update of the service by an operator clears it";
    UpdateDirty = "U7", "manager/orchestrator/update/updater.go Run",
        "slots that are out of date are handed out to `parallelism` workers";
    NothingDirty = "U7", "manager/orchestrator/update/updater.go Run",
        "with no slot out of date what is in progress is complete";
    InProgress = "U8", "manager/orchestrator/update/updater.go startUpdate",
        "an updater that finds slots out of date writes the status, if there is none";
    WorkersFinish = "U13", "manager/orchestrator/update/updater.go Run",
        "when all slots are handed out, or the update is stopped, no failure is looked at until the workers have finished";
    LastWatch = "U14", "manager/orchestrator/update/updater.go Run",
        "after the last slot the updater watches for `monitor`, or a second more than a delay that is not shorter";
    Delay = "U16", "manager/orchestrator/update/updater.go worker",
        "each worker rests for `delay` after each of its slots";
    Keep = "U18", "manager/orchestrator/update/updater.go useExistingTask",
        "a task that is up to date is kept, and not monitored; the others of its slot stop";
    StopFirst = "U20", "manager/orchestrator/update/updater.go updateTask",
        "stop-first: the old task stops when the new one is made, which starts when the old one has stopped";
    StartFirst = "U21", "manager/orchestrator/update/updater.go updateTask",
        "start-first: the old task stops when the new one runs";
    AwaitRunning = "U22", "manager/orchestrator/update/updater.go updateTask",
        "a worker waits, without any timeout, until its new task runs or has ended";
    TooLate = "U23", "manager/orchestrator/update/updater.go removeOldTasks",
        "a slot whose tasks somebody else has shut down is left alone";
    ServiceDeleted = "U24", "manager/orchestrator/update/updater.go updateTask",
        "slots of a service that was removed are left alone";
    Failure = "U25", "manager/orchestrator/update/updater.go failureTriggersAction",
        "the end of a task counts once, if this updater made it, until `monitor` after it came up";
    TooManyFailures = "U26", "manager/orchestrator/update/updater.go failureTriggersAction",
        "failures over slots must exceed max_failure_ratio; then the updater pauses or rolls back";
    Pause = "U27", "manager/orchestrator/update/updater.go pauseUpdate",
        "an update that is paused hands out no more slots; those in hand are finished";
    NoSecondRollback = "U29", "manager/orchestrator/update/updater.go failureTriggersAction",
        "a rollback is never rolled back: it is paused, but watched to its end, which writes another status";
    Continue = "U30", "manager/orchestrator/update/updater.go Run",
        "with failure_action continue no failure is looked at";
    RollBack = "U32", "manager/orchestrator/update/updater.go rollbackUpdate",
        "a rollback brings the previous specification back; without one nothing happens";
    Complete = "U33", "manager/orchestrator/update/updater.go completeUpdate",
        "an update is complete when its last watch is over; whether tasks are healthy does not matter";
    FollowUp = "U47", "manager/orchestrator/replicated/services.go reconcile",
        "what is out of date when an update has ended is updated by another updater, with the update configuration";
    DeadSlotInRollback = "U48", "manager/orchestrator/restart/restart.go UpdatableTasksInSlot",
        "in a rollback, slots whose task has ended for good get another at once, outside the update";
    DeadSlot = "O5", "manager/orchestrator/replicated/services.go deleteTasksMap",
        "tasks of slots that are not in use are deleted";
    ScaleUp = "O6", "manager/orchestrator/replicated/services.go addTasks",
        "slots that are missing get a task at once, all together, outside any update";
    ScaleDown = "O8", "manager/orchestrator/replicated/services.go reconcile",
        "slots that are too many go: first those with several tasks or none running, then further copies on a node";
    NodeLost = "O11", "manager/orchestrator/replicated/tasks.go restartTasksByNodeID",
        "tasks on a node that is down or gone are replaced";
    ServiceRemoved = "O16", "manager/orchestrator/service.go SetServiceTasksRemove",
        "all tasks of a service that is removed are removed";
    Drain = "O17", "manager/orchestrator/restart/restart.go Restart",
        "tasks on a drained node are replaced at once, all together, when they have stopped";
    GlobalNodeGone = "G2", "manager/orchestrator/global/global.go Run",
        "tasks of global services on a node that is removed are deleted";
    GlobalService = "G4", "manager/orchestrator/global/global.go reconcileServices",
        "a global service has a task on each node that is up, not drained, not paused, and meets its constraints";
    GlobalNode = "G6", "manager/orchestrator/global/global.go reconcileOneNode",
        "on a node that changes, global services are set right at once, outside any update";
    GlobalRestart = "G9", "manager/orchestrator/global/global.go tickTasks",
        "a task of a global service that ends is not replaced on a node that is paused or does not meet the constraints";
    RestartLater = "R1", "manager/orchestrator/restart/restart.go Restart",
        "a task that is still held back is replaced when its own start has ended";
    Restart = "R4", "manager/orchestrator/restart/restart.go Restart",
        "a task that ended is replaced by one of the current specification, after the restart delay";
    RestartCondition = "R5", "manager/orchestrator/restart/restart.go shouldRestart",
        "the restart condition and max_attempts of the old task decide whether it is replaced";
    DelayedStart = "R14", "manager/orchestrator/restart/restart.go DelayStart",
        "a task starts when its delay is over and its predecessor has stopped, is lost, or took 60 s";
    NewLeader = "I1", "manager/manager.go becomeLeader",
        "a new leader knows only what is stored: updates go on with counts, delays and watches that begin anew";
    ServiceGone = "I2", "manager/orchestrator/taskinit/init.go CheckTasks",
        "a new leader deletes the tasks of services that are gone";
    HeldBack = "I4", "manager/orchestrator/taskinit/init.go CheckTasks",
        "a new leader lets tasks start whose restart delay is over, whatever they waited for besides";
    History = "T4", "manager/orchestrator/taskreaper/task_reaper.go tick",
        "of each slot so many tasks are kept as the history limit says, or max_attempts and one";
    Reap = "T7", "manager/orchestrator/taskreaper/task_reaper.go tick",
        "a task that is to be removed is deleted when it has stopped";
    Choose = "S12", "manager/scheduler/scheduler.go scheduleTaskGroup",
        "of the nodes that take a task those come first with fewer than 5 recent failures, fewer tasks of the service, fewer tasks";
    Confirm = "S22", "manager/scheduler/scheduler.go taskFitNode",
        "a task of a global service waits until its own node takes it";
    Unplaced = "S30", "manager/scheduler/scheduler.go noSuitableNode",
        "a task that no node takes waits until a node changes or a task ends";
    Superseded = "S31", "manager/scheduler/scheduler.go noSuitableNode",
        "a task that no node takes ends when its service has gone on";
    Enforce = "C2", "manager/orchestrator/constraintenforcer/constraint_enforcer.go rejectNoncompliantTasks",
        "when a node changes, tasks are rejected whose service's constraints or whose reservations it does not meet any more";
    NodeReady = "N1", "manager/dispatcher/dispatcher.go register",
        "a node whose agent has opened a session is ready";
    NodeDown = "N4", "manager/dispatcher/dispatcher.go markNodeNotReady",
        "a node whose heartbeats stay away for 13.5 to 16.5 s is down";
    NodeUnknown = "N8", "manager/dispatcher/dispatcher.go markNodesUnknown",
        "nodes are unknown to a new leader until their agents open a session";
    NodeNotBack = "N9", "manager/dispatcher/dispatcher.go markNodesUnknown",
        "a node that opens no session with a new leader for 27 to 33 s is down";
    Orphaned = "N19", "manager/dispatcher/dispatcher.go moveTasksToOrphaned",
        "tasks on a node that is down for 24 h are orphaned";
    AgentStops = "W1", "agent/exec/controller.go Do",
        "an agent stops what is to stop, and then says shutdown, whatever the exit code";
    Prepares = "W9", "moby: daemon/cluster/executor/container/controller.go Prepare",
        "a task is rejected when its image cannot be had, or its container not be made";
    Starts = "W10", "moby: daemon/cluster/executor/container/controller.go Start",
        "a task runs when its container has started and, with a health check, is healthy; before that any failure ends it";
    Exits = "W12", "moby: daemon/cluster/executor/container/controller.go Wait",
        "a task is complete when its process exits with 0, else failed; an unhealthy container is stopped, and so exits";
    NoQuorum = "Q6", "manager/state/raft/raft.go LeaderConn",
        "without a leader nothing is decided, scheduled or restarted; what runs goes on";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_its_own_text() {
        for (index, (number, source, says)) in TEXTS.iter().enumerate() {
            assert!(source.contains(".go "), "{number}");
            assert!(!TEXTS[..index].iter().any(|(.., other)| other == says), "{number}");
        }
    }
}

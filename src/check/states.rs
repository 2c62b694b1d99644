//! States never go back.

use super::view::View;
use super::{Findings, Promise, task_name};
use crate::model::task::TaskState;
use crate::observe::{Record, TaskRecord};

/// Looks at a record before it is taken note of.
pub(super) fn before(view: &View<'_>, record: &Record, findings: &mut Findings) {
    match *record {
        Record::Task(ref task) => written(view, task, findings),
        Record::TaskRemoved { task, .. } => {
            let exists = view.tasks.get(task).is_some_and(|row| row.exists);
            let what = || format!("{} is deleted, and was not there", task_name(view, task));
            findings.expect(Promise::StatesNeverGoBack, exists, what);
        }
        _ => {}
    }
}

fn written(view: &View<'_>, new: &TaskRecord, findings: &mut Findings) {
    let promise = Promise::StatesNeverGoBack;
    let name = || task_name(view, new.task);
    let Some(row) = view.tasks.get(new.task) else {
        let in_turn = new.created.is_some() && new.task.0 as usize == view.tasks.len();
        return findings.expect(promise, in_turn, || format!("{} is created out of turn", name()));
    };
    let old = &row.record;
    let place = |task: &TaskRecord| (task.service, task.slot, task.image);
    let (from, to) = (old.status.state, new.status.state);
    findings.expect(promise, row.exists, || format!("{} is written, and was deleted", name()));
    findings.expect(promise, new.created.is_none(), || format!("{} is created again", name()));
    findings.expect(promise, place(old) == place(new), || format!("{} has another service, slot or image", name()));
    findings
        .expect(promise, old.node.is_none() || old.node == new.node, || format!("{} moves to another node", name()));
    findings.expect(promise, from <= to, || format!("{} goes from {from} to {to}", name()));
    findings.expect(promise, old.desired <= new.desired, || {
        format!("{}, to be {}, is to be {}", name(), old.desired, new.desired)
    });
    let runs_somewhere = to < TaskState::Assigned || to.is_terminal() || new.node.is_some();
    findings.expect(promise, runs_somewhere, || format!("{} is {to} on no node", name()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::fixture::{Forged, replicated};
    use crate::model::task::Creator;

    fn one_task() -> Forged {
        let mut forged = Forged::new(replicated(1));
        forged.create(1, Creator::Orchestrator, 0);
        forged
    }

    #[test]
    fn states_that_grow_are_fine() {
        let mut forged = one_task();
        forged.assign(0, 0).state(0, TaskState::Running).desire(0, TaskState::Running).state(0, TaskState::Failed);
        assert_eq!(forged.broken(), []);
    }

    #[test]
    fn an_observed_state_that_goes_back_is_seen() {
        let mut forged = one_task();
        forged.assign(0, 0).state(0, TaskState::Running).state(0, TaskState::Ready);
        assert_eq!(forged.broken(), [Promise::StatesNeverGoBack]);
    }

    #[test]
    fn a_task_that_is_wanted_again_is_seen() {
        let mut forged = one_task();
        forged.at(1).desire(0, TaskState::Shutdown).create(1, Creator::RestartSupervisor, 0);
        forged.at(2).desire(0, TaskState::Running);
        assert_eq!(forged.broken(), [Promise::StatesNeverGoBack]);
    }

    #[test]
    fn a_task_that_moves_is_seen() {
        let mut forged = one_task();
        forged.assign(0, 0).assign(0, 1);
        assert_eq!(forged.broken(), [Promise::StatesNeverGoBack]);
    }

    #[test]
    fn a_task_that_runs_nowhere_is_seen() {
        assert_eq!(one_task().state(0, TaskState::Running).broken(), [Promise::StatesNeverGoBack]);
    }

    #[test]
    fn what_happens_to_a_deleted_task_is_seen() {
        let mut forged = one_task();
        forged.create(2, Creator::Orchestrator, 0).remove(1);
        assert_eq!(forged.broken(), []);
        assert_eq!(forged.remove(1).broken(), [Promise::StatesNeverGoBack]);
        assert_eq!(forged.state(1, TaskState::Pending).broken(), [Promise::StatesNeverGoBack; 2]);
    }
}

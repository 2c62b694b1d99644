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

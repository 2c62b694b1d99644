//! Requests go to tasks in rotation.

use super::view::View;
use super::{Findings, Promise, task_name};
use crate::kernel::{IdVec, Time};
use crate::model::TaskId;
use crate::model::request::{Request, RequestOutcome};
use crate::observe::Record;

/// When each task entered rotation and when it left.
#[derive(Default)]
pub(super) struct Rotations(IdVec<TaskId, Option<(Time, Option<Time>)>>);

impl Rotations {
    pub(super) fn record(&mut self, view: &View<'_>, record: &Record, findings: &mut Findings) {
        let Record::Rotation { task, entered, .. } = *record else { return };
        let rotation = self.0.entry(task, None);
        let is_in_turn = match rotation {
            None => entered,
            Some((_, left)) => !entered && left.is_none(),
        };
        let what = || {
            let what = if entered { "enters rotation again" } else { "leaves rotation, in which it was not" };
            format!("{} {what}", task_name(view, task))
        };
        findings.expect(Promise::Rotation, is_in_turn, what);
        *rotation = match *rotation {
            Some((since, _)) if !entered => Some((since, Some(view.now))),
            _ => Some((view.now, None)),
        };
    }

    /// A request has ended.
    pub(super) fn request(&mut self, view: &View<'_>, request: &Request, findings: &mut Findings) {
        let promise = Promise::Rotation;
        let sent = request.sent;
        let in_order = sent <= request.ended;
        findings.expect(promise, in_order, || format!("a request of {sent} ended at {}", request.ended));
        let Some((task, image)) = request.task else {
            let is_refused = request.outcome == RequestOutcome::Refused;
            return findings.expect(promise, is_refused, || format!("a request of {sent} went nowhere, unrefused"));
        };
        let rotation = self.0.get(task).copied().flatten();
        let was_in = rotation.is_some_and(|(since, left)| since <= sent && left.is_none_or(|left| sent <= left));
        let row = view.tasks.get(task).map(|row| (row.record.service, row.record.image));
        let name = || task_name(view, task);
        findings
            .expect(promise, request.outcome != RequestOutcome::Refused, || format!("{} refused a request", name()));
        findings.expect(promise, was_in, || format!("{}, not in rotation, got a request of {sent}", name()));
        let fits = row == Some((request.service, image));
        findings.expect(promise, fits, || format!("{} got a request for another service or image", name()));
    }
}

//! Tasks enter and leave rotation in turn, and requests are answered by processes that are there.

use super::view::View;
use super::{Findings, Promise, task_name};
use crate::kernel::{IdVec, Time};
use crate::model::TaskId;
use crate::model::request::{Request, RequestOutcome};
use crate::observe::Record;

/// When each task entered rotation and when it left, and when its process ended.
#[derive(Default)]
pub(super) struct Rotations {
    rotations: IdVec<TaskId, Option<(Time, Option<Time>)>>,
    ends: IdVec<TaskId, Option<Time>>,
}

impl Rotations {
    pub(super) fn record(&mut self, view: &View<'_>, record: &Record, findings: &mut Findings) {
        if let Record::ProcessEnded { task } = *record {
            *self.ends.entry(task, None) = Some(view.now);
        }
        let Record::Rotation { task, entered, .. } = *record else { return };
        let rotation = self.rotations.entry(task, None);
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
            let has_failed = request.outcome != RequestOutcome::Ok;
            return findings.expect(promise, has_failed, || format!("nobody answered a request of {sent}"));
        };
        let is_answered = request.outcome == RequestOutcome::Ok;
        let end = self.ends.get(task).copied().flatten();
        let was_up = !is_answered || end.is_none_or(|end| request.ended <= end);
        let row = view.tasks.get(task).map(|row| (row.record.service, row.record.image));
        let name = || task_name(view, task);
        findings
            .expect(promise, was_up, || format!("{} answered a request of {sent} after its process had ended", name()));
        let fits = row == Some((request.service, image));
        findings.expect(promise, fits, || format!("{} got a request for another service or image", name()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::fixture::{Forged, WEB, replicated};
    use crate::model::request::{Cause, Failure};
    use crate::model::task::Creator;
    use crate::model::{ClientId, ImageId};

    const REFUSED: RequestOutcome = RequestOutcome::Failed(Failure::Refused, Cause::NoTask);

    fn request(sent: u64, task: Option<u32>, outcome: RequestOutcome) -> Request {
        let at = Time::from_millis;
        let task = task.map(|task| (TaskId(task), ImageId(0)));
        Request { client: ClientId(0), service: WEB, task, sent: at(sent), ended: at(sent + 5), outcome }
    }

    /// A task that is in rotation from 10 ms to 20 ms, when its process ends.
    fn rotated() -> Forged {
        let mut forged = Forged::new(replicated(1));
        forged.create(1, Creator::Orchestrator, 0).at(10).rotate(0, true).at(20).rotate(0, false);
        forged.record(Record::ProcessEnded { task: TaskId(0) }).at(30);
        forged
    }

    #[test]
    fn a_request_to_a_task_in_rotation_is_fine() {
        assert_eq!(rotated().request(request(15, Some(0), RequestOutcome::Ok)).broken(), []);
        assert_eq!(rotated().request(request(25, None, REFUSED)).broken(), []);
        assert_eq!(rotated().request(request(25, Some(0), REFUSED)).broken(), []);
    }

    #[test]
    fn an_answer_of_a_process_that_had_ended_is_seen() {
        assert_eq!(rotated().request(request(16, Some(0), RequestOutcome::Ok)).broken(), [Promise::Rotation]);
    }

    #[test]
    fn an_answer_of_nobody_is_seen() {
        assert_eq!(rotated().request(request(25, None, RequestOutcome::Ok)).broken(), [Promise::Rotation]);
    }

    #[test]
    fn a_request_to_a_task_of_another_image_is_seen() {
        let mut odd = request(15, Some(0), RequestOutcome::Ok);
        odd.task = Some((TaskId(0), ImageId(1)));
        assert_eq!(rotated().request(odd).broken(), [Promise::Rotation]);
    }

    #[test]
    fn a_rotation_out_of_turn_is_seen() {
        assert_eq!(rotated().rotate(0, true).broken(), [Promise::Rotation]);
        assert_eq!(rotated().rotate(0, false).broken(), [Promise::Rotation]);
    }
}

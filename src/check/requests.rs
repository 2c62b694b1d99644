//! Tasks enter and leave rotation in turn, and requests go to tasks that their entry knows, and are answered by processes that are
//! there.

use super::view::View;
use super::{Findings, Promise, task_name};
use crate::kernel::{IdVec, Time};
use crate::model::client::Access;
use crate::model::request::{Failure, Request, RequestOutcome, Weight};
use crate::model::{NodeId, TaskId};
use crate::observe::{Record, Shift};

/// When each task entered rotation and when it left, and when its process ended.
#[derive(Default)]
pub(super) struct Rotations {
    rotations: IdVec<TaskId, Option<(Time, Option<Time>)>>,
    ends: IdVec<TaskId, Option<Time>>,
    /// How the load balancers stand to each task that know it or knew it.
    entries: IdVec<TaskId, Vec<Entry>>,
}

/// How a load balancer stands to a task.
#[derive(Clone, Copy)]
struct Entry {
    access: Access,
    node: Option<NodeId>,
    /// Since when it sends it no new connections, unless it does.
    closed: Option<Time>,
    /// Since when it does not know it, unless it does.
    removed: Option<Time>,
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

    /// A load balancer does otherwise with a task from now on.
    pub(super) fn shift(&mut self, now: Time, shift: &Shift) {
        let Shift { access, node, task, weight } = *shift;
        let entries = self.entries.entry(task, Vec::new());
        let known = entries.iter().position(|entry| (entry.access, entry.node) == (access, node));
        let closed = known.map(|place| entries.swap_remove(place)).and_then(|entry| entry.closed);
        entries.push(match weight {
            Weight::One => Entry { access, node, closed: None, removed: None },
            Weight::Zero => Entry { access, node, closed: closed.or(Some(now)), removed: None },
            Weight::Gone => Entry { access, node, closed: closed.or(Some(now)), removed: Some(now) },
        });
    }

    /// Whether an entry of the request's client sent connections to the task, or had kept one, when the request was sent first or
    /// later.
    fn had_entry(&self, view: &View<'_>, request: &Request, task: TaskId) -> bool {
        let connect = &view.plan.clients[request.client].connect;
        let is_answered = match request.outcome {
            RequestOutcome::Ok => true,
            RequestOutcome::Failed(failure, _) => failure == Failure::HttpError,
        };
        let is_tied_to_task = match connect.access {
            Access::DnsRoundRobin => connect.dns_cache || connect.keep_alive || connect.balancer.is_some(),
            Access::HostPort => connect.keep_alive,
            Access::Direct | Access::Vip => connect.keep_alive && !is_answered,
        };
        let is_own = |entry: &&Entry| {
            let is_entered = match entry.node {
                Some(node) => connect.nodes.contains(&node),
                None => connect.nodes.is_empty(),
            };
            entry.access == connect.access && is_entered
        };
        let mut entries = self.entries.get(task).into_iter().flatten().filter(is_own);
        let end = |entry: &Entry| if connect.keep_alive { entry.removed } else { entry.closed };
        is_tied_to_task || entries.any(|entry| end(entry).is_none_or(|end| request.sent <= end))
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
        let name = || task_name(view, task);
        let is_answered = request.outcome == RequestOutcome::Ok;
        let end = self.ends.get(task).copied().flatten();
        let was_up = !is_answered || end.is_none_or(|end| request.ended <= end);
        let had_entry = self.had_entry(view, request, task);
        findings.expect(Promise::Entry, had_entry, || {
            format!("{} got a request of {sent}, when no entry of its client sent it any", name())
        });
        let row = view.tasks.get(task).map(|row| (row.record.service, row.record.image));
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
    use crate::model::client::Connect;
    use crate::model::request::Cause;
    use crate::model::task::Creator;
    use crate::model::{ClientId, ImageId};

    const REFUSED: RequestOutcome = RequestOutcome::Failed(Failure::Refused, Cause::NoTask);

    fn request(sent: u64, task: Option<u32>, outcome: RequestOutcome) -> Request {
        let at = Time::from_millis;
        let task = task.map(|task| (TaskId(task), ImageId(0)));
        Request { client: ClientId(0), service: WEB, task, sent: at(sent), ended: at(sent + 5), outcome }
    }

    /// A task that is in rotation from 10 ms to 20 ms and ends then; the load balancer of the client's entry has it from 12 ms to
    /// 22 ms, and knows it to 24 ms.
    fn rotated() -> Forged {
        let mut forged = Forged::new(replicated(1));
        forged.create(1, Creator::Orchestrator, 0).at(10).rotate(0, true).at(12).shift(0, 0, Weight::One);
        forged.at(20).rotate(0, false).record(Record::ProcessEnded { task: TaskId(0) });
        forged.at(22).shift(0, 0, Weight::Zero).at(24).shift(0, 0, Weight::Gone).at(30);
        forged
    }

    #[test]
    fn a_request_to_a_task_in_rotation_is_fine() {
        assert_eq!(rotated().request(request(15, Some(0), RequestOutcome::Ok)).broken(), []);
        assert_eq!(rotated().request(request(25, None, REFUSED)).broken(), []);
        assert_eq!(rotated().request(request(21, Some(0), REFUSED)).broken(), []);
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

    #[test]
    fn a_request_to_a_task_that_its_entry_has_lost_is_seen() {
        assert_eq!(rotated().request(request(23, Some(0), REFUSED)).broken(), [Promise::Entry]);
        assert_eq!(rotated().request(request(25, Some(0), REFUSED)).broken(), [Promise::Entry]);
        let mut again = rotated();
        assert_eq!(again.shift(0, 0, Weight::One).request(request(25, Some(0), REFUSED)).broken(), []);
    }

    #[test]
    fn a_request_to_a_task_that_only_another_entry_knows_is_seen() {
        let other = || {
            let mut forged = Forged::new(replicated(1));
            forged.create(1, Creator::Orchestrator, 0).at(10).rotate(0, true).shift(1, 0, Weight::One);
            forged
        };
        assert_eq!(other().request(request(15, Some(0), RequestOutcome::Ok)).broken(), [Promise::Entry]);
        let mut both = other();
        both.connect().nodes.push(NodeId(1));
        assert_eq!(both.request(request(15, Some(0), RequestOutcome::Ok)).broken(), []);
    }

    #[test]
    fn a_connection_that_is_kept_lasts_until_its_entry_has_forgotten_the_task() {
        let at = |sent, outcome| {
            let mut forged = rotated();
            forged.connect().keep_alive = true;
            forged.request(request(sent, Some(0), outcome)).broken()
        };
        let reset = RequestOutcome::Failed(Failure::Reset, Cause::StaleEntry);
        let error = RequestOutcome::Failed(Failure::HttpError, Cause::Application);
        assert_eq!(at(23, error), []);
        assert_eq!(at(25, reset), []);
        assert_eq!(at(25, error), [Promise::Entry]);
    }

    #[test]
    fn a_client_that_keeps_the_address_behind_a_name_asks_no_entry() {
        let mut forged = rotated();
        *forged.connect() = Connect { access: Access::DnsRoundRobin, dns_cache: true, ..Connect::default() };
        assert_eq!(forged.request(request(25, Some(0), REFUSED)).broken(), []);
    }
}

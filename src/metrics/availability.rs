//! Requests: how many were answered, by whom, and how fast.
//!
//! - Only requests that are sent within the service's window count (see [`super::downtime`]), whenever they end. Those that have
//!   not ended when the run ends are not counted at all.
//! - *Failed* are all but those that were answered without an error; availability is the share of the others.
//! - `per_second` is what `ab` prints: answers divided by the time from the first request that the client sends to the last that
//!   ends, of those that count. It is not spread over the window. With several clients it is the sum of their rates; a client whose
//!   requests take no time at all adds nothing.

use super::latency::Latencies;
use super::request_series::Outcomes;
use super::summary::{ClientRequests, Requests, VersionRequests};
use crate::kernel::{IdVec, Span, Time};
use crate::model::request::{Batch, Cause, Request, RequestOutcome};
use crate::model::{ClientId, ImageId};
use crate::sim::Plan;

/// How many requests failed for each reason, in the order of [`Cause::ALL`].
type Causes = [u64; Cause::ALL.len()];

/// Counts the requests of one service.
#[derive(Clone, Debug)]
pub(super) struct RequestMeter {
    outcomes: Outcomes,
    causes: Causes,
    versions: IdVec<ImageId, Outcomes>,
    clients: IdVec<ClientId, ClientRun>,
    latencies: Latencies,
    /// Told at the end of the run.
    pub(super) unfinished: u64,
}

/// From the first request of a client to the last end of one.
#[derive(Clone, Copy, Debug)]
struct ClientRun {
    first_sent: Time,
    last_ended: Time,
    total: u64,
    answered: u64,
}

impl ClientRun {
    const NONE: ClientRun = ClientRun { first_sent: Time::MAX, last_ended: Time::ZERO, total: 0, answered: 0 };

    /// Answers per second.
    fn rate(&self) -> f64 {
        match self.last_ended.saturating_since(self.first_sent) {
            Span::ZERO => 0.0,
            length => self.answered as f64 / length.as_secs_f64(),
        }
    }
}

impl RequestMeter {
    /// No requests yet, of the clients and images of `plan`.
    pub(super) fn new(plan: &Plan) -> RequestMeter {
        RequestMeter {
            outcomes: Outcomes::default(),
            causes: Causes::default(),
            versions: IdVec::filled(plan.images.len(), Outcomes::default()),
            clients: IdVec::filled(plan.clients.len(), ClientRun::NONE),
            latencies: Latencies::new(),
            unfinished: 0,
        }
    }

    /// Counts a request.
    #[inline]
    pub(super) fn record(&mut self, request: &Request) {
        let outcome = request.outcome.kind();
        self.outcomes[outcome] += 1;
        if let RequestOutcome::Failed(_, cause) = request.outcome {
            self.causes[cause as usize] += 1;
        }
        if let Some((_, image)) = request.task {
            self.versions[image][outcome] += 1;
        }
        let client = &mut self.clients[request.client];
        client.first_sent = client.first_sent.min(request.sent);
        client.last_ended = client.last_ended.max(request.ended);
        client.total += 1;
        if request.outcome == RequestOutcome::Ok {
            client.answered += 1;
            self.latencies.record(request.latency());
        }
    }

    /// Counts requests that are told together. Nobody knows their latencies.
    pub(super) fn record_all(&mut self, batch: &Batch) {
        let outcome = batch.outcome.kind();
        self.outcomes[outcome] += batch.count;
        if let RequestOutcome::Failed(_, cause) = batch.outcome {
            self.causes[cause as usize] += batch.count;
        }
        if let Some(image) = batch.image {
            self.versions[image][outcome] += batch.count;
        }
        let client = &mut self.clients[batch.client];
        client.first_sent = client.first_sent.min(batch.sent);
        client.last_ended = client.last_ended.max(batch.ended);
        client.total += batch.count;
        client.answered += if batch.outcome == RequestOutcome::Ok { batch.count } else { 0 };
    }

    /// Forgets all requests.
    pub(super) fn clear(&mut self) {
        self.outcomes = Outcomes::default();
        self.causes = Causes::default();
        self.versions.values_mut().for_each(|outcomes| *outcomes = Outcomes::default());
        self.clients.values_mut().for_each(|client| *client = ClientRun::NONE);
        self.latencies.clear();
    }

    /// Counts all requests of `other` too, which are those of another service and so of other clients.
    pub(super) fn merge(&mut self, other: &RequestMeter) {
        add(&mut self.outcomes, &other.outcomes);
        add(&mut self.causes, &other.causes);
        self.versions.values_mut().zip(other.versions.values()).for_each(|(sum, outcomes)| add(sum, outcomes));
        for (id, client) in other.clients.iter().filter(|(_, client)| client.first_sent != Time::MAX) {
            self.clients[id] = *client;
        }
        self.latencies.merge(&other.latencies);
        self.unfinished += other.unfinished;
    }

    /// What was counted.
    pub(super) fn summary(&self, plan: &Plan) -> Requests {
        let (total, ok, failed) = split(&self.outcomes);
        let by_version = plan.images.values().zip(self.versions.values()).filter_map(|(image, outcomes)| {
            let (total, ok, failed) = split(outcomes);
            (total > 0).then(|| VersionRequests { image: image.name.clone(), total, ok, failed })
        });
        let by_client = plan.clients.values().zip(self.clients.values()).filter(|(_, run)| run.total > 0);
        let by_client = by_client.map(|(client, run)| ClientRequests {
            client: client.name.clone(),
            total: run.total,
            failed: run.total - run.answered,
            per_second: run.rate(),
        });
        Requests {
            total,
            ok,
            failed,
            failed_share: share(failed, total),
            availability: share(ok, total),
            per_second: self.clients.values().map(ClientRun::rate).sum(),
            by_outcome: self.outcomes,
            by_cause: self.causes,
            by_version: by_version.collect(),
            by_client: by_client.collect(),
            unfinished: self.unfinished,
            latency: self.latencies.percentiles(),
        }
    }
}

/// Share of the error budget that these requests used up, for an objective from 0 to below 1: the failed ones over those that may
/// fail, `total * (1 - objective)`. `None` without requests.
pub(super) fn error_budget_used(requests: &Requests, objective: f64) -> Option<f64> {
    (requests.total > 0).then(|| requests.failed as f64 / (requests.total as f64 * (1.0 - objective)))
}

/// Total, answered and failed.
fn split(outcomes: &Outcomes) -> (u64, u64, u64) {
    let total = outcomes.iter().sum();
    let ok = outcomes[RequestOutcome::Ok.kind()];
    (total, ok, total - ok)
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

fn add<const KINDS: usize>(sum: &mut [u64; KINDS], counts: &[u64; KINDS]) {
    sum.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{OK as Ok, REFUSED as Refused, RESET as Reset};
    use super::super::fixture::{plan, request};
    use super::*;

    fn meter(requests: &[Request]) -> RequestMeter {
        let mut meter = RequestMeter::new(&plan());
        requests.iter().for_each(|request| meter.record(request));
        meter
    }

    #[test]
    fn requests_are_counted_by_outcome_and_by_version() {
        let meter = meter(&[
            request(0, 0, 10, Some(0), Ok),
            request(0, 5, 25, Some(1), Ok),
            request(0, 8, 30, Some(1), Reset),
            request(0, 40, 40, None, Refused),
        ]);
        let requests = meter.summary(&plan());
        assert_eq!((requests.total, requests.ok, requests.failed), (4, 2, 2));
        assert_eq!((requests.failed_share, requests.availability), (Some(0.5), Some(0.5)));
        assert_eq!(requests.by_outcome, [2, 0, 1, 1, 0, 0]);
        assert_eq!(requests.by_cause, [1, 0, 1, 0, 0, 0, 0, 0]);
        let version = |image: &str, total, ok, failed| VersionRequests { image: image.into(), total, ok, failed };
        assert_eq!(requests.by_version, [version("app:1", 1, 1, 0), version("app:2", 2, 1, 1)]);
        let latency = requests.latency.unwrap();
        assert_eq!([latency.p50, latency.max].map(Span::as_millis), [10, 20]);
    }

    #[test]
    fn a_rate_is_over_the_clients_own_run_and_rates_of_clients_add_up() {
        // 2 answers in 500 ms, and 1 answer in 250 ms.
        let meter = meter(&[
            request(0, 10_000, 10_100, Some(0), Ok),
            request(0, 10_400, 10_500, Some(0), Ok),
            request(1, 0, 250, Some(0), Ok),
        ]);
        assert_eq!(meter.summary(&plan()).per_second, 4.0 + 4.0);
    }

    #[test]
    fn only_answers_make_the_rate() {
        let meter = meter(&[request(0, 0, 100, Some(0), Ok), request(0, 500, 500, None, Refused)]);
        assert_eq!(meter.summary(&plan()).per_second, 2.0);
    }

    #[test]
    fn a_share_of_no_requests_is_none() {
        let requests = meter(&[]).summary(&plan());
        assert_eq!((requests.total, requests.per_second), (0, 0.0));
        assert_eq!((requests.failed_share, requests.availability, requests.latency), (None, None, None));
        assert_eq!(error_budget_used(&requests, 0.9), None);
    }

    #[test]
    fn the_error_budget_is_what_the_objective_allows_to_fail() {
        let failed = [request(0, 0, 0, None, Refused); 3];
        let answered = [request(0, 0, 1, Some(0), Ok); 9];
        let requests = meter(&[&failed[..], &answered[..]].concat()).summary(&plan());
        // Half of 12 may fail.
        assert_eq!(error_budget_used(&requests, 0.5), Some(0.5));
    }

    #[test]
    fn merging_in_any_order_gives_the_same() {
        let one = meter(&[request(0, 0, 100, Some(0), Ok), request(0, 50, 90, Some(1), Reset)]);
        let other = meter(&[request(1, 300, 500, Some(1), Ok)]);
        let (mut forth, mut back) = (one.clone(), other.clone());
        forth.merge(&other);
        back.merge(&one);
        let requests = forth.summary(&plan());
        assert_eq!(requests, back.summary(&plan()));
        assert_eq!((requests.total, requests.ok, requests.per_second), (3, 2, 10.0 + 5.0));
    }

    #[test]
    fn a_cleared_meter_is_as_new() {
        let mut meter = meter(&[request(0, 0, 100, Some(0), Ok)]);
        meter.clear();
        assert_eq!(meter.summary(&plan()), RequestMeter::new(&plan()).summary(&plan()));
    }
}

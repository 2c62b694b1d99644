//! Single requests, all of them or a sample: what `requests.csv` is made of.

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::kernel::{IdVec, Time};
use crate::model::ServiceId;
use crate::model::request::{Request, RequestOutcome};
use crate::observe::{Observer, Record};

/// Most requests of a sample.
pub const SAMPLE: usize = 10_000;

/// Keeps requests as they end.
///
/// A sample takes every request as long as they are no more than [`SAMPLE`]. Then it halves its share, as often as it must: it
/// keeps those whose key has one more leading zero. The key is a hash of the request and the seed, so that which ones are kept
/// follows from the run alone, and a smaller sample is a part of a larger one.
#[derive(Clone, Debug)]
pub struct RequestLog {
    seed: u64,
    most: usize,
    /// Leading zeros that a key must have.
    zeros: u32,
    requests: Vec<Request>,
}

impl RequestLog {
    /// Keeps all requests.
    pub fn full() -> RequestLog {
        RequestLog { seed: 0, most: usize::MAX, zeros: 0, requests: Vec::new() }
    }

    /// Keeps a sample of the requests of a run with this seed.
    pub fn sample(seed: u64) -> RequestLog {
        RequestLog { seed, most: SAMPLE, zeros: 0, requests: Vec::new() }
    }

    /// The requests that were kept, by the time at which they were sent, and how many each of them stands for.
    pub fn finish(mut self) -> (Vec<Request>, u64) {
        // Those of equal keys differ in nothing.
        let outcome = |request: &Request| match request.outcome {
            RequestOutcome::Ok => None,
            RequestOutcome::Failed(failure, cause) => Some((failure as u8, cause as u8)),
        };
        self.requests.sort_by_key(|r| (r.sent, r.ended, r.client, r.task, outcome(r)));
        (self.requests, 1 << self.zeros)
    }

    fn keeps(&self, request: &Request) -> bool {
        self.zeros == 0 || key(self.seed, request).leading_zeros() >= self.zeros
    }
}

fn key(seed: u64, request: &Request) -> u64 {
    let task = request.task.map_or(u32::MAX, |(task, _)| task.0);
    let mut bytes = [0; 24];
    bytes[..8].copy_from_slice(&request.sent.as_nanos().to_le_bytes());
    bytes[8..16].copy_from_slice(&request.ended.as_nanos().to_le_bytes());
    bytes[16..20].copy_from_slice(&request.client.0.to_le_bytes());
    bytes[20..].copy_from_slice(&task.to_le_bytes());
    xxh3_64_with_seed(&bytes, seed)
}

impl Observer for RequestLog {
    fn record(&mut self, _now: Time, _record: &Record) {}

    fn request(&mut self, request: &Request) {
        if !self.keeps(request) {
            return;
        }
        self.requests.push(*request);
        while self.requests.len() > self.most {
            self.zeros += 1;
            let mut requests = std::mem::take(&mut self.requests);
            requests.retain(|request| self.keeps(request));
            self.requests = requests;
        }
    }

    fn instant(&mut self, _now: Time, _in_flight: &IdVec<ServiceId, u32>) {}
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{OK, request};
    use super::*;

    fn log(mut log: RequestLog, sent: impl Iterator<Item = u64>) -> (Vec<u64>, u64) {
        sent.for_each(|sent| log.request(&request(0, sent, sent + 10, Some(0), OK)));
        let (requests, weight) = log.finish();
        (requests.iter().map(|request| request.sent.as_millis()).collect(), weight)
    }

    #[test]
    fn a_full_log_has_every_request_in_order() {
        let count = 2 * SAMPLE as u64;
        let (sent, weight) = log(RequestLog::full(), (0..count).rev());
        assert!(sent.iter().copied().eq(0..count));
        assert_eq!(weight, 1);
    }

    #[test]
    fn a_sample_of_few_requests_has_them_all() {
        assert_eq!(log(RequestLog::sample(7), 0..SAMPLE as u64).1, 1);
    }

    #[test]
    fn a_sample_stands_for_all_and_does_not_depend_on_the_order() {
        let count = 10 * SAMPLE as u64;
        let (sample, weight) = log(RequestLog::sample(7), 0..count);
        assert_eq!(weight, 16);
        let stands_for = sample.len() as u64 * weight;
        assert!(stands_for.abs_diff(count) < count / 20, "{} requests stand for {stands_for}", sample.len());
        assert_eq!(log(RequestLog::sample(7), (0..count).rev()), (sample.clone(), weight));
        assert_ne!(log(RequestLog::sample(8), 0..count).0, sample);
        let (larger, _) = log(RequestLog::sample(7), 0..count / 2);
        assert!(sample.iter().filter(|sent| **sent < count / 2).all(|sent| larger.contains(sent)));
    }
}

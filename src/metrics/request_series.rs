//! Requests over time, in bins of equal width: how many ended in each way, by version, and how long the answers took.
//!
//! A request belongs to the bin in which it ended; one that ends on the border of two belongs to the former. All requests of the
//! run count, whether or not within the window of measurement.

use super::latency::Latencies;
use super::summary::Latency;
use crate::kernel::{IdVec, Span, Time};
use crate::model::request::{Batch, Request, RequestOutcome};
use crate::model::{ImageId, ServiceId};
use crate::observe::{Observer, Record};

/// Widths of bins in seconds, each a multiple of the one before; after the last one they double.
const WIDTHS: [u64; 9] = [1, 2, 10, 30, 60, 300, 600, 1_800, 3_600];
/// Most bins: when a run outlasts them, they are merged into wider ones.
pub(crate) const MOST: usize = 600;
const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// How many requests ended in each way, by [`RequestOutcome::kind`].
pub type Outcomes = [u64; RequestOutcome::KINDS];

/// Collects the requests of all services. What it keeps does not grow with the length of the run.
#[derive(Clone, Debug)]
pub struct RequestSeries {
    /// Width of the bins in seconds.
    width: u64,
    services: IdVec<ServiceId, Vec<Bin>>,
}

#[derive(Clone, Debug)]
struct Bin {
    versions: Vec<(Option<ImageId>, Outcomes)>,
    latencies: Latencies,
}

/// The requests of all services, when the run is over.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestBins {
    /// Width of a bin. The last one ends with the run and may be shorter.
    pub width: Span,
    /// The bins of each service from the start of the run to the last that has requests.
    pub services: IdVec<ServiceId, Vec<RequestBin>>,
}

/// Requests that ended in one bin.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestBin {
    /// How they ended, by the image of the task that they were sent to last; `None`: to nobody. In the order of the images.
    pub versions: Vec<(Option<ImageId>, Outcomes)>,
    /// Latency of those that were answered, at most 1 % too long; `None`: there are none, or nobody knows.
    pub latency: Option<Latency>,
}

impl RequestBin {
    /// How the requests of all versions ended.
    pub fn outcomes(&self) -> Outcomes {
        std::array::from_fn(|kind| self.versions.iter().map(|(_, outcomes)| outcomes[kind]).sum())
    }
}

impl RequestSeries {
    /// Watches this many services.
    pub fn new(services: usize) -> RequestSeries {
        RequestSeries { width: WIDTHS[0], services: IdVec::filled(services, Vec::new()) }
    }

    /// The bins, once the run is over.
    pub fn finish(self) -> RequestBins {
        let finished = |bins: Vec<Bin>| bins.into_iter().map(Bin::finish).collect();
        let services = self.services.into_values().map(finished).collect();
        RequestBins { width: Span::from_secs(self.width), services }
    }

    /// The bin of requests of a service that ended at this instant.
    fn bin(&mut self, service: ServiceId, ended: Time) -> &mut Bin {
        let second = ended.as_nanos().saturating_sub(1) / NANOS_PER_SECOND;
        while second / self.width >= MOST as u64 {
            self.widen();
        }
        let (bins, index) = (&mut self.services[service], (second / self.width) as usize);
        while bins.len() <= index {
            bins.push(Bin::new());
        }
        &mut bins[index]
    }

    fn widen(&mut self) {
        let wider = WIDTHS.into_iter().find(|width| *width > self.width).unwrap_or(self.width * 2);
        let merged = (wider / self.width) as usize;
        for bins in self.services.values_mut() {
            *bins = bins.chunks(merged).map(Bin::sum).collect();
        }
        self.width = wider;
    }
}

impl Bin {
    fn new() -> Bin {
        Bin { versions: Vec::new(), latencies: Latencies::coarse() }
    }

    fn sum(bins: &[Bin]) -> Bin {
        let mut sum = Bin::new();
        for bin in bins {
            for (image, outcomes) in &bin.versions {
                let of_image = sum.version(*image);
                of_image.iter_mut().zip(outcomes).for_each(|(sum, count)| *sum += count);
            }
            sum.latencies.merge(&bin.latencies);
        }
        sum
    }

    fn version(&mut self, image: Option<ImageId>) -> &mut Outcomes {
        let known = self.versions.iter().position(|(known, _)| *known == image);
        let index = known.unwrap_or_else(|| {
            self.versions.push((image, Outcomes::default()));
            self.versions.len() - 1
        });
        &mut self.versions[index].1
    }

    fn finish(mut self) -> RequestBin {
        self.versions.sort_unstable();
        RequestBin { latency: self.latencies.percentiles(), versions: self.versions }
    }
}

impl Observer for RequestSeries {
    fn record(&mut self, _now: Time, _record: &Record) {}

    fn request(&mut self, request: &Request) {
        let bin = self.bin(request.service, request.ended);
        bin.version(request.task.map(|(_, image)| image))[request.outcome.kind()] += 1;
        if request.outcome == RequestOutcome::Ok {
            bin.latencies.record(request.latency());
        }
    }

    fn requests(&mut self, batch: &Batch) {
        self.bin(batch.service, batch.ended).version(batch.image)[batch.outcome.kind()] += batch.count;
    }

    fn instant(&mut self, _now: Time, _in_flight: &IdVec<ServiceId, u32>) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::fixture::{OK, REFUSED, WEB, request};

    fn bins(requests: &[Request]) -> RequestBins {
        let mut series = RequestSeries::new(2);
        requests.iter().for_each(|request| series.request(request));
        series.finish()
    }

    fn totals(bins: &RequestBins) -> Vec<u64> {
        let total = |bin: &RequestBin| bin.outcomes().iter().sum();
        bins.services[WEB].iter().map(total).collect()
    }

    #[test]
    fn a_request_belongs_to_the_second_in_which_it_ended() {
        let bins = bins(&[
            request(0, 100, 900, Some(0), OK),
            request(0, 900, 1_000, Some(1), OK),
            request(0, 950, 1_001, None, REFUSED),
        ]);
        assert_eq!((bins.width, totals(&bins)), (Span::from_secs(1), vec![2, 1]));
        let [first, second] = &bins.services[WEB][..] else { panic!("two bins") };
        assert_eq!(
            first.versions.iter().map(|(image, _)| *image).collect::<Vec<_>>(),
            [Some(ImageId(0)), Some(ImageId(1))]
        );
        let latency = first.latency.expect("answers");
        assert_eq!([latency.p50, latency.max].map(Span::as_millis), [100, 800]);
        assert_eq!((second.versions[0].0, second.versions[0].1[REFUSED.kind()], second.latency), (None, 1, None));
    }

    #[test]
    fn bins_of_a_long_run_are_merged_and_lose_nothing() {
        let ended = |second: u64| request(0, second * 1_000 - 500, second * 1_000, Some(0), OK);
        let mut requests: Vec<Request> = (1..=600).map(ended).collect();
        assert_eq!((bins(&requests).width, totals(&bins(&requests)).len()), (Span::from_secs(1), 600));
        requests.push(ended(601));
        let merged = bins(&requests);
        assert_eq!((merged.width, totals(&merged)), (Span::from_secs(2), [[2; 300].as_slice(), &[1]].concat()));
        requests.push(ended(100_000));
        let merged = bins(&requests);
        assert_eq!((merged.width, totals(&merged).iter().sum::<u64>()), (Span::from_secs(300), 602));
        assert_eq!(merged.services[WEB][0].latency.expect("answers").p99.as_millis(), 500);
    }
}

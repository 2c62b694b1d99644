//! One run of a scenario, for its numbers.

use crate::kernel::Time;
use crate::metrics::{Metrics, RunFacts, Summary};
use crate::observe::Observer;
use crate::scenario::Loaded;
use crate::sim::{self, Plan};

/// Runs a scenario with this seed for its numbers alone.
pub fn measure(scenario: &Loaded, seed: u64) -> Summary {
    let plan = &Plan { seed, ..scenario.plan.clone() };
    let finished = sim::run(plan, Metrics::new(plan));
    finished.observer.finish(facts(scenario, finished.end, finished.fingerprint))
}

/// Runs a scenario with its own seed while `observer` looks on.
pub fn observe<O: Observer>(scenario: &Loaded, observer: O) -> (Summary, O) {
    let finished = sim::run(&scenario.plan, (Metrics::new(&scenario.plan), observer));
    let (metrics, observer) = finished.observer;
    (metrics.finish(facts(scenario, finished.end, finished.fingerprint)), observer)
}

fn facts(scenario: &Loaded, end: Time, fingerprint: String) -> RunFacts {
    let warnings = scenario.warnings.iter().map(|warning| warning.message.clone()).collect();
    RunFacts { digest: scenario.digest.clone(), fingerprint, end, warnings }
}

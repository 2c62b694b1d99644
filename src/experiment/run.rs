//! One run of a scenario, for its numbers, and what the scenario expects of them.

use crate::check::Promises;
use crate::kernel::Time;
use crate::metrics::{Metrics, RunFacts, Summary};
use crate::observe::Observer;
use crate::scenario::Loaded;
use crate::scenario::expect::Expected;
use crate::sim::plan::End;
use crate::sim::{self, Finished, Plan};

/// Seed of a repetition: the scenario's own for the first, number 0, and one more for each further. After the greatest comes 0.
pub fn seed(scenario: &Loaded, number: usize) -> u64 {
    scenario.plan.seed.wrapping_add(number as u64)
}

/// Runs a scenario with this seed for its numbers alone.
pub fn measure(scenario: &Loaded, seed: u64) -> Summary {
    let plan = &Plan { seed, ..scenario.plan.clone() };
    let finished = run(plan, Metrics::new(plan));
    finished.observer.finish(facts(scenario, finished.end, finished.fingerprint))
}

/// Runs a scenario with its own seed while `observer` looks on.
pub fn observe<O: Observer>(scenario: &Loaded, observer: O) -> (Summary, O) {
    let finished = run(&scenario.plan, (Metrics::new(&scenario.plan), observer));
    let (metrics, observer) = finished.observer;
    (metrics.finish(facts(scenario, finished.end, finished.fingerprint)), observer)
}

/// Runs a plan up to an instant, what happens at it included, while `observer` looks on; without an instant to its end. Returns
/// when that was.
///
/// # Errors
/// If the run is over by then: when it ends.
pub fn observe_until<O: Observer>(plan: &Plan, at: Option<Time>, observer: O) -> Result<(O, Time), Time> {
    let (End::At(last) | End::WhenQuiet { limit: last, .. }) = plan.end;
    let end = match at {
        Some(at) if at > last => return Err(last),
        Some(at) => End::At(at),
        None => plan.end,
    };
    let finished = run(&Plan { end, ..plan.clone() }, observer);
    Ok((finished.observer, finished.end))
}

/// Runs the plan; unless this is a build for speed, Swarm's promises are verified too, and one that is broken is a fault of ours.
fn run<O: Observer>(plan: &Plan, observer: O) -> Finished<O> {
    if !cfg!(debug_assertions) {
        return sim::run(plan, observer);
    }
    let Finished { observer: (observer, promises), end, fingerprint } = sim::run(plan, (observer, Promises::new(plan)));
    promises.assert_kept();
    Finished { observer, end, fingerprint }
}

/// What does not hold of a run: where the scenario expects it, what that is and what came, a line for each.
pub fn failures(scenario: &Loaded, run: &Summary) -> Vec<String> {
    let expectations = scenario.expectations.iter();
    expectations
        .filter_map(|expectation| {
            let (said, place) = (&expectation.what, &expectation.place);
            let (name, verdict) = match said {
                Expected::OfService(service, check) => {
                    let name = &scenario.plan.services[*service];
                    let Some(service) = run.service(name) else {
                        return Some(format!("{place}: {name}: expected {said}, but the service never existed"));
                    };
                    (name, check.judge(service))
                }
                Expected::OfNode(node, check) => {
                    let node = &run.nodes[node.0 as usize];
                    (&node.name, check.judge(node))
                }
            };
            (!verdict.holds).then(|| format!("{place}: {name}: expected {said}, got {}", verdict.found))
        })
        .collect()
}

fn facts(scenario: &Loaded, end: Time, fingerprint: String) -> RunFacts {
    let warnings = scenario.warnings.iter().map(|warning| warning.message.clone()).collect();
    RunFacts { digest: scenario.digest.clone(), fingerprint, end, warnings }
}

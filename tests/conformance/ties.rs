//! Shuffled ties: what Swarm leaves to chance comes up, and nothing else does.
//!
//! A racing case has several recorded outcomes: each must come up in some run with shuffled ties. A case that always went one
//! way when it was recorded must always go that way.

use std::path::Path;

use rayon::prelude::*;
use rollsim::sim::Plan;
use rollsim::sim::plan::TieOrder;

use super::canon::{self, Canon};
use super::case::Case;
use super::plan;
use super::trace::Recorder;

/// Runs within which every outcome of a racing case must come up.
const SEEDS: u64 = 500;

/// Runs of a case that has one outcome.
const SEEDS_OF_ONE_OUTCOME: u64 = 20;

/// What came of the runs of one case.
struct Tried {
    name: String,
    /// Number of recorded outcomes.
    outcomes: usize,
    /// Those that did not come up.
    unseen: Vec<usize>,
    /// Number of runs.
    runs: u64,
    /// What is wrong with a run of a case that has one outcome.
    fault: Option<String>,
}

/// Whether shuffled ties do what they should in all cases of a folder; says where not.
pub fn hold(folder: &Path) -> bool {
    let tried: Vec<Tried> = super::cases_in(folder).par_iter().map(|path| try_seeds(&super::read(path))).collect();
    for Tried { name, unseen, fault, .. } in &tried {
        fault.iter().for_each(|fault| println!("{name}, ties shuffled: {fault}"));
        unseen.iter().for_each(|outcome| println!("{name}, ties shuffled: outcome {outcome} does not come up"));
    }
    let racing: Vec<&Tried> = tried.iter().filter(|tried| tried.outcomes > 1).collect();
    let all: usize = racing.iter().map(|tried| tried.outcomes).sum();
    let unseen: usize = racing.iter().map(|tried| tried.unseen.len()).sum();
    let runs = racing.iter().map(|tried| tried.runs).max().unwrap_or(0);
    println!("ties: {} of {all} outcomes of {} racing cases come up within {runs} seeds", all - unseen, racing.len());
    tried.iter().all(|tried| tried.unseen.is_empty() && tried.fault.is_none())
}

/// Runs the case until every outcome has come up, or all runs were made.
fn try_seeds(case: &Case) -> Tried {
    let mut plan = Plan { ties: TieOrder::Shuffled, ..plan::plan(case).expect("the case can be simulated") };
    let classes = canon::node_classes(case);
    let recorded: Vec<Canon> = case.recorded_outcomes().iter().map(|events| canon::canon(&classes, events)).collect();
    let distinct = &case.agreement.as_ref().expect("the case has a recorded trace").distinct;
    let (is_racing, most) = (recorded.len() > 1, if recorded.len() > 1 { SEEDS } else { SEEDS_OF_ONE_OUTCOME });
    let mut tried =
        Tried { name: case.name.clone(), outcomes: recorded.len(), unseen: Vec::new(), runs: 0, fault: None };
    tried.unseen.extend(0..recorded.len());
    while tried.runs < most && tried.fault.is_none() && !(is_racing && tried.unseen.is_empty()) {
        plan.seed = tried.runs;
        tried.runs += 1;
        let got = canon::canon(&classes, &rollsim::sim::run(&plan, Recorder::new(&plan)).observer.events);
        let is_other =
            |outcome: &usize| ["status", "errors", "flow"].iter().any(|of| recorded[*outcome][of] != got[of]);
        tried.unseen.retain(is_other);
        if !is_racing {
            let difference = canon::first_difference(&got, &recorded, distinct);
            tried.fault = difference.map(|difference| format!("seed {} {difference}", plan.seed));
        }
    }
    tried
}

//! Shuffled ties: what Swarm leaves to chance comes up, and nothing else does.
//!
//! A racing case has several recorded outcomes: nine in ten of all of them must come up in some run with shuffled ties. Those that
//! do not are named, and each must have been rare when it was recorded too. A case that always went one way when it was recorded
//! must always go that way.

use std::path::Path;

use rayon::prelude::*;
use rollsim::sim::Plan;
use rollsim::sim::plan::TieOrder;

use super::canon::{self, Canon};
use super::case::Case;
use super::plan;
use super::trace::Recorder;

/// Runs within which the outcomes of a racing case must come up.
const SEEDS: u64 = 500;

/// Share of all outcomes that must come up, in percent.
const SEEN: usize = 90;

/// An outcome is rare if it was recorded in no more than one of so many runs.
const RARE: u64 = 50;

/// Runs of a case that has one outcome.
const SEEDS_OF_ONE_OUTCOME: u64 = 20;

/// What came of the runs of one case.
struct Tried {
    name: String,
    /// How often each outcome was recorded.
    recorded: Vec<u64>,
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
    let mut as_expected = true;
    for Tried { name, recorded, unseen, fault, .. } in &tried {
        for outcome in unseen {
            let (often, all): (u64, u64) = (recorded[*outcome], recorded.iter().sum());
            println!("{name}, ties shuffled: outcome {outcome}, recorded in {often} of {all} runs, does not come up");
            as_expected &= often * RARE <= all;
        }
        if let Some(fault) = fault {
            println!("{name}, ties shuffled: {fault}");
            as_expected = false;
        }
    }
    let racing: Vec<&Tried> = tried.iter().filter(|tried| tried.recorded.len() > 1).collect();
    let all: usize = racing.iter().map(|tried| tried.recorded.len()).sum();
    let unseen: usize = racing.iter().map(|tried| tried.unseen.len()).sum();
    let runs = racing.iter().map(|tried| tried.runs).max().unwrap_or(0);
    println!("ties: {} of {all} outcomes of {} racing cases come up within {runs} seeds", all - unseen, racing.len());
    as_expected && (all - unseen) * 100 >= all * SEEN
}

/// Runs the case until every outcome has come up, or all runs were made.
fn try_seeds(case: &Case) -> Tried {
    let mut plan = Plan { ties: TieOrder::Shuffled, ..plan::plan(case).expect("the case can be simulated") };
    let classes = canon::node_classes(case);
    let recorded: Vec<Canon> = case.recorded_outcomes().iter().map(|events| canon::canon(&classes, events)).collect();
    let agreement = case.agreement.as_ref().expect("the case has a recorded trace");
    let (is_racing, most) = (recorded.len() > 1, if recorded.len() > 1 { SEEDS } else { SEEDS_OF_ONE_OUTCOME });
    let mut tried = Tried { name: case.name.clone(), recorded: Vec::new(), unseen: Vec::new(), runs: 0, fault: None };
    tried.recorded.extend(case.recorded_runs());
    tried.unseen.extend(0..recorded.len());
    while tried.runs < most && tried.fault.is_none() && !(is_racing && tried.unseen.is_empty()) {
        plan.seed = tried.runs;
        tried.runs += 1;
        let got = canon::canon(&classes, &rollsim::sim::run(&plan, Recorder::new(&plan)).observer.events);
        let is_other =
            |outcome: &usize| ["status", "errors", "flow"].iter().any(|of| recorded[*outcome][of] != got[of]);
        tried.unseen.retain(is_other);
        if !is_racing {
            let difference = canon::first_difference(&got, &recorded, &agreement.distinct);
            tried.fault = difference.map(|difference| format!("seed {} {difference}", plan.seed));
        }
    }
    tried
}

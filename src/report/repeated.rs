//! What `sweep.json` and `compare.json` begin with: which scenario was run, and how often.

use serde_json::{Value, json};

use crate::sim::Plan;

/// Version of the form of both files.
pub(super) const SCHEMA_VERSION: u32 = 1;

/// A scenario that was run under several settings or policies, with the same seeds each time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repeated {
    /// Name of the scenario.
    pub scenario: String,
    /// The first seed.
    pub seed: u64,
    /// How many seeds.
    pub seeds: u64,
}

impl Repeated {
    /// A plan that was run with so many seeds, from its own on.
    pub fn of(plan: &Plan, seeds: u64) -> Repeated {
        Repeated { scenario: plan.name.clone(), seed: plan.seed, seeds }
    }

    /// What the numbers are: `seed 1`, or `means of 20 seeds from 1`.
    pub fn on_seeds(&self) -> String {
        match self.seeds {
            1 => format!("seed {}", self.seed),
            count => format!("means of {count} seeds from {}", self.seed),
        }
    }

    /// The text of a JSON file that goes on with `more`.
    pub(super) fn json<const N: usize>(&self, more: [(&str, Value); N]) -> String {
        let mut json = json!({
            "schema_version": SCHEMA_VERSION,
            "rollsim": env!("CARGO_PKG_VERSION"),
            "scenario": {"name": self.scenario},
            "seed": self.seed,
            "seeds": self.seeds,
        });
        for (key, value) in more {
            json[key] = value;
        }
        format!("{json:#}\n")
    }
}

//! One run of a scenario, measured or observed in full.

use crate::metrics::task_log::TaskLog;
use crate::metrics::timeline::{Row, Timeline};
use crate::metrics::{Metrics, RunFacts, Summary};
use crate::observe::Observer;
use crate::report::lanes::Lanes;
use crate::report::story::{Story, StoryLine};
use crate::scenario::Loaded;
use crate::sim;

/// Everything that a report tells of one run.
#[derive(Debug)]
pub struct Run {
    /// The numbers.
    pub summary: Summary,
    /// Rows of timeline.csv.
    pub timeline: Vec<Row>,
    /// Rows of tasks.csv.
    pub tasks: TaskLog,
    /// Lanes of the chart.
    pub lanes: Lanes,
    /// What happened, in the operator's words.
    pub story: Vec<StoryLine>,
}

/// Runs a scenario with this seed for its numbers alone.
pub fn measure(scenario: &Loaded, seed: u64) -> Summary {
    let plan = &sim::Plan { seed, ..scenario.plan.clone() };
    let finished = sim::run(plan, Metrics::new(plan));
    finished.observer.finish(facts(scenario, finished.end, finished.fingerprint))
}

/// Runs a scenario with its own seed and keeps all that a report tells. `progress` looks on.
pub fn observe(scenario: &Loaded, progress: impl Observer) -> Run {
    let plan = &scenario.plan;
    let rows = (Timeline::new(plan.services.len()), TaskLog::new());
    let pictures = (Lanes::new(plan), Story::new(plan));
    let finished = sim::run(plan, (Metrics::new(plan), (rows, (pictures, progress))));
    let (metrics, ((timeline, tasks), ((lanes, story), _))) = finished.observer;
    let end = finished.end;
    Run {
        summary: metrics.finish(facts(scenario, end, finished.fingerprint)),
        timeline: timeline.finish(end),
        tasks,
        lanes: lanes.finish(end),
        story: story.finish(end),
    }
}

fn facts(scenario: &Loaded, end: crate::kernel::Time, fingerprint: String) -> RunFacts {
    let warnings = scenario.warnings.iter().map(|warning| warning.message().to_owned()).collect();
    RunFacts { digest: scenario.digest.clone(), fingerprint, end, warnings }
}

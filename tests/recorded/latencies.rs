//! How long the phases of a task take, over all recordings together, against what was measured on the real swarm.

use std::collections::BTreeMap;

use rollsim::kernel::{IdVec, Time};
use rollsim::model::TaskId;
use rollsim::model::request::Request;
use rollsim::model::task::{TaskState, TaskState::*};
use rollsim::observe::{AgentEvent, Observer, Record};
use serde_json::Value;

/// Phases whose medians must be met within a fifth, as latencies.json calls them.
const PENDING_TO_ASSIGNED: &str = "m: pending -> assigned (scheduler)";
const ASSIGNED_TO_RECEIVED: &str = "assigned at manager -> received by agent";
const REPORT: &str = "report latency: agent state -> manager commit";
const RUNNING_TO_RECEIVED: &str = "desired RUNNING at manager -> received by agent";
const SHUTDOWN_TO_TERM: &str = "stop: SHUTDOWN received -> TERM sent";
const SHUTDOWN_TO_TERM_NETWORK: &str = "stop: SHUTDOWN received -> TERM sent (overlay network)";

/// Milliseconds of every phase.
pub type Phases = BTreeMap<&'static str, Vec<f64>>;

/// When what was seen first of a task.
#[derive(Clone, Debug, Default)]
struct Seen {
    /// The managers wrote a state.
    written: BTreeMap<TaskState, Time>,
    /// The managers wished for a state.
    desired: BTreeMap<TaskState, Time>,
    received: BTreeMap<TaskState, Time>,
    reported: BTreeMap<TaskState, Time>,
    stop_signal: Option<Time>,
}

/// Measures one simulation.
#[derive(Debug, Default)]
pub struct Meter {
    tasks: IdVec<TaskId, Seen>,
}

impl Meter {
    fn of(&mut self, task: TaskId) -> &mut Seen {
        self.tasks.entry(task, Seen::default())
    }

    /// Adds what was measured. `networked`: whether the tasks are attached to a network.
    pub fn add_to(&self, phases: &mut Phases, networked: bool) {
        let mut add = |phase, from: Option<&Time>, to: Option<&Time>| {
            if let (Some(from), Some(to)) = (from, to) {
                phases.entry(phase).or_default().push((*to - *from).as_nanos() as f64 / 1e6);
            }
        };
        let stop = if networked { SHUTDOWN_TO_TERM_NETWORK } else { SHUTDOWN_TO_TERM };
        for seen in self.tasks.values() {
            add(PENDING_TO_ASSIGNED, seen.written.get(&Pending), seen.written.get(&Assigned));
            add(ASSIGNED_TO_RECEIVED, seen.written.get(&Assigned), seen.received.values().min());
            if seen.desired.len() > 1 {
                add(RUNNING_TO_RECEIVED, seen.desired.get(&Running), seen.received.get(&Running));
            }
            add(stop, seen.received.get(&Shutdown), seen.stop_signal.as_ref());
            for (state, reported) in &seen.reported {
                add(REPORT, Some(reported), seen.written.get(state));
            }
        }
    }
}

impl Observer for Meter {
    fn record(&mut self, now: Time, record: &Record) {
        if let Record::Task(task) = record {
            let seen = self.of(task.task);
            seen.written.entry(task.status.state).or_insert(now);
            seen.desired.entry(task.desired).or_insert(now);
        }
    }

    fn agent(&mut self, now: Time, event: AgentEvent) {
        match event {
            AgentEvent::Received { task, desired } => {
                self.of(task).received.entry(desired).or_insert(now);
            }
            AgentEvent::Reported { task, state } => {
                self.of(task).reported.entry(state).or_insert(now);
            }
            AgentEvent::StopSignal { task } => {
                self.of(task).stop_signal.get_or_insert(now);
            }
        }
    }

    fn request(&mut self, _request: &Request) {}

    fn instant(&mut self, _now: Time, _in_flight: &IdVec<rollsim::model::ServiceId, u32>) {}
}

/// Compares the medians with those that were measured.
///
/// # Errors
/// All that differ by more than a fifth.
pub fn compare(phases: &Phases, measured: &Value) -> Result<(), String> {
    let mut differences = Vec::new();
    for phase in [
        PENDING_TO_ASSIGNED,
        ASSIGNED_TO_RECEIVED,
        REPORT,
        RUNNING_TO_RECEIVED,
        SHUTDOWN_TO_TERM,
        SHUTDOWN_TO_TERM_NETWORK,
    ] {
        let entries = measured["phases"].as_array().into_iter().flatten();
        let median = entries.filter(|entry| entry["phase"] == phase).find_map(|entry| entry["median"].as_f64());
        let median = median.unwrap_or_else(|| panic!("{phase} was not measured"));
        let mut simulated = phases.get(phase).cloned().unwrap_or_default();
        simulated.sort_by(f64::total_cmp);
        match simulated.get(simulated.len() / 2) {
            Some(own) if (own - median).abs() <= median / 5.0 => {}
            own => differences.push(format!("{phase}: measured {median} ms, simulated {own:?} ms")),
        }
    }
    if differences.is_empty() { Ok(()) } else { Err(differences.join("; ")) }
}

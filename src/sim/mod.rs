//! The simulation: the only place where managers, agents and traffic meet.

pub mod plan;

pub use plan::Plan;

use crate::kernel::Time;
use crate::observe::Observer;

/// What a run leaves behind.
#[derive(Debug)]
pub struct Finished<O> {
    /// The observer, with all that it saw.
    pub observer: O,
    /// Last instant of the run.
    pub end: Time,
    /// Hash of all control-plane events of the run (nothing of traffic), as 16 hexadecimal digits.
    pub fingerprint: String,
}

/// Runs the plan to its end.
pub fn run<O: Observer>(plan: &Plan, observer: O) -> Finished<O> {
    let _ = plan;
    Finished { observer, end: Time::ZERO, fingerprint: String::new() }
}

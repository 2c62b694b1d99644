//! Scenarios: from the text that a user writes to the plan of a run.

pub mod docker;
pub mod duration;
pub mod source;
